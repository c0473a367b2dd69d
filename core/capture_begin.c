/* capture_begin - how a call begins, in the three moments at which libcurl and
 * the app leave something to read: the beginning of capture.h. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/allow.h"
#include "core/api_said.h"
#include "core/api_span.h"
#include "core/api_thread.h"
#include "core/capture_inner.h"
#include "core/clock.h"
#include "core/fork.h"
#include "core/log.h"

/* Set once before any handle exists, constant afterwards. */
static const struct llmobs_config *config;
static const struct llmobs_rules *rules;
static struct llmobs_worker *worker;
static bool bodyless; /* a rule of the user wants requests without a body */
static atomic_bool integrated = true; /* calls make spans at all */
static bool passes_on; /* requests without a span may carry a context on */

static bool injects(void)
{
    return config->inject != LLMOBS_INJECT_NONE &&
           config->inject_styles.count > 0;
}

/* A proxy is configured, or the program says that it calls one. */
static bool may_pass(const struct llmobs_handle *handle)
{
    return passes_on ||
           (injects() && handle->origin.proxying == LLMOBS_PROXYING_YES);
}

static bool observes(void)
{
    return llmobs_api_is_on() && atomic_load(&integrated);
}

void llmobs_capture_integrate(bool wanted)
{
    atomic_store(&integrated, wanted);
}

void llmobs_capture_init(const struct llmobs_config *the_config,
                         const struct llmobs_rules *the_rules,
                         struct llmobs_worker *the_worker)
{
    config = the_config;
    rules = the_rules;
    worker = the_worker;
    bodyless = llmobs_rules_has_bodyless(rules);
    passes_on = injects() && llmobs_rules_has_proxies(rules);
}

struct llmobs_worker *llmobs_capture_worker(void)
{
    return worker;
}

/* ---- what the rules say ------------------------------------------------ */

/* A method is the program's text, too. */
static void log_verdict(const char *method, const char *url,
                        const struct llmobs_match *match, bool ours)
{
    struct llmobs_buf place;

    if (!llmobs_log_on(LLMOBS_LOG_DEBUG))
        return;
    llmobs_buf_init(&place, LLMOBS_LOG_LINE_MAX);
    (void)llmobs_allow_words(url, &place); /* cut, where it is longer */
    llmobs_log(LLMOBS_LOG_DEBUG, "%.16s %s: %s (%s)", method,
               place.data ? place.data : "", ours ? "captured" : "not ours",
               match->why ? match->why : "");
    llmobs_buf_fini(&place);
}

void llmobs_capture_log(const struct llmobs_handle *handle,
                        const struct llmobs_match *match)
{
    if (handle->origin.url)
        log_verdict(llmobs_handle_method(handle), handle->origin.url, match,
                    true);
}

/* Most calls of most programs have no body and end here. */
static void log_bodyless(const struct llmobs_handle *handle)
{
    const struct llmobs_match none = {
        .why = handle->connect_only ? "connect only" : "no body"};
    char *owned = NULL;
    const char *url;

    if (!llmobs_log_on(LLMOBS_LOG_DEBUG))
        return;
    url = llmobs_handle_url(handle, &owned);
    if (url)
        log_verdict(llmobs_handle_method(handle), url, &none, false);
    free(owned);
}

static struct llmobs_request request_of(const struct llmobs_handle *handle,
                                        const char *url)
{
    return (struct llmobs_request){
        .method = llmobs_handle_method(handle),
        .url = url,
        .multipart = llmobs_handle_verb(handle) == LLMOBS_HTTP_FORM,
        .proxying = handle->origin.proxying,
    };
}

static bool sends_some(const struct llmobs_handle *handle)
{
    enum llmobs_http_verb verb = llmobs_handle_verb(handle);

    return !handle->no_body &&
           (verb == LLMOBS_HTTP_PUT || verb == LLMOBS_HTTP_POST);
}

/* By method and URL: what header list and body may yet say is said to speak
 * for a call. */
static bool may_match(const struct llmobs_handle *handle, const char *url,
                      struct llmobs_match *match)
{
    struct llmobs_request request = request_of(handle, url);

    request.content_type = "application/json";
    request.body_pending = sends_some(handle);
    return llmobs_rules_match(rules, &request, match);
}

/* By all of it. */
static bool matches(const struct llmobs_handle *handle, const char *url,
                    struct llmobs_match *match)
{
    struct llmobs_request request = request_of(handle, url);

    request.content_type = llmobs_handle_header(handle, "content-type:");
    request.content_encoding =
        llmobs_handle_header(handle, "content-encoding:");
    request.body = llmobs_handle_body(handle);
    request.body_pending = !request.body.data && sends_some(handle);
    return llmobs_rules_match(rules, &request, match);
}

static bool wants_headers(const struct llmobs_handle *handle,
                          const struct llmobs_match *match)
{
    return injects() &&
           (match->inject || config->inject == LLMOBS_INJECT_ALL) &&
           !handle->origin.exposes && !llmobs_handle_exposes_headers(handle);
}

/* Some transfers of ours, or of those that carry a context on; what a test asks
 * for, whatever it sends. */
static bool may_begin(const struct llmobs_handle *handle)
{
    return observes() && !handle->connect_only &&
           (config->capture_all || llmobs_handle_sends_body(handle) ||
            may_pass(handle) || bodyless);
}

enum verdict { NOT_OURS, PASSES_ON, PERHAPS_OURS };

static enum verdict judge(const struct llmobs_handle *handle, const char *url,
                          struct llmobs_match *match)
{
    if (may_match(handle, url, match))
        return config->capture_all || match->bodyless ||
                       llmobs_handle_sends_body(handle)
                   ? PERHAPS_OURS
                   : NOT_OURS;
    return may_pass(handle) && match->inject && wants_headers(handle, match)
               ? PASSES_ON
               : NOT_OURS;
}

/* ---- what is ours: when the app makes the call ------------------------- */

/* Without memory for it the span tells no caller. */
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

/* The program's own span comes first, then the context of the request that it
 * serves; the one that it sends itself, between them, is still to be read. */
static void take_parent(struct llmobs_origin *origin,
                        struct llmobs_context *context)
{
    struct llmobs_carrier room;
    const struct llmobs_carrier *now = llmobs_api_carrier(&room);

    if (now->baggage)
        origin->baggage = strdup(now->baggage);
    origin->from_span =
        origin->waits ? origin->span && !llmobs_api_child(origin->span, context)
                      : llmobs_api_from_span(context);
    if (!origin->from_span)
        origin->carried = llmobs_context_from_carrier(context, config, now);
}

static bool take_ours(struct llmobs_handle *handle)
{
    struct llmobs_origin *origin = &handle->origin;
    struct llmobs_exchange *exchange =
        llmobs_exchange_new((size_t)config->capture_max);

    if (!exchange)
        return false;
    exchange->callsite = take_callsite(handle->entry);
    exchange->said = origin->waits ? origin->said : llmobs_api_said();
    origin->said = NULL;
    take_parent(origin, &exchange->context);
    origin->exchange = exchange;
    return true;
}

/* One that was left without an end, by longjmp or reset under way, ends. */
static void begin_anew(struct llmobs_handle *handle)
{
    llmobs_capture_finish(handle, LLMOBS_END_REMOVED, CURLE_OK);
    handle->origin.proxying = llmobs_api_thread_proxied();
}

/* By our own copy of the URL alone; a CURLU may be any. */
static bool may_be_ours(const struct llmobs_handle *handle)
{
    struct llmobs_match match;
    char *owned = NULL;
    const char *url;
    bool may = handle->curlu != NULL;

    if (may || !may_begin(handle))
        return may;
    url = llmobs_handle_url(handle, &owned);
    may = url && judge(handle, url, &match) != NOT_OURS;
    if (url && !may)
        log_verdict(llmobs_handle_method(handle), url, &match, false);
    free(owned);
    return may;
}

void llmobs_capture_take(struct llmobs_handle *handle)
{
    struct llmobs_origin *origin = &handle->origin;
    int saved = errno;

    begin_anew(handle);
    if (may_be_ours(handle)) {
        (void)take_ours(handle);
    } else if (llmobs_api_thread_used()) {
        origin->span = llmobs_api_thread_top();
        origin->said = llmobs_api_said();
    }
    origin->not_ours = !origin->exchange;
    origin->waits = true;
    errno = saved;
}

/* ---- what libcurl reads as the transfer begins ------------------------- */

static void set_method(struct llmobs_exchange *exchange,
                       const struct llmobs_handle *handle)
{
    const char *method = llmobs_handle_method(handle);

    llmobs_context_text(exchange->method, sizeof(exchange->method),
                        (struct llmobs_text){method, strlen(method)});
}

/* It begins now, in this process, whenever it was taken. A body that libcurl
 * measures may be copied as well. */
static bool start_exchange(struct llmobs_handle *handle,
                           const struct llmobs_match *match)
{
    struct llmobs_exchange *exchange = handle->origin.exchange;

    exchange->url = llmobs_allow_url_copy(handle->origin.url);
    if (!exchange->url)
        return false;
    if (handle->origin.waits)
        llmobs_exchange_start(exchange);
    exchange->match = *match;
    exchange->unsent = true;
    exchange->multipart = llmobs_handle_verb(handle) == LLMOBS_HTTP_FORM;
    set_method(exchange, handle);
    if (!handle->has_copy && handle->postfieldsize < 0)
        llmobs_handle_copy_body(handle, &exchange->request);
    return true;
}

/* From here on an exit of the program may take it and give it away. */
static void publish(struct llmobs_handle *handle)
{
    llmobs_handle_lock(handle);
    handle->exchange = handle->origin.exchange;
    handle->origin.exchange = NULL;
    llmobs_handle_unlock(handle);
    handle->capturing = true;
}

/* Where libcurl has no moment for it, the request is read at once. */
static bool put_in(struct llmobs_handle *handle, CURL *curl)
{
    if (!llmobs_capture_swap_in(handle, curl)) {
        llmobs_capture_cancel(handle, curl);
        return false;
    }
    if (handle->swapped_prereq)
        return true;
    llmobs_capture_settle(handle, curl);
    if (handle->capturing || handle->injected)
        return true;
    llmobs_capture_swap_out(handle, curl);
    return false;
}

static bool start_judged(struct llmobs_handle *handle, CURL *curl,
                         const char *url)
{
    struct llmobs_origin *origin = &handle->origin;
    struct llmobs_match match;
    enum verdict verdict = judge(handle, url, &match);

    if (verdict == NOT_OURS) {
        log_verdict(llmobs_handle_method(handle), url, &match, false);
        return false;
    }
    if (!origin->exchange && !take_ours(handle))
        return false;
    origin->url = strdup(url);
    if (!origin->url)
        return false;
    origin->exposes = llmobs_handle_exposes_headers(handle);
    llmobs_handle_latch(handle);
    if (verdict == PERHAPS_OURS) {
        if (!start_exchange(handle, &match))
            return false;
        publish(handle);
    }
    return put_in(handle, curl);
}

static bool start(struct llmobs_handle *handle, CURL *curl)
{
    char *owned = NULL;
    const char *url;
    bool begun;

    if (handle->origin.not_ours)
        return false;
    if (!may_begin(handle)) {
        log_bodyless(handle);
        return false;
    }
    url = llmobs_handle_url(handle, &owned);
    begun = url && start_judged(handle, curl, url);
    free(owned);
    return begun;
}

bool llmobs_capture_start(struct llmobs_handle *handle, CURL *curl)
{
    int saved = errno;
    bool begun;

    llmobs_worker_call(worker);
    begun = start(handle, curl);
    if (!begun) {
        llmobs_handle_drop_origin(handle);
        handle->latch.on = false;
    }
    errno = saved;
    return begun;
}

bool llmobs_capture_begin(struct llmobs_handle *handle, CURL *curl)
{
    int saved = errno;

    begin_anew(handle);
    errno = saved;
    return llmobs_capture_start(handle, curl);
}

/* ---- what libcurl reads as it makes the request ------------------------ */

/* The context that the app sends itself is the parent, where there is no span
 * of the program's. */
static bool continue_own(const struct llmobs_own *own, bool from_span,
                         struct llmobs_context *context)
{
    struct llmobs_context *continued;
    bool found;

    if (from_span || !own->names)
        return false;
    continued = malloc(sizeof(*continued));
    found = continued &&
            llmobs_context_from_carrier(continued, config, &own->carrier);
    if (found)
        *context = *continued;
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
        .config = config,
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
    set_method(exchange, handle);
    for (const struct curl_slist *h = handle->headers; h; h = h->next) {
        if (h->data)
            llmobs_headers_keep(&exchange->request_headers, h->data,
                                strlen(h->data));
    }
    llmobs_body_rewind(&exchange->request, 0);
    llmobs_handle_copy_body(handle, &exchange->request);
}

static void send_context(struct llmobs_handle *handle, CURL *curl,
                         struct llmobs_exchange *exchange)
{
    const struct llmobs_origin *origin = &handle->origin;
    struct llmobs_context *context = &exchange->context;
    struct llmobs_own own;
    struct llmobs_inject_plan plan = {.config = config,
                                      .own = &own,
                                      .url = origin->url,
                                      .baggage = origin->baggage};

    llmobs_inject_scan(handle->headers, origin->url, &own);
    plan.continued = continue_own(&own, origin->from_span, context);
    plan.sender = llmobs_propagate_span(context);
    if (plan.continued)
        plan.sender.apm_span_id = context->apm_parent_id;
    if (wants_headers(handle, &exchange->match))
        (void)put_headers(handle, curl, &plan);
}

/* False: it was no call after all. The gate is held. */
static bool settle_call(struct llmobs_handle *handle, CURL *curl,
                        struct llmobs_match *match)
{
    struct llmobs_exchange *exchange = handle->exchange;

    if (!matches(handle, handle->origin.url, match))
        return false;
    exchange->match = *match;
    keep_request(handle, exchange);
    send_context(handle, curl, exchange);
    llmobs_worker_begin(worker, exchange);
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
        (void)matches(handle, origin->url, &match);
    }
    llmobs_handle_unlock(handle);
    log_verdict(llmobs_handle_method(handle), origin->url, &match, ours);
    if (ours)
        llmobs_worker_warm(worker);
    else
        handle->capturing = false;
    if (origin->exchange && may_pass(handle) && match.inject &&
        wants_headers(handle, &match))
        pass_on(handle, curl, &origin->exchange->context);
}

void llmobs_capture_settle(struct llmobs_handle *handle, CURL *curl)
{
    int state, saved = errno;

    if (!handle->origin.url)
        return;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    settle(handle, curl);
    if (handle->swapped_read)
        (void)llmobs_capture_swap_rewind(handle, curl);
    llmobs_handle_drop_origin(handle);
    pthread_setcancelstate(state, NULL);
    errno = saved;
}
