/* messages - the input and the output of a span as lines for a terminal.
 *
 * Threads: any.
 * Errors:  -ENOMEM.
 * Limits:  the lines that fit into the buffer.
 */
#ifndef LLMOBS_MESSAGES_H
#define LLMOBS_MESSAGES_H

#include "lib/text/json.h"

/* Adds the lines, each with its end, to `out`. */
int llmobs_messages_lines(const struct llmobs_json *event,
                          struct llmobs_buf *out);

#endif
