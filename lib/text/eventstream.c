/* Parses AWS event stream frames, and checks their sums. */
#include "lib/text/eventstream.h"

#include <stdint.h>
#include <string.h>
#include <zlib.h>

#define PRELUDE 12 /* total length, headers' length, their checksum */
#define TRAILER 4  /* checksum of all bytes before it */

/* The type of a header's value; only TYPE_STRING is of use here. */
enum type {
    TYPE_TRUE,
    TYPE_FALSE,
    TYPE_BYTE,
    TYPE_INT16,
    TYPE_INT32,
    TYPE_INT64,
    TYPE_BYTES,
    TYPE_STRING,
    TYPE_TIMESTAMP,
    TYPE_UUID
};

struct frame {
    struct llmobs_text headers;
    struct llmobs_text payload;
    size_t len;
};

static uint32_t big_endian(const char *data, size_t len)
{
    uint32_t number = 0;

    while (len-- > 0)
        number = number << 8 | (unsigned char)*data++;
    return number;
}

static bool has_checksum(const char *data, size_t len)
{
    return crc32(0, (const Bytef *)data, (uInt)len) ==
           big_endian(data + len, 4);
}

/* True when, by its prelude, a whole frame begins at `at`. */
static bool read_prelude(struct llmobs_text in, size_t at, struct frame *frame)
{
    size_t left = in.len - at;
    const char *data;
    size_t headers;

    if (left < PRELUDE + TRAILER)
        return false;
    data = in.data + at;
    frame->len = big_endian(data, 4);
    headers = big_endian(data + 4, 4);
    if (frame->len < PRELUDE + TRAILER ||
        frame->len > LLMOBS_EVENTSTREAM_FRAME_MAX || frame->len > left ||
        headers > frame->len - PRELUDE - TRAILER || !has_checksum(data, 8))
        return false;
    frame->headers = (struct llmobs_text){data + PRELUDE, headers};
    frame->payload = (struct llmobs_text){
        data + PRELUDE + headers, frame->len - PRELUDE - TRAILER - headers};
    return true;
}

/* Takes `len` bytes off the front; false when `from` has fewer. */
static bool read_bytes(struct llmobs_text *from, size_t len,
                       struct llmobs_text *out)
{
    if (from->len < len)
        return false;
    *out = (struct llmobs_text){from->data, len};
    from->data += len;
    from->len -= len;
    return true;
}

static bool read_number(struct llmobs_text *from, size_t len, size_t *out)
{
    struct llmobs_text bytes;

    if (!read_bytes(from, len, &bytes))
        return false;
    *out = big_endian(bytes.data, len);
    return true;
}

/* The length of a value of this type: fixed, or in front of the value. */
static bool read_length(struct llmobs_text *from, size_t type, size_t *out)
{
    static const unsigned char fixed[] = {
        [TYPE_TRUE] = 0,  [TYPE_FALSE] = 0,  [TYPE_BYTE] = 1,
        [TYPE_INT16] = 2, [TYPE_INT32] = 4,  [TYPE_INT64] = 8,
        [TYPE_BYTES] = 0, [TYPE_STRING] = 0, [TYPE_TIMESTAMP] = 8,
        [TYPE_UUID] = 16,
    };

    if (type >= sizeof(fixed))
        return false;
    if (type == TYPE_BYTES || type == TYPE_STRING)
        return read_number(from, 2, out);
    *out = fixed[type];
    return true;
}

static bool read_header(struct llmobs_text *from, struct llmobs_text *name,
                        size_t *type, struct llmobs_text *value)
{
    size_t len;

    return read_number(from, 1, &len) && read_bytes(from, len, name) &&
           read_number(from, 1, type) && read_length(from, *type, &len) &&
           read_bytes(from, len, value);
}

void llmobs_eventstream_init(struct llmobs_eventstream *es,
                             struct llmobs_text in)
{
    es->in = in;
    es->at = 0;
}

void llmobs_eventstream_seek(struct llmobs_eventstream *es)
{
    struct frame frame;

    while (es->at < es->in.len && !read_prelude(es->in, es->at, &frame))
        es->at++;
}

bool llmobs_eventstream_next(struct llmobs_eventstream *es,
                             struct llmobs_eventstream_event *event)
{
    struct llmobs_text name, value;
    struct frame frame;
    size_t type;

    if (!read_prelude(es->in, es->at, &frame) ||
        !has_checksum(es->in.data + es->at, frame.len - TRAILER)) {
        es->at = es->in.len;
        return false;
    }
    memset(event, 0, sizeof(*event));
    while (read_header(&frame.headers, &name, &type, &value)) {
        if (type != TYPE_STRING)
            continue;
        if (llmobs_text_is(name, ":message-type"))
            event->message_type = value;
        else if (llmobs_text_is(name, ":event-type"))
            event->event_type = value;
        else if (llmobs_text_is(name, ":exception-type"))
            event->exception_type = value;
        else if (llmobs_text_is(name, ":error-code"))
            event->error_code = value;
        else if (llmobs_text_is(name, ":error-message"))
            event->error_message = value;
    }
    es->at += frame.len;
    event->payload = frame.payload;
    event->end = es->at;
    return true;
}

void llmobs_eventstream_seal(char *frame, size_t len)
{
    size_t end = len - TRAILER;
    uint32_t sum = (uint32_t)crc32(0, (const Bytef *)frame, (uInt)end);

    for (size_t i = 0; i < TRAILER; i++)
        frame[end + i] = (char)(sum >> (24 - 8 * i));
}
