/* tracee - stops a thread of another process, and lets it go.
 *
 * Threads: the one that stopped it.
 * Errors:  negative errno: -EBUSY: another process traces it, -EPERM: the
 *          kernel does not allow it, -ESRCH: it has ended, -ETIMEDOUT: it does
 *          not stop, -ENOTSUP: the stop would end the system call in which it
 *          waits.
 */
#ifndef LLMOBS_PS_TRACEE_H
#define LLMOBS_PS_TRACEE_H

#include <sys/types.h>

struct llmobs_tracee {
    pid_t thread;
    int signal; /* a pending signal, which the thread gets when it goes on */
};

/* After an error the thread is attached at most until this process ends. */
int llmobs_tracee_stop(pid_t pid, pid_t thread, struct llmobs_tracee *out);
void llmobs_tracee_go(const struct llmobs_tracee *tracee);

/* The process that traces a thread; 0: none. */
pid_t llmobs_tracee_tracer(pid_t pid, pid_t thread);

#endif
