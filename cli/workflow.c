#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/child.h"
#include "cli/cli.h"
#include "cli/real.h"
#include "core/clock.h"
#include "core/config.h"
#include "core/http.h"
#include "core/log.h"
#include "core/span.h"
#include "core/worker.h"

#define BUFFER_BYTES (1u * 1024 * 1024)
/* For a thread that is still inside libcurl, which ends with us. */
#define STRAGGLER_MS 100
#define DISABLED_FILE "/etc/llmobs/disabled"

struct workflow {
    const char *name;
    const char *preload;
    char **command;
    bool help;
    struct llmobs_config *config;
    struct llmobs_context context;
    char traceparent[64];
    char tracestate[1024];
    char *ld_preload; /* as the child gets it; NULL: unchanged */
    struct llmobs_worker *worker;
    int64_t start_wall_ns;
    int64_t start_mono_ns;
};

static const char help_text[] =
    "usage: llmobs workflow --name NAME [--preload LIBRARY] [--] CMD...\n"
    "\n"
    "Runs CMD inside a workflow span of that name and exits as it did, with\n"
    "128 and its number for a signal. `llmobs-run --workflow NAME CMD...` is\n"
    "how a person types it.\n";

static int parse(struct workflow *workflow, int argc, char **argv)
{
    static const struct option options[] = {
        {"name", required_argument, NULL, 'n'},
        {"preload", required_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int code;

    while ((code = getopt_long(argc, argv, "+h", options, NULL)) >= 0) {
        if (code == 'n')
            workflow->name = optarg;
        else if (code == 'p')
            workflow->preload = optarg;
        else if (code == 'h')
            workflow->help = true;
        else
            return -EINVAL;
    }
    workflow->command = argv + optind;
    if (workflow->help)
        return 0;
    if (workflow->name == NULL || *workflow->name == '\0' || optind == argc) {
        fputs(help_text, stderr);
        return -EINVAL;
    }
    return 0;
}

static void complain(void *ctx, const char *text)
{
    (void)ctx;
    llmobs_log(LLMOBS_LOG_WARN, "%s", text);
}

/* True when `list`, separated as LD_PRELOAD is, holds `path`. */
static bool listed(const char *list, const char *path)
{
    size_t len = strlen(path);

    while (*list != '\0') {
        size_t n = strcspn(list, ": ");

        if (n == len && memcmp(list, path, len) == 0)
            return true;
        list += n + strspn(list + n, ": ");
    }
    return false;
}

/* Behind what is there: an allocator or sanitizer must come first. */
static int join_preload(struct workflow *workflow)
{
    const char *have = getenv("LD_PRELOAD");

    if (workflow->preload == NULL ||
        (have != NULL && listed(have, workflow->preload)))
        return 0;
    if (have == NULL || *have == '\0')
        workflow->ld_preload = strdup(workflow->preload);
    else if (asprintf(&workflow->ld_preload, "%s:%s", have, workflow->preload) <
             0)
        workflow->ld_preload = NULL;
    return workflow->ld_preload == NULL ? -ENOMEM : 0;
}

static void set_environment(void *ctx)
{
    const struct workflow *workflow = ctx;

    if (workflow->ld_preload != NULL)
        setenv("LD_PRELOAD", workflow->ld_preload, 1);
    if (workflow->traceparent[0] == '\0')
        return;
    setenv("TRACEPARENT", workflow->traceparent, 1);
    if (workflow->tracestate[0] != '\0')
        setenv("TRACESTATE", workflow->tracestate, 1);
    else
        unsetenv("TRACESTATE");
}

static void begin_span(struct workflow *workflow)
{
    llmobs_context_from_carrier(&workflow->context, workflow->config,
                                &workflow->config->carrier);
    if (llmobs_context_traceparent(&workflow->context, workflow->traceparent,
                                   sizeof workflow->traceparent) != 0)
        workflow->traceparent[0] = '\0';
    if (llmobs_context_tracestate(&workflow->context, workflow->tracestate,
                                  sizeof workflow->tracestate) != 0)
        workflow->tracestate[0] = '\0';
    workflow->start_wall_ns = llmobs_clock_wall_ns();
    workflow->start_mono_ns = llmobs_clock_mono_ns();
}

static void signal_name(int signal, char *out, size_t cap)
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
    int count = (int)(sizeof names / sizeof *names);

    if (signal > 0 && signal < count && names[signal] != NULL)
        snprintf(out, cap, "SIG%s", names[signal]);
    else
        snprintf(out, cap, "SIG%d", signal);
}

static int exit_status(const struct llmobs_child_result *result)
{
    if (result->exec_error != 0)
        return result->exec_error == ENOENT ? 127 : 126;
    if (WIFSIGNALED(result->status))
        return 128 + WTERMSIG(result->status);
    return WEXITSTATUS(result->status);
}

static int describe_end(struct llmobs_span *span,
                        const struct llmobs_child_result *result)
{
    int status = exit_status(result);
    char type[32], message[128];

    if (result->exec_error == 0 && WIFSIGNALED(result->status)) {
        signal_name(WTERMSIG(result->status), type, sizeof type);
        snprintf(message, sizeof message, "terminated by %s", type);
        if (llmobs_json_sets(span->metadata, "signal", type) != 0)
            return -ENOMEM;
        return llmobs_span_fail(span, type, message);
    }
    if (llmobs_json_set(span->metadata, "exit_status",
                        llmobs_json_int(status)) != 0)
        return -ENOMEM;
    if (status == 0)
        return 0;
    snprintf(type, sizeof type, "exit_%d", status);
    if (result->exec_error != 0)
        snprintf(message, sizeof message, "not executed: %s",
                 strerror(result->exec_error));
    else
        snprintf(message, sizeof message, "exit status %d", status);
    return llmobs_span_fail(span, type, message);
}

/* The program's name alone: arguments hold keys. */
static const char *program(const struct workflow *workflow)
{
    const char *slash = strrchr(workflow->command[0], '/');

    return slash != NULL ? slash + 1 : workflow->command[0];
}

static int fill_span(const struct workflow *workflow,
                     const struct llmobs_child_result *result,
                     struct llmobs_span *span)
{
    int rc;

    span->kind = LLMOBS_KIND_WORKFLOW;
    span->context = workflow->context;
    span->start_ns = workflow->start_wall_ns;
    span->duration_ns = llmobs_clock_mono_ns() - workflow->start_mono_ns;
    span->complete = true;
    rc = llmobs_span_set(&span->name, workflow->name);
    if (rc == 0)
        rc = llmobs_json_sets(span->metadata, "program", program(workflow));
    return rc == 0 ? describe_end(span, result) : rc;
}

static int give_span(struct workflow *workflow,
                     const struct llmobs_child_result *result)
{
    struct llmobs_span span;
    int rc = llmobs_span_init(&span);

    if (rc != 0)
        return rc;
    rc = fill_span(workflow, result, &span);
    if (rc == 0) /* takes what the span points to, also on error */
        return llmobs_worker_give_span(workflow->worker, &span);
    llmobs_span_fini(&span);
    return rc;
}

/* The command has run: nothing that fails here changes how we exit. */
static void deliver(struct workflow *workflow,
                    const struct llmobs_child_result *result)
{
    struct llmobs_config *config = workflow->config;
    struct llmobs_buffer *buffer = llmobs_buffer_memory(BUFFER_BYTES);
    int rc = -ENOMEM;

    if (strcmp(config->exporter, "store") != 0)
        llmobs_cli_use_curl();
    if (buffer != NULL)
        workflow->worker = llmobs_worker_open(config, buffer);
    if (workflow->worker != NULL) {
        rc = give_span(workflow, result);
        llmobs_worker_stop(workflow->worker,
                           llmobs_worker_exit_ms(workflow->worker));
        (void)llmobs_http_exited(STRAGGLER_MS);
    }
    if (rc != 0)
        llmobs_log(LLMOBS_LOG_ERROR, "workflow span lost: %s", strerror(-rc));
}

static int fail_exec(const struct workflow *workflow, int error)
{
    fprintf(stderr, "llmobs-run: %s: %s\n", workflow->command[0],
            strerror(error));
    return error == ENOENT ? 127 : 126;
}

/* Without a span: switched off, or no process to be had. */
static int run_plain(struct workflow *workflow)
{
    set_environment(workflow);
    execvp(workflow->command[0], workflow->command);
    return fail_exec(workflow, errno);
}

static bool observing(const struct workflow *workflow)
{
    return workflow->config != NULL && workflow->config->enabled &&
           access(DISABLED_FILE, F_OK) != 0;
}

int llmobs_cmd_workflow(int argc, char **argv)
{
    static struct workflow workflow; /* the worker's thread may outlive us */
    struct llmobs_child_result result;

    if (parse(&workflow, argc, argv) != 0)
        return LLMOBS_CLI_USAGE;
    if (workflow.help) {
        fputs(help_text, stdout);
        return LLMOBS_CLI_OK;
    }
    llmobs_log_init(getenv("LLMOBS_LOG"), LLMOBS_LOG_WARN);
    workflow.config =
        llmobs_config_load((const char *const *)environ, complain, NULL);
    if (join_preload(&workflow) != 0 || !observing(&workflow))
        return run_plain(&workflow);
    begin_span(&workflow);
    if (llmobs_child_run(workflow.command, set_environment, &workflow,
                         &result) != 0)
        return run_plain(&workflow);
    if (result.exec_error != 0)
        fail_exec(&workflow, result.exec_error);
    deliver(&workflow, &result);
    return exit_status(&result);
}
