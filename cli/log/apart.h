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
    int fd;    /* its answer comes there; -1: there is no pipe */
};

/* The work of the child; its answer is the exit status. `entered`: 0, or
 * -errno where the child could not become the user. `fd` is for the answer. */
typedef int llmobs_apart_fn(void *ctx, int entered, int fd);

/* Without a pipe, in place of its flags beside O_CLOEXEC. */
#define LLMOBS_APART_MUTE (-1)

/* Starts a child. It becomes the user of `place`, and sets that spool in the
 * configuration; NULL: it keeps its user. */
int llmobs_apart_start(struct llmobs_apart *child, int flags,
                       const struct llmobs_user_spool *place,
                       struct llmobs_config *config, llmobs_apart_fn *work,
                       void *ctx);

/* Appends all that comes, until the child closes its end or `ms` are over.
 * -ETIMEDOUT; -EFBIG of the buffer; any of read. */
int llmobs_apart_receive(const struct llmobs_apart *child, int64_t ms,
                         struct llmobs_buf *text);

/* Waits for its end; `now`: kills it. The status is that of waitpid. */
int llmobs_apart_end(struct llmobs_apart *child, bool now);

/* Says why the work at a path failed. -ECHILD: `broke`, in its words, broke
 * off.
 */
void llmobs_apart_tell(const char *command, const char *path, const char *broke,
                       int error);

#endif
