#include "cli/intercept/passing.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

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

void llmobs_passing_run(int client, int server)
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
