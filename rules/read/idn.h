/* idn - host names in the form that DNS has them, "xn--..." (RFC 3492).
 *
 * Threads: any; no state, no allocation.
 * Errors:  -EINVAL: the name's form is beyond the limits, or it has none.
 * Limits:  63 bytes a label, `cap` bytes in all.
 *
 * ASCII letters are put in lower case, others stay as they are.
 */
#ifndef LLMOBS_IDN_H
#define LLMOBS_IDN_H

#include "lib/base/buf.h"

/* Writes the name and a NUL. Labels of only ASCII, and patterns (a label with
 * '*'), keep their form. */
int llmobs_idn_encode(struct llmobs_text host, char *out, size_t cap);

#endif
