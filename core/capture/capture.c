#include "core/capture/capture_inner.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/fork.h"
#include "core/event/curlcode.h"

/* How long the exit handler waits for a thread that is appending. */
#define EXIT_LOCK_MS 5

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
    llmobs_handle_drop_origin(handle);
    handle->latch.on = false;
    if (!exchange)
        return;
    llmobs_worker_cancel(llmobs_capture_worker(), exchange);
    llmobs_exchange_free(exchange);
}

/* The app's own error buffer says more than the code; else libcurl's text.
 * libcurl empties it as a transfer begins, and never writes beyond its size. It
 * is certain to be there as easy_perform returns alone: in a multi nobody says
 * in which drive libcurl wrote it, and the app may have freed it since. */
static void copy_error(const struct llmobs_handle *handle,
                       struct llmobs_exchange *exchange)
{
    const char *text =
        atomic_load(&handle->multi) ? NULL : handle->error_buffer;

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

struct llmobs_handle *llmobs_capture_new_handle(const struct llmobs_real *real,
                                                CURL *curl)
{
    struct llmobs_handle *stale = llmobs_handle_find(curl);

    if (stale)
        llmobs_capture_finish(stale, LLMOBS_END_REMOVED, CURLE_OK);
    return llmobs_handle_create(real, curl);
}

/* libcurl never made the request, or never came to its body: method and URL say
 * whether it was a call, or a copy of the body, where we have one. */
static void settle_unsent(struct llmobs_exchange *exchange)
{
    if (exchange->unsent && !exchange->request.total && exchange->stands)
        exchange->match.confirm = false;
}

static void copy_unsent(const struct llmobs_handle *handle,
                        struct llmobs_exchange *exchange)
{
    if (exchange->unsent && handle->has_copy && !exchange->request.total)
        llmobs_handle_copy_body(handle, &exchange->request);
    if (exchange->unsent && handle->origin.url &&
        (exchange->stands || exchange->request.total))
        llmobs_capture_tell(llmobs_handle_method(handle), handle->origin.url,
                            &exchange->match, true);
}

static void finish(struct llmobs_handle *handle,
                   struct llmobs_exchange *exchange, enum llmobs_end end,
                   CURLcode code)
{
    copy_unsent(handle, exchange);
    if (end != LLMOBS_END_DONE || code != CURLE_OK || handle->latch.later)
        settle_unsent(exchange);
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
    llmobs_worker_give(llmobs_capture_worker(), &exchange->item);
}

void llmobs_capture_finish(struct llmobs_handle *handle, enum llmobs_end end,
                           CURLcode code)
{
    struct llmobs_exchange *exchange = handle->capturing ? take(handle) : NULL;

    if (exchange && exchange->process == llmobs_fork_process())
        finish(handle, exchange, end, code);
    else
        llmobs_exchange_free(exchange);
    llmobs_handle_drop_origin(handle);
    handle->latch.on = false;
}

static void abandon(struct llmobs_handle *handle, void *ctx)
{
    struct llmobs_exchange *exchange;

    (void)ctx;
    if (!llmobs_handle_trylock(handle, EXIT_LOCK_MS))
        return;
    exchange = handle->exchange;
    handle->exchange = NULL;
    llmobs_handle_unlock(handle);
    if (!exchange || exchange->process != llmobs_fork_process())
        return;
    settle_unsent(exchange);
    exchange->end = LLMOBS_END_EXIT;
    exchange->duration_ns = llmobs_clock_mono_ns() - exchange->start_mono_ns;
    llmobs_worker_give(llmobs_capture_worker(), &exchange->item);
}

void llmobs_capture_abandon_all(void)
{
    llmobs_handle_each(abandon, NULL);
}
