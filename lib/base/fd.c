/* Opens files at high descriptor numbers. */
#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fork.h"
#include "lib/base/sys.h"

#define FIRST_FREE 3
#define TRIES 3
/* The number of descriptors that stay free for the app. Fewer are enough where
 * the library runs on the app's own thread, as it closes its files before it
 * returns; more are needed where it runs on its own thread, beside the app. */
#define LEFT_BY_APP 3
#define LEFT_BY_LIBRARY 24
/* The time for which an answer holds: a thread may lose the processor for as
 * long between its question and its open. The answer holds only where MORE
 * further numbers were free, as the library opens fewer files at once. */
#define HOLDS_NS INT64_C(1000000)
#define MORE 4
/* The kernel gives the lowest free number. Where one was that far below the
 * limit, an answer holds for the time of a quick call: the app would have to
 * open as many files meanwhile. Where it was several times as far below, and
 * the limit is the same, the answer holds for as many times as long. */
#define FAR 256
#define FAR_HOLDS_NS INT64_C(100000000)
#define FAR_MOST 100
/* A search looks at no more numbers than this: each look takes some 100 ns. */
#define LOOKS_MAX 512
/* Only so many threads of the library are known here; any further thread
 * follows the rules of the app's threads. */
#define THREADS_MAX 16

/* -- whose thread --------------------------------------------------------- */

/* The library's threads in the process `owner` (fork.h). A thread-local
 * variable would not do: the first look at one would allocate on the app's
 * thread. Nor would a key of pthread_key_create: the app has a limited number
 * of them. */
static atomic_int owner;
static _Atomic uintptr_t threads[THREADS_MAX];

static _Atomic uintptr_t *place_of(uintptr_t thread)
{
    size_t i = 0;

    if (atomic_load(&owner) != llmobs_fork_process())
        return NULL;
    while (i < THREADS_MAX && atomic_load(&threads[i]) != thread)
        i++;
    return i < THREADS_MAX ? &threads[i] : NULL;
}

static bool is_own_thread(void)
{
    return place_of(llmobs_sys_thread()) != NULL;
}

void llmobs_fd_thread_begins(void)
{
    uintptr_t none = 0;

    /* A child of a fork has none of its parent's threads. */
    if (llmobs_fork_begin_reset(&owner)) {
        for (size_t i = 0; i < THREADS_MAX; i++)
            atomic_store(&threads[i], 0);
        llmobs_fork_end_reset(&owner);
    }
    for (size_t i = 0; i < THREADS_MAX && !is_own_thread(); i++, none = 0)
        atomic_compare_exchange_strong(&threads[i], &none, llmobs_sys_thread());
}

void llmobs_fd_thread_ends(void)
{
    _Atomic uintptr_t *place = place_of(llmobs_sys_thread());

    if (place)
        atomic_store(place, 0);
}

/* -- how many are left ----------------------------------------------------- */

/* How many descriptors the library leaves on the app's threads; -1: there is no
 * app, as in the llmobs command. */
static atomic_int left_by_app = -1;

void llmobs_fd_guest(bool ending)
{
    atomic_store(&left_by_app, ending ? 0 : LEFT_BY_APP);
}

void llmobs_fd_alone(void)
{
    llmobs_fd_thread_ends();
    llmobs_fd_guest(true);
}

/* How many numbers were free at the last count, below which limit, and until
 * when this answer holds. All are 0 at first. */
static atomic_int seen_free, seen_limit;
static _Atomic int64_t seen_until, seen_far_until;

static bool ask_for(int want)
{
    struct rlimit limit;
    int highest, found, fd;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return true;
    highest = limit.rlim_cur < INT_MAX ? (int)limit.rlim_cur : INT_MAX;
    if (atomic_load(&seen_limit) == highest &&
        llmobs_clock_mono_ns() < atomic_load(&seen_far_until) &&
        atomic_load(&seen_free) >= want + MORE)
        return true;
    atomic_store(&seen_limit, highest);
    /* Searches downwards from the limit: most numbers there are free. */
    fd = highest;
    found = 0;
    for (int looks = 0; found < want + MORE && fd > 0 && looks < LOOKS_MAX;
         looks++)
        found += fcntl(--fd, F_GETFD) < 0;
    atomic_store(&seen_until, 0);
    atomic_store(&seen_far_until, 0);
    atomic_store(&seen_free, found);
    atomic_store(&seen_until, llmobs_clock_mono_ns() + HOLDS_NS);
    return found >= want;
}

/* Takes a number that the kernel gave. Near the limit, an answer ends. */
static void hold_longer(int fd)
{
    int64_t far = (atomic_load(&seen_limit) - fd) / FAR;
    int64_t now;

    if (atomic_load(&seen_until) == 0)
        return;
    now = llmobs_clock_mono_ns();
    if (far > 0)
        atomic_store(&seen_until, now + FAR_HOLDS_NS);
    atomic_store(&seen_far_until,
                 now + (far < FAR_MOST ? far : FAR_MOST) * FAR_HOLDS_NS);
}

bool llmobs_fd_spare(int count)
{
    int left = atomic_load(&left_by_app), saved = errno;
    int want = count + (is_own_thread() ? LEFT_BY_LIBRARY : left);
    bool known = llmobs_clock_mono_ns() < atomic_load(&seen_until) &&
                 atomic_load(&seen_free) >= want + MORE;
    bool spare = left < 0 || known || ask_for(want);

    errno = saved;
    return spare;
}

/* -- numbers -------------------------------------------------------------- */

/* A number, and the file that it stood for when it was certainly the library's.
 */
struct opened {
    int fd;
    struct stat file;
    bool named; /* the name led to this file */
};

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool llmobs_fd_is_still(int fd, const struct stat *file)
{
    struct stat now;

    return fstat(fd, &now) == 0 && is_same_file(&now, file);
}

/* Closes `fd`, except where `fd` is now the number of another file than `file`:
 * the app may have closed `fd`, and then got the same number for a file of its
 * own. This function is not inlined, so that its `struct stat` is in no
 * caller's frame: the app's threads run the callers, on stacks that may be
 * small. */
__attribute__((noinline)) void llmobs_fd_close(int fd, const struct stat *file)
{
    if (llmobs_fd_is_still(fd, file))
        close(fd);
}

/* Takes `fd`; gives a copy above the standard numbers. */
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

static int lift(const struct opened *one)
{
    int high = fcntl(one->fd, F_DUPFD_CLOEXEC, LLMOBS_FD_HIGH);
    struct stat copy;

    if (high < 0)
        return errno == EBADF ? -1 : above_standard(one->fd);
    if (fstat(high, &copy) != 0)
        return -1;
    if (is_same_file(&copy, &one->file)) {
        llmobs_fd_close(one->fd, &one->file);
        return high;
    }
    /* The old number is not the library's any more. Where the copy is of the
     * file that the old number stands for now, the library closes its copy;
     * else the app has got the number of the copy too. */
    if (llmobs_fd_is_still(one->fd, &copy))
        close(high);
    errno = EBADF;
    return -1;
}

int llmobs_fd_lift(int fd)
{
    struct opened one = {.fd = fd};

    if (fd < 0 || fstat(fd, &one.file) != 0)
        return -1;
    if (S_ISSOCK(one.file.st_mode))
        return lift(&one);
    errno = EBADF;
    return -1;
}

int llmobs_fd_copy(int fd, const struct stat *file, bool high)
{
    int copy = -1;

    if (llmobs_fd_is_still(fd, file) && llmobs_fd_spare(1))
        copy = fcntl(fd, F_DUPFD_CLOEXEC,
                     high || is_own_thread() ? LLMOBS_FD_HIGH : FIRST_FREE);
    if (copy < 0 || llmobs_fd_is_still(copy, file))
        return copy;
    close(copy);
    return -1;
}

/* -- files only ----------------------------------------------------------- */

/* Set before there is a thread, only read later. */
static bool files_only;

void llmobs_fd_files_only(void)
{
    files_only = true;
}

int llmobs_fd_reopen(int look, int flags)
{
    char path[32];
    struct stat st;

    if (fstat(look, &st) != 0)
        return -1;
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) &&
        !llmobs_fd_is_null(&st)) {
        errno = S_ISLNK(st.st_mode) ? ELOOP : EINVAL;
        return -1;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", look);
    return open(path, (flags & ~(O_NOFOLLOW | O_CREAT | O_EXCL)) | O_CLOEXEC);
}

/* Opens the file where there is no /proc; fails where another file has the name
 * by now. */
static int reopen_by_name(int look, int dir, const char *name, int flags)
{
    struct stat before;
    int fd = fstat(look, &before) == 0
                 ? openat(dir, name, (flags & ~O_CREAT) | O_NONBLOCK | O_NOCTTY)
                 : -1;

    if (fd < 0 || llmobs_fd_is_still(fd, &before))
        return fd;
    close(fd);
    errno = EINVAL;
    return -1;
}

static int open_known(int dir, const char *name, int flags)
{
    int look = openat(dir, name, O_PATH | O_CLOEXEC | (flags & O_NOFOLLOW));
    int fd, saved;

    if (look < 0 && errno == ENOENT && flags & O_CREAT)
        return openat(dir, name, flags | O_EXCL, 0600);
    if (look < 0)
        return -1;
    errno = EEXIST;
    fd = flags & O_EXCL ? -1 : llmobs_fd_reopen(look, flags);
    if (fd < 0 && errno == ENOENT)
        fd = reopen_by_name(look, dir, name, flags);
    saved = errno;
    close(look);
    errno = saved;
    return fd;
}

/* Opens a file. A directory needs no check: with O_DIRECTORY the kernel itself
 * opens no device. */
static int open_at(int dir, const char *name, int flags)
{
    return files_only && !(flags & (O_DIRECTORY | O_PATH))
               ? open_known(dir, name, flags)
               : openat(dir, name, flags, 0600);
}

/* -- opening -------------------------------------------------------------- */

static bool look_up(int dir, const char *name, int flags, struct stat *found)
{
    int links = flags & O_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0;

    return fstatat(dir, name, found, links) == 0;
}

/* Opens a file, and finds out whether the name led to it, by a look before and
 * a look after. A file that is replaced or removed at this moment was there
 * before; a new file is there afterwards. Not inlined, since open_high calls it
 * twice. */
__attribute__((noinline)) static void open_one(int dir, const char *name,
                                               int flags, struct opened *one)
{
    struct stat found;
    bool before = look_up(dir, name, flags, &found);
    int fd = open_at(dir, name, flags);

    one->fd = -1;
    if (fd < 0 || fstat(fd, &one->file) != 0)
        return;
    one->fd = fd;
    hold_longer(fd);
    one->named =
        (before && is_same_file(&found, &one->file)) ||
        (look_up(dir, name, flags, &found) && is_same_file(&found, &one->file));
}

/* Where the name does not lead to the opened file, there are two possible
 * reasons. The app closed all descriptors and got this number for its own file:
 * then the number stays open, and a second try gets another number. Or the name
 * never leads to the file, as in an emulator's /proc: then the second try shows
 * the same, and the first number is closed. */
__attribute__((noinline)) static int open_high(int dir, const char *name,
                                               int flags)
{
    struct opened one, again;

    open_one(dir, name, flags, &one);
    if (one.fd >= 0 && !one.named) {
        open_one(dir, name, flags & ~O_EXCL, &again);
        if (again.fd >= 0 && !again.named)
            llmobs_fd_close(one.fd, &one.file);
        one = again;
    }
    return one.fd < 0 ? -1 : lift(&one);
}

int llmobs_fd_open(int dir, const char *name, int flags)
{
    bool ours = is_own_thread();
    int fd = -1;

    flags |= O_CLOEXEC;
    if (!llmobs_fd_spare(ours ? 2 : 1)) {
        errno = EMFILE;
        return -1;
    }
    if (!ours) {
        fd = above_standard(open_at(dir, name, flags));
        if (fd >= 0)
            hold_longer(fd);
        return fd;
    }
    errno = EBADF;
    for (int i = 0; fd < 0 && errno == EBADF && i < TRIES; i++)
        fd = open_high(dir, name, flags);
    return fd;
}
