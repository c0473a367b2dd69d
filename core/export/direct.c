/* Connects past another preload's connect and name look-up. */
#include "core/export/direct.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/sys.h"
#include "core/export/resolve.h"

#define NET_LOOPBACK 127
#define CONNECT_MS 20

static atomic_bool only; /* constant once the core is attached */

void llmobs_direct_only(bool held)
{
    atomic_store(&only, held);
}

bool llmobs_direct_is_on(void)
{
    return atomic_load_explicit(&only, memory_order_relaxed);
}

static bool is_here(const struct sockaddr *address)
{
    const struct sockaddr_in *four = (const void *)address;
    const struct sockaddr_in6 *six = (const void *)address;

    switch (address->sa_family) {
    case AF_UNIX:
        return true;
    case AF_INET:
        return ntohl(four->sin_addr.s_addr) >> 24 == NET_LOOPBACK;
    case AF_INET6:
        return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
    default:
        return false;
    }
}

static bool names_here(const struct llmobs_target *target)
{
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};

    if (!target->numeric)
        return llmobs_resolve_is_local(target->host);
    if (inet_pton(AF_INET, target->host, &four.sin_addr) == 1)
        return is_here((const struct sockaddr *)&four);
    return inet_pton(AF_INET6, target->host, &six.sin6_addr) == 1 &&
           is_here((const struct sockaddr *)&six);
}

bool llmobs_direct_may_go(const struct llmobs_target *target, bool unix_socket,
                          bool proxy)
{
    if (!llmobs_direct_is_on() || unix_socket || (!proxy && names_here(target)))
        return true;
    llmobs_log_once(LLMOBS_LOG_WARN, "held",
                    "another preload holds connect or the look-up of names: "
                    "what is for another machine stays in the spool");
    return false;
}

/* Waits for the connection. The kernel connects to this machine at once; if the
 * listener's queue is full, it takes long. */
static int wait_connected(int fd)
{
    const struct timespec most = {0, CONNECT_MS * LLMOBS_NS_PER_MS};
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    socklen_t len = sizeof(int);
    int error = 0;

    if (llmobs_sys(SYS_ppoll, &wait, 1, &most) != 1)
        return -ETIMEDOUT;
    if (llmobs_sys(SYS_getsockopt, fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        return -EIO;
    return -error;
}

/* Connects by the kernel. libcurl learns that the socket is connected; 7.88
 * still connects it, through the preload that holds connect. Such a preload
 * passes the address of a Unix socket on to the kernel, so `to` becomes such an
 * address. In the kernel the first connect is still under way, so it answers
 * the second connect with success, whatever its address. */
static int connect_here(int fd, struct curl_sockaddr *to)
{
    const int yes = 1;
    long rc = llmobs_sys(SYS_connect, fd, &to->addr, to->addrlen);

    if (rc == -EINPROGRESS)
        rc = wait_connected(fd);
    if (rc != 0)
        return (int)rc;
    /* When libcurl connects a socket itself, it sets this option. */
    llmobs_sys(SYS_setsockopt, fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    memset(&to->addr, 0, sizeof(to->addr));
    to->addr.sa_family = AF_UNIX;
    to->addrlen = sizeof(to->addr.sa_family);
    return 0;
}

int llmobs_direct_open(struct llmobs_sockets *sockets, struct curl_sockaddr *to,
                       bool *connected)
{
    bool unix_socket = to->family == AF_UNIX;
    int fd, rc;

    *connected = false;
    if (!is_here(&to->addr))
        return -EACCES;
    fd = llmobs_sockets_open(sockets, to->family, to->socktype | SOCK_NONBLOCK,
                             to->protocol);
    if (fd < 0 || unix_socket)
        return fd;
    rc = connect_here(fd, to);
    if (rc) {
        llmobs_sockets_close(sockets, fd);
        return rc;
    }
    *connected = true;
    return fd;
}
