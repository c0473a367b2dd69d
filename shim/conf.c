/* Reads the few lines of the configuration that decide early. */
#include "shim/conf.h"

#include <sys/stat.h>

#include "lib/base/cold.h"
#include "shim/libc.h"

#define ENABLED "DD_LLMOBS_ENABLED"
#define EXCLUDE "LLMOBS_EXCLUDE"
#define TLS "LLMOBS_TLS"
#define SOCKETS "LLMOBS_SOCKETS"
#define URLS "DD_LLMOBS_INSTRUMENTED_PROXY_URLS"
#define LOG "LLMOBS_LOG"
#define LOG_LEVEL "LLMOBS_LOG_LEVEL"
#define EXPORT "export"
#define BOM "\xef\xbb\xbf" /* with which some editors begin UTF-8 */

/* One byte more than the limit, to notice a bigger file, and one for the NUL.
 */
LLMOBS_COLD static char text[LLMOBS_CONF_MAX + 2];

bool llmobs_conf_is_true(const char *value)
{
    return (value[0] == '1' && value[1] == '\0') ||
           llmobs_is_word(value, "true");
}

/* Reads the file into `text`. Returns its length, or 0 if the file does not
 * count: one that is not regular, such as a fifo, which would block, or a
 * device, of which reading may have effects. */
static size_t read_text(const char *path)
{
    int fd = (int)llmobs_sys(SYS_openat, AT_FDCWD, path,
                             O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    size_t len = 0;
    long got =
        fd >= 0 && llmobs_sys(SYS_fstat, fd, &st) == 0 && S_ISREG(st.st_mode);

    if (fd < 0)
        return 0;
    while (got != 0 && len <= LLMOBS_CONF_MAX) {
        got = llmobs_sys(SYS_read, fd, text + len, LLMOBS_CONF_MAX + 1 - len);
        if (got < 0 && got != -EINTR)
            len = LLMOBS_CONF_MAX + 1;
        len += got > 0 ? (size_t)got : 0;
    }
    llmobs_sys(SYS_close, fd);
    return len <= LLMOBS_CONF_MAX ? len : 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* False where a shell's "export" would end the value at a blank. */
static bool is_whole_value(const char *line)
{
    while (*line && *line != '=')
        line++;
    line += *line == '=';
    while (is_blank(*line))
        line++;
    if (*line == '"' || *line == '\'')
        return true;
    while (*line && !is_blank(*line))
        line++;
    return !*line;
}

/* Removes the blanks around the line and a shell's "export" before it, and ends
 * it with a NUL; NULL where the line itself has one, or a carriage return, or
 * may set more than one variable. Moves *end. */
static char *trim_line(char *line, char **end)
{
    for (char *c = line; c < *end; c++)
        if (*c == '\0')
            return NULL;
    while (line < *end && is_blank(*line))
        line++;
    while (*end > line && is_blank((*end)[-1]))
        --*end;
    **end = '\0';
    if (llmobs_str_has(line, '\r'))
        return NULL;
    if (!llmobs_str_begins(line, EXPORT) || !is_blank(line[sizeof(EXPORT) - 1]))
        return line;
    for (line += sizeof(EXPORT); is_blank(*line);)
        line++;
    return is_whole_value(line) ? line : NULL;
}

/* The value in a line that begins with this name, without its quotes; NULL for
 * every other line, and where the quotes don't match. */
static const char *value_in(char *line, char *end, const char *name)
{
    if (!llmobs_str_begins(line, name))
        return NULL;
    line += llmobs_str_len(name);
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

static void set_from_line(struct llmobs_conf *conf, char *line, char *end)
{
    const char *enabled = value_in(line, end, ENABLED);
    const char *exclude = value_in(line, end, EXCLUDE);
    const char *tls = value_in(line, end, TLS);
    const char *sockets = value_in(line, end, SOCKETS);
    const char *urls = value_in(line, end, URLS);
    const char *log = value_in(line, end, LOG);
    const char *log_level = value_in(line, end, LOG_LEVEL);

    if (enabled)
        conf->enabled = llmobs_conf_is_true(enabled);
    if (exclude)
        conf->exclude = exclude;
    if (tls)
        conf->tls = llmobs_tls_mode(tls);
    if (sockets)
        conf->sockets = llmobs_tls_mode(sockets);
    if (urls)
        conf->plain = llmobs_lists_plain(urls);
    if (log)
        conf->log = log;
    if (log_level)
        conf->log_level = log_level;
}

void llmobs_conf_read(const char *path, struct llmobs_conf *conf)
{
    char *end = text + read_text(path);
    char *begin = text + (llmobs_str_begins(text, BOM) ? sizeof(BOM) - 1 : 0);

    conf->enabled = conf->plain = false;
    conf->tls = conf->sockets = LLMOBS_TLS_AUTO;
    conf->exclude = conf->log = conf->log_level = "";
    for (char *line = begin; line < end;) {
        char *stop = line;
        char *next, *first;

        while (stop < end && *stop != '\n')
            stop++;
        next = stop + 1;
        first = trim_line(line, &stop);
        if (first)
            set_from_line(conf, first, stop);
        line = next;
    }
}
