/* Makes the library's own requests by the app's libcurl. */
#include "core/export/http.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/filter.h"
#include "lib/base/fork.h"
#include "lib/base/fork_gate.h"
#include "lib/base/log.h"
#include "lib/base/sanitizer.h"
#include "lib/base/signal_guard.h"
#include "core/export/direct.h"
#include "core/export/listener.h"
#include "core/export/plain_http.h"
#include "core/export/resolve.h"
#include "core/export/sockets.h"
#include "llmobs.h"

#if LLMOBS_ASAN
#include <sanitizer/lsan_interface.h>
#endif

#define CLIENTS_MAX 8
#define SLICE_MS 20
/* The most descriptors that a request has open at a time: a pair that wakes the
 * multi handle, sockets of two address families, a file that a look-up or TLS
 * reads, and descriptors that hold the standard numbers. */
#define REQUEST_FDS 8
/* If fewer descriptors are left, no connection stays open between two requests.
 */
#define KEEP_FDS 64
/* How many handles are made until one's descriptors are known. */
#define TRIES 4
#define MULTIPLE_ADDRESSES 0x073b00 /* CURLOPT_RESOLVE takes several */

/* Options that older headers of libcurl lack, or that newer headers call
 * deprecated. */
#define OPT_PROTOCOLS ((CURLoption)181)
#define OPT_PROTOCOLS_STR ((CURLoption)10318)
#define OPT_RESOLVER_START ((CURLoption)20272)
#define OPT_PROXY_CAINFO ((CURLoption)10246)
#define OPT_NOPROXY ((CURLoption)10177)
#define OPT_UNIX_SOCKET ((CURLoption)10231)

struct llmobs_http {
    const struct llmobs_config *config;
    int process; /* the process that made the handles (fork.h) */
    struct llmobs_resolve *resolve;
    const struct llmobs_real *real; /* the copy that made the handles */
    CURLM *_Atomic multi;
    CURL *_Atomic easy;
    bool connected; /* the last socket was connected by the kernel */
    bool opaque;    /* not all of libcurl's descriptors are known */
    struct llmobs_sockets sockets;
};

/* Where a request goes, and the names to look up for it. */
struct plan {
    struct llmobs_target target;
    struct llmobs_target via;
    const char *proxy; /* NULL: no proxy */
    bool tls;
    bool tunnel; /* through the proxy */
    struct {
        const struct llmobs_target *target;
        char text[LLMOBS_RESOLVE_TEXT_MAX];
    } names[2];
    size_t name_count;
};

/* A request under way. */
struct transfer {
    const struct llmobs_real *real;
    struct llmobs_http *http;
    const struct llmobs_http_request *request;
    struct llmobs_http_reply *reply;
    struct plan plan;
    int64_t until_ns;
    struct curl_slist *headers;
    struct curl_slist *resolved;
    int error;     /* -ENOMEM: a list lacks a line; 0: none does */
    uint64_t mark; /* with a guard: which sockets listened before */
    bool strange;  /* with a guard: other sockets listen now */
};

static _Atomic(struct llmobs_http *) clients[CLIENTS_MAX];

/* -- handles ------------------------------------------------------------ */

/* Lets the leak checker ignore a handle that this library does not free. */
static void ignore_leak(void *handle)
{
#if LLMOBS_ASAN
    if (handle)
        __lsan_ignore_object(handle);
#else
    (void)handle;
#endif
}

/* Forgets the handles and leaves libcurl's memory as it is: the parent process
 * owns it, or the app has closed descriptors in it. */
static void abandon(struct llmobs_http *http)
{
    llmobs_sockets_drop(&http->sockets);
    ignore_leak(atomic_exchange(&http->multi, NULL));
    ignore_leak(atomic_exchange(&http->easy, NULL));
    http->real = NULL;
    http->opaque = false;
}

/* Frees the handles. With the multi handle libcurl closes descriptors by
 * number. If the app has closed a socket of this library, it may have closed
 * these descriptors too, and their numbers may be the app's files by now: then
 * the handles are not freed. */
static void free_handles(struct llmobs_http *http)
{
    const struct llmobs_real *real = http->real;
    CURLM *multi;
    CURL *easy;

    if (!real || http->process != llmobs_fork_process())
        return;
    llmobs_fork_gate_enter();
    /* The atomic exchange gives each handle to one thread, so that no handle is
     * freed twice. */
    easy = atomic_exchange(&http->easy, NULL);
    multi = atomic_exchange(&http->multi, NULL);
    if (!http->opaque && llmobs_sockets_intact(&http->sockets)) {
        if (easy)
            real->easy_cleanup(easy);
        if (multi)
            real->multi_cleanup(multi);
    } else {
        ignore_leak(easy);
        ignore_leak(multi);
    }
    abandon(http);
    llmobs_fork_gate_leave();
}

static bool has_handles(const struct llmobs_http *http)
{
    return atomic_load(&http->easy) || atomic_load(&http->multi);
}

static void close_handles(struct llmobs_http *http)
{
    if (!http->real || !llmobs_curl_access_enter(http->real))
        return;
    free_handles(http);
    llmobs_curl_access_leave();
}

int llmobs_http_close_all(int64_t ms)
{
    struct llmobs_signal_guard guard;
    bool any = false;
    int rc;

    if (llmobs_filter_still())
        return 0;
    llmobs_curl_access_check();
    rc = llmobs_curl_access_wait_outside(ms);
    if (rc)
        return rc;
    /* The app may have initialised libcurl again during the wait. */
    if (llmobs_curl_access_current())
        return -EBUSY;
    for (size_t i = 0; i < CLIENTS_MAX && !any; i++) {
        struct llmobs_http *http = atomic_load(&clients[i]);

        any = http && has_handles(http);
    }
    if (!any)
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

/* Makes the multi handle, and watches the pair of descriptors that libcurl
 * opens to wake it. An app that opens files at this moment may hide the pair.
 * Then the handle is freed at once, before the app can have closed the pair,
 * and another handle is made: an unknown pair would stay open for ever. */
static void make_multi(struct llmobs_http *http)
{
    struct llmobs_sockets_probe probe;
    int hold[3];

    http->opaque = true;
    for (int i = 0; http->opaque && i < TRIES; i++) {
        if (http->multi)
            http->real->multi_cleanup(atomic_exchange(&http->multi, NULL));
        llmobs_sockets_drop(&http->sockets);
        (void)llmobs_sockets_probe(&probe, hold);
        http->multi = http->real->multi_init();
        http->opaque = llmobs_sockets_watch(&http->sockets, &probe, hold) != 0;
    }
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
    close_handles(http);
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
    abandon(http);
    llmobs_resolve_forget(http->resolve);
    http->process = llmobs_fork_process();
}

/* -- libcurl's callbacks ------------------------------------------------ */

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
    struct transfer *transfer = ctx;

    llmobs_http_reply_body(transfer->reply, data, size * count);
    return size * count;
}

static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
    static const char other[] = "HTTP/1.1 101";
    struct transfer *transfer = ctx;
    size_t len = size * count;

    /* The request asked for no other protocol: libcurl would read such an
     * answer as a body until the peer ends it. */
    if (len >= sizeof(other) && memcmp(data, other, sizeof(other) - 1) == 0)
        return 0;
    llmobs_http_reply_header(transfer->reply, data, len);
    return len;
}

static curl_socket_t open_socket(void *ctx, curlsocktype purpose,
                                 struct curl_sockaddr *address)
{
    struct llmobs_http *http = ctx;
    int fd;

    (void)purpose;
    if (llmobs_direct_is_on())
        fd = llmobs_direct_open(&http->sockets, address, &http->connected);
    else
        fd = llmobs_sockets_open(&http->sockets, address->family,
                                 address->socktype, address->protocol);
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int report_connected(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
    const struct llmobs_http *http = ctx;

    (void)fd;
    (void)purpose;
    return llmobs_direct_is_on() && http->connected
               ? CURL_SOCKOPT_ALREADY_CONNECTED
               : CURL_SOCKOPT_OK;
}

static int close_socket(void *ctx, curl_socket_t fd)
{
    struct llmobs_http *http = ctx;

    llmobs_sockets_close(&http->sockets, fd);
    return 0;
}

/* libcurl calls this before it looks up a name by itself. That does not happen,
 * because every name is pinned; if it does, the request fails. */
static int refuse_lookup(void *state, void *reserved, void *ctx)
{
    (void)state;
    (void)reserved;
    (void)ctx;
    llmobs_log_once(LLMOBS_LOG_ERROR, "look-up",
                    "libcurl wanted to look a name up itself");
    return 1;
}

/* libcurl calls this when the connection is made and no byte was sent. Refuses
 * unless the same sockets listen now as before the connect. For a Unix socket
 * asks the kernel who the peer is. */
static int judge_peer(void *ctx, char *address, char *own, int port,
                      int own_port)
{
    struct transfer *transfer = ctx;
    const struct llmobs_sockets *sockets = &transfer->http->sockets;

    (void)address;
    (void)own;
    (void)port;
    (void)own_port;
    transfer->strange = llmobs_listener_check_again(transfer->request->guard,
                                                    transfer->mark) != 0;
    for (size_t i = 0; i < LLMOBS_SOCKETS_MAX; i++)
        if (sockets->list[i].used && !sockets->list[i].watched)
            transfer->strange |= llmobs_listener_peer(sockets->list[i].fd) != 0;
    return transfer->strange;
}

/* -- where to ----------------------------------------------------------- */

static void add_name(struct plan *plan, const struct llmobs_target *target)
{
    if (!target->numeric)
        plan->names[plan->name_count++].target = target;
}

static int make_plan(struct transfer *transfer)
{
    const struct llmobs_http_request *request = transfer->request;
    struct plan *plan = &transfer->plan;
    int rc = llmobs_target_parse(request->url, NULL, &plan->target);

    if (rc)
        return rc;
    plan->tls = strcmp(plan->target.scheme, "https") == 0;
    if (!plan->tls && strcmp(plan->target.scheme, "http") != 0)
        return -EINVAL;
    if (request->unix_socket)
        return 0;
    if (!request->local)
        plan->proxy =
            llmobs_proxies_find(llmobs_curl_access_proxies(), &plan->target);
    if (plan->proxy) {
        rc = llmobs_target_parse(plan->proxy, "http", &plan->via);
        if (rc)
            return rc;
        plan->tls |= strcmp(plan->via.scheme, "https") == 0;
        add_name(plan, &plan->via);
        plan->tunnel = strcmp(plan->target.scheme, "https") == 0;
    }
    if (!plan->proxy || llmobs_target_proxy_wants_address(&plan->via))
        add_name(plan, &plan->target);
    return 0;
}

static int look_all_up(struct transfer *transfer)
{
    struct llmobs_http *http = transfer->http;
    struct plan *plan = &transfer->plan;
    /* Where LLMOBS_THREAD is off, no second thread starts until the exit. */
    bool thread = http->config->thread || llmobs_curl_access_is_exit();
    size_t known = 0;
    int rc = 0;

    while (rc == 0 && known < plan->name_count) {
        rc = llmobs_resolve_get(http->resolve, plan->names[known].target->host,
                                thread, plan->names[known].text);
        if (rc != -EINPROGRESS) {
            known++;
        } else if (!llmobs_curl_access_goes_on(transfer->real)) {
            rc = -ECANCELED;
        } else if (llmobs_clock_mono_ns() >= transfer->until_ns) {
            rc = -ETIMEDOUT;
        } else {
            rc = 0;
            llmobs_tick_now(&transfer->request->tick);
            llmobs_resolve_wait(http->resolve, SLICE_MS);
        }
    }
    if (rc == -EHOSTUNREACH || rc == -ETIMEDOUT)
        transfer->reply->code = plan->proxy ? CURLE_COULDNT_RESOLVE_PROXY
                                            : CURLE_COULDNT_RESOLVE_HOST;
    return rc;
}

/* -- options ------------------------------------------------------------ */

/* Adds a line to a list; the transfer remembers a failure. */
static void append_line(struct transfer *transfer, struct curl_slist **list,
                        const char *line)
{
    struct curl_slist *longer = transfer->real->slist_append(*list, line);

    if (longer)
        *list = longer;
    else
        transfer->error = -ENOMEM;
}

/* Old versions of libcurl keep their addresses of a name: the first line
 * removes these, the second sets the new addresses. */
static void pin_name(struct transfer *transfer, const char *host, unsigned port,
                     const char *addresses)
{
    char line[LLMOBS_TARGET_HOST_MAX + LLMOBS_RESOLVE_TEXT_MAX + 16];

    (void)snprintf(line, sizeof(line), "-%s:%u", host, port);
    append_line(transfer, &transfer->resolved, line);
    (void)snprintf(line, sizeof(line), "%s:%u:%s", host, port, addresses);
    append_line(transfer, &transfer->resolved, line);
}

/* Pins a name to its addresses. Some versions of libcurl cut the dot at the end
 * of a name: then both spellings are pinned. */
static void pin_addresses(struct transfer *transfer,
                          const struct llmobs_target *target, char *addresses)
{
    const struct llmobs_real *real = transfer->real;
    char host[LLMOBS_TARGET_HOST_MAX];
    size_t len = strlen(target->host);

    if (real->version_info &&
        real->version_info(CURLVERSION_NOW)->version_num < MULTIPLE_ADDRESSES)
        addresses[strcspn(addresses, ",")] = '\0';
    pin_name(transfer, target->host, target->port, addresses);
    if (len < 2 || target->host[len - 1] != '.')
        return;
    memcpy(host, target->host, len - 1);
    host[len - 1] = '\0';
    pin_name(transfer, host, target->port, addresses);
}

static bool set_option(struct llmobs_http *http, CURLoption option,
                       const void *value)
{
    return http->real->easy_setopt(http->easy, option, value) == CURLE_OK;
}

static bool set_long(struct llmobs_http *http, CURLoption option, long value)
{
    return http->real->easy_setopt(http->easy, option, value) == CURLE_OK;
}

/* Sets the options that security and the answer depend on; false: this libcurl
 * lacks such an option. */
static bool set_needed(struct transfer *transfer)
{
    const struct llmobs_http_request *request = transfer->request;
    struct llmobs_http *http = transfer->http;
    const struct plan *plan = &transfer->plan;
    const char *ca_file =
        request->ca_file ? request->ca_file : http->config->ca_file;
    bool own_tls = strcmp(plan->target.scheme, "https") == 0;
    const struct {
        CURLoption option;
        const void *value; /* NULL: not set */
    } rows[] = {
        {CURLOPT_URL, request->url},
        {CURLOPT_PROXY, plan->proxy ? plan->proxy : ""},
        {OPT_NOPROXY, ""},
        {OPT_UNIX_SOCKET, request->unix_socket},
        {CURLOPT_RESOLVE, plan->name_count ? transfer->resolved : NULL},
        {CURLOPT_HTTPHEADER, transfer->headers},
        {CURLOPT_WRITEDATA, transfer},
        {CURLOPT_HEADERDATA, transfer},
        {CURLOPT_WRITEFUNCTION, (void *)on_body},
        {CURLOPT_HEADERFUNCTION, (void *)on_header},
        {CURLOPT_OPENSOCKETDATA, http},
        {CURLOPT_SOCKOPTDATA, http},
        {CURLOPT_CLOSESOCKETDATA, http},
        {CURLOPT_OPENSOCKETFUNCTION, (void *)open_socket},
        {CURLOPT_SOCKOPTFUNCTION, (void *)report_connected},
        {CURLOPT_CLOSESOCKETFUNCTION, (void *)close_socket},
        {CURLOPT_CAINFO, plan->tls ? ca_file : NULL},
        /* If a client's key is configured, no request may be sent without it.
         */
        {CURLOPT_SSLCERT, own_tls ? request->cert_file : NULL},
        {CURLOPT_SSLKEY, own_tls ? request->key_file : NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (rows[i].value && !set_option(http, rows[i].option, rows[i].value))
            return false;
    return set_long(http, CURLOPT_NOSIGNAL, 1) &&
           (!plan->tunnel ||
            set_long(http, CURLOPT_HEADEROPT, CURLHEADER_SEPARATE)) &&
           (!plan->tls || (set_long(http, CURLOPT_SSL_VERIFYPEER, 1) &&
                           set_long(http, CURLOPT_SSL_VERIFYHOST, 2)));
}

static int set_options(struct transfer *transfer)
{
    const struct llmobs_http_request *request = transfer->request;
    struct llmobs_http *http = transfer->http;
    const char *const *header = request->headers;
    struct plan *plan = &transfer->plan;
    int64_t ms =
        (transfer->until_ns - llmobs_clock_mono_ns()) / LLMOBS_NS_PER_MS + 1;
    bool set;

    http->real->easy_reset(http->easy);
    append_line(transfer, &transfer->headers, "Expect:");
    for (; header && *header; header++)
        append_line(transfer, &transfer->headers, *header);
    for (size_t i = 0; i < plan->name_count; i++)
        pin_addresses(transfer, plan->names[i].target, plan->names[i].text);
    if (transfer->error)
        return transfer->error;
    /* An old libcurl may lack these options. A request's URL comes from the
     * configuration, and it follows no redirect: so a libcurl without the list
     * of protocols is safe, too. */
    ms = ms > 0 ? ms : 1;
    if (!set_option(http, OPT_PROTOCOLS_STR, "http,https"))
        (void)set_long(http, OPT_PROTOCOLS, 3);
    (void)set_long(http, CURLOPT_FOLLOWLOCATION, 0);
    (void)set_long(http, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    (void)set_long(http, CURLOPT_TIMEOUT_MS, (long)ms);
    (void)set_long(http, CURLOPT_CONNECTTIMEOUT_MS, (long)ms);
    (void)set_long(http, CURLOPT_DNS_CACHE_TIMEOUT, -1);
    (void)set_option(http, CURLOPT_USERAGENT,
                     request->user_agent ? request->user_agent
                                         : "llmobs/" LLMOBS_VERSION);
    if (plan->tls && http->config->ca_file)
        (void)set_option(http, OPT_PROXY_CAINFO, http->config->ca_file);
    if (request->guard && set_option(http, LLMOBS_OPT_PREREQDATA, transfer))
        (void)set_option(http, LLMOBS_OPT_PREREQFUNCTION, (void *)judge_peer);
    if (plan->name_count)
        (void)set_option(http, OPT_RESOLVER_START, (void *)refuse_lookup);
    set = set_needed(transfer);
    if (set && strcmp(request->method, "HEAD") == 0)
        set = set_long(http, CURLOPT_NOBODY, 1);
    else if (set && strcmp(request->method, "POST") != 0)
        set = set_long(http, CURLOPT_HTTPGET, 1);
    else if (set)
        set = set_long(http, CURLOPT_POST, 1) &&
              http->real->easy_setopt(http->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                      (curl_off_t)request->body.len) ==
                  CURLE_OK &&
              set_option(http, CURLOPT_POSTFIELDS,
                         request->body.data ? request->body.data : "");
    return set ? 0 : -EPROTONOSUPPORT;
}

/* -- the transfer ------------------------------------------------------- */

/* Does one round of work inside the fork gate; 1: the transfer has ended. */
static int drive(struct transfer *transfer)
{
    struct llmobs_http *http = transfer->http;
    int running, left, rc = 0;
    CURLMsg *message;

    llmobs_fork_gate_enter();
    if (!llmobs_sockets_intact(&http->sockets)) {
        abandon(http);
        rc = -EBADF;
    } else if (http->real->multi_perform(http->multi, &running) != CURLM_OK) {
        rc = -EIO;
    }
    while (rc == 0 &&
           (message = http->real->multi_info_read(http->multi, &left)))
        if (message->msg == CURLMSG_DONE &&
            message->easy_handle == http->easy) {
            transfer->reply->code = (int)message->data.result;
            rc = 1;
        }
    llmobs_fork_gate_leave();
    return rc;
}

static int run_transfer(struct transfer *transfer)
{
    const struct timespec pause = {0, LLMOBS_NS_PER_MS};
    struct llmobs_http *http = transfer->http;
    int64_t began;
    int rc, count;

    if (http->real->multi_add_handle(http->multi, http->easy) != CURLM_OK)
        return -EIO;
    while ((rc = drive(transfer)) == 0) {
        if (!llmobs_curl_access_goes_on(transfer->real)) {
            rc = -ECANCELED;
            break;
        }
        llmobs_tick_now(&transfer->request->tick);
        /* Waits for the network. Old versions of libcurl return at once if they
         * have no socket yet: then this sleeps instead. */
        began = llmobs_clock_mono_ns();
        count = 0;
        if (http->real->multi_wait(http->multi, NULL, 0, SLICE_MS, &count) !=
                CURLM_OK ||
            (count == 0 && llmobs_clock_mono_ns() - began < LLMOBS_NS_PER_MS))
            nanosleep(&pause, NULL);
    }
    if (!http->multi)
        return rc;
    llmobs_fork_gate_enter();
    http->real->easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE,
                             &transfer->reply->status);
    http->real->multi_remove_handle(http->multi, http->easy);
    llmobs_fork_gate_leave();
    return rc < 0 ? rc : 0;
}

/* Runs the request inside libcurl, with all names known. */
static int perform(struct transfer *transfer)
{
    struct llmobs_http *http = transfer->http;
    int rc;

    llmobs_fork_gate_enter();
    if (http->real != transfer->real || !llmobs_sockets_intact(&http->sockets))
        abandon(http);
    http->real = transfer->real;
    if (!http->multi)
        make_multi(http);
    if (!http->easy)
        http->easy = transfer->real->easy_init();
    rc = http->multi && http->easy ? 0 : -ENOMEM;
    if (rc == 0)
        rc = set_options(transfer);
    llmobs_fork_gate_leave();
    if (rc == 0)
        rc = run_transfer(transfer);
    llmobs_fork_gate_enter();
    /* The handle may keep no option of this request. */
    if (http->easy)
        transfer->real->easy_reset(http->easy);
    transfer->real->slist_free_all(transfer->headers);
    transfer->real->slist_free_all(transfer->resolved);
    llmobs_fork_gate_leave();
    return rc;
}

/* The error of a transfer that ran. If the peer did not answer, the addresses
 * of its name may have changed since the look-up. */
static int outcome(struct transfer *transfer)
{
    const struct plan *plan = &transfer->plan;
    int code = transfer->reply->code;

    if (transfer->strange)
        return -EPERM;
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT)
        for (size_t i = 0; i < plan->name_count; i++)
            llmobs_resolve_doubt(transfer->http->resolve,
                                 plan->names[i].target->host);
    if (code == CURLE_OK && transfer->reply->status == 0)
        return -EIO;
    switch (code) {
    case CURLE_OK:
        return 0;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return -EHOSTUNREACH;
    case CURLE_COULDNT_CONNECT:
        return -ECONNREFUSED;
    case CURLE_OPERATION_TIMEDOUT:
        return -ETIMEDOUT;
    case CURLE_OUT_OF_MEMORY:
        return -ENOMEM;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return -ECONNRESET;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
        return -EPROTO;
    default:
        return -EIO;
    }
}

/* A request of this process, or of the one that it was forked from, had no way.
 */
static atomic_bool lacks;

bool llmobs_http_lacks_way(void)
{
    return atomic_load_explicit(&lacks, memory_order_relaxed) &&
           (llmobs_direct_is_on() || !llmobs_curl_access_ever());
}

static int send_request(struct llmobs_http *http,
                        const struct llmobs_http_request *request,
                        struct llmobs_http_reply *reply)
{
    struct transfer transfer = {.real = llmobs_curl_access_current(),
                                .http = http,
                                .request = request,
                                .reply = reply,
                                .until_ns =
                                    llmobs_clock_mono_ns() +
                                    request->timeout_ms * LLMOBS_NS_PER_MS};
    int rc = make_plan(&transfer);

    if (rc)
        return rc;
    if (!llmobs_curl_access_ever()) {
        rc = transfer.plan.tls || transfer.plan.proxy ||
                     !llmobs_fd_spare(REQUEST_FDS)
                 ? -ENOTCONN
                 : llmobs_plain_send(&http->sockets, request,
                                     &transfer.plan.target, reply);
        if (rc == -ENOTCONN) {
            llmobs_log_once(LLMOBS_LOG_INFO, "no libcurl",
                            "no libcurl here: this process itself reaches only "
                            "peers on this host, by HTTP");
            atomic_store(&lacks, true);
        }
        return rc;
    }
    if (!transfer.real || !llmobs_curl_access_may_use(transfer.plan.tls) ||
        !llmobs_fd_spare(REQUEST_FDS))
        return -ENOTCONN;
    if (!llmobs_direct_may_go(&transfer.plan.target,
                              request->unix_socket != NULL,
                              transfer.plan.proxy != NULL)) {
        atomic_store(&lacks, true);
        return -ENOTCONN;
    }
    if (request->guard)
        rc = llmobs_listener_check(request->guard, &transfer.mark);
    if (rc == 0)
        rc = look_all_up(&transfer);
    if (rc == 0 && !llmobs_curl_access_goes_on(transfer.real))
        rc = -ECANCELED;
    if (rc)
        return rc;
    if (!llmobs_curl_access_enter(transfer.real))
        return -ENOTCONN;
    rc = perform(&transfer);
    llmobs_curl_access_leave();
    return rc ? rc : outcome(&transfer);
}

/* -- requests ----------------------------------------------------------- */

int llmobs_http_send(struct llmobs_http *http,
                     const struct llmobs_http_request *request,
                     struct llmobs_http_reply *reply)
{
    int rc;

    llmobs_http_reply_init(reply, request);
    llmobs_curl_access_check();
    if (http->process != llmobs_fork_process())
        llmobs_http_forget(http);
    rc = send_request(http, request, reply);
    /* A process that exits opens no more connections, so the kernel is not
     * asked. */
    if (has_handles(http) && !llmobs_curl_access_is_exit() &&
        !llmobs_fd_spare(KEEP_FDS))
        close_handles(http);
    return rc;
}

int llmobs_http_warm(struct llmobs_http *http,
                     const struct llmobs_http_request *like)
{
    char root[LLMOBS_TARGET_HOST_MAX + 32];
    struct llmobs_http_request request = *like;
    struct llmobs_http_reply reply;
    struct llmobs_target target;
    int rc = llmobs_target_parse(like->url, NULL, &target);

    if (rc)
        return rc;
    (void)snprintf(root, sizeof(root),
                   strchr(target.host, ':') ? "%s://[%s]:%u/" : "%s://%s:%u/",
                   target.scheme, target.host, target.port);
    request.method = "HEAD";
    request.url = root;
    request.headers = NULL;
    request.body = (struct llmobs_text){NULL, 0};
    rc = llmobs_http_send(http, &request, &reply);
    llmobs_http_reply_fini(&reply);
    return rc;
}
