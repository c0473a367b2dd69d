/* Reads method, URL, headers and body of a request from its handle. */
#include "core/capture/outgoing.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/fork.h"
#include "lib/base/stats.h"
#include "core/capture/multi_members.h"
#include "core/capture/judge.h"
#include "core/capture/call_origin.h"
#include "lib/span/account.h"
#include "lib/span/allowlist.h"
#include "core/trace/carrier.h"

/* Set once before any handle exists, constant afterwards. */
static const struct llmobs_config *config;
static struct llmobs_worker *worker;

void llmobs_outgoing_init(const struct llmobs_config *the_config,
                          struct llmobs_worker *the_worker)
{
    config = the_config;
    worker = the_worker;
}

/* -- an exchange begins ---------------------------------------------------- */

static void set_method(struct llmobs_exchange *exchange,
                       const struct llmobs_handle *handle)
{
    const char *method = llmobs_handle_method(handle);

    llmobs_context_text(exchange->method, sizeof(exchange->method),
                        llmobs_text_of(method));
}

void llmobs_outgoing_start_clock(struct llmobs_call_origin *origin)
{
    struct llmobs_exchange *exchange = origin->exchange;

    if (!origin->found_at_add)
        return;
    /* A fork between the add and the transfer makes a copy of the exchange: the
     * copy that begins in the child becomes another span. */
    if (exchange->process != llmobs_fork_process()) {
        if (origin->from_span || origin->from_carrier)
            llmobs_context_sibling(&exchange->context);
        else
            llmobs_context_root(&exchange->context, config);
    }
    llmobs_exchange_start(exchange);
}

/* A body that libcurl measures now is at hand, and is copied. */
bool llmobs_outgoing_open(struct llmobs_handle *handle,
                          const struct llmobs_match *match)
{
    struct llmobs_exchange *exchange = handle->origin.exchange;

    exchange->url = llmobs_allowlist_url_copy(handle->origin.url);
    if (!exchange->url)
        return false;
    if (handle->step != LLMOBS_STEP_ADDRESS)
        llmobs_outgoing_start_clock(&handle->origin);
    if (handle->origin.began_ns)
        llmobs_exchange_set_begin(exchange, handle->origin.began_ns);
    exchange->match = *match;
    exchange->unsent = true;
    exchange->multipart = llmobs_handle_verb(handle) == LLMOBS_HTTP_FORM;
    set_method(exchange, handle);
    if (!handle->app.has_copy && handle->app.postfieldsize < 0 &&
        !handle->outgoing.early &&
        llmobs_rules_keeps(match, llmobs_handle_body(handle)))
        llmobs_handle_copy_body(handle, exchange);
    llmobs_handle_lock(handle);
    handle->exchange = exchange;
    handle->origin.exchange = NULL;
    llmobs_handle_unlock(handle);
    handle->step = LLMOBS_STEP_CALL;
    llmobs_members_await(&handle->member);
    return true;
}

/* A body at hand decides whether this is a call; without a body, method and URL
 * do. A request that stays undecided is written as well: it may be a call. */
void llmobs_outgoing_write_start(struct llmobs_handle *handle)
{
    struct llmobs_exchange *exchange;
    struct llmobs_text body;

    llmobs_handle_lock(handle);
    exchange = handle->exchange;
    if (exchange) {
        body = handle->app.has_copy ? llmobs_handle_body(handle)
                                    : llmobs_body_head(&exchange->request);
        exchange->stands = body.len > 0
                               ? llmobs_rules_seems(&exchange->match, body)
                               : llmobs_rules_stands(&exchange->match);
        if (body.len == 0 || exchange->stands)
            llmobs_worker_begin(worker, exchange, LLMOBS_STAGE_START);
    }
    llmobs_handle_unlock(handle);
}

/* -- header list and body -------------------------------------------------- */

static void put_headers(struct llmobs_handle *handle, CURL *curl,
                        const struct llmobs_inject_plan *plan)
{
    if (!handle->inject && (handle->inject = malloc(sizeof(*handle->inject))))
        memset(handle->inject, 0, offsetof(struct llmobs_inject, text));
    if (!handle->inject || !llmobs_inject_fill(handle->inject, plan))
        return;
    if (handle->real->easy_setopt(
            curl, CURLOPT_HTTPHEADER,
            llmobs_inject_link(handle->inject,
                               llmobs_handle_headers(handle))) == CURLE_OK)
        handle->in |= LLMOBS_IN_HEADERS;
    else
        handle->in &= ~(unsigned)LLMOBS_IN_HEADERS;
}

/* Sends the context of the process with a request to a proxy that makes no
 * span, unless the request has a context of its own. */
static void pass_context_on(struct llmobs_handle *handle, CURL *curl,
                            const struct llmobs_context *context)
{
    const struct llmobs_call_origin *origin = &handle->origin;
    struct llmobs_own_headers own;
    struct llmobs_inject_plan plan = {
        .sender = {context, context->apm_parent_id, context->parent_id}};

    if (!origin->from_span && !(origin->from_carrier && context->apm_parent_id))
        return;
    llmobs_call_origin_scan(origin, llmobs_handle_headers(handle), origin->url,
                            &own, &plan);
    put_headers(handle, curl, &plan);
}

/* Copies the request's lines, and its body unless the body is sent later; in
 * that case a copy that was made when the transfer began may stay. From the URL
 * of a search by GET, copies only the query. */
static void read_request(struct llmobs_handle *handle,
                         struct llmobs_exchange *exchange)
{
    const char *url = handle->origin.url;
    const struct llmobs_text head = llmobs_body_head(&exchange->request);
    struct llmobs_text query, body;
    uint64_t account;
    bool same;

    exchange->unsent = handle->outgoing.body_later;
    set_method(exchange, handle);
    account = llmobs_call_origin_read_head(llmobs_handle_headers(handle), url,
                                           exchange);
    for (size_t i = 0; i < sizeof(handle->app.account) / sizeof(uint64_t); i++)
        account += handle->app.account[i];
    exchange->account = llmobs_account_seal(account);
    exchange->multipart = exchange->multipart || exchange->match.form;
    if (exchange->match.form && !exchange->form)
        exchange->form =
            llmobs_form_new(llmobs_handle_header(handle, "content-type:"));
    if (handle->outgoing.body_later)
        return;
    body = llmobs_handle_body(handle);
    /* A body that was copied when the call began is mostly the same still. */
    same = !exchange->match.form && body.len > 0 && head.len == body.len &&
           exchange->request.total == body.len &&
           exchange->request_blob.how ==
               (exchange->whole ? 0 : exchange->match.sent_media) &&
           memcmp(head.data, body.data, body.len) == 0;
    if (!same)
        llmobs_exchange_rewind(exchange, 0);
    if (exchange->match.form)
        llmobs_handle_send_form(handle, exchange);
    else if (!same && !llmobs_rules_is_form(body))
        llmobs_handle_copy_body(handle, exchange);
    query = llmobs_rules_query(&exchange->match, url);
    if (query.len > 0)
        (void)llmobs_body_add(&exchange->request, query.data, query.len);
}

/* False: the transfer was no call after all. The caller holds the lock. */
static bool read_call(struct llmobs_handle *handle, CURL *curl,
                      struct llmobs_match *match)
{
    const struct llmobs_call_origin *origin = &handle->origin;
    struct llmobs_exchange *exchange = handle->exchange;
    struct llmobs_own_headers own;
    struct llmobs_inject_plan plan = {.baggage = NULL};

    if (!llmobs_judge_request(handle, origin->url, match)) {
        llmobs_worker_cancel(worker, exchange);
        return false;
    }
    exchange->match = *match;
    llmobs_worker_find_key(worker, exchange);
    read_request(handle, exchange);
    llmobs_call_origin_scan(origin, llmobs_handle_headers(handle), origin->url,
                            &own, &plan);
    llmobs_call_origin_continue(&plan, origin->from_span, exchange);
    if (llmobs_judge_wants_headers(handle, &exchange->match)) {
        plan.ids_alone = llmobs_judge_ids_alone(origin->url, match);
        put_headers(handle, curl, &plan);
    }
    exchange->traced = (handle->in & LLMOBS_IN_HEADERS) &&
                       llmobs_inject_has_state(handle->inject);
    if (!exchange->unsent || exchange->request.total > 0)
        llmobs_worker_begin(worker, exchange, LLMOBS_STAGE_BEGIN);
    return true;
}

/* -- changed by another transfer's callback -------------------------------- */

/* The address is unknown, and a transfer without one is never a call. */
static void forget_address(struct llmobs_handle *handle)
{
    handle->outgoing.request_changed = true;
    handle->origin.url[0] = '\0';
}

static void set_address(struct llmobs_handle *handle, const char *url)
{
    struct llmobs_exchange *exchange = handle->exchange;
    char *owned;
    const char *whole = llmobs_handle_url_at(handle, url, &owned);
    char *now = owned || !whole ? owned : strdup(whole);
    char *copy = now && exchange ? llmobs_allowlist_url_copy(now) : NULL;

    handle->outgoing.request_changed = true;
    if (!now || (exchange && !copy)) {
        free(now);
        if (exchange)
            llmobs_worker_count_lost(worker, LLMOBS_STAT_dropped_memory);
        forget_address(handle);
        return;
    }
    free(handle->origin.url);
    handle->origin.url = now;
    if (!exchange)
        return;
    free(exchange->url);
    exchange->url = copy;
}

const char *llmobs_outgoing_ask(const struct llmobs_handle *handle, CURL *curl,
                                CURLINFO info)
{
    const char *text = NULL;

    if (!handle->real->easy_getinfo ||
        handle->real->easy_getinfo(curl, info, &text) != CURLE_OK)
        return NULL;
    return text;
}

/* libcurl begins a transfer with a copy of its address. If it still has the
 * memory that setopt made, the address was set too late for this transfer. */
static void follow_address(struct llmobs_handle *handle, CURL *curl)
{
    const char *seen = llmobs_shown(handle->outgoing.seen_url);
    const char *url;

    if (!seen)
        return;
    url = llmobs_outgoing_ask(handle, curl, CURLINFO_EFFECTIVE_URL);
    if (!url || url == seen)
        return;
    set_address(handle, url);
    handle->outgoing.seen_url = llmobs_hide(NULL);
}

/* Other handles' callbacks may have changed the transfer before libcurl began
 * it, so this asks libcurl what it began. Only libcurl may read a URL handle:
 * if the address is in one, this judges by the address that libcurl has.
 * libcurl has no address before it begins the transfer. */
static void follow_and_judge(struct llmobs_handle *handle, CURL *curl)
{
    struct llmobs_match match;
    static const char *const names[] = {[LLMOBS_HTTP_GET] = "GET",
                                        [LLMOBS_HTTP_HEAD] = "HEAD",
                                        [LLMOBS_HTTP_POST] = "POST",
                                        [LLMOBS_HTTP_PUT] = "PUT"};
    struct llmobs_outgoing *outgoing;
    const char *method;

    llmobs_handle_lock(handle);
    follow_address(handle, curl);
    if (handle->outgoing.address_lost)
        forget_address(handle);
    /* libcurl calls a form a POST, too, and does not say what a request with a
     * custom method is. */
    outgoing = &handle->outgoing;
    method = NULL;
    if (handle->app.request != outgoing->request) {
        outgoing->verb_unsure = outgoing->request_changed = true;
        if (!handle->app.custom_request[0] && !handle->app.no_body)
            method = llmobs_outgoing_ask(handle, curl, LLMOBS_INFO_METHOD);
        for (int i = LLMOBS_HTTP_GET; method && i <= LLMOBS_HTTP_PUT; i++) {
            if (strcmp(method, names[i]) != 0)
                continue;
            outgoing->verb_unsure = i == LLMOBS_HTTP_POST &&
                                    (handle->app.request == LLMOBS_HTTP_FORM ||
                                     outgoing->request == LLMOBS_HTTP_FORM);
            if (!outgoing->verb_unsure)
                outgoing->request = (enum llmobs_http_verb)i;
        }
    }
    llmobs_handle_unlock(handle);
    if (handle->step != LLMOBS_STEP_ADDRESS || !handle->origin.url[0])
        return;
    if (llmobs_judge_url(handle, handle->origin.url, &match) ==
            LLMOBS_PERHAPS_CALL &&
        !llmobs_outgoing_open(handle, &match))
        llmobs_worker_count_lost(worker, LLMOBS_STAT_dropped_memory);
    if (handle->step == LLMOBS_STEP_ADDRESS)
        handle->step = LLMOBS_STEP_BEGUN;
}

void llmobs_outgoing_follow_unsent(struct llmobs_handle *handle, CURL *curl)
{
    bool known = handle->step == LLMOBS_STEP_CALL, unsent;
    struct llmobs_exchange *exchange;
    struct llmobs_match match = {0};
    int saved = errno;

    if (!handle->outgoing.early || !handle->origin.url)
        return;
    follow_and_judge(handle, curl);
    /* A transfer that turns out to be a call only as it ends begins on the disk
     * now. */
    if (handle->step == LLMOBS_STEP_CALL && !known)
        llmobs_outgoing_write_start(handle);
    /* libcurl never made the request: judges the transfer by the method and
     * address that libcurl began with. */
    llmobs_handle_lock(handle);
    exchange = handle->exchange;
    unsent = exchange && exchange->unsent;
    if (unsent && llmobs_judge_may_begin(handle) &&
        llmobs_judge_url(handle, handle->origin.url, &match) ==
            LLMOBS_PERHAPS_CALL) {
        exchange->match = match;
        exchange->stands = exchange->stands && llmobs_rules_stands(&match);
        set_method(exchange, handle);
    } else if (unsent) {
        exchange->match.confirm = true;
        exchange->stands = false;
    }
    llmobs_handle_unlock(handle);
    errno = saved;
}

void llmobs_outgoing_before_set(struct llmobs_handle *handle, CURL *curl)
{
    int saved = errno;

    if (!llmobs_shown(handle->outgoing.seen_url))
        return;
    llmobs_handle_lock(handle);
    follow_address(handle, curl);
    llmobs_handle_unlock(handle);
    errno = saved;
}

/* Before 8.12 libcurl has its address beside a URL handle, and does not say
 * which of the two it uses. */
void llmobs_outgoing_after_set(struct llmobs_handle *handle, CURL *curl,
                               CURLoption option)
{
    const char *seen =
        llmobs_outgoing_ask(handle, curl, CURLINFO_EFFECTIVE_URL);

    handle->outgoing.seen_url = llmobs_hide(seen);
    if (option == CURLOPT_CURLU)
        handle->outgoing.address_lost = !seen || seen[0] != '\0';
}

/* -- the request is made --------------------------------------------------- */

/* Decides by the header list. The body is read only if a header shows a call.
 */
static bool decide_by_headers(struct llmobs_handle *handle, CURL *curl)
{
    struct llmobs_call_origin *origin = &handle->origin;
    struct llmobs_match match = {
        .why = "no known method and path, and no known header"};
    bool is_call = false;

    if (handle->outgoing.early)
        follow_and_judge(handle, curl);
    if (origin->url[0] && llmobs_judge_has_sign(handle)) {
        if (!handle->outgoing.early)
            llmobs_handle_measure(handle);
        if (handle->in & LLMOBS_IN_PREREQ)
            llmobs_handle_defer(handle);
        is_call = llmobs_judge_request(handle, origin->url, &match);
    }
    if (!is_call) {
        llmobs_judge_log(llmobs_handle_method(handle), origin->url, &match,
                         false);
        return false;
    }
    /* The call's origin is found now. In a multi the function that made the
     * call may have returned: the span names the caller of this drive instead.
     */
    if (llmobs_handle_multi(handle))
        handle->called_from = llmobs_members_drive_entry(&handle->member);
    if ((!origin->exchange && !llmobs_call_origin_open(handle)) ||
        !llmobs_outgoing_open(handle, &match)) {
        llmobs_worker_count_lost(worker, LLMOBS_STAT_dropped_memory);
        return false;
    }
    if (handle->outgoing.body_later)
        llmobs_outgoing_write_start(handle);
    return true;
}

/* True where the request is a call. */
static bool read_outgoing(struct llmobs_handle *handle, CURL *curl)
{
    struct llmobs_call_origin *origin = &handle->origin;
    struct llmobs_match match = {0};
    bool is_call = false;
    const char *url;

    /* The program has set another REQUEST_TARGET since the transfer began:
     * libcurl reads the newest as it makes the request. */
    if (handle->outgoing.target_set && handle->origin.url[0]) {
        url = llmobs_outgoing_ask(handle, curl, CURLINFO_EFFECTIVE_URL);
        llmobs_handle_lock(handle);
        if (url)
            set_address(handle, url);
        llmobs_handle_unlock(handle);
    }
    if (handle->step == LLMOBS_STEP_HEADERS && !decide_by_headers(handle, curl))
        return false;
    if (handle->outgoing.early)
        follow_and_judge(handle, curl);
    if ((handle->in & LLMOBS_IN_PREREQ) || handle->outgoing.body_later)
        llmobs_handle_defer(handle);
    llmobs_handle_lock(handle);
    if (handle->exchange) {
        is_call = read_call(handle, curl, &match);
        if (!is_call) {
            origin->exchange = handle->exchange;
            handle->exchange = NULL;
        }
    } else if (origin->exchange && origin->url[0]) {
        (void)llmobs_judge_request(handle, origin->url, &match);
    }
    llmobs_handle_unlock(handle);
    llmobs_judge_log(llmobs_handle_method(handle), origin->url, &match,
                     is_call);
    if (is_call)
        llmobs_worker_warm(worker);
    if (origin->exchange && llmobs_judge_may_pass(handle) && match.inject &&
        llmobs_judge_wants_headers(handle, &match))
        pass_context_on(handle, curl, &origin->exchange->context);
    return is_call;
}

void llmobs_outgoing_read(struct llmobs_handle *handle, CURL *curl)
{
    int state, saved = errno;

    if (!handle->origin.url) {
        if (handle->outgoing.body_later) {
            /* Each round of an authentication is another request; the last one
             * counts. The whole URL was needed by the first round alone, and
             * all rounds have the same credentials. */
            struct llmobs_exchange *exchange;

            llmobs_handle_defer(handle);
            llmobs_handle_lock(handle);
            exchange = handle->exchange;
            if (exchange &&
                (exchange->status == 401 || exchange->status == 407)) {
                llmobs_headers_clear(&exchange->request_headers);
                set_method(exchange, handle);
                (void)llmobs_call_origin_read_head(
                    llmobs_handle_headers(handle), "", exchange);
            }
            llmobs_handle_unlock(handle);
        }
        errno = saved;
        return;
    }
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    handle->step =
        read_outgoing(handle, curl) ? LLMOBS_STEP_CALL : LLMOBS_STEP_BEGUN;
    llmobs_handle_drop_origin(handle);
    pthread_setcancelstate(state, NULL);
    errno = saved;
}

/* -- a body that goes later than its request ------------------------------- */

static bool waits(const struct llmobs_handle *handle)
{
    return handle->outgoing.body_later &&
           llmobs_shown(handle->outgoing.fields) &&
           handle->step == LLMOBS_STEP_CALL && handle->in;
}

/* Copies the first `most` bytes of the body that were not copied before. */
static void copy_up_to(struct llmobs_handle *handle, uint64_t most)
{
    struct llmobs_outgoing *outgoing = &handle->outgoing;
    struct llmobs_exchange *exchange;
    struct llmobs_text body;
    bool first;

    if (most <= outgoing->fields_sent)
        return;
    body = llmobs_handle_fields(handle, most);
    llmobs_handle_lock(handle);
    exchange = handle->exchange;
    if (exchange && body.len > outgoing->fields_sent) {
        first = exchange->unsent && exchange->request.total == 0;
        if (exchange->masked) /* its end may have cut a secret */
            outgoing->fields_sent = 0;
        if (outgoing->fields_sent == 0)
            llmobs_exchange_rewind(exchange, 0);
        llmobs_exchange_sent(exchange, body.data + outgoing->fields_sent,
                             body.len - outgoing->fields_sent);
        outgoing->fields_sent = body.len;
        if (body.len < most) /* there is no more */
            outgoing->fields = llmobs_hide(NULL);
        exchange->unsent = false;
        if (first)
            llmobs_worker_begin(worker, exchange, LLMOBS_STAGE_BEGIN);
    }
    llmobs_handle_unlock(handle);
}

void llmobs_outgoing_copy_sent(struct llmobs_handle *handle)
{
    CURL *curl = llmobs_keyed_key(&handle->keyed);
    curl_off_t sent = 0;

    if (waits(handle) && handle->real->easy_getinfo &&
        handle->real->easy_getinfo(curl, CURLINFO_SIZE_UPLOAD_T, &sent) ==
            CURLE_OK &&
        sent > 0)
        copy_up_to(handle, (uint64_t)sent);
}

/* A function of the app's that ended the transfer may have freed the body; and
 * of a request that another transfer's has changed the body confirms nothing.
 */
void llmobs_outgoing_copy_unsent(struct llmobs_handle *handle, CURL *curl,
                                 CURLcode code)
{
    struct llmobs_exchange *exchange;

    llmobs_outgoing_follow_unsent(handle, curl);
    if (code == CURLE_OK || code == CURLE_ABORTED_BY_CALLBACK ||
        handle->app.unseen || handle->step != LLMOBS_STEP_CALL ||
        handle->outgoing.request_changed ||
        !llmobs_handle_body_is_there(handle))
        return;
    if (waits(handle))
        copy_up_to(handle, UINT64_MAX);
    llmobs_handle_lock(handle);
    exchange = handle->exchange;
    if (exchange && exchange->unsent && !exchange->request.total) {
        if (exchange->multipart && exchange->match.form)
            llmobs_handle_send_form(handle, exchange);
        else if (!exchange->multipart &&
                 llmobs_rules_keeps(&exchange->match,
                                    llmobs_handle_body(handle)))
            llmobs_handle_copy_body(handle, exchange);
    }
    llmobs_handle_unlock(handle);
}

/* libcurl sends no body while it authenticates: then a 100 does not mean that
 * the body goes. */
void llmobs_outgoing_answered(struct llmobs_handle *handle, const char *data,
                              size_t len)
{
    int saved = errno;

    if (!waits(handle) || handle->app.unseen || handle->outgoing.auth_rounds ||
        len == 0)
        return;
    if (len > 5 && memcmp(data, "HTTP/", 5) == 0) {
        const char *space = memchr(data, ' ', len);

        handle->outgoing.got_100 = space && len - (size_t)(space - data) >= 4 &&
                                   memcmp(space, " 100", 4) == 0;
    }
    if (handle->outgoing.got_100 &&
        ((len <= 2 && data[len - 1] == '\n') ||
         (len >= 4 && memcmp(data + len - 4, "\r\n\r\n", 4) == 0)))
        copy_up_to(handle, UINT64_MAX);
    errno = saved;
}

/* -- a handle that nobody saw being made ----------------------------------- */

/* Since 7.72 libcurl can say the method. Sent bytes prove that the request had
 * a body; where no answer came, the method POST proves it as well. */
static void ask_method(struct llmobs_handle *handle, CURL *curl)
{
    const struct llmobs_real *real = handle->real;
    const char *method = llmobs_outgoing_ask(handle, curl, LLMOBS_INFO_METHOD);
    curl_off_t sent = 0;
    long status = 0;

    (void)real->easy_getinfo(curl, CURLINFO_SIZE_UPLOAD_T, &sent);
    (void)real->easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (!method)
        method = sent > 0 ? "POST" : "GET";
    snprintf(handle->app.custom_request, sizeof(handle->app.custom_request),
             "%s", method);
    handle->app.request =
        sent > 0 || (status == 0 && strcmp(method, "POST") == 0)
            ? LLMOBS_HTTP_POST
            : LLMOBS_HTTP_GET;
}

/* The worker also gets an exchange that turns out to be no call: it counts. */
static void open_judged(struct llmobs_handle *handle,
                        const struct llmobs_match *match)
{
    llmobs_handle_begin_transfer(handle, LLMOBS_STEP_BEGUN);
    if (!llmobs_outgoing_open(handle, match)) {
        llmobs_worker_count_lost(worker, LLMOBS_STAT_dropped_memory);
        return;
    }
    llmobs_outgoing_write_start(handle);
    llmobs_handle_lock(handle);
    if (handle->exchange) {
        handle->exchange->unsent = false;
        handle->exchange->seen_late = true;
    }
    llmobs_handle_unlock(handle);
}

void llmobs_outgoing_open_unseen(struct llmobs_handle *handle, CURL *curl)
{
    struct llmobs_match match = {0};
    const char *url = llmobs_outgoing_ask(handle, curl, CURLINFO_EFFECTIVE_URL);
    enum llmobs_http_verb verb = handle->app.request;
    char custom[sizeof(handle->app.custom_request)];
    bool is_call;

    if (!url || !url[0] || !(handle->origin.url = strdup(url)))
        return;
    memcpy(custom, handle->app.custom_request, sizeof(custom));
    ask_method(handle, curl);
    is_call = llmobs_judge_may_begin(handle) &&
              llmobs_judge_url(handle, url, &match) == LLMOBS_PERHAPS_CALL;
    llmobs_judge_log(llmobs_handle_method(handle), url, &match, is_call);
    if (is_call)
        open_judged(handle, &match);
    else if (llmobs_handle_sends_body(handle))
        llmobs_stats_add(LLMOBS_STAT_unjudged, 1);
    llmobs_handle_drop_origin(handle);
    memcpy(handle->app.custom_request, custom, sizeof(custom));
    handle->app.request = verb;
}
