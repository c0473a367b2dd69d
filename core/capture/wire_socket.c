/* Asks the kernel about the socket of a plain connection. */
#include "core/capture/wire_socket.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "include/engine.h"
#include "lib/base/filter.h"

/* 0: unknown. */
static ino_t inode_of(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

void llmobs_wire_socket_init(struct llmobs_wire_socket *socket, int fd)
{
    struct sockaddr_in6 peer = {
        .sin6_family =
            AF_UNSPEC}; /* the port stands where sockaddr_in has it */
    socklen_t len = sizeof(peer);

    *socket = (struct llmobs_wire_socket){.fd = fd};
    if (fd < 0)
        return;
    socket->inode = inode_of(fd);
    if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0 &&
        (peer.sin6_family == AF_INET || peer.sin6_family == AF_INET6) &&
        ntohs(peer.sin6_port) != 80)
        snprintf(socket->port, sizeof(socket->port), ":%u",
                 (unsigned)ntohs(peer.sin6_port));
    socket->loopback = peer.sin6_family == AF_INET &&
                       ((struct sockaddr_in *)&peer)->sin_addr.s_addr ==
                           htonl(INADDR_LOOPBACK);
}

/* struct tcp_info, to tcpi_bytes_received. */
#define INFO 17
enum { BYTES_ACKED = 15, BYTES_RECEIVED = 16 };

/* Asks for what the kernel knows of the connection. False: nothing. */
static bool ask(const struct llmobs_wire_socket *socket, int fd,
                uint64_t info[INFO])
{
    socklen_t len = INFO * sizeof(*info);

    return socket->inode &&
           getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len) == 0 &&
           len == INFO * sizeof(*info);
}

uint64_t llmobs_wire_socket_unread(const struct llmobs_wire_socket *socket,
                                   int fd, uint64_t came)
{
    uint64_t info[INFO], all = 0;
    int waiting = 0;

    if (fd < 0 || llmobs_filter_still())
        return 0;
    if (socket->inode && socket->inode != inode_of(fd))
        return LLMOBS_WIRE_READ_BESIDE;
    /* Bytes that come between the two questions only wait. */
    if (ask(socket, fd, info))
        all = info[BYTES_RECEIVED];
    if (ioctl(fd, FIONREAD, &waiting) != 0 || waiting < 0)
        return 0;
    return all > came + (unsigned)waiting + 1 ? LLMOBS_WIRE_READ_BESIDE
                                              : (uint64_t)waiting;
}

/* Bytes that the peer acknowledges between the two questions count twice. The
 * first one that it acknowledged is no byte. */
uint64_t llmobs_wire_socket_taken(const struct llmobs_wire_socket *socket)
{
    uint64_t info[INFO];
    int waiting = 0;

    if (socket->fd < 0 || llmobs_filter_still() ||
        socket->inode != inode_of(socket->fd) ||
        ioctl(socket->fd, SIOCOUTQ, &waiting) != 0 || waiting < 0 ||
        !ask(socket, socket->fd, info))
        return UINT64_MAX;
    return (unsigned)waiting + info[BYTES_ACKED] - (info[BYTES_ACKED] > 0);
}
