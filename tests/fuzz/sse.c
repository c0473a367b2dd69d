/* Server-sent events out of any bytes: every event lies behind the one before,
 * within the input, and there are no more of them than lines. */
#include <stdint.h>

#include "lib/text/sse.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_sse_event event;
    struct llmobs_sse sse;
    size_t end = 0, bytes = 0;

    llmobs_sse_init(&sse, (struct llmobs_text){(const char *)data, size});
    while (llmobs_sse_next(&sse, &event)) {
        FUZZ_CHECK(event.end > end && event.end <= size);
        end = event.end;
        for (size_t i = 0; i < event.data.len; i++)
            FUZZ_CHECK(event.data.data[i] != '\r');
        bytes += event.data.len + event.type.len;
    }
    FUZZ_CHECK(bytes <= size);
    llmobs_sse_fini(&sse);
    return 0;
}
