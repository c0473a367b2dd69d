/* Event streams: bytes as they come (first byte even), or with the checksums
 * made right, which no change of a byte would find by chance. Both from the
 * start and sought. */
#include <stdint.h>
#include <string.h>

#include "lib/text/eventstream.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/es_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct llmobs_text text, const char *from,
                         const char *to)
{
    FUZZ_CHECK(text.len == 0 ||
               (text.data >= from && text.data + text.len <= to));
}

static void walk(const char *bytes, size_t size, bool seek)
{
    struct llmobs_eventstream_event event;
    struct llmobs_eventstream es;
    size_t end = 0;

    llmobs_eventstream_init(&es, (struct llmobs_text){bytes, size});
    if (seek)
        llmobs_eventstream_seek(&es);
    while (llmobs_eventstream_next(&es, &event)) {
        const char *from = bytes + end, *to = bytes + event.end;

        FUZZ_CHECK(event.end >= end + 16 && event.end <= size);
        check_within(event.message_type, from, to);
        check_within(event.event_type, from, to);
        check_within(event.exception_type, from, to);
        check_within(event.error_code, from, to);
        check_within(event.error_message, from, to);
        check_within(event.payload, from, to);
        end = event.end;
    }
    FUZZ_CHECK(!llmobs_eventstream_next(&es, &event));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy;

    if (size == 0)
        return 0;
    copy = malloc(size); /* one byte less is needed, and none may be none */
    memcpy(copy, data + 1, size - 1);
    if (data[0] % 2)
        es_frame_repair(copy, size - 1);
    walk(copy, size - 1, false);
    walk(copy, size - 1, true);
    free(copy);
    return 0;
}
