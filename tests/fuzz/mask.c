/* A text whose secrets are masked, as an error's and as a body: both end, and
 * a walk goes forward within the text. Of a body that is masked as it lies,
 * what was JSON is JSON, and what is masked stays as it is. */
#include <string.h>

#include "lib/span/links.h"
#include "lib/span/mask.h"
#include "lib/span/secrets.h"
#include "lib/text/json.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(struct llmobs_text text, enum llmobs_mask_kind kind)
{
    struct llmobs_mask_walk walk = {.text = text, .kind = kind};
    size_t before = 0;

    while (llmobs_mask_next(&walk)) {
        FUZZ_CHECK(walk.from >= before && walk.from + walk.len <= text.len);
        before = walk.from + walk.len;
    }
}

static bool is_json(struct llmobs_text text)
{
    struct llmobs_json *json = NULL;
    bool is = llmobs_json_parse(text, &json) == 0;

    llmobs_json_free(json);
    return is;
}

static void mask_in_place(struct llmobs_text in)
{
    char *once = fuzz_copy(in), *twice;
    struct llmobs_text text = {once, in.len};
    bool was = is_json(in);

    llmobs_links_mask(once, in.len, NULL);
    twice = fuzz_copy(text);
    llmobs_links_mask(twice, in.len, NULL);
    FUZZ_CHECK(in.len == 0 || memcmp(once, twice, in.len) == 0);
    llmobs_secrets_mask(once, in.len);
    FUZZ_CHECK(!was || is_json(text));
    free(twice);
    free(once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text in = {(const char *)data, size};
    char *text = fuzz_string(in);
    struct llmobs_buf out;

    llmobs_buf_init(&out, (size_t)1 << 24);
    (void)llmobs_mask_text(text, &out);
    FUZZ_CHECK(!out.data || !memchr(out.data, '\0', out.len));
    llmobs_buf_cut(&out, 0);
    (void)llmobs_mask_body(text, &out);
    for (int kind = LLMOBS_MASK_BODY; kind <= LLMOBS_MASK_BEARER; kind++)
        walk(in, (enum llmobs_mask_kind)kind);
    mask_in_place(in);
    fuzz_work();
    llmobs_buf_fini(&out);
    free(text);
    return 0;
}
