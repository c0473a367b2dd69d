/* base64 - the bytes behind base64 text.
 *
 * Owns:    nothing.
 * Threads: any; no state.
 * Errors:  -EINVAL: no such text; -ENOMEM; -EFBIG beyond the buffer's limit.
 *          What was added before stays.
 * Limits:  the buffer's.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_BASE64_H
#define LLMOBS_BASE64_H

#include "core/base/buf.h"

/* Appends what `text` stands for, with or without the padding at its end. */
int llmobs_base64_decode(struct llmobs_text text, struct llmobs_buf *out);

#endif
