/* to_span - makes the span of an exchange that has ended.
 *
 * The rules read the bodies, then this module adds the transport's own facts:
 * status, ids, times and tags (WIRE 8.2, 8.3).
 *
 * Owns:    nothing; the caller owns the span.
 * Threads: the thread that has the worker's turn (work.h).
 */
#ifndef LLMOBS_TO_SPAN_H
#define LLMOBS_TO_SPAN_H

#include "core/event/exchange.h"
#include "lib/span/span.h"

/* Initialises `span`, and fills it. If a body takes too much work (work.h),
 * only its two ends are read, as if it were too long. -ENOENT: the
 * exchange was no LLM call after all (an unconfirmed candidate); -ETIMEDOUT:
 * the time is over, and the span can be made another time; -ENOMEM. Where the
 * exchange lends, it must outlive the span. */
int llmobs_exchange_to_span(struct llmobs_exchange *exchange,
                            struct llmobs_span *span);

#endif
