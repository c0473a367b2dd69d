/* Appends one line to the log, without the core. */
#include "shim/say.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include "lib/base/cold.h"
#include "lib/base/stamp.h"
#include "shim/host.h"
#include "shim/libc.h"

#define FIRST_FREE 3 /* behind the standard descriptors */
#define HOW \
    (O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

LLMOBS_COLD static char path[LLMOBS_HOST_PATH_MAX];
LLMOBS_COLD static char line[LLMOBS_HOST_PATH_MAX];

static bool is_owned(const struct stat *st)
{
    return st->st_uid == 0 || st->st_uid == (uid_t)llmobs_sys(SYS_geteuid);
}

static bool read_status(const char *name, struct stat *st)
{
    return llmobs_sys(SYS_newfstatat, AT_FDCWD, name, st,
                      AT_SYMLINK_NOFOLLOW) == 0;
}

/* True where no directory of the path is another user's link, and a file that
 * is there may be opened: to open a device may have effects. */
static bool may_open(void)
{
    struct stat st;

    for (char *c = path + 1; *c; c++) {
        bool foreign;

        if (*c != '/')
            continue;
        *c = '\0';
        foreign =
            read_status(path, &st) && S_ISLNK(st.st_mode) && !is_owned(&st);
        *c = '/';
        if (foreign)
            return false;
    }
    return !read_status(path, &st) || S_ISREG(st.st_mode);
}

/* Negative if the log must not be opened. */
static int open_log(void)
{
    int fd = (int)llmobs_sys(SYS_openat, AT_FDCWD, path, HOW);
    int low;

    if (fd == -ENOENT)
        fd = (int)llmobs_sys(SYS_openat, AT_FDCWD, path, HOW | O_CREAT | O_EXCL,
                             0600);
    low = fd;
    if (fd < 0 || fd >= FIRST_FREE)
        return fd;
    fd = (int)llmobs_sys(SYS_fcntl, low, F_DUPFD_CLOEXEC, FIRST_FREE);
    llmobs_sys(SYS_close, low);
    return fd;
}

/* True for a file that may be written and has room: a write beyond RLIMIT_FSIZE
 * would raise a signal. */
static bool may_write(int fd, size_t len)
{
    struct rlimit64 most;
    struct stat st;

    return llmobs_sys(SYS_fstat, fd, &st) == 0 && S_ISREG(st.st_mode) &&
           st.st_nlink == 1 && is_owned(&st) &&
           llmobs_sys(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &most) == 0 &&
           (uint64_t)st.st_size + len <= most.rlim_cur;
}

/* Adds the text without control characters, with room for a newline. */
static size_t append_text(size_t len, const char *text)
{
    for (; *text && len < sizeof(line) - 1; text++)
        line[len++] = (unsigned char)*text < ' ' || *text == 0x7f ? ' ' : *text;
    return len;
}

/* True where the line was written. */
static bool write_line(const char *log, bool error, const char *text,
                       const char *more)
{
    struct timespec now = {0, 0};
    int fd, pid = llmobs_libc_pid(), width = 1;
    bool written;
    size_t len;

    if (!llmobs_str_copy(path, sizeof(path), log) || !may_open())
        return false;
    llmobs_sys(SYS_clock_gettime, CLOCK_REALTIME, &now);
    llmobs_stamp(line, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    for (int left = pid; left >= 10; left /= 10)
        width++;
    line[LLMOBS_STAMP_LEN] = ' ';
    len =
        (size_t)(llmobs_stamp_digits(line + LLMOBS_STAMP_LEN + 1, pid, width) -
                 line);
    len = append_text(len, error ? " error " : " warn ");
    len = append_text(append_text(len, text), more);
    line[len++] = '\n';
    fd = open_log();
    written = fd >= 0 && may_write(fd, len) &&
              llmobs_sys(SYS_write, fd, line, len) > 0;
    if (fd >= 0)
        llmobs_sys(SYS_close, fd);
    /* The doctor searches memory for the reason, and must find the one with an
     * end. */
    while (len > 0)
        line[--len] = '\0';
    return written;
}

void llmobs_say(bool error, const char *text, const char *more)
{
    static bool taken;
    const char *log = llmobs_host_log(error);

    if (!log || __atomic_exchange_n(&taken, true, __ATOMIC_ACQ_REL))
        return;
    if (!write_line(log, error, text, more))
        __atomic_store_n(&taken, false, __ATOMIC_RELEASE);
}
