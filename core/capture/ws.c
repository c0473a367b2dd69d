#include "core/capture/ws.h"

#include "lib/base/stack.h"
#include "core/capture/talk.h"

static struct llmobs_handle *talking(CURL *curl)
{
    struct llmobs_handle *handle = llmobs_handle_find(curl);

    return handle && llmobs_talk_may(handle) ? handle : NULL;
}

/* True where the connection is gone; other errors are about this call alone. */
static bool ws_is_gone(CURLcode rc)
{
    return rc == CURLE_GOT_NOTHING || rc == CURLE_RECV_ERROR ||
           rc == CURLE_SEND_ERROR;
}

/* In newer versions an app need not ask how many bytes libcurl took; then it
 * assumes that libcurl took all. */
static struct llmobs_text taken(const void *data, size_t len,
                                const size_t *sent)
{
    struct llmobs_text text = {data, len};

    if (sent && *sent < len)
        text.len = *sent;
    return text;
}

CURLcode llmobs_ops_ws_send(const struct llmobs_real *real, CURL *curl,
                            const void *data, size_t len, size_t *sent,
                            curl_off_t size, unsigned flags)
{
    struct llmobs_handle *handle = talking(curl);
    CURLcode rc;

    if (!handle)
        return real->ws_send(curl, data, len, sent, size, flags);
    handle->called_from = LLMOBS_STACK_ENTRY();
    rc = real->ws_send(curl, data, len, sent, size, flags);
    if (rc == CURLE_OK)
        llmobs_talk_sent(handle, curl, taken(data, len, sent), len, size,
                         flags);
    else if (ws_is_gone(rc))
        llmobs_talk_gone(handle, rc);
    return rc;
}

CURLcode llmobs_ops_ws_recv(const struct llmobs_real *real, CURL *curl,
                            void *data, size_t room, size_t *got,
                            const struct llmobs_ws_frame **meta)
{
    struct llmobs_handle *handle = talking(curl);
    CURLcode rc;

    if (!handle)
        return real->ws_recv(curl, data, room, got, meta);
    handle->called_from = LLMOBS_STACK_ENTRY();
    rc = real->ws_recv(curl, data, room, got, meta);
    if (rc == CURLE_OK && got && meta && *meta)
        llmobs_talk_received(handle, curl, (struct llmobs_text){data, *got},
                             (*meta)->bytesleft, (unsigned)(*meta)->flags);
    else if (ws_is_gone(rc))
        llmobs_talk_gone(handle, rc);
    return rc;
}
