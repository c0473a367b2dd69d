/* evaluation_submit - evaluations on their way to the worker.
 *
 * Owns:    nothing.
 * Threads: init before any other call; submit in any thread.
 * Errors:  -ENOMEM; -E2BIG: beyond DD_LLMOBS_EVENT_SIZE_BYTES; -ENOTCONN:
 *          nobody delivers.
 */
#ifndef LLMOBS_EVALUATION_SUBMIT_H
#define LLMOBS_EVALUATION_SUBMIT_H

#include "core/event/evaluation.h"

struct llmobs_worker;

/* Names the worker that takes evaluations from now on. Borrows both for ever;
 * before this call submit answers -ENOTCONN. */
void llmobs_evaluation_init(const struct llmobs_config *config,
                            struct llmobs_worker *worker);

/* Hands over one that check has passed. Copies what it keeps. Preserves errno.
 */
int llmobs_evaluation_submit(const struct llmobs_evaluation *evaluation);

#endif
