/* receive - reads a child's answer from a pipe.
 *
 * Threads: one.
 * Errors:  -ETIMEDOUT; -EFBIG of the buffer; any of read.
 */
#ifndef LLMOBS_PS_RECEIVE_H
#define LLMOBS_PS_RECEIVE_H

#include <stdint.h>

#include "core/base/buf.h"

/* Appends all that comes, until the other end is closed or `ms` are over. */
int llmobs_ps_receive(int fd, int64_t ms, struct llmobs_buf *text);

#endif
