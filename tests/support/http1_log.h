/* http1_log - what a reader of HTTP/1.1 says of a connection, as text.
 *
 *     >0 POST /v1 h 1.1 length 2|>0 = {}|>0 whole|<0 200 1.1 chunked|...
 *
 * Owns:    nothing.
 * Threads: any.
 * Errors:  those of lib/base/buf.h; the text is then of no use.
 * Limits:  the buffer's cap.
 * Fork:    nothing to do.
 *
 * The bytes of a connection are in parts, each behind one byte that says whose
 * they are, or that the client's are not given (SKIPPED); nothing stands behind
 * CLOSED and LOST.
 */
#ifndef LLMOBS_HTTP1_LOG_H
#define LLMOBS_HTTP1_LOG_H

#include "lib/base/buf.h"

#define HTTP1_SENT "\1"
#define HTTP1_RECEIVED "\2"
#define HTTP1_CLOSED "\3"
#define HTTP1_LOST "\4"
#define HTTP1_SKIPPED "\5"

/* Where the parts are cut, beside their ends. */
struct http1_cuts {
    size_t at[2];  /* offsets; 0: none */
    uint64_t seed; /* 0: none; else further cuts by chance */
    bool each;     /* behind each byte */
};

/* Adds the events, with the bytes of a body joined. False: one came where it
 * may not. */
bool http1_log(struct llmobs_text in, const struct http1_cuts *cuts,
               struct llmobs_buf *out);

#endif
