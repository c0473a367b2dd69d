/* Records who makes a call: caller, parent span and account. */
#include "core/capture/call_origin.h"

#include <stdlib.h>
#include <string.h>

#include "core/event/tags.h"
#include "core/sdk/thread_state.h"
#include "core/sdk/own_span.h"
#include "core/trace/caller.h"
#include "core/trace/carrier.h"
#include "core/trace/propagate.h"
#include "lib/base/network.h"
#include "lib/span/account.h"

/* Set once before any handle exists, constant afterwards. */
static const struct llmobs_config *config;

void llmobs_call_origin_init(const struct llmobs_config *the_config)
{
    config = the_config;
    llmobs_script_frames_init(config->home);
}

size_t llmobs_call_origin_body_max(void)
{
    if (config->privacy.content == LLMOBS_CONTENT_OFF &&
        config->capture_max > 2 * LLMOBS_BODY_EDGE)
        return 2 * (size_t)LLMOBS_BODY_EDGE;
    return (size_t)config->capture_max;
}

/* Names the caller now, so that the first entry of the call has it. Without
 * memory the span names no caller. `saved`: the script, where it may not be
 * known now; or NULL. */
static void name_caller(struct llmobs_exchange *exchange, uintptr_t entry,
                        const struct llmobs_script_frames *saved)
{
    struct llmobs_callsite *callsite;

    if (config->callsite == LLMOBS_CALLSITE_OFF)
        return;
    callsite = malloc(sizeof(*callsite));
    if (!callsite)
        return;
    llmobs_callsite_here(callsite,
                         config->callsite == LLMOBS_CALLSITE_ADDRESS
                             ? LLMOBS_CALLSITE_NEAR
                             : LLMOBS_CALLSITE_STACK,
                         entry);
    callsite->frames = config->callsite;
    if (llmobs_config_names_callers(config))
        llmobs_callsite_read_script(&callsite->script);
    if (saved)
        llmobs_ruby_frames_restore(saved, &callsite->script);
    llmobs_caller_read(callsite, &exchange->caller, &exchange->caller_unnamed);
    llmobs_callsite_free(callsite);
}

/* The parent is, in this order: the program's own span, the context in the
 * headers that the program sends, the context of the request that it serves.
 * The headers are not read yet: llmobs_call_origin_continue reads that
 * context later. */
static void find_parent(struct llmobs_call_origin *origin,
                        struct llmobs_context *context)
{
    struct llmobs_carrier room;
    const struct llmobs_carrier *now = llmobs_own_span_carrier(&room);

    if (now->baggage && llmobs_carrier_is_trusted(config, now))
        origin->baggage = strdup(now->baggage);
    origin->from_span =
        origin->found_at_add
            ? origin->span && !llmobs_own_span_child(origin->span, context)
            : llmobs_own_span_child_of_current(context);
    if (!origin->baggage && origin->from_span && context->experiment[0])
        origin->baggage = strdup(context->experiment);
    origin->from_stranger = now->stranger;
    if (!origin->from_span)
        origin->from_carrier =
            llmobs_context_from_carrier(context, config, now);
}

struct llmobs_exchange *llmobs_call_origin_new_exchange(
    struct llmobs_call_origin *origin, uintptr_t called_from,
    const struct llmobs_script_frames *saved)
{
    struct llmobs_exchange *exchange =
        llmobs_exchange_new(llmobs_call_origin_body_max());

    if (!exchange)
        return NULL;
    exchange->whole = config->record_dir != NULL;
    exchange->tags = llmobs_tags_mode(config);
    name_caller(exchange, called_from, saved);
    exchange->annotations = origin->found_at_add
                                ? origin->annotations
                                : llmobs_annotation_context_pack();
    origin->annotations = NULL;
    find_parent(origin, &exchange->context);
    if (origin->from_span)
        exchange->annotations = llmobs_own_span_pack_prompt(
            origin->found_at_add ? origin->span : llmobs_thread_state_top(),
            exchange->annotations);
    return exchange;
}

void llmobs_call_origin_save_script(struct llmobs_handle *handle)
{
    if (llmobs_config_names_callers(config))
        llmobs_ruby_frames_save(&handle->script);
}

bool llmobs_call_origin_open(struct llmobs_handle *handle)
{
    handle->origin.exchange = llmobs_call_origin_new_exchange(
        &handle->origin, handle->called_from, handle->script);
    if (!handle->origin.exchange)
        return false;
    handle->called_from = 0;
    return true;
}

uint64_t llmobs_call_origin_read_head(const struct curl_slist *lines,
                                      const char *url,
                                      struct llmobs_exchange *exchange)
{
    uint64_t account = llmobs_account_url(0, url), key = 0;

    for (const struct curl_slist *h = lines; h; h = h->next) {
        const char *colon = h->data ? strchr(h->data, ':') : NULL;

        if (!colon)
            continue;
        llmobs_headers_add(&exchange->request_headers, h->data,
                           (size_t)(colon - h->data));
        if (config->request_tags != LLMOBS_REQUEST_TAGS_OFF)
            llmobs_headers_add_tag(&exchange->request_headers, h->data,
                                   (size_t)(colon - h->data));
        account =
            llmobs_account_header(account, h->data, (size_t)(colon - h->data));
        if (config->observe_key && !key)
            key = llmobs_account_key(h->data, (size_t)(colon - h->data));
    }
    if (config->observe_key && !key)
        key = llmobs_account_url_key(url);
    if (key)
        exchange->key = key;
    return account;
}

static bool forwards_strangers(const struct curl_slist *lines)
{
#define NAME(with, id, text) text with,
    static const char *const names[] = {LLMOBS_NETWORK_HEADERS(NAME, ":")};
#undef NAME

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (llmobs_network_public_forwarded(
                llmobs_lines_value(lines, names[i])))
            return true;
    return false;
}

void llmobs_call_origin_scan(const struct llmobs_call_origin *origin,
                             const struct curl_slist *lines, const char *url,
                             struct llmobs_own_headers *own,
                             struct llmobs_inject_plan *plan)
{
    bool forwards = forwards_strangers(lines);

    llmobs_inject_scan(lines, url, own);
    own->carrier.stranger = origin->from_stranger || forwards;
    plan->config = config;
    plan->own = own;
    plan->url = url;
    if (!forwards || llmobs_carrier_is_trusted(config, &own->carrier))
        plan->baggage = origin->baggage;
}

/* True where the context is now that of the program's own headers. */
static bool continue_own(const struct llmobs_own_headers *own, bool from_span,
                         struct llmobs_context *context)
{
    struct llmobs_context *continued;
    bool found;

    if (from_span || !own->names)
        return false;
    continued = malloc(sizeof(*continued));
    found = continued &&
            llmobs_context_from_carrier(continued, config, &own->carrier);
    if (found) {
        continued->span_id = context->span_id;
        if (!continued->experiment[0])
            memcpy(continued->experiment, context->experiment,
                   sizeof(continued->experiment));
        *context = *continued;
    }
    free(continued);
    return found;
}

void llmobs_call_origin_continue(struct llmobs_inject_plan *plan,
                                 bool from_span,
                                 struct llmobs_exchange *exchange)
{
    const struct llmobs_carrier *own = &plan->own->carrier;
    struct llmobs_context *context = &exchange->context;

    exchange->own_trace = own->x_datadog_trace_id || own->traceparent ||
                          own->b3 || own->x_b3_traceid;
    plan->continued = continue_own(plan->own, from_span, context);
    plan->sender = llmobs_propagate_span(context);
    if (plan->continued)
        plan->sender.apm_span_id = context->apm_parent_id;
}
