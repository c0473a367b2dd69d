#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/log/gather.h"
#include "cli/log/show.h"
#include "cli/log/stack.h"
#include "cli/log/target.h"
#include "cli/shared/cli.h"
#include "cli/shared/options.h"
#include "cli/shared/tell.h"
#include "core/config/config.h"

struct ps {
    const char *command;
    const char *dir; /* NULL: the configured spool; for root, all users' */
    bool json, stack, watch;
    struct llmobs_config *config;
};

/* -- one list -------------------------------------------------------------- */

static int show_call(const struct ps *ps, const struct llmobs_ps_call *call,
                     bool users)
{
    struct llmobs_ps_stack stack;
    bool wanted = ps->stack && !call->elsewhere;
    int rc;

    if (wanted)
        llmobs_ps_stack_read(call->pid, call->start, call->thread, &stack);
    if (ps->json)
        rc = llmobs_ps_show_json(call, wanted ? &stack : NULL);
    else
        rc = llmobs_ps_show_call(call, users);
    if (rc == 0 && !ps->json && wanted)
        rc = llmobs_ps_show_stack(call, &stack);
    if (wanted)
        llmobs_ps_stack_fini(&stack);
    return rc;
}

static int ps_show(const struct ps *ps, const struct llmobs_ps_calls *calls)
{
    bool users = geteuid() == 0;
    int rc = 0;

    if (!ps->json)
        llmobs_ps_show_title(users);
    for (size_t i = 0; i < calls->count && rc == 0; i++)
        rc = show_call(ps, &calls->list[i], users);
    if (calls->more)
        llmobs_tell("%s: there are more than %d\n", ps->command,
                    LLMOBS_PS_CALLS);
    return rc;
}

static int ps_list(const struct ps *ps)
{
    struct llmobs_ps_calls calls = {0};
    int rc = llmobs_ps_gather(ps->command, ps->dir, ps->config, &calls);

    llmobs_ps_calls_keep(&calls, llmobs_ps_target_look);
    if (rc == 0) {
        if (ps->watch && isatty(STDOUT_FILENO))
            fputs("\033[H\033[2J", stdout);
        rc = ps_show(ps, &calls);
    }
    llmobs_ps_calls_free(&calls);
    if (fflush(stdout) != 0 && rc == 0)
        rc = -errno;
    return rc;
}

/* -- the command ----------------------------------------------------------- */

static int ps_watch(const struct ps *ps)
{
    const struct timespec second = {1, 0};
    sigset_t signals;
    int rc;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    do
        rc = ps_list(ps);
    while (rc == 0 && sigtimedwait(&signals, NULL, &second) < 0);
    return rc;
}

static int ps_run(struct ps *ps)
{
    int rc = -ENOMEM;

    ps->config = llmobs_cli_config(NULL);
    signal(SIGCHLD, SIG_DFL);
    if (ps->config) {
        llmobs_cli_have_spool(ps->config);
        rc = ps->watch ? ps_watch(ps) : ps_list(ps);
    }
    if (rc == -ENOENT && ps->dir)
        llmobs_cli_no_store(ps->command, ps->dir);
    else if (rc != 0)
        llmobs_tell("%s: %s\n", ps->command, strerror(-rc));
    return rc == 0 ? LLMOBS_CLI_OK : LLMOBS_CLI_FAILED;
}

int llmobs_cmd_ps(int argc, char **argv)
{
    static struct ps ps;
    static const struct llmobs_cli_option options[] = {
        LLMOBS_CLI_FLAG("stack", &ps.stack),
        LLMOBS_CLI_FLAG("watch", &ps.watch),
        LLMOBS_CLI_VALUE("dir", llmobs_cli_filled, &ps.dir),
        LLMOBS_CLI_FLAG("json", &ps.json), LLMOBS_CLI_END};
    int status = llmobs_cli_parse(argc, argv, options);

    if (status >= 0)
        return status;
    ps.command = argv[0];
    if (ps.stack && ps.watch) {
        llmobs_tell(
            "%s: --stack stops a thread of the program, so it does not go "
            "with --watch\n",
            argv[0]);
        return LLMOBS_CLI_USAGE;
    }
    return ps_run(&ps);
}
