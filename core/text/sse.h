/* sse - server-sent events out of a complete byte buffer.
 *
 * Owns:    the joined data of the present event, until the next or fini.
 * Threads: one at a time.
 * Errors:  none but memory or the end of work (work.h), which end the walk.
 * Limits:  the buffer's own length; time is linear in it, and an event of one
 *          data line is not copied.
 *
 * Lines end in LF, CR or CRLF; a blank line dispatches; data lines are joined
 * by LF; comments, id and retry are skipped; a byte order mark at the start is
 * dropped; an event without its blank line at the end of the buffer is given
 * too (WHATWG HTML, 9.2.6, but for that last point: a stream that was cut keeps
 * what arrived).
 */
#ifndef LLMOBS_SSE_H
#define LLMOBS_SSE_H

#include "core/base/buf.h"

struct llmobs_sse {
    struct llmobs_text in; /* borrowed until fini */
    size_t at;             /* next byte to read */
    struct llmobs_buf joined;
};

struct llmobs_sse_event {
    struct llmobs_text type; /* the event field; empty: "message" */
    struct llmobs_text data; /* joined data lines; may be empty */
    size_t end;              /* offset just behind the event in the input */
};

void llmobs_sse_init(struct llmobs_sse *sse, struct llmobs_text in);
void llmobs_sse_fini(struct llmobs_sse *sse);

/* The next event that has a data line; false at the end. The event borrows
 * until the next call. */
bool llmobs_sse_next(struct llmobs_sse *sse, struct llmobs_sse_event *event);

#endif
