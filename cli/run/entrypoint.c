/* Runs `llmobs-entrypoint`, the first process of a container. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/log/drain_round.h"
#include "cli/run/child.h"
#include "cli/shared/cli.h"
#include "cli/shared/environment.h"
#include "cli/shared/options.h"
#include "cli/shared/preload.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/paths.h"

#define SELF "llmobs-entrypoint"
/* A third of the grace is for the processes that the command left behind. */
#define OTHERS_SHARE 3
/* The time for killed processes to end. */
#define KILLED_MS 100

struct entrypoint {
    const char *preload;
    bool first; /* it is the first process of a pid namespace: the kernel ends
                 * all others with it */
    char **command;
    struct llmobs_environment environment; /* the command's */
    struct llmobs_drain_round round;
};

/* -- the end -------------------------------------------------------------- */

/* Waits for all children, also new ones. False: at that time some are left.
 */
static bool reap_until(int64_t until_ns)
{
    sigset_t child;
    pid_t pid;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    for (;;) {
        int64_t left = until_ns - llmobs_clock_mono_ns();
        struct timespec ts = llmobs_clock_wait(left);

        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
            ;
        if (pid < 0)
            return true;
        if (left <= 0)
            return false;
        (void)sigtimedwait(&child, NULL, &ts);
    }
}

static void entrypoint_done(void *ctx, const char *path,
                            const struct llmobs_drain_outcome *out)
{
    (void)ctx;
    if (out->error != 0)
        llmobs_log(LLMOBS_LOG_WARN, "spool %s: %s", path,
                   strerror(-out->error));
}

/* Called after the command's end: no failure here changes the exit status. */
static void finish(struct entrypoint *entry, int64_t ended_ns)
{
    struct llmobs_drain_round *round = &entry->round;
    const struct llmobs_config *config = round->config;
    int64_t ms = config ? config->grace_ms : 0;
    int rc;

    /* Tells the processes to end that the kernel would kill with this process,
     * so that they can put their last calls into the spool. */
    if (entry->first && kill(-1, SIGTERM) == 0) {
        kill(-1, SIGCONT);
        if (!reap_until(llmobs_clock_mono_ns() +
                        ms / OTHERS_SHARE * LLMOBS_NS_PER_MS)) {
            kill(-1, SIGKILL);
            (void)reap_until(llmobs_clock_mono_ns() +
                             KILLED_MS * LLMOBS_NS_PER_MS);
        }
    }
    if (ms == 0 || !config->enabled || config->spool_max <= 0 ||
        access(LLMOBS_DISABLED_FILE, F_OK) == 0)
        return;
    round->deadline_ns = ended_ns + ms * LLMOBS_NS_PER_MS;
    round->done = entrypoint_done;
    rc = llmobs_drain_run(round, NULL);
    if (rc != 0 && rc != -EINTR)
        llmobs_log(LLMOBS_LOG_WARN, "spool: %s", strerror(-rc));
}

/* -- the command ---------------------------------------------------------- */

int llmobs_cmd_entrypoint(int argc, char **argv)
{
    static struct entrypoint entry;
    static const struct llmobs_cli_option options[] = {
        LLMOBS_CLI_VALUE("preload", llmobs_cli_text, &entry.preload),
        LLMOBS_CLI_COMMAND(&entry.command)};
    struct llmobs_child_command command = {.environment = &entry.environment};
    int status = llmobs_cli_parse(argc, argv, options);
    struct llmobs_child_result result;

    if (status >= 0)
        return status;
    llmobs_log_init(getenv("LLMOBS_LOG"), LLMOBS_LOG_WARN);
    entry.round.config = llmobs_config_load((const char *const *)environ,
                                            llmobs_log_complaint, NULL);
    command.argv = entry.command;
    command.reaps = entry.first = getpid() == 1;
    if (llmobs_environment_init(&entry.environment, environ) != 0 ||
        llmobs_preload_join(&entry.environment, entry.preload) != 0 ||
        llmobs_child_run(&command, &result) != 0)
        return llmobs_environment_become(&entry.environment, SELF,
                                         entry.command);
    if (result.exec_error != 0)
        (void)llmobs_environment_fail(SELF, entry.command[0],
                                      result.exec_error);
    else
        finish(&entry, llmobs_clock_mono_ns());
    return llmobs_child_status(&result);
}
