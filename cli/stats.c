/* Runs `llmobs stats`: counts, alerts, Prometheus' text, limits. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/gate.h"
#include "cli/tally.h"
#include "cli/query/when.h"
#include "cli/shared/accounts.h"
#include "cli/shared/cli.h"
#include "cli/shared/destinations.h"
#include "cli/shared/escape.h"
#include "cli/shared/json_out.h"
#include "cli/shared/new_file.h"
#include "cli/shared/options.h"
#include "cli/shared/screen.h"
#include "cli/shared/tell.h"
#include "core/config/config.h"
#include "core/config/state_dir.h"
#include "lib/base/clock.h"
#include "lib/base/stats.h"
#include "lib/base/wrapped_names.h"
#include "lib/text/json.h"
#include "lib/text/json_clean.h"

/* -- showing --------------------------------------------------------------- */

enum llmobs_stats_form {
    LLMOBS_STATS_TEXT,
    LLMOBS_STATS_JSON,
    LLMOBS_STATS_PROMETHEUS
};

/* The names of each number in the three forms. */
static const struct {
    int indent;         /* in the text */
    const char *name;   /* in the text; in JSON for the first ones */
    const char *metric; /* NULL: no metric */
    bool gauge;
    const char *help;
} rows[LLMOBS_TALLY_NUMBERS] = {
    {0, "captured", "captured_total", false, "Calls and spans captured."},
    {2, "delivered", "delivered_total", false, "Accepted by an exporter."},
    {4, "spans", "spans_total", false, "Delivered spans."},
    {4, "evaluations", "evaluations_total", false, "Delivered evaluations."},
    {2, "sampled_out", "sampled_out_total", false,
     "Kept from OTLP by its sampler."},
    {2, "pending", "pending", true, "Captured and not yet delivered."},
    {2, "spooled", "spooled", true,
     "On the disk, for another process to deliver."},
    {4, "set_aside", "set_aside", true,
     "Of these, calls that ended their readers; another version reads them."},
    {2, "fell_back", "fell_back", true,
     "In the local store alone: `llmobs drain --store` sends them."},
    {2, "unconfirmed", "unconfirmed_total", false,
     "Candidates that were no call of a model."},
    {2, "purged", "purged_total", false,
     "Removed from the spool by `llmobs purge`."},
    {2, "dropped", NULL, false, NULL},
    {0, "oldest spooled, s", "spool_oldest_seconds", true,
     "How long ago the oldest call in the spool began."},
    {0, "last drop", "last_drop_timestamp_seconds", true,
     "When the last drop was noticed; 0: not known, or there was none."},
    {0, "spool, unreadable", "spool_unreadable", true,
     "Files of the spool that nobody can read."},
    {0, "processes, ended", "processes_ended_total", false,
     "Processes that captured something and ended."},
    {0, "processes, running", "processes_running", true,
     "Processes that captured something and run."},
    {0, "relay, running", "relay_running", true,
     "1: a relay delivers the spool."},
};

#define FIRST_ROWS LLMOBS_TALLY_DROPPED_ALL

/* The reason of a counter of drops; NULL for any other counter. */
static const char *reason(const struct llmobs_count *count)
{
    const size_t len = strlen(LLMOBS_TALLY_DROPPED);

    return strncmp(count->name, LLMOBS_TALLY_DROPPED, len) == 0
               ? count->name + len
               : NULL;
}

/* True for a counter other than 0 that is neither part of the sum nor printed
 * elsewhere, such as an exporter's. */
static bool is_aside(const struct llmobs_count *count)
{
    static const char shown[] =
        "captured\0adopted\0kept\0released\0evaluations\0fell_"
        "back\0recovered\0" LLMOBS_LEDGER_PENDING "\0" LLMOBS_LEDGER_PROCESSES
        "\0" LLMOBS_LEDGER_RESTARTS "\0" LLMOBS_LEDGER_LOST "\0";

    return count->value > 0 && !llmobs_words_have(shown, count->name) &&
           !llmobs_stats_is_outcome_name(count->name);
}

/* The next object that may hide calls; NULL: no object is left. */
static const char *next_wrapped(const struct llmobs_tally *tally, char **at,
                                char text[LLMOBS_WRAPPED_FILE])
{
    const char *line;

    if (!*at) {
        llmobs_wrapped_read(tally->dir, text);
        *at = text;
    }
    do
        line = strsep(at, "\n");
    while (line && *line == '\0');
    return line;
}

/* -- text ------------------------------------------------------------------ */

static void print_row(int indent, const char *name, uint64_t value)
{
    printf("%*s%-*s %12" PRIu64 "\n", indent, "", 20 - indent, name, value);
}

static void print_tally(const struct llmobs_tally *tally)
{
    char text[LLMOBS_WRAPPED_FILE], room[LLMOBS_ESCAPE_NAME], *at = NULL;
    char time[LLMOBS_DESTINATION_TIME];
    const struct llmobs_counts *sum = &tally->sum;
    const uint64_t *numbers = tally->numbers;
    const char *line;

    for (int i = 0; i <= FIRST_ROWS; i++)
        print_row(rows[i].indent, rows[i].name, tally->numbers[i]);
    for (size_t i = 0; i < sum->len; i++)
        if (reason(&sum->list[i]))
            print_row(4, reason(&sum->list[i]), sum->list[i].value);
    for (size_t i = 0; i < sum->len; i++)
        if (is_aside(&sum->list[i]))
            print_row(0, sum->list[i].name, sum->list[i].value);
    while ((line = next_wrapped(tally, &at, text)))
        printf("wrapped by %s\n", llmobs_escape_name(line, room));
    for (int i = FIRST_ROWS + 1; i < LLMOBS_TALLY_NUMBERS; i++)
        if (i == LLMOBS_TALLY_LAST && numbers[i] > 0)
            printf("%-20s %s%s\n", rows[i].name,
                   llmobs_destination_time((int64_t)tally->drops.at_ns, time),
                   llmobs_tally_has_news(tally) ? "" : " (acknowledged)");
        else if (i >= LLMOBS_TALLY_ENDED || numbers[i] > 0)
            print_row(0, rows[i].name, numbers[i]);
}

/* The columns of users, some 80 wide. */
static const struct {
    const char *title;
    enum llmobs_tally_number number;
} columns[] = {
    {"CAPTURED", LLMOBS_TALLY_CAPTURED}, {"DELIVERED", LLMOBS_TALLY_DELIVERED},
    {"PENDING", LLMOBS_TALLY_PENDING},   {"SPOOLED", LLMOBS_TALLY_SPOOLED},
    {"OLDEST S", LLMOBS_TALLY_OLDEST},   {"DROPPED", LLMOBS_TALLY_DROPPED_ALL},
};

#define NAME_COLUMNS 18
#define COLUMNS (sizeof(columns) / sizeof(*columns))

static int print_line(const char *name, const struct llmobs_tally *tally)
{
    int rc = llmobs_screen_cell(name, NAME_COLUMNS - 1, NAME_COLUMNS);

    for (size_t i = 0; i < COLUMNS; i++)
        if (tally->error)
            printf(" %9s", "-");
        else
            printf(" %9" PRIu64, tally->numbers[columns[i].number]);
    putchar('\n');
    return rc;
}

/* -- JSON ------------------------------------------------------------------ */

static void set_number(struct llmobs_json *object, const char *key,
                       uint64_t value)
{
    int64_t most = value > INT64_MAX ? INT64_MAX : (int64_t)value;

    llmobs_json_set(object, key, llmobs_json_int(most));
}

static void set_bool(struct llmobs_json *object, const char *key, bool value)
{
    llmobs_json_set(object, key, llmobs_json_bool(value));
}

/* Describes destinations: row `first` and those behind it. */
static struct llmobs_json *make_said(const struct llmobs_tally *tally,
                                     const struct llmobs_config *config,
                                     size_t first, size_t count)
{
    struct llmobs_json *array = llmobs_json_array();
    char text[LLMOBS_DESTINATION_TEXT];

    for (size_t i = first; i < first + count; i++)
        if (llmobs_destinations_say(&tally->destinations, i, config, text))
            llmobs_json_add(array, llmobs_json_string(text));
    return array;
}

static void set_tally(struct llmobs_json *object,
                      const struct llmobs_tally *tally,
                      const struct llmobs_config *config)
{
    const uint64_t *numbers = tally->numbers;
    struct llmobs_json *spool = llmobs_json_object();
    struct llmobs_json *alerts = llmobs_json_object();
    struct llmobs_json *processes = llmobs_json_object();
    const struct llmobs_counts *sum = &tally->sum;
    struct llmobs_json *dropped = llmobs_json_object();

    for (int i = 0; i <= FIRST_ROWS; i++)
        set_number(object, rows[i].name, tally->numbers[i]);
    for (size_t i = 0; i < sum->len; i++)
        if (reason(&sum->list[i]))
            set_number(dropped, reason(&sum->list[i]), sum->list[i].value);
    llmobs_json_set(object, "dropped_by_reason", dropped);
    for (size_t i = 0; i < sum->len; i++)
        if (is_aside(&sum->list[i]))
            set_number(object, sum->list[i].name, sum->list[i].value);
    if (numbers[LLMOBS_TALLY_LAST] > 0)
        set_number(object, "last_drop_seconds", numbers[LLMOBS_TALLY_LAST]);
    set_number(spool, "of_ended", tally->destinations.spool.ours);
    set_number(spool, "of_running", tally->destinations.spool.living);
    set_number(spool, "unreadable", numbers[LLMOBS_TALLY_UNREADABLE]);
    set_number(spool, "oldest_seconds", numbers[LLMOBS_TALLY_OLDEST]);
    llmobs_json_set(object, "spool", spool);
    set_bool(alerts, "dropped", tally->lost);
    set_bool(alerts, "spooled", tally->stale);
    set_bool(alerts, "set_aside", tally->numbers[LLMOBS_TALLY_SET_ASIDE] > 0);
    set_bool(alerts, "fell_back", tally->numbers[LLMOBS_TALLY_FELL_BACK] > 0);
    llmobs_json_set(object, "alerts", alerts);
    set_number(processes, "ended", numbers[LLMOBS_TALLY_ENDED]);
    set_number(processes, "running", numbers[LLMOBS_TALLY_RUNNING]);
    llmobs_json_set(object, "processes", processes);
    llmobs_json_set(object, "failing",
                    make_said(tally, config, 0, LLMOBS_ANSWERS));
    llmobs_json_set(
        object, "waiting",
        make_said(tally, config, LLMOBS_ANSWERS, LLMOBS_ADOPT_PLACES));
    set_bool(object, "relay", numbers[LLMOBS_TALLY_RELAY] != 0);
}

static int print_json(const struct llmobs_tallies *tallies,
                      const struct llmobs_tally *sum)
{
    struct llmobs_json *object = llmobs_json_object();
    int rc;

    if (sum) {
        struct llmobs_json *users = llmobs_json_array();
        struct llmobs_json *all = llmobs_json_object();

        for (size_t i = 0; i < tallies->count; i++) {
            const struct llmobs_tally *tally = &tallies->list[i];
            struct llmobs_json *user = llmobs_json_object();
            char name[LLMOBS_ACCOUNT_NAME];

            llmobs_account_name(tally->uid, name);
            set_number(user, "uid", tally->uid);
            llmobs_json_sets(user, "user", name);
            set_bool(user, "readable", tally->error == 0);
            if (tally->error == 0)
                set_tally(user, tally, tallies->config);
            llmobs_json_add(users, user);
        }
        llmobs_json_set(object, "users", users);
        set_tally(all, sum, tallies->config);
        llmobs_json_set(object, "sum", all);
    } else {
        struct llmobs_json *wrapped = llmobs_json_array();
        char text[LLMOBS_WRAPPED_FILE], *at = NULL;
        const char *line;

        while ((line = next_wrapped(tallies->list, &at, text)))
            llmobs_json_add(wrapped, llmobs_json_string(line));
        set_tally(object, tallies->list, tallies->config);
        llmobs_json_set(object, "wrapped_by", wrapped);
        llmobs_json_sets(object, "directory", tallies->list->dir);
    }
    rc = llmobs_json_error(object);
    if (rc == 0)
        rc = llmobs_json_out_value(object);
    llmobs_json_free(object);
    return rc;
}

/* -- Prometheus ------------------------------------------------------------ */

/* Prints a label, unless it has no value. */
static void print_label(const char *name, const char *value, const char **sep)
{
    struct llmobs_text rest;
    uint32_t point;

    if (*value == '\0')
        return;
    printf("%s%s=\"", *sep, name);
    /* Prints a label's value: a backslash, a quote and a line's end are
     * escaped, other controls and what is no UTF-8 become U+FFFD. */
    rest = llmobs_text_of(value);
    while (rest.len > 0) {
        size_t len = llmobs_utf8_decode(rest, &point);
        char c = *rest.data;

        if (c == '\n')
            fputs("\\n", stdout);
        else if (len == 0 || point < ' ' || point == 0x7f)
            fputs("\xef\xbf\xbd", stdout);
        else
            printf("%s%.*s", c == '\\' || c == '"' ? "\\" : "", (int)len,
                   rest.data);
        len += len == 0;
        rest.data += len;
        rest.len -= len;
    }
    putchar('"');
    *sep = ",";
}

/* The labels of a sample. */
struct labels {
    const char *reason;
    const struct llmobs_tally *user;
    const struct llmobs_tally_group *group;
};

static void print_sample(const char *metric, const struct labels *labels,
                         uint64_t value)
{
    const struct llmobs_tally_group *group = labels->group;
    char name[LLMOBS_ACCOUNT_NAME], uid[16];
    const char *sep = "{";

    printf("llmobs_%s", metric);
    if (labels->user) {
        llmobs_account_name(labels->user->uid, name);
        snprintf(uid, sizeof(uid), "%lu", (unsigned long)labels->user->uid);
        print_label("user", name, &sep);
        print_label("uid", uid, &sep);
    }
    if (group) {
        print_label("unit", group->names.unit, &sep);
        print_label("pool", group->names.pool, &sep);
        print_label("container_id", group->container, &sep);
    }
    if (labels->reason)
        print_label("reason", labels->reason, &sep);
    printf("%s %" PRIu64 "\n", *sep == '{' ? "" : "}", value);
}

static void begin_metric(const char *metric, const char *more, bool gauge,
                         const char *help)
{
    printf("# HELP llmobs_%s%s %s\n# TYPE llmobs_%s%s %s\n", metric, more, help,
           metric, more, gauge ? "gauge" : "counter");
}

/* Where there is no sum, there is one tally, whose samples have no labels. */
struct metrics {
    const struct llmobs_tallies *tallies;
    const struct llmobs_tally *sum;
};

/* The next tally with numbers, and its labels; NULL at the end. */
static const struct llmobs_tally *next_tally(const struct metrics *metrics,
                                             size_t *at, struct labels *labels)
{
    const struct llmobs_tallies *tallies = metrics->tallies;

    while (*at < tallies->count && tallies->list[*at].error)
        ++*at;
    if (*at >= tallies->count)
        return NULL;
    memset(labels, 0, sizeof(*labels));
    labels->user = metrics->sum ? &tallies->list[*at] : NULL;
    return &tallies->list[(*at)++];
}

static void print_metric(const struct metrics *metrics, int row)
{
    const struct llmobs_tally *tally;
    struct labels labels;
    size_t at = 0;

    begin_metric(rows[row].metric, "", rows[row].gauge, rows[row].help);
    while ((tally = next_tally(metrics, &at, &labels)) != NULL) {
        /* A number of running processes is told for each of their units. */
        bool each = row == LLMOBS_TALLY_PENDING || row == LLMOBS_TALLY_RUNNING;

        for (size_t i = 0; each && i < tally->group_count; i++) {
            labels.group = &tally->groups[i];
            print_sample(rows[row].metric, &labels,
                         row == LLMOBS_TALLY_PENDING ? labels.group->pending
                                                     : labels.group->processes);
        }
        if (!each || tally->group_count == 0)
            print_sample(rows[row].metric, &labels, tally->numbers[row]);
    }
}

static void print_asides(const struct metrics *metrics,
                         const struct llmobs_counts *sum)
{
    for (int i = 0; i < LLMOBS_STAT_COUNT; i++) {
        const char *name = llmobs_stats_name((enum llmobs_stat)i);
        struct llmobs_count count = {.value = llmobs_counts_get(sum, name)};

        snprintf(count.name, sizeof(count.name), "%s", name);
        if (is_aside(&count)) {
            /* Prints a counter of this version: another name, which a ledger
             * may have from anywhere, might be that of another metric. */
            const struct llmobs_tally *tally;
            char metric[LLMOBS_COUNTS_NAME_MAX + sizeof("_total")];
            struct labels labels;
            size_t at = 0;

            snprintf(metric, sizeof(metric), "%s_total", name);
            begin_metric(name, "_total", false, "A counter of `llmobs stats`.");
            while ((tally = next_tally(metrics, &at, &labels)) != NULL)
                print_sample(metric, &labels,
                             llmobs_counts_get(&tally->sum, name));
        }
    }
}

static int print_prometheus(const struct llmobs_tallies *tallies,
                            const struct llmobs_tally *sum)
{
    const struct metrics metrics = {tallies, sum};
    const struct llmobs_tally *tally;
    struct labels labels;
    size_t at;

    for (int gauge = 0; gauge < 2; gauge++)
        for (int i = 0; i < FIRST_ROWS; i++)
            if (rows[i].gauge == gauge)
                print_metric(&metrics, i);
    at = 0;
    begin_metric("dropped_total", "", false, "Lost, by reason.");
    while ((tally = next_tally(&metrics, &at, &labels)) != NULL)
        for (size_t i = 0; i < tally->sum.len; i++) {
            labels.reason = reason(&tally->sum.list[i]);
            if (labels.reason)
                print_sample("dropped_total", &labels,
                             tally->sum.list[i].value);
        }
    print_asides(&metrics, sum ? &sum->sum : &tallies->list->sum);
    at = 0;
    begin_metric("alert", "", true, "1: --check fails for this reason.");
    while ((tally = next_tally(&metrics, &at, &labels)) != NULL) {
        labels.reason = "dropped";
        print_sample("alert", &labels, tally->lost);
        labels.reason = "spooled";
        print_sample("alert", &labels, tally->stale);
        labels.reason = "set_aside";
        print_sample("alert", &labels,
                     tally->numbers[LLMOBS_TALLY_SET_ASIDE] > 0);
        labels.reason = "fell_back";
        print_sample("alert", &labels,
                     tally->numbers[LLMOBS_TALLY_FELL_BACK] > 0);
    }
    for (int i = FIRST_ROWS + 1; i < LLMOBS_TALLY_NUMBERS; i++)
        print_metric(&metrics, i);
    if (sum)
        begin_metric("readable", "", true,
                     "1: the user's counts could be read.");
    for (size_t i = 0; sum && i < tallies->count; i++)
        print_sample("readable", &(struct labels){.user = &tallies->list[i]},
                     tallies->list[i].error == 0);
    return 0;
}

#define COMMAND "llmobs stats"

/* An entry that is older than this is stuck in the spool. */
#define CHECK_S 3600

struct stats {
    const char *store;  /* NULL: as the environment says */
    const char *output; /* NULL: stdout */
    enum llmobs_stats_form form;
    bool check;
    long check_s; /* an older entry of the spool is stuck */
    bool users;
    struct llmobs_gate gate;
    struct llmobs_tallies tallies;
};

static int read_check(const struct llmobs_cli_option *option, const char *value)
{
    struct stats *stats = option->to;
    const struct llmobs_cli_option seconds =
        LLMOBS_CLI_VALUE(option->name, NULL, &stats->check_s);

    stats->check = true;
    return value ? llmobs_cli_seconds(&seconds, value) : 0;
}

/* -- the output ------------------------------------------------------------ */

/* With `users`, the user of each tally is named, and a sum added. */
static int print(void *ctx)
{
    const struct stats *stats = ctx;
    const struct llmobs_tallies *tallies = &stats->tallies;
    char name[LLMOBS_ACCOUNT_NAME];
    struct llmobs_tally sum;
    int rc;

    if (stats->users)
        llmobs_tally_sum(tallies, &sum);
    if (stats->form == LLMOBS_STATS_JSON)
        return print_json(tallies, stats->users ? &sum : NULL);
    if (stats->form == LLMOBS_STATS_PROMETHEUS)
        return print_prometheus(tallies, stats->users ? &sum : NULL);
    if (!stats->users) {
        print_tally(tallies->list);
        return 0;
    }
    rc = llmobs_screen_cell("USER", NAME_COLUMNS - 1, NAME_COLUMNS);
    for (size_t i = 0; i < COLUMNS; i++)
        printf(" %9s", columns[i].title);
    putchar('\n');
    for (size_t i = 0; i < tallies->count && rc == 0; i++) {
        llmobs_account_name(tallies->list[i].uid, name);
        rc = print_line(name, &tallies->list[i]);
    }
    return rc != 0 ? rc : print_line("sum", &sum);
}

/* -- what is wrong --------------------------------------------------------- */

/* Prints a line about a user. */
__attribute__((format(printf, 3, 4))) static void say(
    const struct stats *stats, const struct llmobs_tally *tally,
    const char *format, ...)
{
    char name[LLMOBS_ACCOUNT_NAME], text[PATH_MAX + LLMOBS_DESTINATION_TEXT];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fflush(stdout);
    llmobs_account_name(tally->uid, name);
    llmobs_tell(COMMAND ": %s%s%s\n", stats->users ? name : "",
                stats->users ? ": " : "", text);
}

static void print_drops(const struct stats *stats,
                        const struct llmobs_tally *tally, const char *before)
{
    char room[LLMOBS_DESTINATION_TIME];

    say(stats, tally, "%sdropped: %" PRIu64 ", the last at %s", before,
        tally->drops.count,
        llmobs_destination_time((int64_t)tally->drops.at_ns, room));
}

/* A check is about what has lasted, or explains another alert. */
static void print_failures(const struct stats *stats,
                           const struct llmobs_tally *tally)
{
    const struct llmobs_destinations *all = &tally->destinations;
    int64_t since =
        llmobs_clock_wall_ns() - stats->check_s * 1000 * LLMOBS_NS_PER_MS;
    uint64_t fallen = tally->numbers[LLMOBS_TALLY_FELL_BACK];
    char text[LLMOBS_DESTINATION_TEXT];

    for (size_t i = 0; i < LLMOBS_DESTINATIONS_ROWS; i++) {
        int64_t began = i < LLMOBS_ANSWERS
                            ? all->answers[i].since_ns
                            : all->spool.places[i - LLMOBS_ANSWERS].oldest_ns;

        if ((stats->check && !tally->lost && !tally->stale && fallen == 0 &&
             began > since) ||
            !llmobs_destinations_say(all, i, stats->tallies.config, text))
            continue;
        say(stats, tally, "%s", text);
    }
    if (all->spool.set_aside > 0)
        say(stats, tally, LLMOBS_DESTINATION_ASIDE, all->spool.set_aside);
    if (fallen > 0)
        say(stats, tally,
            "%" PRIu64 " fell back to the local store, as their destination "
            "was away: `llmobs drain --store` sends them",
            fallen);
}

/* -- the command ----------------------------------------------------------- */

/* In Prometheus' format a metric says which users could not be read. */
static int count_status(const struct stats *stats)
{
    const struct llmobs_config *config = stats->tallies.config;
    int status = LLMOBS_CLI_OK;

    for (size_t i = 0; i < stats->tallies.count; i++) {
        const struct llmobs_tally *tally = &stats->tallies.list[i];
        uint64_t restarts =
            llmobs_counts_get(&tally->sum, LLMOBS_LEDGER_RESTARTS);
        char name[LLMOBS_LOOSE_SIZE];
        bool taken = tally->dir && llmobs_config_taken(tally->dir, name);
        bool none = taken && tally->dir[strlen(name)] == '/';

        if (tally->error)
            say(stats, tally, "%s%s%s", tally->dir ? tally->dir : "",
                tally->dir ? ": " : "",
                tally->error == -ECHILD ? "the reading broke off"
                                        : strerror(-tally->error));
        if (taken && none)
            say(stats, tally,
                "%s and its like belong to another user: nothing is recorded; "
                "have root remove them",
                name);
        else if (taken)
            say(stats, tally,
                "%s belongs to another user: %.*s is in its place", name,
                (int)(strrchr(tally->dir, '/') - tally->dir), tally->dir);
        if (tally->unreadable > 0)
            say(stats, tally, "%zu file%s in %s could not be read",
                tally->unreadable, tally->unreadable == 1 ? "" : "s",
                tally->dir);
        if (tally->versions > 0)
            say(stats, tally, LLMOBS_CLI_VERSIONS(tally->versions));
        if (restarts > 0)
            say(stats, tally,
                "the totals in %s could not be read and began anew %" PRIu64
                " time%s",
                tally->dir, restarts, restarts == 1 ? "" : "s");
        if (stats->tallies.acknowledge && tally->drops.count > 0 &&
            !tally->error)
            print_drops(stats, tally, "acknowledged: ");
        if (stats->check && tally->lost)
            print_drops(stats, tally, "");
        if (stats->check && tally->stale)
            say(stats, tally,
                "in the spool for %" PRIu64
                " s: its destination is away, or neither `llmobs relay` nor "
                "`llmobs drain` runs",
                tally->numbers[LLMOBS_TALLY_OLDEST]);
        if (stats->check || stats->form == LLMOBS_STATS_TEXT)
            print_failures(stats, tally);
        /* A person who looks for spans in vain learns why. */
        if (stats->check || stats->users || stats->form != LLMOBS_STATS_TEXT ||
            tally->blind)
            ;
        else if (tally->numbers[LLMOBS_TALLY_CAPTURED] == 0 && !tally->error)
            say(stats, tally,
                "no call was seen; `llmobs doctor --run CMD` tells why");
        else if (config->agentless == 1 && !config->api_key &&
                 config->exporter && strcmp(config->exporter, "auto") == 0)
            say(stats, tally,
                "without a DD_API_KEY calls stay in the local store");
        if ((tally->error && stats->form != LLMOBS_STATS_PROMETHEUS) ||
            (stats->check && (tally->lost || tally->stale || tally->error ||
                              none || (tally->blind && !stats->users) ||
                              tally->numbers[LLMOBS_TALLY_SET_ASIDE] > 0 ||
                              tally->numbers[LLMOBS_TALLY_FELL_BACK] > 0)))
            status = LLMOBS_CLI_FAILED;
    }
    return status;
}

static int count(struct stats *stats)
{
    struct llmobs_tallies *tallies = &stats->tallies;
    char store[PATH_MAX];
    int rc = llmobs_config_store_dir(tallies->config, store, sizeof(store));

    if (rc == 0 && !llmobs_cli_spares_store(COMMAND, stats->output, store))
        return LLMOBS_CLI_FAILED;
    tallies->groups = stats->users && stats->form == LLMOBS_STATS_PROMETHEUS;
    rc = stats->users ? llmobs_tally_users(tallies) : llmobs_tally_own(tallies);
    for (size_t i = 0; i < tallies->count; i++) {
        struct llmobs_tally *one = &tallies->list[i];

        /* A drop at an unknown time may have been after `--since`. */
        one->lost = llmobs_tally_has_news(one) &&
                    (one->drops.at_ns == 0 ||
                     one->drops.at_ns >= (uint64_t)stats->gate.filter.since_ns);
        one->stale =
            one->numbers[LLMOBS_TALLY_OLDEST] > (uint64_t)stats->check_s;
        for (size_t k = 0; k < LLMOBS_ANSWERS; k++)
            one->blind |= one->numbers[LLMOBS_TALLY_CAPTURED] == 0 &&
                          one->destinations.answers[k].since_ns < 0;
    }
    /* A check without another form prints what is wrong alone, as cron mails
     * each line. The mode is 0666, less the umask, as node_exporter reads the
     * file as another user. */
    if (rc == 0 && stats->output && strcmp(stats->output, "-") != 0)
        rc = llmobs_new_file_tell(
            COMMAND, stats->output,
            llmobs_new_file_of_stdout(stats->output, 0666, print, stats));
    else if (rc == 0 && (!stats->check || stats->form != LLMOBS_STATS_TEXT ||
                         stats->output))
        rc = print(stats);
    if (rc != 0 && rc != -ECANCELED)
        llmobs_tell(COMMAND ": %s%s%s\n",
                    !stats->users && tallies->count > 0 && tallies->list->dir
                        ? tallies->list->dir
                        : "",
                    stats->users ? "" : ": ", strerror(-rc));
    return rc == 0 ? count_status(stats) : LLMOBS_CLI_FAILED;
}

/* Says why the options do not go together, or NULL. Limits are about the calls
 * in the store; all other options are about captured calls. */
static const char *why_wrong(const struct stats *stats)
{
    const struct llmobs_filter *filter = &stats->gate.filter;

    if (llmobs_gate_has_limit(&stats->gate))
        return stats->form != LLMOBS_STATS_TEXT || stats->check ||
                       stats->users || stats->tallies.acknowledge ||
                       stats->output
                   ? "--json, --prometheus, --output, --users, --acknowledge "
                     "and --check do not go with a limit"
                   : NULL;
    if (filter->keys[LLMOBS_KEY_ML_APP].pattern ||
        filter->keys[LLMOBS_KEY_SERVICE].pattern)
        return "--ml-app and --service need a limit such as --max-cost";
    if (filter->since_ns > 0 && !stats->check)
        return "--since needs --check, or a limit such as --max-cost";
    if (filter->since_ns > llmobs_clock_wall_ns())
        return "--since: that time is to come, and nothing is lost since then";
    if (stats->users && stats->store)
        return "--users goes to the places of all users, --store to one";
    if (stats->check && stats->tallies.acknowledge)
        return "--acknowledge ends the alert for which --check looks";
    return NULL;
}

static int run(struct stats *stats)
{
    bool gated = llmobs_gate_has_limit(&stats->gate);
    const char *why = why_wrong(stats);
    int status;

    if (why) {
        llmobs_tell(COMMAND ": %s\n", why);
        return LLMOBS_CLI_USAGE;
    }
    if (stats->store && access(stats->store, F_OK) != 0 && errno == ENOENT) {
        llmobs_cli_no_store(COMMAND, stats->store);
        return gated ? LLMOBS_CLI_USAGE : LLMOBS_CLI_FAILED;
    }
    if (gated)
        return llmobs_gate_check(&stats->gate, stats->store);
    status = LLMOBS_CLI_FAILED;
    stats->tallies.config = llmobs_cli_config(stats->store);
    if (stats->tallies.config)
        status = count(stats);
    else
        llmobs_tell(COMMAND ": %s\n", strerror(ENOMEM));
    llmobs_config_free(stats->tallies.config);
    llmobs_tally_fini(&stats->tallies);
    return status;
}

int llmobs_cmd_stats(int argc, char **argv)
{
    static struct stats stats = {.check_s = CHECK_S};
    static const struct llmobs_cli_option options[] = {
        LLMOBS_CLI_VALUE("store", llmobs_cli_text, &stats.store),
        LLMOBS_CLI_FLAG("users", &stats.users),
        LLMOBS_CLI_PICK("json", &stats.form, LLMOBS_STATS_JSON),
        LLMOBS_CLI_PICK("prometheus", &stats.form, LLMOBS_STATS_PROMETHEUS),
        {"output", llmobs_cli_filled, &stats.output, 'o', required_argument, 0,
         NULL},
        {"check", read_check, &stats, 0, optional_argument, 0, NULL},
        LLMOBS_CLI_FLAG("acknowledge", &stats.tallies.acknowledge),
        LLMOBS_CLI_VALUE("max-cost", llmobs_gate_cost, &stats.gate.max_cost),
        LLMOBS_CLI_VALUE("max-tokens", llmobs_gate_count,
                         &stats.gate.max_tokens),
        LLMOBS_CLI_VALUE("max-errors", llmobs_gate_count,
                         &stats.gate.max_errors),
        LLMOBS_CLI_VALUE("since", llmobs_when_set, &stats.gate.filter.since_ns),
        LLMOBS_CLI_VALUE("ml-app", llmobs_filter_option,
                         &stats.gate.filter.keys[LLMOBS_KEY_ML_APP]),
        LLMOBS_CLI_VALUE("service", llmobs_filter_option,
                         &stats.gate.filter.keys[LLMOBS_KEY_SERVICE]),
        LLMOBS_CLI_END};
    int status;

    llmobs_gate_init(&stats.gate);
    status = llmobs_cli_parse(argc, argv, options);
    if (status < 0)
        status = run(&stats);
    llmobs_gate_fini(&stats.gate);
    return status;
}
