/* Both ways of a connection of HTTP/1.1 (tests/support/http1_log.h), behind
 * eight bytes of chance: however the bytes come, they say the same, and no
 * event comes where it may not. */
#include <stdint.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/support/http1_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct llmobs_buf log_of(struct llmobs_text in, struct http1_cuts cuts)
{
    struct llmobs_buf out;

    llmobs_buf_init(&out, 8 << 20);
    FUZZ_CHECK(http1_log(in, &cuts, &out));
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text in = {(const char *)data, size};
    struct http1_cuts cuts[2] = {{.seed = 0}, {.each = true}};
    struct llmobs_buf whole, cut;

    for (int i = 0; i < 8; i++)
        cuts[0].seed = cuts[0].seed << 8 | fuzz_byte(&in);
    cuts[0].seed |= 1;
    whole = log_of(in, (struct http1_cuts){.each = false});
    for (int i = 0; i < 2; i++) {
        cut = log_of(in, cuts[i]);
        FUZZ_CHECK(cut.len == whole.len &&
                   memcmp(cut.data, whole.data, cut.len) == 0);
        llmobs_buf_fini(&cut);
    }
    llmobs_buf_fini(&whole);
    return 0;
}
