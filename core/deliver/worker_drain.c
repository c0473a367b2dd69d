/* The worker of the tool, which delivers for other processes on its own thread.
 */
#include <errno.h>
#include <time.h>

#include "core/deliver/worker_state.h"
#include "lib/base/clock.h"
#include "lib/base/futex.h"
#include "lib/base/stats.h"

/* For a drain: the time between two looks whether to stop; the number of
 * failures in a row after which it gives up; the time between two failures. */
#define STEP_MS 50
#define TRIES 3
#define PAUSE_MS 2000
/* For a relay: the time between two looks for killed processes, which do not
 * report their end. */
#define LOOK_MS 1000
/* The last delivery of a relay that is told to end, as with the service in
 * which its last client ran. */
#define LAST_MS 400

static void record(struct llmobs_worker *worker)
{
    if (worker->record)
        (void)worker->record(worker->config, false);
}

static void begin(struct llmobs_worker *worker)
{
    llmobs_worker_check_fork(worker);
    worker->delivery.drains = true;
}

static void end(struct llmobs_worker *worker)
{
    llmobs_delivery_save(&worker->delivery);
    if (worker->close)
        worker->close(worker->config);
}

/* An attempt; 0 where nothing is left to deliver. A run that ends because its
 * time is up proves neither success nor failure, so another run follows. */
static int drain_once(struct llmobs_worker *worker, const atomic_bool *stop)
{
    int64_t deadline;
    int rc;

    llmobs_delivery_allow_tries(&worker->delivery, true);
    do {
        deadline = llmobs_futex_deadline(STEP_MS);
        rc = llmobs_delivery_run(&worker->delivery, LLMOBS_RUN_ALL, deadline);
        record(worker);
    } while (
        !atomic_load(stop) &&
        (rc == -ETIMEDOUT || (rc == 0 && llmobs_clock_mono_ns() >= deadline)));
    return rc;
}

void llmobs_worker_drain(struct llmobs_worker *worker, const atomic_bool *stop)
{
    int failures = 0;

    begin(worker);
    while (!atomic_load(stop) && failures < TRIES) {
        uint64_t before = llmobs_stats_get(LLMOBS_STAT_delivered);

        if (drain_once(worker, stop) == 0)
            break;
        failures++;
        if (llmobs_stats_get(LLMOBS_STAT_delivered) > before)
            failures = 0;
        if (failures < TRIES) {
            const struct timespec moment = {0, STEP_MS * LLMOBS_NS_PER_MS};
            int64_t due = llmobs_delivery_due(&worker->delivery);
            int64_t until = llmobs_futex_deadline(PAUSE_MS);

            /* The peer may be tried again then. */
            if (due < until)
                until = due;
            while (!atomic_load(stop) && llmobs_futex_left(until) > 0)
                nanosleep(&moment, NULL);
        }
    }
    end(worker);
}

void llmobs_worker_relay(struct llmobs_worker *worker,
                         const struct llmobs_relay_waits *waits,
                         const atomic_bool *stop)
{
    struct llmobs_delivery *delivery = &worker->delivery;

    begin(worker);
    delivery->waits = (struct llmobs_tick){waits->tick, waits->ctx};
    while (!atomic_load(stop)) {
        int64_t due, until = llmobs_futex_deadline(LOOK_MS);

        delivery->adopted_ns = 0;
        (void)llmobs_delivery_run(delivery, LLMOBS_RUN_DUE, INT64_MAX);
        record(worker);
        due = llmobs_delivery_due(delivery);
        waits->wait(waits->ctx, due < until ? due : until);
    }
    delivery->waits.call = NULL;
    delivery->adopted_ns = 0;
    llmobs_delivery_allow_tries(delivery, true);
    (void)llmobs_delivery_run(delivery, LLMOBS_RUN_ALL,
                              llmobs_futex_deadline(LAST_MS));
    end(worker);
}
