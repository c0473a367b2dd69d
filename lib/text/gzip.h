/* gzip - compresses a body for a peer that wants it so.
 *
 * Threads: any. Takes 26 KiB of memory while it works.
 * Errors:  -ENOMEM; -EFBIG beyond the output's max.
 *
 * Sources: RFC 1952.
 */
#ifndef LLMOBS_GZIP_H
#define LLMOBS_GZIP_H

#include "lib/base/buf.h"

/* Appends the text, compressed as one gzip member. */
int llmobs_gzip(struct llmobs_text text, struct llmobs_buf *out);

#endif
