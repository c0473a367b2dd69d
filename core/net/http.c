#include "core/net/http.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fd.h"
#include "core/base/fork.h"
#include "core/base/fork_gate.h"
#include "core/base/signal_guard.h"
#include "core/base/sanitizer.h"
#include "core/net/http_inner.h"

#if LLMOBS_ASAN
#include <sanitizer/lsan_interface.h>
#endif

#define CLIENTS_MAX 8

static _Atomic(struct llmobs_http *) clients[CLIENTS_MAX];

/* ---- handles ---------------------------------------------------------- */

/* Not a leak: not ours to free any more. */
static void leave_behind(void *handle)
{
#if LLMOBS_ASAN
    if (handle)
        __lsan_ignore_object(handle);
#else
    (void)handle;
#endif
}

/* Leaves libcurl's side as it is: not ours any more, or not to be touched. */
void llmobs_http_abandon(struct llmobs_http *http)
{
    llmobs_sockets_drop(&http->sockets);
    leave_behind(atomic_exchange(&http->multi, NULL));
    leave_behind(atomic_exchange(&http->easy, NULL));
    http->real = NULL;
    http->opaque = false;
}

/* libcurl closes descriptors of its own with the multi: not when the app has
 * closed ours, and so perhaps those, for they may be the app's by now. */
static void free_handles(struct llmobs_http *http)
{
    const struct llmobs_real *real = http->real;
    CURLM *multi;
    CURL *easy;

    if (!real || http->process != llmobs_fork_process())
        return;
    llmobs_fork_gate_enter(LLMOBS_FORK_GATE_CALL);
    /* Who takes a handle frees it: nobody does so twice. */
    easy = atomic_exchange(&http->easy, NULL);
    multi = atomic_exchange(&http->multi, NULL);
    if (!http->opaque && llmobs_sockets_intact(&http->sockets)) {
        if (easy)
            real->easy_cleanup(easy);
        if (multi)
            real->multi_cleanup(multi);
    } else {
        leave_behind(easy);
        leave_behind(multi);
    }
    llmobs_http_abandon(http);
    llmobs_fork_gate_leave(LLMOBS_FORK_GATE_CALL);
}

static bool has_handles(const struct llmobs_http *http)
{
    return atomic_load(&http->easy) || atomic_load(&http->multi);
}

static void give_back(struct llmobs_http *http)
{
    if (!http->real || !llmobs_curl_access_enter(http->real))
        return;
    free_handles(http);
    llmobs_curl_access_leave();
}

static bool any_handles(void)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct llmobs_http *http = atomic_load(&clients[i]);

        if (http && has_handles(http))
            return true;
    }
    return false;
}

int llmobs_http_close_all(int64_t ms)
{
    struct llmobs_signal_guard guard;
    int rc;

    llmobs_curl_access_check();
    rc = llmobs_curl_access_wait_outside(ms);
    if (rc)
        return rc;
    /* Somebody may have brought libcurl up again while we waited. */
    if (llmobs_curl_access_current())
        return -EBUSY;
    if (!any_handles())
        return 0;
    llmobs_signal_guard_begin(&guard);
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct llmobs_http *http = atomic_load(&clients[i]);

        if (http)
            free_handles(http);
    }
    llmobs_signal_guard_end(&guard);
    return 0;
}

/* With what libcurl opens for it: a pair of descriptors to wake it by. */
static void make_multi(struct llmobs_http *http)
{
    struct llmobs_sockets_probe probe;
    int hold[3];

    (void)llmobs_sockets_probe(&probe, hold);
    http->multi = http->real->multi_init();
    http->opaque = llmobs_sockets_watch(&http->sockets, &probe, hold) != 0;
}

int llmobs_http_make_handles(struct llmobs_http *http,
                             const struct llmobs_real *real)
{
    if (http->real != real || !llmobs_sockets_intact(&http->sockets))
        llmobs_http_abandon(http);
    http->real = real;
    if (!http->multi)
        make_multi(http);
    if (!http->easy)
        http->easy = real->easy_init();
    return http->multi && http->easy ? 0 : -ENOMEM;
}

struct llmobs_http *llmobs_http_new(const struct llmobs_config *config)
{
    struct llmobs_http *http = calloc(1, sizeof(*http));

    if (!http)
        return NULL;
    http->config = config;
    http->process = llmobs_fork_process();
    http->resolve = llmobs_resolve_new();
    for (size_t i = 0; http->resolve && i < CLIENTS_MAX; i++) {
        struct llmobs_http *none = NULL;

        if (atomic_compare_exchange_strong(&clients[i], &none, http))
            return http;
    }
    llmobs_resolve_free(http->resolve);
    free(http);
    return NULL;
}

void llmobs_http_free(struct llmobs_http *http)
{
    struct llmobs_http *none;

    if (!http)
        return;
    llmobs_curl_access_check();
    give_back(http);
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        none = http;
        atomic_compare_exchange_strong(&clients[i], &none, NULL);
    }
    llmobs_sockets_drop(&http->sockets);
    llmobs_resolve_free(http->resolve);
    free(http);
}

void llmobs_http_forget(struct llmobs_http *http)
{
    llmobs_http_abandon(http);
    llmobs_resolve_forget(http->resolve);
    http->process = llmobs_fork_process();
}

void llmobs_http_end_lookups(void)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct llmobs_http *http = atomic_load(&clients[i]);

        if (http && http->process == llmobs_fork_process())
            llmobs_resolve_end(http->resolve);
    }
}

/* ---- requests --------------------------------------------------------- */

int llmobs_http_send(struct llmobs_http *http,
                     const struct llmobs_http_request *request,
                     struct llmobs_http_reply *reply)
{
    int rc;

    memset(reply, 0, sizeof(*reply));
    reply->retry_after_ms = -1;
    llmobs_buf_init(&reply->body, LLMOBS_HTTP_BODY_MAX);
    llmobs_curl_access_check();
    if (http->process != llmobs_fork_process())
        llmobs_http_forget(http);
    rc = llmobs_http_transfer(http, request, reply);
    if (has_handles(http) && !llmobs_fd_spare(LLMOBS_HTTP_KEEP_FDS))
        give_back(http);
    return rc;
}

void llmobs_http_reply_fini(struct llmobs_http_reply *reply)
{
    llmobs_buf_fini(&reply->body);
}

int llmobs_http_warm(struct llmobs_http *http, const char *url, bool local,
                     int64_t timeout_ms, const struct llmobs_tick *tick)
{
    char root[LLMOBS_TARGET_HOST_MAX + 32];
    struct llmobs_http_request request = {.method = "HEAD",
                                          .url = root,
                                          .local = local,
                                          .timeout_ms = timeout_ms,
                                          .tick = *tick};
    struct llmobs_http_reply reply;
    struct llmobs_target target;
    int rc = llmobs_target_parse(url, NULL, &target);

    if (rc)
        return rc;
    (void)snprintf(root, sizeof(root),
                   strchr(target.host, ':') ? "%s://[%s]:%u/" : "%s://%s:%u/",
                   target.scheme, target.host, target.port);
    rc = llmobs_http_send(http, &request, &reply);
    llmobs_http_reply_fini(&reply);
    return rc;
}
