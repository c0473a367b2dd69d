/* Follows one transfer of libcurl, and submits its exchange. */
#include "core/capture/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/floats.h"
#include "lib/base/fork.h"
#include "lib/base/log.h"
#include "core/capture/callbacks.h"
#include "core/capture/global.h"
#include "core/capture/judge.h"
#include "core/capture/call_origin.h"
#include "core/capture/outgoing.h"
#include "core/capture/unseen.h"
#include "core/capture/wire.h"
#include "core/event/curlcode.h"
#include "core/sdk/thread_state.h"

/* How many milliseconds the exit handler waits for a thread that is appending.
 */
#define EXIT_LOCK_MS 5

/* Set once before any handle exists, constant afterwards. */
static struct llmobs_worker *worker;
/* Of a run with --intercept: the proxy that libcurl's https would have without
 * the run's; NULL: no such run. */
static const char *past_proxy;

void llmobs_capture_init(const struct llmobs_config *config,
                         const struct llmobs_rules *rules,
                         struct llmobs_worker *the_worker)
{
    worker = the_worker;
    if (getenv("LLMOBS_INTERCEPT"))
        past_proxy = getenv("LLMOBS_INTERCEPT_PAST");
    past_proxy = past_proxy ? strdup(past_proxy) : NULL;
    llmobs_handle_init();
    llmobs_call_origin_init(config);
    llmobs_replay_init(config->replay_url);
    llmobs_judge_init(config, rules);
    llmobs_outgoing_init(config, worker);
    llmobs_wire_init(config, worker);
}

/* -- records of handles ---------------------------------------------------- */

struct llmobs_handle *llmobs_capture_new_handle(const struct llmobs_real *real,
                                                CURL *curl)
{
    struct llmobs_handle *stale = llmobs_handle_find(curl);

    if (stale)
        llmobs_capture_close(stale, LLMOBS_END_REMOVED, CURLE_OK);
    return llmobs_handle_create(real, curl);
}

struct llmobs_handle *llmobs_capture_unseen_handle(
    const struct llmobs_real *real, CURL *curl)
{
    int saved = errno;
    struct llmobs_handle *handle =
        curl ? llmobs_handle_create(real, curl) : NULL;

    if (handle) {
        handle->app.unseen = true;
        llmobs_log_once(
            LLMOBS_LOG_WARN, "handles unseen",
            "the program made a handle of libcurl before the library saw its "
            "calls: until curl_easy_reset the library knows of it what the "
            "program sets from now on, and what libcurl tells");
        llmobs_global_up(real, LLMOBS_UP_HANDLE);
    }
    errno = saved;
    return handle;
}

struct llmobs_handle *llmobs_capture_twin(const struct llmobs_handle *from,
                                          CURL *twin)
{
    struct llmobs_handle *to;

    llmobs_callbacks_restore(from, twin);
    to = llmobs_capture_new_handle(from->real, twin);
    if (!to || llmobs_handle_copy(to, from))
        return to;
    llmobs_handle_detach(to);
    llmobs_handle_release(to);
    return NULL;
}

/* Forgets what the handle holds for the call that it was to make. */
static void drop_call(struct llmobs_handle *handle)
{
    llmobs_handle_drop_transfer(handle);
    llmobs_handle_forget_list(handle);
}

void llmobs_capture_cancel(struct llmobs_handle *handle, CURL *curl)
{
    struct llmobs_exchange *exchange = llmobs_handle_claim_exchange(handle);

    llmobs_callbacks_swap_out(handle, curl);
    drop_call(handle);
    if (!exchange)
        return;
    llmobs_worker_cancel(worker, exchange);
    llmobs_exchange_free(exchange);
}

/* -- the app makes the call ------------------------------------------------ */

/* Ends a call that has no end yet, by a longjmp or by a reset under way. */
static void begin_anew(struct llmobs_handle *handle)
{
    llmobs_capture_close(handle, LLMOBS_END_REMOVED, CURLE_OK);
    handle->origin.proxying = llmobs_thread_state_proxied();
}

/* Judges by our own copy of the URL alone; a CURLU is not asked yet. */
static enum llmobs_verdict judge_added(const struct llmobs_handle *handle)
{
    struct llmobs_match match;
    char *owned = NULL;
    const char *url;
    enum llmobs_verdict verdict = LLMOBS_NO_CALL;

    if (llmobs_handle_curlu(handle))
        return LLMOBS_PERHAPS_CALL;
    url = llmobs_handle_url(handle, &owned);
    if (url)
        verdict = llmobs_judge_url(handle, url, &match);
    if (url && verdict == LLMOBS_NO_CALL)
        llmobs_judge_log(llmobs_handle_method(handle), url, &match, false);
    free(owned);
    return verdict;
}

void llmobs_capture_add(struct llmobs_handle *handle)
{
    struct llmobs_call_origin *origin = &handle->origin;
    int saved = errno;
    bool used;

    begin_anew(handle);
    used = llmobs_thread_state_used();
    if (handle->app.unseen)
        handle->verdict = LLMOBS_PERHAPS_CALL;
    else if (llmobs_judge_may_begin(handle))
        handle->verdict = (unsigned char)judge_added(handle);
    /* Where the header list decides, libcurl reads it later, and the thread may
     * have another context by then. */
    if (handle->verdict == LLMOBS_HEADERS_DECIDE
            ? used
            : handle->verdict > LLMOBS_NO_CALL) {
        (void)llmobs_call_origin_open(handle);
    } else if (used) {
        origin->span = llmobs_thread_state_top();
        if (!origin->span)
            origin->span = llmobs_thread_state_entry();
        origin->annotations = llmobs_annotation_context_pack();
    }
    origin->found_at_add = true;
    errno = saved;
}

void llmobs_capture_lose(struct llmobs_handle *handle)
{
    if (handle->origin.exchange)
        llmobs_worker_count_lost(worker, LLMOBS_STAT_dropped_memory);
    drop_call(handle);
}

/* -- libcurl begins the transfer ------------------------------------------- */

/* A libcurl without prereq callbacks offers no later moment, so the request is
 * read here. */
static bool put_callbacks_in(struct llmobs_handle *handle, CURL *curl)
{
    if (!llmobs_callbacks_swap_in(handle, curl)) {
        if (handle->step == LLMOBS_STEP_CALL)
            llmobs_worker_count_lost(worker, LLMOBS_STAT_dropped_memory);
        llmobs_capture_cancel(handle, curl);
        return false;
    }
    if ((handle->in & LLMOBS_IN_PREREQ) || handle->app.unseen)
        llmobs_outgoing_write_start(handle);
    if (handle->in & LLMOBS_IN_PREREQ)
        return true;
    llmobs_callbacks_read_request(handle, curl);
    if (handle->step == LLMOBS_STEP_CALL || (handle->in & LLMOBS_IN_HEADERS))
        return true;
    llmobs_callbacks_swap_out(handle, curl);
    return false;
}

static bool save_url(struct llmobs_handle *handle, const char *url,
                     enum llmobs_step step)
{
    handle->origin.url = strdup(url);
    if (!handle->origin.url)
        return false;
    handle->origin.headers_exposed = llmobs_handle_exposes_headers(handle);
    llmobs_handle_begin_transfer(handle, step);
    return true;
}

/* False: without memory. */
static bool save_origin(struct llmobs_handle *handle, const char *url,
                        enum llmobs_step step)
{
    return (handle->origin.exchange || llmobs_call_origin_open(handle)) &&
           save_url(handle, url, step);
}

/* Judges by method and URL. */
static bool start_known(struct llmobs_handle *handle, CURL *curl)
{
    enum llmobs_verdict verdict = handle->verdict;
    struct llmobs_match match;
    char *owned = NULL;
    const char *url;
    bool begun = false;

    if (verdict == LLMOBS_NO_CALL)
        return false;
    if (!llmobs_judge_may_begin(handle)) {
        llmobs_judge_log_bodyless(handle);
        return false;
    }
    /* The app may free or replace a URL handle until libcurl asks it, so the
     * library waits for libcurl's own answer. If libcurl has an empty address
     * now, the address that it has later is the URL handle's. Otherwise the
     * address is unknown, and the transfer is not observed. */
    if (llmobs_handle_curlu(handle) && llmobs_handle_early(handle)) {
        url = llmobs_outgoing_ask(handle, curl, CURLINFO_EFFECTIVE_URL);
        if (!url || url[0] || !save_origin(handle, "", LLMOBS_STEP_ADDRESS))
            return false;
        handle->outgoing.seen_url = llmobs_hide(url);
        llmobs_outgoing_start_clock(&handle->origin);
        return put_callbacks_in(handle, curl);
    }
    url = llmobs_handle_url(handle, &owned);
    if (!url)
        return false;
    if (verdict != LLMOBS_HEADERS_DECIDE)
        verdict = llmobs_judge_url(handle, url, &match);
    if (verdict == LLMOBS_HEADERS_DECIDE) {
        /* libcurl reads the list that decides later. Most such requests are
         * not calls of models, so the library saves only what it needs when
         * the list is read, and does not look at the body. */
        handle->origin.began_ns = llmobs_clock_mono_ns();
        begun = save_url(handle, url, LLMOBS_STEP_HEADERS) &&
                put_callbacks_in(handle, curl);
    } else if (verdict == LLMOBS_NO_CALL) {
        llmobs_judge_log(llmobs_handle_method(handle), url, &match, false);
    } else {
        bool calls = verdict == LLMOBS_PERHAPS_CALL; /* or passes context on */

        begun = save_origin(handle, url, LLMOBS_STEP_BEGUN) &&
                (!calls || llmobs_outgoing_open(handle, &match));
        if (!begun && calls)
            llmobs_worker_count_lost(worker, LLMOBS_STAT_dropped_memory);
        begun = begun && put_callbacks_in(handle, curl);
        if (begun && !handle->app.unseen)
            llmobs_replay_lead(&handle->replay, &handle->app, handle->real,
                               curl, url);
    }
    free(owned);
    return begun;
}

/* Sets an option, which the program has set unseen, to what libcurl has. */
static void set_from_libcurl(struct llmobs_handle *handle, CURLoption option,
                             const char *text)
{
    llmobs_settings_set(&handle->app, llmobs_setting(option),
                        (void *)(uintptr_t)text, 0);
}

/* True where the library has seen the program set the kind of the request: the
 * call then begins like others. Asks libcurl for the URL, and for an unusual
 * method; GET, POST and PUT may be those of the last transfer. False where
 * calls may go unseen, as this may be another handle at the same address. */
static bool fill_in(struct llmobs_handle *handle, CURL *curl)
{
    const char *url, *method;

    if (!handle->app.knows_verb || !handle->real->easy_getinfo ||
        llmobs_unseen_any())
        return false;
    method = llmobs_outgoing_ask(handle, curl, LLMOBS_INFO_METHOD);
    if (method && strcmp(method, "HEAD") == 0)
        return false;
    if (method && !handle->app.custom_request[0] &&
        strcmp(method, "GET") != 0 && strcmp(method, "POST") != 0 &&
        strcmp(method, "PUT") != 0)
        set_from_libcurl(handle, CURLOPT_CUSTOMREQUEST, method);
    if (handle->app.knows_url)
        return true;
    url = llmobs_outgoing_ask(handle, curl, CURLINFO_EFFECTIVE_URL);
    if (url && url[0])
        set_from_libcurl(handle, CURLOPT_URL, url);
    return url && url[0];
}

bool llmobs_capture_start(struct llmobs_handle *handle, CURL *curl)
{
    int saved = errno;
    bool begun;
    const char *url;
    bool plain;

    llmobs_worker_count_call(worker);
    /* Calls by libcurl are seen here, and so go past the proxy of the run,
     * where they would be seen once more. Nor does `curl -i` show its head. */
    url = handle->app.url;
    plain = url && strncasecmp(url, "https:", 6) != 0;
    if (past_proxy && !handle->app.unseen &&
        handle->app.proxy == LLMOBS_PROXY_BY_ENVIRONMENT)
        (void)handle->real->easy_setopt(curl, CURLOPT_PROXY,
                                        plain ? NULL : past_proxy);
    if (!handle->app.unseen || fill_in(handle, curl)) {
        begun = start_known(handle, curl);
    } else {
        /* Nobody knows the call's origin later. All other facts are asked for
         * at the end of the transfer. */
        handle->origin.began_ns = llmobs_clock_mono_ns();
        begun = handle->origin.exchange || llmobs_call_origin_open(handle);
    }
    if (!begun)
        drop_call(handle);
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

/* -- what libcurl measured ------------------------------------------------- */

static double time_ms(const struct llmobs_real *real, CURL *curl, CURLINFO info)
{
    double seconds = 0;

    if (real->easy_getinfo(curl, info, &seconds) != CURLE_OK || seconds <= 0)
        return -1;
    return seconds * 1000;
}

static int64_t count_of(const struct llmobs_real *real, CURL *curl,
                        CURLINFO info)
{
    curl_off_t count = -1;

    if (real->easy_getinfo(curl, info, &count) != CURLE_OK)
        return -1;
    return count;
}

static long long_of(const struct llmobs_real *real, CURL *curl, CURLINFO info)
{
    long value = 0;

    if (real->easy_getinfo(curl, info, &value) != CURLE_OK)
        return 0;
    return value;
}

/* The status that libcurl has. After a reset libcurl has no status: then the
 * status of a header line counts, unless a proxy refused the tunnel with it. */
static long status_now(const struct llmobs_real *real, CURL *curl, long seen)
{
    long status = long_of(real, curl, CURLINFO_RESPONSE_CODE);

    if (status >= 200)
        return status;
    return seen == long_of(real, curl, CURLINFO_HTTP_CONNECTCODE) ? 0 : seen;
}

static void miss_body(struct llmobs_body *body, int64_t len)
{
    if (!body->unseen)
        llmobs_body_miss(body, len > 0 ? (uint64_t)len : 0);
    body->unseen = true;
}

/* Copies the sizes of the bodies that the library did not see. If method and
 * URL alone prove a call, it needs no request's body to confirm it. */
static void miss_bodies(const struct llmobs_handle *handle,
                        struct llmobs_exchange *exchange)
{
    if (!exchange->request.total && !exchange->unsent) {
        miss_body(&exchange->request, exchange->transfer.bytes_sent);
        exchange->match.confirm &= !exchange->stands;
    }
    if (!(handle->in & LLMOBS_IN_WRITE))
        miss_body(&exchange->response, exchange->transfer.bytes_received);
}

/* libcurl computes the times when it is asked for them. */
LLMOBS_FLOATS_WITHIN static void measure(struct llmobs_handle *handle,
                                         CURL *curl)
{
    const struct llmobs_real *real = handle->real;
    struct llmobs_transfer transfer;
    double total_ms;

    transfer.http_version = long_of(real, curl, CURLINFO_HTTP_VERSION);
    transfer.redirects = long_of(real, curl, CURLINFO_REDIRECT_COUNT);
    transfer.bytes_sent = count_of(real, curl, CURLINFO_SIZE_UPLOAD_T);
    transfer.bytes_received = count_of(real, curl, CURLINFO_SIZE_DOWNLOAD_T);
    transfer.dns_ms = time_ms(real, curl, CURLINFO_NAMELOOKUP_TIME);
    transfer.connect_ms = time_ms(real, curl, CURLINFO_CONNECT_TIME);
    transfer.tls_ms = time_ms(real, curl, CURLINFO_APPCONNECT_TIME);
    transfer.first_byte_ms = time_ms(real, curl, CURLINFO_STARTTRANSFER_TIME);
    total_ms = time_ms(real, curl, CURLINFO_TOTAL_TIME);
    llmobs_handle_lock(handle);
    /* After a reset libcurl knows nothing more. */
    if (handle->exchange && (total_ms > 0 || !handle->exchange->duration_ns)) {
        handle->exchange->transfer = transfer;
        handle->exchange->status =
            status_now(real, curl, handle->exchange->status);
        if (total_ms > 0)
            handle->exchange->duration_ns = (int64_t)(total_ms * 1000000);
    }
    if (handle->exchange && (handle->app.unseen || handle->exchange->seen_late))
        miss_bodies(handle, handle->exchange);
    llmobs_handle_unlock(handle);
}

void llmobs_capture_measure(struct llmobs_handle *handle, CURL *curl)
{
    struct llmobs_floats floats;
    int saved = errno;

    if (handle->app.unseen && handle->origin.exchange &&
        handle->step == LLMOBS_STEP_NONE)
        llmobs_outgoing_open_unseen(handle, curl);
    llmobs_outgoing_follow_unsent(handle, curl);
    if (handle->step != LLMOBS_STEP_CALL || !handle->real->easy_getinfo)
        return;
    floats = llmobs_floats_begin();
    measure(handle, curl);
    llmobs_floats_end(floats);
    errno = saved;
}

/* -- the end --------------------------------------------------------------- */

/* libcurl has sent no body. If there is a copy of it, the worker judges by the
 * copy; if not, `stands` says whether method and URL alone prove a call. */
static void judge_without_body(struct llmobs_exchange *exchange)
{
    if (exchange->unsent && !exchange->request.total && exchange->stands)
        exchange->match.confirm = false;
}

static void end_exchange(struct llmobs_handle *handle,
                         struct llmobs_exchange *exchange, enum llmobs_end end,
                         CURLcode code)
{
    int64_t last;

    if (exchange->unsent && handle->app.has_copy && !exchange->request.total &&
        llmobs_rules_keeps(&exchange->match,
                           llmobs_body_head(&handle->app.copied)))
        llmobs_handle_copy_body(handle, exchange);
    if (exchange->unsent && handle->origin.url &&
        (exchange->stands || exchange->request.total))
        llmobs_judge_log(llmobs_handle_method(handle), handle->origin.url,
                         &exchange->match, true);
    if (end != LLMOBS_END_DONE || code != CURLE_OK ||
        handle->outgoing.body_later)
        judge_without_body(exchange);
    exchange->end = end;
    if (end == LLMOBS_END_DONE) {
        exchange->code = (int)code;
        exchange->code_name = llmobs_curlcode_name((int)code);
        if (code != CURLE_OK) {
            /* Copies the app's error buffer, which says more than the code. If
             * the buffer is empty, copies libcurl's text for the code. libcurl
             * empties the buffer when a transfer begins, and never writes
             * beyond its size. The buffer is certain to exist only when
             * easy_perform returns. In a multi it is unknown in which drive
             * libcurl wrote to the buffer, and the app may have freed it since.
             */
            const char *text = llmobs_handle_multi(handle)
                                   ? NULL
                                   : llmobs_shown(handle->app.error_buffer);

            if ((!text || !text[0]) && handle->real->easy_strerror)
                text = handle->real->easy_strerror((CURLcode)exchange->code);
            snprintf(exchange->error_text, sizeof(exchange->error_text), "%.*s",
                     CURL_ERROR_SIZE - 1, text ? text : "");
        }
    }
    /* A transfer in a multi ended when libcurl says, not when the app reads the
     * message; an easy transfer, and one that is cut off, ends now. */
    if (!llmobs_handle_multi(handle) || end != LLMOBS_END_DONE ||
        exchange->duration_ns <= 0)
        exchange->duration_ns =
            llmobs_clock_mono_ns() - exchange->start_mono_ns;
    /* libcurl's clock starts a little after the exchange's: no mark may lie
     * after the end. */
    if (exchange->mark_count > 0) {
        last = exchange->marks[exchange->mark_count - 1].at_ns -
               exchange->start_mono_ns;
        if (exchange->duration_ns < last)
            exchange->duration_ns = last;
    }
    llmobs_exchange_end(exchange);
    if (exchange->process == llmobs_fork_process())
        llmobs_worker_submit(worker, &exchange->item);
    else
        llmobs_worker_end_parents(worker, exchange);
}

void llmobs_capture_finish(struct llmobs_handle *handle, enum llmobs_end end,
                           CURLcode code)
{
    struct llmobs_exchange *exchange =
        handle->step == LLMOBS_STEP_CALL ? llmobs_handle_claim_exchange(handle)
                                         : NULL;

    if (exchange &&
        (exchange->process == llmobs_fork_process() || end == LLMOBS_END_DONE))
        end_exchange(handle, exchange, end, code);
    else
        llmobs_exchange_free(exchange);
    if (handle->step == LLMOBS_STEP_HEADERS)
        llmobs_judge_log_unsent(handle);
    if (handle->step)
        llmobs_handle_forget_list(handle);
    llmobs_handle_drop_transfer(handle);
}

void llmobs_capture_close(struct llmobs_handle *handle, enum llmobs_end end,
                          CURLcode code)
{
    if (handle->raw)
        llmobs_wire_event(handle->raw, &(struct llmobs_wire_event){
                                           LLMOBS_WIRE_ENDED, NULL,
                                           LLMOBS_WIRE_FREED, .fd = -1});
    handle->raw = NULL;
    llmobs_capture_finish(handle, end, code);
}

/* libcurl computes the time when it is asked for it. */
LLMOBS_FLOATS_WITHIN static int64_t took_ns(const struct llmobs_handle *handle,
                                            CURL *curl)
{
    double ms = time_ms(handle->real, curl, CURLINFO_TOTAL_TIME);

    return ms > 0 ? (int64_t)(ms * 1000000) : 0;
}

void llmobs_capture_late(struct llmobs_handle *handle, CURLM *multi, CURL *curl,
                         CURLcode code)
{
    struct llmobs_floats floats = llmobs_floats_begin();
    int64_t took = took_ns(handle, curl);

    llmobs_floats_end(floats);
    begin_anew(handle);
    handle->origin.began_ns = llmobs_clock_mono_ns() - took;
    if (llmobs_call_origin_open(handle))
        llmobs_outgoing_open_unseen(handle, curl);
    llmobs_handle_join(handle, multi);
    llmobs_capture_measure(handle, curl);
    llmobs_capture_finish(handle, LLMOBS_END_DONE, code);
    llmobs_handle_join(handle, NULL);
}

static void abandon_handle(struct llmobs_handle *handle, void *ctx)
{
    struct llmobs_exchange *exchange;

    (void)ctx;
    if (!llmobs_holder_trylock(&handle->exchange_holder, EXIT_LOCK_MS))
        return;
    exchange = handle->exchange;
    handle->exchange = NULL;
    llmobs_handle_unlock(handle);
    if (!exchange || exchange->process != llmobs_fork_process())
        return;
    judge_without_body(exchange);
    exchange->end = LLMOBS_END_EXIT;
    exchange->duration_ns = llmobs_clock_mono_ns() - exchange->start_mono_ns;
    llmobs_worker_submit(worker, &exchange->item);
}

void llmobs_capture_abandon_all(void)
{
    llmobs_handle_each(abandon_handle, NULL);
    llmobs_wire_abandon_all();
}
