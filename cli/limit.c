/* Ends a command when its calls used more than --max-tokens or -cost. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/gate.h"
#include "cli/query/price_files.h"
#include "cli/run/child.h"
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
#include "cli/query/cost.h"
#include "cli/query/load.h"
#include "cli/query/stored.h"
#include "cli/query/texts.h"
#include "cli/shared/reader.h"
#include "lib/base/file.h"
#include "lib/base/grow.h"
#include "lib/base/proc_stat.h"

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

#define MODEL_MAX 128

struct member { /* a process */
    pid_t pid;
    pid_t parent;
    uint64_t start; /* a pid may be used again; 0: not known */
};

struct family {
    struct member *list;
    size_t count, cap;
};

struct unknown {
    size_t calls;
    char model[MODEL_MAX]; /* of the first of them */
};

struct spent {
    /* The caller sets these; all else is zero at first. */
    const char *store;            /* its directory */
    const char *run;              /* the id, in the fact "run" of its spans */
    int64_t since_ns;             /* the run began, a wall time */
    struct llmobs_prices *prices; /* NULL: no cost is estimated */

    struct llmobs_reader *reader;
    struct llmobs_texts spans;
    size_t calls;
    int64_t tokens; /* of input and output */
    struct llmobs_cost_sum cost;
    struct unknown uncounted; /* without tokens */
    struct unknown unpriced;  /* without a cost */
};

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
    struct spent spent;
    bool printed_uncounted, printed_unpriced, printed_error;
};

/* -- family --------------------------------------------------------------- */

/* A process and all processes that it and its children have started, as far as
 * the kernel still knows their parents.
 * If the parent of a process has ended, the process is in the family only if
 * _gather found it before. So a daemon, whose parent ends at once, is not. */

static void family_add(struct family *family, struct member member)
{
    if (llmobs_grow(&family->list, &family->cap, family->count,
                    sizeof(*family->list)) == 0)
        family->list[family->count++] = member;
}

static const struct member *family_find(const struct family *family, pid_t pid)
{
    for (size_t i = 0; i < family->count; i++)
        if (family->list[i].pid == pid)
            return &family->list[i];
    return NULL;
}

static void family_fini(struct family *family)
{
    free(family->list);
    memset(family, 0, sizeof(*family));
}

/* Adds the process and its family. With 0 for the process: drops the members
 * that have ended, and adds the processes that the other members have started.
 */
static void family_gather(struct family *family, pid_t first)
{
    struct family all = {NULL, 0, 0};
    const struct member *now;
    size_t before, left = 0;
    char path[64], text[1024];
    struct dirent *entry;
    DIR *proc = opendir("/proc");

    /* Lists the processes of the host that have not ended. */
    while (proc && (entry = readdir(proc))) {
        const char *start = "", *state = "Z";

        snprintf(path, sizeof(path), "/proc/%.20s/stat", entry->d_name);
        if (isdigit((unsigned char)*entry->d_name) &&
            llmobs_file_begin(AT_FDCWD, path, text, sizeof(text)) > 0) {
            start = llmobs_proc_field(text, LLMOBS_PROC_START);
            state = llmobs_proc_field(text, LLMOBS_PROC_STATE);
        }
        if (*start && *state != 'Z' && *state != 'X')
            family_add(&all, (struct member){atoi(entry->d_name),
                                             atoi(llmobs_proc_field(
                                                 text, LLMOBS_PROC_PARENT)),
                                             strtoull(start, NULL, 10)});
    }
    if (proc)
        closedir(proc);
    for (size_t i = 0; i < family->count && all.count > 0; i++) {
        now = family_find(&all, family->list[i].pid);
        if (now && now->start == family->list[i].start)
            family->list[left++] = *now;
    }
    if (all.count > 0)
        family->count = left;
    now = family_find(&all, first);
    if (first > 0)
        family_add(family, now ? *now : (struct member){first, 0, 0});
    do {
        before = family->count;
        for (size_t i = 0; i < all.count; i++)
            if (family_find(family, all.list[i].parent) &&
                !family_find(family, all.list[i].pid))
                family_add(family, all.list[i]);
    } while (family->count > before);
    family_fini(&all);
}

/* Sends the signal to each member. */
static void family_signal(const struct family *family, int signal)
{
    for (size_t i = 0; i < family->count; i++)
        kill(family->list[i].pid, signal);
}

/* -- the sums of a run's calls, as the local store has them ---------------- */

static void add_unknown(struct unknown *unknown, const struct llmobs_row *row)
{
    if (unknown->calls++ == 0)
        snprintf(unknown->model, sizeof(unknown->model), "%s",
                 row->price_model ? row->price_model : row->name);
}

/* Adds the row's call, tokens and cost. A proxied call went to a gateway that
 * the user has listed. It counts as a call, but the gateway reports its tokens
 * and cost. */
static void add(struct spent *spent, const struct llmobs_row *row, bool proxied)
{
    const int64_t counts[] = {row->input_tokens, row->output_tokens};
    bool call = proxied || llmobs_row_is_call(row);

    if (!call && !llmobs_row_counts(row))
        return;
    spent->calls += call ? 1 : 0;
    llmobs_cost_add(&spent->cost, row);
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
        if (counts[i] > 0)
            spent->tokens = counts[i] > INT64_MAX - spent->tokens
                                ? INT64_MAX
                                : spent->tokens + counts[i];
    if (!call || row->failed)
        return;
    if (row->input_tokens < 0 && row->output_tokens < 0)
        add_unknown(&spent->uncounted, row);
    if (row->cost < 0)
        add_unknown(&spent->unpriced, row);
}

/* Adds a span of this run that was not added before: a store may have the same
 * span twice. */
static int add_line(void *ctx, struct llmobs_text line,
                    struct llmobs_place place)
{
    struct spent *spent = ctx;
    struct llmobs_texts texts = {0};
    struct llmobs_json *event = NULL;
    struct llmobs_row *row;
    const char *run, *id;
    int rc = 0;

    /* Most lines of a store may belong to other runs. */
    if (memmem(line.data, line.len, spent->run, strlen(spent->run)) &&
        llmobs_json_parse(line, &event) == 0 && llmobs_load_is_span(event) &&
        (id = llmobs_json_gets(event, "span_id")) &&
        (run = llmobs_json_text(llmobs_stored_call(event, "run"))) &&
        strstr(run, spent->run) &&
        !llmobs_texts_has(&spent->spans, id, strlen(id)) &&
        llmobs_texts_share(&spent->spans, id)) {
        rc = llmobs_row_new(event, place, LLMOBS_ROW_FACTS, &texts, &row);
        if (rc == 0) {
            llmobs_cost_estimate(row, spent->prices);
            add(spent, row, llmobs_stored_call(event, "proxied") != NULL);
            llmobs_row_free(row);
        }
        llmobs_texts_fini(&texts);
    }
    llmobs_json_free(event);
    return rc == -EINVAL ? 0 : rc;
}

/* Adds what has come to the store. */
static int spent_look(struct spent *spent)
{
    int rc = 0;

    if (!spent->reader) {
        rc = llmobs_reader_open(spent->store, &spent->reader);
        if (rc == 0)
            rc = llmobs_reader_walk(spent->reader, spent->since_ns, NULL,
                                    add_line, spent);
    }
    if (rc == 0)
        rc = llmobs_reader_more(spent->reader, add_line, spent);
    if (rc == 0)
        return 0;
    llmobs_reader_close(spent->reader);
    spent->reader = NULL;
    return rc;
}

/* -- the watcher ----------------------------------------------------------- */

static bool is_passed(const struct limit *limit)
{
    const struct spent *spent = &limit->spent;

    return (limit->max_tokens >= 0 && spent->tokens > limit->max_tokens) ||
           (limit->max_cost >= 0 &&
            spent->cost.known_cost > limit->max_cost + GRAIN);
}

/* Prints a line for the first call that counts nothing. */
static void print_unknown(const struct unknown *unknown, bool *printed,
                          const char *lacks, const char *option)
{
    if (unknown->calls > 0 && !*printed)
        llmobs_tell(SELF ": a call of %s has %s: it counts nothing for %s\n",
                    unknown->model, lacks, option);
    *printed |= unknown->calls > 0;
}

/* Prints the sum of the limit that is passed. `ended`: the command has ended by
 * itself. */
static void print_sum(const struct limit *limit, bool ended)
{
    const struct spent *spent = &limit->spent;
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
    struct family family = {NULL, 0, 0};

    family_gather(&family, child);
    family_signal(&family, SIGTERM);
    family_signal(&family, SIGCONT);
    for (int ms = 0; ms < KILL_MS && family.count > 0; ms += ENDED_MS) {
        (void)nanosleep(&moment, NULL);
        family_gather(&family, 0);
    }
    family_signal(&family, SIGKILL);
    family_fini(&family);
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
        int rc;
        const struct timespec look = {0, LOOK_MS * LLMOBS_NS_PER_MS};
        sigset_t one;

        /* Waits until the next look at the store is due, or a SIGUSR1 comes.
         * The signal alone proves nothing, as anybody may send it. */
        sigemptyset(&one);
        sigaddset(&one, SIGUSR1);
        (void)sigtimedwait(&one, NULL, &look);
        ended = atomic_load(&limit->shared->ended);
        rc = spent_look(&limit->spent);
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
static int limit_prepare(struct limit *limit)
{
    struct llmobs_environment *environment = &limit->environment;
    const char *off, *outer;
    char *shown, *runs = NULL;
    uint64_t id;
    int dir = -1, rc = 0;

    limit->config =
        llmobs_config_load((const char *const *)environ, NULL, NULL);
    if (!limit->config || getrandom(&id, sizeof(id), 0) != sizeof(id))
        return refuse("no memory", "");
    snprintf(limit->run, sizeof(limit->run), "%016" PRIx64, id);
    off = llmobs_cli_why_off(limit->config);
    if (off)
        return refuse("observing is switched off ", off);
    if (limit->config->privacy.redact) {
        shown = llmobs_content_filter_text(&limit->config->privacy, limit->run);
        rc = shown && strcmp(shown, limit->run) == 0 ? 0 : -EINVAL;
        free(shown);
    }
    if (rc != 0)
        return refuse("a pattern of LLMOBS_REDACT hides the run", "");
    if (limit->max_cost >= 0 &&
        (llmobs_price_files_load(SELF, &limit->spent.prices) != 0 ||
         !limit->spent.prices)) {
        if (limit->max_tokens < 0)
            return refuse("--max-cost: no prices known", "");
        llmobs_tell(SELF ": --max-cost: no prices known: --max-tokens alone "
                         "counts\n");
        limit->max_cost = -1;
    }
    rc = llmobs_config_store_dir(limit->config, limit->store,
                                 sizeof(limit->store));
    if (rc == 0)
        rc = llmobs_dirs_have(limit->store, limit->config->store_dir != NULL,
                              &dir);
    if (rc == 0)
        close(dir);
    if (rc == 0 && access(limit->store, W_OK) != 0)
        rc = -errno;
    if (rc != 0) {
        llmobs_tell(SELF
                    ": the local store %s cannot be written: %s" NOT_STARTED,
                    limit->store, strerror(-rc));
        return STATUS_REFUSED;
    }
    /* Where this run is inside another run, its calls belong to both. */
    outer = limit->config->run;
    rc = llmobs_environment_init(environment, environ);
    if (rc == 0)
        rc = llmobs_preload_join(environment, limit->preload);
    if (rc == 0 && asprintf(&runs, "%s%s%s", outer ? outer : "",
                            outer ? "." : "", limit->run) < 0) {
        runs = NULL;
        rc = -ENOMEM;
    }
    if (rc == 0)
        rc = llmobs_environment_set(environment, "LLMOBS_RUN", runs);
    if (rc == 0)
        rc = llmobs_environment_set(environment, "LLMOBS_RUN_STORE", "1");
    free(runs);
    if (rc != 0)
        return refuse("no memory", "");
    if (llmobs_relay_find(limit->config) == LLMOBS_RELAY_UP)
        llmobs_tell(SELF ": with a limit CMD delivers by itself, not by the "
                         "relay\n");
    return 0;
}

/* -- the command ----------------------------------------------------------- */

/* Runs in the command's process, before the command. */
static void store_pid(void *ctx)
{
    const struct limit *limit = ctx;

    atomic_store(&limit->shared->child, getpid());
}

static int limit_run(struct limit *limit)
{
    struct llmobs_child_command command = {.argv = limit->command,
                                           .environment = &limit->environment,
                                           .prepare = store_pid,
                                           .ctx = limit};
    struct llmobs_child_result result;
    int status = limit_prepare(limit);
    pid_t self = getpid();
    int rc;

    if (status != 0)
        return status;
    limit->spent.store = limit->store;
    limit->spent.run = limit->run;
    limit->spent.since_ns = llmobs_clock_wall_ns();
    limit->shared = mmap(NULL, sizeof(*limit->shared), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (limit->shared == MAP_FAILED)
        return refuse(strerror(errno), "");
    fflush(stderr);
    limit->watcher = fork();
    if (limit->watcher == 0)
        watch(limit, self);
    if (limit->watcher < 0)
        return refuse(strerror(errno), "");
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
