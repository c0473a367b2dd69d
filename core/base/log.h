/* log - what went wrong, in a file of the user's choosing, else nowhere.
 *
 * Owns:    the path; the file is opened, appended and closed for each line,
 *          so that no descriptor stays in the app.
 * Threads: any; a line is one write.
 * Errors:  none: a line that cannot be written is gone.
 * Limits:  LLMOBS_LOG_LINE_MAX bytes a line; the rest is cut.
 *
 * Never stdout or stderr, never a body, key or header value: a line is made of
 * numbers, words of ours, strerror, hosts (allowlist.h), and of the
 * configuration the paths and names that are no secret.
 */
#ifndef LLMOBS_LOG_H
#define LLMOBS_LOG_H

#define LLMOBS_LOG_LINE_MAX 1024

enum llmobs_log_level {
    LLMOBS_LOG_OFF,
    LLMOBS_LOG_ERROR,
    LLMOBS_LOG_WARN,
    LLMOBS_LOG_INFO,
    LLMOBS_LOG_DEBUG
};

/* Copies path; NULL: no log. Before any other thread of ours. */
void llmobs_log_init(const char *path, enum llmobs_log_level level);

/* True when a line of this level would be written. */
int llmobs_log_on(enum llmobs_log_level level);

void llmobs_log(enum llmobs_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Once per process and cause: `cause` is a static string that names it. */
void llmobs_log_once(enum llmobs_log_level level, const char *cause,
                     const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
