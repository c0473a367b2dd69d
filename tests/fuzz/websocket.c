/* Both ways of a websocket (tests/support/websocket_log.h), behind a byte that
 * says whether it may be compressed, and eight bytes of chance: however the
 * bytes come, they say the same, and no event comes where it may not. */
#include <stdint.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/support/websocket_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t most[] = {0, 1, 200};
    struct llmobs_text in = {(const char *)data, size};
    const char *extensions =
        fuzz_byte(&in) & 1 ? "Sec-WebSocket-Extensions: permessage-deflate\r\n"
                           : "";
    struct llmobs_buf out[3];
    uint64_t seed = 0;

    for (int i = 0; i < 8; i++)
        seed = seed << 8 | fuzz_byte(&in);
    for (int i = 0; i < 3; i++) {
        llmobs_buf_init(&out[i], 8 << 20);
        FUZZ_CHECK(websocket_log(extensions, in, most[i], seed, &out[i]));
        FUZZ_CHECK(out[i].len == out[0].len &&
                   memcmp(out[i].data, out[0].data, out[0].len) == 0);
    }
    for (int i = 0; i < 3; i++)
        llmobs_buf_fini(&out[i]);
    return 0;
}
