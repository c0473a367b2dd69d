/* http - the requests of this library itself, through the libcurl that the app
 * has loaded; where no libcurl has been in the process, to peers on this host
 * without it (plain_http.h).
 *
 * Owns:    an easy and a multi handle and their connections, from the first
 *          send to free or forget.
 * Threads: one thread at a time: the worker, or the exit handler after the
 *          worker has stopped.
 * Errors:  0 for every HTTP answer, whatever its status; -ENOTCONN: this
 *          process, or this thread, has no usable libcurl now (curl_access.h);
 *          -ECANCELED: the app cleans libcurl up, or the deadline has passed;
 *          else a negative errno for the CURLcode in the reply.
 * Fork:    calls into libcurl are inside the fork gate (fork_gate.h), so that
 *          no child inherits a lock of the TLS library; forget leaves the
 *          parent's handles untouched.
 *
 * A request to a local agent never goes through an HTTP proxy. Certificates are
 * always verified. A request takes none of the app's settings.
 */
#ifndef LLMOBS_HTTP_H
#define LLMOBS_HTTP_H

#include "core/config/config.h"
#include "include/engine.h"
#include "core/export/curl_access.h"
#include "core/export/http_request.h"
#include "core/export/target.h"

struct llmobs_http;

/* To be called after llmobs_curl_access_set(NULL): waits at most `ms` until no
 * thread is in libcurl, and frees all handles; -ETIMEDOUT; -EBUSY: the app uses
 * libcurl again. One thread at a time. */
int llmobs_http_close_all(int64_t ms);

/* Gives a client; NULL when memory runs out. Borrows the configuration. */
struct llmobs_http *llmobs_http_new(const struct llmobs_config *config);
void llmobs_http_free(struct llmobs_http *http);
void llmobs_http_forget(struct llmobs_http *http);

/* True where a request of this process had no way to its peer: it has no
 * libcurl, or another preload holds its connections. Any thread. */
bool llmobs_http_lacks_way(void);

/* Sends a request and waits for the answer. Initialises the reply in every
 * case; the caller frees it by llmobs_http_reply_fini. Keeps the connection for
 * the next request to the same host. */
int llmobs_http_send(struct llmobs_http *http,
                     const struct llmobs_http_request *request,
                     struct llmobs_http_reply *reply);

/* Opens the connection that such a request will use, before the first send: by
 * a HEAD request for "/" without the headers and the body. Errors as of
 * send. */
int llmobs_http_warm(struct llmobs_http *http,
                     const struct llmobs_http_request *like);

#endif
