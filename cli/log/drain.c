/* Runs the command `llmobs drain`. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/log/drain_round.h"
#include "cli/shared/cli.h"
#include "cli/shared/descriptors.h"
#include "cli/shared/destinations.h"
#include "cli/shared/ending.h"
#include "cli/shared/environment.h"
#include "cli/shared/options.h"
#include "cli/shared/tell.h"
#include "lib/base/log.h"
#include "cli/query/evaluations.h"
#include "core/config/config.h"
#include "core/config/state_dir.h"
#include "core/export/store.h"
#include "core/ledger/ledger.h"
#include "core/log/spool.h"
#include "core/log/spool_file.h"
#include "lib/base/clock.h"
#include "lib/base/dirs.h"
#include "lib/base/file.h"
#include "lib/base/listing.h"
#include "lib/base/stats.h"

#define USER_S 60

struct drain {
    char **argv;
    const char *dir; /* NULL: the configured spool; for root, all users' */
    const char *to;  /* NULL: the configured exporter, and only entries that
                      * were meant for its destination */
    long user_s;
    bool json;
    bool store; /* also what fell back to this user's store */
    bool waits; /* only says what waits, for llmobs-run */
    struct llmobs_drain_round round;
    struct llmobs_drain_outcome sum;
};

/* -- events that fell back to the local store ------------------------------ */

/* Their destination was away (LLMOBS_STORE_UNSENT). */

/* An event is in the spool before its line says so, and another drain waits for
 * the lock. The store's writers wait for it for 200 ms, and then write without
 * it. */
static int move_lines(struct llmobs_spool *spool, int dir, const char *name)
{
    const size_t mark = strlen(LLMOBS_STORE_UNSENT);
    int fd = llmobs_file_open(dir, name, O_RDWR), rc = 0;
    FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;

    if (!file)
        return fd < 0 ? fd : -errno;
    if (llmobs_file_lock(fd, F_WRLCK, 2000) == -EBUSY)
        rc = -EBUSY;
    for (off_t end = 0; rc == 0 && (len = getline(&line, &cap, file)) > 0;) {
        struct llmobs_text text = {line, (size_t)len - mark};
        struct llmobs_spooled spooled = {.stored = true};

        end += len;
        if ((size_t)len <= mark || strcmp(line + text.len, LLMOBS_STORE_UNSENT))
            continue;
        rc = llmobs_spool_write_event(
            spool, &spooled, llmobs_evaluations_may_be_one(text), text);
        if (rc == 0 && pwrite(fd, "\t", 1, end - (off_t)mark) != 1)
            rc = -errno;
        llmobs_stats_add(LLMOBS_STAT_recovered, rc == 0);
    }
    free(line);
    fclose(file);
    return rc;
}

/* The spool takes all that the store has. */
static int move(struct llmobs_config config, uint64_t fallen)
{
    struct llmobs_spool *spool;
    struct llmobs_listing list;
    char path[PATH_MAX];
    const char *name;
    uint64_t moved;
    int dir, rc = llmobs_config_store_dir(&config, path, sizeof(path));

    config.spool_max = INT64_MAX / 2;
    spool = llmobs_spool_new(&config);
    if (rc == 0)
        rc = spool ? llmobs_dirs_open(path, config.store_dir, true, &dir)
                   : -ENOMEM;
    if (rc == 0)
        rc = llmobs_listing_open(&list, dir);
    while (rc == 0 && (name = llmobs_listing_next(&list)) != NULL)
        if (llmobs_store_has(name))
            rc = move_lines(spool, list.fd, name);
    moved = llmobs_stats_get(LLMOBS_STAT_recovered);
    if (rc == 0 && moved < fallen) {
        llmobs_stats_add(LLMOBS_STAT_adopted, fallen - moved);
        llmobs_stats_add(LLMOBS_STAT_dropped_expired, fallen - moved);
        llmobs_stats_add(LLMOBS_STAT_recovered, fallen - moved);
    }
    llmobs_ledger_close(&config);
    return rc;
}

/* Moves them to the spool, for this configuration's destinations. The store
 * keeps them as events that were sent. If the process is killed, at most one is
 * moved again. Those that the store has lost meanwhile count as expired. */
static int move_counted(const struct llmobs_config *config)
{
    struct llmobs_ledger ledger;
    char dir[PATH_MAX];
    int status = 0, rc = llmobs_ledger_dir(config, dir, sizeof(dir));
    uint64_t fallen;
    pid_t pid;

    if (rc != 0 || llmobs_ledger_read(dir, &ledger) != 0)
        return rc;
    (void)llmobs_counts_merge(&ledger.ended, &ledger.living);
    fallen = llmobs_ledger_fallen(&ledger.ended);
    if (config->exporter && strstr(config->exporter, "store"))
        return 0; /* that has them */
    pid = fallen > 0 ? fork() : 0;
    if (fallen > 0 && pid == 0)
        _exit(-move(*config, fallen));
    if (pid < 0 || (pid > 0 && waitpid(pid, &status, 0) < 0))
        return -errno;
    return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}

/* Of two at once, the second finds what the first has moved counted. */
static int fallen_move(const struct llmobs_config *config)
{
    char path[PATH_MAX];
    int rc, lock = llmobs_config_store_dir(config, path, sizeof(path)) == 0
                       ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                       : -1;

    if (lock >= 0)
        (void)flock(lock, LOCK_EX);
    rc = move_counted(config);
    if (lock >= 0)
        close(lock);
    return rc;
}

/* -- arguments ------------------------------------------------------------ */

static int read_place(const struct llmobs_cli_option *option, const char *value)
{
    return strcmp(value, "agent") == 0 || strcmp(value, "agentless") == 0 ||
                   strcmp(value, "otlp") == 0 || strcmp(value, "store") == 0 ||
                   strstr(value, "://")
               ? llmobs_cli_text(option, value)
               : llmobs_cli_refuse(option->name, NULL,
                                   "none of agent, agentless, otlp, store, "
                                   "and no URL of http, https or unix");
}

/* -- where to ------------------------------------------------------------- */

static void hear(void *about_url, const char *text)
{
    *(bool *)about_url |= strncmp(text, "DD_TRACE_AGENT_URL:", 19) == 0;
}

/* -- all places ----------------------------------------------------------- */

static void log_drain_done(void *ctx, const char *path,
                           const struct llmobs_drain_outcome *out)
{
    struct drain *drain = ctx;

    if (out->error != 0)
        llmobs_apart_tell(drain->argv[0], path, "the delivery", out->error);
    for (size_t i = 0; i < sizeof(out->counts) / sizeof(*out->counts); i++)
        drain->sum.counts[i] += out->counts[i];
    if (drain->sum.error == 0)
        drain->sum.error = out->error;
}

/* -- telling -------------------------------------------------------------- */

static void print(const struct drain *drain)
{
    const struct llmobs_drain_outcome *sum = &drain->sum;

    if (drain->json) {
        printf("{\"delivered\":%" PRIu64 ",\"left\":%" PRIu64
               ",\"for_other_destinations\":%" PRIu64 ",\"expired\":%" PRIu64
               ",\"refused\":%" PRIu64 ",\"sampled_out\":%" PRIu64
               ",\"unreadable\":%" PRIu64 ",\"set_aside\":%" PRIu64 "}\n",
               sum->delivered, sum->left, sum->others, sum->expired,
               sum->refused, sum->sampled_out, sum->unreadable, sum->set_aside);
    } else {
        printf("delivered %" PRIu64 ", left %" PRIu64, sum->delivered,
               sum->left);
        if (sum->others > 0)
            printf(" (for other destinations %" PRIu64 ")", sum->others);
        printf(", expired %" PRIu64 ", unreadable %" PRIu64, sum->expired,
               sum->unreadable);
        if (sum->refused > 0)
            printf(", refused %" PRIu64, sum->refused);
        if (sum->sampled_out > 0)
            printf(", sampled out %" PRIu64, sum->sampled_out);
        if (sum->set_aside > 0)
            printf(", set_aside %" PRIu64, sum->set_aside);
        putchar('\n');
    }
    fflush(stdout);
    if (sum->versions > 0) {
        llmobs_tell("%s: ", drain->argv[0]);
        llmobs_tell(LLMOBS_CLI_VERSIONS(sum->versions));
        llmobs_tell("\n");
    }
    llmobs_destinations_tell(drain->argv[0], drain->round.config, false);
}

/* -- the command ---------------------------------------------------------- */

/* The exit status; -1: there is a place to deliver to. None where --to names an
 * exporter that the environment switches off: its entries would go to the local
 * store. */
static int open_place(struct drain *drain)
{
    const char *command = drain->argv[0];
    bool is_url = drain->to && strstr(drain->to, "://"), about_url = false;
    struct llmobs_environment environment;
    struct llmobs_config *config = NULL;
    struct llmobs_otlp_signal *signals, *traces;
    int rc = llmobs_environment_init(&environment, environ);

    /* The environment, with the exporter that --to stands for. */
    if (rc == 0 && drain->to)
        rc = llmobs_environment_set(&environment, "LLMOBS_EXPORTER",
                                    is_url ? "agent" : drain->to);
    if (rc == 0 && is_url)
        rc = llmobs_environment_set(&environment, "DD_TRACE_AGENT_URL",
                                    drain->to);
    if (rc == 0)
        drain->round.config = config = llmobs_config_load(
            (const char *const *)environment.entries, hear, &about_url);
    if (!config) {
        llmobs_tell("%s: %s\n", command, strerror(rc != 0 ? -rc : ENOMEM));
        return LLMOBS_CLI_FAILED;
    }
    signals = config->otlp.signals;
    traces = &signals[LLMOBS_SIGNAL_TRACES];
    if (drain->to && strcmp(drain->to, "otlp") != 0) {
        /* All entries go to one place. OTLP's logs and metrics would keep
         * entries that the place has already taken. */
        signals[LLMOBS_SIGNAL_LOGS].on = false;
        signals[LLMOBS_SIGNAL_METRICS].on = false;
    }
    if (is_url) {
        free(config->override_origin);
        config->override_origin = NULL;
    }
    llmobs_cli_have_spool(config);
    if (is_url && about_url) {
        llmobs_tell("%s: --to: no URL of http, https or unix\n", command);
        return LLMOBS_CLI_USAGE;
    }
    if (!drain->to || strcmp(drain->to, "otlp") != 0 || traces->on)
        return -1;
    llmobs_tell("%s: --to otlp: %s\n", command,
                traces->misplaced
                    ? "the endpoint is no URL"
                    : "OTEL_SDK_DISABLED or OTEL_TRACES_EXPORTER switches it "
                      "off");
    return LLMOBS_CLI_FAILED;
}

/* Programs that find the same files at one time start a drain each, of which
 * one works: its lock ends with its process. */
static bool is_second(const struct drain *drain)
{
    int base;

    return drain->round.own &&
           llmobs_spool_open_dir(drain->round.config, true, &base) == 0 &&
           flock(base, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

static int run(struct drain *drain)
{
    const struct llmobs_drain_outcome *sum = &drain->sum;
    int rc;

    if (is_second(drain))
        return LLMOBS_CLI_OK;
    llmobs_log_init(drain->round.config->log_path,
                    (enum llmobs_log_level)drain->round.config->log_level);
    signal(SIGCHLD, SIG_DFL);
    (void)llmobs_ending_block(true);
    rc = drain->store ? fallen_move(drain->round.config) : 0;
    if (rc == 0)
        rc = llmobs_drain_run(&drain->round, drain->dir);
    if (rc == -ENOENT && drain->dir)
        llmobs_cli_no_store(drain->argv[0], drain->dir);
    else if (rc != 0 && rc != -EINTR)
        llmobs_apart_tell(drain->argv[0], drain->dir ? drain->dir : "spool",
                          "the delivery", rc);
    if (rc != 0 && drain->sum.error == 0)
        drain->sum.error = rc;
    print(drain);
    return sum->error == 0 && sum->left == 0 && sum->unreadable == 0
               ? LLMOBS_CLI_OK
               : LLMOBS_CLI_FAILED;
}

int llmobs_cmd_drain(int argc, char **argv)
{
    static struct drain drain = {.user_s = USER_S};
    static const struct llmobs_cli_option options[] = {
        LLMOBS_CLI_VALUE("user-time", llmobs_cli_seconds, &drain.user_s),
        LLMOBS_CLI_VALUE("to", read_place, &drain.to),
        LLMOBS_CLI_VALUE("for", llmobs_cli_filled, &drain.round.place),
        LLMOBS_CLI_FLAG("store", &drain.store),
        LLMOBS_CLI_VALUE("dir", llmobs_cli_filled, &drain.dir),
        LLMOBS_CLI_FLAG("json", &drain.json),
        LLMOBS_CLI_FLAG("waits", &drain.waits),
        LLMOBS_CLI_FLAG("own", &drain.round.own),
        LLMOBS_CLI_END};
    int status = llmobs_cli_parse(argc, argv, options);

    if (status >= 0)
        return status;
    drain.argv = argv;
    drain.round.all = drain.to != NULL;
    drain.round.user_ms = drain.user_s * 1000;
    drain.round.done = log_drain_done;
    /* A program has started it, which may end before. */
    if (drain.round.own) {
        llmobs_cli_release_descriptors(false);
        drain.round.deadline_ns =
            llmobs_clock_mono_ns() + USER_S * 1000 * LLMOBS_NS_PER_MS;
    }
    drain.round.ctx = &drain;
    status = open_place(&drain);
    if (status < 0 && drain.waits) {
        alarm(1); /* a command is about to start */
        llmobs_destinations_tell("llmobs-run", drain.round.config, false);
        return LLMOBS_CLI_OK;
    }
    return status >= 0 ? status : run(&drain);
}
