/* when - points in time and durations, in the words that people type.
 *
 * Threads: one; a text without a zone is in the zone of TZ.
 * Errors:  -EINVAL.
 * Limits:  the years 1970 to 2262, as far as nanoseconds reach.
 */
#ifndef LLMOBS_WHEN_H
#define LLMOBS_WHEN_H

#include <stdint.h>

struct llmobs_cli_option;

/* The forms that llmobs_when_parse reads, for a message. */
#define LLMOBS_WHEN_FORMS                                                    \
    "90s, 1h30m, \"1 hour ago\", today, yesterday, now, 13:00, 2026-11-21, " \
    "\"2026-11-21 13:00\", 2026-11-21T13:00:00Z"

/* Reads a point in time: a span of time before `now_ns` ("90", "90s", "1h30m",
 * "-1h", "2 days ago"), a word, a time of day, or a date with or without a
 * time. Gives a wall time in nanoseconds, 1 where it would be before 1970. */
int llmobs_when_parse(const char *text, int64_t now_ns, int64_t *out);

/* Reads a span of time: "90" (seconds), "1.5h", "250ms", "1h 30m". */
int llmobs_when_duration(const char *text, int64_t *out);

/* Reads a point in time for an option of a command; 0: no limit. */
int llmobs_when_set(const struct llmobs_cli_option *option, const char *text);

#endif
