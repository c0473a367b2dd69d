/* worker_case - what the tests of the worker share, whatever its exporters. */
#ifndef LLMOBS_UNIT_WORKER_CASE_H
#define LLMOBS_UNIT_WORKER_CASE_H

#include <stdatomic.h>

#include "core/deliver/worker.h"
#include "lib/base/stats.h"

uint64_t stat_of(enum llmobs_stat stat);

/* captured = delivered + pending + dropped + unconfirmed. */
void worker_case_sum(struct llmobs_worker *worker);

/* A span of this id. Not with Check's own assertions: they take a lock that a
 * forked child may find taken. */
void worker_case_give(struct llmobs_worker *worker, uint64_t id);

/* Until there are as many, and then no more. */
void worker_case_wait(atomic_int *count, int expected);

#endif
