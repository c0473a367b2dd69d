#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/gate.h"
#include "cli/query/price_files.h"
#include "cli/run/child.h"
#include "cli/run/family.h"
#include "cli/spent.h"
#include "cli/shared/cli.h"
#include "cli/shared/deliver.h"
#include "cli/shared/descriptors.h"
#include "cli/shared/environment.h"
#include "cli/shared/new_file.h"
#include "cli/shared/preload.h"
#include "cli/shared/tell.h"
#include "core/config/state_dir.h"
#include "core/log/relay_sign.h"
#include "lib/base/clock.h"
#include "lib/base/dirs.h"

#define SELF "llmobs-run"
#define STATUS_REFUSED 126
/* The time between two looks at the store. */
#define LOOK_MS 200
/* The time between TERM and KILL. */
#define KILL_MS 2000
/* The time between two looks whether the processes have ended. */
#define ENDED_MS 20
/* Sums of many costs are not exact. */
#define GRAIN 1e-9
#define RUN_DIGITS 16
/* A store with less free space than this may not be able to take the next
 * spans. */
#define ROOM_LEAST ((uint64_t)256 * 1024)
#define NOT_STARTED ": not started, as no limit would hold\n"

/* Memory that the watcher and its parent share. */
struct shared {
    _Atomic pid_t child; /* the command */
    atomic_bool ended;   /* the command has ended */
};

struct limit {
    double max_cost;    /* USD; -1: no limit */
    int64_t max_tokens; /* -1: no limit */
    const char *preload;
    char **command;
    struct llmobs_config *config;
    struct llmobs_environment environment; /* the command's */
    char run[RUN_DIGITS + 1];
    char store[PATH_MAX];
    struct shared *shared;
    pid_t watcher;
    struct llmobs_spent spent;
    bool printed_uncounted, printed_unpriced, printed_error;
};

/* -- the watcher ----------------------------------------------------------- */

static bool is_passed(const struct limit *limit)
{
    const struct llmobs_spent *spent = &limit->spent;

    return (limit->max_tokens >= 0 && spent->tokens > limit->max_tokens) ||
           (limit->max_cost >= 0 &&
            spent->cost.known_cost > limit->max_cost + GRAIN);
}

/* Prints a line for the first call that counts nothing. */
static void print_unknown(const struct llmobs_spent_unknown *unknown,
                          bool *printed, const char *lacks, const char *option)
{
    if (unknown->calls > 0 && !*printed)
        llmobs_tell(SELF ": a call of %s has %s: it counts nothing for %s\n",
                    unknown->model, lacks, option);
    *printed |= unknown->calls > 0;
}

static void limit_look(struct limit *limit)
{
    int rc = llmobs_spent_look(&limit->spent);

    /* The calls of a store that is full wait in the spool. */
    if (rc == 0 && llmobs_new_file_room(limit->store) < ROOM_LEAST)
        rc = -ENOSPC;
    if (rc != 0 && !limit->printed_error) {
        llmobs_tell(SELF ": the local store cannot be %s, so no limit "
                         "holds: %s: %s\n",
                    rc == -ENOSPC ? "written" : "read", limit->store,
                    strerror(-rc));
        limit->printed_error = true;
    }
    if (limit->max_tokens >= 0)
        print_unknown(&limit->spent.uncounted, &limit->printed_uncounted,
                      "no token counts", "--max-tokens");
    if (limit->max_cost >= 0)
        print_unknown(&limit->spent.unpriced, &limit->printed_unpriced,
                      "no known price", "--max-cost");
}

/* Prints the sum of the limit that is passed. `ended`: the command has ended by
 * itself. */
static void print_sum(const struct limit *limit, bool ended)
{
    const struct llmobs_spent *spent = &limit->spent;
    bool tokens = limit->max_tokens >= 0 && spent->tokens > limit->max_tokens;
    size_t unknown = tokens ? spent->uncounted.calls : spent->unpriced.calls;
    char sum[LLMOBS_COST_TEXT + 16], most[48];

    if (tokens) {
        snprintf(sum, sizeof(sum), "%" PRId64, spent->tokens);
        llmobs_cost_group(sum);
        strcat(sum, " tokens");
        snprintf(most, sizeof(most), "tokens %" PRId64, limit->max_tokens);
    } else {
        llmobs_cost_text(spent->cost.known_cost, sum);
        snprintf(most, sizeof(most), "cost %.9g", limit->max_cost);
    }
    llmobs_tell(SELF ": %s: %s in %zu call%s (--max-%s)",
                ended ? "ended by itself, past its limit" : "stopped", sum,
                spent->calls, spent->calls == 1 ? "" : "s", most);
    if (unknown > 0)
        llmobs_tell("; %zu of them without a known %s", unknown,
                    tokens ? "count" : "cost");
    llmobs_tell("\n");
}

/* Ends the command and all processes that it has started: a shell that is
 * killed would leave its children running. SIGCONT comes after SIGTERM, since a
 * stopped process only ends once it runs again. */
static void end_command(pid_t child)
{
    const struct timespec moment = {0, ENDED_MS * LLMOBS_NS_PER_MS};
    struct llmobs_family family = {NULL, 0, 0};

    llmobs_family_gather(&family, child);
    llmobs_family_signal(&family, SIGTERM);
    llmobs_family_signal(&family, SIGCONT);
    for (int ms = 0; ms < KILL_MS && family.count > 0; ms += ENDED_MS) {
        (void)nanosleep(&moment, NULL);
        llmobs_family_gather(&family, 0);
    }
    llmobs_family_signal(&family, SIGKILL);
    llmobs_family_fini(&family);
}

/* Waits until the next look at the store is due, or a SIGUSR1 comes; true: the
 * command has ended. The signal alone proves nothing, as anybody may send it.
 */
static bool watcher_wait(const struct shared *shared)
{
    const struct timespec look = {0, LOOK_MS * LLMOBS_NS_PER_MS};
    sigset_t one;

    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    (void)sigtimedwait(&one, NULL, &look);
    return atomic_load(&shared->ended);
}

/* The watcher's process. Runs until the command has ended. It blocks all
 * signals, as some of them are meant for the command's process group; if its
 * parent ends, the kernel kills it. */
_Noreturn static void watch(struct limit *limit, pid_t parent)
{
    bool ended = false;
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    llmobs_cli_release_descriptors(true);
    setvbuf(stderr, NULL, _IOLBF, BUFSIZ); /* a line is one write */
    do {
        ended = watcher_wait(limit->shared);
        limit_look(limit);
    } while (!ended && !is_passed(limit));
    if (is_passed(limit))
        print_sum(limit, ended);
    if (!ended)
        end_command(atomic_load(&limit->shared->child));
    _exit(0);
}

/* -- before the command ---------------------------------------------------- */

static int refuse(const char *why, const char *more)
{
    llmobs_tell(SELF ": %s%s" NOT_STARTED, why, more);
    return STATUS_REFUSED;
}

/* 0, or the exit status. */
static int load_prices(struct limit *limit)
{
    int rc = 0;

    if (limit->max_cost < 0)
        return 0;
    rc = llmobs_price_files_load(SELF, &limit->spent.prices);
    if (rc == 0 && limit->spent.prices)
        return 0;
    if (limit->max_tokens < 0)
        return refuse("--max-cost: no prices known", "");
    llmobs_tell(SELF ": --max-cost: no prices known: --max-tokens alone "
                     "counts\n");
    limit->max_cost = -1;
    return 0;
}

static int open_store(struct limit *limit)
{
    int dir = -1;
    int rc = llmobs_config_store_dir(limit->config, limit->store,
                                     sizeof(limit->store));

    if (rc == 0)
        rc = llmobs_dirs_have(limit->store, limit->config->store_dir != NULL,
                              &dir);
    if (rc == 0)
        close(dir);
    if (rc == 0 && access(limit->store, W_OK) != 0)
        rc = -errno;
    if (rc == 0)
        return 0;
    llmobs_tell(SELF ": the local store %s cannot be written: %s" NOT_STARTED,
                limit->store, strerror(-rc));
    return STATUS_REFUSED;
}

/* False where a pattern of LLMOBS_REDACT would hide the run's id in its spans.
 */
static bool run_is_kept(const struct limit *limit)
{
    const struct llmobs_privacy *privacy = &limit->config->privacy;
    char *text;
    bool kept;

    if (!privacy->redact)
        return true;
    text = llmobs_content_filter_text(privacy, limit->run);
    kept = text && strcmp(text, limit->run) == 0;
    free(text);
    return kept;
}

/* Sets the command's variables. Where this run is inside another run, its calls
 * belong to both. */
static int set_variables(struct limit *limit)
{
    struct llmobs_environment *environment = &limit->environment;
    const char *outer = limit->config->run;
    char *runs = NULL;
    int rc = llmobs_environment_init(environment, environ);

    if (asprintf(&runs, "%s%s%s", outer ? outer : "", outer ? "." : "",
                 limit->run) < 0)
        return -ENOMEM;
    if (rc == 0 && limit->preload)
        rc = llmobs_preload_join(environment, limit->preload);
    if (rc == 0)
        rc = llmobs_environment_set(environment, "LLMOBS_RUN", runs);
    if (rc == 0)
        rc = llmobs_environment_set(environment, "LLMOBS_RUN_STORE", "1");
    free(runs);
    return rc;
}

/* 0, or the exit status. */
static int limit_prepare(struct limit *limit)
{
    const char *off;
    uint64_t id;
    int status;

    limit->config =
        llmobs_config_load((const char *const *)environ, NULL, NULL);
    if (!limit->config || getrandom(&id, sizeof(id), 0) != sizeof(id))
        return refuse("no memory", "");
    snprintf(limit->run, sizeof(limit->run), "%016" PRIx64, id);
    off = llmobs_cli_why_off(limit->config);
    if (off)
        return refuse("observing is switched off ", off);
    if (!run_is_kept(limit))
        return refuse("a pattern of LLMOBS_REDACT hides the run", "");
    status = load_prices(limit);
    if (status == 0)
        status = open_store(limit);
    if (status == 0 && set_variables(limit) != 0)
        status = refuse("no memory", "");
    if (status == 0 && llmobs_relay_find(limit->config) == LLMOBS_RELAY_UP)
        llmobs_tell(SELF ": with a limit CMD delivers by itself, not by the "
                         "relay\n");
    return status;
}

/* -- the command ----------------------------------------------------------- */

/* Runs in the command's process, before the command. */
static void store_pid(void *ctx)
{
    const struct limit *limit = ctx;

    atomic_store(&limit->shared->child, getpid());
}

/* 0, or -errno. */
static int watcher_begin(struct limit *limit)
{
    pid_t self = getpid();

    limit->spent.store = limit->store;
    limit->spent.run = limit->run;
    limit->spent.since_ns = llmobs_clock_wall_ns();
    limit->shared = mmap(NULL, sizeof(*limit->shared), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (limit->shared == MAP_FAILED)
        return -errno;
    fflush(stderr);
    limit->watcher = fork();
    if (limit->watcher == 0)
        watch(limit, self);
    return limit->watcher < 0 ? -errno : 0;
}

static int limit_run(struct limit *limit)
{
    struct llmobs_child_command command = {.argv = limit->command,
                                           .environment = &limit->environment,
                                           .prepare = store_pid,
                                           .ctx = limit};
    struct llmobs_child_result result;
    int status = limit_prepare(limit);
    int rc;

    if (status != 0)
        return status;
    rc = watcher_begin(limit);
    if (rc != 0)
        return refuse(strerror(-rc), "");
    rc = llmobs_child_run(&command, &result);
    /* The watcher may still be ending the command's children. SIGCONT lets it
     * run again if a stop of the process group has stopped it. */
    atomic_store(&limit->shared->ended, true);
    kill(limit->watcher, rc == 0 ? SIGUSR1 : SIGKILL);
    kill(limit->watcher, SIGCONT);
    while (waitpid(limit->watcher, NULL, 0) < 0 && errno == EINTR)
        ;
    if (rc != 0)
        return refuse(strerror(-rc), "");
    if (result.exec_error != 0)
        (void)llmobs_environment_fail(SELF, limit->command[0],
                                      result.exec_error);
    return llmobs_child_status(&result);
}

int llmobs_cmd_limit(int argc, char **argv)
{
    static struct limit limit = {.max_cost = -1, .max_tokens = -1};
    static const struct llmobs_cli_option options[] = {
        LLMOBS_CLI_VALUE("max-cost", llmobs_gate_cost, &limit.max_cost),
        LLMOBS_CLI_VALUE("max-tokens", llmobs_gate_count, &limit.max_tokens),
        LLMOBS_CLI_VALUE("preload", llmobs_cli_text, &limit.preload),
        LLMOBS_CLI_COMMAND(&limit.command)};
    int status = llmobs_cli_parse(argc, argv, options);

    if (status >= 0)
        return status;
    return limit.max_cost >= 0 || limit.max_tokens >= 0
               ? limit_run(&limit)
               : llmobs_cli_wrong("neither --max-tokens nor --max-cost", "");
}
