/* relay - the standard output of a command, passed on and kept.
 *
 * A process of its own reads the command's output and writes it on: the command
 * may have children that write after its end, and the tool closes all its
 * descriptors while the command runs. The kept bytes are in memory that both
 * processes share.
 *
 * Owns:    the process until take, the memory until the tool's end.
 * Threads: one, while no other thread runs: it forks.
 * Errors:  -errno: nothing is relayed.
 * Limits:  LLMOBS_RELAY_MAX bytes are kept; all bytes are passed on.
 * Fork:    begin forks.
 */
#ifndef LLMOBS_RUN_RELAY_H
#define LLMOBS_RUN_RELAY_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/base/buf.h"

#define LLMOBS_RELAY_MAX ((size_t)1024 * 1024)

struct llmobs_relay {
    pid_t pid;   /* 0: no relay */
    int pipe[2]; /* the command writes to pipe[1] */
    struct llmobs_relayed *kept;
};

int llmobs_relay_begin(struct llmobs_relay *relay);

/* Makes the pipe the output; called in the command's process before the exec.
 */
void llmobs_relay_enter(const struct llmobs_relay *relay);

/* Closes the pipe; called in the tool's process after the fork, failed or not.
 */
void llmobs_relay_leave(struct llmobs_relay *relay);

/* Gives the kept output after the command's end. Waits up to `ms` for the rest,
 * since the command's own children may hold the pipe open. Borrowed. */
struct llmobs_text llmobs_relay_take(struct llmobs_relay *relay, int ms);

#endif
