#include "cli/doctor/http2.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/hazard.h"

#define FRAME_HEAD 9
#define SETTINGS 4

/* RFC 9113, 3.4: the preface of a client, with an empty SETTINGS frame. The
 * frame's last byte is the literal's own NUL. */
static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                              "\0\0\0\4\0\0\0\0";

static bool http2_wait_for(int fd, short events, int64_t until_ns)
{
    struct pollfd one = {.fd = fd, .events = events};
    int64_t left = (until_ns - llmobs_clock_mono_ns()) / LLMOBS_NS_PER_MS;

    return left > 0 && poll(&one, 1, (int)left) == 1;
}

static bool is_connected(int fd, int64_t until_ns)
{
    socklen_t size = sizeof(int);
    int error = -1;

    return http2_wait_for(fd, POLLOUT, until_ns) &&
           getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
           error == 0;
}

/* Gives a connected socket; -1 without one. */
static int open_to(const struct addrinfo *at, int64_t until_ns)
{
    int fd =
        socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    if (connect(fd, at->ai_addr, at->ai_addrlen) == 0 ||
        (errno == EINPROGRESS && is_connected(fd, until_ns)))
        return fd;
    close(fd);
    return -1;
}

static bool is_settings(const unsigned char head[FRAME_HEAD])
{
    static const unsigned char stream[4];

    return head[0] == 0 &&
           LLMOBS_HAZARD(frame_unseen,
                         LLMOBS_HAZARD(any_bytes_a_frame, head[3] == SETTINGS,
                                       head[3] >= SETTINGS),
                         head[3] > SETTINGS) &&
           head[4] == 0 && memcmp(head + 5, stream, sizeof(stream)) == 0;
}

static bool is_answer_settings(int fd, int64_t until_ns)
{
    unsigned char head[FRAME_HEAD];
    size_t len = 0;

    if (send(fd, preface, sizeof(preface), MSG_NOSIGNAL) != sizeof(preface))
        return false;
    while (len < sizeof(head) && http2_wait_for(fd, POLLIN, until_ns)) {
        ssize_t n = recv(fd, head + len, sizeof(head) - len, 0);

        if (n <= 0)
            break;
        len += (size_t)n;
    }
    return len == sizeof(head) && is_settings(head);
}

bool llmobs_http2_is_spoken(const char *host, unsigned port, int ms)
{
    int64_t until_ns = llmobs_clock_mono_ns() + ms * LLMOBS_NS_PER_MS;
    const struct addrinfo want = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list, *at;
    char service[16];
    int fd = -1;
    bool spoken;

    snprintf(service, sizeof(service), "%u", port);
    if (getaddrinfo(host, service, &want, &list) != 0)
        return false;
    for (at = list; at && fd < 0; at = at->ai_next)
        fd = open_to(at, until_ns);
    freeaddrinfo(list);
    if (fd < 0)
        return false;
    spoken = is_answer_settings(fd, until_ns);
    close(fd);
    return spoken;
}
