/* pager - shows what a command prints in the user's pager.
 *
 * Owns:    the pager's process and the pipe to it, from begin to end.
 * Threads: the main thread, the only one at that time.
 * Errors:  none: where no pager can run, the output goes to the terminal.
 * Fork:    by posix_spawn.
 */
#ifndef LLMOBS_PAGER_H
#define LLMOBS_PAGER_H

#include <stdbool.h>
#include <sys/types.h>

struct llmobs_pager {
    pid_t pid; /* 0: there is none */
};

/* Connects stdout to the pager that PAGER names, else to less; to no pager if
 * PAGER is empty or "cat", or if TERM is dumb. `to_end`: the pager begins with
 * the last page. From then on SIGPIPE and SIGINT do not end the process: when
 * the user leaves the pager, stdout gives an error. */
void llmobs_pager_begin(struct llmobs_pager *pager, bool to_end);

/* Ends the output and waits until the user leaves the pager. */
void llmobs_pager_end(struct llmobs_pager *pager);

#endif
