/* live_namespaces - the pid namespaces of this host that have processes.
 *
 * Root in the first namespace sees all of them. So it can tell that a container
 * has ended, and with it the processes in it that wrote a spool.
 *
 * Owns:    its list, until free.
 * Threads: any: it is constant after read.
 * Errors:  negative errno; -EPERM where this process cannot see all namespaces:
 *          then it knows of no namespace that it has ended.
 * Limits:  a file that changed in the last seconds before the read
 *          (LLMOBS_LIVE_NAMESPACES_SLACK_S) may be from a newer namespace.
 */
#ifndef LLMOBS_LIVE_NAMESPACES_H
#define LLMOBS_LIVE_NAMESPACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The clock of a file system is behind by less than this. */
#define LLMOBS_LIVE_NAMESPACES_SLACK_S 5

struct llmobs_live_namespaces {
    uint64_t *list; /* NULL: not known */
    size_t count;
    int64_t before_s; /* wall clock: when the list was made; it lacks newer
                       * namespaces */
};

/* Reads the list from `proc`, which is "/proc" except in tests. After an error
 * there is no list. */
int llmobs_live_namespaces_read(const char *proc,
                                struct llmobs_live_namespaces *out);
void llmobs_live_namespaces_free(struct llmobs_live_namespaces *living);

/* True where the namespace certainly has no process, given that a process in it
 * wrote a file at `written_s`. NULL has no list. */
bool llmobs_live_namespaces_lacks(const struct llmobs_live_namespaces *living,
                                  uint64_t pidns, int64_t written_s);

#endif
