/* encode - a span as the JSON text that Datadog's intake takes.
 *
 * Threads: any; _call: the thread that has the worker's turn (work.h).
 * Errors:  -ENOMEM; -ETIMEDOUT: the time for the work is over (work.h).
 * Limits:  each value has its own limit (limits.h). A span beyond `event_max`
 *          loses input and output, then metadata and definitions of tools, then
 *          the length of its texts; it is never refused.
 * Source:  WIRE 1 and 2.4.
 */
#ifndef LLMOBS_ENCODE_H
#define LLMOBS_ENCODE_H

#include "core/config/config.h"
#include "lib/span/span.h"

/* Appends the text of an event, and frees the event; a NULL event is -ENOMEM.
 * -E2BIG when the text reaches the limit. */
int llmobs_encode_dump(struct llmobs_json *event,
                       const struct llmobs_config *config,
                       struct llmobs_buf *buf);

/* Appends the event object (no envelope, no line end) to `buf`, on error
 * nothing. Keys are sorted, and all is ASCII. Writes proxied spans in workflow
 * form (WIRE 4.2). Does not limit its work, because the app itself made the
 * span. */
int llmobs_encode_span(const struct llmobs_span *span,
                       const struct llmobs_config *config,
                       struct llmobs_buf *buf);

/* Like llmobs_encode_span, for a call. The peer made its texts: so this leaves
 * out what would take more work than a body may, and writes nothing once the
 * time is over. */
int llmobs_encode_call(const struct llmobs_span *span,
                       const struct llmobs_config *config,
                       struct llmobs_buf *buf);

#endif
