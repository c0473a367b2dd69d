/* Handles TERM and INT for commands that deliver for others. */
#include "cli/shared/ending.h"

#include <errno.h>
#include <stddef.h>

#include "lib/base/clock.h"
#include "core/export/http.h"

atomic_bool llmobs_ending;

void llmobs_ending_stop(void)
{
    int saved = errno;

    atomic_store(&llmobs_ending, true);
    llmobs_curl_access_deadline(llmobs_clock_mono_ns() +
                                LLMOBS_ENDING_MS * LLMOBS_NS_PER_MS);
    errno = saved;
}

static void on_signal(int number)
{
    (void)number;
    llmobs_ending_stop();
}

sigset_t llmobs_ending_block(bool children)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    if (children)
        sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signals;
}

void llmobs_ending_begin(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t none;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}
