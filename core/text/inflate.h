/* inflate - bodies as they were before their content coding.
 *
 * Owns:    nothing beyond the call.
 * Threads: any.
 * Errors:  -ENOTSUP: a coding that is not ours, nothing is added; -EBADMSG:
 *          corrupt, what came before the damage is added (nothing: perhaps
 *          libcurl had undone the coding already); -ENOMEM likewise.
 * Limits:  `max` decoded bytes, also between two codings; as many codings as
 *          LLMOBS_INFLATE_CODINGS_MAX, more are -ENOTSUP; a zstd frame with a
 *          window beyond 8 MiB is -EBADMSG.
 * Fork:    plain memory.
 *
 * Codings are gzip, x-gzip, deflate (in zlib's frame or, as some servers send
 * it, without), br and zstd where the build found their libraries, and
 * identity, in any case, and lists of them, last one undone first (RFC 9110,
 * 8.4). A body of no bytes decodes to none.
 */
#ifndef LLMOBS_INFLATE_H
#define LLMOBS_INFLATE_H

#include "core/text/body.h"

#define LLMOBS_INFLATE_CODINGS_MAX 4

/* Adds the decoded body to the end of `out`, which the caller has initialised.
 * `coding` is the value of Content-Encoding; NULL or empty: identity. An input
 * that ends early and an output that would pass `max` give what there is, and
 * 0; `out` keeps no more than the ends of what it has no room for. `cut` says
 * whether anything is missing at the end. It is true after errors too. */
int llmobs_inflate_body(struct llmobs_text in, const char *coding, size_t max,
                        struct llmobs_body *out, bool *cut);

#endif
