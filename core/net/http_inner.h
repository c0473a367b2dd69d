/* http_inner - what the files of http share; nobody else includes it.
 *
 * Owns, Threads, Errors, Limits, Fork: as http.h.
 */
#ifndef LLMOBS_HTTP_INNER_H
#define LLMOBS_HTTP_INNER_H

#include "core/net/http.h"
#include "core/net/target.h"
#include "core/net/resolve.h"
#include "core/net/sockets.h"

#define LLMOBS_HTTP_SLICE_MS 20
/* A request opens no more at a time: a pair that wakes the multi handle, two
 * sockets of two families, what a look-up or TLS reads, what holds the standard
 * numbers. */
#define LLMOBS_HTTP_FDS 8
/* Where fewer are left, nothing stays open between two requests. */
#define LLMOBS_HTTP_KEEP_FDS 64

struct llmobs_http {
    const struct llmobs_config *config;
    int process; /* whose the handles are (fork.h) */
    struct llmobs_resolve *resolve;
    const struct llmobs_real *real; /* what made the handles */
    CURLM *_Atomic multi;
    CURL *_Atomic easy;
    bool connected; /* the socket that was opened last */
    bool opaque;    /* nobody knows which descriptors libcurl has */
    struct llmobs_sockets sockets;
};

/* ---- curl_access: may this thread use libcurl now? */

/* The copy that may be used; NULL: none. */
const struct llmobs_real *llmobs_curl_access_current(void);

/* To be called before anything else: a child is a process of its own. */
void llmobs_curl_access_check(void);

/* False: this thread must keep away from it, or from TLS with it. */
bool llmobs_curl_access_may_use(bool tls);

/* False once the app has taken that libcurl down, the process has exited or
 * the deadline has passed. */
bool llmobs_curl_access_goes_on(const struct llmobs_real *real);

/* A look-up may run in a thread of its own although LLMOBS_THREAD is off. */
bool llmobs_curl_access_is_exit(void);

/* Around all use of libcurl, waiting in it included; false: not now. */
bool llmobs_curl_access_enter(const struct llmobs_real *real);
void llmobs_curl_access_leave(void);
int llmobs_curl_access_wait_outside(int64_t ms);

const struct llmobs_proxies *llmobs_curl_access_proxies(void);

/* ---- http_direct: another preload holds connect, or the look-up of names */

/* True: only what is local is sent, past that preload. Its user may want to
 * stay unseen, so no request leaves this machine; and none goes through the
 * preload, which may write a line for each connection to the app's stderr. */
bool llmobs_http_is_direct(void);

/* False for what has to wait for another process. */
bool llmobs_http_may_go(const struct llmobs_target *target, bool unix_socket,
                        bool proxy);

/* Gives a socket, of TCP connected by the kernel and `to` changed, so that
 * nobody else is led there; waits one slice at most. */
int llmobs_http_open_direct(struct llmobs_http *http, struct curl_sockaddr *to);

/* ---- http: handles */

/* Makes what is missing for this copy; inside libcurl and the fork gate. */
int llmobs_http_make_handles(struct llmobs_http *http,
                             const struct llmobs_real *real);
void llmobs_http_abandon(struct llmobs_http *http);

/* ---- http_transfer: one request, into a reply that is initialised. */
int llmobs_http_transfer(struct llmobs_http *http,
                         const struct llmobs_http_request *request,
                         struct llmobs_http_reply *reply);

#endif
