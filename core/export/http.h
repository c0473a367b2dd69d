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
 * Limits:  a reply keeps LLMOBS_HTTP_BODY_MAX bytes of a body, or as many as
 *          the request says.
 * Fork:    calls into libcurl are inside the fork gate (fork_gate.h), so that
 *          no child inherits a lock of the TLS library; forget leaves the
 *          parent's handles untouched.
 *
 * A request to a local agent never goes through an HTTP proxy. Certificates are
 * always verified. A request takes none of the app's settings.
 */
#ifndef LLMOBS_HTTP_H
#define LLMOBS_HTTP_H

#include "lib/base/buf.h"
#include "lib/base/tick.h"
#include "core/config/config.h"
#include "include/engine.h"
#include "core/export/curl_access.h"
#include "core/export/target.h"

#define LLMOBS_HTTP_BODY_MAX (64 * 1024)

struct llmobs_http;

struct llmobs_http_request {
    const char *method;         /* "GET" or "POST" */
    const char *url;            /* http://, https:// or "unix:///socket" */
    const char *unix_socket;    /* path of the socket to use, or NULL */
    const char *const *headers; /* "Name: value", NULL-terminated */
    struct llmobs_text body;    /* of a POST */
    bool local;                 /* an agent: never through a proxy */
    const char *guard;  /* see llmobs_listener_guard: -EPERM, and no byte is
                         * sent, where a stranger listens; NULL: no check */
    int64_t timeout_ms; /* for the whole request */
    struct llmobs_tick tick; /* called during the wait; may not use libcurl */
    const char *user_agent;  /* NULL: this library's */
    const char *ca_file;     /* PEM; NULL: the configuration's */
    const char *cert_file;   /* this client's, PEM, for https; NULL: none */
    const char *key_file;    /* of cert_file, PEM; NULL: none */
    size_t body_max;         /* of the answer; 0: LLMOBS_HTTP_BODY_MAX */
};

#define LLMOBS_HTTP_TYPE_MAX 64

struct llmobs_http_reply {
    int code;                        /* CURLcode */
    long status;                     /* 0: no answer */
    int64_t retry_after_ms;          /* -1: no Retry-After header */
    char type[LLMOBS_HTTP_TYPE_MAX]; /* Content-Type, or "" */
    struct llmobs_buf body;          /* freed by llmobs_http_reply_fini */
};

/* To be called after llmobs_curl_access_set(NULL): waits at most `ms` until no
 * thread is in libcurl, and frees all handles; -ETIMEDOUT; -EBUSY: the app uses
 * libcurl again. One thread at a time. */
int llmobs_http_close_all(int64_t ms);

/* Gives a client; NULL when memory runs out. Borrows the configuration. */
struct llmobs_http *llmobs_http_new(const struct llmobs_config *config);
void llmobs_http_free(struct llmobs_http *http);
void llmobs_http_forget(struct llmobs_http *http);

/* Sends a request and waits for the answer. Initialises the reply in every
 * case. Keeps the connection for the next request to the same host. */
int llmobs_http_send(struct llmobs_http *http,
                     const struct llmobs_http_request *request,
                     struct llmobs_http_reply *reply);
void llmobs_http_reply_fini(struct llmobs_http_reply *reply);

/* _header takes a line of the answer's head; _body some bytes of its body. */
void llmobs_http_reply_header(struct llmobs_http_reply *reply, const char *data,
                              size_t len);
void llmobs_http_reply_body(struct llmobs_http_reply *reply, const char *data,
                            size_t len);

/* Opens the connection that such a request will use, before the first send: by
 * a HEAD request for "/" without the headers and the body. Errors as of
 * send. */
int llmobs_http_warm(struct llmobs_http *http,
                     const struct llmobs_http_request *like);

#endif
