/* spark - numbers as a line of small bars, one character each.
 *
 * Threads: any.
 * Errors:  -ENOMEM of the buffer.
 *
 * A bar stands on 0, and the highest one is as high as the line. An unknown
 * number is a blank: a gap, and no 0.
 */
#ifndef LLMOBS_SPARK_H
#define LLMOBS_SPARK_H

#include "lib/base/buf.h"

/* Adds a bar for each number; a number below 0 is unknown. `ascii`: only
 * characters of ASCII. */
int llmobs_spark_add(struct llmobs_buf *out, const double *numbers,
                     size_t count, bool ascii);

#endif
