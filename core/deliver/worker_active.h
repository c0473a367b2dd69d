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

/* Each call by an app's thread that leaves something to deliver begins with
 * this. */
void llmobs_worker_become_active(struct llmobs_worker *worker);

/* True where this process has begun and given nothing, so that there is nothing
 * to stop; makes no system call. A span that another exit handler gives later
 * is delivered at once. */
bool llmobs_worker_end_quietly(struct llmobs_worker *worker);

#endif
