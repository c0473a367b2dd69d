/* relay - the standard output of a command, passed on and kept.
 *
 * A process of its own reads what the command writes and writes it on, for the
 * command may have children that write after its end, and we close all
 * descriptors while it runs. What is kept lies in memory that both share.
 *
 * Owns:    the process until take, the memory until fini.
 * Threads: one, and no other may run: it forks.
 * Errors:  -errno: nothing is relayed.
 * Limits:  LLMOBS_RELAY_MAX bytes are kept, all are passed on.
 * Fork:    begin forks.
 */
#ifndef LLMOBS_RELAY_H
#define LLMOBS_RELAY_H

#include <stddef.h>
#include <sys/types.h>

#include "core/base/buf.h"

#define LLMOBS_RELAY_MAX ((size_t)1024 * 1024)

struct llmobs_relay {
    pid_t pid;   /* 0: there is none */
    int pipe[2]; /* the command's end is the second */
    struct llmobs_relayed *kept;
};

int llmobs_relay_begin(struct llmobs_relay *relay);

/* In the command's process, before it begins: its output is the pipe. */
void llmobs_relay_enter(const struct llmobs_relay *relay);

/* In ours, once the command has been forked or could not be. */
void llmobs_relay_leave(struct llmobs_relay *relay);

/* After the command's end: waits up to `ms` for the rest of its output, which
 * grandchildren of it may hold open. Borrowed until fini. */
struct llmobs_text llmobs_relay_take(struct llmobs_relay *relay, int ms);

void llmobs_relay_fini(struct llmobs_relay *relay);

#endif
