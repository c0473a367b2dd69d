/* Handles the curl_easy_* functions that the shim hooks. */
#include "core/capture/easy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/stack.h"
#include "core/capture/callbacks.h"
#include "core/capture/capture.h"
#include "core/capture/call_origin.h"
#include "core/capture/outgoing.h"
#include "core/capture/wire.h"
#include "core/capture/command.h"
#include "core/capture/global.h"
#include "core/capture/multi.h"
#include "core/capture/multi_messages.h"
#include "core/capture/unseen.h"

CURL *llmobs_ops_easy_init(const struct llmobs_real *real)
{
    bool first = llmobs_global_claim_turn(real);
    CURL *curl = real->easy_init();
    int saved = errno;

    if (curl) {
        llmobs_global_up(real, LLMOBS_UP_HANDLE);
        (void)llmobs_capture_new_handle(real, curl);
    }
    if (first)
        llmobs_global_end_turn(real);
    errno = saved;
    return curl;
}

CURLcode llmobs_ops_easy_setopt(const struct llmobs_real *real, CURL *curl,
                                CURLoption option, void *arg)
{
    const struct llmobs_setting *setting;
    struct llmobs_handle *handle;
    CURLcode rc = CURLE_OK;
    bool awaited;
    int saved;

    /* libcurl's record comes from memory while the library's is looked up. */
    __builtin_prefetch(curl);
    handle = llmobs_handle_find(curl);
    if (!handle)
        handle = llmobs_capture_unseen_handle(real, curl);
    if (!handle)
        return real->easy_setopt(curl, option, arg);
    setting = llmobs_setting(option);
    awaited = llmobs_outgoing_awaits(handle, option);
    if (awaited)
        llmobs_outgoing_before_set(handle, curl);
    if (!handle->in || !llmobs_callbacks_own(handle, setting))
        rc = real->easy_setopt(curl, option, arg);
    saved = errno;
    if (rc == CURLE_OK)
        llmobs_handle_set(handle, setting, arg,
                          setting->body ? llmobs_call_origin_body_max() : 0);
    else
        llmobs_handle_refuse(handle, setting, rc);
    if (setting->body || option == CURLOPT_URL)
        llmobs_call_origin_save_script(handle);
    if (handle->in && setting->body)
        llmobs_callbacks_follow_reads(handle, curl);
    if (awaited)
        llmobs_outgoing_after_set(handle, curl, option);
    errno = saved;
    return rc;
}

/* True when libcurl refused to start because the handle is busy: it is in a
 * multi, or the caller is one of its own callbacks. Its capture then continues
 * unchanged. */
static bool refused_as_busy(CURLcode rc)
{
    return rc == CURLE_FAILED_INIT || (int)rc == 93; /* RECURSIVE_API_CALL */
}

/* The program lets a connection for its own bytes go. */
static void look_at_raw(struct llmobs_handle *handle, CURL *curl)
{
    curl_socket_t fd = -1;

    if (!handle->raw)
        return;
    (void)handle->real->easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &fd);
    llmobs_wire_event(handle->raw, &(struct llmobs_wire_event){
                                       LLMOBS_WIRE_UNSEEN, NULL, 0, .fd = fd});
}

static void end_perform(struct llmobs_handle *handle, CURL *curl, CURLcode rc)
{
    int saved = errno;

    llmobs_outgoing_copy_sent(handle);
    llmobs_capture_measure(handle, curl);
    llmobs_outgoing_copy_unsent(handle, curl, rc);
    llmobs_callbacks_swap_out(handle, curl);
    llmobs_capture_finish(handle, LLMOBS_END_DONE, rc);
    errno = saved;
}

CURLcode llmobs_ops_easy_perform(const struct llmobs_real *real, CURL *curl)
{
    struct llmobs_handle *handle = llmobs_handle_find(curl);
    bool captured;
    CURLcode rc;

    if (!handle)
        handle = llmobs_capture_unseen_handle(real, curl);
    if (!handle)
        return real->easy_perform(curl);
    llmobs_callbacks_drop_stale(handle, curl);
    if (handle->in || llmobs_handle_multi(handle) ||
        (handle->app.unseen && handle->in_perform)) {
        rc = real->easy_perform(curl);
        if (!refused_as_busy(rc))
            end_perform(handle, curl, rc);
        return rc;
    }
    llmobs_command_transfer(handle);
    handle->called_from = LLMOBS_STACK_ENTRY();
    look_at_raw(handle, curl);
    captured = llmobs_capture_begin(handle, curl);
    handle->in_perform = true;
    rc = real->easy_perform(curl);
    if (!captured)
        handle->in_perform = false;
    else if (handle->app.unseen && refused_as_busy(rc))
        llmobs_capture_cancel(handle, curl); /* libcurl refuses another one */
    else
        end_perform(handle, curl, rc);
    return rc;
}

void llmobs_ops_easy_reset(const struct llmobs_real *real, CURL *curl)
{
    struct llmobs_handle *handle = llmobs_handle_find(curl);
    int saved = errno;

    /* libcurl forgets its measurements with the settings. */
    if (handle)
        llmobs_capture_measure(handle, curl);
    errno = saved;
    real->easy_reset(curl);
    saved = errno;
    /* A handle without a record gets one, because its settings are known from
     * here on. If it had a record, the reset has removed our callbacks with the
     * app's; the exchange still has the bytes that arrived until now. */
    if (!handle)
        handle = llmobs_capture_unseen_handle(real, curl);
    if (handle)
        llmobs_handle_reset(handle);
    errno = saved;
}

CURL *llmobs_ops_easy_duphandle(const struct llmobs_real *real, CURL *curl)
{
    struct llmobs_handle *from = llmobs_handle_find(curl);
    CURL *twin = real->easy_duphandle(curl);
    int saved = errno;

    if (twin && from)
        (void)llmobs_capture_twin(from, twin);
    errno = saved;
    return twin;
}

void llmobs_ops_easy_cleanup(const struct llmobs_real *real, CURL *curl)
{
    struct llmobs_handle *handle = llmobs_handle_find(curl);
    struct llmobs_ending ending;
    int saved = errno;

    llmobs_unseen_report(false);
    errno = saved;
    if (!handle) {
        real->easy_cleanup(curl);
        return;
    }
    look_at_raw(handle, curl);
    llmobs_capture_measure(handle, curl);
    ending = llmobs_multi_ending(handle, curl);
    llmobs_multi_messages_forget(llmobs_handle_multi(handle), curl);
    /* A new handle may get the address as soon as libcurl has freed this one.
     */
    llmobs_handle_detach(handle);
    errno = saved;
    real->easy_cleanup(curl);
    saved = errno;
    llmobs_capture_close(handle, ending.end, ending.code);
    llmobs_handle_release(handle);
    errno = saved;
}

/* -- bytes of the app's own ------------------------------------------------ */

/* The record of the connection to the origin of the URL, which the first bytes
 * begin. NULL: the library does not follow it, as with another scheme than http
 * and https. */
static struct llmobs_wire *wire_of(struct llmobs_handle *handle, CURL *curl)
{
    const char *url, *user;
    char *host;
    bool plain;

    if (handle->raw || handle->app.connect_only != LLMOBS_CONNECT_FOR_BYTES)
        return handle->raw;
    url = llmobs_outgoing_ask(handle, curl, CURLINFO_EFFECTIVE_URL);
    plain = url && strncasecmp(url, "http://", 7) == 0;
    if (!url || (!plain && strncasecmp(url, "https://", 8) != 0))
        return NULL;
    url += plain ? 7 : 8;
    user = memrchr(url, '@', strcspn(url, "/?#"));
    url = user ? user + 1 : url;
    host = strndup(url, strcspn(url, "/?#"));
    handle->raw = llmobs_wire_begin(
        host, plain ? LLMOBS_WIRE_PLAIN : LLMOBS_WIRE_TLS, false);
    free(host);
    return handle->raw;
}

static void report(struct llmobs_wire *wire, enum llmobs_wire_what what,
                   const void *bytes, uint64_t number)
{
    llmobs_wire_event(
        wire, &(struct llmobs_wire_event){what, bytes, number, .fd = -1});
}

CURLcode llmobs_ops_easy_send(const struct llmobs_real *real, CURL *curl,
                              const void *data, size_t len, size_t *sent)
{
    struct llmobs_handle *handle = llmobs_handle_find(curl);
    CURLcode rc = real->easy_send(curl, data, len, sent);
    int saved = errno;
    bool failed = rc == CURLE_SEND_ERROR;
    struct llmobs_wire *wire =
        handle && (failed || (rc == CURLE_OK && *sent > 0))
            ? wire_of(handle, curl)
            : NULL;

    if (wire)
        report(wire, LLMOBS_WIRE_SENT, data, failed ? len : *sent);
    if (wire && failed)
        report(wire, LLMOBS_WIRE_ENDED, NULL, LLMOBS_WIRE_UNSENT);
    errno = saved;
    return rc;
}

/* No bytes are the end of the connection. An error of another kind is one of
 * the call, and says nothing of the connection. */
CURLcode llmobs_ops_easy_recv(const struct llmobs_real *real, CURL *curl,
                              void *data, size_t room, size_t *got)
{
    struct llmobs_handle *handle = llmobs_handle_find(curl);
    CURLcode rc = real->easy_recv(curl, data, room, got);
    struct llmobs_wire *wire = handle && room > 0 ? handle->raw : NULL;

    if (wire && rc == CURLE_RECV_ERROR)
        report(wire, LLMOBS_WIRE_ENDED, NULL, LLMOBS_WIRE_BROKEN);
    else if (wire && rc == CURLE_OK && *got == 0)
        report(wire, LLMOBS_WIRE_ENDED, NULL, LLMOBS_WIRE_CLOSED);
    else if (wire && rc == CURLE_OK)
        report(wire, LLMOBS_WIRE_RECEIVED, data, *got);
    return rc;
}
