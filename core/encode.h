/* encode - a span or an evaluation as the JSON text that Datadog's intake
 * takes.
 *
 * Threads: any; _call: whoever holds the worker's gate (work.h).
 * Errors:  -ENOMEM; -E2BIG when the event stays beyond `event_max` with
 *          everything droppable dropped: of an evaluation nothing is;
 *          -ETIMEDOUT: nobody waits for it any more (work.h).
 * Source: llmobs-wire sections 1, 2.4 and 2.7.
 */
#ifndef LLMOBS_ENCODE_H
#define LLMOBS_ENCODE_H

#include "core/config.h"
#include "core/evaluation.h"
#include "core/span.h"

/* Appends the text of an event, which it takes; NULL: there was no memory.
 * -E2BIG when it reaches the limit. */
int llmobs_encode_dump(struct llmobs_json *event,
                       const struct llmobs_config *config,
                       struct llmobs_buf *buf);

/* Appends the event object (no envelope, no line end) to `buf`, on error
 * nothing. Proxied spans are written in workflow form (llmobs-wire 4.2). Keys
 * sorted, ASCII only. It takes the work that the span needs: the app made it.
 */
int llmobs_encode_span(const struct llmobs_span *span,
                       const struct llmobs_config *config,
                       struct llmobs_buf *buf);

/* Likewise, of a call, whose peer made it: what would take more work than a
 * body may is left out, and nothing is written once the time is over. */
int llmobs_encode_call(const struct llmobs_span *span,
                       const struct llmobs_config *config,
                       struct llmobs_buf *buf);

/* Appends the metric object of an evaluation that its check has passed,
 * likewise. */
int llmobs_encode_evaluation(const struct llmobs_evaluation *evaluation,
                             const struct llmobs_config *config,
                             struct llmobs_buf *buf);

#endif
