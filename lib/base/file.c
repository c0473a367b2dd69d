/* Opens and reads regular files safely. */
#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/scratch.h"

/* Most locks are held for some 10 us: so the first tries do not sleep, but only
 * let other threads run. */
#define LOCK_SPINS 8
#define PART 4096 /* bytes of one read */
#define OPEN_TRIES 3
#define STILL_TRIES 3
#define BOM "\xef\xbb\xbf"

static int read_all(int fd, struct llmobs_buf *text)
{
    char *part = llmobs_scratch_alloc(PART);
    int rc = part ? 0 : -ENOMEM;
    ssize_t got;

    while (rc == 0 && (got = read(fd, part, PART)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        rc = got < 0 ? -errno : llmobs_buf_add(text, part, (size_t)got);
    }
    llmobs_scratch_free(part);
    return rc;
}

/* Opens a regular file and gives its status. */
static int open_regular(int dir, const char *path, int flags, struct stat *st)
{
    int fd =
        llmobs_fd_open(dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | flags);
    int rc;

    if (fd < 0)
        return -errno;
    rc = fstat(fd, st) ? -errno : S_ISREG(st->st_mode) ? 0 : -EINVAL;
    if (rc == -EINVAL && llmobs_fd_is_null(st))
        rc = 0;
    if (rc)
        close(fd);
    return rc ? rc : fd;
}

static int read_regular(int dir, const char *path, int flags,
                        struct llmobs_buf *text)
{
    struct stat st;
    int fd = open_regular(dir, path, flags, &st), rc;

    if (fd < 0)
        return fd;
    rc = read_all(fd, text);
    close(fd);
    return rc;
}

int llmobs_file_read(const char *path, struct llmobs_buf *text)
{
    return read_regular(AT_FDCWD, path, 0, text);
}

int llmobs_file_read_in(int dir, const char *name, struct llmobs_buf *text)
{
    return strchr(name, '/') ? -EINVAL
                             : read_regular(dir, name, O_NOFOLLOW, text);
}

/* -EAGAIN: somebody wrote to the file meanwhile. */
static int read_unchanged(const char *path, struct llmobs_buf *text)
{
    struct stat before, after;
    int fd = open_regular(AT_FDCWD, path, 0, &before), rc;

    if (fd < 0)
        return fd;
    rc = read_all(fd, text);
    if (rc == 0 && fstat(fd, &after))
        rc = -errno;
    close(fd);
    if (rc == 0 && (before.st_mtim.tv_sec != after.st_mtim.tv_sec ||
                    before.st_mtim.tv_nsec != after.st_mtim.tv_nsec ||
                    (size_t)after.st_size != text->len))
        rc = -EAGAIN;
    return rc;
}

int llmobs_file_settings(const char *path, struct llmobs_buf *text)
{
    const size_t mark = sizeof(BOM) - 1;
    int rc = -EAGAIN;

    for (int i = 0; i < STILL_TRIES && rc == -EAGAIN; i++) {
        llmobs_buf_cut(text, 0);
        rc = read_unchanged(path, text);
    }
    if (rc == 0 && text->len >= mark && memcmp(text->data, BOM, mark) == 0) {
        memmove(text->data, text->data + mark, text->len - mark);
        llmobs_buf_cut(text, text->len - mark);
    }
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
int llmobs_file_check(int fd, uid_t other)
{
    struct stat st;

    if (fstat(fd, &st))
        return -errno;
    if (st.st_nlink == 0)
        return -ESTALE;
    if (!S_ISREG(st.st_mode) || st.st_nlink > 1 ||
        (other != LLMOBS_FILE_ANY && st.st_uid != geteuid() &&
         st.st_uid != other))
        return -EPERM;
    return 0;
}

int llmobs_file_reach(const char *path, bool whole)
{
    size_t len = strlen(path);
    char *copy = len < PATH_MAX ? llmobs_scratch_alloc(len + 2) : NULL;
    struct stat st;
    int rc = 0;

    if (!copy)
        return len < PATH_MAX ? -ENOMEM : -ENAMETOOLONG;
    memcpy(copy, path, len + 1);
    memcpy(copy + len, whole ? "/" : "", whole ? 2 : 1);
    for (char *slash = copy;
         rc == 0 && *slash && (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        if (fstatat(AT_FDCWD, copy, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISLNK(st.st_mode) && st.st_uid != 0 && st.st_uid != geteuid())
            rc = -EPERM;
        *slash = '/';
    }
    llmobs_scratch_free(copy);
    return rc;
}

/* Opens the name again where the file was removed in between. */
static int open_checked(int dir, const char *name, int how, uid_t other)
{
    int fd, rc = -ESTALE;

    for (int i = 0; i < OPEN_TRIES && rc == -ESTALE; i++) {
        fd = open_any(dir, name, how);
        rc = fd < 0 ? fd : llmobs_file_check(fd, other);
        if (rc && fd >= 0)
            close(fd);
    }
    return rc ? rc : fd;
}

int llmobs_file_open(int dir, const char *name, int how)
{
    return open_checked(dir, name, how, geteuid());
}

int llmobs_file_peek(int dir, const char *name)
{
    return open_checked(dir, name, O_RDONLY,
                        geteuid() == 0 ? LLMOBS_FILE_ANY : geteuid());
}

bool llmobs_file_may_grow(uint64_t size)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur >= size;
}

int llmobs_file_append(const char *path)
{
    int rc = llmobs_file_reach(path, false);

    return rc ? rc : open_checked(AT_FDCWD, path, O_WRONLY | O_APPEND, 0);
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
