/* load - loads the core at the first libcurl call that begins something, or at
 * the first call of the API.
 *
 * Owns:    one reference to the core, for good, and one to each libcurl copy
 *          that the core has seen, so that none is unloaded while the core uses
 *          it.
 * Threads: any. The first caller loads; another one waits at most
 *          LLMOBS_LOAD_WAIT_US meanwhile, then continues unobserved. While an
 *          object is closed, or another thread opens one (turn.h), no thread
 *          loads the core or pins a copy: it continues unobserved, and tries
 *          again at its next call.
 * Errors:  the shim gives up for good where the core is missing, cannot be
 *          loaded, has another interface number or refuses to work. This
 *          thread's dlerror text is empty then.
 * Fork:    a child that is born while another thread loads gives up, since it
 *          cannot finish the loader's half-done work.
 */
#ifndef LLMOBS_LOAD_H
#define LLMOBS_LOAD_H

#include "shim/copies.h"

/* Long enough for a slow disk. A wait can only fail in a constructor, where the
 * waiting thread holds the loader's lock. */
#define LLMOBS_LOAD_WAIT_US 1000000

/* If no descriptor is free, the load is tried again at the program's next
 * calls, when it may have closed some: at most this many times. */
#define LLMOBS_LOAD_TRIES 16

/* Called when the program ends. Logs why the core was not loaded, if the log
 * could not be written then, and which calls a wrapper may have hidden. */
void llmobs_load_report(void);

/* The slow half of llmobs_load_begin. */
const struct llmobs_ops *llmobs_load(struct llmobs_copy *copy);

/* For the program's own calls of the API, which need no copy of libcurl.
 * `enable`: the program's options; NULL: it has not called llmobs_enable. */
const struct llmobs_ops *llmobs_load_without_copy(
    const struct llmobs_enable_options *enable);

/* The core's operations if it has been loaded at all, else NULL. */
const struct llmobs_ops *llmobs_load_core(void);

/* The core's operations if it has been loaded for this copy, else NULL. */
static inline const struct llmobs_ops *llmobs_load_ready(
    const struct llmobs_copy *copy)
{
    return __atomic_load_n(&copy->ops, __ATOMIC_ACQUIRE);
}

/* As llmobs_load_ready, but first loads the core if nobody has tried. */
static inline const struct llmobs_ops *llmobs_load_begin(
    struct llmobs_copy *copy)
{
    const struct llmobs_ops *ops = llmobs_load_ready(copy);

    return __builtin_expect(ops != NULL, 1) ? ops : llmobs_load(copy);
}

#endif
