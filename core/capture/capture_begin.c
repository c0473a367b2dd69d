/* capture_begin - how a call begins, as the app makes it and as libcurl begins
 * its transfer: the beginning of capture.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fork.h"
#include "core/capture/capture_inner.h"
#include "core/privacy/allowlist.h"
#include "core/sdk/annotation_pack.h"
#include "core/sdk/own_span.h"
#include "core/sdk/thread_state.h"
#include "core/trace/carrier.h"

/* ---- what is ours: when the app makes the call ------------------------- */

/* Without memory for it the span tells no caller. */
static struct llmobs_callsite *take_callsite(uintptr_t entry)
{
    struct llmobs_callsite *callsite;

    if (llmobs_capture_config()->callsite == LLMOBS_CALLSITE_OFF)
        return NULL;
    callsite = llmobs_callsite_take(llmobs_capture_config()->callsite ==
                                            LLMOBS_CALLSITE_ADDRESS
                                        ? LLMOBS_CALLSITE_NEAR
                                        : LLMOBS_CALLSITE_STACK,
                                    entry);
    if (callsite)
        callsite->frames = llmobs_capture_config()->callsite;
    return callsite;
}

/* The program's own span comes first, then the context of the request that it
 * serves; the one that it sends itself, between them, is still to be read. */
static void take_parent(struct llmobs_origin *origin,
                        struct llmobs_context *context)
{
    struct llmobs_carrier room;
    const struct llmobs_carrier *now = llmobs_own_span_carrier(&room);

    if (now->baggage)
        origin->baggage = strdup(now->baggage);
    origin->from_span =
        origin->waits
            ? origin->span && !llmobs_own_span_child(origin->span, context)
            : llmobs_own_span_child_of_current(context);
    origin->stranger = now->stranger;
    if (!origin->from_span)
        origin->carried =
            llmobs_context_from_carrier(context, llmobs_capture_config(), now);
}

static bool take_ours(struct llmobs_handle *handle)
{
    struct llmobs_origin *origin = &handle->origin;
    struct llmobs_exchange *exchange =
        llmobs_exchange_new(llmobs_capture_body_max());

    if (!exchange)
        return false;
    exchange->callsite = take_callsite(handle->called_from);
    handle->called_from = 0;
    exchange->annotations =
        origin->waits ? origin->annotations : llmobs_annotation_pack();
    origin->annotations = NULL;
    take_parent(origin, &exchange->context);
    origin->exchange = exchange;
    return true;
}

/* One that was left without an end, by longjmp or reset under way, ends. */
static void begin_anew(struct llmobs_handle *handle)
{
    llmobs_capture_finish(handle, LLMOBS_END_REMOVED, CURLE_OK);
    handle->origin.proxying = llmobs_thread_state_proxied();
}

/* By our own copy of the URL alone; what a CURLU says is not asked yet. */
static enum llmobs_verdict judge_added(const struct llmobs_handle *handle)
{
    struct llmobs_match match;
    char *owned = NULL;
    const char *url;
    enum llmobs_verdict verdict = LLMOBS_NOT_OURS;

    if (handle->curlu)
        return LLMOBS_PERHAPS_OURS;
    url = llmobs_handle_url(handle, &owned);
    if (url)
        verdict = llmobs_capture_judge(handle, url, &match);
    if (url && verdict == LLMOBS_NOT_OURS)
        llmobs_capture_tell(llmobs_handle_method(handle), url, &match, false);
    free(owned);
    return verdict;
}

void llmobs_capture_take(struct llmobs_handle *handle)
{
    struct llmobs_origin *origin = &handle->origin;
    int saved = errno;

    begin_anew(handle);
    if (llmobs_capture_may_begin(handle))
        origin->not_ours = judge_added(handle) == LLMOBS_NOT_OURS;
    if (llmobs_capture_may_begin(handle) && !origin->not_ours) {
        (void)take_ours(handle);
    } else if (llmobs_thread_state_used()) {
        origin->span = llmobs_thread_state_top();
        origin->annotations = llmobs_annotation_pack();
    }
    origin->waits = true;
    errno = saved;
}

void llmobs_capture_lose(struct llmobs_handle *handle)
{
    if (handle->origin.exchange)
        llmobs_worker_lose(llmobs_capture_worker());
    llmobs_handle_drop_origin(handle);
}

/* ---- what libcurl reads as the transfer begins ------------------------- */

void llmobs_capture_set_method(struct llmobs_exchange *exchange,
                               const struct llmobs_handle *handle)
{
    const char *method = llmobs_handle_method(handle);

    llmobs_context_text(exchange->method, sizeof(exchange->method),
                        (struct llmobs_text){method, strlen(method)});
}

/* A fork between the add and the transfer leaves each process a copy of what
 * was taken: the copy that begins in another process is another span. */
static void renew_ids(const struct llmobs_origin *origin,
                      struct llmobs_exchange *exchange)
{
    if (exchange->process == llmobs_fork_process())
        return;
    if (origin->from_span || origin->carried)
        llmobs_context_sibling(&exchange->context);
    else
        llmobs_context_root(&exchange->context, llmobs_capture_config());
}

/* It begins now, in this process, whenever it was taken. */
static void start_clock(struct llmobs_origin *origin)
{
    if (!origin->waits)
        return;
    renew_ids(origin, origin->exchange);
    llmobs_exchange_start(origin->exchange);
}

/* A body that libcurl measures may be copied as well. */
static bool start_exchange(struct llmobs_handle *handle,
                           const struct llmobs_match *match)
{
    struct llmobs_exchange *exchange = handle->origin.exchange;

    exchange->url = llmobs_allowlist_url_copy(handle->origin.url);
    if (!exchange->url)
        return false;
    if (!handle->latch.url_pending)
        start_clock(&handle->origin);
    exchange->match = *match;
    exchange->unsent = true;
    exchange->multipart = llmobs_handle_verb(handle) == LLMOBS_HTTP_FORM;
    llmobs_capture_set_method(exchange, handle);
    if (!handle->has_copy && handle->postfieldsize < 0 && !handle->latch.early)
        llmobs_handle_copy_body(handle, &exchange->request);
    return true;
}

static void publish(struct llmobs_handle *handle)
{
    llmobs_handle_lock(handle);
    handle->exchange = handle->origin.exchange;
    handle->origin.exchange = NULL;
    llmobs_handle_unlock(handle);
    handle->capturing = true;
}

bool llmobs_capture_open(struct llmobs_handle *handle,
                         const struct llmobs_match *match)
{
    if (!start_exchange(handle, match))
        return false;
    publish(handle);
    return true;
}

/* Where libcurl has no moment for it, the request is read at once. */
static bool put_in(struct llmobs_handle *handle, CURL *curl)
{
    if (!llmobs_capture_swap_in(handle, curl)) {
        if (handle->capturing)
            llmobs_worker_lose(llmobs_capture_worker());
        llmobs_capture_cancel(handle, curl);
        return false;
    }
    if (handle->swapped_prereq) {
        llmobs_capture_keep_start(handle);
        return true;
    }
    llmobs_capture_settle(handle, curl);
    if (handle->capturing || handle->injected)
        return true;
    llmobs_capture_swap_out(handle, curl);
    return false;
}

/* False: without memory. */
static bool take_all(struct llmobs_handle *handle, const char *url,
                     enum llmobs_verdict verdict,
                     const struct llmobs_match *match)
{
    struct llmobs_origin *origin = &handle->origin;

    if (!origin->exchange && !take_ours(handle))
        return false;
    origin->url = strdup(url);
    if (!origin->url)
        return false;
    origin->exposes = llmobs_handle_exposes_headers(handle);
    llmobs_handle_latch(handle);
    return verdict != LLMOBS_PERHAPS_OURS || llmobs_capture_open(handle, match);
}

static bool start_judged(struct llmobs_handle *handle, CURL *curl,
                         const char *url)
{
    struct llmobs_match match;
    enum llmobs_verdict verdict = llmobs_capture_judge(handle, url, &match);

    if (verdict == LLMOBS_NOT_OURS) {
        llmobs_capture_tell(llmobs_handle_method(handle), url, &match, false);
        return false;
    }
    if (!take_all(handle, url, verdict, &match)) {
        if (verdict == LLMOBS_PERHAPS_OURS)
            llmobs_worker_lose(llmobs_capture_worker());
        return false;
    }
    return put_in(handle, curl);
}

/* A URL handle may be freed or replaced until libcurl asks it, and libcurl
 * tells what it was told where it had no address before. */
static bool start_url_pending(struct llmobs_handle *handle, CURL *curl)
{
    const char *before =
        llmobs_capture_ask(handle, curl, CURLINFO_EFFECTIVE_URL);

    if (!before || before[0] || !take_all(handle, "", LLMOBS_PASSES_ON, NULL))
        return false;
    handle->latch.url_pending = true;
    handle->latch.seen_url = before;
    start_clock(&handle->origin);
    return put_in(handle, curl);
}

static bool start(struct llmobs_handle *handle, CURL *curl)
{
    char *owned = NULL;
    const char *url;
    bool begun;

    if (handle->origin.not_ours)
        return false;
    if (!llmobs_capture_may_begin(handle)) {
        llmobs_capture_tell_bodyless(handle);
        return false;
    }
    if (handle->curlu && llmobs_handle_early(handle))
        return start_url_pending(handle, curl);
    url = llmobs_handle_url(handle, &owned);
    begun = url && start_judged(handle, curl, url);
    free(owned);
    return begun;
}

bool llmobs_capture_start(struct llmobs_handle *handle, CURL *curl)
{
    int saved = errno;
    bool begun;

    llmobs_worker_call(llmobs_capture_worker());
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
