/* worker - the one background thread: exchange to span to event to exporter.
 *
 * Owns:    the thread, and its delivery.
 * Threads: any thread submits items, without a lock; the exit handler flushes.
 *          One thread at a time has the worker's turn, and delivers.
 * Errors:  an event that cannot be delivered is counted in stats.h; the app
 *          never hears of it.
 * Limits:  an exit waits for at most `ms`, and for at most a second more where
 *          the store is being written or events are saved. If the exiting
 *          thread itself sends, it waits until the exporter returns; the
 *          exporter's requests have their own time-out.
 * Fork:    the child finds another pid: it abandons the inherited items and the
 *          exporters' connections, and starts its own thread when it first
 *          submits an item.
 *
 * To submit an item starts the thread if it does not run, with the C locale.
 * (With LLMOBS_THREAD=off no thread runs, and a flush delivers everything.) The
 * first delivery of the thread waits a moment: if the process ends meanwhile,
 * the exiting thread delivers, except events for an intake. The thread ends
 * when nothing is left to do; and, where the app wants to be alone
 * (llmobs_thread_rest), once it has sent what is due. It also ends where no
 * thread of the app is left, so that the process ends with the app's last
 * thread: it looks once a second, and often once the first one leaves.
 */
#ifndef LLMOBS_WORKER_H
#define LLMOBS_WORKER_H

#include "core/config/config.h"
#include "core/deliver/queue.h"
#include "core/event/exchange.h"
#include "core/export/exporter.h"
#include "lib/base/stats.h"
#include "lib/span/span.h"

struct llmobs_worker;
struct llmobs_delivery;

/* Gives a worker, not yet running; NULL when memory runs out. Borrows config,
 * which must outlive it; takes the queue and the exporter (or NULL). _open: as
 * the configuration says; it adopts the spools of its user. `bytes`: the limit
 * of its queue. */
struct llmobs_worker *llmobs_worker_new(const struct llmobs_config *config,
                                        struct llmobs_queue *queue,
                                        struct llmobs_exporter *exporter);
struct llmobs_worker *llmobs_worker_open(const struct llmobs_config *config,
                                         size_t bytes);

/* Gives the worker's delivery, which the caller may change before the first
 * item is submitted. */
struct llmobs_delivery *llmobs_worker_delivery(struct llmobs_worker *worker);

/* A request of the program begins, to a model or not. A program that makes a
 * second one gets the thread, for items that wait. Any thread; may change
 * errno. */
void llmobs_worker_count_call(struct llmobs_worker *worker);

/* These four are for the app's threads: without a lock; they preserve errno,
 * and a cancellation of the thread waits until they are done.
 *
 * _find_key is to be called before the account of a call is sealed. From the
 * first call on, the key is the one on the disk. _begin: an exchange begins
 * (LLMOBS_STAGE_START), or its request is about to be sent
 * (LLMOBS_STAGE_BEGIN): writes to the disk what is known of the call by then.
 * _cancel releases the entries if it was no LLM call after all. _end_parents,
 * in a child: takes an exchange of the parent's that the child has completed.
 * The call stays the parent's: its end is only written to the disk. */
void llmobs_worker_find_key(struct llmobs_worker *worker,
                            const struct llmobs_exchange *exchange);
void llmobs_worker_begin(struct llmobs_worker *worker,
                         struct llmobs_exchange *exchange,
                         enum llmobs_stage stage);
void llmobs_worker_cancel(struct llmobs_worker *worker,
                          struct llmobs_exchange *exchange);
void llmobs_worker_end_parents(struct llmobs_worker *worker,
                               struct llmobs_exchange *exchange);

/* Takes a closed exchange or an event, and counts it as captured. Never fails:
 * without room it counts the item as dropped, and frees it. _count_lost: one
 * item is lost before it is submitted. Both preserve errno. */
void llmobs_worker_submit(struct llmobs_worker *worker,
                          struct llmobs_item *item);
void llmobs_worker_count_lost(struct llmobs_worker *worker,
                              enum llmobs_stat why);

/* Copies an encoded event, also to the disk if there is a spool. -ENOMEM: the
 * event is counted as dropped. _submit_span encodes the span for it, and takes
 * all that the span owns, in every case; the caller keeps the struct itself. */
int llmobs_worker_submit_event(struct llmobs_worker *worker,
                               enum llmobs_event_kind kind,
                               struct llmobs_text text);
int llmobs_worker_submit_span(struct llmobs_worker *worker,
                              struct llmobs_span *span);

/* An LLM call begins. If connecting takes long, as to a remote intake, this
 * starts the thread, which connects ahead; otherwise it does nothing. Any
 * thread, without a lock; preserves errno. */
void llmobs_worker_warm(struct llmobs_worker *worker);

/* From here on until resume no thread delivers. A request under way is cut in
 * time. 0 when no thread delivers any more, -ETIMEDOUT after `ms`; the caller
 * resumes in either case. A stop ends all pauses. */
int llmobs_worker_pause(struct llmobs_worker *worker, int64_t ms);
void llmobs_worker_resume(struct llmobs_worker *worker);

/* A pause while the app cleans libcurl up, after which the process may end. The
 * thread first delivers the pending items over the connections that it has
 * opened ahead, within the time that an exit of `ms` would give; all of it ends
 * after `ms`. *tried: the thread had something to deliver. */
int llmobs_worker_flush_and_pause(struct llmobs_worker *worker, int64_t ms,
                                  bool *tried);

/* Ends the thread for good; from here on only an exit or a flush delivers.
 * Takes half a second at most. A process that shares this memory may call it.
 */
void llmobs_worker_end_thread(struct llmobs_worker *worker);

/* Items that were submitted and are neither delivered nor dropped yet. Captured
 * items are these and the counters of the other items' fates (stats.h). */
size_t llmobs_worker_pending(struct llmobs_worker *worker);

/* How long an exit, or a flush without a time of its own, waits at most:
 * LLMOBS_EXIT_FLUSH_MS, else the longest time that an exporter asks for. No
 * exporter gets more than it asks for, and at an exit a store gets less if the
 * spool has all that waits. */
int64_t llmobs_worker_wait_ms(struct llmobs_worker *worker, bool exits);

/* Called first wherever an app's thread submits something to deliver. */
void llmobs_worker_become_active(struct llmobs_worker *worker);

/* True where this process has neither begun nor submitted anything, so that no
 * stop is needed; makes no system call. A span that another exit handler
 * submits later is delivered at once. `at_exit`: the handler that asks, which a
 * child that a later handler of this exit makes registers anew, as the C
 * library runs it only once. */
bool llmobs_worker_end_quietly(struct llmobs_worker *worker,
                               void (*at_exit)(void));

/* Delivers the pending items, due or not, within `ms`. 0: all are delivered;
 * else -ETIMEDOUT. */
int llmobs_worker_flush(struct llmobs_worker *worker, int64_t ms);

/* To be called before the program enters a filter of system calls (seccomp):
 * lets the worker's thread send all items that wait, due or not, for at most
 * `ms`. */
void llmobs_worker_hurry(struct llmobs_worker *worker, int64_t ms);

/* To be called after a rest (llmobs_thread_rest) that is not a fork's: starts a
 * thread for what is left. `confined`: a filter may kill the process for a
 * delivery, and the program need not call a model again: then no thread starts,
 * and an exit leaves all to the spool, until the next item is submitted. */
void llmobs_worker_rested(struct llmobs_worker *worker, bool confined);

/* To be called before the program enters a sandbox: makes the spool hold its
 * file open. Not in a forked child that has not called libcurl: it may be about
 * to execute another program. Preserves errno. */
void llmobs_worker_hold_spool(struct llmobs_worker *worker);

/* Flushes, then stops the thread for good, within `ms` in all. Counts the items
 * that it neither delivered nor left on the disk as dropped_exit, and logs
 * them. For the exit: the worker itself is never freed. Also safe without a
 * thread, and in a forked child. */
void llmobs_worker_stop(struct llmobs_worker *worker, int64_t ms);

#endif
