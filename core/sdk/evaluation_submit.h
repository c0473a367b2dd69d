/* evaluation_submit - gives the program's evaluations to the worker.
 *
 * Owns:    nothing.
 * Threads: init before any other call; submit in any thread.
 * Errors:  -ENOMEM; -E2BIG: beyond DD_LLMOBS_EVENT_SIZE_BYTES; -ENOTCONN:
 *          no worker was named.
 */
#ifndef LLMOBS_EVALUATION_SUBMIT_H
#define LLMOBS_EVALUATION_SUBMIT_H

#include "core/event/evaluation.h"

struct llmobs_worker;

/* Names the worker that takes evaluations from now on. Borrows both arguments
 * for ever; before this call submit answers -ENOTCONN. */
void llmobs_evaluation_init(const struct llmobs_config *config,
                            struct llmobs_worker *worker);

/* Gives the worker an evaluation that llmobs_evaluation_check has accepted.
 * Copies the parts that it keeps, and preserves errno. */
int llmobs_evaluation_submit(const struct llmobs_evaluation *evaluation);

#endif
