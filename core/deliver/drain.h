/* drain - delivers the spools of other processes until nothing is left in them.
 *
 * Threads: one thread, while no other uses the delivery.
 * Errors:  a peer that refuses a few times in a row ends the drain; the spool
 *          has all undelivered events again.
 */
#ifndef LLMOBS_DRAIN_H
#define LLMOBS_DRAIN_H

#include <stdatomic.h>
#include <stdint.h>

#include "core/deliver/delivery.h"

/* Returns at the end of the drain, or soon after another thread or a signal
 * handler sets `stop`. Calls `note`, unless it is NULL, after each round. */
void llmobs_drain(struct llmobs_delivery *delivery,
                  int64_t (*note)(const struct llmobs_config *config,
                                  bool rests),
                  const atomic_bool *stop);

#endif
