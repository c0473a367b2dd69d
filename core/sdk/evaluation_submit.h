/* evaluation_submit - sends the program's evaluations to the worker.
 *
 * Owns:    nothing.
 * Threads: init before any other call; submit in any thread.
 * Errors:  -ENOMEM; -E2BIG: beyond DD_LLMOBS_EVENT_SIZE_BYTES; -ENOTCONN:
 *          no worker was set.
 */
#ifndef LLMOBS_EVALUATION_SUBMIT_H
#define LLMOBS_EVALUATION_SUBMIT_H

#include "core/event/evaluation.h"

struct llmobs_worker;

/* Sets the worker that gets evaluations from now on. Borrows both arguments for
 * ever; before this call submit answers -ENOTCONN. */
void llmobs_evaluation_init(const struct llmobs_config *config,
                            struct llmobs_worker *worker);

/* Sends the worker an evaluation that llmobs_evaluation_check has accepted.
 * Copies what it needs, and preserves errno. */
int llmobs_evaluation_submit(const struct llmobs_evaluation *evaluation);

#endif
