/* fit - decides whether the core's file is whole, and whether the process's
 * limits allow memory for it.
 *
 * Owns:    a static buffer.
 * Threads: only the one that loads the core.
 * Errors:  a file that cannot be understood does not fit.
 * Limits:  LLMOBS_FIT_SEGMENTS segments.
 *
 * The core names no version of a library (scripts/check-imports): a file that
 * is whole can be loaded by every C library, and the try does no harm.
 */
#ifndef LLMOBS_FIT_H
#define LLMOBS_FIT_H

#include <stdbool.h>

#define LLMOBS_FIT_SEGMENTS 16
/* Bytes that the process's limits of memory must leave free, so that the core's
 * memory is not missing to the program. */
#define LLMOBS_FIT_ROOM (32 << 20)

/* NULL if the limits of memory leave enough for the core and the file is whole;
 * else the reason, a constant. */
const char *llmobs_fit(const char *path);

/* True for the one reason that may be gone at the program's next call. */
bool llmobs_fit_passes(const char *why);

#endif
