#include "cli/intercept/proxy.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/intercept/passing.h"
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

/* Other users could not connect to the server with this user's address and
 * proxy; root could. */
static bool is_served(int client)
{
    struct llmobs_peer peer;

    return llmobs_peer_find(client, &peer) &&
           (peer.uid == geteuid() || peer.uid == 0);
}

static void serve_visit(struct visit *visit)
{
    bool asks;

    if (!is_served(visit->client) ||
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
        llmobs_passing_run(visit->client, visit->server);
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
