#include "core/deliver/relay.h"

#include "lib/base/clock.h"
#include "lib/base/futex.h"

/* The time between two looks for killed processes: they report no end. */
#define LOOK_MS 1000

void llmobs_relay(struct llmobs_delivery *delivery,
                  int64_t (*note)(const struct llmobs_config *config,
                                  bool rests),
                  const struct llmobs_relay_waits *waits,
                  const atomic_bool *stop)
{
    delivery->drains = true;
    delivery->waits = (struct llmobs_tick){waits->tick, waits->ctx};
    while (!atomic_load(stop)) {
        int64_t due, until = llmobs_futex_deadline(LOOK_MS);

        delivery->account.backlog.adopted_ns = 0;
        (void)llmobs_delivery_run(delivery, LLMOBS_RUN_DUE, INT64_MAX);
        if (note)
            (void)note(delivery->config, false);
        due = llmobs_delivery_due(delivery);
        waits->wait(waits->ctx, due < until ? due : until);
    }
    delivery->waits.call = NULL;
    llmobs_delivery_save(delivery);
}
