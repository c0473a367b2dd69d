#include "core/sdk/exported.h"

#include <stdatomic.h>

#include "lib/base/cold.h"

struct place {
    atomic_bool taken; /* a thread reads or writes the rest */
    uint64_t span_id;  /* 0: the place is free */
    struct llmobs_id128 trace;
};

LLMOBS_COLD static struct place places[LLMOBS_EXPORTED_MAX];

static struct place *exported_take(uint64_t span_id)
{
    struct place *place = &places[span_id % LLMOBS_EXPORTED_MAX];

    return atomic_exchange_explicit(&place->taken, true, memory_order_acquire)
               ? NULL
               : place;
}

static void exported_leave(struct place *place)
{
    atomic_store_explicit(&place->taken, false, memory_order_release);
}

void llmobs_exported_note(const struct llmobs_context *context)
{
    const struct llmobs_id128 *apm = &context->apm_trace_id;
    struct place *place;

    if (apm->hi == context->trace_id.hi && apm->lo == context->trace_id.lo)
        return;
    place = exported_take(context->span_id);
    if (!place)
        return;
    place->span_id = context->span_id;
    place->trace = *apm;
    exported_leave(place);
}

bool llmobs_exported_trace(uint64_t span_id, struct llmobs_id128 *trace)
{
    struct place *place = exported_take(span_id);
    bool found;

    if (!place)
        return false;
    found = place->span_id == span_id && span_id != 0;
    if (found)
        *trace = place->trace;
    exported_leave(place);
    return found;
}
