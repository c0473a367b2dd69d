/* Delivers what other processes left, for `drain` and the relay. */
#include "core/deliver/drain.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "core/deliver/delivery.h"
#include "core/export/peer.h"
#include "lib/base/clock.h"
#include "lib/base/futex.h"
#include "lib/base/stats.h"

/* Of the queue, which gets nothing. */
#define BUFFER 4096
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

static int run(struct llmobs_delivery *delivery, enum llmobs_run how,
               int64_t until_ns)
{
    int rc = llmobs_delivery_run(delivery, how, until_ns);

    (void)delivery->record(delivery->config, false);
    return rc;
}

static void drain(struct llmobs_delivery *delivery, const atomic_bool *stop)
{
    const struct timespec moment = {0, STEP_MS * LLMOBS_NS_PER_MS};
    int failures = 0;

    while (!atomic_load(stop) && failures < TRIES) {
        uint64_t before = llmobs_stats_get(LLMOBS_STAT_delivered);
        int64_t until, due;
        int rc;

        /* A run that ends because its time is up proves neither success nor
         * failure, so another run follows. */
        llmobs_delivery_allow_tries(delivery, true);
        do {
            until = llmobs_futex_deadline(STEP_MS);
            rc = run(delivery, LLMOBS_RUN_ALL, until);
        } while (
            !atomic_load(stop) &&
            (rc == -ETIMEDOUT || (rc == 0 && llmobs_clock_mono_ns() >= until)));
        if (rc == 0)
            return;
        failures =
            llmobs_stats_get(LLMOBS_STAT_delivered) > before ? 0 : failures + 1;
        /* The peer may be tried again when it is due. */
        due = llmobs_delivery_due(delivery);
        until = llmobs_futex_deadline(PAUSE_MS);
        until = due < until ? due : until;
        while (failures < TRIES && !atomic_load(stop) &&
               llmobs_futex_left(until) > 0)
            nanosleep(&moment, NULL);
    }
}

static void relay(struct llmobs_delivery *delivery,
                  const struct llmobs_relay_waits *waits,
                  const atomic_bool *stop)
{
    delivery->waits = (struct llmobs_tick){waits->tick, waits->ctx};
    while (!atomic_load(stop)) {
        int64_t due, until = llmobs_futex_deadline(LOOK_MS);

        delivery->adopted_ns = 0;
        (void)run(delivery, LLMOBS_RUN_DUE, INT64_MAX);
        due = llmobs_delivery_due(delivery);
        waits->wait(waits->ctx, due < until ? due : until);
    }
    delivery->waits.call = NULL;
    delivery->adopted_ns = 0;
    llmobs_delivery_allow_tries(delivery, true);
    (void)llmobs_delivery_run(delivery, LLMOBS_RUN_ALL,
                              llmobs_futex_deadline(LAST_MS));
}

/* Forgets that others found a peer down: it may be back, no program waits while
 * a relay tries, and who types a command wants the delivery tried. */
int llmobs_drain(const struct llmobs_config *config, struct llmobs_adopt *adopt,
                 const struct llmobs_relay_waits *waits,
                 const atomic_bool *stop)
{
    struct llmobs_delivery *delivery = malloc(sizeof(*delivery));

    llmobs_peer_unmark(config, config->agent_url);
    llmobs_peer_unmark(config, config->otlp.signals[LLMOBS_SIGNAL_TRACES].url);
    if (!delivery || !llmobs_delivery_open(delivery, config, BUFFER, adopt)) {
        free(delivery);
        return -ENOMEM;
    }
    delivery->drains = true;
    if (waits)
        relay(delivery, waits, stop);
    else
        drain(delivery, stop);
    llmobs_delivery_save(delivery);
    delivery->close(delivery->config);
    return 0;
}
