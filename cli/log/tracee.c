#include "cli/log/tracee.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/file.h"

#define STOP_MS 1000
#define LOOK_US 200

/* ERESTARTNOHAND of the kernel: the system call ends with EINTR where a handler
 * ran, and else begins again. */
#define RESTART_NO_HANDLER 514

/* System calls that a stop ends with EINTR, and that the kernel does not
 * restart by itself: see signal(7). Calls on sockets end so only where the
 * socket has a time limit. None of these calls has done anything when it
 * returns EINTR; a connect that is under way goes on. */
static const long ended_by_a_stop[] = {
    SYS_epoll_pwait,  SYS_read,         SYS_readv,           SYS_write,
    SYS_writev,       SYS_recvfrom,     SYS_recvmsg,         SYS_recvmmsg,
    SYS_sendto,       SYS_sendmsg,      SYS_sendmmsg,        SYS_accept,
    SYS_accept4,      SYS_connect,      SYS_rt_sigtimedwait, SYS_semop,
    SYS_semtimedop,   SYS_io_getevents, SYS_io_pgetevents,   SYS_io_uring_enter,
#if defined(SYS_epoll_pwait2)
    SYS_epoll_pwait2,
#endif
#if defined(__x86_64__)
    SYS_epoll_wait,
#endif
};

static bool is_ended_by_a_stop(long number)
{
    for (size_t i = 0; i < sizeof(ended_by_a_stop) / sizeof(long); i++)
        if (ended_by_a_stop[i] == number)
            return true;
    return false;
}

pid_t llmobs_tracee_tracer(pid_t pid, pid_t thread)
{
    char path[64], text[4096];
    const char *at;

    snprintf(path, sizeof(path), "/proc/%ld/task/%ld/status", (long)pid,
             (long)thread);
    if (llmobs_file_begin(AT_FDCWD, path, text, sizeof(text)) <= 0)
        return 0;
    at = strstr(text, "\nTracerPid:");
    return at ? (pid_t)strtol(at + 11, NULL, 10) : 0;
}

#if defined(__x86_64__)
/* Makes the kernel restart the system call; if a signal handler runs first, the
 * call still ends with EINTR. */
static void restart_call(pid_t thread)
{
    struct user_regs_struct regs;

    if (ptrace(PTRACE_GETREGS, thread, NULL, &regs) != 0 ||
        (long)regs.orig_rax < 0 || (long)regs.rax != -EINTR ||
        !is_ended_by_a_stop((long)regs.orig_rax))
        return;
    regs.rax = (unsigned long)-RESTART_NO_HANDLER;
    (void)ptrace(PTRACE_SETREGS, thread, NULL, &regs);
}

static bool is_safe(pid_t pid, pid_t thread)
{
    (void)pid;
    (void)thread;
    return true;
}
#else
/* Does nothing: this machine's kernel decides before the stop whether the
 * system call restarts. */
static void restart_call(pid_t thread)
{
    (void)thread;
}

static bool is_safe(pid_t pid, pid_t thread)
{
    char path[64], text[256];

    snprintf(path, sizeof(path), "/proc/%ld/task/%ld/syscall", (long)pid,
             (long)thread);
    return llmobs_file_begin(AT_FDCWD, path, text, sizeof(text)) > 0 &&
           (text[0] < '0' || text[0] > '9' ||
            !is_ended_by_a_stop(strtol(text, NULL, 10)));
}
#endif

static int await_stop(pid_t thread, int *status)
{
    int64_t until = llmobs_clock_mono_ns() + STOP_MS * LLMOBS_NS_PER_MS;

    for (;;) {
        pid_t seen = waitpid(thread, status, __WALL | WNOHANG);

        if (seen == thread)
            return WIFSTOPPED(*status) ? 0 : -ESRCH;
        if (seen < 0 && errno != EINTR)
            return -errno;
        if (llmobs_clock_mono_ns() > until)
            return -ETIMEDOUT;
        usleep(LOOK_US);
    }
}

/* Stops the thread. A stop that has no event comes from a signal that was sent
 * before the request to stop. The thread gets that signal when it goes on. */
static int stop(struct llmobs_tracee *tracee)
{
    int status, rc;

    if (ptrace(PTRACE_INTERRUPT, tracee->thread, NULL, NULL) != 0)
        return -errno;
    rc = await_stop(tracee->thread, &status);
    if (rc != 0)
        return rc;
    if (status >> 16 == 0)
        tracee->signal = WSTOPSIG(status);
    else if (WSTOPSIG(status) == SIGTRAP)
        restart_call(tracee->thread);
    return 0;
}

int llmobs_tracee_stop(pid_t pid, pid_t thread, struct llmobs_tracee *out)
{
    *out = (struct llmobs_tracee){.thread = thread};
    if (llmobs_tracee_tracer(pid, thread) != 0)
        return -EBUSY;
    if (!is_safe(pid, thread))
        return -ENOTSUP;
    if (ptrace(PTRACE_SEIZE, thread, NULL, NULL) != 0)
        return errno == EPERM && llmobs_tracee_tracer(pid, thread) != 0
                   ? -EBUSY
                   : -errno;
    return stop(out);
}

void llmobs_tracee_go(const struct llmobs_tracee *tracee)
{
    (void)ptrace(PTRACE_DETACH, tracee->thread, NULL,
                 (void *)(intptr_t)tracee->signal);
}
