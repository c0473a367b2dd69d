/* Starts a command, forwards signals and waits for its end. */
#include "cli/run/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/shared/descriptors.h"
#include "cli/shared/environment.h"

struct child {
    pid_t pid;
    bool reaps;
    sigset_t taken;            /* the signals to wait for */
    sigset_t mask;             /* the mask at this process's start */
    struct sigaction on_child; /* SIGCHLD's action at that time */
};

static void restore_signals(const struct child *child)
{
    sigaction(SIGCHLD, &child->on_child, NULL);
    sigprocmask(SIG_SETMASK, &child->mask, NULL);
}

/* True when the child has ended. */
static bool ended(const struct child *child, int *status)
{
    pid_t pid;
    int signal;

    for (;;) {
        pid = waitpid(child->reaps ? -1 : child->pid, status,
                      WNOHANG | WUNTRACED);
        if ((pid < 0 && errno == EINTR) || (pid > 0 && pid != child->pid))
            continue;
        if (pid != child->pid)
            return pid < 0; /* its status is lost */
        if (!WIFSTOPPED(*status))
            return true;
        signal = WSTOPSIG(*status);
        if (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN ||
            signal == SIGTTOU) {
            /* Stops this process as the child was stopped. In an orphaned
             * group, where nobody could continue the process, the kernel
             * ignores the signal, and this process goes on. */
            struct sigaction by_default = {.sa_handler = SIG_DFL};
            sigset_t one;

            if (signal != SIGSTOP) {
                sigaction(signal, &by_default, NULL);
                sigemptyset(&one);
                sigaddset(&one, signal);
            }
            raise(signal);
            if (signal != SIGSTOP) {
                sigprocmask(SIG_UNBLOCK, &one, NULL);
                sigprocmask(SIG_BLOCK, &child->taken, NULL);
            }
        }
    }
}

int llmobs_child_run(const struct llmobs_child_command *command,
                     struct llmobs_child_result *result)
{
    static const int faults[] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
                                 SIGTRAP, SIGABRT, SIGSYS};
    struct sigaction by_default = {.sa_handler = SIG_DFL};
    struct child child = {.reaps = command->reaps};
    siginfo_t info;
    int report[2];

    memset(result, 0, sizeof(*result));
    if (pipe2(report, O_CLOEXEC) != 0)
        return -errno;
    /* Blocks all signals except a fault's. These must still kill this process;
     * so if somebody sends such a signal, it is not passed on. */
    sigfillset(&child.taken);
    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults) && !child.reaps;
         i++)
        sigdelset(&child.taken, faults[i]);
    sigprocmask(SIG_BLOCK, &child.taken, &child.mask);
    /* Where SIGCHLD was ignored at the start, the kernel would drop the status.
     */
    sigaction(SIGCHLD, &by_default, &child.on_child);
    child.pid = fork();
    if (child.pid == 0) {
        int error;

        if (command->prepare)
            command->prepare(command->ctx);
        restore_signals(&child);
        error = llmobs_environment_exec(command->environment, command->argv);
        while (write(report[1], &error, sizeof(error)) < 0 && errno == EINTR)
            ;
        _exit(llmobs_environment_exec_status(error));
    }
    if (child.pid < 0) {
        int error = errno;

        restore_signals(&child);
        close(report[0]);
        close(report[1]);
        return -error;
    }
    close(report[1]);
    /* A successful exec closes the pipe. */
    while (read(report[0], &result->exec_error, sizeof(result->exec_error)) <
               0 &&
           errno == EINTR)
        ;
    close(report[0]);
    /* An open descriptor would keep a pipe or lock of the command's open. */
    if (result->exec_error == 0)
        llmobs_cli_release_descriptors(false);
    while (!ended(&child, &result->status)) {
        int number = sigwaitinfo(&child.taken, &info);

        if (number <= 0 || number == SIGCHLD)
            continue;
        /* The command gets what was sent to this process, and a timer that was
         * set before this process started, for it was meant for the command. */
        if ((info.si_code <= 0 && info.si_pid != child.pid) ||
            number == SIGALRM || number == SIGVTALRM || number == SIGPROF)
            kill(child.pid, number);
    }
    return 0;
}

int llmobs_child_status(const struct llmobs_child_result *result)
{
    if (result->exec_error != 0)
        return llmobs_environment_exec_status(result->exec_error);
    if (WIFSIGNALED(result->status))
        return 128 + WTERMSIG(result->status);
    return WEXITSTATUS(result->status);
}
