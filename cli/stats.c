#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/gate.h"
#include "cli/shared/cli.h"
#include "cli/shared/options.h"
#include "core/base/clock.h"
#include "core/config/config.h"
#include "core/ledger/ledger.h"
#include "core/ledger/stats.h"
#include "core/spool/adopt.h"
#include "core/spool/relay_sign.h"
#include "core/text/json.h"

#define DROPPED "dropped_"

/* An entry that is older than this is stuck in the spool. */
#define CHECK_S 3600
#define CHECK_MAX_S (24 * 3600)

/* Each process leaves at most one record, so this is enough for any host. */
#define FOLD_MAX 100000

enum form { FORM_TEXT, FORM_JSON, FORM_PROMETHEUS };

struct stats {
    const char *store; /* NULL: by the environment */
    enum form form;
    bool check;
    long check_s; /* the age that an entry of the spool may have */
    bool help;
    struct llmobs_gate gate;
    struct llmobs_config *config;
    char dir[PATH_MAX];
    struct llmobs_ledger ledger;
    struct llmobs_counts sum; /* of ended and running processes */
    uint64_t captured;        /* calls that no record has included */
    uint64_t spooled;         /* calls in the spool, of ended processes */
    uint64_t dropped;
    uint64_t pending;
    struct llmobs_adopt_left spool;
    bool relay;       /* one runs for this spool */
    int64_t oldest_s; /* the age of the oldest there; 0: none */
};

static const char help_text[] =
    "usage: llmobs stats [OPTIONS]\n"
    "\n"
    "Counts the calls that this user's processes, running or ended, have\n"
    "captured, by their outcome. captured is the sum of delivered, "
    "sampled_out\n"
    "(kept from OTLP by its sampler), pending, spooled (on the disk, for "
    "another\n"
    "process to deliver), unconfirmed (looked like a call of a model and was "
    "none),\n"
    "purged (by `llmobs purge`) and dropped. The delivered ones are spans and\n"
    "evaluations.\n"
    "\n"
    "  --store DIR      another store than the environment names\n"
    "  --json           as one JSON object\n"
    "  --prometheus     in Prometheus' text format\n"
    "  --check[=SECONDS]\n"
    "                   exit with status 1 if anything was ever dropped, or "
    "lies\n"
    "                   in the spool that began longer ago (3600), and say "
    "why\n"
    "\n"
    "These read the local store instead, print a line for each limit, and exit "
    "with\n"
    "status 1 if one is exceeded, 2 if it cannot be told:\n"
    "  --max-cost USD   what all calls cost, estimated by the table of prices\n"
    "                   that ships, or by the files that LLMOBS_PRICES names\n"
    "  --max-tokens N   their tokens of input and output\n"
    "  --max-errors N   calls that failed\n"
    "  --since T        only those that started at T or later, such as 1h,\n"
    "                   today, 2026-11-21\n"
    "  --ml-app A       only those of this app, exactly or by a pattern\n"
    "  --service S      only those of this service, likewise\n";

/* The limits' options, whose names the gate reads. */
#define GATE 256

static const struct option options[] = {
    {"store", required_argument, NULL, 's'},
    {"json", no_argument, NULL, 'j'},
    {"prometheus", no_argument, NULL, 'p'},
    {"check", optional_argument, NULL, 'c'},
    {"max-cost", required_argument, NULL, GATE},
    {"max-tokens", required_argument, NULL, GATE + 1},
    {"max-errors", required_argument, NULL, GATE + 2},
    {"since", required_argument, NULL, GATE + 3},
    {"ml-app", required_argument, NULL, GATE + 4},
    {"service", required_argument, NULL, GATE + 5},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int read_check(struct stats *stats, const char *value)
{
    char *end = NULL;

    stats->check = true;
    if (value == NULL)
        return 0;
    stats->check_s = strtol(value, &end, 10);
    if (end != value && *end == '\0' && stats->check_s >= 1 &&
        stats->check_s <= CHECK_MAX_S)
        return 0;
    fprintf(stderr, "llmobs stats: --check: 1 to %d seconds\n", CHECK_MAX_S);
    return -EINVAL;
}

static const char *name_of(int code)
{
    const struct option *option = options;

    while (option->val != code)
        option++;
    return option->name;
}

static int apply(void *ctx, int code, const char *value)
{
    struct stats *stats = ctx;

    if (code >= GATE)
        return llmobs_gate_set(&stats->gate, name_of(code), value);

    switch (code) {
    case 's':
        stats->store = value;
        return 0;
    case 'j':
        stats->form = FORM_JSON;
        return 0;
    case 'p':
        stats->form = FORM_PROMETHEUS;
        return 0;
    case 'c':
        return read_check(stats, value);
    case 'h':
        stats->help = true;
        return 0;
    default: /* llmobs_cli_parse prints the fault */
        return -EINVAL;
    }
}

/* -- numbers ------------------------------------------------------------- */

/* Counts the entries of the spool; of an unreadable spool none. */
static void look_at_spool(struct stats *stats)
{
    struct llmobs_adopt *adopt =
        llmobs_adopt_new(stats->config, LLMOBS_ADOPT_ANY);
    int64_t now = llmobs_clock_wall_ns();

    if (adopt == NULL || llmobs_adopt_count(adopt, &stats->spool) != 0)
        memset(&stats->spool, 0, sizeof stats->spool);
    llmobs_adopt_free(adopt);
    if (stats->spool.oldest_ns > 0 && stats->spool.oldest_ns < now)
        stats->oldest_s = (now - stats->spool.oldest_ns) / 1000000000;
}

static int find_places(struct stats *stats)
{
    stats->config = llmobs_cli_config(stats->store);
    if (stats->config == NULL)
        return -ENOMEM;
    look_at_spool(stats);
    stats->relay = llmobs_relay_find(stats->config) != LLMOBS_RELAY_NONE;
    return llmobs_ledger_dir(stats->config, stats->dir, sizeof stats->dir);
}

/* Adds calls that a killed process left beyond its last record: they were
 * captured too. A call that another process takes over meanwhile, or has just
 * left, is in the records and would count twice, so only those count that both
 * looks at the spool saw. */
static void count_unrecorded(struct stats *stats)
{
    uint64_t before = stats->spool.ours;

    if (before <= stats->spooled)
        return;
    look_at_spool(stats);
    if (before > stats->spool.ours)
        before = stats->spool.ours;
    if (before <= stats->spooled)
        return;
    stats->captured += before - stats->spooled;
    stats->spooled = before;
}

/* Counts a call once that one process left and another took over. */
static void count_spooled(struct stats *stats)
{
    uint64_t left = llmobs_counts_get(&stats->sum, "left");
    uint64_t adopted = llmobs_counts_get(&stats->sum, "adopted");

    stats->captured = llmobs_counts_get(&stats->sum, "captured");
    if (left >= adopted)
        stats->spooled = left - adopted;
    else
        stats->captured += adopted - left;
    count_unrecorded(stats);
}

/* Adds every counter of this version, even those that are 0. */
static int add_up(struct stats *stats)
{
    struct llmobs_counts *sum = &stats->sum;
    int rc = 0;

    for (int i = 0; i < LLMOBS_STAT_COUNT && rc == 0; i++)
        rc = llmobs_counts_add(sum, llmobs_stats_name((enum llmobs_stat)i), 0);
    if (rc == 0)
        rc = llmobs_counts_merge(sum, &stats->ledger.ended);
    if (rc == 0)
        rc = llmobs_counts_merge(sum, &stats->ledger.living);
    for (size_t i = 0; i < sum->len; i++)
        if (strncmp(sum->list[i].name, DROPPED, strlen(DROPPED)) == 0)
            stats->dropped += sum->list[i].value;
    stats->pending = llmobs_counts_get(sum, LLMOBS_LEDGER_PENDING);
    count_spooled(stats);
    return rc;
}

/* Folds the records of ended processes where that is allowed; the reading below
 * includes them in any case. */
static int gather(struct stats *stats)
{
    int rc = find_places(stats);

    if (rc != 0)
        return rc;
    (void)llmobs_ledger_fold(stats->dir, FOLD_MAX);
    rc = llmobs_ledger_read(stats->dir, &stats->ledger);
    if (rc == -ENOENT) /* nothing has been captured yet */
        rc = 0;
    return rc == 0 ? add_up(stats) : rc;
}

/* The reason of a counter of drops; NULL for any other. */
static const char *reason(const struct llmobs_count *count)
{
    return strncmp(count->name, DROPPED, strlen(DROPPED)) == 0
               ? count->name + strlen(DROPPED)
               : NULL;
}

/* True for a counter that is neither part of the sum nor printed elsewhere, and
 * is not 0: each kind of exporter has one. */
static bool is_aside(const struct llmobs_count *count)
{
    static const char *const shown[] = {"captured",
                                        "adopted",
                                        "kept",
                                        "released",
                                        "evaluations",
                                        LLMOBS_LEDGER_PENDING,
                                        LLMOBS_LEDGER_PROCESSES,
                                        LLMOBS_LEDGER_RESTARTS};

    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
        if (strcmp(count->name, shown[i]) == 0)
            return false;
    return count->value > 0 && !llmobs_stats_name_settles(count->name);
}

static uint64_t number(const struct stats *stats, const char *name)
{
    return llmobs_counts_get(&stats->sum, name);
}

static uint64_t evaluations(const struct stats *stats)
{
    return number(stats, "evaluations");
}

/* The delivered events that are no evaluations; those are counted first. */
static uint64_t spans(const struct stats *stats)
{
    uint64_t delivered = number(stats, "delivered");

    return delivered > evaluations(stats) ? delivered - evaluations(stats) : 0;
}

static bool is_stale(const struct stats *stats)
{
    return stats->oldest_s > stats->check_s;
}

static uint64_t ended(const struct stats *stats)
{
    return llmobs_counts_get(&stats->ledger.ended, LLMOBS_LEDGER_PROCESSES);
}

/* -- text ---------------------------------------------------------------- */

static void print_row(const char *name, uint64_t value)
{
    printf("%-20s %12" PRIu64 "\n", name, value);
}

static void print_part(const char *name, uint64_t value)
{
    printf("  %-18s %12" PRIu64 "\n", name, value);
}

static void print_piece(const char *name, uint64_t value)
{
    printf("    %-16s %12" PRIu64 "\n", name, value);
}

static void print_aside(const struct stats *stats)
{
    const struct llmobs_counts *sum = &stats->sum;

    for (size_t i = 0; i < sum->len; i++)
        if (is_aside(&sum->list[i]))
            print_row(sum->list[i].name, sum->list[i].value);
}

static void print_text(const struct stats *stats)
{
    const struct llmobs_counts *sum = &stats->sum;

    print_row("captured", stats->captured);
    print_part("delivered", number(stats, "delivered"));
    print_piece("spans", spans(stats));
    print_piece("evaluations", evaluations(stats));
    print_part("sampled_out", number(stats, "sampled_out"));
    print_part("pending", stats->pending);
    print_part("spooled", stats->spooled);
    print_part("unconfirmed", number(stats, "unconfirmed"));
    print_part("purged", number(stats, "purged"));
    print_part("dropped", stats->dropped);
    for (size_t i = 0; i < sum->len; i++)
        if (reason(&sum->list[i]) != NULL)
            print_piece(reason(&sum->list[i]), sum->list[i].value);
    print_aside(stats);
    if (stats->spool.oldest_ns > 0)
        print_row("oldest spooled, s", (uint64_t)stats->oldest_s);
    if (stats->spool.unreadable > 0)
        print_row("spool, unreadable", stats->spool.unreadable);
    print_row("processes, ended", ended(stats));
    print_row("processes, running", stats->ledger.records);
    print_row("relay, running", stats->relay);
}

/* -- JSON ---------------------------------------------------------------- */

static int set_number(struct llmobs_json *object, const char *key,
                      uint64_t value)
{
    int64_t most = value > INT64_MAX ? INT64_MAX : (int64_t)value;

    return llmobs_json_set(object, key, llmobs_json_int(most));
}

static struct llmobs_json *make_dropped(const struct stats *stats)
{
    const struct llmobs_counts *sum = &stats->sum;
    struct llmobs_json *object = llmobs_json_object();
    int rc = object != NULL ? 0 : -ENOMEM;

    for (size_t i = 0; i < sum->len && rc == 0; i++)
        if (reason(&sum->list[i]) != NULL)
            rc = set_number(object, reason(&sum->list[i]), sum->list[i].value);
    if (rc == 0)
        return object;
    llmobs_json_free(object);
    return NULL;
}

static struct llmobs_json *make_processes(const struct stats *stats)
{
    struct llmobs_json *object = llmobs_json_object();

    if (object != NULL &&
        (set_number(object, "ended", ended(stats)) != 0 ||
         set_number(object, "running", stats->ledger.records) != 0)) {
        llmobs_json_free(object);
        return NULL;
    }
    return object;
}

static struct llmobs_json *make_spool(const struct stats *stats)
{
    const struct llmobs_adopt_left *spool = &stats->spool;
    struct llmobs_json *object = llmobs_json_object();

    if (object != NULL &&
        (set_number(object, "of_ended", spool->ours) != 0 ||
         set_number(object, "of_running", spool->living) != 0 ||
         set_number(object, "unreadable", spool->unreadable) != 0 ||
         set_number(object, "oldest_seconds", (uint64_t)stats->oldest_s) !=
             0)) {
        llmobs_json_free(object);
        return NULL;
    }
    return object;
}

static struct llmobs_json *make_alerts(const struct stats *stats)
{
    struct llmobs_json *object = llmobs_json_object();

    if (object != NULL &&
        (llmobs_json_set(object, "dropped",
                         llmobs_json_bool(stats->dropped > 0)) != 0 ||
         llmobs_json_set(object, "spooled",
                         llmobs_json_bool(is_stale(stats))) != 0)) {
        llmobs_json_free(object);
        return NULL;
    }
    return object;
}

static int fill_object(const struct stats *stats, struct llmobs_json *object)
{
    const struct llmobs_counts *sum = &stats->sum;
    int rc = set_number(object, "captured", stats->captured);

    if (rc == 0)
        rc = set_number(object, "delivered", number(stats, "delivered"));
    if (rc == 0)
        rc = set_number(object, "spans", spans(stats));
    if (rc == 0)
        rc = set_number(object, "evaluations", evaluations(stats));
    if (rc == 0)
        rc = set_number(object, "sampled_out", number(stats, "sampled_out"));
    if (rc == 0)
        rc = set_number(object, "pending", stats->pending);
    if (rc == 0)
        rc = set_number(object, "spooled", stats->spooled);
    if (rc == 0)
        rc = set_number(object, "unconfirmed", number(stats, "unconfirmed"));
    if (rc == 0)
        rc = set_number(object, "purged", number(stats, "purged"));
    if (rc == 0)
        rc = set_number(object, "dropped", stats->dropped);
    if (rc == 0)
        rc = llmobs_json_set(object, "dropped_by_reason", make_dropped(stats));
    for (size_t i = 0; i < sum->len && rc == 0; i++)
        if (is_aside(&sum->list[i]))
            rc = set_number(object, sum->list[i].name, sum->list[i].value);
    if (rc == 0)
        rc = llmobs_json_set(object, "spool", make_spool(stats));
    if (rc == 0)
        rc = llmobs_json_set(object, "alerts", make_alerts(stats));
    if (rc == 0)
        rc = llmobs_json_set(object, "processes", make_processes(stats));
    if (rc == 0)
        rc = llmobs_json_set(object, "relay", llmobs_json_bool(stats->relay));
    if (rc == 0)
        rc = llmobs_json_sets(object, "directory", stats->dir);
    return rc;
}

static int print_json(const struct stats *stats)
{
    struct llmobs_json *object = llmobs_json_object();
    struct llmobs_buf text;
    int rc = object != NULL ? fill_object(stats, object) : -ENOMEM;

    llmobs_buf_init(&text, 1024 * 1024);
    if (rc == 0)
        rc = llmobs_json_dump(object, LLMOBS_JSON_KEEP_ORDER, &text);
    if (rc == 0)
        printf("%s\n", text.data);
    llmobs_buf_fini(&text);
    llmobs_json_free(object);
    return rc;
}

/* -- Prometheus ---------------------------------------------------------- */

static void print_metric(const char *name, const char *type, const char *help,
                         uint64_t value)
{
    printf("# HELP llmobs_%s %s\n# TYPE llmobs_%s %s\nllmobs_%s %" PRIu64 "\n",
           name, help, name, type, name, value);
}

static void print_prometheus(const struct stats *stats)
{
    const struct llmobs_counts *sum = &stats->sum;

    print_metric("captured_total", "counter", "Calls and spans captured.",
                 stats->captured);
    print_metric("delivered_total", "counter", "Accepted by an exporter.",
                 number(stats, "delivered"));
    print_metric("spans_total", "counter", "Delivered spans.", spans(stats));
    print_metric("evaluations_total", "counter", "Delivered evaluations.",
                 evaluations(stats));
    print_metric("sampled_out_total", "counter",
                 "Kept from OTLP by its sampler.",
                 number(stats, "sampled_out"));
    print_metric("unconfirmed_total", "counter",
                 "Candidates that were no call of a model.",
                 number(stats, "unconfirmed"));
    print_metric("purged_total", "counter",
                 "Removed from the spool by `llmobs purge`.",
                 number(stats, "purged"));
    print_metric("pending", "gauge", "Captured and not yet delivered.",
                 stats->pending);
    print_metric("spooled", "gauge",
                 "On the disk, for another process to deliver.",
                 stats->spooled);
    puts("# HELP llmobs_dropped_total Lost, by reason.\n"
         "# TYPE llmobs_dropped_total counter");
    for (size_t i = 0; i < sum->len; i++)
        if (reason(&sum->list[i]) != NULL)
            printf("llmobs_dropped_total{reason=\"%s\"} %" PRIu64 "\n",
                   reason(&sum->list[i]), sum->list[i].value);
    for (size_t i = 0; i < sum->len; i++)
        if (is_aside(&sum->list[i]))
            printf("# TYPE llmobs_%s_total counter\nllmobs_%s_total %" PRIu64
                   "\n",
                   sum->list[i].name, sum->list[i].name, sum->list[i].value);
    print_metric("spool_oldest_seconds", "gauge",
                 "How long ago the oldest call in the spool began.",
                 (uint64_t)stats->oldest_s);
    print_metric("spool_unreadable", "gauge",
                 "Files of the spool that nobody can read.",
                 stats->spool.unreadable);
    printf("# HELP llmobs_alert 1: --check fails for this reason.\n"
           "# TYPE llmobs_alert gauge\n"
           "llmobs_alert{reason=\"dropped\"} %d\n"
           "llmobs_alert{reason=\"spooled\"} %d\n",
           stats->dropped > 0, is_stale(stats));
    print_metric("processes_ended_total", "counter",
                 "Processes that captured something and ended.", ended(stats));
    print_metric("processes_running", "gauge",
                 "Processes that captured something and run.",
                 stats->ledger.records);
    print_metric("relay_running", "gauge", "1: a relay delivers the spool.",
                 stats->relay);
}

/* -- the command --------------------------------------------------------- */

static int print(const struct stats *stats)
{
    if (stats->form == FORM_JSON)
        return print_json(stats);
    if (stats->form == FORM_PROMETHEUS)
        print_prometheus(stats);
    else
        print_text(stats);
    return 0;
}

static void tell(const struct stats *stats)
{
    uint64_t restarts = number(stats, LLMOBS_LEDGER_RESTARTS);

    fflush(stdout);
    if (stats->ledger.unreadable > 0)
        fprintf(stderr, "llmobs stats: %zu file%s in %s could not be read\n",
                stats->ledger.unreadable,
                stats->ledger.unreadable == 1 ? "" : "s", stats->dir);
    if (restarts > 0)
        fprintf(stderr,
                "llmobs stats: the totals in %s could not be read and began "
                "anew %" PRIu64 " time%s\n",
                stats->dir, restarts, restarts == 1 ? "" : "s");
}

static int check(const struct stats *stats)
{
    if (stats->dropped > 0)
        fprintf(stderr, "llmobs stats: dropped: %" PRIu64 "\n", stats->dropped);
    if (is_stale(stats))
        fprintf(stderr,
                "llmobs stats: in the spool for %" PRId64
                " s: its destination is away, or neither `llmobs relay` nor "
                "`llmobs drain` runs\n",
                stats->oldest_s);
    return stats->dropped > 0 || is_stale(stats) ? LLMOBS_CLI_FAILED
                                                 : LLMOBS_CLI_OK;
}

static int count(struct stats *stats)
{
    int rc = gather(stats);

    llmobs_config_free(stats->config);
    if (rc == 0)
        rc = print(stats);
    if (rc != 0) {
        fprintf(stderr, "llmobs stats: %s: %s\n", stats->dir, strerror(-rc));
        return LLMOBS_CLI_FAILED;
    }
    tell(stats);
    return stats->check ? check(stats) : LLMOBS_CLI_OK;
}

/* Limits are for the calls in the store, all else is for what was captured. */
static int gate(struct stats *stats)
{
    const char *why = NULL;

    if (!llmobs_gate_has_limit(&stats->gate))
        why = "--since, --ml-app and --service need a limit such as --max-cost";
    else if (stats->form != FORM_TEXT || stats->check)
        why = "--json, --prometheus and --check do not go with a limit";
    if (why == NULL)
        return llmobs_gate_check(&stats->gate, stats->store);
    fprintf(stderr, "llmobs stats: %s\n", why);
    return LLMOBS_CLI_USAGE;
}

static int run(struct stats *stats)
{
    bool gated = stats->gate.narrowed || llmobs_gate_has_limit(&stats->gate);

    if (stats->help) {
        fputs(help_text, stdout);
        return LLMOBS_CLI_OK;
    }
    if (stats->store != NULL && access(stats->store, F_OK) != 0 &&
        errno == ENOENT) {
        llmobs_cli_no_store("llmobs stats", stats->store);
        return gated ? LLMOBS_CLI_USAGE : LLMOBS_CLI_FAILED;
    }
    return gated ? gate(stats) : count(stats);
}

int llmobs_cmd_stats(int argc, char **argv)
{
    static struct stats stats;
    int status = LLMOBS_CLI_USAGE;

    stats.check_s = CHECK_S;
    llmobs_gate_init(&stats.gate);
    if (llmobs_cli_parse(argc, argv, "", options, apply, &stats) == 0)
        status = run(&stats);
    llmobs_gate_fini(&stats.gate);
    return status;
}
