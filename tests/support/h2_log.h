/* h2_log - what a reader of HTTP/2 says of a connection, as text.
 *
 *     >1 POST /v1 h|>1 = {}|>1 whole|<1 200 a=b|<1 = {}|<1 whole|...
 *
 * Owns:    nothing.
 * Threads: any.
 * Errors:  those of lib/base/buf.h; the text is then of no use.
 * Limits:  the buffer's cap; streams up to H2_LOG_STREAMS.
 * Fork:    nothing to do.
 *
 * A recording is a row of parts, each with two bytes before it: the upper one
 * of these 16 bits is set for what the client received, the others are the
 * part's length; 0xffff: the connection ended.
 */
#ifndef LLMOBS_H2_LOG_H
#define LLMOBS_H2_LOG_H

#include "lib/base/buf.h"

#define H2_LOG_STREAMS 8192

/* Adds the events, with the bytes of a body joined; `most`: the longest piece
 * that the reader is given, of which chance by `seed` makes shorter ones; 0:
 * parts as they are. False: an event came where it may not. */
bool h2_log(struct llmobs_text recording, size_t most, uint64_t seed,
            struct llmobs_buf *out);

#endif
