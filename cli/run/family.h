/* family - a process and all processes that it and its children have started,
 * as far as the kernel still knows their parents.
 *
 * If the parent of a process has ended, the process is in the family only if
 * _gather found it before. So a daemon, whose parent ends at once, is not.
 *
 * Owns:    its list, until fini.
 * Threads: one.
 * Errors:  none: without memory, or without /proc, it has the first process
 *          alone.
 * Limits:  processes that begin while it is gathered may be missed.
 */
#ifndef LLMOBS_RUN_FAMILY_H
#define LLMOBS_RUN_FAMILY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct llmobs_family_member {
    pid_t pid;
    pid_t parent;
    uint64_t start; /* a pid may be used again; 0: not known */
};

struct llmobs_family {
    struct llmobs_family_member *list;
    size_t count, cap;
};

/* Adds the process and its family. With 0 for the process: drops the members
 * that have ended, and adds the processes that the other members have started.
 */
void llmobs_family_gather(struct llmobs_family *family, pid_t first);

/* Sends the signal to each member. */
void llmobs_family_signal(const struct llmobs_family *family, int signal);

void llmobs_family_fini(struct llmobs_family *family);

#endif
