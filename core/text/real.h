/* real - a double as the shortest decimal that reads back the same.
 *
 * Owns:    nothing.
 * Threads: any; the locale has no say.
 * Errors:  none.
 * Limits:  LLMOBS_REAL_MAX bytes with the NUL.
 */
#ifndef LLMOBS_REAL_H
#define LLMOBS_REAL_H

#include <stddef.h>

#define LLMOBS_REAL_MAX 32

/* Writes a finite number, always with a point or an exponent: 0.7, 1.0, 1e+22,
 * 5e-324. Answers its length. */
size_t llmobs_real_write(double number, char out[LLMOBS_REAL_MAX]);

#endif
