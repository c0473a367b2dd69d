#include "shim/library.h"

#include "shim/host.h"
#include "shim/load.h"

/* The core knows of a request. Before, no request can hide another one, and no
 * end of a request matters to the core. */
static bool heard_once;

static const struct llmobs_ops *core(bool load)
{
    if (llmobs_host_state() != LLMOBS_HOST_ON)
        return NULL;
    return load ? llmobs_load_alone(NULL) : llmobs_load_core();
}

/* The core is loaded by the first request that has a caller, or where each is a
 * span by the first one. */
void llmobs_server_begin(const void *key, uintptr_t mark,
                         const struct llmobs_server_fields *fields)
{
    bool called = fields && !fields->full;
    struct llmobs_served served = {key, mark, called ? fields->list : NULL,
                                   called ? fields->count : 0};
    bool hears = called || llmobs_host_entry();
    const struct llmobs_ops *ops;

    if (hears)
        __atomic_store_n(&heard_once, true, __ATOMIC_RELAXED);
    else if (!__atomic_load_n(&heard_once, __ATOMIC_RELAXED))
        return;
    ops = core(hears);
    if (ops)
        ops->serve(&served);
}

void llmobs_server_end(const void *key)
{
    const struct llmobs_ops *ops;

    if (!__atomic_load_n(&heard_once, __ATOMIC_RELAXED))
        return;
    ops = core(false);
    if (ops)
        ops->unserve(key);
}
