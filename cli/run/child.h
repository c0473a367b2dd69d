/* child - runs a command as if it had been run in this process's place.
 *
 * Owns:    the child process, until it has ended and is reaped.
 * Threads: one, while no other thread runs: the process forks, and signals are
 *          taken synchronously from then on (they stay blocked).
 * Errors:  -errno: the command was not run. Its own failure is part of the
 *          result.
 * Fork:    the child has the signal mask and dispositions of this process's
 *          start.
 *
 * Signals that another process sends are passed on to the child; the terminal's
 * signals reach it by its group. When the child stops, this process stops, and
 * when this process is continued, the child is continued. Once the child runs,
 * every descriptor of this process is closed or /dev/null, so that a pipe ends
 * when the command ends it.
 *
 * With `reaps` this is the first process of a pid namespace: orphans become its
 * children, and the kernel ignores each signal for it that it does not take. So
 * it waits for every child that ends, and passes all signals on, also a
 * fault's; a fault of its own ends it even if the signal is blocked.
 */
#ifndef LLMOBS_CHILD_H
#define LLMOBS_CHILD_H

#include <stdbool.h>

struct llmobs_child_result {
    int exec_error; /* errno of a command that could not be executed, or 0 */
    int status;     /* as of waitpid, where exec_error is 0 */
};

struct llmobs_environment;

/* A command, and the way to run it. */
struct llmobs_child_command {
    char **argv; /* argv[0] is looked for as by execvp */
    const struct llmobs_environment *environment;
    void (*prepare)(void *ctx); /* in the child, before its exec; or NULL */
    void *ctx;
    bool reaps;
};

/* Runs a command and waits for its end. -EAGAIN, -ENOMEM, -EMFILE, ... */
int llmobs_child_run(const struct llmobs_child_command *command,
                     struct llmobs_child_result *result);

/* The status that a shell would set: the exit status, 128 plus the number of a
 * signal, 127 or 126 for a command that could not be executed. */
int llmobs_child_status(const struct llmobs_child_result *result);

#endif
