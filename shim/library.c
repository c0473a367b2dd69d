#include "shim/library.h"

static llmobs_servers_core_fn *core;
static bool every; /* the core is to hear of each request */
/* A request has had a caller: before, none hides another one, and the core
 * knows of none that could end. True where it hears of each. */
static bool called_once;

void llmobs_servers_open(llmobs_servers_core_fn *the_core, bool each)
{
    every = each;
    if (each)
        __atomic_store_n(&called_once, true, __ATOMIC_RELAXED);
    __atomic_store_n(&core, the_core, __ATOMIC_RELEASE);
}

static const struct llmobs_ops *get_core(bool load)
{
    llmobs_servers_core_fn *get = __atomic_load_n(&core, __ATOMIC_ACQUIRE);

    return get ? get(load) : NULL;
}

/* The core is loaded by the first request that has a caller, or where each is a
 * span by the first one. */
void llmobs_server_begin(const void *key, uintptr_t mark,
                         const struct llmobs_server_fields *fields)
{
    bool called = fields && !fields->full;
    struct llmobs_served served = {key, mark, called ? fields->list : NULL,
                                   called ? fields->count : 0};
    const struct llmobs_ops *ops;

    if (called)
        __atomic_store_n(&called_once, true, __ATOMIC_RELAXED);
    else if (!__atomic_load_n(&called_once, __ATOMIC_RELAXED))
        return;
    ops = get_core(called || every);
    if (ops)
        ops->serve(&served);
}

void llmobs_server_end(const void *key)
{
    const struct llmobs_ops *ops;

    if (!__atomic_load_n(&called_once, __ATOMIC_RELAXED))
        return;
    ops = get_core(false);
    if (ops)
        ops->unserve(key);
}
