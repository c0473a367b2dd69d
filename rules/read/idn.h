/* idn - host names in the form that DNS has them, "xn--..." (RFC 3492).
 *
 * Owns:    nothing.
 * Threads: any; no state, no allocation.
 * Errors:  -EINVAL: the name has no such form within the limits; it is left
 *          as it was.
 * Limits:  63 bytes a label, `cap` bytes in all.
 * Fork:    nothing to do.
 *
 * Letters are taken as they stand: only those of ASCII are lower-cased before,
 * by the caller.
 */
#ifndef LLMOBS_IDN_H
#define LLMOBS_IDN_H

#include "core/base/buf.h"

/* Writes the name, a NUL at its end. Labels of ASCII alone, and patterns (a
 * label with '*'), stay as they are. */
int llmobs_idn_encode(struct llmobs_text host, char *out, size_t cap);

#endif
