/* Serves the connections of one run: passes their bytes on, and reads those to
 * models. */
#include "cli/intercept/proxy.h"

#include <errno.h>
#include <link.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/intercept/refusals.h"
#include "cli/intercept/tls.h"
#include "cli/shared/open_libcurl.h"
#include "core/capture/attach.h"
#include "core/capture/global.h"
#include "core/capture/judge.h"
#include "core/capture/wire.h"
#include "core/config/origin.h"
#include "core/export/plain_http.h"
#include "lib/base/clock.h"
#include "lib/base/glob.h"
#include "lib/base/http1_first.h"
#include "lib/base/log.h"
#include "lib/base/mix.h"
#include "lib/base/stats.h"
#include "lib/text/http1.h"
#include "rules/rules.h"

/* The look-up of names needs most of it. */
#define STACK ((size_t)256 * 1024)
#define PAUSE_US 10000
/* A direction that rests gives its memory back, but keeps its addresses: they
 * may be short later, and the bytes of a call must pass. */
#define ROOM ((size_t)64 * 1024)
_Static_assert(LLMOBS_REQUEST_MAX + 64 <= ROOM, "a head goes in one piece");
/* Most heads are shorter. */
#define HEAD ((size_t)4 * 1024)
#define IDLE_MS 100
/* Of the files: a connection has two, and one while its process is found. */
#define SHARE 4
/* The longest record of TLS. */
#define RECORD ((size_t)16 * 1024)
#define HELLO_MS 60000
#define STATUS (sizeof("HTTP/1.1 ") - 1)
#define REST_MS 2000
/* A program that compares the certificate itself does so at once. */
#define LEAVES_MS 2000

struct end {
    int fd;    /* does not block */
    void *tls; /* NULL: the bytes pass as they are */
};

struct visit {
    struct llmobs_run_proxy *proxy;
    struct end client;
    struct end server; /* fd -1: none */
    struct llmobs_target to;
    struct llmobs_wire *wire; /* the core's record of it; NULL: none */
    struct llmobs_hello hello;
    struct llmobs_peer peer;
    bool reads; /* what goes to models */
    uint64_t of_program;
    enum llmobs_refusals_end end; /* of the program's own TLS */
    int64_t leaves_ns;            /* until then, if so; 0: it has none */
    struct llmobs_origin_names names;
    char program[LLMOBS_PEER_PROGRAM];
    bool apart; /* its ends are in a table of files of its own */
    struct llmobs_way_out out;
    struct llmobs_wire_peer facts; /* in the next two */
    char process[LLMOBS_PEER_PROGRAM + 16];
    char caller[LLMOBS_ORIGIN_SCRIPT + sizeof("{\"entry\": \"\"}")];
    char asked[LLMOBS_HEAD_MAX];
    char answer[LLMOBS_REQUEST_MAX];
};

/* -- the core -------------------------------------------------------------- */

static const struct llmobs_wire_ops *ops;
static pthread_once_t attached = PTHREAD_ONCE_INIT;
static const struct llmobs_config *config;

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
    if (!llmobs_plain_serves(config))
        llmobs_cli_open_libcurl();
}

/* -- bytes in both directions -------------------------------------------------
 */

/* One direction. */
struct way {
    const struct end *from, *to;
    char *bytes;
    size_t len, at; /* those from `at` on have not gone yet */
    size_t room;
    bool used;     /* bytes have come since it gave memory back */
    size_t ready;  /* of a head, which go first */
    uint64_t left; /* that may go before the next head; UINT64_MAX: all */
    uint64_t then; /* that go, where what comes is no head */
    struct llmobs_http1_way chunks; /* they tell their end; step 0: none */
    bool next;                      /* a head waits to be taken */
    bool begun;                     /* something came behind a head */
    bool asks, final; /* the first bytes are to be looked at: no 1xx */
    bool over;        /* no more will come */
    bool told;        /* and the peer has said so within TLS */
    bool said;        /* so has this to `to` */
    bool shut;        /* and `to` knows */
    bool broken;
    bool seen;                  /* something came, as far as poll knows */
    short wants;                /* of the last try to take something */
    short from_waits, to_waits; /* for poll; 0: for nothing */
};

static bool would_wait(void)
{
    return errno == EAGAIN || errno == EINTR;
}

/* Pages of it that no byte has come to cost nothing. */
static void *take(size_t room)
{
    void *bytes = mmap(NULL, room, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return bytes == MAP_FAILED ? NULL : bytes;
}

/* Takes all that is there, as far as there is room, and as may pass. Between
 * two requests it finds whether the next begins, for another to read: an end
 * passes, and what is no HTTP, as a websocket's frames are none. */
static void fill(struct way *way)
{
    char first[LLMOBS_HTTP1_FIRST];
    void *tls = way->from->tls;
    int fd = way->from->fd;
    ssize_t n = 1;

    way->len = way->ready;
    way->at = way->ready = 0;
    way->from_waits = POLLIN;
    way->used = true;
    if (way->len == 0 && way->left == 0) {
        n = recv(fd, first, sizeof(first), MSG_PEEK);
        if (n < 0 && would_wait())
            return;
        way->next = n > 0 && llmobs_http1_first(first, (size_t)n) <=
                                 LLMOBS_HTTP1_FIRST_HTTP;
        way->from_waits = way->next ? 0 : POLLIN;
        way->left = way->next ? 0 : way->then;
        way->then = UINT64_MAX;
        n = 1;
    }
    while (way->left > 0 && n > 0 &&
           (way->len == 0 || (!way->from_waits && ROOM - way->len >= RECORD))) {
        char *bytes = way->bytes + way->len;
        size_t len = ROOM - way->len;

        len = len < way->left ? len : (size_t)way->left;
        if (tls)
            n = llmobs_tls_receive(tls, bytes, len, &way->from_waits,
                                   &way->told);
        else
            n = recv(fd, bytes, len, way->chunks.step ? MSG_PEEK : 0);
        if (n > 0 && way->chunks.step) {
            len = llmobs_http1_chunks(&way->chunks, bytes, (size_t)n);
            n = recv(fd, bytes, len, 0);
            way->left = way->chunks.step ? UINT64_MAX : 0;
        } else if (n > 0 && way->left < UINT64_MAX) {
            way->left -= (size_t)n;
        }
        way->len += n > 0 ? (size_t)n : 0;
        way->begun |= n > 0;
    }
    if (way->asks && way->len > STATUS) {
        way->asks = false;
        way->final = way->bytes[STATUS] != '1';
    }
    way->over = n == 0;
    way->told |= way->over && !tls;
    way->broken = n < 0 && !would_wait();
}

/* Sends what is there; false: nothing goes now. */
static bool put(struct way *way)
{
    const char *bytes = way->bytes + way->at;
    size_t len = way->len - way->at;
    ssize_t n;

    way->to_waits = POLLOUT;
    n = way->to->tls ? llmobs_tls_send(way->to->tls, bytes, len, &way->to_waits)
                     : send(way->to->fd, bytes, len, MSG_NOSIGNAL);
    way->broken = n < 0 && !would_wait();
    way->at += n > 0 ? (size_t)n : 0;
    return n > 0;
}

/* Passes on what is there now; gives what is new, for the core to know: 0 where
 * the direction has to wait, or has ended. */
static size_t step(struct way *way)
{
    for (;;) {
        ssize_t n;

        way->from_waits = way->to_waits = 0;
        if (way->broken || way->shut)
            return 0;
        if (way->at < way->len) {
            if (!put(way))
                return 0;
        } else if (way->over && way->told && way->to->tls && !way->said) {
            way->to_waits = POLLOUT;
            way->said = llmobs_tls_end(way->to->tls);
            if (!way->said)
                return 0;
        } else if (way->over) { /* the connection may end later */
            n = way->said && way->from->tls
                    ? recv(way->from->fd, NULL, ROOM, MSG_TRUNC)
                    : 0;
            way->from_waits = POLLIN;
            way->broken = n < 0 && !would_wait();
            if (n < 0)
                return 0;
            if (n == 0)
                way->shut = shutdown(way->to->fd, SHUT_WR) <= 0;
        } else if (!way->seen && way->wants) {
            way->from_waits = way->wants;
            return 0;
        } else {
            fill(way);
            way->seen = way->len > ROOM - RECORD; /* there may be more */
            way->wants = way->from_waits;
            if (way->len > 0 || !way->over)
                return way->len;
        }
    }
}

/* Passes on what is there now, and tells the core: of what is sent to the
 * server before it goes, for the core may put trace headers among it, and
 * counts where there is no memory for them; of an answer once it has gone, so
 * that the program need not wait for the core. */
static void move(struct way *way, bool sent, struct llmobs_wire *wire)
{
    bool ended = way->over;
    size_t len, at = 0;

    while ((len = step(way)) > 0) {
        struct llmobs_insertions *all = NULL;
        char *bytes, *to;

        while (wire && !sent && way->at < way->len && put(way))
            ;
        if (wire)
            ops->event(wire, &(struct llmobs_wire_event){
                                 sent ? LLMOBS_WIRE_SENT : LLMOBS_WIRE_RECEIVED,
                                 way->bytes, len, -1, 0, sent ? &all : NULL});
        if (!all)
            continue;
        to = bytes = take(ROOM + all->text_len);
        at = 0;
        for (size_t i = 0; bytes && i < all->count; i++) {
            const struct llmobs_insertion *one = &all->list[i];

            to = mempcpy(to, way->bytes + at, one->at - at);
            to = mempcpy(to, all->text + one->from, one->len);
            at = one->at + (one->instead ? one->len : 0);
        }
        if (bytes) {
            to = mempcpy(to, way->bytes + at, len - at);
            munmap(way->bytes, way->room);
            way->bytes = bytes;
            way->room = ROOM + all->text_len;
            way->len = (size_t)(to - bytes);
        }
        while (all->count > 0)
            all->lost += !all->list[--all->count].instead && !bytes;
        ops->give(wire, all);
    }
    if (wire && !sent && way->over && !ended)
        ops->event(wire,
                   &(struct llmobs_wire_event){LLMOBS_WIRE_ENDED, NULL,
                                               way->told ? LLMOBS_WIRE_CLOSED
                                                         : LLMOBS_WIRE_BROKEN,
                                               -1, 0, NULL});
}

/* Gives the whole pages between `from` and `to` back: they become zero. */
static void forget(const void *from, const void *to)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = ((uintptr_t)from + page - 1) & -page;
    uintptr_t last = (uintptr_t)to & -page;

    if (first < last)
        madvise((void *)first, last - first, MADV_DONTNEED);
}

/* Gives back what an idle connection needs no more: the heads, and the stack
 * below this function, of which the handshakes took most. One page of it is for
 * the calls that give it back. */
static __attribute__((noinline)) void forget_beginning(struct visit *visit)
{
    const char *here = __builtin_frame_address(0);
    pthread_attr_t how;
    void *stack;
    size_t size;

    forget(visit->asked, visit + 1);
    if (pthread_getattr_np(pthread_self(), &how) != 0)
        return;
    if (pthread_attr_getstack(&how, &stack, &size) == 0)
        forget(stack, here - sysconf(_SC_PAGESIZE));
    pthread_attr_destroy(&how);
}

/* Passes bytes on in both directions until both have ended: an end of sending
 * as an end of sending, within TLS or not, a reset as a reset. `head`: of the
 * one request that may pass, read from `asked`, as `way` needs it; true:
 * another follows. Wipes what it has read. */
static bool pass_bytes(struct visit *visit, const struct llmobs_way *way,
                       const struct llmobs_http1_head *head)
{
    const struct end *client = &visit->client, *server = &visit->server;
    struct way up = {.from = client, .to = server, .bytes = take(ROOM)};
    struct way down = {.from = server, .to = client, .bytes = take(ROOM)};
    bool broken = !up.bytes || !down.bytes;
    struct linger now = {1, 0};

    up.room = down.room = ROOM;
    up.left = up.then = down.left = UINT64_MAX;
    up.seen = down.seen = true;
    if (head && !broken) {
        up.ready = llmobs_way_out_request(way, visit->asked, head, up.bytes);
        if (head->framing == LLMOBS_HTTP1_CHUNKED)
            llmobs_http1_chunks_begin(&up.chunks);
        else
            up.left = head->length;
        down.asks = head->expects && up.left > 0;
    }
    while (!broken) {
        struct pollfd ends[2] = {{client->fd, 0, 0}, {server->fd, 0, 0}};
        bool idle[2];

        move(&up, true, visit->wire);
        if (client->tls && up.begun)
            visit->end = LLMOBS_REFUSALS_USES;
        else if (client->tls && (up.over || up.broken) && !down.over &&
                 llmobs_clock_mono_ns() < visit->leaves_ns)
            visit->end = LLMOBS_REFUSALS_LEAVES;
        atomic_fetch_add(&visit->proxy->untold, visit->wire != NULL);
        move(&down, false, visit->wire);
        atomic_fetch_sub(&visit->proxy->untold, visit->wire != NULL);
        /* An answer that does without the body may be followed by another
         * request, and nothing else may: a body can look like one. */
        if (down.final && !up.begun) {
            up.then = up.left;
            up.left = 0;
        }
        down.final = false;
        broken = up.broken || down.broken;
        if (broken || (up.shut && down.shut) ||
            (up.next && down.at == down.len))
            break;
        for (int i = 0; i < 2; i++) {
            const struct way *from = i ? &down : &up, *to = i ? &up : &down;

            ends[i].events = from->from_waits | to->to_waits;
            if (!ends[i].events && to->shut)
                ends[i].fd = -1; /* its own end may be there, before its turn */
            idle[i] = to->used && to->at == to->len;
        }
        if (poll(ends, 2, idle[0] || idle[1] ? IDLE_MS : -1) == 0) {
            for (int i = 0; i < 2; i++)
                if (idle[i]) {
                    struct way *one = i ? &up : &down;

                    madvise(one->bytes, one->room, MADV_DONTNEED);
                    one->used = false;
                }
            forget_beginning(visit);
        }
        up.seen |= ends[0].revents != 0;
        down.seen |= ends[1].revents != 0;
        /* A reset is told also where nothing is waited for. */
        broken = (!ends[0].events && ends[0].revents) ||
                 (!ends[1].events && ends[1].revents);
    }
    if (broken) { /* the next close resets the connection */
        setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        setsockopt(server->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
    munmap(up.bytes, up.room);
    munmap(down.bytes, down.room);
    return up.next && !broken && !down.over;
}

/* -- reading --------------------------------------------------------------- */

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
    visit->hello.kind ^= visit->of_program;
    return rc == 1 && strcasecmp(visit->hello.name, visit->to.host) == 0;
}

/* The connection to the server is over. */
static void leave(struct visit *visit)
{
    if (visit->wire)
        ops->event(visit->wire,
                   &(struct llmobs_wire_event){LLMOBS_WIRE_ENDED, NULL,
                                               LLMOBS_WIRE_FREED, -1, 0, NULL});
    visit->wire = NULL;
    llmobs_tls_free(visit->server.tls);
    visit->server.tls = NULL;
    if (visit->server.fd >= 0)
        close(visit->server.fd);
    visit->server.fd = -1;
}

/* The server first: as long as the client has no answer, its bytes can still
 * pass as they are, by a new connection. Then the program itself sees what is
 * wrong with the server, and says what it would have said. False: that failed.
 */
static bool open_both(struct visit *visit, enum llmobs_stat *stat)
{
    enum llmobs_tls_why why = LLMOBS_TLS_UNABLE;

    visit->server.tls = llmobs_tls_reach(visit->server.fd, &visit->hello, true);
    if (visit->server.tls) {
        llmobs_refusals_begin(visit->to.host, visit->hello.kind);
        visit->client.tls = llmobs_tls_take(visit->client.fd, &visit->hello,
                                            visit->server.tls, &why);
        visit->leaves_ns =
            llmobs_clock_mono_ns() + LEAVES_MS * LLMOBS_NS_PER_MS;
    }
    if (visit->client.tls)
        return true;
    visit->end = why == LLMOBS_TLS_REFUSED ? LLMOBS_REFUSALS_REFUSES
                 : why == LLMOBS_TLS_LEFT  ? LLMOBS_REFUSALS_LEAVES
                                           : LLMOBS_REFUSALS_NEITHER;
    *stat = !visit->server.tls         ? LLMOBS_STAT_intercept_server
            : why == LLMOBS_TLS_UNABLE ? LLMOBS_STAT_intercept_odd
                                       : LLMOBS_STAT_intercept_refused;
    if (why != LLMOBS_TLS_UNABLE)
        return false;
    leave(visit);
    visit->server.fd =
        llmobs_way_out_connect(&visit->out.tls, visit->asked, &visit->to,
                               visit->client.fd, visit->answer);
    return visit->server.fd >= 0 && llmobs_way_out_stands(visit->answer);
}

/* Finds what asks: another program of an interpreter, or with TLS of the same
 * kind, may take the certificate that this one refuses. */
static void find_program(struct visit *visit)
{
    const char *script = visit->names.script;

    visit->of_program = llmobs_peer_program(visit->peer.pid, visit->program);
    llmobs_origin_read(visit->peer.pid, config, &visit->names);
    visit->of_program ^= llmobs_mix_bytes(script, strlen(script));
}

/* Begins the core's record of the connection, by the facts of its process. */
static void begin_wire(struct visit *visit)
{
    const char *script =
        llmobs_config_names_callers(config) ? visit->names.script : "";
    void *tls = visit->server.tls;

    snprintf(visit->process, sizeof(visit->process), "%d %s",
             (int)visit->peer.pid, visit->program);
    /* No script that a span may show has a quotation mark. */
    snprintf(visit->caller, sizeof(visit->caller), "{\"entry\": \"%s\"}",
             script);
    visit->facts = (struct llmobs_wire_peer){visit->process,
                                             *script ? visit->caller : NULL};
    if (ops)
        visit->wire =
            ops->begin(visit->to.host, tls ? LLMOBS_WIRE_TLS : visit->server.fd,
                       tls && llmobs_tls_is_http2(tls));
    if (visit->wire)
        llmobs_wire_set_peer(visit->wire, &visit->facts);
}

/* Told once for a run. */
static enum llmobs_stat tell(struct llmobs_run_proxy *proxy,
                             enum llmobs_unread why, enum llmobs_stat stat)
{
    if (!(atomic_fetch_or(&proxy->unread, why) & why))
        llmobs_unread_tell(proxy->refusals, why);
    return stat;
}

/* False where the program has another root, or something mounted, where the
 * files are by which it could trust. */
static bool sees_trust(const struct visit *visit)
{
    char path[PATH_MAX + 32];
    bool sees;

    snprintf(path, sizeof(path), "/proc/%d/root%s", (int)visit->peer.pid,
             visit->proxy->trust);
    sees = access(path, F_OK) == 0 || errno != ENOENT;
    if (!sees)
        (void)tell(visit->proxy, LLMOBS_UNREAD_HIDDEN,
                   LLMOBS_STAT_intercept_refused);
    return sees;
}

/* False where the program is one of Node that checks no certificate at all. */
static bool proves(const struct visit *visit)
{
    char pid[16];

    snprintf(pid, sizeof(pid), "%d", (int)visit->peer.pid);
    return !llmobs_peer_has(pid, "NODE_TLS_REJECT_UNAUTHORIZED=0");
}

/* Passes on what the program asks for; true: it asks for more. The proxy itself
 * proves the server of an https URL that is asked for without CONNECT. */
static bool serve(struct visit *visit)
{
    const struct llmobs_run_proxy *proxy = visit->proxy;
    struct llmobs_target to = {.port = 0}, *before = &visit->to;
    char url[LLMOBS_TARGET_HOST_MAX + sizeof("https://:65535")];
    enum llmobs_stat stat = LLMOBS_STAT_intercepted;
    struct end *server = &visit->server;
    int client = visit->client.fd;
    struct pollfd rest = {client, POLLIN, 0};
    struct linger now = {1, 0};
    struct llmobs_http1_head head;
    bool known = llmobs_way_out_asked(visit->asked, &head, &to), stands = true,
         more;
    bool tls = strcmp(to.scheme, "https") == 0;
    const struct llmobs_way *way = tls ? &visit->out.tls : &visit->out.plain;
    bool tunnel = known && llmobs_text_is(head.method, "CONNECT");

    if (known && !tunnel && server->fd >= 0 && to.port == before->port &&
        strcmp(to.scheme, before->scheme) == 0 &&
        strcmp(to.host, before->host) == 0)
        return pass_bytes(visit, way, &head);
    leave(visit);
    visit->to = to;
    strcpy(visit->answer, LLMOBS_WAY_OUT_NO("501 Not Implemented"));
    if (tunnel)
        server->fd = llmobs_way_out_connect(way, visit->asked, &to, client,
                                            visit->answer);
    else if (known)
        server->fd = llmobs_way_out_dial(way, &to, -1, visit->answer);
    if (server->fd >= 0 && !tunnel && tls && !way->url) {
        visit->hello = (struct llmobs_hello){.kind = 0};
        strcpy(visit->hello.name, to.host);
        if (proxy->reads)
            server->tls =
                llmobs_tls_reach(server->fd, &visit->hello, proves(visit));
        if (!server->tls)
            leave(visit);
    }
    if (known && server->fd < 0) {
        setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        return false;
    }
    if ((tunnel || !known) &&
        !llmobs_way_out_send(client, visit->answer, strlen(visit->answer)))
        return false;
    if (!known) { /* a close before it took all would take that back */
        shutdown(client, SHUT_WR);
        while (poll(&rest, 1, REST_MS) > 0 &&
               recv(client, visit->answer, sizeof(visit->answer), 0) > 0)
            ;
        return false;
    }
    snprintf(url, sizeof(url), "%s://%s:%u", tls ? "https" : "http", to.host,
             to.port);
    if (visit->reads && !visit->apart && config->rules_path)
        pthread_once(&attached, attach); /* which reads that file */
    if (visit->reads && llmobs_way_out_stands(visit->answer) &&
        (llmobs_rules_knows(NULL, to.host) || llmobs_judge_knows(to.host) ||
         llmobs_url_list_may_have(proxy->gateways, url))) {
        find_program(visit);
        if (llmobs_glob_listed(proxy->leaves ? proxy->leaves : "", to.host))
            stat = LLMOBS_STAT_intercept_left;
        else if (visit->apart)
            stat = tell(visit->proxy, LLMOBS_UNREAD_MANY,
                        LLMOBS_STAT_intercept_many);
        else if (!llmobs_tls_is_valid())
            stat = tell(visit->proxy, LLMOBS_UNREAD_EXPIRED,
                        LLMOBS_STAT_intercept_expired);
        else if (tunnel && !sees_trust(visit))
            stat = LLMOBS_STAT_intercept_refused;
        else if (tunnel && !peek_hello(visit))
            stat = LLMOBS_STAT_intercept_odd;
        else if (tunnel &&
                 llmobs_peer_follows(&visit->peer, visit->hello.random))
            stat = LLMOBS_STAT_COUNT; /* the library counts it */
        else if (tunnel && llmobs_refusals_have(proxy->refusals, to.host,
                                                visit->hello.kind))
            stat = LLMOBS_STAT_intercept_refused;
        else if (tunnel)
            stands = open_both(visit, &stat);
        if (!visit->apart) { /* the core has files in the common table */
            pthread_once(&attached, attach);
            llmobs_global_deliver_at_exit();
        }
        llmobs_stats_add(stat, 1);
        if (stat == LLMOBS_STAT_intercepted && stands)
            begin_wire(visit);
    }
    more = stands && pass_bytes(visit, way, tunnel ? NULL : &head);
    if (visit->client.tls && visit->end == LLMOBS_REFUSALS_LEAVES)
        llmobs_stats_add(LLMOBS_STAT_intercept_refused, 1);
    if (visit->leaves_ns &&
        llmobs_refusals_end(proxy->refusals, to.host, visit->hello.kind,
                            visit->end)) {
        atomic_fetch_or(&visit->proxy->unread, LLMOBS_UNREAD_REFUSED);
        llmobs_log(LLMOBS_LOG_WARN,
                   "a program takes no certificate of the run for %s: for 30 "
                   "days it passes unread there, or until `llmobs doctor "
                   "--forget-refusals`",
                   to.host);
    }
    return more;
}

/* Where the common table of files is nearly full, each thread has its own, with
 * this client as its only connection, until which the acceptor waits. The log
 * and the like stay as they are in it. */
static sem_t went_apart;
static atomic_bool is_apart;

static bool go_apart(int client)
{
    bool apart = unshare(CLONE_FILES) == 0;
    struct stat st;

    for (int fd = 0; apart && fd < getdtablesize(); fd++)
        if (fd != client && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
            close(fd);
    atomic_store(&is_apart, apart);
    sem_post(&went_apart);
    return apart;
}

static void *visit_main(void *arg)
{
    struct visit *visit = arg;
    struct llmobs_run_proxy *proxy = visit->proxy;
    int client = visit->client.fd;
    enum llmobs_peer_whose whose;
    bool more;

    if (visit->apart)
        visit->apart = go_apart(client);
    whose = llmobs_peer_find(&proxy->run, client, &visit->peer);
    more = whose != LLMOBS_PEER_STRANGER;

    /* Others could reach servers with this user's address and proxy, and have
     * spans among his. A process of the run with another user is not to use his
     * login, and its calls are no calls of his. */
    visit->out = proxy->way;
    visit->reads = proxy->reads && whose == LLMOBS_PEER_OURS;
    if (whose == LLMOBS_PEER_OTHER)
        visit->out.tls.login = visit->out.plain.login = NULL;
    while (more) {
        more = llmobs_way_out_head(client, visit->asked) > 0 && serve(visit);
        /* Keys. Of most heads the end was never touched, and takes no memory.
         */
        explicit_bzero(visit->asked,
                       visit->asked[HEAD] ? sizeof(visit->asked) : HEAD);
    }
    leave(visit);
    llmobs_tls_free(visit->client.tls);
    close(client);
    munmap(visit, sizeof(*visit));
    atomic_fetch_sub(&proxy->open, 1);
    return NULL;
}

void *llmobs_proxy_serve(void *run_proxy)
{
    struct llmobs_run_proxy *proxy = run_proxy;
    pthread_attr_t how;
    int on = 1;
    unsigned most = (unsigned)getdtablesize() / SHARE;

    config = proxy->config;
    sem_init(&went_apart, 0, 0);
    pthread_attr_init(&how);
    pthread_attr_setstacksize(&how, STACK);
    pthread_attr_setdetachstate(&how, PTHREAD_CREATE_DETACHED);
    for (;;) {
        int client =
            accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        struct visit *visit;
        pthread_t thread;
        bool apart;

        if (client < 0 && errno != EINTR && errno != ECONNABORTED)
            usleep(PAUSE_US); /* no files are left: they come back */
        if (client < 0)
            continue;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        visit = take(sizeof(*visit));
        if (visit) {
            visit->proxy = proxy;
            visit->client.fd = client;
            visit->server.fd = -1;
            apart = visit->apart = atomic_fetch_add(&proxy->open, 1) >= most;
            if (pthread_create(&thread, &how, visit_main, visit) == 0) {
                while (apart && sem_wait(&went_apart) != 0)
                    ;
                if (apart && atomic_load(&is_apart))
                    close(client);
                continue;
            }
            atomic_fetch_sub(&proxy->open, 1);
            munmap(visit, sizeof(*visit));
        }
        close(client);
    }
}
