/* base64 - the bytes behind base64 text.
 *
 * Threads: any; no state.
 * Errors:  -EINVAL: the text is not base64; -ENOMEM; -EFBIG beyond the buffer's
 *          limit. The buffer keeps the bytes that came before the error.
 * Limits:  the buffer's.
 */
#ifndef LLMOBS_BASE64_H
#define LLMOBS_BASE64_H

#include "lib/base/buf.h"

/* Appends the bytes that `text` encodes, with or without the padding at its
 * end. */
int llmobs_base64_decode(struct llmobs_text text, struct llmobs_buf *out);

#endif
