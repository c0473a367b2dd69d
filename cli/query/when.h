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

/* Reads a span of time: "90" (seconds), "1.5h", "250ms", "1h 30m". */
int llmobs_when_duration(const char *text, int64_t *out);

/* Reads a point in time for an option of a command: a span of time before now
 * ("90", "90s", "1h30m", "-1h", "2 days ago"), a word, a time of day, or a date
 * with or without a time. Sets the wall time in nanoseconds at the option's
 * `to`, 1 where it would be before 1970; 0 stays for no limit. */
int llmobs_when_set(const struct llmobs_cli_option *option, const char *text);

#endif
