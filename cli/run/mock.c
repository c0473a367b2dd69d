#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/run/serve.h"
#include "cli/shared/cli.h"
#include "cli/shared/environment.h"
#include "cli/shared/escape.h"
#include "cli/shared/options.h"
#include "cli/shared/preload.h"
#include "cli/shared/tell.h"

#define URL_MAX 64

struct mock {
    char **argv;
    const char *dir;
    char **command;      /* NULL: no command */
    const char *preload; /* leads the command's calls here; or NULL */
    bool replay;         /* the command's calls are led to the mock */
    struct llmobs_serve serve;
    pid_t child; /* the command; 0: none, or it has ended */
    int status;  /* the command's exit status, as of a shell */
};

/* -- the command line ------------------------------------------------------ */

static int set_dir(const struct llmobs_cli_option *option, const char *value)
{
    struct mock *mock = option->to;
    char room[LLMOBS_ESCAPE_NAME];

    if (!mock->dir) {
        mock->dir = value;
        return 0;
    }
    llmobs_tell("%s: unexpected argument: %s (a command comes behind --)\n",
                mock->argv[0], llmobs_escape_name(value, room));
    return -EINVAL;
}

/* Takes the command off, and gives the number of arguments before it. */
static int split(struct mock *mock, int argc)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(mock->argv[i], "--") == 0) {
            mock->command = mock->argv + i + 1;
            mock->argv[i] = NULL;
            return i;
        }
    return argc;
}

/* Answers as llmobs_cli_parse. */
static int parse(struct mock *mock, int argc)
{
    struct llmobs_serve *serve = &mock->serve;
    const struct llmobs_cli_option options[] = {
        {"strict", llmobs_cli_flag, &serve->nearest, 0, 0, false, NULL},
        LLMOBS_CLI_FLAG("nearest", &serve->nearest),
        {"at-once", llmobs_cli_flag, &serve->timed, 0, 0, false, NULL},
        LLMOBS_CLI_FLAG("timing", &serve->timed),
        LLMOBS_CLI_VALUE("port", llmobs_cli_port, &serve->site.port),
        LLMOBS_CLI_FLAG("replay", &mock->replay),
        LLMOBS_CLI_VALUE("preload", llmobs_cli_text, &mock->preload),
        LLMOBS_CLI_WORDS(set_dir, mock)};
    int status;

    argc = split(mock, argc);
    status = llmobs_cli_parse(argc, mock->argv, options);
    if (status >= 0)
        return status;
    if (mock->replay && (!mock->command || !mock->preload))
        return llmobs_cli_wrong("--replay needs --preload and a command", "");
    if (!mock->dir || (mock->command && !*mock->command))
        return llmobs_cli_wrong(mock->dir ? "CMD" : "DIR", " is missing");
    return -1;
}

/* -- signals --------------------------------------------------------------- */

static volatile sig_atomic_t asked_to_end;

static void on_end(int number)
{
    asked_to_end = number;
}

static void on_child(int number)
{
    (void)number;
}

/* The signals come only while the server waits, so that none is missed.
 * `before`: the mask that the command gets. */
static void take_signals(sigset_t *before)
{
    struct sigaction ending = {.sa_handler = on_end};
    struct sigaction child = {.sa_handler = on_child};
    sigset_t taken;

    sigemptyset(&taken);
    sigaddset(&taken, SIGTERM);
    sigaddset(&taken, SIGINT);
    sigaddset(&taken, SIGCHLD);
    sigprocmask(SIG_BLOCK, &taken, before);
    sigaction(SIGTERM, &ending, NULL);
    sigaction(SIGINT, &ending, NULL);
    sigaction(SIGCHLD, &child, NULL);
}

/* -- the command ----------------------------------------------------------- */

static int set_url(struct llmobs_environment *environment, const char *name,
                   unsigned port, const char *path)
{
    char url[URL_MAX];

    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, path);
    return llmobs_environment_set(environment, name, url);
}

/* The program finds the mock by these variables. */
static int set_urls(struct llmobs_environment *environment, unsigned port)
{
    static const struct {
        const char *name, *path;
    } variables[] = {{"LLMOBS_MOCK_URL", ""},
                     {"ANTHROPIC_BASE_URL", ""},
                     {"OPENAI_BASE_URL", "/v1"}};
    int rc = 0;

    for (size_t i = 0; i < sizeof(variables) / sizeof(*variables) && rc == 0;
         i++)
        rc = set_url(environment, variables[i].name, port, variables[i].path);
    return rc;
}

/* The library leads calls to the mock. Their spans say that no model was asked.
 */
static int set_replay(struct llmobs_environment *environment,
                      const struct mock *mock)
{
    const char *tags = llmobs_environment_get(environment, "DD_TAGS");
    bool blanks = strchr(tags, ' ') && !strchr(tags, ',');
    int rc = set_url(environment, "LLMOBS_REPLAY", mock->serve.site.port, "");

    if (rc == 0)
        rc = llmobs_environment_join(environment, "DD_TAGS", "replayed:true",
                                     blanks ? " " : ",", false);
    return rc == 0 ? llmobs_preload_join(environment, mock->preload) : rc;
}

/* Runs the command. A replayed command does not start without the variables
 * that lead its calls here. */
_Noreturn static void become(const struct mock *mock, const sigset_t *before)
{
    struct llmobs_environment environment;
    int error = -llmobs_environment_init(&environment, environ);

    if (error == 0)
        error = -(mock->replay ? set_replay(&environment, mock)
                               : set_urls(&environment, mock->serve.site.port));
    sigprocmask(SIG_SETMASK, before, NULL);
    if (error == 0 && !mock->replay) {
        error = llmobs_environment_exec(&environment, mock->command);
    } else if (error == 0) {
        execvpe(mock->command[0], mock->command, environment.entries);
        error = errno;
    }
    _exit(llmobs_environment_fail(mock->argv[0], mock->command[0], error));
}

/* Notes the end of the command. */
static void look_at_child(struct mock *mock)
{
    int status;

    if (mock->child == 0 ||
        waitpid(mock->child, &status, WNOHANG) != mock->child)
        return;
    mock->child = 0;
    mock->status =
        WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* True as long as a client may still send a request: until the command has
 * ended, or, without a command, until this process is told to end. TERM is
 * passed on to the command; a terminal sends INT to the command itself. */
static bool goes_on(struct mock *mock)
{
    int number = asked_to_end;

    look_at_child(mock);
    if (!mock->command)
        return number == 0;
    asked_to_end = 0;
    if (number == SIGTERM && mock->child != 0)
        kill(mock->child, SIGTERM);
    return mock->child != 0;
}

/* -- the whole ------------------------------------------------------------- */

static int serve(struct mock *mock)
{
    char room[LLMOBS_ESCAPE_NAME];
    sigset_t before, waiting;
    int rc;

    take_signals(&before);
    waiting = before;
    sigdelset(&waiting, SIGTERM);
    sigdelset(&waiting, SIGINT);
    sigdelset(&waiting, SIGCHLD);
    rc = llmobs_site_open(&mock->serve.site);
    if (rc == 0 && mock->replay)
        llmobs_tell("%s: calls to models are answered from %s\n", mock->argv[0],
                    llmobs_escape_name(mock->dir, room));
    if (rc == 0 && mock->command) {
        mock->child = fork();
        if (mock->child == 0)
            become(mock, &before);
        rc = mock->child < 0 ? -errno : 0;
    }
    if (rc != 0) {
        llmobs_tell("%s: %s\n", mock->argv[0], strerror(-rc));
        return LLMOBS_CLI_FAILED;
    }
    if (!mock->command) {
        printf("http://127.0.0.1:%u\n", mock->serve.site.port);
        fflush(stdout);
    }
    while (goes_on(mock))
        llmobs_site_step(&mock->serve.site, &waiting);
    llmobs_site_close(&mock->serve.site);
    if (mock->serve.misses > 0)
        llmobs_tell("%s: requests without a recording: %lu\n", mock->argv[0],
                    mock->serve.misses);
    if (mock->status != 0)
        return mock->status;
    return mock->serve.misses > 0 ? LLMOBS_CLI_FAILED : LLMOBS_CLI_OK;
}

int llmobs_cmd_mock(int argc, char **argv)
{
    static struct mock mock;
    struct llmobs_cassette cassette;
    char room[LLMOBS_ESCAPE_NAME];
    int status;

    mock.argv = argv;
    status = parse(&mock, argc);
    if (status >= 0)
        return status;
    status = LLMOBS_CLI_FAILED;
    mock.serve.cassette = &cassette;
    mock.serve.command = argv[0];
    llmobs_serve_init(&mock.serve);
    if (llmobs_cassette_load(&cassette, mock.dir, argv[0]) == 0) {
        if (cassette.count == 0)
            llmobs_tell("%s: no recordings in %s\n", argv[0],
                        llmobs_escape_name(mock.dir, room));
        else
            status = serve(&mock);
    }
    llmobs_cassette_free(&cassette);
    return status;
}
