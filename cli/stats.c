#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/gate.h"
#include "cli/query/when.h"
#include "cli/shared/accounts.h"
#include "cli/shared/cli.h"
#include "cli/shared/destinations.h"
#include "cli/shared/new_file.h"
#include "cli/shared/options.h"
#include "cli/shared/tell.h"
#include "cli/stats_show.h"
#include "core/config/state_dir.h"
#include "lib/base/clock.h"

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

static int print(void *ctx)
{
    const struct stats *stats = ctx;

    return llmobs_stats_show(&stats->tallies, stats->users, stats->form);
}

/* A check without another form prints what is wrong alone, as cron mails each
 * line. The mode is 0666, less the umask, as node_exporter reads the file as
 * another user. */
static int write_output(struct stats *stats)
{
    if (stats->check && stats->form == LLMOBS_STATS_TEXT && !stats->output)
        return 0;
    if (!stats->output || strcmp(stats->output, "-") == 0)
        return print(stats);
    return llmobs_new_file_tell(
        COMMAND, stats->output,
        llmobs_new_file_of_stdout(stats->output, 0666, print, stats));
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
    if (fallen > 0)
        say(stats, tally,
            "%" PRIu64 " fell back to the local store, as the spool had no "
            "room: `llmobs drain --store` sends them",
            fallen);
}

/* A person who looks for spans in vain learns why. */
static void print_reason(const struct stats *stats,
                         const struct llmobs_tally *tally)
{
    const struct llmobs_config *config = stats->tallies.config;

    if (tally->blind)
        return;
    if (tally->numbers[LLMOBS_TALLY_CAPTURED] == 0 && !tally->error)
        say(stats, tally,
            "no call was seen; `llmobs doctor --run CMD` tells why");
    else if (config->agentless == 1 && !config->api_key && config->exporter &&
             strcmp(config->exporter, "auto") == 0)
        say(stats, tally, "without a DD_API_KEY calls stay in the local store");
}

/* -- the command ----------------------------------------------------------- */

/* In Prometheus' format a metric says which users could not be read. */
static int count_status(const struct stats *stats)
{
    int status = LLMOBS_CLI_OK;

    for (size_t i = 0; i < stats->tallies.count; i++) {
        const struct llmobs_tally *tally = &stats->tallies.list[i];
        uint64_t restarts =
            llmobs_counts_get(&tally->sum, LLMOBS_LEDGER_RESTARTS);

        if (tally->error)
            say(stats, tally, "%s%s%s", tally->dir ? tally->dir : "",
                tally->dir ? ": " : "",
                tally->error == -ECHILD ? "the reading broke off"
                                        : strerror(-tally->error));
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
        if (!stats->check && !stats->users && stats->form == LLMOBS_STATS_TEXT)
            print_reason(stats, tally);
        if ((tally->error && stats->form != LLMOBS_STATS_PROMETHEUS) ||
            (stats->check && (tally->lost || tally->stale || tally->error ||
                              (tally->blind && !stats->users) ||
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
    if (rc == 0)
        rc = write_output(stats);
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
