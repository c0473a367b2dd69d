#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/gate.h"
#include "cli/query/when.h"
#include "cli/shared/cli.h"
#include "cli/shared/json_out.h"
#include "cli/shared/options.h"
#include "cli/shared/tell.h"
#include "lib/base/clock.h"
#include "core/config/config.h"
#include "core/log/ledger.h"
#include "lib/base/stats.h"
#include "cli/shared/escape.h"
#include "core/log/adopt.h"
#include "core/log/relay_sign.h"
#include "lib/base/wrapped_names.h"
#include "lib/text/json.h"

#define DROPPED "dropped_"

/* An entry that is older than this is stuck in the spool. */
#define CHECK_S 3600

/* Each process leaves at most one record, so this is enough for any host. */
#define FOLD_MAX 100000

enum form { FORM_TEXT, FORM_JSON, FORM_PROMETHEUS };

struct stats {
    const char *store; /* NULL: as the environment says */
    enum form form;
    bool check;
    long check_s; /* an older entry of the spool is stuck */
    struct llmobs_gate gate;
    struct llmobs_config *config;
    char dir[PATH_MAX];
    struct llmobs_ledger ledger;
    struct llmobs_counts sum; /* of ended and running processes */
    uint64_t captured;        /* calls that are in no record of the ledger */
    uint64_t spooled;         /* calls of ended processes in the spool */
    uint64_t dropped;
    uint64_t pending;
    struct llmobs_adopt_left spool;
    bool relay;       /* a relay runs for this spool */
    int64_t oldest_s; /* the age of the spool's oldest entry; 0: none */
};

static int read_check(const struct llmobs_cli_option *option, const char *value)
{
    struct stats *stats = option->to;
    const struct llmobs_cli_option seconds =
        LLMOBS_CLI_VALUE(option->name, NULL, &stats->check_s);

    stats->check = true;
    return value ? llmobs_cli_seconds(&seconds, value) : 0;
}

/* -- numbers ------------------------------------------------------------- */

/* Counts the entries of the spool; an unreadable spool counts as empty. */
static void look_at_spool(struct stats *stats)
{
    struct llmobs_adopt *adopt =
        llmobs_adopt_new(stats->config, LLMOBS_ADOPT_ANY);
    int64_t now = llmobs_clock_wall_ns();

    if (!adopt || llmobs_adopt_count(adopt, &stats->spool) != 0)
        memset(&stats->spool, 0, sizeof(stats->spool));
    llmobs_adopt_free(adopt);
    if (stats->spool.oldest_ns > 0 && stats->spool.oldest_ns < now)
        stats->oldest_s = (now - stats->spool.oldest_ns) / 1000000000;
}

static int find_places(struct stats *stats)
{
    stats->config = llmobs_cli_config(stats->store);
    if (!stats->config)
        return -ENOMEM;
    look_at_spool(stats);
    stats->relay = llmobs_relay_find(stats->config) != LLMOBS_RELAY_NONE;
    return llmobs_ledger_dir(stats->config, stats->dir, sizeof(stats->dir));
}

/* Adds calls that a killed process left beyond its last record: they were
 * captured, too. A call that another process takes over meanwhile, or has just
 * left, is in the records and would count twice, so only calls count that both
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

/* A call that one process left and another took over counts once. */
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
static int cli_stats_add_up(struct stats *stats)
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

/* Adds the records of ended processes to the ledger's totals. This may fail, as
 * for a user who may not write the ledger: llmobs_ledger_read counts those
 * records in any case. */
static int cli_stats_gather(struct stats *stats)
{
    int rc = find_places(stats);

    if (rc != 0)
        return rc;
    (void)llmobs_ledger_fold(stats->dir, FOLD_MAX);
    rc = llmobs_ledger_read(stats->dir, &stats->ledger);
    if (rc == -ENOENT) /* no ledger: nothing was captured yet */
        rc = 0;
    return rc == 0 ? cli_stats_add_up(stats) : rc;
}

/* The reason of a counter of drops; NULL for any other counter. */
static const char *reason(const struct llmobs_count *count)
{
    return strncmp(count->name, DROPPED, strlen(DROPPED)) == 0
               ? count->name + strlen(DROPPED)
               : NULL;
}

/* True for a counter other than 0 that is neither part of the sum nor printed
 * elsewhere, such as an exporter's. */
static bool is_aside(const struct llmobs_count *count)
{
    static const char shown[] =
        "captured\0adopted\0kept\0released\0evaluations\0" LLMOBS_LEDGER_PENDING
        "\0" LLMOBS_LEDGER_PROCESSES "\0" LLMOBS_LEDGER_RESTARTS "\0";

    return count->value > 0 && !llmobs_words_have(shown, count->name) &&
           !llmobs_stats_name_settles(count->name);
}

static uint64_t number(const struct stats *stats, const char *name)
{
    return llmobs_counts_get(&stats->sum, name);
}

static bool is_stale(const struct stats *stats)
{
    return stats->oldest_s > stats->check_s;
}

/* -- rows ---------------------------------------------------------------- */

/* The numbers, for all three forms. The first rows stand before the reasons of
 * drops and the counters of exporters, the other rows behind them. */
enum {
    CAPTURED,
    DELIVERED,
    SPANS,
    EVALUATIONS,
    SAMPLED_OUT,
    PENDING,
    SPOOLED,
    UNCONFIRMED,
    PURGED,
    DROPPED_ALL,
    OLDEST,
    UNREADABLE,
    ENDED,
    RUNNING,
    RELAY,
    ROWS
};

static const struct {
    int indent;         /* in the text */
    const char *name;   /* in the text; in JSON for the first rows */
    const char *metric; /* NULL: no metric */
    bool gauge;
    const char *help;
} rows[ROWS] = {
    {0, "captured", "captured_total", false, "Calls and spans captured."},
    {2, "delivered", "delivered_total", false, "Accepted by an exporter."},
    {4, "spans", "spans_total", false, "Delivered spans."},
    {4, "evaluations", "evaluations_total", false, "Delivered evaluations."},
    {2, "sampled_out", "sampled_out_total", false,
     "Kept from OTLP by its sampler."},
    {2, "pending", "pending", true, "Captured and not yet delivered."},
    {2, "spooled", "spooled", true,
     "On the disk, for another process to deliver."},
    {2, "unconfirmed", "unconfirmed_total", false,
     "Candidates that were no call of a model."},
    {2, "purged", "purged_total", false,
     "Removed from the spool by `llmobs purge`."},
    {2, "dropped", NULL, false, NULL},
    {0, "oldest spooled, s", "spool_oldest_seconds", true,
     "How long ago the oldest call in the spool began."},
    {0, "spool, unreadable", "spool_unreadable", true,
     "Files of the spool that nobody can read."},
    {0, "processes, ended", "processes_ended_total", false,
     "Processes that captured something and ended."},
    {0, "processes, running", "processes_running", true,
     "Processes that captured something and run."},
    {0, "relay, running", "relay_running", true,
     "1: a relay delivers the spool."},
};

static void cli_stats_fill_rows(const struct stats *stats,
                                uint64_t values[ROWS])
{
    uint64_t delivered = number(stats, "delivered");
    uint64_t evaluations = number(stats, "evaluations");
    const uint64_t all[ROWS] = {
        [CAPTURED] = stats->captured,
        [DELIVERED] = delivered,
        /* Evaluations are counted first. */
        [SPANS] = delivered > evaluations ? delivered - evaluations : 0,
        [EVALUATIONS] = evaluations,
        [SAMPLED_OUT] = number(stats, "sampled_out"),
        [PENDING] = stats->pending,
        [SPOOLED] = stats->spooled,
        [UNCONFIRMED] = number(stats, "unconfirmed"),
        [PURGED] = number(stats, "purged"),
        [DROPPED_ALL] = stats->dropped,
        [OLDEST] = (uint64_t)stats->oldest_s,
        [UNREADABLE] = stats->spool.unreadable,
        [ENDED] =
            llmobs_counts_get(&stats->ledger.ended, LLMOBS_LEDGER_PROCESSES),
        [RUNNING] = stats->ledger.records,
        [RELAY] = stats->relay,
    };

    memcpy(values, all, sizeof(all));
}

/* The next object that may hide calls; NULL: no object is left. */
static const char *next_wrapped(const struct stats *stats, char **at,
                                char text[LLMOBS_WRAPPED_FILE])
{
    const char *line;

    if (!*at) {
        llmobs_wrapped_read(stats->dir, text);
        *at = text;
    }
    do
        line = strsep(at, "\n");
    while (line && *line == '\0');
    return line;
}

/* -- text ---------------------------------------------------------------- */

static void cli_stats_print_row(int indent, const char *name, uint64_t value)
{
    printf("%*s%-*s %12" PRIu64 "\n", indent, "", 20 - indent, name, value);
}

static void print_wrapped(const struct stats *stats)
{
    char text[LLMOBS_WRAPPED_FILE], room[LLMOBS_ESCAPE_NAME], *at = NULL;
    const char *line;

    while ((line = next_wrapped(stats, &at, text)))
        printf("wrapped by %s\n", llmobs_escape_name(line, room));
}

static int cli_stats_print_text(const struct stats *stats,
                                const uint64_t *values)
{
    const struct llmobs_counts *sum = &stats->sum;

    for (int i = 0; i <= DROPPED_ALL; i++)
        cli_stats_print_row(rows[i].indent, rows[i].name, values[i]);
    for (size_t i = 0; i < sum->len; i++)
        if (reason(&sum->list[i]))
            cli_stats_print_row(4, reason(&sum->list[i]), sum->list[i].value);
    for (size_t i = 0; i < sum->len; i++)
        if (is_aside(&sum->list[i]))
            cli_stats_print_row(0, sum->list[i].name, sum->list[i].value);
    print_wrapped(stats);
    for (int i = OLDEST; i < ROWS; i++)
        if ((i != OLDEST || stats->spool.oldest_ns > 0) &&
            (i != UNREADABLE || values[i] > 0))
            cli_stats_print_row(0, rows[i].name, values[i]);
    return 0;
}

/* -- JSON ---------------------------------------------------------------- */

static int cli_stats_set_number(struct llmobs_json *object, const char *key,
                                uint64_t value)
{
    int64_t most = value > INT64_MAX ? INT64_MAX : (int64_t)value;

    return llmobs_json_set(object, key, llmobs_json_int(most));
}

static struct llmobs_json *make_wrapped(const struct stats *stats)
{
    char text[LLMOBS_WRAPPED_FILE], *at = NULL;
    struct llmobs_json *array = llmobs_json_array();
    const char *line;

    while ((line = next_wrapped(stats, &at, text)))
        (void)llmobs_json_add(array, llmobs_json_string(line));
    return array;
}

/* Each of them fails only when memory runs out. */
static int fill_object(const struct stats *stats, const uint64_t *values,
                       struct llmobs_json *object)
{
    const struct llmobs_counts *sum = &stats->sum;
    struct llmobs_json *dropped = llmobs_json_object();
    struct llmobs_json *spool = llmobs_json_object(),
                       *alerts = llmobs_json_object();
    struct llmobs_json *processes = llmobs_json_object();
    int rc = 0;

    for (int i = 0; i <= DROPPED_ALL; i++)
        rc |= cli_stats_set_number(object, rows[i].name, values[i]);
    for (size_t i = 0; i < sum->len; i++)
        if (reason(&sum->list[i]))
            rc |= cli_stats_set_number(dropped, reason(&sum->list[i]),
                                       sum->list[i].value);
    rc |= llmobs_json_set(object, "dropped_by_reason", dropped);
    for (size_t i = 0; i < sum->len; i++)
        if (is_aside(&sum->list[i]))
            rc |= cli_stats_set_number(object, sum->list[i].name,
                                       sum->list[i].value);
    rc |= llmobs_json_set(object, "wrapped_by", make_wrapped(stats));
    rc |= cli_stats_set_number(spool, "of_ended", stats->spool.ours);
    rc |= cli_stats_set_number(spool, "of_running", stats->spool.living);
    rc |= cli_stats_set_number(spool, "unreadable", values[UNREADABLE]);
    rc |= cli_stats_set_number(spool, "oldest_seconds", values[OLDEST]);
    rc |= llmobs_json_set(object, "spool", spool);
    rc |= llmobs_json_set(alerts, "dropped",
                          llmobs_json_bool(values[DROPPED_ALL] > 0));
    rc |= llmobs_json_set(alerts, "spooled", llmobs_json_bool(is_stale(stats)));
    rc |= llmobs_json_set(object, "alerts", alerts);
    rc |= cli_stats_set_number(processes, "ended", values[ENDED]);
    rc |= cli_stats_set_number(processes, "running", values[RUNNING]);
    rc |= llmobs_json_set(object, "processes", processes);
    rc |= llmobs_json_set(object, "relay", llmobs_json_bool(stats->relay));
    return rc | llmobs_json_sets(object, "directory", stats->dir);
}

static int cli_stats_print_json(const struct stats *stats,
                                const uint64_t *values)
{
    struct llmobs_json *object = llmobs_json_object();
    int rc = fill_object(stats, values, object);

    if (rc == 0)
        rc = llmobs_json_out_value(object);
    llmobs_json_free(object);
    return rc;
}

/* -- Prometheus ---------------------------------------------------------- */

static void print_metric(int row, const uint64_t *values)
{
    const char *name = rows[row].metric;

    printf("# HELP llmobs_%s %s\n# TYPE llmobs_%s %s\nllmobs_%s %" PRIu64 "\n",
           name, rows[row].help, name, rows[row].gauge ? "gauge" : "counter",
           name, values[row]);
}

static int print_prometheus(const struct stats *stats, const uint64_t *values)
{
    const struct llmobs_counts *sum = &stats->sum;

    for (int gauge = 0; gauge < 2; gauge++)
        for (int i = 0; i < DROPPED_ALL; i++)
            if (rows[i].gauge == gauge)
                print_metric(i, values);
    puts("# HELP llmobs_dropped_total Lost, by reason.\n"
         "# TYPE llmobs_dropped_total counter");
    for (size_t i = 0; i < sum->len; i++)
        if (reason(&sum->list[i]))
            printf("llmobs_dropped_total{reason=\"%s\"} %" PRIu64 "\n",
                   reason(&sum->list[i]), sum->list[i].value);
    for (size_t i = 0; i < sum->len; i++)
        if (is_aside(&sum->list[i]))
            printf("# TYPE llmobs_%s_total counter\nllmobs_%s_total %" PRIu64
                   "\n",
                   sum->list[i].name, sum->list[i].name, sum->list[i].value);
    print_metric(OLDEST, values);
    print_metric(UNREADABLE, values);
    printf("# HELP llmobs_alert 1: --check fails for this reason.\n"
           "# TYPE llmobs_alert gauge\n"
           "llmobs_alert{reason=\"dropped\"} %d\n"
           "llmobs_alert{reason=\"spooled\"} %d\n",
           stats->dropped > 0, is_stale(stats));
    for (int i = ENDED; i < ROWS; i++)
        print_metric(i, values);
    return 0;
}

/* -- the command --------------------------------------------------------- */

static int print(const struct stats *stats)
{
    static int (*const forms[])(const struct stats *, const uint64_t *) = {
        [FORM_TEXT] = cli_stats_print_text,
        [FORM_JSON] = cli_stats_print_json,
        [FORM_PROMETHEUS] = print_prometheus};
    uint64_t values[ROWS];

    cli_stats_fill_rows(stats, values);
    return forms[stats->form](stats, values);
}

static void cli_stats_tell(const struct stats *stats)
{
    uint64_t restarts = number(stats, LLMOBS_LEDGER_RESTARTS);

    fflush(stdout);
    if (stats->ledger.unreadable > 0)
        llmobs_tell("llmobs stats: %zu file%s in %s could not be read\n",
                    stats->ledger.unreadable,
                    stats->ledger.unreadable == 1 ? "" : "s", stats->dir);
    if (restarts > 0)
        llmobs_tell(
            "llmobs stats: the totals in %s could not be read and began "
            "anew %" PRIu64 " time%s\n",
            stats->dir, restarts, restarts == 1 ? "" : "s");
}

static int cli_stats_check(const struct stats *stats)
{
    if (stats->dropped > 0)
        llmobs_tell("llmobs stats: dropped: %" PRIu64 "\n", stats->dropped);
    if (is_stale(stats))
        llmobs_tell(
            "llmobs stats: in the spool for %" PRId64
            " s: its destination is away, or neither `llmobs relay` nor "
            "`llmobs drain` runs\n",
            stats->oldest_s);
    return stats->dropped > 0 || is_stale(stats) ? LLMOBS_CLI_FAILED
                                                 : LLMOBS_CLI_OK;
}

static int cli_stats_count(struct stats *stats)
{
    int rc = cli_stats_gather(stats);

    llmobs_config_free(stats->config);
    if (rc == 0)
        rc = print(stats);
    if (rc != 0) {
        llmobs_tell("llmobs stats: %s: %s\n", stats->dir, strerror(-rc));
        return LLMOBS_CLI_FAILED;
    }
    cli_stats_tell(stats);
    return stats->check ? cli_stats_check(stats) : LLMOBS_CLI_OK;
}

/* Limits are for the calls in the store, all else is for captured calls. */
static int gate(struct stats *stats)
{
    const char *why = NULL;

    if (!llmobs_gate_has_limit(&stats->gate))
        why = "--since, --ml-app and --service need a limit such as --max-cost";
    else if (stats->form != FORM_TEXT || stats->check)
        why = "--json, --prometheus and --check do not go with a limit";
    if (!why)
        return llmobs_gate_check(&stats->gate, stats->store);
    llmobs_tell("llmobs stats: %s\n", why);
    return LLMOBS_CLI_USAGE;
}

static int cli_stats_run(struct stats *stats)
{
    bool gated = llmobs_filter_asks(&stats->gate.filter) ||
                 llmobs_gate_has_limit(&stats->gate);

    if (stats->store && access(stats->store, F_OK) != 0 && errno == ENOENT) {
        llmobs_cli_no_store("llmobs stats", stats->store);
        return gated ? LLMOBS_CLI_USAGE : LLMOBS_CLI_FAILED;
    }
    return gated ? gate(stats) : cli_stats_count(stats);
}

int llmobs_cmd_stats(int argc, char **argv)
{
    static struct stats stats = {.check_s = CHECK_S};
    static const struct llmobs_cli_option options[] = {
        LLMOBS_CLI_VALUE("store", llmobs_cli_text, &stats.store),
        LLMOBS_CLI_PICK("json", &stats.form, FORM_JSON),
        LLMOBS_CLI_PICK("prometheus", &stats.form, FORM_PROMETHEUS),
        {"check", read_check, &stats, 0, optional_argument, 0, NULL},
        LLMOBS_CLI_VALUE("max-cost", llmobs_gate_cost, &stats.gate.max_cost),
        LLMOBS_CLI_VALUE("max-tokens", llmobs_gate_count,
                         &stats.gate.max_tokens),
        LLMOBS_CLI_VALUE("max-errors", llmobs_gate_count,
                         &stats.gate.max_errors),
        LLMOBS_CLI_VALUE("since", llmobs_when_set, &stats.gate.filter.since_ns),
        LLMOBS_CLI_VALUE("ml-app", llmobs_filter_option,
                         &stats.gate.filter.ml_app),
        LLMOBS_CLI_VALUE("service", llmobs_filter_option,
                         &stats.gate.filter.service),
        LLMOBS_CLI_END};
    int status;

    llmobs_gate_init(&stats.gate);
    status = llmobs_cli_parse(argc, argv, options);
    if (status < 0)
        status = cli_stats_run(&stats);
    llmobs_gate_fini(&stats.gate);
    return status;
}
