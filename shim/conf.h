/* conf - reads seven lines of the configuration file: those that decide whether
 * to observe at all, whether TLS libraries and sockets are hooked, and what the
 * log is.
 *
 * Owns:    a static buffer that holds the file, until the next one is read.
 * Threads: one at a time, under the scan's lock.
 * Errors:  none; a file that cannot be read counts as empty.
 * Limits:  LLMOBS_CONF_MAX bytes; a bigger file counts as empty.
 *
 * The core reads everything else of the file, by the same rules
 * (core/config/config_file.c).
 */
#ifndef LLMOBS_CONF_H
#define LLMOBS_CONF_H

#include <stdbool.h>

#include "lib/base/tls_auto.h"

#define LLMOBS_CONF_MAX 65536

/* True for "1" and for "true" in any case, nothing else (WIRE 3.1). */
bool llmobs_conf_is_true(const char *value);

struct llmobs_conf {
    bool enabled;
    const char *exclude; /* "" where there is none; borrowed */
    enum llmobs_tls_mode tls;
    enum llmobs_tls_mode sockets;
    bool plain;            /* it lists a gateway by http:// */
    const char *log;       /* LLMOBS_LOG; as exclude */
    const char *log_level; /* LLMOBS_LOG_LEVEL; as exclude */
};

/* Reads all members from the file. A member without a line is off or empty. */
void llmobs_conf_read(const char *path, struct llmobs_conf *conf);

#endif
