/* conf - two lines of the configuration file: whether to observe at all.
 *
 * Owns:    a static buffer that holds the file, until the next one is read.
 * Threads: one at a time, under the scan's lock.
 * Errors:  none; a file that cannot be read, or is no file, says nothing.
 * Limits:  LLMOBS_CONF_MAX bytes; a bigger file says nothing.
 * Fork:    nothing to do.
 *
 * The core reads everything else of the file, by the same rules
 * (core/config/config_file.c).
 */
#ifndef LLMOBS_CONF_H
#define LLMOBS_CONF_H

#include <stdbool.h>

#define LLMOBS_CONF_MAX 65536

/* WIRE 3.1: "1" and "true" in any case, nothing else. */
bool llmobs_conf_is_true(const char *value);

struct llmobs_conf {
    bool enabled;
    const char *exclude; /* "" where there is none; borrowed */
};

/* Reads what the file says of them: "off" and nothing, where it does not. */
void llmobs_conf_read(const char *path, struct llmobs_conf *conf);

#endif
