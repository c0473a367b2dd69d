/* capture_settle - what libcurl reads as it makes the request, read with it:
 * the middle of capture.h. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/network.h"
#include "core/capture/capture_inner.h"
#include "core/privacy/allowlist.h"
#include "core/trace/carrier.h"

/* CURLINFO_EFFECTIVE_METHOD, since 7.72. */
#define INFO_EFFECTIVE_METHOD ((CURLINFO)(CURLINFO_STRING + 58))

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

static void put_headers(struct llmobs_handle *handle, CURL *curl,
                        const struct llmobs_inject_plan *plan)
{
    if (!handle->inject)
        handle->inject = malloc(sizeof(*handle->inject));
    if (!handle->inject || !llmobs_inject_fill(handle->inject, plan))
        return;
    handle->injected =
        handle->real->easy_setopt(
            curl, CURLOPT_HTTPHEADER,
            llmobs_inject_link(handle->inject, handle->headers)) == CURLE_OK;
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
    put_headers(handle, curl, &plan);
}

static void keep_head(const struct llmobs_handle *handle,
                      struct llmobs_exchange *exchange)
{
    llmobs_capture_set_method(exchange, handle);
    for (const struct curl_slist *h = handle->headers; h; h = h->next) {
        if (h->data)
            llmobs_headers_keep(&exchange->request_headers, h->data,
                                strlen(h->data));
    }
}

/* A body that goes later was perhaps copied as the transfer began. */
static void keep_request(const struct llmobs_handle *handle,
                         struct llmobs_exchange *exchange)
{
    exchange->unsent = handle->latch.later;
    keep_head(handle, exchange);
    if (handle->latch.later)
        return;
    llmobs_exchange_rewind(exchange, 0);
    llmobs_handle_copy_body(handle, &exchange->request);
}

/* A program that sends on what it was sent. */
static bool forwards_strangers(const struct llmobs_handle *handle)
{
    static const char *const names[] = {LLMOBS_NETWORK_HEADERS(":")};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (llmobs_network_public_forwarded(
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
        put_headers(handle, curl, &plan);
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
    if (!exchange->unsent || exchange->request.total > 0)
        llmobs_worker_begin(llmobs_capture_worker(), exchange);
    return true;
}

/* ---- changed by another transfer's callback ----------------------------- */

/* Where it goes is not known: it is none of ours. */
static void forget_address(struct llmobs_handle *handle)
{
    handle->origin.url[0] = '\0';
}

static void move(struct llmobs_handle *handle, const char *url)
{
    struct llmobs_exchange *exchange = handle->exchange;
    char *owned;
    const char *whole = llmobs_handle_url_at(handle, url, &owned);
    char *now = owned || !whole ? owned : strdup(whole);
    char *kept = now && exchange ? llmobs_allowlist_url_copy(now) : NULL;

    if (!now || (exchange && !kept)) {
        free(now);
        if (exchange)
            llmobs_worker_lose(llmobs_capture_worker());
        forget_address(handle);
        return;
    }
    free(handle->origin.url);
    handle->origin.url = now;
    if (!exchange)
        return;
    free(exchange->url);
    exchange->url = kept;
}

const char *llmobs_capture_ask(const struct llmobs_handle *handle, CURL *curl,
                               CURLINFO info)
{
    const char *text = NULL;

    if (!handle->real->easy_getinfo ||
        handle->real->easy_getinfo(curl, info, &text) != CURLE_OK)
        return NULL;
    return text;
}

/* libcurl parses the address that it begins with into other memory than setopt
 * did: the same memory as then was set too late for this transfer. */
static void follow_address(struct llmobs_handle *handle, CURL *curl)
{
    const char *url;

    if (!handle->latch.seen_url)
        return;
    url = llmobs_capture_ask(handle, curl, CURLINFO_EFFECTIVE_URL);
    if (!url || url == handle->latch.seen_url)
        return;
    move(handle, url);
    handle->latch.seen_url = NULL;
}

/* A form is a POST to libcurl, too; of a custom method it says no more. */
static void follow_method(struct llmobs_handle *handle, CURL *curl)
{
    static const char *const names[] = {[LLMOBS_HTTP_GET] = "GET",
                                        [LLMOBS_HTTP_HEAD] = "HEAD",
                                        [LLMOBS_HTTP_POST] = "POST",
                                        [LLMOBS_HTTP_PUT] = "PUT"};
    struct llmobs_latch *latch = &handle->latch;
    const char *method = NULL;

    if (handle->request == latch->request)
        return;
    latch->unsure = true;
    if (!handle->custom_request[0] && !handle->no_body)
        method = llmobs_capture_ask(handle, curl, INFO_EFFECTIVE_METHOD);
    for (int i = LLMOBS_HTTP_GET; method && i <= LLMOBS_HTTP_PUT; i++) {
        if (strcmp(method, names[i]) != 0)
            continue;
        latch->unsure =
            i == LLMOBS_HTTP_POST && (handle->request == LLMOBS_HTTP_FORM ||
                                      latch->request == LLMOBS_HTTP_FORM);
        if (!latch->unsure)
            latch->request = (enum llmobs_http_verb)i;
    }
}

static void follow(struct llmobs_handle *handle, CURL *curl)
{
    follow_address(handle, curl);
    if (handle->latch.led)
        forget_address(handle);
    follow_method(handle, curl);
}

/* Of one whose address only libcurl could ask for: judges it by that, and makes
 * it a call. Nothing where libcurl has not begun with it. */
static void judge_pending(struct llmobs_handle *handle)
{
    struct llmobs_match match;

    if (!handle->latch.url_pending || !handle->origin.url[0])
        return;
    if (llmobs_capture_judge(handle, handle->origin.url, &match) ==
            LLMOBS_PERHAPS_OURS &&
        !llmobs_capture_open(handle, &match))
        llmobs_worker_lose(llmobs_capture_worker());
    handle->latch.url_pending = false;
}

static void follow_and_judge(struct llmobs_handle *handle, CURL *curl)
{
    llmobs_handle_lock(handle);
    follow(handle, curl);
    llmobs_handle_unlock(handle);
    judge_pending(handle);
}

/* The request was never made: what libcurl began with is judged by method and
 * address. The gate is held. */
static void judge_unsent(struct llmobs_handle *handle,
                         struct llmobs_exchange *exchange)
{
    struct llmobs_match match = {0};

    if (!llmobs_capture_may_begin(handle) ||
        llmobs_capture_judge(handle, handle->origin.url, &match) !=
            LLMOBS_PERHAPS_OURS) {
        exchange->match.confirm = true;
        exchange->stands = false;
        return;
    }
    exchange->match = match;
    exchange->stands = exchange->stands && llmobs_rules_stands(&match);
    llmobs_capture_set_method(exchange, handle);
}

/* A call that the end of its transfer brought to light begins with it. */
static void open_unsent(struct llmobs_handle *handle, CURL *curl)
{
    bool known = handle->capturing;

    follow_and_judge(handle, curl);
    if (handle->capturing && !known)
        llmobs_capture_keep_start(handle);
}

void llmobs_capture_follow_unsent(struct llmobs_handle *handle, CURL *curl)
{
    int saved = errno;

    if (!handle->latch.on || !handle->latch.early || !handle->origin.url)
        return;
    open_unsent(handle, curl);
    llmobs_handle_lock(handle);
    if (handle->exchange && handle->exchange->unsent)
        judge_unsent(handle, handle->exchange);
    llmobs_handle_unlock(handle);
    errno = saved;
}

static bool awaits(const struct llmobs_handle *handle, CURLoption option)
{
    return handle->latch.on && handle->latch.early && handle->origin.url &&
           (option == CURLOPT_URL || option == CURLOPT_CURLU);
}

void llmobs_capture_before_set(struct llmobs_handle *handle, CURL *curl,
                               CURLoption option)
{
    int saved = errno;

    if (!awaits(handle, option) || !handle->latch.seen_url)
        return;
    llmobs_handle_lock(handle);
    follow_address(handle, curl);
    llmobs_handle_unlock(handle);
    errno = saved;
}

/* A libcurl that keeps its address beside a URL handle, before 8.12, does not
 * tell which of the two it has taken. */
void llmobs_capture_after_set(struct llmobs_handle *handle, CURL *curl,
                              CURLoption option)
{
    llmobs_capture_follow_reads(handle, curl, option);
    if (!awaits(handle, option))
        return;
    handle->latch.seen_url =
        llmobs_capture_ask(handle, curl, CURLINFO_EFFECTIVE_URL);
    if (option == CURLOPT_CURLU)
        handle->latch.led =
            !handle->latch.seen_url || handle->latch.seen_url[0] != '\0';
}

/* ---- all of it -------------------------------------------------------------
 */

static void settle(struct llmobs_handle *handle, CURL *curl)
{
    struct llmobs_origin *origin = &handle->origin;
    struct llmobs_match match = {0};
    bool ours = false;

    if (handle->latch.early)
        follow_and_judge(handle, curl);
    if (handle->swapped_prereq)
        llmobs_handle_defer(handle);
    llmobs_handle_lock(handle);
    if (handle->exchange) {
        ours = settle_call(handle, curl, &match);
        if (!ours) {
            origin->exchange = handle->exchange;
            handle->exchange = NULL;
        }
    } else if (origin->exchange && origin->url[0]) {
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

/* Each round of an authentication is another request, and the last one counts.
 */
static void settle_again(struct llmobs_handle *handle)
{
    struct llmobs_exchange *exchange;

    llmobs_handle_defer(handle);
    llmobs_handle_lock(handle);
    exchange = handle->exchange;
    if (exchange && (exchange->status == 401 || exchange->status == 407)) {
        llmobs_headers_clear(&exchange->request_headers);
        keep_head(handle, exchange);
    }
    llmobs_handle_unlock(handle);
}

void llmobs_capture_settle(struct llmobs_handle *handle, CURL *curl)
{
    int state, saved = errno;

    if (!handle->origin.url) {
        if (handle->latch.on && handle->latch.later)
            settle_again(handle);
        errno = saved;
        return;
    }
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    settle(handle, curl);
    llmobs_handle_drop_origin(handle);
    pthread_setcancelstate(state, NULL);
    errno = saved;
}
