/* load - the core, loaded at the first libcurl call that begins something, or
 * the first call of the API.
 *
 * Owns:    one reference to the core, never given back, and one to each
 *          libcurl copy that it has seen (so that none goes under it).
 * Threads: any. The first caller loads; one that comes meanwhile waits
 *          LLMOBS_LOAD_WAIT_US, then goes on unobserved.
 *          None loads, or pins a copy, while objects are closed, or opened by
 *          another thread (turn.h): it goes on unobserved, and tries again at
 *          its next call.
 * Errors:  a core that is missing, cannot be loaded, is of another number or
 *          will not work here is given up for good; the app's dlerror text of
 *          this thread is then as if nothing had been tried and no error were
 *          pending.
 * Fork:    a child born while another thread was loading gives up: the
 *          loader's half-done work is not its to finish.
 */
#ifndef LLMOBS_LOAD_H
#define LLMOBS_LOAD_H

#include "shim/copies.h"

/* A slow disk makes loading slow. Who waits in vain is one that holds the
 * loader's lock, in a constructor. */
#define LLMOBS_LOAD_WAIT_US 1000000

/* The slow half of llmobs_load_begin. */
const struct llmobs_ops *llmobs_load(struct llmobs_copy *copy);

/* For the program's own calls of the API: no copy of libcurl need be there.
 * `enable`: what it asks for; NULL: nothing. */
const struct llmobs_ops *llmobs_load_alone(
    const struct llmobs_enable_options *enable);

/* The core's operations if it has been loaded for this copy, else NULL. */
static inline const struct llmobs_ops *llmobs_load_ready(
    const struct llmobs_copy *copy)
{
    return __atomic_load_n(&copy->ops, __ATOMIC_ACQUIRE);
}

/* The same, after loading it where that has not been tried. */
static inline const struct llmobs_ops *llmobs_load_begin(
    struct llmobs_copy *copy)
{
    const struct llmobs_ops *ops = llmobs_load_ready(copy);

    return __builtin_expect(ops != NULL, 1) ? ops : llmobs_load(copy);
}

#endif
