/* decimal - numbers as decimals: a double as the shortest one that reads back
 * the same.
 *
 * Threads: any, in any locale.
 * Errors:  read answers -ENOMEM.
 * Limits:  what is written has LLMOBS_DECIMAL_MAX bytes with the NUL.
 */
#ifndef LLMOBS_DECIMAL_H
#define LLMOBS_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"

#define LLMOBS_DECIMAL_MAX 32

/* Writes a finite number, always with a point or an exponent: 0.7, 1.0, 1e+22,
 * 5e-324. Answers its length. */
size_t llmobs_decimal_write(double number, char out[LLMOBS_DECIMAL_MAX]);

/* Writes an integer. Answers its length. */
size_t llmobs_decimal_write_int(int64_t number, char out[LLMOBS_DECIMAL_MAX]);

/* Reads a number of JSON's form, of any length; the caller has checked the
 * form. Gives the nearest double, infinite where the number is beyond all
 * doubles. The bytes of `scratch` are lost. */
int llmobs_decimal_read(struct llmobs_text text, struct llmobs_buf *scratch,
                        double *number);

#endif
