/* worker_wait - how many items wait for the worker, and how long the process's
 * end may wait for the worker.
 *
 * Threads: any.
 * Errors:  none.
 */
#ifndef LLMOBS_WORKER_WAIT_H
#define LLMOBS_WORKER_WAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct llmobs_worker;

/* How long an exit, or a flush without a time of its own, waits at most:
 * LLMOBS_EXIT_FLUSH_MS, else the longest time that an exporter asks for. No
 * exporter gets more than it asks for, and at an exit a store gets less if the
 * spool has all that waits. */
int64_t llmobs_worker_exit_ms(struct llmobs_worker *worker);
int64_t llmobs_worker_flush_ms(struct llmobs_worker *worker);

/* Items that were given and are neither delivered nor dropped yet. Captured
 * items are these and the counters of the other items' fates (stats.h). */
size_t llmobs_worker_pending(struct llmobs_worker *worker);

/* How many calls the disk has that are neither delivered nor left there. The
 * number may be wrong by a few while a thread goes on giving. */
size_t llmobs_worker_kept(void);

/* True where the spool has all that waits. */
bool llmobs_worker_disk_has_all(struct llmobs_worker *worker);

#endif
