#include "core/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/fd.h"
#include "core/base/scratch.h"

/* Most locks are held for some 10 us: so the first tries do not sleep, but only
 * let other threads run. */
#define LOCK_SPINS 8
#define PART 4096 /* bytes of one read */
#define OPEN_TRIES 3

static int read_all(int fd, struct llmobs_buf *text)
{
    char *part = llmobs_scratch_take(PART);
    int rc = part ? 0 : -ENOMEM;
    ssize_t got;

    while (rc == 0 && (got = read(fd, part, PART)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        rc = got < 0 ? -errno : llmobs_buf_add(text, part, (size_t)got);
    }
    llmobs_scratch_give(part);
    return rc;
}

int llmobs_file_read(const char *path, struct llmobs_buf *text)
{
    int fd = llmobs_fd_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    int rc;

    if (fd < 0)
        return -errno;
    rc = fstat(fd, &st) ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
    if (rc == 0)
        rc = read_all(fd, text);
    close(fd);
    return rc;
}

ssize_t llmobs_file_begin(int dir, const char *path, char *out, size_t cap)
{
    int fd = llmobs_fd_open(dir, path, O_RDONLY);
    ssize_t len;

    if (fd < 0)
        return -1;
    len = read(fd, out, cap - 1);
    close(fd);
    out[len > 0 ? len : 0] = '\0';
    return len;
}

int llmobs_file_write(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

static int open_any(int dir, const char *name, int how)
{
    const int flags = how | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    int fd = llmobs_fd_open(dir, name, flags);

    if (fd < 0 && errno == ENOENT && how != O_RDONLY) {
        fd = llmobs_fd_open(dir, name, flags | O_CREAT | O_EXCL);
        if (fd < 0 && errno == EEXIST)
            fd = llmobs_fd_open(dir, name, flags);
        else if (fd >= 0)
            fchmod(fd, 0600);
    }
    return fd < 0 ? -errno : fd;
}

/* Refuses another user's file: the library would believe its contents, or write
 * its own data there. */
int llmobs_file_check(int fd, bool any_owner)
{
    struct stat st;

    if (fstat(fd, &st))
        return -errno;
    if (st.st_nlink == 0)
        return -ESTALE;
    if (!S_ISREG(st.st_mode) || st.st_nlink > 1 ||
        (!any_owner && st.st_uid != geteuid()))
        return -EPERM;
    return 0;
}

/* Opens the name again where the file was removed in between. */
static int open_checked(int dir, const char *name, int how, bool any_owner)
{
    int fd, rc = -ESTALE;

    for (int i = 0; i < OPEN_TRIES && rc == -ESTALE; i++) {
        fd = open_any(dir, name, how);
        rc = fd < 0 ? fd : llmobs_file_check(fd, any_owner);
        if (rc && fd >= 0)
            close(fd);
    }
    return rc ? rc : fd;
}

int llmobs_file_open(int dir, const char *name, int how)
{
    return open_checked(dir, name, how, false);
}

int llmobs_file_peek(int dir, const char *name)
{
    return open_checked(dir, name, O_RDONLY, geteuid() == 0);
}

int llmobs_file_lock(int fd, short type, int64_t ms)
{
    const struct timespec pause = {0, 50000};
    struct flock whole = {.l_type = type, .l_whence = SEEK_SET};
    int64_t until = 0;

    for (int i = 0;; i++) {
        if (fcntl(fd, F_SETLK, &whole) == 0)
            return 0;
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            return -errno;
        if (until == 0)
            until = llmobs_clock_mono_ns() + ms * LLMOBS_NS_PER_MS;
        else if (llmobs_clock_mono_ns() >= until)
            return -EBUSY;
        if (i < LOCK_SPINS)
            sched_yield();
        else
            nanosleep(&pause, NULL);
    }
}
