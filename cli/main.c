/* Finds the command that the arguments name, and runs it. */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cli/run/run.h"
#include "cli/shared/cli.h"
#include "cli/shared/escape.h"
#include "cli/shared/preload.h"
#include "cli/shared/suggest.h"
#include "cli/shared/tell.h"
#include "lib/base/fd.h"
#include "lib/base/fork.h"
#include "core/config/config.h"
#include "core/config/config_table.h"
#include "llmobs.h"

struct command {
    const char *name;
    const char *shown; /* argv[0] of the command, for its messages */
    int (*run)(int argc, char **argv);
    const char *help;
};

static int cmd_help(int argc, char **argv);
static int cmd_version(int argc, char **argv);

static const struct command commands[] = {
    {"view", "llmobs view", llmobs_cmd_view,
     "show the spans of the local store"},
    {"stats", "llmobs stats", llmobs_cmd_stats,
     "count captured, delivered and dropped calls"},
    {"mock", "llmobs mock", llmobs_cmd_mock,
     "answer from recorded exchanges, so that tests run offline"},
    {"ps", "llmobs ps", llmobs_cmd_ps,
     "list the calls that are under way on this host"},
    {"span", "llmobs span", llmobs_cmd_span,
     "run a command inside a span of any kind"},
    {"evaluate", "llmobs evaluate", llmobs_cmd_evaluate,
     "submit an evaluation of a span"},
    {"feedback", "llmobs feedback", llmobs_cmd_feedback,
     "submit what a user says of a span, a trace or a session"},
    {"doctor", "llmobs doctor", llmobs_cmd_doctor,
     "tell whether a program can be observed, and why not"},
    {"drain", "llmobs drain", llmobs_cmd_drain,
     "deliver calls that ended processes left in the spool"},
    {"relay", "llmobs relay", llmobs_cmd_relay,
     "deliver for all processes of this host, so that they need not wait"},
    {"purge", "llmobs purge", llmobs_cmd_purge,
     "remove the records: the store, and calls left in the spool"},
    {"run", "llmobs run", llmobs_cmd_run,
     "run a command with its calls observed (llmobs-run)"},
    {"workflow", "llmobs workflow", llmobs_cmd_workflow,
     "run a command inside a workflow span (llmobs-run --workflow)"},
    {"limit", "llmobs limit", llmobs_cmd_limit,
     "run a command until a limit of its calls (llmobs-run --max-tokens)"},
    {"intercept", "llmobs intercept", llmobs_cmd_intercept,
     "run a command with a proxy for its https (llmobs-run --intercept)"},
    {"entrypoint", "llmobs entrypoint", llmobs_cmd_entrypoint,
     "run a command as the first process of a container (llmobs-entrypoint)"},
    {"completion", "llmobs completion", llmobs_cmd_completion,
     "print the completion file of bash, zsh or fish"},
    {"help", "llmobs help", cmd_help,
     "this text; `llmobs help variables`: the environment variables"},
    {"version", "llmobs version", cmd_version, "print the version"},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(*commands))

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* Refuses a word that is no command, and suggests one that may be meant. */
static int refuse(const char *asked, const char *name)
{
    char room[LLMOBS_ESCAPE_NAME];
    struct llmobs_suggest suggest;

    llmobs_suggest_init(&suggest, name);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        llmobs_suggest_offer(&suggest, commands[i].name);
    llmobs_tell("%s: no such command: %s", asked,
                llmobs_escape_name(name, room));
    llmobs_suggest_end(suggest.best, "`llmobs help` lists the commands");
    return LLMOBS_CLI_USAGE;
}

static int main_unexpected(const char *command, const char *word)
{
    char room[LLMOBS_ESCAPE_NAME];

    llmobs_tell("%s: unexpected argument: %s; `llmobs help` tells more\n",
                command, llmobs_escape_name(word, room));
    return LLMOBS_CLI_USAGE;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static void print_commands(FILE *out)
{
    fputs("usage: llmobs COMMAND [ARGUMENTS]\n\n", out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    fputs("\n`llmobs COMMAND --help` tells more.\n", out);
}

static int cmd_help(int argc, char **argv)
{
    /* The texts are in the tool and not in the library: each process that loads
     * the library would have them in memory, and none needs them. */
    static const char *const helps[] = {
#define V(name, type, fallback, help, form, offset, least, most) help,
        VARIABLES(V)
#undef V
    };
    struct llmobs_config_variable row = {.name = NULL};
    const struct command *command;
    char *ask[] = {NULL, (char[]){"--help"}, NULL};

    if (argc > 2)
        return main_unexpected(argv[0], argv[2]);
    if (argc < 2) {
        print_commands(stdout);
        return LLMOBS_CLI_OK;
    }
    if (strcmp(argv[1], "variables") == 0) {
        for (const char *const *help = helps; llmobs_config_next(&row); help++)
            printf("%s (%s; default: %s)\n    %s\n", row.name, row.type,
                   *row.fallback != '\0' ? row.fallback : "none", *help);
        return LLMOBS_CLI_OK;
    }
    command = find(is_help(argv[1]) ? "help" : argv[1]);
    if (!command)
        return refuse("llmobs help", argv[1]);
    if (command->run == cmd_help || command->run == cmd_version) {
        printf("usage: %s\n%s\n", command->shown, command->help);
        return LLMOBS_CLI_OK;
    }
    ask[0] = (char *)command->shown;
    return command->run(2, ask);
}

static int cmd_version(int argc, char **argv)
{
    if (argc > 1 && !is_help(argv[1]))
        return main_unexpected(argv[0], argv[1]);
    puts("llmobs " LLMOBS_VERSION);
    return LLMOBS_CLI_OK;
}

int main(int argc, char **argv)
{
    struct pollfd out = {STDOUT_FILENO, POLLOUT, 0};
    const struct command *command;
    const char *name = argc > 1 ? argv[1] : "";
    Dl_info own;
    int status;

    /* If the kernel was given the loader, and the tool as the loader's
     * argument, the kernel's names for this process are the loader's
     * (cli/run/run_main.c). */
    (void)prctl(PR_SET_NAME, "llmobs");
    if (getauxval(AT_BASE) == 0 && dladdr(commands, &own) != 0)
        llmobs_preload_own(own.dli_fname);
    llmobs_fd_files_only();
    /* Without this, each question for the process's number is a system call. */
    (void)llmobs_fork_init();
    if (is_help(name))
        name = "help";
    else if (strcmp(name, "--version") == 0)
        name = "version";
    command = find(name);
    if (!command && *name != '\0')
        return refuse("llmobs", name);
    if (!command) {
        print_commands(stderr);
        return LLMOBS_CLI_USAGE;
    }
    argv[1] = (char *)command->shown;
    status = command->run(argc - 1, argv + 1);
    /* A command whose output cannot be written has failed: `llmobs view >
     * /dev/full`. The C library does not keep the reason of an earlier fault. A
     * pipe whose reader has gone is nothing to tell. */
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    if (poll(&out, 1, 0) != 1 || (out.revents & POLLERR) == 0)
        llmobs_tell("%s: the output could not be written%s%s\n", command->shown,
                    errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
    return status == LLMOBS_CLI_OK ? LLMOBS_CLI_FAILED : status;
}
