/* capture_settle - what libcurl reads as it makes the request, read with it:
 * the middle of capture.h. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/capture_inner.h"
#include "core/reach.h"

/* The context that the app sends itself is the parent, where there is no span
 * of the program's. The call keeps the id by which the disk knows it. */
static bool continue_own(const struct llmobs_own *own, bool from_span,
                         struct llmobs_context *context)
{
    struct llmobs_context *continued;
    bool found;

    if (from_span || !own->names)
        return false;
    continued = malloc(sizeof(*continued));
    found = continued && llmobs_context_from_carrier(
                             continued, llmobs_capture_config(), &own->carrier);
    if (found) {
        continued->span_id = context->span_id;
        *context = *continued;
    }
    free(continued);
    return found;
}

static bool put_headers(struct llmobs_handle *handle, CURL *curl,
                        const struct llmobs_inject_plan *plan)
{
    if (!handle->inject)
        handle->inject = malloc(sizeof(*handle->inject));
    if (!handle->inject || !llmobs_inject_fill(handle->inject, plan))
        return false;
    handle->injected =
        handle->real->easy_setopt(
            curl, CURLOPT_HTTPHEADER,
            llmobs_inject_link(handle->inject, handle->headers)) == CURLE_OK;
    return handle->injected;
}

/* A request to a proxy without a span of its own: it carries the process's
 * context on, unless it has one. */
static void pass_on(struct llmobs_handle *handle, CURL *curl,
                    const struct llmobs_context *context)
{
    const struct llmobs_origin *origin = &handle->origin;
    struct llmobs_own own;
    struct llmobs_inject_plan plan = {
        .config = llmobs_capture_config(),
        .own = &own,
        .url = origin->url,
        .baggage = origin->baggage,
        .sender = {context, context->apm_parent_id, context->parent_id}};

    if (!origin->from_span && !(origin->carried && context->apm_parent_id))
        return;
    llmobs_inject_scan(handle->headers, origin->url, &own);
    (void)put_headers(handle, curl, &plan);
}

static void keep_request(const struct llmobs_handle *handle,
                         struct llmobs_exchange *exchange)
{
    exchange->unsent = false;
    llmobs_capture_set_method(exchange, handle);
    for (const struct curl_slist *h = handle->headers; h; h = h->next) {
        if (h->data)
            llmobs_headers_keep(&exchange->request_headers, h->data,
                                strlen(h->data));
    }
    llmobs_exchange_rewind(exchange, 0);
    llmobs_handle_copy_body(handle, &exchange->request);
}

/* A program that sends on what it was sent. */
static bool forwards_strangers(const struct llmobs_handle *handle)
{
    static const char *const names[] = {
        "x-forwarded-for:", "forwarded:", "x-real-ip:"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (llmobs_reach_public_forwarded(
                llmobs_handle_header(handle, names[i])))
            return true;
    return false;
}

static void send_context(struct llmobs_handle *handle, CURL *curl,
                         struct llmobs_exchange *exchange)
{
    const struct llmobs_origin *origin = &handle->origin;
    struct llmobs_context *context = &exchange->context;
    struct llmobs_own own;
    struct llmobs_inject_plan plan = {.config = llmobs_capture_config(),
                                      .own = &own,
                                      .url = origin->url,
                                      .baggage = origin->baggage};

    llmobs_inject_scan(handle->headers, origin->url, &own);
    own.carrier.stranger = origin->stranger || forwards_strangers(handle);
    plan.continued = continue_own(&own, origin->from_span, context);
    plan.sender = llmobs_propagate_span(context);
    if (plan.continued)
        plan.sender.apm_span_id = context->apm_parent_id;
    if (llmobs_capture_wants_headers(handle, &exchange->match))
        (void)put_headers(handle, curl, &plan);
}

/* A body of ours speaks for or against a call; without one, method and URL do,
 * and where they can't, the disk has to know of it all the same: it counts. */
static void keep_start(const struct llmobs_handle *handle,
                       struct llmobs_exchange *exchange)
{
    struct llmobs_text body = handle->has_copy
                                  ? llmobs_handle_body(handle)
                                  : llmobs_body_head(&exchange->request);

    exchange->stands = body.len > 0 ? llmobs_rules_seems(&exchange->match, body)
                                    : llmobs_rules_stands(&exchange->match);
    if (body.len == 0 || exchange->stands)
        llmobs_worker_start(llmobs_capture_worker(), exchange);
}

void llmobs_capture_keep_start(struct llmobs_handle *handle)
{
    llmobs_handle_lock(handle);
    if (handle->exchange)
        keep_start(handle, handle->exchange);
    llmobs_handle_unlock(handle);
}

/* False: it was no call after all. The gate is held. */
static bool settle_call(struct llmobs_handle *handle, CURL *curl,
                        struct llmobs_match *match)
{
    struct llmobs_exchange *exchange = handle->exchange;

    if (!llmobs_capture_matches(handle, handle->origin.url, match)) {
        llmobs_worker_cancel(llmobs_capture_worker(), exchange);
        return false;
    }
    exchange->match = *match;
    keep_request(handle, exchange);
    send_context(handle, curl, exchange);
    llmobs_worker_begin(llmobs_capture_worker(), exchange);
    return true;
}

static void settle(struct llmobs_handle *handle, CURL *curl)
{
    struct llmobs_origin *origin = &handle->origin;
    struct llmobs_match match = {0};
    bool ours = false;

    llmobs_handle_lock(handle);
    if (handle->exchange) {
        ours = settle_call(handle, curl, &match);
        if (!ours) {
            origin->exchange = handle->exchange;
            handle->exchange = NULL;
        }
    } else if (origin->exchange) {
        (void)llmobs_capture_matches(handle, origin->url, &match);
    }
    llmobs_handle_unlock(handle);
    llmobs_capture_tell(llmobs_handle_method(handle), origin->url, &match,
                        ours);
    if (ours)
        llmobs_worker_warm(llmobs_capture_worker());
    else
        handle->capturing = false;
    if (origin->exchange && llmobs_capture_may_pass(handle) && match.inject &&
        llmobs_capture_wants_headers(handle, &match))
        pass_on(handle, curl, &origin->exchange->context);
}

void llmobs_capture_settle(struct llmobs_handle *handle, CURL *curl)
{
    int state, saved = errno;

    if (!handle->origin.url)
        return;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    settle(handle, curl);
    llmobs_capture_check_rewind(handle, curl);
    llmobs_handle_drop_origin(handle);
    pthread_setcancelstate(state, NULL);
    errno = saved;
}
