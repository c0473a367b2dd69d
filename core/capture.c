#include "core/capture_inner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/api_said.h"
#include "core/api_span.h"
#include "core/api_thread.h"
#include "core/clock.h"
#include "core/fork.h"
#include "core/allow.h"
#include "core/curlcode.h"
#include "core/log.h"

/* How long the exit handler waits for a thread that is appending. */
#define EXIT_GATE_MS 5

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
static bool may_pass(void)
{
    return passes_on ||
           (injects() && llmobs_api_thread_proxied() == LLMOBS_PROXYING_YES);
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

/* ---- begin ------------------------------------------------------------ */

/* A method is the program's text, too. */
static void log_verdict(const char *method, const char *url,
                        const struct llmobs_match *match, bool ours)
{
    struct llmobs_buf place;

    llmobs_buf_init(&place, LLMOBS_LOG_LINE_MAX);
    (void)llmobs_allow_words(url, &place); /* cut, where it is longer */
    llmobs_log(LLMOBS_LOG_DEBUG, "%.16s %s: %s (%s)", method,
               place.data ? place.data : "", ours ? "captured" : "not ours",
               match->why ? match->why : "");
    llmobs_buf_fini(&place);
}

static bool classify(const struct llmobs_handle *handle, const char *url,
                     const struct llmobs_text *body, struct llmobs_match *match)
{
    struct llmobs_request request = {
        .method = llmobs_handle_method(handle),
        .url = url,
        .content_type = llmobs_handle_header(handle, "content-type:"),
        .content_encoding = llmobs_handle_header(handle, "content-encoding:"),
        .body = *body,
        .body_pending = !body->data && !handle->no_body &&
                        (handle->request == LLMOBS_HTTP_PUT ||
                         handle->request == LLMOBS_HTTP_POST),
        .multipart = handle->request == LLMOBS_HTTP_FORM,
        .proxying = llmobs_api_thread_proxied(),
    };
    bool ours = llmobs_rules_match(rules, &request, match);

    if (llmobs_log_on(LLMOBS_LOG_DEBUG))
        log_verdict(request.method, url, match, ours);
    return ours;
}

/* The process's carrier of this moment; its baggage goes into the plan. */
static const struct llmobs_carrier *carrier_now(struct llmobs_inject_plan *plan,
                                                struct llmobs_carrier *room)
{
    const struct llmobs_carrier *now = llmobs_api_carrier(room);

    plan->baggage = now->baggage;
    return now;
}

/* The program's own span comes first, then the context that it sends itself,
 * then that of the request it serves. True for the second. */
static bool find_parent(struct llmobs_inject_plan *plan,
                        struct llmobs_context *context)
{
    struct llmobs_carrier room;
    const struct llmobs_carrier *now = carrier_now(plan, &room);

    if (llmobs_api_from_span(context))
        return false;
    if (plan->own->names &&
        llmobs_context_from_carrier(context, config, &plan->own->carrier))
        return true;
    (void)llmobs_context_from_carrier(context, config, now);
    return false;
}

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

static void set_method(struct llmobs_exchange *exchange,
                       const struct llmobs_handle *handle)
{
    const char *method = llmobs_handle_method(handle);

    llmobs_context_text(exchange->method, sizeof(exchange->method),
                        (struct llmobs_text){method, strlen(method)});
}

static struct llmobs_exchange *begin_exchange(
    const struct llmobs_handle *handle, const char *url,
    const struct llmobs_match *match)
{
    struct llmobs_exchange *exchange =
        llmobs_exchange_new((size_t)config->capture_max);

    if (!exchange)
        return NULL;
    exchange->url = llmobs_allow_url_copy(url);
    if (!exchange->url) {
        llmobs_exchange_free(exchange);
        return NULL;
    }
    exchange->callsite = take_callsite(handle->entry);
    exchange->said = llmobs_api_said();
    exchange->match = *match;
    set_method(exchange, handle);
    exchange->multipart = handle->request == LLMOBS_HTTP_FORM;
    for (const struct curl_slist *h = handle->headers; h; h = h->next) {
        if (h->data)
            llmobs_headers_keep(&exchange->request_headers, h->data,
                                strlen(h->data));
    }
    if (!handle->late)
        llmobs_handle_copy_body(handle, &exchange->request);
    return exchange;
}

static bool wants_headers(const struct llmobs_handle *handle,
                          const struct llmobs_match *match)
{
    if (!injects() || !(match->inject || config->inject == LLMOBS_INJECT_ALL))
        return false;
    return !llmobs_handle_exposes_headers(handle);
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

/* Who a request without a span of its own comes from. */
static bool find_sender(struct llmobs_inject_plan *plan,
                        struct llmobs_context *context)
{
    struct llmobs_carrier room;
    const struct llmobs_carrier *now = carrier_now(plan, &room);

    if (llmobs_api_current(context)) {
        plan->sender = llmobs_propagate_span(context);
        return true;
    }
    plan->sender.context = context;
    if (!llmobs_context_from_carrier(context, config, now))
        return false;
    plan->sender.apm_span_id = context->apm_parent_id;
    plan->sender.parent_id = context->parent_id;
    return context->apm_parent_id != 0;
}

/* A request to a proxy without a span of its own: it carries the process's
 * context on, unless it has one. */
static bool begin_passing(struct llmobs_handle *handle, CURL *curl,
                          const char *url)
{
    struct llmobs_context context;
    struct llmobs_own own;
    struct llmobs_inject_plan plan = {
        .config = config, .own = &own, .url = url};

    if (!find_sender(&plan, &context))
        return false;
    llmobs_inject_scan(handle->headers, url, &own);
    if (!put_headers(handle, curl, &plan))
        return false;
    if (llmobs_capture_swap_in(handle, curl))
        return true;
    llmobs_capture_swap_out(handle, curl);
    return false;
}

static bool begin_capture(struct llmobs_handle *handle, CURL *curl,
                          const char *url, const struct llmobs_match *match)
{
    struct llmobs_exchange *exchange = begin_exchange(handle, url, match);
    struct llmobs_own own;
    struct llmobs_inject_plan plan = {
        .config = config, .own = &own, .url = url};

    if (!exchange)
        return false;
    llmobs_inject_scan(handle->headers, url, &own);
    plan.continued = find_parent(&plan, &exchange->context);
    plan.sender = llmobs_propagate_span(&exchange->context);
    if (plan.continued)
        plan.sender.apm_span_id = exchange->context.apm_parent_id;
    if (wants_headers(handle, match))
        (void)put_headers(handle, curl, &plan);
    llmobs_worker_begin(worker, exchange);
    /* From here on an exit of the program may take it and give it away. */
    llmobs_handle_lock(handle);
    handle->exchange = exchange;
    llmobs_handle_unlock(handle);
    handle->capturing = true;
    if (!llmobs_capture_swap_in(handle, curl)) {
        llmobs_capture_cancel(handle, curl);
        return false;
    }
    llmobs_worker_warm(worker);
    return true;
}

/* Most calls of most programs have no body and end here. */
static void log_bodyless(const struct llmobs_handle *handle)
{
    const struct llmobs_match none = {
        .why = handle->connect_only ? "connect only" : "no body"};
    char *owned = NULL;
    const char *url = llmobs_handle_url(handle, &owned);

    if (url)
        log_verdict(llmobs_handle_method(handle), url, &none, false);
    free(owned);
}

static bool begin(struct llmobs_handle *handle, CURL *curl)
{
    /* What a test asks for has our callbacks in, whatever it sends. */
    bool sends = config->capture_all || llmobs_handle_sends_body(handle);
    struct llmobs_match match = {0};
    const struct llmobs_text none = {NULL, 0};
    struct llmobs_text body;
    bool begun = false;
    const char *url;
    char *owned = NULL;

    if (!observes() || handle->connect_only ||
        (!sends && !may_pass() && !bodyless)) {
        if (llmobs_log_on(LLMOBS_LOG_DEBUG))
            log_bodyless(handle);
        return false;
    }
    url = llmobs_handle_url(handle, &owned);
    if (!url)
        goto out;
    body = handle->late ? none : llmobs_handle_body(handle);
    if (classify(handle, url, &body, &match))
        begun = (sends || match.bodyless) &&
                begin_capture(handle, curl, url, &match);
    else if (may_pass() && match.inject && wants_headers(handle, &match))
        begun = begin_passing(handle, curl, url);
out:
    free(owned);
    return begun;
}

bool llmobs_capture_begin(struct llmobs_handle *handle, CURL *curl)
{
    int saved = errno;
    bool begun;

    /* One that was left without an end: by longjmp, or reset under way. */
    if (handle->capturing)
        llmobs_capture_finish(handle, LLMOBS_END_REMOVED, CURLE_OK);
    handle->late = false;
    llmobs_worker_call(worker);
    begun = begin(handle, curl);
    errno = saved;
    return begun;
}

static bool makes_a_call(CURLoption option)
{
    switch ((int)option) {
    case CURLOPT_URL:
    case CURLOPT_CURLU:
    case CURLOPT_POSTFIELDS:
    case CURLOPT_COPYPOSTFIELDS:
    case CURLOPT_HTTPHEADER:
    case CURLOPT_CUSTOMREQUEST:
        return true;
    default:
        return false;
    }
}

/* libcurl sets these back as a transfer starts. */
static bool has_started(const struct llmobs_handle *handle, CURL *curl)
{
    const struct llmobs_real *real = handle->real;
    double lookup = 0;
    long size = 0;

    if (!real->easy_getinfo ||
        real->easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &size) != CURLE_OK ||
        real->easy_getinfo(curl, CURLINFO_NAMELOOKUP_TIME, &lookup) != CURLE_OK)
        return true;
    return size != handle->added_size || (size == 0 && lookup > 0);
}

void llmobs_capture_begin_late(struct llmobs_handle *handle, CURL *curl,
                               CURLoption option)
{
    if (!handle->waits || !makes_a_call(option) ||
        handle->request != LLMOBS_HTTP_POST ||
        (!handle->postfields && !handle->has_copy))
        return;
    if (has_started(handle, curl)) {
        handle->waits = false;
        return;
    }
    handle->late = true;
    if (begin(handle, curl))
        handle->waits = false;
    else
        handle->late = false;
}

/* True when the request that libcurl made is the one that the handle's
 * settings stand for now. */
static bool sent_as_set(const struct llmobs_handle *handle)
{
    CURL *curl = atomic_load(&handle->key);
    char *method = NULL;

    if (!llmobs_handle_sends_body(handle))
        return false;
    /* CURLINFO_EFFECTIVE_METHOD, since 7.72 */
    if (handle->real->easy_getinfo(curl, (CURLINFO)(CURLINFO_STRING + 58),
                                   &method) != CURLE_OK ||
        !method)
        return true;
    return strcmp(method, llmobs_handle_method(handle)) == 0;
}

void llmobs_capture_settle(struct llmobs_handle *handle)
{
    struct llmobs_exchange *exchange = handle->exchange;

    if (!handle->late)
        return;
    handle->late = false;
    if (sent_as_set(handle)) {
        llmobs_handle_copy_body(handle, &exchange->request);
        set_method(exchange, handle);
        return;
    }
    handle->exchange = NULL;
    llmobs_worker_cancel(worker, exchange);
    llmobs_exchange_free(exchange);
}

/* ---- end -------------------------------------------------------------- */

static struct llmobs_exchange *take(struct llmobs_handle *handle)
{
    struct llmobs_exchange *exchange;

    llmobs_handle_lock(handle);
    exchange = handle->exchange;
    handle->exchange = NULL;
    llmobs_handle_unlock(handle);
    handle->capturing = false;
    return exchange;
}

void llmobs_capture_cancel(struct llmobs_handle *handle, CURL *curl)
{
    struct llmobs_exchange *exchange = take(handle);

    llmobs_capture_swap_out(handle, curl);
    if (!exchange)
        return;
    llmobs_worker_cancel(worker, exchange);
    llmobs_exchange_free(exchange);
}

/* The app's own error buffer says more than the code; else libcurl's text.
 * libcurl empties it as a transfer begins, and never writes beyond its size. */
static void copy_error(const struct llmobs_handle *handle,
                       struct llmobs_exchange *exchange)
{
    const char *text = handle->error_buffer;

    if ((!text || !text[0]) && handle->real->easy_strerror)
        text = handle->real->easy_strerror((CURLcode)exchange->code);
    snprintf(exchange->error_text, sizeof(exchange->error_text), "%.*s",
             CURL_ERROR_SIZE - 1, text ? text : "");
}

/* libcurl's clock starts a little after ours: nothing may have arrived after
 * the end. */
static void cover_marks(struct llmobs_exchange *exchange)
{
    int64_t last;

    if (exchange->mark_count == 0)
        return;
    last = exchange->marks[exchange->mark_count - 1].at_ns -
           exchange->start_mono_ns;
    if (exchange->duration_ns < last)
        exchange->duration_ns = last;
}

struct llmobs_handle *llmobs_capture_born(const struct llmobs_real *real,
                                          CURL *curl)
{
    struct llmobs_handle *stale = llmobs_handle_find(curl);

    if (stale)
        llmobs_capture_finish(stale, LLMOBS_END_REMOVED, CURLE_OK);
    return llmobs_handle_born(real, curl);
}

void llmobs_capture_finish(struct llmobs_handle *handle, enum llmobs_end end,
                           CURLcode code)
{
    struct llmobs_exchange *exchange;

    if (!handle->capturing)
        return;
    exchange = take(handle);
    if (!exchange)
        return;
    if (exchange->process != llmobs_fork_process()) {
        llmobs_exchange_free(exchange);
        return;
    }
    exchange->end = end;
    if (end == LLMOBS_END_DONE) {
        exchange->code = (int)code;
        exchange->code_name = llmobs_curlcode_name((int)code);
        if (code != CURLE_OK)
            copy_error(handle, exchange);
    }
    /* A multi transfer ends when libcurl says, not when the app asks for the
     * news; an easy one, and one cut off, ends now. */
    if (!atomic_load(&handle->multi) || end != LLMOBS_END_DONE ||
        exchange->duration_ns <= 0)
        exchange->duration_ns =
            llmobs_clock_mono_ns() - exchange->start_mono_ns;
    cover_marks(exchange);
    llmobs_worker_give(worker, &exchange->item);
}

static void abandon(struct llmobs_handle *handle, void *ctx)
{
    struct llmobs_exchange *exchange;

    (void)ctx;
    if (!llmobs_handle_trylock(handle, EXIT_GATE_MS))
        return;
    exchange = handle->exchange;
    handle->exchange = NULL;
    llmobs_handle_unlock(handle);
    if (!exchange || exchange->process != llmobs_fork_process())
        return;
    exchange->end = LLMOBS_END_EXIT;
    exchange->duration_ns = llmobs_clock_mono_ns() - exchange->start_mono_ns;
    llmobs_worker_give(worker, &exchange->item);
}

void llmobs_capture_abandon_all(void)
{
    llmobs_handle_each(abandon, NULL);
}
