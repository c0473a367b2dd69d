#include "cli/intercept/proxy.h"

#include <errno.h>
#include <link.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/intercept/peer.h"
#include "cli/intercept/refusals.h"
#include "cli/intercept/tls.h"
#include "cli/shared/open_libcurl.h"
#include "core/capture/attach.h"
#include "core/capture/global.h"
#include "core/capture/judge.h"
#include "core/capture/wire.h"
#include "core/config/origin.h"
#include "lib/base/clock.h"
#include "lib/base/glob.h"
#include "lib/base/log.h"
#include "lib/base/stats.h"
#include "rules/rules.h"

/* The look-up of names needs most of it. */
#define STACK ((size_t)256 * 1024)
#define PAUSE_US 10000
/* Pages of it that no byte has come to cost nothing. */
#define ROOM ((size_t)64 * 1024)
/* The longest record of TLS. */
#define RECORD ((size_t)16 * 1024)
#define HELLO_MS 60000

#define FOREIGN                                             \
    "HTTP/1.1 501 Not Implemented\r\ncontent-length: 0\r\n" \
    "connection: close\r\n\r\n"

struct end {
    int fd;    /* does not block */
    void *tls; /* NULL: the bytes pass as they are */
};

struct visit {
    struct llmobs_run_proxy *proxy;
    struct end client;
    struct end server; /* fd -1: none */
    struct llmobs_target to;
    struct llmobs_hello hello;
    struct llmobs_peer peer;
    struct llmobs_wire_peer facts; /* in the next two */
    char process[LLMOBS_PEER_PROGRAM + 16];
    char caller[LLMOBS_ORIGIN_SCRIPT + sizeof("{\"entry\": \"\"}")];
    char asked[LLMOBS_HEAD_MAX];
    char answer[LLMOBS_HEAD_MAX];
};

/* -- the core -------------------------------------------------------------- */

static const struct llmobs_wire_ops *ops;
static pthread_once_t attached = PTHREAD_ONCE_INIT;

static void nothing(void)
{
}

/* As the first connection needs it: most runs of a short command need none. */
static void attach(void)
{
    static const struct llmobs_wrappers no_wrappers;
    static struct llmobs_host host = {.abi = LLMOBS_ENGINE_ABI,
                                      .objects = dl_iterate_phdr,
                                      .wrappers = &no_wrappers,
                                      .watch_alone = nothing};
    const struct llmobs_ops *all;

    host.env = (const char *const *)environ;
    all = llmobs_core_attach(&host);
    if (!all)
        return;
    ops = &all->wire;
    llmobs_cli_open_libcurl();
}

/* -- bytes in both directions -------------------------------------------------
 */

/* One direction. */
struct way {
    const struct end *from, *to;
    char *bytes;
    size_t len, at; /* those from `at` on have not gone yet */
    size_t most;    /* that there were at once */
    bool over;      /* no more will come */
    bool told;      /* and the peer has said so within TLS */
    bool shut;      /* and `to` knows */
    bool broken;
    short from_waits, to_waits; /* for poll; 0: for nothing */
};

static bool would_wait(void)
{
    return errno == EAGAIN || errno == EINTR;
}

/* Takes all that is there, as far as there is room. */
static void fill(struct way *way)
{
    ssize_t n = 1;

    way->len = way->at = 0;
    while (n > 0 && ROOM - way->len >= RECORD) {
        char *bytes = way->bytes + way->len;
        size_t len = ROOM - way->len;

        way->from_waits = POLLIN;
        n = way->from->tls ? llmobs_tls_receive(way->from->tls, bytes, len,
                                                &way->from_waits, &way->told)
                           : recv(way->from->fd, bytes, len, 0);
        way->len += n > 0 ? (size_t)n : 0;
        if (!way->from->tls)
            break;
    }
    way->most = way->len > way->most ? way->len : way->most;
    way->over = n == 0;
    way->broken = n < 0 && !would_wait();
}

static void put(struct way *way)
{
    const char *bytes = way->bytes + way->at;
    size_t len = way->len - way->at;
    ssize_t n;

    way->to_waits = POLLOUT;
    n = way->to->tls ? llmobs_tls_send(way->to->tls, bytes, len, &way->to_waits)
                     : send(way->to->fd, bytes, len, MSG_NOSIGNAL);
    if (n > 0)
        way->at += (size_t)n;
    way->broken = n < 0 && !would_wait();
}

/* Passes on what is there now; gives what is new, for the core to know before
 * it goes: 0 where the direction has to wait, or has ended. */
static size_t step(struct way *way)
{
    for (;;) {
        size_t at = way->at;

        way->from_waits = way->to_waits = 0;
        if (way->broken || way->shut)
            return 0;
        if (way->at < way->len) {
            put(way);
            if (way->at == at)
                return 0;
        } else if (way->over) {
            if (way->told && way->to->tls)
                llmobs_tls_end(way->to->tls);
            shutdown(way->to->fd, SHUT_WR);
            way->shut = true;
        } else {
            fill(way);
            if (way->len > 0 || !way->over)
                return way->len;
        }
    }
}

static void let_go(struct way *way)
{
    if (way->bytes)
        explicit_bzero(way->bytes, way->most);
    free(way->bytes);
}

/* Puts trace headers of the core among the bytes of a program. Without memory
 * they stay as they are, and the core counts that. */
static void insert(struct way *way, struct llmobs_insertions *all)
{
    char *bytes = malloc(ROOM + all->text_len), *to = bytes;
    size_t at = 0;

    for (size_t i = 0; bytes && i < all->count; i++) {
        const struct llmobs_insertion *one = &all->list[i];

        to = mempcpy(to, way->bytes + at, one->at - at);
        to = mempcpy(to, all->text + one->from, one->len);
        at = one->at + (one->instead ? one->len : 0);
    }
    if (bytes) {
        to = mempcpy(to, way->bytes + at, way->len - at);
        let_go(way);
        way->bytes = bytes;
        way->len = way->most = (size_t)(to - bytes);
    }
    while (all->count > 0)
        all->lost += !all->list[--all->count].instead && !bytes;
}

/* Passes on what is there now, and tells the core. */
static void move(struct way *way, bool sent, struct llmobs_wire *wire)
{
    bool ended = way->over;
    size_t len;

    while ((len = step(way)) > 0) {
        struct llmobs_insertions *added = NULL;

        if (wire)
            ops->event(wire, &(struct llmobs_wire_event){
                                 sent ? LLMOBS_WIRE_SENT : LLMOBS_WIRE_RECEIVED,
                                 way->bytes, len, -1, 0, sent ? &added : NULL});
        if (added) {
            insert(way, added);
            ops->give(wire, added);
        }
    }
    if (wire && !sent && way->over && !ended)
        ops->event(wire,
                   &(struct llmobs_wire_event){LLMOBS_WIRE_ENDED, NULL,
                                               way->told ? LLMOBS_WIRE_CLOSED
                                                         : LLMOBS_WIRE_BROKEN,
                                               -1, 0, NULL});
}

/* A hang-up is told also where nothing is waited for: then both directions of
 * that socket are over, and what waits for the other has nobody to go to. */
static bool is_gone(const struct pollfd *one)
{
    return !one->events && (one->revents & (POLLHUP | POLLERR));
}

/* The next close resets the connection. */
static void break_off(int fd)
{
    struct linger now = {1, 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

/* Passes bytes on in both directions until both have ended: an end of sending
 * as an end of sending, within TLS or not, a reset as a reset. `wire`: the
 * core's record of the connection, which gets each byte before it goes on;
 * NULL: none. Wipes what it has read. */
static void pass_bytes(const struct visit *visit, struct llmobs_wire *wire)
{
    const struct end *client = &visit->client, *server = &visit->server;
    struct way up = {.from = client, .to = server, .bytes = malloc(ROOM)};
    struct way down = {.from = server, .to = client, .bytes = malloc(ROOM)};
    bool broken = !up.bytes || !down.bytes;

    while (!broken) {
        struct pollfd ends[2] = {{client->fd, 0, 0}, {server->fd, 0, 0}};

        move(&up, true, wire);
        move(&down, false, wire);
        broken = up.broken || down.broken;
        if (broken || (up.shut && down.shut))
            break;
        ends[0].events = (short)(up.from_waits | down.to_waits);
        ends[1].events = (short)(down.from_waits | up.to_waits);
        (void)poll(ends, 2, -1);
        broken = is_gone(&ends[0]) || is_gone(&ends[1]);
    }
    if (broken) {
        break_off(client->fd);
        break_off(server->fd);
    }
    let_go(&up);
    let_go(&down);
}

/* -- reading --------------------------------------------------------------- */

/* True for a host that may be a model's. */
static bool is_to_model(const struct visit *visit)
{
    const struct llmobs_run_proxy *proxy = visit->proxy;
    char url[LLMOBS_TARGET_HOST_MAX + sizeof("https://:65535")];

    snprintf(url, sizeof(url), "https://%s:%u", visit->to.host, visit->to.port);
    if (proxy->config->rules_path)
        pthread_once(&attached, attach); /* which reads that file */
    return llmobs_rules_knows(NULL, visit->to.host) ||
           llmobs_judge_knows(visit->to.host) ||
           llmobs_url_list_may_have(proxy->gateways, url);
}

/* Looks at the client's first message, and leaves it where it is. False: it is
 * none of TLS for the host that was asked for. */
static bool peek_hello(struct visit *visit)
{
    unsigned char *bytes = malloc(LLMOBS_HELLO_MAX);
    int more = 1, rc = 0, fd = visit->client.fd;

    while (bytes && rc == 0 && more <= LLMOBS_HELLO_MAX) {
        struct pollfd both[2] = {{fd, POLLIN, 0},
                                 {visit->server.fd, POLLIN, 0}};
        ssize_t n;

        setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &more, sizeof(more));
        if (poll(both, 2, HELLO_MS) <= 0 || both[1].revents)
            break; /* a server that speaks first speaks no TLS */
        n = recv(fd, bytes, LLMOBS_HELLO_MAX, MSG_PEEK);
        if (n < more)
            break;
        rc = llmobs_hello_read(bytes, (size_t)n, &visit->hello);
        more = (int)n + 1;
    }
    more = 1;
    setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &more, sizeof(more));
    free(bytes);
    return rc == 1 && strcasecmp(visit->hello.name, visit->to.host) == 0;
}

/* The server first: as long as the client has no answer, its bytes can still
 * pass as they are, by a new connection. Then the program itself sees what is
 * wrong with the server, and says what it would have said. False: that failed.
 */
static bool open_both(struct visit *visit, enum llmobs_stat *stat)
{
    struct end *server = &visit->server;
    const char *path = visit->proxy->refusals;
    bool refused = false;

    server->tls = llmobs_tls_reach(server->fd, &visit->hello);
    if (!server->tls) {
        *stat = LLMOBS_STAT_intercept_server;
        close(server->fd);
        server->fd =
            llmobs_way_out_connect(&visit->proxy->way, visit->asked, &visit->to,
                                   visit->client.fd, visit->answer);
        return server->fd >= 0 && llmobs_way_out_stands(visit->answer);
    }
    visit->client.tls =
        llmobs_tls_take(visit->client.fd, &visit->hello, server->tls, &refused);
    if (!visit->client.tls)
        *stat =
            refused ? LLMOBS_STAT_intercept_refused : LLMOBS_STAT_intercept_odd;
    if (!refused)
        return visit->client.tls != NULL;
    llmobs_refusals_add(path, visit->to.host, visit->hello.kind);
    llmobs_log(LLMOBS_LOG_WARN,
               "a program takes no certificate of the run for %s: for 30 days "
               "it passes unread there, or until `llmobs doctor "
               "--forget-refusals`",
               visit->to.host);
    return false;
}

/* Begins the core's record of the connection, by the facts of its process. */
static struct llmobs_wire *begin_wire(struct visit *visit)
{
    const struct llmobs_config *config = visit->proxy->config;
    struct llmobs_wire *wire = NULL;
    struct llmobs_origin_names names = {.script = ""};
    char program[LLMOBS_PEER_PROGRAM];
    pid_t pid = llmobs_peer_process(&visit->peer, program);

    if (pid > 0 && llmobs_config_names_callers(config))
        llmobs_origin_read(pid, config, &names);
    snprintf(visit->process, sizeof(visit->process), "%d %s", (int)pid,
             program);
    /* No script that a span may show has a quotation mark. */
    snprintf(visit->caller, sizeof(visit->caller), "{\"entry\": \"%s\"}",
             names.script);
    visit->facts = (struct llmobs_wire_peer){
        visit->process, names.script[0] ? visit->caller : NULL};
    if (ops)
        wire = ops->begin(visit->to.host, LLMOBS_WIRE_TLS,
                          llmobs_tls_is_http2(visit->server.tls));
    if (wire)
        llmobs_wire_set_peer(wire, &visit->facts);
    return wire;
}

static void pass(struct visit *visit)
{
    const struct llmobs_run_proxy *proxy = visit->proxy;
    enum llmobs_stat stat = LLMOBS_STAT_intercepted;
    struct llmobs_wire *wire = NULL;
    bool stands = true;

    if (proxy->reads && llmobs_way_out_stands(visit->answer) &&
        is_to_model(visit)) {
        if (llmobs_clock_mono_ns() >= proxy->until_ns ||
            llmobs_glob_listed(proxy->leaves ? proxy->leaves : "",
                               visit->to.host))
            stat = LLMOBS_STAT_intercept_left;
        else if (!peek_hello(visit))
            stat = LLMOBS_STAT_intercept_odd;
        else if (llmobs_refusals_have(proxy->refusals, visit->to.host,
                                      visit->hello.kind))
            stat = LLMOBS_STAT_intercept_refused;
        else
            stands = open_both(visit, &stat);
        pthread_once(&attached, attach);
        llmobs_global_deliver_at_exit();
        llmobs_stats_add(stat, 1);
    }
    if (!stands)
        return;
    if (visit->client.tls)
        wire = begin_wire(visit);
    pass_bytes(visit, wire);
    if (wire)
        ops->event(wire,
                   &(struct llmobs_wire_event){LLMOBS_WIRE_ENDED, NULL,
                                               LLMOBS_WIRE_FREED, -1, 0, NULL});
}

/* -- a connection ---------------------------------------------------------- */

static void *visit_main(void *arg)
{
    struct visit *visit = arg;
    struct llmobs_run_proxy *proxy = visit->proxy;
    const struct llmobs_peer *peer = &visit->peer;
    int client = visit->client.fd;

    /* Other users could not connect to the server with this user's address and
     * proxy; root could. */
    if (llmobs_peer_find(client, &visit->peer) &&
        (peer->uid == geteuid() || peer->uid == 0) &&
        llmobs_way_out_head(client, visit->asked) > 0) {
        strcpy(visit->answer, FOREIGN);
        if (llmobs_way_out_asked(visit->asked, &visit->to))
            visit->server.fd = llmobs_way_out_connect(
                &proxy->way, visit->asked, &visit->to, client, visit->answer);
        if (llmobs_way_out_send(client, visit->answer, strlen(visit->answer)) &&
            visit->server.fd >= 0)
            pass(visit);
    }
    llmobs_tls_free(visit->client.tls);
    llmobs_tls_free(visit->server.tls);
    if (visit->server.fd >= 0)
        close(visit->server.fd);
    close(client);
    free(visit);
    atomic_fetch_sub(&proxy->open, 1);
    return NULL;
}

void *llmobs_proxy_serve(void *run_proxy)
{
    struct llmobs_run_proxy *proxy = run_proxy;
    pthread_attr_t how;
    int on = 1;

    pthread_attr_init(&how);
    pthread_attr_setstacksize(&how, STACK);
    pthread_attr_setdetachstate(&how, PTHREAD_CREATE_DETACHED);
    for (;;) {
        int client =
            accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        struct visit *visit;
        pthread_t thread;

        if (client < 0 && errno != EINTR && errno != ECONNABORTED)
            usleep(PAUSE_US); /* no files are left: they come back */
        if (client < 0)
            continue;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        visit = calloc(1, sizeof(*visit));
        if (visit) {
            visit->proxy = proxy;
            visit->client.fd = client;
            visit->server.fd = -1;
            atomic_fetch_add(&proxy->open, 1);
            if (pthread_create(&thread, &how, visit_main, visit) == 0)
                continue;
            atomic_fetch_sub(&proxy->open, 1);
        }
        free(visit);
        close(client);
    }
}
