/* living - the pid namespaces of this host that have processes.
 *
 * Who sees them all, root in the first namespace, can tell that a container is
 * gone, and so is whoever wrote there.
 *
 * Owns:    its list, until free.
 * Threads: constant after read.
 * Errors:  negative errno; -EPERM where not all can be seen: nothing is known
 *          to be gone then.
 * Limits:  a directory that changed within the last LLMOBS_LIVING_SLACK_S
 *          before the look may be of a namespace made since.
 * Fork:    plain memory.
 */
#ifndef LLMOBS_LIVE_NAMESPACES_H
#define LLMOBS_LIVE_NAMESPACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More than any clock of a file system is behind. */
#define LLMOBS_LIVING_SLACK_S 5

struct llmobs_live_namespaces {
    uint64_t *list; /* NULL: not known */
    size_t count;
    int64_t before_s; /* wall clock: what is newer is not known */
};

/* Reads them from `proc`, which is "/proc" but for tests. On error the list is
 * none. */
int llmobs_live_namespaces_read(const char *proc,
                                struct llmobs_live_namespaces *out);
void llmobs_live_namespaces_free(struct llmobs_live_namespaces *living);

/* True where the namespace has surely no process, given that something in it
 * had been written by then. */
bool llmobs_live_namespaces_lacks(const struct llmobs_live_namespaces *living,
                                  uint64_t pidns, int64_t written_s);

#endif
