#include "core/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_FREE 3
#define TRIES 4

/* -- whose thread --------------------------------------------------------- */

/* Has a value on our threads only. Not a thread-local variable: the first look
 * at one would allocate on the app's thread. */
static pthread_key_t mark;
static atomic_bool has_mark;

void llmobs_fd_thread_of_ours(void)
{
    static atomic_flag made = ATOMIC_FLAG_INIT;

    /* Who comes while it is made goes without, as on the app's threads. */
    if (!atomic_flag_test_and_set(&made))
        atomic_store(&has_mark, pthread_key_create(&mark, NULL) == 0);
    if (atomic_load(&has_mark))
        pthread_setspecific(mark, &mark);
}

static bool is_ours(void)
{
    return atomic_load(&has_mark) && pthread_getspecific(mark);
}

/* -- numbers -------------------------------------------------------------- */

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The app may have closed the number and got it again: then it is the app's. */
static void close_low(int fd, const struct stat *opened)
{
    struct stat now;

    if (fstat(fd, &now) == 0 && is_same(&now, opened))
        close(fd);
}

/* Takes `fd`. */
static int above_standard(int fd)
{
    int lifted, saved;

    if (fd < 0 || fd >= FIRST_FREE)
        return fd;
    lifted = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE);
    saved = errno;
    close(fd);
    errno = saved;
    return lifted;
}

int llmobs_fd_lift(int fd)
{
    int lifted = fd < 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, LLMOBS_FD_HIGH);
    struct stat opened;

    if (lifted < 0)
        return fd < 0 || errno == EBADF ? -1 : above_standard(fd);
    if (fstat(lifted, &opened) == 0)
        close_low(fd, &opened);
    return lifted;
}

/* -- opening -------------------------------------------------------------- */

/* Whether the name leads to what was opened. One that leads nowhere any more
 * may have done so. */
static bool is_named(const struct stat *opened, int dir, const char *name,
                     int flags)
{
    int links = flags & O_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0;
    struct stat named;

    if (fstatat(dir, name, &named, links) == 0)
        return is_same(&named, opened);
    return errno == ENOENT;
}

/* Between the opening and the copy the app may have closed all, `dir` too, and
 * opened its own: *taken then, and the number is left to it. */
static int open_high(int dir, const char *name, int flags, bool *taken)
{
    int fd = openat(dir, name, flags, 0600);
    int high = fd < 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, LLMOBS_FD_HIGH);
    struct stat opened;

    *taken = fd >= 0 && high < 0 && errno == EBADF;
    if (fd < 0 || *taken)
        return -1;
    if (high < 0)
        return above_standard(fd);
    *taken = fstat(high, &opened) != 0 || !is_named(&opened, dir, name, flags);
    if (!*taken) {
        close_low(fd, &opened);
        return high;
    }
    close(high);
    errno = EBADF;
    return -1;
}

int llmobs_fd_open(int dir, const char *name, int flags)
{
    bool taken = true;
    int fd = -1;

    flags |= O_CLOEXEC;
    if (!is_ours())
        return above_standard(openat(dir, name, flags, 0600));
    for (int i = 0; taken && i < TRIES; i++)
        fd = open_high(dir, name, flags, &taken);
    return fd;
}
