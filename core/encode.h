/* encode - a span as the JSON text that Datadog's intake takes.
 *
 * Threads: any. Errors: -ENOMEM; -E2BIG when the event stays beyond
 * `event_max` with everything droppable dropped. Source: llmobs-wire sections
 * 1 and 2.4.
 */
#ifndef LLMOBS_ENCODE_H
#define LLMOBS_ENCODE_H

#include "core/config.h"
#include "core/span.h"

/* Appends the event object (no envelope, no line end) to `buf`, on error
 * nothing. Proxied spans
 * are written in workflow form (llmobs-wire 4.2). Keys sorted, ASCII only. */
int llmobs_encode_span(const struct llmobs_span *span,
                       const struct llmobs_config *config,
                       struct llmobs_buf *buf);

#endif
