/* A kernel that takes less, for a preload before the library: with
 * TAKES_LESS=SEED it cuts half of the sends over TCP at random, and refuses an
 * eighth of them, by EAGAIN where the socket does not block, else by EINTR. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define PIECES 64

static unsigned seed;

static unsigned dice(void)
{
    seed = seed * 1103515245 + 12345;
    return seed >> 8;
}

static bool is_tcp(int fd)
{
    struct sockaddr_storage to;
    socklen_t size = sizeof(to);

    return getpeername(fd, (struct sockaddr *)&to, &size) == 0 &&
           to.ss_family == AF_INET;
}

/* False: the call fails. */
static bool takes(int fd, int flags, size_t *len)
{
    const char *text = getenv("TAKES_LESS");
    unsigned thrown;

    if (!text || !is_tcp(fd))
        return true;
    if (!seed)
        seed = (unsigned)atoi(text);
    thrown = dice();
    if (thrown % 8 == 0) {
        errno = flags & MSG_DONTWAIT || fcntl(fd, F_GETFL) & O_NONBLOCK ? EAGAIN
                                                                        : EINTR;
        return false;
    }
    if (thrown % 2 && *len > 1)
        *len = 1 + dice() % (thrown % 4 == 1 || *len < 1600 ? *len : 1600);
    return true;
}

static size_t sum(const struct iovec *pieces, size_t count)
{
    size_t len = 0;

    for (size_t i = 0; i < count; i++)
        len += pieces[i].iov_len;
    return len;
}

static size_t cut(const struct iovec *pieces, size_t len, struct iovec *to)
{
    size_t count = 0;

    for (; len > 0; count++) {
        to[count] = pieces[count];
        if (to[count].iov_len > len)
            to[count].iov_len = len;
        len -= to[count].iov_len;
    }
    return count;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
    return takes(fd, flags, &len) ? REAL(send)(fd, bytes, len, flags) : -1;
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    return takes(fd, 0, &len) ? REAL(write)(fd, bytes, len) : -1;
}

ssize_t sendto(int fd, const void *bytes, size_t len, int flags,
               const struct sockaddr *to, socklen_t size)
{
    return takes(fd, flags, &len)
               ? REAL(sendto)(fd, bytes, len, flags, to, size)
               : -1;
}

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    struct iovec to[PIECES];
    size_t len = sum(pieces, (size_t)count);

    if (count > PIECES || len == 0)
        return REAL(writev)(fd, pieces, count);
    return takes(fd, 0, &len) ? REAL(writev)(fd, to, (int)cut(pieces, len, to))
                              : -1;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct iovec to[PIECES];
    struct msghdr copy = *message;
    size_t len = sum(message->msg_iov, message->msg_iovlen);

    if (message->msg_iovlen > PIECES || len == 0)
        return REAL(sendmsg)(fd, message, flags);
    if (!takes(fd, flags, &len))
        return -1;
    copy.msg_iovlen = cut(message->msg_iov, len, to);
    copy.msg_iov = to;
    return REAL(sendmsg)(fd, &copy, flags);
}
