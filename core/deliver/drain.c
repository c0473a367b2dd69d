#include "core/deliver/drain.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/futex.h"
#include "lib/base/stats.h"

/* The time between two looks whether to stop; the failures in a row after which
 * a drain gives up; the time between two of them. */
#define STEP_MS 50
#define TRIES 3
#define PAUSE_MS 2000

/* An attempt; 0 where nothing is left to deliver. A run that ends because its
 * time is up proves neither success nor failure, so another run follows. */
static int drain_once(struct llmobs_delivery *delivery,
                      int64_t (*note)(const struct llmobs_config *config,
                                      bool rests),
                      const atomic_bool *stop)
{
    int64_t deadline;
    int rc;

    llmobs_delivery_allow_tries(delivery, true);
    do {
        deadline = llmobs_futex_deadline(STEP_MS);
        rc = llmobs_delivery_run(delivery, LLMOBS_RUN_ALL, deadline);
        if (note)
            note(delivery->config, false);
    } while (
        !atomic_load(stop) &&
        (rc == -ETIMEDOUT || (rc == 0 && llmobs_clock_mono_ns() >= deadline)));
    return rc;
}

/* Waits until the peer may be tried again, for PAUSE_MS at most. */
static void drain_pause(const struct llmobs_delivery *delivery,
                        const atomic_bool *stop)
{
    const struct timespec moment = {0, STEP_MS * LLMOBS_NS_PER_MS};
    int64_t due = llmobs_delivery_due(delivery);
    int64_t until = llmobs_futex_deadline(PAUSE_MS);

    if (due < until)
        until = due;
    while (!atomic_load(stop) && llmobs_futex_left(until) > 0)
        nanosleep(&moment, NULL);
}

void llmobs_drain(struct llmobs_delivery *delivery,
                  int64_t (*note)(const struct llmobs_config *config,
                                  bool rests),
                  const atomic_bool *stop)
{
    int failures = 0;

    delivery->drains = true;
    while (!atomic_load(stop) && failures < TRIES) {
        uint64_t before = llmobs_stats_get(LLMOBS_STAT_delivered);

        if (drain_once(delivery, note, stop) == 0)
            break;
        failures++;
        if (llmobs_stats_get(LLMOBS_STAT_delivered) > before)
            failures = 0;
        if (failures < TRIES)
            drain_pause(delivery, stop);
    }
    llmobs_delivery_save(delivery);
}
