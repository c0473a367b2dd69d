#include "core/capture/ours.h"

#include <string.h>

#include "core/sdk/annotation_pack.h"
#include "core/sdk/own_span.h"
#include "core/trace/carrier.h"
#include "lib/base/hazard.h"

/* Set once before any handle exists, constant afterwards. */
static const struct llmobs_config *config;

void llmobs_ours_init(const struct llmobs_config *the_config)
{
    config = the_config;
}

size_t llmobs_ours_body_max(void)
{
    if (config->privacy.content == LLMOBS_CONTENT_OFF &&
        config->capture_max > 2 * LLMOBS_BODY_EDGE)
        return LLMOBS_HAZARD(bodies_without_content,
                             2 * (size_t)LLMOBS_BODY_EDGE,
                             (size_t)config->capture_max);
    return (size_t)config->capture_max;
}

/* NULL without memory: the span then names no caller. */
static struct llmobs_callsite *take_callsite(uintptr_t entry)
{
    struct llmobs_callsite *callsite;

    if (config->callsite == LLMOBS_CALLSITE_OFF)
        return NULL;
    callsite = llmobs_callsite_take(config->callsite == LLMOBS_CALLSITE_ADDRESS
                                        ? LLMOBS_CALLSITE_NEAR
                                        : LLMOBS_CALLSITE_STACK,
                                    entry);
    if (callsite)
        callsite->frames = config->callsite;
    return callsite;
}

/* The parent is, in this order: the program's own span, the context in the
 * headers that the program sends, the context of the request that it serves.
 * libcurl has not read the headers yet: `continue_own` takes that context
 * later. */
static void take_parent(struct llmobs_origin *origin,
                        struct llmobs_context *context)
{
    struct llmobs_carrier room;
    const struct llmobs_carrier *now = llmobs_own_span_carrier(&room);

    if (now->baggage &&
        LLMOBS_HAZARD(baggage_of_strangers,
                      llmobs_carrier_is_trusted(config, now), true))
        origin->baggage = strdup(now->baggage);
    origin->from_span =
        origin->taken_at_add
            ? origin->span && !llmobs_own_span_child(origin->span, context)
            : llmobs_own_span_child_of_current(context);
    origin->from_stranger = now->stranger;
    if (!origin->from_span)
        origin->from_carrier =
            llmobs_context_from_carrier(context, config, now);
}

bool llmobs_ours_take(struct llmobs_handle *handle)
{
    struct llmobs_origin *origin = &handle->origin;
    struct llmobs_exchange *exchange =
        llmobs_exchange_new(llmobs_ours_body_max());

    if (!exchange)
        return false;
    exchange->whole = config->record_dir != NULL;
    exchange->callsite = take_callsite(handle->called_from);
    handle->called_from = 0;
    exchange->annotations =
        origin->taken_at_add ? origin->annotations : llmobs_annotation_pack();
    origin->annotations = NULL;
    take_parent(origin, &exchange->context);
    origin->exchange = exchange;
    return true;
}

struct llmobs_exchange *llmobs_ours_make(struct llmobs_handle *handle)
{
    struct llmobs_exchange *exchange;

    llmobs_handle_drop_origin(handle);
    if (!llmobs_ours_take(handle))
        return NULL;
    exchange = handle->origin.exchange;
    handle->origin.exchange = NULL;
    llmobs_handle_drop_origin(handle);
    return exchange;
}
