#include "shim/conf.h"

#include <sys/stat.h>

#include "shim/libc.h"

#define NAME "DD_LLMOBS_ENABLED"

/* One byte more than may be, and one for the end. */
static char text[LLMOBS_CONF_MAX + 2];

bool llmobs_conf_is_true(const char *value)
{
    static const char word[] = "true";
    size_t i = 0;

    if (value[0] == '1' && value[1] == '\0')
        return true;
    while (word[i] && (value[i] | 0x20) == word[i])
        i++;
    return word[i] == '\0' && value[i] == '\0';
}

/* A fifo would wait, a device do something: a regular file only. */
static int open_regular(const char *path)
{
    struct stat st;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path,
                          O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return -1;
    if (syscall(SYS_fstat, fd, &st) == 0 && S_ISREG(st.st_mode))
        return fd;
    syscall(SYS_close, fd);
    return -1;
}

/* Bytes read into `text`, 0 for none that count. */
static size_t slurp(const char *path)
{
    int fd = open_regular(path);
    size_t len = 0;
    long got = 1;

    if (fd < 0)
        return 0;
    while (got != 0 && len <= LLMOBS_CONF_MAX) {
        got = syscall(SYS_read, fd, text + len, LLMOBS_CONF_MAX + 1 - len);
        if (got < 0 && llmobs_libc_errno() != EINTR)
            len = LLMOBS_CONF_MAX + 1;
        len += got > 0 ? (size_t)got : 0;
    }
    syscall(SYS_close, fd);
    return len <= LLMOBS_CONF_MAX ? len : 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The value in a line of this name, trimmed and ended by NUL; NULL for every
 * other line and for one whose quotes don't match. */
static const char *value_in(char *line, char *end)
{
    size_t len = sizeof NAME - 1;

    for (char *c = line; c < end; c++)
        if (*c == '\0')
            return NULL;
    while (line < end && is_blank(*line))
        line++;
    while (end > line && is_blank(end[-1]))
        end--;
    *end = '\0';
    if (!llmobs_str_begins(line, NAME))
        return NULL;
    line += len;
    while (is_blank(*line))
        line++;
    if (*line++ != '=')
        return NULL;
    while (is_blank(*line))
        line++;
    if (*line != '"' && *line != '\'')
        return line;
    if (end - line < 2 || end[-1] != *line)
        return NULL;
    *--end = '\0';
    return llmobs_str_has(line + 1, *line) ? NULL : line + 1;
}

bool llmobs_conf_enabled(const char *path)
{
    char *end = text + slurp(path);
    bool on = false;

    for (char *line = text; line < end;) {
        char *stop = line;
        const char *value;

        while (stop < end && *stop != '\n')
            stop++;
        value = value_in(line, stop);
        if (value)
            on = llmobs_conf_is_true(value);
        line = stop + 1;
    }
    return on;
}
