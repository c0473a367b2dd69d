/* worker_thread - the worker's own thread: its start, its rounds, its end.
 *
 * Threads: any.
 */
#ifndef LLMOBS_WORKER_THREAD_H
#define LLMOBS_WORKER_THREAD_H

#include "core/deliver/worker_state.h"

/* Starts the thread unless it runs or ran before, the configuration wants no
 * thread, or the system refused a thread a moment ago. */
void llmobs_worker_start_thread(struct llmobs_worker *worker);

#endif
