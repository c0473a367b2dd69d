/* Makes the self-test: a call by curl to a server of the doctor's. */
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

#include "cli/shared/environment.h"
#include "cli/shared/new_file.h"
#include "cli/shared/preload.h"
#include "cli/shared/reader.h"
#include "cli/shared/site.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"

#define ABOUT "self-test"
#define LIMIT_MS 30000
/* Bytes that the call and its log take. */
#define ROOM (1 << 20)
#define LOG_MAX (1u * 1024 * 1024)
#define PATH_OF_CALL "/v1/chat/completions"
#define BODY_OF_CALL                                   \
    "{\"model\": \"llmobs-self-test\", \"messages\": " \
    "[{\"role\": \"user\", \"content\": \"ping\"}]}"
#define ANSWER                                                                 \
    "{\"id\":\"self-test\",\"object\":\"chat.completion\","                    \
    "\"created\":1700000000,\"model\":\"llmobs-self-test\",\"choices\":"       \
    "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"pong\"}," \
    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,"             \
    "\"completion_tokens\":1,\"total_tokens\":2}}"

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
    struct llmobs_site site;
    char dir[LLMOBS_DOCTOR_DIR]; /* of all that the client writes; "": none */
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

/* -- a folder for it ------------------------------------------------------- */

/* True where the place has no room for the call and its log. */
static bool is_full(const char *path)
{
    return llmobs_new_file_room(path) < ROOM;
}

int llmobs_doctor_make_dir(char dir[LLMOBS_DOCTOR_DIR])
{
    static const char *const places[] = {"/tmp", "/var/tmp", "/dev/shm"};

    for (size_t i = 0; i < 6; i++) {
        snprintf(dir, LLMOBS_DOCTOR_DIR, "%s/llmobs-doctor.%d.XXXXXX",
                 places[i % 3], (int)getpid());
        if ((i >= 3 || !is_full(places[i % 3])) && mkdtemp(dir))
            return 0;
    }
    dir[0] = '\0';
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
    int rc = llmobs_doctor_make_dir(test->dir);

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

/* Looks at the client's memory while it waits for its answer: then it has
 * loaded all that it will load. */
static void answer(struct llmobs_site_visit *visit)
{
    static struct llmobs_process process;
    struct selftest *test = visit->site->ctx;

    test->asked = true;
    if (llmobs_process_open(&process, test->pid) == 0) {
        test->preloaded =
            llmobs_process_object(&process, LLMOBS_DOCTOR_SHIM) != NULL;
        test->has_core =
            llmobs_process_object(&process, LLMOBS_DOCTOR_CORE) != NULL;
    }
    llmobs_process_close(&process);
    visit->last = true;
    llmobs_site_head(visit, 200, "application/json", strlen(ANSWER));
    (void)llmobs_buf_adds(&visit->out, ANSWER);
}

static void refuse(struct llmobs_site_visit *visit, int status)
{
    llmobs_site_head(visit, status, NULL, 0);
}

/* A handler of SIGCHLD, so that the child's end is an event for the site. */
static void wake(int number)
{
    (void)number;
}

static int run_client(struct selftest *test)
{
    const char *curl[] = {
        test->client, "-q",         "-sS",
        "-m",         "15",         "--noproxy",
        "*",          "-H",         "Content-Type: application/json",
        "-d",         BODY_OF_CALL, test->url,
        NULL};
    int64_t until = llmobs_clock_mono_ns() + LIMIT_MS * LLMOBS_NS_PER_MS;
    sigset_t child, before, waits;
    pid_t ended;

    signal(SIGCHLD, wake);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &before);
    waits = before; /* whoever started the doctor may have blocked it */
    sigdelset(&waits, SIGCHLD);
    fflush(NULL);
    test->pid = fork();
    if (test->pid < 0)
        return -errno;
    if (test->pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        for (int fd = 0; fd < 3 && null >= 0; fd++)
            dup2(null, fd);
        sigprocmask(SIG_SETMASK, &before, NULL);
        _exit(llmobs_environment_exec_status(
            llmobs_environment_exec(&test->environment, (char **)curl)));
    }
    while ((ended = waitpid(test->pid, &test->status, WNOHANG)) == 0) {
        llmobs_site_step(&test->site, &waits);
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

/* The step that failed; STEP_COUNT: none. Writes the reason, or the rule that
 * matched, to `why`. A verdict in the log says that both objects were loaded,
 * also where no /proc shows them. */
static enum step judge(const struct selftest *test, char *why, size_t cap)
{
    bool answered = test->asked && WIFEXITED(test->status) &&
                    WEXITSTATUS(test->status) == 0;
    enum step failed = STEP_COUNT;
    const char *library = test->preload.library, *seen, *error;
    char host[32], core[PATH_MAX + sizeof(LLMOBS_DOCTOR_CORE)];

    /* The test's call in the log, and the text behind it. */
    snprintf(host, sizeof(host), "127.0.0.1:%u", test->site.port);
    seen = test->log.data ? strstr(test->log.data, host) : NULL;
    seen = seen ? strstr(seen, ": ") : NULL;
    if (seen)
        snprintf(why, cap, "%.*s", (int)strcspn(seen + 2, "\n"), seen + 2);
    if (!test->asked || (!answered && !seen)) {
        failed = STEP_CLIENT;
        snprintf(why, cap, "the client ended %s %d",
                 WIFSIGNALED(test->status) ? "by signal" : "with status",
                 WIFSIGNALED(test->status) ? WTERMSIG(test->status)
                                           : WEXITSTATUS(test->status));
    } else if (!seen && !test->preloaded) {
        failed = STEP_PRELOAD;
        snprintf(why, cap, "the loader did not take the library");
    } else if (!seen && !test->has_core) {
        failed = STEP_CORE;
        snprintf(core, sizeof(core), "%.*s" LLMOBS_DOCTOR_CORE,
                 (int)(llmobs_program_base(library) - library), library);
        /* Asks the loader of this process, which most programs have, too. */
        if (test->doctor->off)
            snprintf(why, cap, "it is switched off, see settings");
        else if (access(core, R_OK) != 0)
            snprintf(why, cap, LLMOBS_DOCTOR_CORE " is not beside the library");
        else if (!dlopen(core, RTLD_NOW | RTLD_LOCAL) && (error = dlerror()))
            snprintf(why, cap, LLMOBS_DOCTOR_CORE " could not be loaded: %s",
                     error);
        else
            snprintf(why, cap,
                     LLMOBS_DOCTOR_CORE
                     " could not be loaded, or is of another version");
    } else if (!seen) {
        failed = STEP_REQUEST;
        snprintf(why, cap,
                 "it was sent past libcurl, or through a copy that is out of "
                 "reach");
    } else if (strncmp(why, "captured", 8) != 0) {
        return STEP_RULE;
    } else if (!test->made) {
        failed = STEP_SPAN;
        snprintf(why, cap, "none is in the store");
    } else if (test->doctor->no_exporter) {
        failed = STEP_EXPORTER;
        snprintf(why, cap,
                 "where spans go does not take them, see agent, otlp and "
                 "settings");
    }
    if (failed < STEP_EXPORTER && is_full(test->dir))
        snprintf(why, cap, "/tmp is full, so the call could not be recorded");
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
    struct llmobs_reader *reader = NULL;
    struct llmobs_program program;
    int rc = llmobs_site_open(&test->site);

    if (rc != 0)
        return rc;
    snprintf(test->url, sizeof(test->url), "http://127.0.0.1:%u" PATH_OF_CALL,
             test->site.port);
    rc = llmobs_program_find(&program, "curl");
    if (rc == 0) {
        memcpy(test->client,
               program.script[0] != '\0' ? program.script : program.path,
               sizeof(test->client));
        rc = make_environment(test);
    }
    if (rc == 0)
        rc = run_client(test);
    if (rc != 0)
        return rc;
    if (llmobs_reader_open(
            llmobs_environment_get(&test->environment, "LLMOBS_STORE_DIR"),
            &reader) == 0)
        (void)llmobs_reader_walk(reader, 0, NULL, find_span, test);
    llmobs_reader_close(reader);
    (void)llmobs_file_read(
        llmobs_environment_get(&test->environment, "LLMOBS_LOG"), &test->log);
    return 0;
}

void llmobs_doctor_selftest(struct llmobs_doctor *doctor)
{
    static struct selftest test;
    int rc;

    test.doctor = doctor;
    test.site = (struct llmobs_site){.listener = -1,
                                     .body_max = LLMOBS_SITE_BODY_MAX,
                                     .ctx = &test,
                                     .answer = answer,
                                     .refuse = refuse};
    llmobs_buf_init(&test.log, LOG_MAX);
    if (llmobs_preload_find(&test.preload) != 0)
        return; /* the search has reported it */
    rc = run(&test);
    if (rc == 0)
        tell(&test);
    else
        LLMOBS_FIND(NOTE, ABOUT, "could not be made: %s",
                    rc == -ENOENT ? "there is no curl" : strerror(-rc));
    llmobs_site_close(&test.site);
    if (test.dir[0] != '\0')
        (void)nftw(test.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    llmobs_buf_fini(&test.log);
}
