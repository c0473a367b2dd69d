/* websocket_log - what a reader of a websocket says of it, as text.
 *
 *     >1 POST /v1/responses h|>1 = {}|>1 whole|<1 200|<1 = data: {}|...
 *
 * Owns:    nothing.
 * Threads: any.
 * Errors:  those of lib/base/buf.h; the text is then of no use.
 * Limits:  the buffer's cap.
 * Fork:    nothing to do.
 *
 * A recording is that of h2_log.h, of the bytes behind the upgrade.
 */
#ifndef LLMOBS_WEBSOCKET_LOG_H
#define LLMOBS_WEBSOCKET_LOG_H

#include "lib/base/buf.h"

/* Adds the events, with the bytes of a body joined. `extensions`: the server's
 * lines of the upgrade; `most` and `seed` as for h2_log. False: an event came
 * where it may not. */
bool websocket_log(const char *extensions, struct llmobs_text recording,
                   size_t most, uint64_t seed, struct llmobs_buf *out);

#endif
