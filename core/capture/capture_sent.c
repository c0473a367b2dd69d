/* capture_sent - a body of POSTFIELDS that libcurl sends later than its
 * request, read no sooner: a part of capture_calls. */
#include "core/capture/capture_inner.h"

#include <errno.h>
#include <string.h>

static bool waits(const struct llmobs_handle *handle)
{
    return handle->latch.on && handle->latch.later && handle->latch.fields &&
           handle->capturing && handle->swapped;
}

/* The gate is held. */
static void take(struct llmobs_handle *handle, uint64_t most)
{
    struct llmobs_exchange *exchange = handle->exchange;
    struct llmobs_latch *latch = &handle->latch;
    struct llmobs_text body = llmobs_handle_fields(handle, most);
    bool first;

    if (body.len <= latch->taken)
        return;
    first = exchange->unsent && exchange->request.total == 0;
    if (latch->taken == 0)
        llmobs_exchange_rewind(exchange, 0);
    (void)llmobs_body_add(&exchange->request, body.data + latch->taken,
                          body.len - latch->taken);
    latch->taken = body.len;
    if (body.len < most) /* there is no more */
        latch->fields = NULL;
    exchange->unsent = false;
    if (first)
        llmobs_worker_begin(llmobs_capture_worker(), exchange);
}

static void take_up_to(struct llmobs_handle *handle, uint64_t most)
{
    if (most <= handle->latch.taken)
        return;
    llmobs_handle_lock(handle);
    if (handle->exchange)
        take(handle, most);
    llmobs_handle_unlock(handle);
}

void llmobs_capture_take_sent(struct llmobs_handle *handle)
{
    CURL *curl = atomic_load(&handle->keyed.key);
    curl_off_t sent = 0;

    if (!waits(handle) || !handle->real->easy_getinfo ||
        handle->real->easy_getinfo(curl, CURLINFO_SIZE_UPLOAD_T, &sent) !=
            CURLE_OK ||
        sent <= 0)
        return;
    take_up_to(handle, (uint64_t)sent);
}

static bool says_continue(const char *data, size_t len)
{
    const char *space = memchr(data, ' ', len);

    return len > 5 && memcmp(data, "HTTP/", 5) == 0 && space &&
           len - (size_t)(space - data) >= 4 && memcmp(space, " 100", 4) == 0;
}

static bool ends_head(const char *data, size_t len)
{
    return (len <= 2 && data[len - 1] == '\n') ||
           (len >= 4 && memcmp(data + len - 4, "\r\n\r\n", 4) == 0);
}

/* Within an authentication a 100 may be the consent to no body. */
void llmobs_capture_answered(struct llmobs_handle *handle, const char *data,
                             size_t len)
{
    int saved = errno;

    if (!waits(handle) || handle->latch.rounds || len == 0)
        return;
    if (len > 5 && memcmp(data, "HTTP/", 5) == 0)
        handle->latch.continued = says_continue(data, len);
    if (handle->latch.continued && ends_head(data, len))
        take_up_to(handle, UINT64_MAX);
    errno = saved;
}
