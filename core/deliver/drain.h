/* drain - delivers what other processes have left in their spools, in a process
 * that has nothing else to do: `llmobs drain` and a relay (core/log/adopt.h).
 *
 * Owns:    the delivery, whose events come from the disk alone; borrows the
 *          configuration and the adoption, for ever where the work has begun.
 * Threads: the calling one; another, or a handler of signals, may set `stop`.
 * Errors:  -ENOMEM: nothing was done.
 * Limits:  a drain ends after a few refusals in a row, a relay within a second
 *          of `stop`.
 */
#ifndef LLMOBS_DRAIN_H
#define LLMOBS_DRAIN_H

#include <stdatomic.h>
#include <stdint.h>

#include "core/config/config.h"
#include "core/log/adopt.h"

/* How the caller lets a relay wait. */
struct llmobs_relay_waits {
    /* Returns when the spool has news, at the latest at `until_ns` (monotonic);
     * may return sooner. */
    void (*wait)(void *ctx, int64_t until_ns);
    void (*tick)(void *ctx); /* also called while a request waits */
    void *ctx;
};

/* Delivers until nothing is left, the peer has refused a few times in a row, or
 * `stop` is set. With `waits` it is a relay, and goes on until `stop`: a
 * destination that fails backs off, and its events wait in memory and then on
 * the disk. The spool has all undelivered events again when it returns, and the
 * counts are final. */
int llmobs_drain(const struct llmobs_config *config, struct llmobs_adopt *adopt,
                 const struct llmobs_relay_waits *waits,
                 const atomic_bool *stop);

#endif
