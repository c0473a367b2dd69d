#include "cli/log/background.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/shared/deliver.h"
#include "cli/shared/descriptors.h"
#include "lib/base/clock.h"
#include "core/log/relay_sign.h"
#include "lib/base/hazard.h"

#define LOOK_MS 1
/* A relay that ends at once may have found another relay, which needs this time
 * to put up its sign. */
#define OTHER_MS 50
/* The wait ends after this time, even if a disk hangs. */
#define HANGS_S 2

/* A process with these settings would not leave its calls to a relay. */
static bool background_is_wanted(const struct llmobs_config *config)
{
    return llmobs_cli_observing(config) && config->relay &&
           config->spool_max > 0 &&
           !config->otlp.signals[LLMOBS_SIGNAL_METRICS].on;
}

static void detach(const struct llmobs_config *config)
{
    setsid();
    LLMOBS_HAZARD(keeps_files, llmobs_cli_release_descriptors(), );
    /* The directory may be on a disk that is to be unmounted. */
    if (!config->log_path || *config->log_path == '/')
        (void)!chdir("/");
}

static int background_wait_for_sign(const struct llmobs_config *config,
                                    pid_t pid)
{
    const struct timespec moment = {0, LOOK_MS * LLMOBS_NS_PER_MS};
    int64_t now = llmobs_clock_mono_ns();
    int64_t until = now + LLMOBS_BACKGROUND_MS * LLMOBS_NS_PER_MS;
    bool ended = false;

    for (; now < until; now = llmobs_clock_mono_ns()) {
        if (llmobs_relay_find(config) == LLMOBS_RELAY_UP)
            return 0;
        if (!ended && waitpid(pid, NULL, WNOHANG) == pid) {
            ended = true;
            until = now + OTHER_MS * LLMOBS_NS_PER_MS;
        }
        (void)nanosleep(&moment, NULL);
    }
    return ended ? -ECHILD : -ETIMEDOUT;
}

static int background_start(const struct llmobs_config *config)
{
    pid_t pid = fork();

    if (pid < 0)
        return -errno;
    if (pid > 0)
        return background_wait_for_sign(config, pid);
    detach(config);
    return 1;
}

int llmobs_relay_background(const struct llmobs_config *config)
{
    if (!background_is_wanted(config))
        return 0;
    alarm(HANGS_S); /* a forked child has no alarm */
    switch (llmobs_relay_find(config)) {
    case LLMOBS_RELAY_UP:
        return 0;
    case LLMOBS_RELAY_OF_OTHERS:
        return -EBUSY;
    default:
        return background_start(config);
    }
}
