/* Blocks of HPACK, each behind two bytes for its length, after two for the
 * table that is allowed: whatever the key of the mask is, they say the same,
 * and the table stays within its bounds. */
#include <stdint.h>
#include <string.h>

#include "lib/text/hpack.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Wants the lines until one without a value. */
static bool on_field(void *user, struct llmobs_text name,
                     struct llmobs_text value)
{
    (void)llmobs_buf_add(user, name.data, name.len);
    (void)llmobs_buf_add(user, value.data, value.len);
    return value.len > 0;
}

static unsigned read_two(struct llmobs_text *in)
{
    unsigned upper = fuzz_byte(in);

    return upper << 8 | fuzz_byte(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t keys[2][2] = {{1, 2}, {UINT64_MAX, 7}};
    struct llmobs_text in = {(const char *)data, size};
    struct llmobs_hpack hpack[2];
    struct llmobs_buf out[2];
    unsigned allowed = read_two(&in) * 2;
    int error = 0;

    for (int i = 0; i < 2; i++) {
        llmobs_hpack_init(&hpack[i], keys[i]);
        llmobs_hpack_allow(&hpack[i], allowed);
        llmobs_buf_init(&out[i], 8 << 20);
    }
    while (in.len > 0 && !error) {
        size_t len = read_two(&in);
        char *block;

        if (len > in.len)
            len = in.len;
        block = fuzz_copy((struct llmobs_text){in.data, len});
        error = llmobs_hpack_read(&hpack[0], (struct llmobs_text){block, len},
                                  on_field, &out[0]);
        FUZZ_CHECK(error == llmobs_hpack_read(&hpack[1],
                                              (struct llmobs_text){block, len},
                                              on_field, &out[1]));
        free(block);
        in.data += len;
        in.len -= len;
        FUZZ_CHECK(error || (hpack[0].size <= hpack[0].max &&
                             hpack[0].texts.bytes.len - hpack[0].texts.gone <=
                                 hpack[0].size));
    }
    FUZZ_CHECK(out[0].len == out[1].len &&
               (!out[0].len || !memcmp(out[0].data, out[1].data, out[0].len)));
    for (int i = 0; i < 2; i++) {
        llmobs_hpack_fini(&hpack[i]);
        llmobs_buf_fini(&out[i]);
    }
    return 0;
}
