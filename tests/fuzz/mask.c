/* A text whose secrets are masked, as an error's and as a body: both end, and
 * a walk goes forward within the text. */
#include <string.h>

#include "core/mask.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const char *text, bool bearer)
{
    struct llmobs_mask_walk walk = {.at = 0};
    size_t len, before = 0, all = strlen(text);

    while ((len = llmobs_mask_find(text, bearer, &walk)) > 0) {
        FUZZ_CHECK(walk.at >= before && walk.at + len <= all);
        walk.at += len;
        before = walk.at;
    }
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
    walk(text, false);
    walk(text, true);
    fuzz_work();
    llmobs_buf_fini(&out);
    free(text);
    return 0;
}
