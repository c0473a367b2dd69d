/* encode - a span or an evaluation as the JSON text that Datadog's intake
 * takes.
 *
 * Threads: any; _call: the thread that holds the worker's gate (work.h).
 * Errors:  -ENOMEM; -E2BIG when the event stays beyond `event_max` after
 *          everything that may be dropped was dropped (of an evaluation nothing
 *          may); -ETIMEDOUT: nobody waits for it any more (work.h).
 * Source: WIRE 1, 2.4 and 2.7.
 */
#ifndef LLMOBS_ENCODE_H
#define LLMOBS_ENCODE_H

#include "core/config/config.h"
#include "core/span/span.h"

/* Appends the text of an event, which it takes; NULL: there was no memory.
 * -E2BIG when it reaches the limit. */
int llmobs_encode_dump(struct llmobs_json *event,
                       const struct llmobs_config *config,
                       struct llmobs_buf *buf);

/* Appends the event object (no envelope, no line end) to `buf`, on error
 * nothing. Proxied spans are written in workflow form (WIRE 4.2). Keys
 * sorted, ASCII only. Takes whatever work the span needs: the app made it. */
int llmobs_encode_span(const struct llmobs_span *span,
                       const struct llmobs_config *config,
                       struct llmobs_buf *buf);

/* The same for a call, whose texts its peer made: leaves out all that would
 * take more work than a body may, and writes nothing once the time is over. */
int llmobs_encode_call(const struct llmobs_span *span,
                       const struct llmobs_config *config,
                       struct llmobs_buf *buf);

#endif
