/* worker - the one background thread: exchange to span to event to exporter.
 *
 * Owns:    the thread, the buffer and the exporters it was given.
 * Threads: give from any thread, without a lock; flush from the exit handler.
 * Errors:  what cannot be delivered is counted in stats.h, never reported to
 *          the app.
 * Limits:  an exit waits `ms` at most, and for an exporter that it calls itself
 *          as long as that one takes, whose requests end in time.
 * Fork:    the child finds another pid: it abandons the inherited items and
 *          exporters' connections and starts its own thread at its first give.
 *
 * The thread starts at the first give (not with LLMOBS_THREAD=off: then all is
 * delivered by flush), with all signals blocked, a stack of its own size, the
 * name "llmobs" and the C locale. Its first delivery waits a moment: a process
 * that ends within it delivers on the thread that exits, unless it is to an
 * intake. It looks each second whether any thread of the app is left, and ends
 * otherwise, so that the process ends with its last thread.
 */
#ifndef LLMOBS_WORKER_H
#define LLMOBS_WORKER_H

#include <stdatomic.h>

#include "core/config/config.h"
#include "core/event/buffer.h"
#include "core/export/exporter.h"
#include "core/span/span.h"
#include "core/spool/adopt.h"

struct llmobs_worker;

/* Called after each round of the thread, or of a drain; answers the ms after
 * which it wants to be called again, -1: after the next one. */
typedef int64_t llmobs_worker_note_fn(const struct llmobs_config *config);

/* Called under the gate, by whoever has it, between two requests. */
typedef void llmobs_worker_settled_fn(const struct llmobs_config *config);

/* Called last in each stop, when all is accounted for. */
typedef void llmobs_worker_close_fn(const struct llmobs_config *config);

/* Gives a worker, not yet running; NULL without memory. Borrows config, which
 * must outlive it; takes the buffer and the exporter. */
struct llmobs_worker *llmobs_worker_new(const struct llmobs_config *config,
                                        struct llmobs_buffer *buffer,
                                        struct llmobs_exporter *exporter);

/* Gives a worker with the exporters that the configuration names
 * (LLMOBS_EXPORTER); NULL without memory. Takes the buffer. */
struct llmobs_worker *llmobs_worker_open(const struct llmobs_config *config,
                                         struct llmobs_buffer *buffer);

/* Gives a worker with the same exporters for llmobs_worker_drain; NULL without
 * memory. Borrows the adoption for ever. */
struct llmobs_worker *llmobs_worker_drainer(const struct llmobs_config *config,
                                            struct llmobs_adopt *adopt);

/* Delivers what there is to adopt, on the calling thread, until nothing more is
 * there, the peer has refused a few times in a row, or `stop` is set by
 * another thread or a signal. What it could not deliver is back in the spool
 * then, and the books are closed: once for a worker. */
void llmobs_worker_drain(struct llmobs_worker *worker, const atomic_bool *stop);

/* Before the first give. _add takes another exporter on success: each has its
 * own progress; -ENOSPC. _rescue takes the one that gets at the end what no
 * remote exporter would have. */
int llmobs_worker_add(struct llmobs_worker *worker,
                      struct llmobs_exporter *exporter);
void llmobs_worker_rescue(struct llmobs_worker *worker,
                          struct llmobs_exporter *exporter);

/* Before the first give: what the disk keeps, and takes over from others
 * (spool.h, adopt.h). Borrows both for ever; either may be NULL. */
void llmobs_worker_keep(struct llmobs_worker *worker,
                        struct llmobs_spool *spool, struct llmobs_adopt *adopt);

/* A request of the program begins, ours or not: a program that goes on gets the
 * thread for what waits. Any thread; may change errno. */
void llmobs_worker_call(struct llmobs_worker *worker);

/* An exchange begins, and its request is about to be made: the disk keeps what
 * is known of it, and `cancel` lets go of that where it was no call after all.
 * Any thread, without a lock; preserve errno. */
void llmobs_worker_start(struct llmobs_worker *worker,
                         struct llmobs_exchange *exchange);
void llmobs_worker_begin(struct llmobs_worker *worker,
                         struct llmobs_exchange *exchange);
void llmobs_worker_cancel(struct llmobs_worker *worker,
                          struct llmobs_exchange *exchange);

/* Before the first give: who keeps the books (ledger.h). */
void llmobs_worker_note(struct llmobs_worker *worker,
                        llmobs_worker_note_fn *note,
                        llmobs_worker_settled_fn *settled,
                        llmobs_worker_close_fn *close);

/* Takes an exchange (a closed one), a span or an event; counts it as captured.
 * Never fails; what does not fit is counted as dropped and freed. Preserves
 * errno.
 * _give_span takes what the span owns, in every case; the struct itself stays
 * the caller's. */
void llmobs_worker_give(struct llmobs_worker *worker, struct llmobs_item *item);
/* Counts one as dropped for which there was no memory. errno stays. */
void llmobs_worker_lose(struct llmobs_worker *worker);
int llmobs_worker_give_span(struct llmobs_worker *worker,
                            struct llmobs_span *span);

/* Takes an encoded event, of which it keeps a copy, on the disk too, where
 * there is a spool. -ENOMEM: it is counted as dropped. */
int llmobs_worker_give_event(struct llmobs_worker *worker,
                             enum llmobs_event_kind kind,
                             struct llmobs_text text);

/* An LLM call begins: starts the thread and connects ahead where that takes
 * long (a remote intake), else does nothing. Any thread, without a lock;
 * preserves errno. */
void llmobs_worker_warm(struct llmobs_worker *worker);

/* Makes events of what was given, on this thread, unless the worker is about
 * it, and stores those that stay on this host: what they tell of may be
 * unloaded next. No network; at most `ms`. */
void llmobs_worker_prepare(struct llmobs_worker *worker, int64_t ms);

/* Keeps the worker out of its exporters until resume; a request under way is
 * cut so that it ends in time. 0 when nobody is in one any more, -ETIMEDOUT
 * after `ms`; resume in either case. A stop ends all pauses. */
int llmobs_worker_pause(struct llmobs_worker *worker, int64_t ms);
void llmobs_worker_resume(struct llmobs_worker *worker);

/* A pause at the end of libcurl, which may be that of the process: the thread
 * first delivers what is pending over the connections that it has opened ahead,
 * and has for it what an exit of `ms` would give. All of it ends with the `ms`.
 * True in `tried` where there was something to deliver. */
int llmobs_worker_retreat(struct llmobs_worker *worker, int64_t ms,
                          bool *tried);

/* How long an exit waits at most: LLMOBS_EXIT_FLUSH_MS, else the longest that
 * one of the exporters asks for. Each gets its own time only. */
int64_t llmobs_worker_exit_ms(struct llmobs_worker *worker);

/* Given and neither delivered nor dropped yet; with the counters of stats.h it
 * makes the sum complete. */
size_t llmobs_worker_pending(struct llmobs_worker *worker);

/* Delivers what is pending, due or not, waiting at most `ms`; 0 when all is
 * delivered, -ETIMEDOUT otherwise. */
int llmobs_worker_flush(struct llmobs_worker *worker, int64_t ms);

/* Flushes as flush does, then stops the thread for good (bounded by `ms` in
 * all); what is left is counted as dropped_exit and logged. Used at exit; the
 * worker itself is never freed. Safe when there is no thread, and in a forked
 * child. */
void llmobs_worker_stop(struct llmobs_worker *worker, int64_t ms);

/* True where this process has begun and given nothing: then there is nothing to
 * stop. It makes no system call to find out. A span that another exit handler
 * gives later is delivered there and then. */
bool llmobs_worker_end_quietly(struct llmobs_worker *worker);

#endif
