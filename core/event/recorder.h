/* recorder - writes exchanges into the directory of LLMOBS_RECORD, one
 * directory each: 0001, 0002, ... in the order in which they ended.
 *
 * Such a directory is made under a name that begins with a dot, and gets its
 * final name by one rename: it is complete, or not there. Several processes may
 * write into one directory; the rename refuses a number that is in use, and
 * the next number is tried.
 *
 * Owns:    nothing between two calls.
 * Threads: the thread that has the worker's turn.
 * Errors:  logged; the exchange is then not recorded, and otherwise treated as
 *          usual.
 * Limits:  LLMOBS_RECORDER_MAX recordings a directory.
 * Fork:    a child goes on with its own names.
 */
#ifndef LLMOBS_RECORDER_H
#define LLMOBS_RECORDER_H

#include "core/config/config.h"
#include "core/event/exchange.h"

#define LLMOBS_RECORDER_MAX 999999

struct llmobs_recorder {
    unsigned next; /* the number to try; 0: not known yet */
    unsigned temporary;
};

/* Records an exchange whose span has been made, once; `name`: the span's. Does
 * nothing where LLMOBS_RECORD is unset, or where the settings remove content
 * from spans. */
void llmobs_recorder_write(struct llmobs_recorder *recorder,
                           const struct llmobs_config *config,
                           struct llmobs_exchange *exchange, const char *name);

#endif
