#include "core/log/held_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "lib/base/sole.h"
#include "core/log/spool_file.h"

/* Only the thread that has `busy` writes these, and no thread reads them while
 * `fd` is 0. A process that takes on no sandbox touches no page of them. */
static struct {
    atomic_int fd; /* 0: no file */
    atomic_bool alone;
    struct stat file;
    char path[PATH_MAX];
} held;
static atomic_int busy;

static bool is_held(const char *path)
{
    return atomic_load(&held.fd) > 0 && strcmp(path, held.path) == 0;
}

/* Gives a copy, unless the file was removed: nobody would read a new entry. */
static int held_file_copy_of(int fd, bool high)
{
    int copy = llmobs_fd_copy(fd, &held.file, high);
    struct stat now;

    if (copy >= 0 && (fstat(copy, &now) != 0 || now.st_nlink == 0)) {
        close(copy);
        copy = -1;
    }
    return copy;
}

int llmobs_held_open(const char *path)
{
    int saved = errno;
    int copy =
        is_held(path) ? held_file_copy_of(atomic_load(&held.fd), false) : -1;

    if (copy >= 0)
        atomic_store(&held.alone, true);
    else
        errno = saved;
    return copy;
}

bool llmobs_held_alone(const char *path)
{
    return atomic_load(&held.alone) && is_held(path);
}

static int open_new(const char *path)
{
    int fd = llmobs_fd_open(AT_FDCWD, path,
                            O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW |
                                O_NOCTTY | O_NONBLOCK);
    int rc = fd < 0 ? -errno : llmobs_file_check(fd, geteuid());

    if (!rc && fstat(fd, &held.file) != 0)
        rc = -errno;
    if (!rc)
        (void)!fchmod(fd, LLMOBS_SPOOL_HELD | 0600);
    if (rc && fd >= 0)
        close(fd);
    return rc ? rc : fd;
}

static void held_file_let_go(void)
{
    int old = atomic_exchange(&held.fd, 0);

    if (old > 0)
        llmobs_fd_close(old, &held.file);
    atomic_store(&held.alone, false);
}

static int held_file_take(const char *path)
{
    int fd, high;

    if (is_held(path) && (fd = llmobs_held_open(path)) >= 0) {
        atomic_store(&held.alone, false);
        close(fd);
        return 0;
    }
    held_file_let_go();
    fd = open_new(path);
    if (fd < 0)
        return fd;
    high = held_file_copy_of(fd, true);
    close(fd);
    if (high < 0)
        return -EBADF;
    memcpy(held.path, path, strlen(path) + 1);
    atomic_store(&held.fd, high);
    return 0;
}

int llmobs_held_take(const char *path)
{
    int rc;

    if (!llmobs_sole_take(&busy))
        return -EBUSY;
    rc = held_file_take(path);
    llmobs_sole_leave(&busy);
    return rc;
}
