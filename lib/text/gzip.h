/* gzip - compresses a body for a peer that wants it so.
 *
 * Threads: any.
 * Errors:  -ENOMEM; -EFBIG beyond the output's max.
 *
 * One block with DEFLATE's fixed codes, and matches from a table of recent
 * positions. zlib's own compressor would make the library bigger by more than
 * all that it knows of OTLP.
 *
 * Sources: RFC 1951, RFC 1952.
 */
#ifndef LLMOBS_GZIP_H
#define LLMOBS_GZIP_H

#include "lib/base/buf.h"

/* Appends the text, compressed as one gzip member. */
int llmobs_gzip(struct llmobs_text text, struct llmobs_buf *out);

#endif
