/* sse - server-sent events out of a complete byte buffer.
 *
 * Owns:    the joined data of the present event, until the next or fini.
 * Threads: one at a time.
 * Errors:  none; the walk ends where memory or work (work.h) runs out.
 * Limits:  the buffer's own length; time is linear in it, and an event of one
 *          data line is not copied.
 *
 * Lines end in LF, CR or CRLF; a blank line ends an event; LF joins data lines;
 * the reader skips comments, id and retry, and drops a byte order mark at the
 * start (WHATWG HTML, 9.2.6). Three points differ from the standard: an event
 * at the end of the buffer counts without its blank line too, so that a stream
 * that was cut keeps all that arrived; and, as servers tell errors so, the
 * field `error` is data of the type "error", and a line that begins with '{'
 * is data, and the end of the event.
 */
#ifndef LLMOBS_SSE_H
#define LLMOBS_SSE_H

#include "lib/base/buf.h"

struct llmobs_sse {
    struct llmobs_text in; /* borrowed until fini */
    size_t at;             /* next byte to read */
    size_t feed, back;     /* where the next of both ends of lines are */
    size_t work;           /* steps that were not counted yet (work.h) */
    bool has_ids; /* an event had an id, from which a reader may go on */
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
