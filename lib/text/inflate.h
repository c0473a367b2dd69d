/* inflate - undoes the content coding of a body.
 *
 * Threads: any.
 * Errors:  -ENOTSUP: an unknown coding, and no byte is added; -EBADMSG: the
 *          body is corrupt, and the bytes before the damage are added (no byte
 *          at all may mean that libcurl has undone the coding); -ENOMEM: as for
 *          -EBADMSG.
 * Limits:  `max` decoded bytes, also between two codings; at most
 *          LLMOBS_INFLATE_CODINGS_MAX codings, else -ENOTSUP; a zstd frame with
 *          a window beyond 8 MiB is -EBADMSG (RFC 9659). br takes up to 16 MiB
 *          of memory, zstd up to 8 MiB.
 *
 * The codings are gzip, x-gzip, deflate (in zlib's format, or raw as some
 * servers send it), br and zstd where the build found their libraries, and
 * identity, in upper or lower case. Of a list of codings the last one is undone
 * first (RFC 9110, 8.4). An empty body decodes to an empty one.
 */
#ifndef LLMOBS_INFLATE_H
#define LLMOBS_INFLATE_H

#include "lib/text/body.h"

#define LLMOBS_INFLATE_CODINGS_MAX 4

/* Adds the decoded body to the end of `out`, which the caller has initialised.
 * `coding` is the value of Content-Encoding; NULL or empty: identity. An input
 * that ends early or an output that would pass `max` is no error: the bytes up
 * to there are added. Where `out` has no room for all, it keeps both ends.
 * `cut` is true when bytes are missing at the end, and after each error. */
int llmobs_inflate_body(struct llmobs_text in, const char *coding, size_t max,
                        struct llmobs_body *out, bool *cut);

/* True where the body is still compressed. It may not be, although the header
 * names a coding, where libcurl has undone that coding. */
bool llmobs_inflate_is_coded(struct llmobs_text body, const char *coding);

#endif
