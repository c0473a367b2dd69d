/* http - requests of our own, through the app's own loaded libcurl.
 *
 * Owns:    its easy and multi handle and their connections, from the first
 *          send to free or forget.
 * Threads: one at a time: the worker, or the exit handler after the worker has
 *          stopped. use, cancel and the fork gate: any thread.
 * Errors:  0 when an HTTP answer came, whatever its status; -ENOTCONN: this
 *          process has no usable libcurl now; -ECANCELED: cancelled or past
 *          the deadline; else a negative errno that stands for the CURLcode in
 *          the reply.
 * Limits:  LLMOBS_HTTP_BODY_MAX bytes of an answer are kept.
 * Fork:    names are resolved inside the gate that a prepare handler takes, so
 *          that no child inherits a lock of libc's resolver; forget abandons
 *          the parent's handles untouched.
 *
 * Never through an HTTP proxy to a local agent; certificates are always
 * verified; nothing of the app's own settings is inherited.
 */
#ifndef LLMOBS_HTTP_H
#define LLMOBS_HTTP_H

#include "core/base/buf.h"
#include "core/base/tick.h"
#include "core/config/config.h"
#include "core/engine.h"

#define LLMOBS_HTTP_BODY_MAX (64 * 1024)

struct llmobs_http;

struct llmobs_http_request {
    const char *method; /* "GET" or "POST" */
    const char *url;    /* "http://", "https://"; "unix:///socket" names none */
    const char *unix_socket;    /* path of the socket to use, or NULL */
    const char *const *headers; /* "Name: value", NULL-terminated */
    struct llmobs_text body;    /* of a POST */
    bool local;                 /* an agent: never through a proxy */
    const char *guard;  /* llmobs_listener_guard: -EPERM, and nothing is sent,
                         * where a stranger listens; NULL: any may */
    int64_t timeout_ms; /* for the whole request */
    struct llmobs_tick tick; /* while it waits; may use no libcurl */
};

struct llmobs_http_reply {
    int code;               /* CURLcode */
    long status;            /* 0: no answer */
    int64_t retry_after_ms; /* -1: the answer had none */
    struct llmobs_buf body; /* freed by llmobs_http_reply_fini */
};

/* Another preload holds connect or the look-up of names in this process: from
 * now on only loopback and Unix sockets are connected to, past it, and all else
 * is answered by -ENOTCONN, before any look-up. Once, before the first use. */
void llmobs_http_direct_only(bool held);

/* Which threads may use libcurl. */
enum llmobs_curl_users {
    LLMOBS_CURL_APP_THREADS, /* the app's own: its allocator may count on that
                              */
    LLMOBS_CURL_ALL_THREADS, /* ours as well; TLS where its library has locks */
    LLMOBS_CURL_NO_APP       /* there is no app: all */
};

/* Tells which libcurl copy may be used from now on, and by whom; NULL: none
 * (the app has cleaned libcurl up). Borrowed for ever. Reads the proxy
 * variables at the first use: in a thread of the app. */
void llmobs_curl_access_set(const struct llmobs_real *real,
                            enum llmobs_curl_users by);

/* After use(NULL): waits until no thread is in libcurl any more, at most `ms`,
 * and frees all handles; -ETIMEDOUT; -EBUSY: in use again. One thread at a
 * time. */
int llmobs_http_close_all(int64_t ms);

/* The process exits, by the calling thread: that one may do all, whatever
 * `use` said. */
void llmobs_curl_access_exiting(void);

/* True when the calling thread may not do all while the one that exits may:
 * what is left is that one's to deliver. */
bool llmobs_curl_access_exit_thread_only(void);

/* The exit handler is done: from now on only the thread that exits, and
 * without TLS, since the TLS library may be gone. Waits until all others are
 * out of libcurl, at most `ms`; -ETIMEDOUT. Frees nothing. */
int llmobs_curl_access_exited(int64_t ms);

/* Gives a client; NULL without memory. Borrows the configuration. */
struct llmobs_http *llmobs_http_new(const struct llmobs_config *config);
void llmobs_http_free(struct llmobs_http *http);
void llmobs_http_forget(struct llmobs_http *http);

/* Sends and waits for the answer. The reply is initialised here, also on
 * error. Keeps the connection for the next one to the same place. */
int llmobs_http_send(struct llmobs_http *http,
                     const struct llmobs_http_request *request,
                     struct llmobs_http_reply *reply);
void llmobs_http_reply_fini(struct llmobs_http_reply *reply);

/* The threads that look names up end, each after what it looks up. By the
 * thread that delivers. */
void llmobs_http_end_lookups(void);

/* Opens a connection to the place of `url` ahead of the first send, by a HEAD
 * request for "/" without any header of the caller's; at most timeout_ms.
 * Errors as send. */
int llmobs_http_warm(struct llmobs_http *http, const char *url, bool local,
                     int64_t timeout_ms, const struct llmobs_tick *tick);

/* Every request of the process under way, and each later one, ends at this
 * monotonic time at the latest (INT64_MAX: no such end). Noticed within about
 * 20 ms. Any thread. */
void llmobs_curl_access_deadline(int64_t mono_ns);

#endif
