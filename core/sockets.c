#include "core/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Above what programs count on, and below 64: a number beyond the table of
 * descriptors makes it grow, and in a process with threads the kernel waits up
 * to 30 ms for that. */
#define FIRST_FD 40

static bool is_ours(const struct llmobs_socket *one)
{
    struct stat st;

    return fstat(one->fd, &st) == 0 && S_ISSOCK(st.st_mode) &&
           st.st_dev == one->dev && st.st_ino == one->ino;
}

static struct llmobs_socket *free_place(struct llmobs_sockets *sockets)
{
    for (size_t i = 0; i < LLMOBS_SOCKETS_MAX; i++) {
        if (!sockets->list[i].used)
            return &sockets->list[i];
    }
    return NULL;
}

static int move_up(int fd)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);

    if (high < 0)
        return fd;
    close(fd);
    return high;
}

int llmobs_sockets_open(struct llmobs_sockets *sockets, int family, int type,
                        int protocol)
{
    struct llmobs_socket *place = free_place(sockets);
    struct stat st;
    int fd;

    if (!place)
        return -EMFILE;
    fd = socket(family, type | SOCK_CLOEXEC, protocol);
    if (fd < 0)
        return -errno;
    fd = move_up(fd);
    if (fstat(fd, &st) != 0) {
        close(fd);
        return -EBADF;
    }
    *place = (struct llmobs_socket){true, fd, st.st_dev, st.st_ino};
    return fd;
}

void llmobs_sockets_close(struct llmobs_sockets *sockets, int fd)
{
    for (size_t i = 0; i < LLMOBS_SOCKETS_MAX; i++) {
        struct llmobs_socket *one = &sockets->list[i];

        if (!one->used || one->fd != fd)
            continue;
        if (is_ours(one))
            close(fd);
        one->used = false;
        return;
    }
}

bool llmobs_sockets_intact(const struct llmobs_sockets *sockets)
{
    for (size_t i = 0; i < LLMOBS_SOCKETS_MAX; i++) {
        if (sockets->list[i].used && !is_ours(&sockets->list[i]))
            return false;
    }
    return true;
}

void llmobs_sockets_drop(struct llmobs_sockets *sockets)
{
    for (size_t i = 0; i < LLMOBS_SOCKETS_MAX; i++) {
        if (sockets->list[i].used && is_ours(&sockets->list[i]))
            close(sockets->list[i].fd);
    }
    memset(sockets, 0, sizeof(*sockets));
}
