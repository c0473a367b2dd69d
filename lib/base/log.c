/* Appends lines to the log file. */
#include "lib/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/filter.h"
#include "lib/base/signal_guard.h"
#include "lib/base/scratch.h"
#include "lib/base/stamp.h"

#define CAUSES_MAX 128

static struct {
    char *path;
    enum llmobs_log_level level;
    void (*filter)(char *line, size_t len);
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

void llmobs_log_filter(void (*filter)(char *line, size_t len))
{
    state.filter = filter;
}

int llmobs_log_on(enum llmobs_log_level level)
{
    return state.path && level != LLMOBS_LOG_OFF && level <= state.level &&
           !llmobs_filter_still();
}

/* Text from outside cannot begin another line, or control the terminal that
 * shows it: blanks replace its control characters, of two bytes in UTF-8 too.
 */
static void blank_controls(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];

        if (byte < 0x20 || byte == 0x7f)
            text[i] = ' ';
        else if (byte == 0xc2 && i + 1 < len &&
                 ((unsigned char)text[i + 1] & 0xe0) == 0x80)
            text[i] = text[i + 1] = ' ';
    }
}

/* Writes one line by one write. */
static void write_line(enum llmobs_log_level level, const char *format,
                       va_list args)
{
    const size_t cap = LLMOBS_LOG_LINE_MAX;
    char *line = llmobs_scratch_alloc(cap);
    int saved = errno;
    int head, body;
    size_t len;
    struct llmobs_signal_guard guard;
    ssize_t ignored;
    int fd;

    if (!line)
        return;
    llmobs_stamp(line, llmobs_clock_wall_ns() / LLMOBS_NS_PER_MS);
    head = LLMOBS_STAMP_LEN;
    head += snprintf(line + head, cap - (size_t)head, " %ld %s ",
                     (long)getpid(), level_names[level]);
    errno = saved; /* for %m */
    body = vsnprintf(line + head, cap - (size_t)head - 1, format, args);
    len = (size_t)head + (body > 0 ? (size_t)body : 0);
    if (len > cap - 2)
        len = cap - 2;
    blank_controls(line + head, len - (size_t)head);
    if (state.filter)
        state.filter(line + head, len - (size_t)head);
    line[len++] = '\n';
    llmobs_signal_guard_begin(&guard);
    fd = llmobs_file_append(state.path);
    if (fd >= 0) {
        ignored = write(fd, line, len);
        (void)ignored;
        close(fd);
    }
    llmobs_signal_guard_end(&guard);
    llmobs_scratch_free(line);
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

void llmobs_log_complaint(void *ctx, const char *text)
{
    (void)ctx;
    llmobs_log(LLMOBS_LOG_WARN, "%s", text);
}
