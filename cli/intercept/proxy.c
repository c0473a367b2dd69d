#include "cli/intercept/proxy.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/intercept/peer.h"

/* The look-up of names needs most of it. */
#define STACK ((size_t)256 * 1024)
#define PAUSE_US 10000

#define FOREIGN                                             \
    "HTTP/1.1 501 Not Implemented\r\ncontent-length: 0\r\n" \
    "connection: close\r\n\r\n"

struct visit {
    struct llmobs_proxy *proxy;
    int client;
    int server; /* -1: none */
    struct llmobs_target to;
    char asked[LLMOBS_HEAD_MAX];
    char answer[LLMOBS_HEAD_MAX];
};

/* -- bytes in both directions --------------------------------------------- */

/* Pages of it that no byte has come to cost nothing. */
#define ROOM ((size_t)64 * 1024)

/* One direction. */
struct way {
    int from, to;
    char *bytes;
    size_t len, at; /* those from `at` on have not gone yet */
    bool over;      /* no more will come */
    bool shut;      /* and `to` has been told */
};

static bool would_wait(void)
{
    return errno == EAGAIN || errno == EINTR;
}

/* Passes on what is there now. False: the connection is broken. */
static bool step(struct way *way)
{
    while (!way->shut) {
        ssize_t n;

        if (way->at < way->len) {
            n = send(way->to, way->bytes + way->at, way->len - way->at,
                     MSG_NOSIGNAL);
            if (n < 0)
                return would_wait();
            way->at += (size_t)n;
        } else if (way->over) {
            shutdown(way->to, SHUT_WR);
            way->shut = true;
        } else {
            n = recv(way->from, way->bytes, ROOM, 0);
            if (n < 0)
                return would_wait();
            way->at = 0;
            way->len = (size_t)n;
            way->over = n == 0;
        }
    }
    return true;
}

/* What the direction waits for at its two ends. */
static void add_waits(const struct way *way, struct pollfd *from,
                      struct pollfd *to)
{
    if (way->at < way->len)
        to->events |= POLLOUT;
    else if (!way->over)
        from->events |= POLLIN;
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

/* Passes bytes on between two sockets that do not block, until both have ended:
 * an end of sending as an end of sending, a reset as a reset. Wipes them. */
static void pass_on(int client, int server)
{
    struct way up = {client, server, malloc(ROOM), 0, 0, false, false};
    struct way down = {server, client, malloc(ROOM), 0, 0, false, false};
    bool whole = up.bytes && down.bytes;

    while (whole && !(up.shut && down.shut)) {
        struct pollfd ends[2] = {{client, 0, 0}, {server, 0, 0}};

        whole = step(&up) && step(&down);
        if (!whole || (up.shut && down.shut))
            break;
        add_waits(&up, &ends[0], &ends[1]);
        add_waits(&down, &ends[1], &ends[0]);
        (void)poll(ends, 2, -1);
        whole = !is_gone(&ends[0]) && !is_gone(&ends[1]);
    }
    if (!whole) {
        break_off(client);
        break_off(server);
    }
    free(up.bytes);
    free(down.bytes);
}

/* -- a visit --------------------------------------------------------------- */

static void serve_visit(struct visit *visit)
{
    struct llmobs_peer peer;
    bool asks;

    /* Other users could not connect to the server with this user's address and
     * proxy; root could. */
    if (!llmobs_peer_find(visit->client, &peer) ||
        (peer.uid != geteuid() && peer.uid != 0) ||
        llmobs_way_out_head(visit->client, visit->asked) == 0)
        return;
    asks = llmobs_way_out_asked(visit->asked, &visit->to);
    strcpy(visit->answer, FOREIGN);
    if (asks)
        visit->server =
            llmobs_way_out_connect(&visit->proxy->way, visit->asked, &visit->to,
                                   visit->client, visit->answer);
    if (llmobs_way_out_send(visit->client, visit->answer,
                            strlen(visit->answer)) &&
        visit->server >= 0)
        pass_on(visit->client, visit->server);
}

static void *visit_main(void *arg)
{
    struct visit *visit = arg;
    struct llmobs_proxy *proxy = visit->proxy;

    serve_visit(visit);
    if (visit->server >= 0)
        close(visit->server);
    close(visit->client);
    free(visit);
    atomic_fetch_sub(&proxy->open, 1);
    return NULL;
}

static void begin_visit(struct llmobs_proxy *proxy, int client,
                        const pthread_attr_t *how)
{
    struct visit *visit = calloc(1, sizeof(*visit));
    pthread_t thread;
    int on = 1;

    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (visit) {
        visit->proxy = proxy;
        visit->client = client;
        visit->server = -1;
        atomic_fetch_add(&proxy->open, 1);
        if (pthread_create(&thread, how, visit_main, visit) == 0)
            return;
        atomic_fetch_sub(&proxy->open, 1);
    }
    free(visit);
    close(client);
}

void llmobs_proxy_serve(struct llmobs_proxy *proxy)
{
    pthread_attr_t how;

    pthread_attr_init(&how);
    pthread_attr_setstacksize(&how, STACK);
    pthread_attr_setdetachstate(&how, PTHREAD_CREATE_DETACHED);
    for (;;) {
        int client =
            accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (client >= 0)
            begin_visit(proxy, client, &how);
        else if (errno != EINTR && errno != ECONNABORTED)
            usleep(PAUSE_US); /* no files are left: they come back */
    }
}
