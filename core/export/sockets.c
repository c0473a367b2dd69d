/* Keeps the descriptors of the library's requests out of the way. */
#include "core/export/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/sys.h"

/* A search for free numbers ends here: each number takes some 50 ns. */
#define LAST_FD 16384

/* The number of an event descriptor; 0: unknown (before Linux 5.2). */
static uint64_t event_id(int fd)
{
    static const char key[] = "eventfd-id:";
    char text[256];
    ssize_t len = -1;
    const char *at;
    int info;

    (void)snprintf(text, sizeof(text), "/proc/self/fdinfo/%d", fd);
    info = llmobs_fd_open(AT_FDCWD, text, O_RDONLY);
    if (info >= 0) {
        len = read(info, text, sizeof(text) - 1);
        close(info);
    }
    text[len > 0 ? len : 0] = '\0';
    at = strstr(text, key);
    /* The first event descriptor of the machine has the number 0. */
    return at ? strtoull(at + sizeof(key) - 1, NULL, 10) + 1 : 0;
}

static bool identify(int fd, struct llmobs_socket *one)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return false;
    *one = (struct llmobs_socket){.used = true,
                                  .fd = fd,
                                  .type = st.st_mode & S_IFMT,
                                  .dev = st.st_dev,
                                  .ino = st.st_ino};
    one->id = one->type ? 0 : event_id(fd);
    return true;
}

static bool is_same(const struct llmobs_socket *one)
{
    struct llmobs_socket now;

    return identify(one->fd, &now) && now.type == one->type &&
           now.dev == one->dev && now.ino == one->ino && now.id == one->id &&
           (one->type || one->id);
}

static struct llmobs_socket *free_slot(struct llmobs_sockets *sockets)
{
    for (size_t i = 0; i < LLMOBS_SOCKETS_MAX; i++) {
        if (!sockets->list[i].used)
            return &sockets->list[i];
    }
    return NULL;
}

int llmobs_sockets_open(struct llmobs_sockets *sockets, int family, int type,
                        int protocol)
{
    struct llmobs_socket *slot = free_slot(sockets);
    long made;
    int fd;

    if (!slot)
        return -EMFILE;
    made = llmobs_sys(SYS_socket, family, type | SOCK_CLOEXEC, protocol);
    if (made < 0)
        return (int)made;
    fd = llmobs_fd_lift((int)made);
    if (fd < 0)
        return -errno;
    if (!identify(fd, slot)) {
        close(fd);
        return -EBADF;
    }
    return fd;
}

static bool is_free(int fd)
{
    return fcntl(fd, F_GETFD) < 0;
}

int llmobs_sockets_probe(struct llmobs_sockets_probe *probe, int hold[3])
{
    /* A free number of 0 to 2 gets a socket that has no peer: an app that uses
     * it at this moment gets an error at once, and no signal. */
    for (int fd = 0; fd < 3; fd++) {
        hold[fd] = -1;
        if (is_free(fd))
            hold[fd] = (int)llmobs_sys(SYS_socket, AF_UNIX,
                                       SOCK_STREAM | SOCK_CLOEXEC, 0);
    }
    probe->count = 0;
    for (int fd = 3; probe->count < 8 && fd < LAST_FD; fd++) {
        if (is_free(fd))
            probe->free[probe->count++] = fd;
    }
    return probe->count == 8 ? 0 : -ENOENT;
}

/* True for a socket of a pair: neither it nor its peer has a name. A server's
 * socket has the server's name, and a client's peer has it, too. */
static bool has_no_name(int (*ask)(int fd, struct sockaddr *name,
                                   socklen_t *len),
                        int fd)
{
    struct sockaddr_un name = {.sun_family = AF_UNSPEC};
    socklen_t len = sizeof(name);

    return ask(fd, (struct sockaddr *)&name, &len) == 0 &&
           name.sun_family == AF_UNIX && len == sizeof(name.sun_family);
}

static bool wakes_libcurl(const struct llmobs_socket *one)
{
    if (one->type == S_IFSOCK)
        return has_no_name(getsockname, one->fd) &&
               has_no_name(getpeername, one->fd);
    return one->type == 0 || one->type == S_IFIFO;
}

/* Another thread may open a descriptor of these kinds at this moment, which is
 * then watched, too. If the app closes it, the library leaves handles behind
 * that it could have freed; that is the only harm. */
int llmobs_sockets_watch(struct llmobs_sockets *sockets,
                         const struct llmobs_sockets_probe *probe,
                         const int hold[3])
{
    bool found = false, others = false;

    for (int i = 0; i < 3; i++)
        if (hold[i] >= 0)
            close(hold[i]);
    for (size_t i = 0; i < probe->count; i++) {
        struct llmobs_socket *slot = free_slot(sockets);
        struct llmobs_socket one;

        if (!identify(probe->free[i], &one))
            continue;
        if (!wakes_libcurl(&one)) {
            others = true;
            continue;
        }
        if (!slot)
            return -ENOENT;
        *slot = one;
        slot->watched = found = true;
    }
    return probe->count < 8 || (others && !found) ? -ENOENT : 0;
}

void llmobs_sockets_close(struct llmobs_sockets *sockets, int fd)
{
    for (size_t i = 0; i < LLMOBS_SOCKETS_MAX; i++) {
        struct llmobs_socket *one = &sockets->list[i];

        if (!one->used || one->watched || one->fd != fd)
            continue;
        if (is_same(one))
            close(fd);
        one->used = false;
        return;
    }
}

bool llmobs_sockets_intact(const struct llmobs_sockets *sockets)
{
    for (size_t i = 0; i < LLMOBS_SOCKETS_MAX; i++) {
        if (sockets->list[i].used && !is_same(&sockets->list[i]))
            return false;
    }
    return true;
}

void llmobs_sockets_drop(struct llmobs_sockets *sockets)
{
    for (size_t i = 0; i < LLMOBS_SOCKETS_MAX; i++) {
        const struct llmobs_socket *one = &sockets->list[i];

        if (one->used && !one->watched && is_same(one))
            close(one->fd);
    }
    memset(sockets, 0, sizeof(*sockets));
}
