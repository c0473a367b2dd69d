/* eventstream - reads the frames of AWS's event stream in a complete byte
 * buffer.
 *
 * Owns:    nothing; events borrow from the input. There is no fini.
 * Threads: one at a time.
 * Errors:  none: the walk ends at the first frame that is cut, has an
 *          impossible length or does not match its checksums; the events before
 *          it stay valid.
 * Limits:  LLMOBS_EVENTSTREAM_FRAME_MAX bytes a frame; time is linear in the
 *          input.
 *
 * application/vnd.amazon.eventstream, WIRE 6.9: a prelude of total
 * length, headers' length and checksum, then headers, payload and a checksum
 * of all before it.
 */
#ifndef LLMOBS_EVENTSTREAM_H
#define LLMOBS_EVENTSTREAM_H

#include "lib/base/buf.h"

#define LLMOBS_EVENTSTREAM_FRAME_MAX ((size_t)16 << 20)

struct llmobs_eventstream {
    struct llmobs_text in; /* borrowed */
    size_t at;             /* next byte to read */
};

/* A text is empty (len 0) where the frame lacks the header, or has it in
 * another type than string. A malformed header ends the list: the headers
 * before it hold. */
struct llmobs_eventstream_event {
    struct llmobs_text message_type; /* "event", "exception", "error" */
    struct llmobs_text event_type;
    struct llmobs_text exception_type;
    struct llmobs_text error_code;
    struct llmobs_text error_message;
    struct llmobs_text payload;
    size_t end; /* offset just behind the frame in the input */
};

void llmobs_eventstream_init(struct llmobs_eventstream *es,
                             struct llmobs_text in);

/* For input that may begin inside a frame (the tail of a truncated body): moves
 * on to the first whole frame, which its prelude shows; to the end where no
 * whole frame follows. */
void llmobs_eventstream_seek(struct llmobs_eventstream *es);

/* The next frame; false at the end. */
bool llmobs_eventstream_next(struct llmobs_eventstream *es,
                             struct llmobs_eventstream_event *event);

/* Sets the last checksum of a whole frame anew, after its payload was masked.
 */
void llmobs_eventstream_seal(char *frame, size_t len);

#endif
