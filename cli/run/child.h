/* child - runs a command as if it had been run in our place.
 *
 * Owns:    the child process, until it has ended and is reaped.
 * Threads: one, and no other may run: the process forks, and signals are
 *          taken synchronously from then on (they stay blocked).
 * Errors:  -errno: the command was not run. What it did itself is the result.
 * Limits:  none.
 * Fork:    the child has the mask and dispositions that we were started with.
 *
 * Signals that a process sends us are passed on; those of the terminal reach
 * the child by its group. When the child stops, we stop; when we are
 * continued, it is. Once it runs, every descriptor of ours is closed or
 * /dev/null: a pipe ends when the command ends it.
 *
 * One that `reaps` is the first process of a pid namespace: orphans become its
 * children, and a signal that it does not take is ignored by the kernel. So it
 * waits for every child that ends, and passes all signals on, those of faults
 * included: a fault of our own ends us nevertheless, blocked or not.
 */
#ifndef LLMOBS_CHILD_H
#define LLMOBS_CHILD_H

#include <stdbool.h>

struct llmobs_child_result {
    int exec_error; /* errno of a command that could not be executed, or 0 */
    int status;     /* as of waitpid, when there was no such error */
};

struct llmobs_environment;

/* A command, and how it is run. */
struct llmobs_child_command {
    char **argv; /* argv[0] is found as execvp finds it */
    const struct llmobs_environment *environment;
    void (*prepare)(void *ctx); /* in the child, just before; or NULL */
    void *ctx;
    bool reaps;
};

/* Runs a command and waits for its end. -EAGAIN, -ENOMEM, -EMFILE, ... */
int llmobs_child_run(const struct llmobs_child_command *command,
                     struct llmobs_child_result *result);

/* How a shell would tell it: the exit status, 128 and the number of a signal,
 * 127 or 126 for what could not be executed. */
int llmobs_child_status(const struct llmobs_child_result *result);

#endif
