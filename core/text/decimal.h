/* decimal - a double as the shortest decimal that reads back the same.
 *
 * Threads: any, in any locale.
 * Limits:  LLMOBS_DECIMAL_MAX bytes with the NUL.
 */
#ifndef LLMOBS_DECIMAL_H
#define LLMOBS_DECIMAL_H

#include <stddef.h>

#define LLMOBS_DECIMAL_MAX 32

/* Writes a finite number, always with a point or an exponent: 0.7, 1.0, 1e+22,
 * 5e-324. Answers its length. */
size_t llmobs_decimal_write(double number, char out[LLMOBS_DECIMAL_MAX]);

#endif
