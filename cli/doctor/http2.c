#include "cli/doctor/http2.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define FRAME_HEAD 9
#define SETTINGS 4

/* RFC 9113, 3.4: the preface of a client, with an empty SETTINGS frame. The
 * frame's last byte is the literal's own NUL. */
static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                              "\0\0\0\4\0\0\0\0";

/* Gives a connected socket, which waits no longer than that for each step; -1
 * without one. */
static int open_to(const struct addrinfo *at, const struct timeval *most)
{
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, most, sizeof(*most)) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, most, sizeof(*most)) == 0 &&
        connect(fd, at->ai_addr, at->ai_addrlen) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool is_settings(const unsigned char head[FRAME_HEAD])
{
    static const unsigned char stream[4];

    return head[0] == 0 && head[3] == SETTINGS && head[4] == 0 &&
           memcmp(head + 5, stream, sizeof(stream)) == 0;
}

static bool is_answer_settings(int fd)
{
    unsigned char head[FRAME_HEAD];

    return send(fd, preface, sizeof(preface), MSG_NOSIGNAL) ==
               sizeof(preface) &&
           recv(fd, head, sizeof(head), MSG_WAITALL) == sizeof(head) &&
           is_settings(head);
}

bool llmobs_http2_is_spoken(const char *host, unsigned port, int ms)
{
    const struct timeval most = {ms / 1000, ms % 1000 * 1000};
    const struct addrinfo want = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list, *at;
    char service[16];
    int fd = -1;
    bool spoken;

    snprintf(service, sizeof(service), "%u", port);
    if (getaddrinfo(host, service, &want, &list) != 0)
        return false;
    for (at = list; at && fd < 0; at = at->ai_next)
        fd = open_to(at, &most);
    freeaddrinfo(list);
    if (fd < 0)
        return false;
    spoken = is_answer_settings(fd);
    close(fd);
    return spoken;
}
