#include "core/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/fd.h"
#include "core/base/signal_guard.h"
#include "core/base/scratch.h"

#define CAUSES_MAX 128

static struct {
    char *path;
    enum llmobs_log_level level;
    _Atomic(const char *) causes[CAUSES_MAX];
} state;

static const char *const level_names[] = {"off", "error", "warn", "info",
                                          "debug"};

void llmobs_log_init(const char *path, enum llmobs_log_level level)
{
    free(state.path);
    state.path = path && *path ? strdup(path) : NULL;
    state.level = level;
    for (size_t i = 0; i < CAUSES_MAX; i++)
        atomic_store(&state.causes[i], NULL);
}

int llmobs_log_on(enum llmobs_log_level level)
{
    return state.path && level != LLMOBS_LOG_OFF && level <= state.level;
}

/* Opens the log, a regular file of this user or of root. O_NOFOLLOW refuses
 * /dev/stdout too, which is a link. O_NONBLOCK: a FIFO without a reader must
 * not stop the app. */
static int log_open(void)
{
    struct stat st;
    int fd = llmobs_fd_open(AT_FDCWD, state.path,
                            O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW |
                                O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
        (st.st_uid == geteuid() || st.st_uid == 0 || geteuid() == 0))
        return fd;
    close(fd);
    return -1;
}

/* Writes the time. gmtime_r would take a lock of libc, and in a forked child
 * that lock may be taken for ever. So this computes the date from the days, in
 * the proleptic Gregorian calendar, with years that begin in March. */
static int stamp(char *out, size_t cap)
{
    int64_t ms = llmobs_clock_wall_ns() / LLMOBS_NS_PER_MS;
    int64_t days = ms / 86400000;
    int64_t left = ms % 86400000;
    int64_t shifted = days + 719468;
    int64_t era = shifted / 146097;
    int64_t doe = shifted % 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int month = (int)(mp < 10 ? mp + 3 : mp - 9);
    int year = (int)(yoe + era * 400 + (month <= 2));

    return snprintf(out, cap, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year,
                    month, (int)(doy - (153 * mp + 2) / 5 + 1),
                    (int)(left / 3600000), (int)(left / 60000 % 60),
                    (int)(left / 1000 % 60), (int)(left % 1000));
}

static void append(const char *line, size_t len)
{
    struct llmobs_signal_guard guard;
    ssize_t ignored;
    int fd;

    llmobs_signal_guard_begin(&guard);
    fd = log_open();
    if (fd >= 0) {
        ignored = write(fd, line, len);
        (void)ignored;
        close(fd);
    }
    llmobs_signal_guard_end(&guard);
}

/* Writes one line by one write. Text from outside cannot begin another line:
 * blanks replace its control characters. */
static void write_line(enum llmobs_log_level level, const char *format,
                       va_list args)
{
    const size_t cap = LLMOBS_LOG_LINE_MAX;
    char *line = llmobs_scratch_take(cap);
    char when[40];
    int saved = errno;
    int head, body;
    size_t len;

    if (!line)
        return;
    stamp(when, sizeof(when));
    head = snprintf(line, cap, "%s %ld %s ", when, (long)getpid(),
                    level_names[level]);
    errno = saved; /* for %m */
    body = vsnprintf(line + head, cap - (size_t)head - 1, format, args);
    len = (size_t)head + (body > 0 ? (size_t)body : 0);
    if (len > cap - 2)
        len = cap - 2;
    for (size_t i = (size_t)head; i < len; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = ' ';
    }
    line[len++] = '\n';
    append(line, len);
    llmobs_scratch_give(line);
    errno = saved;
}

void llmobs_log(enum llmobs_log_level level, const char *format, ...)
{
    va_list args;

    if (!llmobs_log_on(level))
        return;
    va_start(args, format);
    write_line(level, format, args);
    va_end(args);
}

/* True for the first caller with this cause. */
static int first_time(const char *cause)
{
    for (size_t i = 0; i < CAUSES_MAX; i++) {
        const char *seen = NULL;

        if (atomic_compare_exchange_strong(&state.causes[i], &seen, cause))
            return 1;
        if (strcmp(seen, cause) == 0)
            return 0;
    }
    return 0;
}

void llmobs_log_once(enum llmobs_log_level level, const char *cause,
                     const char *format, ...)
{
    va_list args;

    if (!llmobs_log_on(level) || !first_time(cause))
        return;
    va_start(args, format);
    write_line(level, format, args);
    va_end(args);
}
