/* Remembers the traces of exported spans. */
#include "core/sdk/exported.h"

#include <stdatomic.h>

#include "lib/base/cold.h"

struct place {
    atomic_bool busy; /* a thread reads or writes the rest */
    uint64_t span_id; /* 0: the place is free */
    struct llmobs_id128 trace;
};

LLMOBS_COLD static struct place places[LLMOBS_EXPORTED_MAX];

static struct place *claim_place(uint64_t span_id)
{
    struct place *place = &places[span_id % LLMOBS_EXPORTED_MAX];

    return atomic_exchange_explicit(&place->busy, true, memory_order_acquire)
               ? NULL
               : place;
}

static void release_place(struct place *place)
{
    atomic_store_explicit(&place->busy, false, memory_order_release);
}

void llmobs_exported_add(const struct llmobs_context *context)
{
    const struct llmobs_id128 *apm = &context->apm_trace_id;
    struct place *place;

    if (apm->hi == context->trace_id.hi && apm->lo == context->trace_id.lo)
        return;
    place = claim_place(context->span_id);
    if (!place)
        return;
    place->span_id = context->span_id;
    place->trace = *apm;
    release_place(place);
}

bool llmobs_exported_trace(uint64_t span_id, struct llmobs_id128 *trace)
{
    struct place *place = claim_place(span_id);
    bool found;

    if (!place)
        return false;
    found = place->span_id == span_id && span_id != 0;
    if (found)
        *trace = place->trace;
    release_place(place);
    return found;
}
