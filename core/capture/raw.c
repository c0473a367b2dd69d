#include "core/capture/raw.h"

#include <errno.h>

#include "core/capture/outgoing.h"
#include "core/capture/wire.h"

/* The record of the connection, which the first bytes begin. NULL: it is none
 * of ours. */
static struct llmobs_wire *wire_of(struct llmobs_handle *handle, CURL *curl)
{
    const char *url;

    if (handle->raw || handle->app.connect_only != LLMOBS_CONNECT_FOR_BYTES)
        return handle->raw;
    url = llmobs_outgoing_ask(handle, curl, CURLINFO_EFFECTIVE_URL);
    if (url)
        handle->raw = llmobs_wire_open(url);
    return handle->raw;
}

void llmobs_raw_end(struct llmobs_handle *handle)
{
    if (handle->raw)
        llmobs_wire_ended(handle->raw, LLMOBS_WIRE_FREED);
    handle->raw = NULL;
}

CURLcode llmobs_ops_easy_send(const struct llmobs_real *real, CURL *curl,
                              const void *data, size_t len, size_t *sent)
{
    struct llmobs_handle *handle = llmobs_handle_find(curl);
    CURLcode rc = real->easy_send(curl, data, len, sent);
    int saved = errno;
    struct llmobs_wire *wire =
        handle && rc == CURLE_OK && *sent > 0 ? wire_of(handle, curl) : NULL;

    if (wire)
        llmobs_wire_sent(wire, data, *sent);
    errno = saved;
    return rc;
}

/* No bytes are the end of the connection. */
CURLcode llmobs_ops_easy_recv(const struct llmobs_real *real, CURL *curl,
                              void *data, size_t room, size_t *got)
{
    struct llmobs_handle *handle = llmobs_handle_find(curl);
    CURLcode rc = real->easy_recv(curl, data, room, got);
    struct llmobs_wire *wire = handle ? handle->raw : NULL;

    if (!wire || rc == CURLE_AGAIN || room == 0)
        return rc;
    if (rc != CURLE_OK)
        llmobs_wire_ended(wire, LLMOBS_WIRE_BROKEN);
    else if (*got == 0)
        llmobs_wire_ended(wire, LLMOBS_WIRE_CLOSED);
    else
        llmobs_wire_received(wire, data, *got);
    return rc;
}
