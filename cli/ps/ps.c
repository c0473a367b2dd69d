#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/ps/gather.h"
#include "cli/ps/show.h"
#include "cli/ps/stack.h"
#include "cli/ps/target.h"
#include "cli/shared/cli.h"
#include "cli/shared/options.h"
#include "core/config/config.h"

struct ps {
    const char *command;
    const char *dir; /* NULL: by the environment */
    bool json, stack, watch, help;
    struct llmobs_config *config;
};

static const char help_text[] =
    "usage: llmobs ps [OPTIONS]\n"
    "\n"
    "Lists the calls to models that are under way on this host: the process, "
    "how\n"
    "long ago the call began, and whether the program waits for the first byte "
    "of\n"
    "the answer or the answer streams. \"-\": that is not known; the kernel "
    "may "
    "not\n"
    "let this user look into the process. Root sees the calls of all users.\n"
    "\n"
    "  --stack      show where in the program each call hangs: the native "
    "stack "
    "of\n"
    "               its thread. It stops that thread for some milliseconds.\n"
    "  --watch      list them anew each second, until INT or TERM\n"
    "  --dir DIR    this spool only\n"
    "  --json       one JSON object a line\n";

static const struct option options[] = {
    {"stack", no_argument, NULL, 's'},     {"watch", no_argument, NULL, 'w'},
    {"dir", required_argument, NULL, 'd'}, {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},      {NULL, 0, NULL, 0},
};

static int apply(void *ctx, int code, const char *value)
{
    struct ps *ps = ctx;

    switch (code) {
    case 's':
        ps->stack = true;
        return 0;
    case 'w':
        ps->watch = true;
        return 0;
    case 'd':
        ps->dir = value;
        return *value != '\0' ? 0 : -EINVAL;
    case 'j':
        ps->json = true;
        return 0;
    case 'h':
        ps->help = true;
        return 0;
    default: /* llmobs_cli_parse prints the fault */
        return -EINVAL;
    }
}

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

static int show(const struct ps *ps, const struct llmobs_ps_calls *calls)
{
    bool users = geteuid() == 0;
    int rc = 0;

    if (!ps->json)
        llmobs_ps_show_title(users);
    for (size_t i = 0; i < calls->count && rc == 0; i++)
        rc = show_call(ps, &calls->list[i], users);
    if (calls->more)
        fprintf(stderr, "%s: there are more than %d\n", ps->command,
                LLMOBS_PS_CALLS);
    return rc;
}

static int list(const struct ps *ps)
{
    struct llmobs_ps_calls calls = {0};
    int rc = llmobs_ps_gather(ps->command, ps->dir, ps->config, &calls);

    llmobs_ps_calls_keep(&calls, llmobs_ps_target_look);
    if (rc == 0) {
        if (ps->watch && isatty(STDOUT_FILENO))
            fputs("\033[H\033[2J", stdout);
        rc = show(ps, &calls);
    }
    llmobs_ps_calls_free(&calls);
    if (fflush(stdout) != 0 && rc == 0)
        rc = -errno;
    return rc;
}

/* -- the command ----------------------------------------------------------- */

static int watch(const struct ps *ps)
{
    const struct timespec second = {1, 0};
    sigset_t signals;
    int rc;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    do
        rc = list(ps);
    while (rc == 0 && sigtimedwait(&signals, NULL, &second) < 0);
    return rc;
}

static int run(struct ps *ps)
{
    int rc = -ENOMEM;

    ps->config = llmobs_cli_config(NULL);
    signal(SIGCHLD, SIG_DFL);
    if (ps->config != NULL) {
        llmobs_cli_have_spool(ps->config);
        rc = ps->watch ? watch(ps) : list(ps);
    }
    if (rc == -ENOENT && ps->dir != NULL)
        llmobs_cli_no_store(ps->command, ps->dir);
    else if (rc != 0)
        fprintf(stderr, "%s: %s\n", ps->command, strerror(-rc));
    return rc == 0 ? LLMOBS_CLI_OK : LLMOBS_CLI_FAILED;
}

int llmobs_cmd_ps(int argc, char **argv)
{
    static struct ps ps;

    ps.command = argv[0];
    if (llmobs_cli_parse(argc, argv, "", options, apply, &ps) != 0)
        return LLMOBS_CLI_USAGE;
    if (ps.help) {
        fputs(help_text, stdout);
        return LLMOBS_CLI_OK;
    }
    if (ps.stack && ps.watch) {
        fprintf(stderr,
                "%s: --stack stops a thread of the program, so it does not go "
                "with --watch\n",
                argv[0]);
        return LLMOBS_CLI_USAGE;
    }
    return run(&ps);
}
