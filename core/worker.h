/* worker - the one background thread: exchange to span to event to exporter.
 *
 * Owns:    the thread, the buffer and the exporters it was given.
 * Threads: give from any thread, without a lock; flush from the exit handler.
 * Errors:  what cannot be delivered is counted in stats.h, never reported to
 *          the app.
 * Limits:  an exit waits `ms` at most.
 * Fork:    the child finds another pid: it abandons the inherited items and
 *          exporters' connections and starts its own thread at its first give.
 *
 * The thread starts at the first give (not with LLMOBS_THREAD=off: then all is
 * delivered by flush), with all signals blocked, a stack of its own size, the
 * name "llmobs" and the C locale.
 */
#ifndef LLMOBS_WORKER_H
#define LLMOBS_WORKER_H

#include "core/buffer.h"
#include "core/config.h"
#include "core/exporter.h"
#include "core/span.h"

struct llmobs_worker;

/* Gives a worker, not yet running; NULL without memory. Borrows config, which
 * must outlive it; takes the buffer and the exporter. */
struct llmobs_worker *llmobs_worker_new(const struct llmobs_config *config,
                                        struct llmobs_buffer *buffer,
                                        struct llmobs_exporter *exporter);

/* Takes an exchange (a closed one) or a span; counts it as captured. Never
 * fails; what does not fit is counted as dropped and freed. Preserves errno.
 * _give_span takes what the span owns, in every case; the struct itself stays
 * the caller's. */
void llmobs_worker_give(struct llmobs_worker *worker, struct llmobs_item *item);
int llmobs_worker_give_span(struct llmobs_worker *worker,
                            const struct llmobs_span *span);

/* Given and neither delivered nor dropped yet; with the counters of stats.h it
 * makes the sum complete. */
size_t llmobs_worker_pending(struct llmobs_worker *worker);

/* Delivers what is pending, waiting at most `ms`; 0 when all is delivered,
 * -ETIMEDOUT otherwise. */
int llmobs_worker_flush(struct llmobs_worker *worker, int64_t ms);

/* Flushes as flush does, then stops the thread for good (bounded by `ms` in
 * all); what is left is counted as dropped_exit and logged. Used at exit; the
 * worker itself is never freed. Safe when there is no thread, and in a forked
 * child. */
void llmobs_worker_stop(struct llmobs_worker *worker, int64_t ms);

#endif
