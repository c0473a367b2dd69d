/* worker_fake - a worker whose only exporter is a fake one. */
#ifndef LLMOBS_UNIT_WORKER_FAKE_H
#define LLMOBS_UNIT_WORKER_FAKE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/export/exporter.h"
#include "tests/unit/unit.h"
#include "tests/unit/worker_case.h"

/* An exporter that fails as told and counts what it took. */
enum fault { FAULT_NONE, FAULT_ALWAYS, FAULT_RANDOM, FAULT_SLOW, FAULT_STUCK };

struct fake {
    struct llmobs_exporter base;
    atomic_int fault;
    atomic_int taken;
    atomic_int sends;
    atomic_int most; /* events in a send */
    atomic_int forgotten;
    atomic_int refused;
    atomic_int malformed;
    pthread_t caller;
    unsigned seed;
};

extern struct fake fake;
extern struct llmobs_worker *worker;
extern struct llmobs_config *fake_config; /* the worker's */

/* A new worker, with a thread or without, and so many bytes for its buffer. */
void fake_begin(bool thread, size_t bytes_max);

/* Another worker with the same configuration, and an exporter that it takes. */
void fake_replace(struct llmobs_exporter *exporter, size_t bytes_max);

void fake_give(int count);

/* Nothing is missing, and what came was well formed. */
void fake_check_sum(void);

#endif
