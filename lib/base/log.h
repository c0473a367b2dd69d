/* log - writes a log to the file that the user names; without a name there is
 * no log.
 *
 * Owns:    the path. Each line opens the file, appends and closes, so that no
 *          descriptor stays open in the app.
 * Threads: any; a line is one write.
 * Errors:  none: a line that cannot be written is lost.
 * Limits:  LLMOBS_LOG_LINE_MAX bytes a line; the rest is cut.
 *
 * The log never goes to stdout or stderr, and never holds a body, a key or the
 * value of a header. A line has numbers, this library's own words, strerror,
 * hosts (allowlist.h), and paths and names of the configuration that are no
 * secret.
 */
#ifndef LLMOBS_LOG_H
#define LLMOBS_LOG_H

#include <stddef.h>

#define LLMOBS_LOG_LINE_MAX 1024

enum llmobs_log_level {
    LLMOBS_LOG_OFF,
    LLMOBS_LOG_ERROR,
    LLMOBS_LOG_WARN,
    LLMOBS_LOG_INFO,
    LLMOBS_LOG_DEBUG
};

/* Copies path; NULL: no log. To be called before the library has a second
 * thread. */
void llmobs_log_init(const char *path, enum llmobs_log_level level);

/* From now on each line passes `filter` before it is written. This module knows
 * no secrets, so the caller brings the filter. */
void llmobs_log_filter(void (*filter)(char *line, size_t len));

/* True when a line of this level would be written. */
int llmobs_log_on(enum llmobs_log_level level);

void llmobs_log(enum llmobs_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Writes a line once for each cause in a process; `cause` is a static string
 * that names it. */
void llmobs_log_once(enum llmobs_log_level level, const char *cause,
                     const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A line of warning, for callers that complain with a context. */
void llmobs_log_complaint(void *ctx, const char *text);

#endif
