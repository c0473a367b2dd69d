/* Handlers of the signals by which a reader dies of an entry. */
#include "cli/shared/guard.h"

#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/log/try.h"

static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE};

#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

/* The signals' earlier actions: the end, or a sanitizer's report. */
static struct sigaction before[SIGNALS];

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (info->si_code > 0 || info->si_pid == getpid())
        llmobs_try_note();
    for (size_t i = 0; i < SIGNALS; i++)
        if (signals[i] == number)
            sigaction(number, &before[i], NULL);
    /* The instruction is at fault once more; a signal that was sent is not. */
    if (info->si_code <= 0)
        raise(number);
}

void llmobs_guard_begin(void)
{
    static char room[64 * 1024];
    const stack_t stack = {.ss_sp = room, .ss_size = sizeof(room)};
    struct sigaction action = {.sa_sigaction = on_fault,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK};

    sigaltstack(&stack, NULL);
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &action, &before[i]);
    llmobs_try_arm();
}

bool llmobs_guard_fell(int status)
{
    bool fell = false;

    for (size_t i = 0; i < SIGNALS; i++)
        fell |= WIFSIGNALED(status) && WTERMSIG(status) == signals[i];
    return fell;
}
