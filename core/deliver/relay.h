/* relay - delivers for all processes of a spool, as long as it is told to.
 *
 * Threads: one thread, while no other uses the delivery; `stop` is set by a
 *          signal handler.
 * Errors:  a destination that fails backs off; its events wait in memory within
 *          the delivery's limits, and then on the disk.
 */
#ifndef LLMOBS_RELAY_H
#define LLMOBS_RELAY_H

#include <stdatomic.h>
#include <stdint.h>

#include "core/deliver/delivery.h"

/* How the caller lets the relay wait. */
struct llmobs_relay_waits {
    /* Returns when the spool has news, at `until_ns` (monotonic) at the latest,
     * or sooner. */
    void (*wait)(void *ctx, int64_t until_ns);
    void (*tick)(void *ctx); /* also called while a request waits */
    void *ctx;
};

/* Returns soon after `stop` is set; the disk then has all that is undelivered.
 * Calls `note`, unless it is NULL, after each round. */
void llmobs_relay(struct llmobs_delivery *delivery,
                  int64_t (*note)(const struct llmobs_config *config,
                                  bool rests),
                  const struct llmobs_relay_waits *waits,
                  const atomic_bool *stop);

#endif
