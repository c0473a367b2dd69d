#include "core/ops_multi.h"

#include <errno.h>
#include <stdatomic.h>

#include "core/capture.h"
#include "core/command.h"
#include "core/ops_news.h"
#include "core/ops_push.h"
#include "core/stack.h"

CURLMcode llmobs_ops_multi_setopt(const struct llmobs_real *real, CURLM *multi,
                                  CURLMoption option, void *arg)
{
    if (option == CURLMOPT_PUSHFUNCTION)
        return llmobs_push_setopt(real, multi, arg);
    return real->multi_setopt(multi, option, arg);
}

CURLMcode llmobs_ops_multi_add_handle(const struct llmobs_real *real,
                                      CURLM *multi, CURL *curl)
{
    struct llmobs_handle *handle = llmobs_handle_find(curl);
    bool begun;
    CURLMcode rc;
    int saved;

    if (!handle && curl)
        llmobs_news_stop();
    if (!handle || atomic_load(&handle->multi) || handle->swapped ||
        llmobs_push_is_blind())
        return real->multi_add_handle(multi, curl);
    llmobs_command_run(handle);
    handle->entry = LLMOBS_STACK_ENTRY();
    begun = llmobs_capture_begin(handle, curl);
    if (!begun && real->easy_getinfo)
        (void)real->easy_getinfo(curl, CURLINFO_REQUEST_SIZE,
                                 &handle->added_size);
    rc = real->multi_add_handle(multi, curl);
    saved = errno;
    handle->waits = rc == CURLM_OK && !begun;
    if (rc == CURLM_OK)
        atomic_store(&handle->multi, multi);
    else if (begun)
        llmobs_capture_cancel(handle, curl);
    errno = saved;
    return rc;
}

struct llmobs_ending llmobs_ops_multi_ending(const struct llmobs_handle *handle,
                                             CURL *curl)
{
    struct llmobs_ending ending = {LLMOBS_END_REMOVED, CURLE_OK};
    CURLM *multi = atomic_load(&handle->multi);
    int saved = errno;

    if (multi && handle->capturing &&
        llmobs_news_result(handle->real, multi, curl, &ending.code))
        ending.end = LLMOBS_END_DONE;
    errno = saved;
    return ending;
}

static void leave(struct llmobs_handle *handle, CURL *curl,
                  const struct llmobs_ending *ending)
{
    int saved = errno;

    handle->waits = false;
    llmobs_capture_swap_out(handle, curl);
    llmobs_capture_finish(handle, ending->end, ending->code);
    atomic_store(&handle->multi, NULL);
    errno = saved;
}

CURLMcode llmobs_ops_multi_remove_handle(const struct llmobs_real *real,
                                         CURLM *multi, CURL *curl)
{
    struct llmobs_handle *handle = llmobs_handle_find(curl);
    struct llmobs_ending ending;
    CURLMcode rc;

    if (handle && atomic_load(&handle->multi) != multi)
        handle = NULL;
    if (handle) {
        llmobs_capture_measure(handle, curl);
        ending = llmobs_ops_multi_ending(handle, curl);
    }
    rc = real->multi_remove_handle(multi, curl);
    if (rc != CURLM_OK)
        return rc;
    llmobs_news_forget(multi, curl);
    if (handle)
        leave(handle, curl, &ending);
    return rc;
}

CURLMsg *llmobs_ops_multi_info_read(const struct llmobs_real *real,
                                    CURLM *multi, int *left)
{
    CURLMsg *message = llmobs_news_read(real, multi, left);
    struct llmobs_handle *handle;
    int saved = errno;

    if (!message || message->msg != CURLMSG_DONE)
        return message;
    handle = llmobs_handle_find(message->easy_handle);
    if (handle) {
        llmobs_capture_measure(handle, message->easy_handle);
        llmobs_capture_swap_out(handle, message->easy_handle);
        llmobs_capture_finish(handle, LLMOBS_END_DONE, message->data.result);
    }
    errno = saved;
    return message;
}

/* Those that are done end now, while the multi has its messages. */
static void end_done(struct llmobs_handle *handle, void *ctx)
{
    CURL *curl = atomic_load(&handle->key);
    struct llmobs_ending ending;

    if (atomic_load(&handle->multi) != ctx)
        return;
    llmobs_capture_measure(handle, curl);
    ending = llmobs_ops_multi_ending(handle, curl);
    if (ending.end != LLMOBS_END_DONE)
        return;
    llmobs_capture_swap_out(handle, curl);
    llmobs_capture_finish(handle, ending.end, ending.code);
}

static void end_rest(struct llmobs_handle *handle, void *ctx)
{
    static const struct llmobs_ending removed = {LLMOBS_END_REMOVED, CURLE_OK};

    if (atomic_load(&handle->multi) == ctx)
        leave(handle, atomic_load(&handle->key), &removed);
}

CURLMcode llmobs_ops_multi_cleanup(const struct llmobs_real *real, CURLM *multi)
{
    CURLMcode rc;
    int saved = errno;

    if (!multi)
        return real->multi_cleanup(multi);
    llmobs_handle_each(end_done, multi);
    errno = saved;
    rc = real->multi_cleanup(multi);
    /* Refused within one of its callbacks. */
    if (rc != CURLM_OK)
        return rc;
    saved = errno;
    llmobs_news_forget_all(multi);
    llmobs_handle_each(end_rest, multi);
    errno = saved;
    return rc;
}

static void count_one(struct llmobs_handle *handle, void *ctx)
{
    if (atomic_load(&handle->multi))
        ++*(size_t *)ctx;
}

size_t llmobs_ops_multi_count(void)
{
    size_t count = 0;

    llmobs_handle_each(count_one, &count);
    return count;
}
