/* Runs the command `llmobs ps`: the calls in flight, and their stacks. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/shared/apart.h"
#include "cli/log/call.h"
#include "cli/shared/accounts.h"
#include "cli/shared/cli.h"
#include "cli/shared/escape.h"
#include "cli/shared/options.h"
#include "cli/shared/screen.h"
#include "cli/shared/tell.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/text/json.h"
#include "core/config/config.h"

/* At most this long for each spool, and this many bytes of its calls. */
#define GATHER_MS 10000
#define GATHER_BYTES ((LLMOBS_PS_CALLS + 1) * sizeof(struct llmobs_ps_call))

struct ps {
    const char *command;
    const char *dir; /* NULL: the configured spool; for root, all users' */
    bool json;
    struct llmobs_config *config;
    struct llmobs_live_namespaces living;
    struct llmobs_ps_calls calls;
};

/* -- the calls, from a child for each spool, as its user ------------------- */

static int send_call(void *ctx, const struct llmobs_adopt_call *from)
{
    const int *fd = ctx;
    static size_t sent; /* by this process */
    struct llmobs_ps_call call;
    int rc;

    if (sent > LLMOBS_PS_CALLS) /* one more says that there are more */
        return 0;
    rc = llmobs_ps_call_of(from, &call);
    sent += rc == 0;
    if (rc == 0)
        rc = llmobs_file_write(*fd, &call, sizeof(call));
    else if (rc != -ENOMEM)
        rc = 0;
    return rc;
}

static int read_spool(void *ctx, int entered, int fd)
{
    const struct ps *ps = ctx;
    struct llmobs_adopt *adopt;
    int rc;

    if (entered != 0) /* -ENOENT: the user's spool is at another path */
        return entered == -ENOENT ? 0 : -entered;
    adopt = llmobs_adopt_new(ps->config, LLMOBS_ADOPT_ANY, &ps->living);
    if (!adopt)
        return ENOMEM;
    rc = llmobs_adopt_under_way(adopt, send_call, &fd);
    llmobs_adopt_free(adopt);
    return -rc;
}

/* Returns 0 even where this spool cannot be read, so that the walk goes on. */
static int visit(void *ctx, const struct llmobs_user_spool *place)
{
    struct ps *ps = ctx;
    struct llmobs_apart child;
    struct llmobs_ps_call call;
    struct llmobs_buf text;
    int rc = llmobs_apart_start(&child, 0, place, ps->config, read_spool, ps);
    int read = 0, status;

    llmobs_buf_init(&text, GATHER_BYTES);
    if (rc == 0) {
        /* The status shows if the child failed or was killed. */
        rc = llmobs_apart_receive(&child, GATHER_MS, &text);
        status = llmobs_apart_end(&child, rc != 0);
        if (rc == 0)
            rc = WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
    }
    for (size_t at = 0; read == 0 && text.len - at >= sizeof(call);
         at += sizeof(call)) {
        memcpy(&call, text.data + at, sizeof(call));
        read = llmobs_ps_calls_add(&ps->calls, &call, place->uid);
    }
    llmobs_buf_fini(&text);
    if (rc == 0)
        rc = read;
    if (rc != 0)
        llmobs_apart_tell(ps->command, place->path, "the reading", rc);
    return rc == -ENOMEM ? rc : 0;
}

/* -- a call, for people ---------------------------------------------------- */

static const char *const states[] = {[LLMOBS_PS_UNKNOWN] = "-",
                                     [LLMOBS_PS_WAITING] = "waiting",
                                     [LLMOBS_PS_STREAMING] = "streaming"};

/* A process in another namespace may have another monotonic clock. */
static int64_t age_of(const struct llmobs_ps_call *call)
{
    int64_t age = call->elsewhere
                      ? llmobs_clock_wall_ns() - call->start_wall_ns
                      : llmobs_clock_mono_ns() - call->start_mono_ns;

    return age > 0 ? age : 0;
}

/* Prints a row; behind a column's text there is at least one blank. */
static int show_print_row(bool users, const char *const cells[7])
{
    static const size_t columns[] = {8,  12, 8, sizeof("streaming "),
                                     16, 20, 24};
    const size_t last = sizeof(columns) / sizeof(*columns) - 1;
    int rc = 0;

    for (size_t i = 0; i <= last && rc == 0; i++)
        if (i != 1 || users)
            rc = llmobs_screen_cell(llmobs_has_text(cells[i]) ? cells[i] : "-",
                                    columns[i] - 1, i < last ? columns[i] : 0);
    putchar('\n');
    return rc;
}

/* -- a call, as a line of JSON --------------------------------------------- */

/* A text; NULL: it is not known. */
static const char *known(const struct llmobs_ps_call *call,
                         enum llmobs_ps_field field)
{
    return call->text[field][0] != '\0' ? call->text[field] : NULL;
}

static void add_number(struct llmobs_json *out, const char *name,
                       int64_t number)
{
    llmobs_json_set(out, name, llmobs_json_int(number));
}

static int show_json(const struct llmobs_ps_call *call)
{
    struct llmobs_json *out = llmobs_json_object();
    char trace[40], span[24], *text = NULL;
    int rc;

    snprintf(trace, sizeof(trace), "%016" PRIx64 "%016" PRIx64,
             call->trace_high, call->trace_low);
    snprintf(span, sizeof(span), "%" PRIu64, call->id);
    add_number(out, "pid", call->pid);
    add_number(out, "uid", call->uid);
    add_number(out, "start_ns", call->start_wall_ns);
    add_number(out, "age_ns", age_of(call));
    if (call->elsewhere)
        add_number(out, "pid_namespace", (int64_t)call->pidns);
    llmobs_json_set_texts(out, "program", known(call, LLMOBS_PS_PROGRAM),
                          "model_name", known(call, LLMOBS_PS_MODEL),
                          "model_provider", known(call, LLMOBS_PS_PROVIDER),
                          "host", known(call, LLMOBS_PS_HOST), "ml_app",
                          known(call, LLMOBS_PS_ML_APP), "trace_id", trace,
                          "span_id", span, NULL);
    if (call->thread != 0)
        add_number(out, "thread", call->thread);
    if (call->state != LLMOBS_PS_UNKNOWN) {
        add_number(out, "received_bytes", (int64_t)call->received);
        llmobs_json_sets(out, "state", states[call->state]);
    }
    rc = llmobs_json_error(out);
    if (rc == 0)
        text = llmobs_json_dumps(out, LLMOBS_JSON_ASCII);
    if (text)
        puts(text);
    else if (rc == 0)
        rc = -ENOMEM;
    free(text);
    llmobs_json_free(out);
    return rc;
}

/* -- one list -------------------------------------------------------------- */

static int show_call(const struct ps *ps, const struct llmobs_ps_call *call,
                     bool users)
{
    int rc;

    if (ps->json)
        rc = show_json(call);
    else {
        int64_t ns = age_of(call), s = ns / 1000000000;
        char pid[16], user[LLMOBS_ACCOUNT_NAME] = "", age[32];
        const char *const cells[] = {pid,
                                     user,
                                     age,
                                     states[call->state],
                                     call->text[LLMOBS_PS_PROGRAM],
                                     call->text[LLMOBS_PS_MODEL],
                                     call->text[LLMOBS_PS_HOST]};
        snprintf(pid, sizeof(pid), "%ld", (long)call->pid);
        if (s < 60)
            snprintf(age, sizeof(age), "%" PRId64 ".%d s", s,
                     (int)(ns / 100000000 % 10));
        else if (s < 3600)
            snprintf(age, sizeof(age), "%" PRId64 "m%02ds", s / 60,
                     (int)(s % 60));
        else
            snprintf(age, sizeof(age), "%" PRId64 "h%02dm", s / 3600,
                     (int)(s / 60 % 60));
        if (users)
            llmobs_account_name(call->uid, user);
        rc = show_print_row(users, cells);
        if (rc == 0 && call->elsewhere)
            printf("    that pid counts in another pid namespace (%" PRIu64
                   "); whether it lives is not known here\n",
                   call->pidns);
    }
    return rc;
}

static int ps_list(struct ps *ps)
{
    int rc;

    (void)llmobs_live_namespaces_read("/proc", &ps->living);
    rc = llmobs_spool_dirs_visit(ps->dir, ps->config, visit, ps);
    llmobs_live_namespaces_free(&ps->living);
    llmobs_ps_calls_keep(&ps->calls, llmobs_ps_call_look);
    if (rc == 0) {
        const struct llmobs_ps_calls *calls = &ps->calls;
        static const char *const titles[] = {"PID",     "USER",  "AGE", "STATE",
                                             "PROGRAM", "MODEL", "HOST"};
        bool users = geteuid() == 0;

        if (!ps->json)
            (void)show_print_row(users, titles);
        for (size_t i = 0; i < calls->count && rc == 0; i++)
            rc = show_call(ps, &calls->list[i], users);
        if (calls->more)
            llmobs_tell("%s: there are more than %d\n", ps->command,
                        LLMOBS_PS_CALLS);
    }
    llmobs_ps_calls_free(&ps->calls);
    if (fflush(stdout) != 0 && rc == 0)
        rc = -errno;
    return rc;
}

/* -- the command ----------------------------------------------------------- */

int llmobs_cmd_ps(int argc, char **argv)
{
    static struct ps ps;
    static const struct llmobs_cli_option options[] = {
        LLMOBS_CLI_VALUE("dir", llmobs_cli_filled, &ps.dir),
        LLMOBS_CLI_FLAG("json", &ps.json), LLMOBS_CLI_END};
    int status = llmobs_cli_parse(argc, argv, options);
    int rc = -ENOMEM;

    if (status >= 0)
        return status;
    ps.command = argv[0];
    ps.config = llmobs_cli_config(NULL);
    signal(SIGCHLD, SIG_DFL);
    if (ps.config) {
        llmobs_cli_have_spool(ps.config);
        rc = ps_list(&ps);
    }
    if (rc == -ENOENT && ps.dir)
        llmobs_cli_no_store(ps.command, ps.dir);
    else if (rc != 0)
        llmobs_tell("%s: %s\n", ps.command, strerror(-rc));
    return rc == 0 ? LLMOBS_CLI_OK : LLMOBS_CLI_FAILED;
}
