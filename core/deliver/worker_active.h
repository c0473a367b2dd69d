/* worker_active - whether this process has given the worker anything.
 *
 * Owns:    nothing.
 * Threads: any of the app's.
 * Errors:  none.
 */
#ifndef LLMOBS_WORKER_ACTIVE_H
#define LLMOBS_WORKER_ACTIVE_H

#include <stdbool.h>

struct llmobs_worker;

/* Called first wherever an app's thread leaves something to deliver. */
void llmobs_worker_become_active(struct llmobs_worker *worker);

/* True where this process has neither begun nor given anything, so that no stop
 * is needed; makes no system call. A span that another exit handler gives later
 * is delivered at once. */
bool llmobs_worker_end_quietly(struct llmobs_worker *worker);

#endif
