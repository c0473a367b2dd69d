#include "cli/doctor/doctor.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/doctor/loopback.h"
#include "cli/shared/environment.h"
#include "cli/shared/new_file.h"
#include "cli/shared/preload.h"
#include "cli/shared/reader.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"

#define ABOUT "self-test"
#define LIMIT_MS 30000
#define TICK_MS 20
/* Bytes that the call and its log take. */
#define ROOM (1 << 20)
#define LOG_MAX (1u * 1024 * 1024)
#define PATH_OF_CALL "/v1/chat/completions"
#define BODY_OF_CALL                                   \
    "{\"model\": \"llmobs-self-test\", \"messages\": " \
    "[{\"role\": \"user\", \"content\": \"ping\"}]}"

/* The steps of an observed call, in order. */
enum step {
    STEP_CLIENT,
    STEP_PRELOAD,
    STEP_CORE,
    STEP_REQUEST,
    STEP_RULE,
    STEP_SPAN,
    STEP_EXPORTER,
    STEP_COUNT
};

static const char *const steps[STEP_COUNT] = {
    "client", "preload", "core", "request", "rule", "span", "exporter"};

struct selftest {
    struct llmobs_doctor *doctor;
    struct llmobs_loopback loopback;
    char dir[64]; /* of all that the client writes; "": none */
    struct llmobs_environment environment;
    char url[64];
    struct llmobs_preload preload;
    char client[PATH_MAX]; /* curl's */
    pid_t pid;
    int status; /* as of waitpid */
    bool asked; /* the server got a request */
    bool preloaded;
    bool has_core;
    bool made; /* the span is in the store */
    struct llmobs_buf log;
};

/* -- a folder for it --------------------------------------------------------
 */

static bool is_full(const char *path)
{
    return llmobs_new_file_room(path) < ROOM;
}

/* Prefers a place that has room. */
static int make_dir(struct selftest *test)
{
    static const char *const places[] = {"/tmp", "/var/tmp", "/dev/shm"};
    static const size_t count = sizeof(places) / sizeof(*places);

    for (size_t i = 0; i < 2 * count; i++) {
        const char *place = places[i % count];

        snprintf(test->dir, sizeof(test->dir), "%s/llmobs-doctor.%d.XXXXXX",
                 place, (int)getpid());
        if ((i >= count || !is_full(place)) && mkdtemp(test->dir))
            return 0;
    }
    test->dir[0] = '\0';
    return -errno;
}

/* Makes the environment that the launcher would make from the user's settings,
 * but for all that leads out of the folder: no store, spool or peer of the user
 * gets a span, counter or log line. OpenTelemetry's variables are also for the
 * library's metrics and log records. */
static int make_environment(struct selftest *test)
{
    static const char *const fixed[][2] = {
        {"LLMOBS_EXPORTER", "store"},
        {"OTEL_METRICS_EXPORTER", "none"},
        {"OTEL_LOGS_EXPORTER", "none"},
        {"LLMOBS_LOG_LEVEL", "debug"},
        {"LLMOBS_EXIT_FLUSH_MS", "10000"},
        {"LLMOBS_EXCLUDE", "/none"}}; /* another check reports that */
    static const char *const places[][2] = {{"LLMOBS_STORE_DIR", "store"},
                                            {"LLMOBS_SPOOL_DIR", "spool"},
                                            {"LLMOBS_LOG", "log"}};
    struct llmobs_environment *environment = &test->environment;
    char path[PATH_MAX];
    int rc = make_dir(test);

    if (rc == 0)
        rc = llmobs_environment_init(environment, environ);
    for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed) && rc == 0; i++)
        rc = llmobs_environment_set(environment, fixed[i][0], fixed[i][1]);
    for (size_t i = 0; i < sizeof(places) / sizeof(*places) && rc == 0; i++) {
        snprintf(path, sizeof(path), "%s/%s", test->dir, places[i][1]);
        rc = llmobs_environment_set(environment, places[i][0], path);
    }
    if (rc == 0) {
        llmobs_environment_unset(environment, "LLMOBS_RECORD");
        llmobs_environment_unset(environment, "LLMOBS_REPLAY");
        rc = llmobs_preload_join(environment, test->preload.library);
    }
    return rc == 0 ? llmobs_preload_enable(environment) : rc;
}

static int remove_one(const char *path, const struct stat *st, int type,
                      struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* -- the client ----------------------------------------------------------- */

_Noreturn static void become_client(const struct selftest *test)
{
    const char *curl[] = {
        test->client, "-q",         "-sS",
        "-m",         "15",         "--noproxy",
        "*",          "-H",         "Content-Type: application/json",
        "-d",         BODY_OF_CALL, test->url,
        NULL};
    int null = open("/dev/null", O_RDWR);

    for (int fd = 0; fd < 3 && null >= 0; fd++)
        dup2(null, fd);
    if (null > 2)
        close(null);
    _exit(llmobs_environment_exec_status(
        llmobs_environment_exec(&test->environment, (char **)curl)));
}

/* Looks at the client's memory while it waits for its answer: then it has
 * loaded all that it will load. */
static void look_into(void *ctx)
{
    static struct llmobs_process process;
    struct selftest *test = ctx;

    test->asked = true;
    if (llmobs_process_open(&process, test->pid) == 0) {
        test->preloaded =
            llmobs_process_object(&process, LLMOBS_DOCTOR_SHIM) != NULL;
        test->has_core =
            llmobs_process_object(&process, LLMOBS_DOCTOR_CORE) != NULL;
    }
    llmobs_process_close(&process);
}

static int run_client(struct selftest *test)
{
    int64_t until = llmobs_clock_mono_ns() + LIMIT_MS * LLMOBS_NS_PER_MS;
    pid_t ended;

    signal(SIGCHLD, SIG_DFL);
    fflush(NULL);
    test->pid = fork();
    if (test->pid < 0)
        return -errno;
    if (test->pid == 0)
        become_client(test);
    while ((ended = waitpid(test->pid, &test->status, WNOHANG)) == 0) {
        (void)llmobs_loopback_serve(&test->loopback, TICK_MS, look_into, test);
        if (llmobs_clock_mono_ns() > until)
            kill(test->pid, SIGKILL);
    }
    return ended == test->pid ? 0 : -ECHILD;
}

/* -- what came of it ------------------------------------------------------ */

static int find_span(void *ctx, struct llmobs_text line,
                     struct llmobs_place place)
{
    static const char mark[] = "llmobs-self-test";
    struct selftest *test = ctx;

    (void)place;
    test->made |= memmem(line.data, line.len, mark, sizeof(mark) - 1) != NULL;
    return 0;
}

static void look_back(struct selftest *test)
{
    struct llmobs_reader *reader = NULL;

    if (llmobs_reader_open(
            llmobs_environment_get(&test->environment, "LLMOBS_STORE_DIR"),
            &reader) == 0)
        (void)llmobs_reader_walk(reader, 0, find_span, test);
    llmobs_reader_close(reader);
    (void)llmobs_file_read(
        llmobs_environment_get(&test->environment, "LLMOBS_LOG"), &test->log);
}

/* Finds the test's call in the log: copies the text after its host, to the
 * line's end. */
static bool find_verdict(const struct selftest *test, char *out, size_t cap)
{
    char host[32];
    const char *at;

    snprintf(host, sizeof(host), "127.0.0.1:%u", test->loopback.port);
    at = test->log.data ? strstr(test->log.data, host) : NULL;
    if (!at || !(at = strstr(at, ": ")))
        return false;
    at += 2;
    snprintf(out, cap, "%.*s", (int)strcspn(at, "\n"), at);
    return true;
}

static const char *why_no_client(const struct selftest *test)
{
    static char text[64];

    if (WIFSIGNALED(test->status))
        snprintf(text, sizeof(text), "the client ended by signal %d",
                 WTERMSIG(test->status));
    else
        snprintf(text, sizeof(text), "the client ended with status %d",
                 WEXITSTATUS(test->status));
    return text;
}

/* Asks the loader of this process, which most programs have, too. */
static const char *why_not_loaded(const char *path)
{
    static char text[512];
    const char *error = !dlopen(path, RTLD_NOW | RTLD_LOCAL) ? dlerror() : NULL;

    if (!error)
        return LLMOBS_DOCTOR_CORE
            " could not be loaded, or is of another version";
    snprintf(text, sizeof(text), LLMOBS_DOCTOR_CORE " could not be loaded: %s",
             error);
    return text;
}

static const char *why_no_core(const struct selftest *test)
{
    const char *library = test->preload.library;
    char path[PATH_MAX + sizeof(LLMOBS_DOCTOR_CORE)];

    if (test->doctor->off)
        return "it is switched off, see settings";
    snprintf(path, sizeof(path), "%.*s" LLMOBS_DOCTOR_CORE,
             (int)(llmobs_program_base(library) - library), library);
    if (access(path, R_OK) != 0)
        return LLMOBS_DOCTOR_CORE " is not beside the library";
    return why_not_loaded(path);
}

/* The step that failed; STEP_COUNT: none. Writes the reason, or the rule that
 * matched, to `why`. A verdict in the log says that both objects were loaded,
 * also where no /proc shows them. */
static enum step judge(const struct selftest *test, char *why, size_t cap)
{
    bool answered = test->asked && WIFEXITED(test->status) &&
                    WEXITSTATUS(test->status) == 0;
    bool seen = find_verdict(test, why, cap);
    const char *text = NULL;
    enum step failed = STEP_COUNT;

    if (!test->asked || (!answered && !seen)) {
        failed = STEP_CLIENT;
        text = why_no_client(test);
    } else if (!seen && !test->preloaded) {
        failed = STEP_PRELOAD;
        text = "the loader did not take the library";
    } else if (!seen && !test->has_core) {
        failed = STEP_CORE;
        text = why_no_core(test);
    } else if (!seen) {
        failed = STEP_REQUEST;
        text = "it was sent past libcurl, or through a copy that is out of "
               "reach";
    } else if (strncmp(why, "captured", 8) != 0) {
        return STEP_RULE;
    } else if (!test->made) {
        failed = STEP_SPAN;
        text = "none is in the store";
    } else if (test->doctor->no_exporter) {
        failed = STEP_EXPORTER;
        text = "where spans go does not take them, see agent, otlp "
               "and settings";
    }
    if (failed < STEP_EXPORTER && is_full(test->dir))
        text = "/tmp is full, so the call could not be recorded";
    if (text)
        snprintf(why, cap, "%s", text);
    return failed;
}

/* -- telling -------------------------------------------------------------- */

static void tell(struct selftest *test)
{
    struct llmobs_doctor *doctor = test->doctor;
    const char *client = test->client;
    struct llmobs_json *fact = llmobs_json_object();
    struct llmobs_json *list = llmobs_json_array();
    char why[512] = "";
    enum step failed = judge(test, why, sizeof(why));

    for (int i = 0; i < STEP_COUNT && i <= (int)failed; i++) {
        struct llmobs_json *step = llmobs_json_object();

        (void)llmobs_json_sets(step, "step", steps[i]);
        (void)llmobs_json_set(step, "ok", llmobs_json_bool(i != (int)failed));
        doctor->report.no_memory |= llmobs_json_add(list, step) != 0;
    }
    (void)llmobs_json_sets(fact, "client", client);
    (void)llmobs_json_set(fact, "steps", list);
    (void)llmobs_json_set(fact, "span", llmobs_json_bool(test->made));
    if (failed < STEP_COUNT)
        (void)llmobs_json_set_texts(fact, "failed", steps[failed], "why", why,
                                    NULL);
    LLMOBS_KNOWN("self_test", fact);
    if (failed == STEP_COUNT)
        LLMOBS_FIND(OK, ABOUT, "a call by %s became a span: %s", client, why);
    else
        LLMOBS_FIND(FAIL, ABOUT, "a call by %s: %s%s: %s", client,
                    failed > STEP_SPAN ? "a span was made, but not delivered: "
                                       : "no span, it failed at: ",
                    steps[failed], why);
}

/* -- the test ------------------------------------------------------------- */

static int run(struct selftest *test)
{
    struct llmobs_program program;
    int rc = llmobs_loopback_open(&test->loopback);

    if (rc != 0)
        return rc;
    snprintf(test->url, sizeof(test->url), "http://127.0.0.1:%u" PATH_OF_CALL,
             test->loopback.port);
    rc = llmobs_program_find(&program, "curl");
    if (rc == 0) {
        memcpy(test->client,
               program.script[0] != '\0' ? program.script : program.path,
               sizeof(test->client));
        rc = make_environment(test);
    }
    if (rc == 0)
        rc = run_client(test);
    if (rc == 0)
        look_back(test);
    return rc;
}

void llmobs_doctor_selftest(struct llmobs_doctor *doctor)
{
    static struct selftest test;
    int rc;

    test.doctor = doctor;
    test.loopback.listener = -1;
    llmobs_buf_init(&test.log, LOG_MAX);
    if (llmobs_preload_find(&test.preload) != 0)
        return; /* the search has reported it */
    rc = run(&test);
    if (rc == 0)
        tell(&test);
    else
        LLMOBS_FIND(NOTE, ABOUT, "could not be made: %s",
                    rc == -ENOENT ? "there is no curl" : strerror(-rc));
    llmobs_loopback_close(&test.loopback);
    if (test.dir[0] != '\0')
        (void)nftw(test.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    llmobs_buf_fini(&test.log);
}
