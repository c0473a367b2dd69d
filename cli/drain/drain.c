#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/drain/drain_round.h"
#include "cli/shared/cli.h"
#include "cli/shared/escape.h"
#include "cli/shared/options.h"
#include "core/base/log.h"

#define WATCH_S 30
#define USER_S 60
#define VARIABLES_MAX 4096

struct drain {
    char **argv;
    const char *dir; /* NULL: by the environment */
    const char *to;  /* NULL: by the configured exporter, and only entries that
                      * were meant for its destination */
    long watch_s;    /* 0: once */
    long user_s;     /* 0: USER_S */
    bool json;
    bool help;
    struct llmobs_drain_round round;
    struct llmobs_drain_outcome sum;
    struct llmobs_drain_outcome told; /* the outcome in the last printed line */
    bool any_told;
    sigset_t signals;
};

static const char help_text[] =
    "usage: llmobs drain [OPTIONS]\n"
    "\n"
    "Delivers the calls that ended processes left in the spool: those that "
    "were\n"
    "captured and not yet delivered, and those that were running when their\n"
    "process was killed. Entries for another destination than the\n"
    "environment's stay where they are. Root visits the spools of all users,\n"
    "each as that user, some at a time.\n"
    "\n"
    "  --watch [SECONDS]   go on until TERM or INT, as `llmobs relay` does; "
    "with\n"
    "                      --to or --json by a look that often (30)\n"
    "  --user-time SECS    time for the spool of each other user (60), each "
    "time\n"
    "  --to WHERE          deliver all entries, of all destinations, to "
    "agent,\n"
    "                      agentless, otlp, store, or an agent's URL\n"
    "  --dir DIR           this spool only\n"
    "  --json              one JSON object a line\n"
    "\n"
    "Exit status: 0 when nothing is left there, 1 otherwise.\n";

static const struct option options[] = {
    {"watch", optional_argument, NULL, 'w'},
    {"user-time", required_argument, NULL, 'u'},
    {"to", required_argument, NULL, 't'},
    {"dir", required_argument, NULL, 'd'},
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* -- arguments ------------------------------------------------------------ */

static int read_watch(struct drain *drain, const char *value)
{
    const char *next = drain->argv[optind];

    drain->watch_s = WATCH_S;
    if (value == NULL && next != NULL && *next >= '0' && *next <= '9') {
        value = next;
        optind++;
    }
    return value == NULL ? 0
                         : llmobs_cli_seconds(drain->argv[0], "watch", value,
                                              &drain->watch_s);
}

static bool is_place(const char *to)
{
    return strcmp(to, "agent") == 0 || strcmp(to, "agentless") == 0 ||
           strcmp(to, "otlp") == 0 || strcmp(to, "store") == 0 ||
           strstr(to, "://") != NULL;
}

static int apply(void *ctx, int code, const char *value)
{
    struct drain *drain = ctx;

    switch (code) {
    case 'w':
        return read_watch(drain, value);
    case 'u':
        return llmobs_cli_seconds(drain->argv[0], "user-time", value,
                                  &drain->user_s);
    case 't':
        drain->to = value;
        if (is_place(value))
            return 0;
        fprintf(stderr,
                "%s: --to: agent, agentless, otlp, store, or a URL of http, "
                "https or unix\n",
                drain->argv[0]);
        return -EINVAL;
    case 'd':
        drain->dir = value;
        return *value != '\0' ? 0 : -EINVAL;
    case 'j':
        drain->json = true;
        return 0;
    case 'h':
        drain->help = true;
        return 0;
    default: /* llmobs_cli_parse prints the fault */
        return -EINVAL;
    }
}

/* -- where to ------------------------------------------------------------- */

struct complaint {
    bool about_url;
};

static void hear(void *ctx, const char *text)
{
    struct complaint *complaint = ctx;

    complaint->about_url |= strncmp(text, "DD_TRACE_AGENT_URL:", 19) == 0;
}

/* Gives the environment with the entries of `more` before it. The first entry
 * of a name counts, so others of the same names are left out. */
static const char **make_environment(char *const more[2])
{
    static const char *list[VARIABLES_MAX];
    size_t n = 0;

    for (size_t i = 0; i < 2; i++)
        if (more[i] != NULL)
            list[n++] = more[i];
    for (char **at = environ; *at != NULL && n < VARIABLES_MAX - 1; at++)
        if (more[0] == NULL ||
            (strncmp(*at, "LLMOBS_EXPORTER=", 16) != 0 &&
             (more[1] == NULL || strncmp(*at, "DD_TRACE_AGENT_URL=", 19) != 0)))
            list[n++] = *at;
    list[n] = NULL;
    return list;
}

/* All entries go to one place: the signals that go beside the spans would keep
 * what that one has taken. */
static void keep_to_one(struct drain *drain)
{
    struct llmobs_otlp_signal *signals = drain->round.config->otlp.signals;

    if (drain->to == NULL || strcmp(drain->to, "otlp") == 0)
        return;
    signals[LLMOBS_SIGNAL_LOGS].on = false;
    signals[LLMOBS_SIGNAL_METRICS].on = false;
}

static int load_config(struct drain *drain)
{
    bool is_url = drain->to != NULL && strstr(drain->to, "://") != NULL;
    struct complaint complaint = {false};
    char *more[2] = {NULL, NULL};
    int rc = 0;

    if (drain->to != NULL && asprintf(&more[0], "LLMOBS_EXPORTER=%s",
                                      is_url ? "agent" : drain->to) < 0)
        return -ENOMEM;
    if (is_url && asprintf(&more[1], "DD_TRACE_AGENT_URL=%s", drain->to) < 0)
        rc = -ENOMEM;
    if (rc == 0)
        drain->round.config =
            llmobs_config_load(make_environment(more), hear, &complaint);
    free(more[0]);
    free(is_url ? more[1] : NULL);
    if (drain->round.config == NULL)
        return -ENOMEM;
    keep_to_one(drain);
    if (is_url) {
        free(drain->round.config->override_origin);
        drain->round.config->override_origin = NULL;
    }
    llmobs_cli_have_spool(drain->round.config);
    return is_url && complaint.about_url ? -EINVAL : 0;
}

static const struct llmobs_otlp_signal *traces_of(const struct drain *drain)
{
    return &drain->round.config->otlp.signals[LLMOBS_SIGNAL_TRACES];
}

/* False where --to names an exporter that the environment switches off: its
 * entries would go to the local store. */
static bool is_on(const struct drain *drain)
{
    return drain->to == NULL || strcmp(drain->to, "otlp") != 0 ||
           traces_of(drain)->on;
}

/* -- all places ----------------------------------------------------------- */

static void add_up(struct llmobs_drain_outcome *sum,
                   const struct llmobs_drain_outcome *one)
{
    sum->delivered += one->delivered;
    sum->expired += one->expired;
    sum->refused += one->refused;
    sum->sampled_out += one->sampled_out;
    sum->left += one->left;
    sum->others += one->others;
    sum->unreadable += one->unreadable;
    if (sum->error == 0)
        sum->error = one->error;
}

static void tell_error(const struct drain *drain, const char *path, int error)
{
    char room[LLMOBS_ESCAPE_NAME];

    fprintf(stderr, "%s: %s: %s\n", drain->argv[0],
            llmobs_escape_name(path, room),
            error == -ECHILD ? "the delivery broke off" : strerror(-error));
}

static void done(void *ctx, const char *path,
                 const struct llmobs_drain_outcome *out)
{
    struct drain *drain = ctx;

    if (out->error != 0)
        tell_error(drain, path, out->error);
    add_up(&drain->sum, out);
}

/* -- telling -------------------------------------------------------------- */

static void print_json(const struct llmobs_drain_outcome *sum)
{
    printf("{\"delivered\":%" PRIu64 ",\"left\":%" PRIu64
           ",\"for_other_destinations\":%" PRIu64 ",\"expired\":%" PRIu64
           ",\"refused\":%" PRIu64 ",\"sampled_out\":%" PRIu64
           ",\"unreadable\":%" PRIu64 "}\n",
           sum->delivered, sum->left, sum->others, sum->expired, sum->refused,
           sum->sampled_out, sum->unreadable);
}

static void print_text(const struct llmobs_drain_outcome *sum)
{
    printf("delivered %" PRIu64 ", left %" PRIu64, sum->delivered, sum->left);
    if (sum->others > 0)
        printf(" (for other destinations %" PRIu64 ")", sum->others);
    printf(", expired %" PRIu64 ", unreadable %" PRIu64, sum->expired,
           sum->unreadable);
    if (sum->refused > 0)
        printf(", refused %" PRIu64, sum->refused);
    if (sum->sampled_out > 0)
        printf(", sampled out %" PRIu64, sum->sampled_out);
    putchar('\n');
}

/* Prints the outcome. A watch prints the first one, and then those in which
 * entries were done with, or the rest has changed. */
static void tell(struct drain *drain)
{
    const struct llmobs_drain_outcome *sum = &drain->sum;
    bool news = !drain->any_told || sum->delivered > 0 || sum->expired > 0 ||
                sum->refused > 0 || sum->sampled_out > 0 ||
                sum->left != drain->told.left ||
                sum->unreadable != drain->told.unreadable;

    if (drain->watch_s > 0 && !news)
        return;
    if (drain->json)
        print_json(sum);
    else
        print_text(sum);
    fflush(stdout);
    drain->told = *sum;
    drain->any_told = true;
}

/* -- the command ---------------------------------------------------------- */

static void go_round(struct drain *drain)
{
    int rc;

    memset(&drain->sum, 0, sizeof drain->sum);
    rc = llmobs_drain_run(&drain->round, drain->dir);
    if (rc == -ENOENT && drain->watch_s > 0)
        rc = 0; /* the spool may come later */
    if (rc == -ENOENT && drain->dir != NULL)
        llmobs_cli_no_store(drain->argv[0], drain->dir);
    else if (rc != 0 && rc != -EINTR)
        tell_error(drain, drain->dir != NULL ? drain->dir : "spool", rc);
    if (rc != 0 && drain->sum.error == 0)
        drain->sum.error = rc;
    tell(drain);
}

static void pause_round(struct drain *drain)
{
    struct timespec left = {drain->watch_s, 0};
    int number = SIGCHLD;

    while (number == SIGCHLD)
        number = sigtimedwait(&drain->signals, NULL, &left);
    drain->round.ending = number > 0;
}

static void run(struct drain *drain)
{
    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&drain->signals);
    sigaddset(&drain->signals, SIGCHLD);
    sigaddset(&drain->signals, SIGTERM);
    sigaddset(&drain->signals, SIGINT);
    sigprocmask(SIG_BLOCK, &drain->signals, NULL);
    go_round(drain);
    while (drain->watch_s > 0 && !drain->round.ending) {
        pause_round(drain);
        if (!drain->round.ending)
            go_round(drain);
    }
}

/* A relay does what a watch did, and sooner. It tells nothing of its work, and
 * takes no entry of other destinations. */
static bool is_relay(const struct drain *drain)
{
    return drain->watch_s > 0 && drain->to == NULL && !drain->json;
}

static int serve(const struct drain *drain)
{
    char option[] = "--dir";
    char *argv[] = {drain->argv[0], drain->dir != NULL ? option : NULL,
                    (char *)drain->dir, NULL};

    optind = 0; /* it reads options of its own */
    return llmobs_cmd_relay(drain->dir != NULL ? 3 : 1, argv);
}

int llmobs_cmd_drain(int argc, char **argv)
{
    static struct drain drain;
    const struct llmobs_drain_outcome *sum = &drain.sum;
    int rc;

    drain.argv = argv;
    if (llmobs_cli_parse(argc, argv, "", options, apply, &drain) != 0)
        return LLMOBS_CLI_USAGE;
    drain.round.all = drain.to != NULL;
    drain.round.user_ms = (drain.user_s > 0 ? drain.user_s : USER_S) * 1000;
    drain.round.done = done;
    drain.round.ctx = &drain;
    if (drain.help) {
        fputs(help_text, stdout);
        return LLMOBS_CLI_OK;
    }
    if (is_relay(&drain))
        return serve(&drain);
    rc = load_config(&drain);
    if (rc != 0) {
        fprintf(stderr, "%s: %s\n", argv[0],
                rc == -EINVAL ? "--to: no URL of http, https or unix"
                              : strerror(-rc));
        return rc == -EINVAL ? LLMOBS_CLI_USAGE : LLMOBS_CLI_FAILED;
    }
    if (!is_on(&drain)) {
        fprintf(stderr, "%s: --to otlp: %s\n", argv[0],
                traces_of(&drain)->misplaced
                    ? "the endpoint is no URL"
                    : "OTEL_SDK_DISABLED or OTEL_TRACES_EXPORTER switches it "
                      "off");
        return LLMOBS_CLI_FAILED;
    }
    llmobs_log_init(drain.round.config->log_path,
                    (enum llmobs_log_level)drain.round.config->log_level);
    run(&drain);
    if (drain.watch_s > 0)
        return LLMOBS_CLI_OK;
    return sum->error == 0 && sum->left == 0 && sum->unreadable == 0
               ? LLMOBS_CLI_OK
               : LLMOBS_CLI_FAILED;
}
