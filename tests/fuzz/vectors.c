/* A body whose vectors are blanked as it lies: JSON stays JSON, the length
 * stays, no byte becomes anything but a blank, and what is blanked once stays
 * as it is. So do the bytes of a body that may begin anywhere. */
#include <string.h>

#include "lib/span/vectors.h"
#include "lib/text/json.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_json(struct llmobs_text text)
{
    struct llmobs_json *json = NULL;
    bool is = llmobs_json_parse(text, &json) == 0;

    llmobs_json_free(json);
    return is;
}

static void check_bytes(struct llmobs_text was, const char *now)
{
    for (size_t i = 0; i < was.len; i++)
        FUZZ_CHECK(now[i] == was.data[i] || now[i] == ' ');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text in = {(const char *)data, size};
    char *whole = fuzz_copy(in), *again, *tail = fuzz_copy(in);

    llmobs_vectors_mask(whole, in.len, true);
    check_bytes(in, whole);
    FUZZ_CHECK(!is_json(in) || is_json((struct llmobs_text){whole, in.len}));
    again = fuzz_copy((struct llmobs_text){whole, in.len});
    llmobs_vectors_mask(again, in.len, true);
    FUZZ_CHECK(!is_json(in) || in.len == 0 ||
               memcmp(again, whole, in.len) == 0);
    llmobs_vectors_mask(tail, in.len, false);
    check_bytes(in, tail);
    fuzz_work();
    free(tail);
    free(again);
    free(whole);
    return 0;
}
