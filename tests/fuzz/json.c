/* Any bytes as JSON: what is read can be written, and reads back the same. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "core/text/json.h"
#include "core/text/json_clean.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Written, and read again: the same. */
static void check_round(const struct llmobs_json *json, unsigned flags)
{
    char *text = llmobs_json_dumps(json, flags), *again;
    struct llmobs_json *back;

    FUZZ_CHECK(text != NULL);
    FUZZ_CHECK(llmobs_json_parse((struct llmobs_text){text, strlen(text)},
                                 &back) == 0);
    again = llmobs_json_dumps(back, flags);
    FUZZ_CHECK(again && strcmp(text, again) == 0);
    llmobs_json_free(back);
    free(text);
    free(again);
}

static void check_string(struct llmobs_text text)
{
    struct llmobs_json *json = llmobs_json_stringn(text.data, text.len);

    FUZZ_CHECK(json != NULL);
    check_round(json, LLMOBS_JSON_ASCII);
    llmobs_json_free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text text = {(const char *)data, size}, clean;
    struct llmobs_json *json;
    struct llmobs_buf scratch;
    int cleaned = llmobs_json_clean(text, &scratch, &clean);
    int rc = llmobs_json_parse(text, &json);

    FUZZ_CHECK(rc == 0 || rc == -EINVAL || rc == -E2BIG);
    FUZZ_CHECK(rc == cleaned);
    if (rc == 0) {
        FUZZ_CHECK(clean.len <= 6 * size);
        check_round(json, 0);
        check_round(json, LLMOBS_JSON_ASCII);
        check_round(json, LLMOBS_JSON_KEEP_ORDER);
        llmobs_json_free(json);
    }
    llmobs_buf_fini(&scratch);
    check_string(text);
    return 0;
}
