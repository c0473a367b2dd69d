/* apart - work in a child process, which may become the user of a spool.
 *
 * The child's answer comes by a pipe. Its user may stop the child, or give it
 * work without an end: so each wait has a limit, and the end of it is a kill.
 *
 * Owns:    the child and the pipe, until _end.
 * Threads: one, and no other may run: it forks.
 * Errors:  -errno of the pipe or the fork; see each.
 * Fork:    start forks; the child ends when its work returns.
 */
#ifndef LLMOBS_APART_H
#define LLMOBS_APART_H

#include <stdint.h>
#include <sys/types.h>

#include "cli/shared/spool_dirs.h"
#include "lib/base/buf.h"

struct llmobs_apart {
    pid_t pid; /* 0: none */
    int fd;    /* the child's answer comes by it; -1: there is no pipe */
};

/* The work of the child; its answer is the exit status. `entered`: 0, or
 * -errno where the child could not become the user. `fd` is for the answer. */
typedef int llmobs_apart_fn(void *ctx, int entered, int fd);

/* For `flags` of start: the child has no pipe. */
#define LLMOBS_APART_MUTE (-1)

/* Starts a child, with a pipe of `flags` and O_CLOEXEC. The child becomes the
 * user of `place` and sets that spool in the configuration; NULL: neither. */
int llmobs_apart_start(struct llmobs_apart *child, int flags,
                       const struct llmobs_user_spool *place,
                       struct llmobs_config *config, llmobs_apart_fn *work,
                       void *ctx);

/* Appends all that comes, until the child closes its end or `ms` are over.
 * -ETIMEDOUT; -EFBIG of the buffer; any of read. */
int llmobs_apart_receive(const struct llmobs_apart *child, int64_t ms,
                         struct llmobs_buf *text);

/* Waits for the child's end; `now`: kills the child, and leaves it where even
 * that does not end it. Gives waitpid's status. */
int llmobs_apart_end(struct llmobs_apart *child, bool now);

/* Prints why the work at a path failed. -ECHILD: prints that the work, which
 * `broke` names, broke off. */
void llmobs_apart_tell(const char *command, const char *path, const char *broke,
                       int error);

#endif
