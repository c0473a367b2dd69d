/* Runs `llmobs span` and `workflow`: a span around a command. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/run/child.h"
#include "cli/shared/options.h"
#include "cli/shared/cli.h"
#include "cli/shared/deliver.h"
#include "cli/shared/environment.h"
#include "cli/shared/preload.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "core/config/config.h"
#include "core/config/origin.h"
#include "lib/span/span.h"
#include "core/trace/carrier.h"
#include "core/trace/propagate.h"
#include "lib/base/buf.h"
#include "lib/base/file.h"

#define SELF "llmobs-run"
/* The time for output that comes after the command's end. */
#define REST_MS 200
#define KEPT_MAX ((size_t)1024 * 1024)

/* The command's standard output, passed on and kept. A process of its own does
 * so: the command may have children that write after its end, and the tool
 * closes all its descriptors while the command runs. */
struct output {
    pid_t pid;    /* of that process */
    int pipe[2];  /* the command writes to pipe[1] */
    struct kept { /* in memory that both share; NULL: nothing is kept */
        atomic_size_t len;
        char data[KEPT_MAX];
    } * kept;
};

struct job {
    bool typed_workflow; /* called as `llmobs workflow` */
    enum llmobs_kind kind;
    const char *name; /* NULL: the kind's name */
    const char *preload;
    const char *input; /* NULL: no input */
    const char *model;
    const char *provider;
    const char *session;      /* NULL: that of the span around it */
    struct llmobs_json *tags; /* array of "key:value"; NULL: none */
    bool keeps_output;
    char **command;
    struct output output;
    struct llmobs_config *config;
    struct llmobs_context context;
    struct llmobs_environment environment; /* the command's */
    const struct llmobs_child_result *result;
    int64_t start_wall_ns;
    int64_t start_mono_ns;
};

/* -- the output ------------------------------------------------------------ */

/* Runs until the command's output ends; a signal for the command does not end
 * it. When the reader of the output has gone, the command notices this as it
 * would without this process. */
_Noreturn static void pass_on(struct output *output)
{
    struct kept *kept = output->kept;
    char part[16384];
    size_t have = 0;
    sigset_t all;
    ssize_t n;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    close(output->pipe[1]);
    while ((n = read(output->pipe[0], part, sizeof(part))) > 0 ||
           (n < 0 && errno == EINTR)) {
        size_t len = n < 0 ? 0 : (size_t)n;
        size_t left = len < KEPT_MAX - have ? len : KEPT_MAX - have;

        memcpy(kept->data + have, part, left);
        atomic_store(&kept->len, have += left);
        if (llmobs_file_write(STDOUT_FILENO, part, len))
            break;
    }
    _exit(0);
}

/* Closes the pipe; called in the tool's process after the fork, failed or not.
 */
static void output_leave(struct output *output)
{
    if (!output->kept)
        return;
    close(output->pipe[0]);
    close(output->pipe[1]);
}

static void output_begin(struct output *output)
{
    struct kept *kept = mmap(NULL, sizeof(*kept), PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (kept == MAP_FAILED)
        return;
    if (pipe2(output->pipe, O_CLOEXEC) == 0) {
        output->kept = kept;
        output->pid = fork();
        if (output->pid == 0)
            pass_on(output);
        if (output->pid > 0)
            return;
        output_leave(output);
    }
    output->kept = NULL;
    munmap(kept, sizeof(*kept));
}

/* Makes the pipe the output; called in the command's process before the exec.
 */
static void output_enter(void *ctx)
{
    const struct output *output = ctx;

    if (output->kept)
        dup2(output->pipe[1], STDOUT_FILENO);
}

/* -- the command line ------------------------------------------------------ */

static int set_kind(const struct llmobs_cli_option *option, const char *name)
{
    return llmobs_kind_read(name, option->to) == 0
               ? 0
               : llmobs_cli_refuse(option->name, name, LLMOBS_CLI_KINDS);
}

static int add_tag(const struct llmobs_cli_option *option, const char *text)
{
    struct llmobs_json **tags = option->to;
    const char *colon = strchr(text, ':');

    if (!colon || colon == text)
        return llmobs_cli_refuse(option->name, NULL,
                                 "not of the form KEY:VALUE");
    if (!*tags)
        *tags = llmobs_json_array();
    return llmobs_json_add(*tags, llmobs_json_string(text));
}

#define TEXT(name, to) LLMOBS_CLI_VALUE(name, llmobs_cli_text, &job->to)
#define COMMON                                               \
    LLMOBS_CLI_VALUE("name", llmobs_cli_filled, &job->name), \
        TEXT("preload", preload), LLMOBS_CLI_COMMAND(&job->command)

/* The program's name; its arguments are left out, as they may hold keys. */
static const char *program(const struct job *job)
{
    const char *slash = strrchr(job->command[0], '/');

    return slash ? slash + 1 : job->command[0];
}

/* Gives an array of an object with this text; NULL when memory runs out. */
static struct llmobs_json *one_text(const char *key, struct llmobs_text text,
                                    const char *role)
{
    struct llmobs_json *list = llmobs_json_array();
    struct llmobs_json *object = llmobs_json_object();

    if (llmobs_json_set(object, key,
                        llmobs_json_stringn(text.data, text.len)) == 0 &&
        llmobs_json_sets(object, "role", role) == 0 &&
        llmobs_json_add(list, object) == 0)
        return list;
    llmobs_json_free(list);
    return NULL;
}

static int fill_input(const struct job *job, struct llmobs_span *span)
{
    struct llmobs_text text = {job->input, 0};

    if (!job->input)
        return 0;
    text.len = strlen(job->input);
    if (job->kind == LLMOBS_KIND_LLM) {
        span->input_messages = one_text("content", text, "user");
        return span->input_messages ? 0 : -ENOMEM;
    }
    if (job->kind == LLMOBS_KIND_EMBEDDING) {
        span->input_documents = one_text("text", text, NULL);
        return span->input_documents ? 0 : -ENOMEM;
    }
    return llmobs_span_set(&span->input_value, job->input);
}

/* A line that is an object with a "text", and at most "name", "id" and "score"
 * beside it, is that document; another line is the text of one. */
static int add_line(struct llmobs_json *list, struct llmobs_text line)
{
    static const char *const keys[] = {"text", "name", "id"};
    struct llmobs_json *document = NULL;
    size_t known = 0;
    int rc;

    if (line.len == 0)
        return 0;
    if (line.data[0] == '{' && llmobs_json_parse(line, &document) == 0) {
        for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
            known += llmobs_json_gets(document, keys[i]) != NULL;
        known += llmobs_json_is_number(llmobs_json_get(document, "score"));
        if (llmobs_json_gets(document, "text") &&
            known == llmobs_json_len(document))
            return llmobs_json_add(list, document);
        llmobs_json_free(document);
    }
    document = llmobs_json_object();
    rc = llmobs_json_set(document, "text",
                         llmobs_json_stringn(line.data, line.len));
    return llmobs_json_add_made(list, document, rc);
}

static int fill_output(struct job *job, struct llmobs_span *span)
{
    const struct output *output = &job->output;
    struct llmobs_text text;

    if (!job->keeps_output)
        return 0;
    /* The command's own children may hold the pipe open. */
    for (int ms = REST_MS; ms > 0 && waitpid(output->pid, NULL, WNOHANG) == 0;
         ms--)
        usleep(1000);
    text = (struct llmobs_text){output->kept->data,
                                atomic_load(&output->kept->len)};
    if (job->kind == LLMOBS_KIND_RETRIEVAL) {
        struct llmobs_text line;
        int rc = 0;

        span->output_documents = llmobs_json_array();
        while (rc == 0 && llmobs_text_split(&text, '\n', &line))
            rc = add_line(span->output_documents, line);
        return rc;
    }
    if (job->kind == LLMOBS_KIND_LLM) {
        span->output_messages = one_text("content", text, "assistant");
        return span->output_messages ? 0 : -ENOMEM;
    }
    span->output_value = strndup(text.data ? text.data : "", text.len);
    return span->output_value ? 0 : -ENOMEM;
}

static int fill_span(struct job *job, const struct llmobs_child_result *result,
                     struct llmobs_span *span)
{
    static const char *const names[] = {
        [SIGHUP] = "HUP",       [SIGINT] = "INT",   [SIGQUIT] = "QUIT",
        [SIGILL] = "ILL",       [SIGTRAP] = "TRAP", [SIGABRT] = "ABRT",
        [SIGBUS] = "BUS",       [SIGFPE] = "FPE",   [SIGKILL] = "KILL",
        [SIGUSR1] = "USR1",     [SIGSEGV] = "SEGV", [SIGUSR2] = "USR2",
        [SIGPIPE] = "PIPE",     [SIGALRM] = "ALRM", [SIGTERM] = "TERM",
        [SIGXCPU] = "XCPU",     [SIGXFSZ] = "XFSZ", [SIGSYS] = "SYS",
        [SIGVTALRM] = "VTALRM", [SIGPROF] = "PROF",
    };
    const int count = (int)(sizeof(names) / sizeof(*names));
    bool asks =
        job->kind == LLMOBS_KIND_LLM || job->kind == LLMOBS_KIND_EMBEDDING;
    char type[32], message[128];
    int rc, status, signal;

    span->kind = job->kind;
    span->context = job->context;
    span->start_ns = job->start_wall_ns;
    span->duration_ns = llmobs_clock_mono_ns() - job->start_mono_ns;
    span->complete = true;
    rc = llmobs_span_set(&span->name,
                         job->name ? job->name : llmobs_kind_name(job->kind));
    if (rc == 0 && asks)
        rc = llmobs_span_set(&span->model_name,
                             job->model ? job->model : "custom");
    if (rc == 0 && asks)
        rc = llmobs_span_set(&span->model_provider,
                             job->provider ? job->provider : "custom");
    if (rc == 0)
        rc = fill_input(job, span);
    if (rc == 0)
        rc = fill_output(job, span);
    if (rc == 0)
        rc = llmobs_json_sets(span->metadata, "program", program(job));
    span->extra_tags = job->tags;
    job->tags = NULL;
    if (rc != 0)
        return rc;
    status = llmobs_child_status(result);
    if (result->exec_error == 0 && WIFSIGNALED(result->status)) {
        signal = WTERMSIG(result->status);
        if (signal < count && names[signal])
            snprintf(type, sizeof(type), "SIG%s", names[signal]);
        else
            snprintf(type, sizeof(type), "SIG%d", signal);
        snprintf(message, sizeof(message), "terminated by %s", type);
        if (llmobs_json_sets(span->metadata, "signal", type) != 0)
            return -ENOMEM;
        return llmobs_span_fail(span, type, message);
    }
    if (llmobs_json_set(span->metadata, "exit_status",
                        llmobs_json_int(status)) != 0)
        return -ENOMEM;
    if (status == 0)
        return 0;
    snprintf(type, sizeof(type), "exit_%d", status);
    if (result->exec_error != 0)
        snprintf(message, sizeof(message), "not executed: %s",
                 strerror(result->exec_error));
    else
        snprintf(message, sizeof(message), "exit status %d", status);
    return llmobs_span_fail(span, type, message);
}

static int deliver_span(void *ctx, struct llmobs_worker *worker)
{
    struct job *job = ctx;
    struct llmobs_span span;
    int rc = llmobs_span_init(&span);

    if (rc != 0)
        return rc;
    rc = fill_span(job, job->result, &span);
    if (rc != 0) {
        llmobs_span_fini(&span);
        return rc;
    }
    /* takes all that the span points to, also on error */
    return llmobs_worker_submit_span(worker, &span);
}

/* Runs the command with its output kept; if no process for that can be had, the
 * command writes to this process's output. */
static int inside(struct job *job, struct llmobs_child_result *result)
{
    struct llmobs_child_command command = {.argv = job->command,
                                           .environment = &job->environment,
                                           .prepare = output_enter,
                                           .ctx = &job->output};
    int rc;

    if (job->keeps_output)
        output_begin(&job->output);
    job->keeps_output = job->output.kept != NULL;
    rc = llmobs_child_run(&command, result);
    /* Once the command runs, this process has no open descriptor. */
    if (rc != 0 || result->exec_error != 0)
        output_leave(&job->output);
    return rc;
}

static int run_job(struct job *job, int argc, char **argv)
{
    const struct llmobs_cli_option of_workflow[] = {COMMON};
    const struct llmobs_cli_option of_span[] = {
        LLMOBS_CLI_VALUE("kind", set_kind, &job->kind),
        LLMOBS_CLI_FLAG("keep-output", &job->keeps_output),
        TEXT("input", input),
        TEXT("session", session),
        LLMOBS_CLI_VALUE("tag", add_tag, &job->tags),
        TEXT("model", model),
        TEXT("provider", provider),
        COMMON};
    struct llmobs_environment *environment = &job->environment;
    struct llmobs_child_result result;
    char text[1024]; /* of the longest tracestate, with a NUL */
    const char *off;
    int status = llmobs_cli_parse(argc, argv,
                                  job->typed_workflow ? of_workflow : of_span);
    int rc = 0;

    if (status >= 0)
        return status;
    if (job->typed_workflow && !job->name)
        return llmobs_cli_wrong("--name is missing", "");
    llmobs_log_init(getenv("LLMOBS_LOG"), LLMOBS_LOG_WARN);
    job->config = llmobs_config_load((const char *const *)environ,
                                     llmobs_log_complaint, NULL);
    llmobs_origin_defer(job->config);
    if (llmobs_environment_init(environment, environ) != 0 ||
        llmobs_preload_join(environment, job->preload) != 0)
        return llmobs_environment_become(environment, SELF, job->command);
    off = job->config ? llmobs_cli_why_off(job->config) : "by no memory";
    if (off) {
        llmobs_log(LLMOBS_LOG_WARN, "no span: switched off %s", off);
        return llmobs_environment_become(environment, SELF, job->command);
    }
    llmobs_context_from_carrier(&job->context, job->config,
                                &job->config->carrier);
    if (job->session)
        llmobs_context_text(job->context.session_id,
                            sizeof(job->context.session_id),
                            llmobs_text_of(job->session));
    job->start_wall_ns = llmobs_clock_wall_ns();
    job->start_mono_ns = llmobs_clock_mono_ns();
    /* The command's variables have the span's context. */
    if (llmobs_context_traceparent(&job->context, text, sizeof(text)) == 0) {
        rc = llmobs_environment_set(environment, "TRACEPARENT", text);
        if (rc == 0 &&
            llmobs_context_tracestate(&job->context, text, sizeof(text)) == 0 &&
            text[0] != '\0')
            rc = llmobs_environment_set(environment, "TRACESTATE", text);
        else
            llmobs_environment_unset(environment, "TRACESTATE");
    }
    if (rc != 0 || inside(job, &result) != 0)
        return llmobs_environment_become(environment, SELF, job->command);
    if (result.exec_error != 0)
        (void)llmobs_environment_fail(SELF, job->command[0], result.exec_error);
    /* No failure from here on changes the exit status. */
    job->result = &result;
    rc = llmobs_cli_deliver(job->config, deliver_span, job);
    if (rc != 0)
        llmobs_log(LLMOBS_LOG_ERROR, "span lost: %s", strerror(-rc));
    return llmobs_child_status(&result);
}

/* Static: the worker's thread may outlive this function. */
static struct job job;

int llmobs_cmd_workflow(int argc, char **argv)
{
    job.typed_workflow = true;
    job.kind = LLMOBS_KIND_WORKFLOW;
    return run_job(&job, argc, argv);
}

int llmobs_cmd_span(int argc, char **argv)
{
    job.kind = LLMOBS_KIND_TASK;
    return run_job(&job, argc, argv);
}
