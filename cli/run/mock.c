/* Runs `llmobs mock`, a server that answers from recordings. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/shared/cli.h"
#include "cli/shared/environment.h"
#include "cli/shared/escape.h"
#include "cli/shared/options.h"
#include "cli/shared/preload.h"
#include "cli/shared/tell.h"
#include "cli/run/cassette.h"
#include "cli/run/choose.h"
#include "cli/shared/site.h"
#include "lib/base/clock.h"
#include "lib/text/inflate.h"

#define URL_MAX 64

struct serve {
    struct llmobs_site site;
    struct llmobs_cassette *cassette;
    const char *command; /* begins each message */
    bool nearest;
    bool timed; /* answers take as long as in the recording */
    unsigned long misses;
};

struct mock {
    char **argv;
    const char *dir;
    char **command;      /* NULL: no command */
    const char *preload; /* leads the command's calls here; or NULL */
    bool replay;         /* the command's calls are led to the mock */
    struct serve serve;
    pid_t child; /* the command; 0: none, or it has ended */
    int status;  /* the command's exit status, as of a shell */
};

/* -- answers from the cassette --------------------------------------------- */

#define WHY_MAX ((size_t)16 * 1024)
#define MESSAGE_COLUMNS 4000
/* A recording may have been edited: longer pauses are cut to this. */
#define PAUSE_MS 600000

/* Answers in the form of OpenAI's errors, which most clients show. */
static void answer_error(struct llmobs_site_visit *one, int status,
                         const char *code, const char *message)
{
    struct llmobs_json *body = llmobs_json_object();
    struct llmobs_json *error = llmobs_json_object();
    char *text = NULL;

    if (llmobs_json_sets(error, "message", message) == 0 &&
        llmobs_json_sets(error, "type", "invalid_request_error") == 0 &&
        llmobs_json_set(error, "param", llmobs_json_null()) == 0 &&
        llmobs_json_sets(error, "code", code) == 0 &&
        llmobs_json_set(body, "error", llmobs_json_share(error)) == 0)
        text = llmobs_json_dumps(body, LLMOBS_JSON_KEEP_ORDER);
    one->chunked = one->broken = false;
    llmobs_site_head(one, status, "application/json", text ? strlen(text) : 0);
    if (text && !one->bodyless)
        (void)llmobs_buf_adds(&one->out, text);
    free(text);
    llmobs_json_free(error);
    llmobs_json_free(body);
}

static void refuse(struct llmobs_site_visit *one, int status)
{
    answer_error(one, status, "bad_request",
                 status == 408 ? "the request did not come"
                               : "llmobs mock cannot read this request");
}

static void answer(struct llmobs_site_visit *one)
{
    struct serve *serve = one->site->ctx;
    struct llmobs_site_request *http = &one->request;
    char *path = llmobs_cassette_path(http->target);
    struct llmobs_asked asked = {.method = http->method, .path = path};
    struct llmobs_text text = llmobs_buf_text(&http->body);
    struct llmobs_cassette_item *item = NULL;
    struct llmobs_body plain;
    struct llmobs_buf why;
    bool cut;

    llmobs_buf_init(&why, WHY_MAX);
    llmobs_body_init(&plain, LLMOBS_SITE_BODY_MAX);
    plain.free = true;
    /* Undoes the coding of the request, as the recording has no coding. */
    if (llmobs_inflate_is_coded(text, http->coding) &&
        llmobs_inflate_body(text, http->coding, LLMOBS_SITE_BODY_MAX, &plain,
                            &cut) == 0) {
        text = llmobs_body_head(&plain);
        llmobs_buf_cut(&http->body, 0);
        (void)llmobs_buf_add(&http->body, text.data, text.len);
    }
    llmobs_body_fini(&plain);
    llmobs_cassette_read_body(&asked.body, &http->body);
    if (path)
        item = llmobs_choose(serve->cassette, &asked, serve->nearest, &why);
    if (item) {
        bool in_pieces =
            item->faulty ||
            (item->type && (strcasestr(item->type, "event-stream") ||
                            strcasestr(item->type, "ndjson") ||
                            strcasestr(item->type, "eventstream"))) ||
            (serve->timed && item->chunk_count > 1);

        /* If the recorded answer broke off, this one has no length, and its
         * last chunk never comes. */
        item->served++;
        one->broken = item->faulty;
        one->last = one->last || one->broken;
        if (item->status != 0) {
            one->bodyless |= item->status == 204 || item->status == 304;
            one->chunked = in_pieces && !http->old && !one->bodyless;
            one->answer = item;
            one->chunk = one->at = 0;
            llmobs_site_head(one, item->status, item->type, item->answer.len);
        }
    } else {
        const char *said = why.data ? why.data : "no memory";
        struct llmobs_buf shown;

        serve->misses++;
        llmobs_buf_init(&shown, WHY_MAX);
        if (llmobs_escape_adds(&shown, said, MESSAGE_COLUMNS) == 0)
            llmobs_tell("%s: %s\n", serve->command, shown.data);
        llmobs_buf_fini(&shown);
        answer_error(one, 404, "no_recording", said);
    }
    llmobs_cassette_free_body(&asked.body);
    llmobs_buf_fini(&why);
    free(path);
}

/* -- the body of an answer ------------------------------------------------- */

/* When the answer's next chunk is due. */
static int64_t due_ns(const struct llmobs_site_visit *one)
{
    const struct serve *serve = one->site->ctx;
    const struct llmobs_cassette_item *item = one->answer;
    int64_t ms;

    if (!serve->timed || one->chunk >= item->chunk_count)
        return 0;
    ms = item->chunks[one->chunk].ms;
    return one->began_ns + (ms < PAUSE_MS ? ms : PAUSE_MS) * LLMOBS_NS_PER_MS;
}

/* Adds the part of the answer that is due, as far as it fits; then its end. */
static void feed(struct llmobs_site_visit *one)
{
    const struct serve *serve = one->site->ctx;
    const struct llmobs_cassette_item *item = one->answer;

    while (!one->bodyless && one->at < item->answer.len &&
           one->out.len < LLMOBS_SITE_PIECE) {
        size_t to =
            serve->timed ? item->chunks[one->chunk].end : item->answer.len;
        size_t len;

        if (due_ns(one) > llmobs_clock_mono_ns())
            return;
        len =
            to - one->at < LLMOBS_SITE_PIECE ? to - one->at : LLMOBS_SITE_PIECE;
        if (one->chunked)
            (void)llmobs_buf_addf(&one->out, "%zx\r\n", len);
        (void)llmobs_buf_add(&one->out, item->answer.data + one->at, len);
        if (one->chunked)
            (void)llmobs_buf_adds(&one->out, "\r\n");
        one->at += len;
        one->chunk += one->at == to;
    }
    if (!one->bodyless && one->at < item->answer.len)
        return;
    if (one->chunked && !one->broken)
        (void)llmobs_buf_adds(&one->out, "0\r\n\r\n");
    one->answer = NULL;
}

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

/* Answers as llmobs_cli_parse. */
static int parse(struct mock *mock, int argc)
{
    struct serve *serve = &mock->serve;
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

    /* Takes the command off, which comes behind the arguments. */
    for (int i = 1; i < argc; i++)
        if (strcmp(mock->argv[i], "--") == 0) {
            mock->command = mock->argv + i + 1;
            mock->argv[i] = NULL;
            argc = i;
        }
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

/* -- the command ----------------------------------------------------------- */

static int set_url(struct llmobs_environment *environment, const char *name,
                   unsigned port, const char *path)
{
    char url[URL_MAX];

    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, path);
    return llmobs_environment_set(environment, name, url);
}

/* Runs the command. A replayed command does not start without the variables
 * that lead its calls here. */
_Noreturn static void become(const struct mock *mock, const sigset_t *before)
{
    /* The program finds the mock by these variables. A replayed one is led here
     * by the library, and its spans say that no model was asked. */
    static const struct {
        const char *name, *path;
    } variables[] = {{"LLMOBS_MOCK_URL", ""},
                     {"ANTHROPIC_BASE_URL", ""},
                     {"OPENAI_BASE_URL", "/v1"}};
    const unsigned port = mock->serve.site.port;
    struct llmobs_environment environment;
    int rc = llmobs_environment_init(&environment, environ), error;

    for (size_t i = 0;
         rc == 0 && !mock->replay && i < sizeof(variables) / sizeof(*variables);
         i++)
        rc = set_url(&environment, variables[i].name, port, variables[i].path);
    if (rc == 0 && mock->replay)
        rc = set_url(&environment, "LLMOBS_REPLAY", port, "");
    if (rc == 0 && mock->replay) {
        const char *tags = llmobs_environment_get(&environment, "DD_TAGS");
        bool blanks = strchr(tags, ' ') && !strchr(tags, ',');

        rc = llmobs_environment_join(&environment, "DD_TAGS", "replayed:true",
                                     blanks ? " " : ",", false);
    }
    if (rc == 0 && mock->replay)
        rc = llmobs_preload_join(&environment, mock->preload);
    error = -rc;
    sigprocmask(SIG_SETMASK, before, NULL);
    if (error == 0 && !mock->replay) {
        error = llmobs_environment_exec(&environment, mock->command);
    } else if (error == 0) {
        execvpe(mock->command[0], mock->command, environment.entries);
        error = errno;
    }
    _exit(llmobs_environment_fail(mock->argv[0], mock->command[0], error));
}

/* True as long as a client may still send a request: until the command has
 * ended, or, without a command, until this process is told to end. TERM is
 * passed on to the command; a terminal sends INT to the command itself. */
static bool goes_on(struct mock *mock)
{
    int number = asked_to_end;
    int status;

    /* Notes the end of the command. */
    if (mock->child != 0 &&
        waitpid(mock->child, &status, WNOHANG) == mock->child) {
        mock->child = 0;
        mock->status =
            WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
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
    struct sigaction ending = {.sa_handler = on_end};
    struct sigaction child = {.sa_handler = on_child};
    sigset_t taken;

    /* The signals come only while the server waits, so that none is missed.
     * `before`: the mask that the command gets. */
    sigemptyset(&taken);
    sigaddset(&taken, SIGTERM);
    sigaddset(&taken, SIGINT);
    sigaddset(&taken, SIGCHLD);
    sigprocmask(SIG_BLOCK, &taken, &before);
    sigaction(SIGTERM, &ending, NULL);
    sigaction(SIGINT, &ending, NULL);
    sigaction(SIGCHLD, &child, NULL);
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
    mock.serve.site.body_max = LLMOBS_SITE_BODY_MAX;
    mock.serve.site.ctx = &mock.serve;
    mock.serve.site.answer = answer;
    mock.serve.site.refuse = refuse;
    mock.serve.site.feed = feed;
    mock.serve.site.due_ns = due_ns;
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
