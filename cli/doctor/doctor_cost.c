#include "cli/doctor/doctor.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/doctor/trial.h"
#include "cli/shared/ask.h"
#include "lib/base/clock.h"

/* `llmobs run --` before the words of the command. */
#define LAUNCHER_WORDS 3
/* The range holds the true median but for this probability. */
#define DOUBT 0.05

enum arm { BARE, OBSERVED, ARM_COUNT };
enum measure { TIME, PROCESSOR, MEMORY, MEASURE_COUNT };

static const struct {
    const char *about, *unit;
} measures[MEASURE_COUNT] = {
    {"time", "ms"}, {"processor", "ms"}, {"memory", "MiB"}};

struct run {
    double values[MEASURE_COUNT]; /* in the units above */
    int status;                   /* as of waitpid */
};

struct cost {
    struct llmobs_doctor *doctor;
    struct llmobs_trial trial;
    struct llmobs_preload preload;
    char **words[ARM_COUNT];
    struct run runs[ARM_COUNT][LLMOBS_DOCTOR_RUNS_MAX];
    struct run nothing;
    size_t count;   /* of the pairs */
    sigset_t taken; /* SIGCHLD, and the signals that end the doctor */
    sigset_t mask;  /* at the doctor's start */
    int ended_by;   /* the signal that ends the doctor; 0: none */
    size_t spans;
    bool full; /* no room was left for spans */
};

/* -- the runs ------------------------------------------------------------- */

/* Takes a signal while the command runs. A signal of the terminal has reached
 * the command, too, and one that a process sent is passed on; at a second
 * signal the command is killed. */
static void take_signal(struct cost *cost, pid_t pid)
{
    siginfo_t info;

    if (sigwaitinfo(&cost->taken, &info) < 0 || info.si_signo == SIGCHLD)
        return;
    if (cost->ended_by != 0)
        kill(pid, SIGKILL);
    else if (info.si_code <= 0)
        kill(pid, info.si_signo);
    cost->ended_by = info.si_signo;
}

static double ms_of(struct timeval time)
{
    return (double)time.tv_sec * 1000 + (double)time.tv_usec / 1000;
}

/* Takes the end of processes that a command left, which have become children of
 * this one. 0: some run on; -1: there are none. */
static pid_t reap(void)
{
    pid_t pid;

    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
        continue;
    return pid;
}

static int run_once(struct cost *cost, char **words, struct run *run)
{
    int64_t begun_ns = llmobs_clock_mono_ns();
    struct rusage used;
    pid_t pid = fork(), ended;

    if (pid == 0) {
        sigprocmask(SIG_SETMASK, &cost->mask, NULL);
        llmobs_trial_become(&cost->trial, words);
    }
    if (pid < 0)
        return -errno;
    while ((ended = wait4(pid, &run->status, WNOHANG, &used)) == 0)
        take_signal(cost, pid);
    run->values[TIME] =
        (double)(llmobs_clock_mono_ns() - begun_ns) / (double)LLMOBS_NS_PER_MS;
    run->values[PROCESSOR] = ms_of(used.ru_utime) + ms_of(used.ru_stime);
    run->values[MEMORY] = (double)used.ru_maxrss / 1024;
    return ended == pid ? 0 : -ECHILD;
}

/* A child begins as a copy of this process, and the kernel counts that as
 * memory of the command: a child that executes nothing shows how much. Then
 * each arm is the first of every second pair, so that neither gains by its
 * place. */
static int run_all(struct cost *cost)
{
    char *nothing[] = {(char[]){""}, NULL};
    int rc = run_once(cost, nothing, &cost->nothing);

    for (size_t i = 0; i < 2 * cost->count && rc == 0 && !cost->ended_by; i++) {
        enum arm arm = (i + i / 2) % 2 == 0 ? BARE : OBSERVED;

        rc = run_once(cost, cost->words[arm], &cost->runs[arm][i / 2]);
        (void)reap();
    }
    return rc;
}

/* Takes the signals that end the doctor, but those that it is to ignore. */
static void block_signals(struct cost *cost)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction now;

    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&cost->taken);
    sigaddset(&cost->taken, SIGCHLD);
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        if (sigaction(ends[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            sigaddset(&cost->taken, ends[i]);
    sigprocmask(SIG_BLOCK, &cost->taken, &cost->mask);
}

static int count_span(void *ctx, struct llmobs_text line,
                      struct llmobs_place place)
{
    static const char mark[] = "\"parent_id\"";
    struct cost *cost = ctx;

    (void)place;
    cost->spans += memmem(line.data, line.len, mark, sizeof(mark) - 1) != NULL;
    return 0;
}

/* The calls of processes that are left make the trial's folder anew. */
static void tell_left(struct cost *cost)
{
    struct llmobs_doctor *doctor = cost->doctor;
    const struct timespec soon = {.tv_nsec = 100 * LLMOBS_NS_PER_MS};
    pid_t left;

    while ((left = reap()) == 0 &&
           sigtimedwait(&cost->taken, NULL, &soon) == SIGCHLD)
        continue;
    if (left == 0)
        LLMOBS_WARN("left", "end them, then remove it",
                    "CMD left processes, whose later calls are recorded in %s",
                    cost->trial.dir);
}

/* Runs the pairs. Ends this process where a signal asks for it. */
static int run_trial(struct cost *cost)
{
    int rc;

    block_signals(cost);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    rc = llmobs_trial_begin(&cost->trial);
    if (rc == 0)
        rc = run_all(cost);
    llmobs_trial_walk(&cost->trial, count_span, cost);
    cost->full = llmobs_trial_is_full(&cost->trial);
    tell_left(cost);
    llmobs_trial_end(&cost->trial);
    sigprocmask(SIG_SETMASK, &cost->mask, NULL);
    if (cost->ended_by != 0) {
        raise(cost->ended_by);
        _exit(128 + cost->ended_by);
    }
    return rc;
}

/* -- what came of it ------------------------------------------------------ */

static int by_value(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;

    return (a > b) - (a < b);
}

/* Sorts the values; gives their median. */
static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), by_value);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

/* How many values at each end of a sorted list are outside the range. Each
 * value is above the true median as often as below it, so the probability that
 * at most k are on one side is that of k heads among `count` coins. */
static size_t beyond_range(size_t count)
{
    double term = ldexp(1, -(int)count), sum = term;
    size_t k = 0;

    for (; k < count / 2; k++) {
        term *= (double)(count - k) / (double)(k + 1);
        sum += term;
        if (2 * sum > DOUBT)
            break;
    }
    return k;
}

static void tell_measure(struct cost *cost, enum measure measure,
                         struct llmobs_json *facts)
{
    static double values[ARM_COUNT][LLMOBS_DOCTOR_RUNS_MAX];
    static double ratios[LLMOBS_DOCTOR_RUNS_MAX];
    static const char *const names[] = {"bare", "observed", "ratio", "least",
                                        "most"};
    const char *about = measures[measure].about, *unit = measures[measure].unit;
    struct llmobs_doctor *doctor = cost->doctor;
    struct llmobs_json *fact = llmobs_json_object();
    size_t n = cost->count, k = beyond_range(n);

    for (size_t i = 0; i < n; i++) {
        values[BARE][i] = cost->runs[BARE][i].values[measure];
        values[OBSERVED][i] = cost->runs[OBSERVED][i].values[measure];
        ratios[i] = values[OBSERVED][i] / values[BARE][i];
    }
    const double found[] = {median(values[BARE], n),
                            median(values[OBSERVED], n), median(ratios, n),
                            ratios[k], ratios[n - 1 - k]};

    (void)llmobs_json_sets(fact, "unit", unit);
    for (size_t i = 0; i < sizeof(found) / sizeof(*found); i++)
        (void)llmobs_json_set(fact, names[i], llmobs_json_real(found[i]));
    doctor->report.no_memory |= llmobs_json_set(facts, about, fact) != 0;
    LLMOBS_FIND(OK, about, "%.2f x bare (%.2f to %.2f): %.1f %s beside %.1f",
                found[2], found[3], found[4], found[1], unit, found[0]);
}

static const char *status_text(int status, char room[32])
{
    bool killed = WIFSIGNALED(status);

    snprintf(room, 32, "%s %d", killed ? "signal" : "status",
             killed ? WTERMSIG(status) : WEXITSTATUS(status));
    return room;
}

/* The library must not change how a command ends. */
static void tell_end(struct cost *cost)
{
    struct llmobs_doctor *doctor = cost->doctor;
    int first = cost->runs[BARE][0].status, last = first;
    size_t others[ARM_COUNT] = {0};
    char one[32], other[32];

    for (size_t i = 0; i < 2 * cost->count; i++) {
        int status = cost->runs[i % 2][i / 2].status;

        others[i % 2] += status != first;
        last = status != first ? status : last;
    }
    status_text(first, one);
    status_text(last, other);
    if (others[BARE] > 0)
        LLMOBS_WARN("end", "the figures are of runs that are not alike",
                    "%s, but another one in %zu of %zu bare runs, and in %zu "
                    "observed",
                    one, others[BARE], cost->count, others[OBSERVED]);
    else if (others[OBSERVED] > 0)
        LLMOBS_FIND(FAIL, "end",
                    "%s in each bare run, and %s in %zu of %zu observed: "
                    "please report it, unless CMD looks at its environment",
                    one, other, others[OBSERVED], cost->count);
    else if (first != 0)
        LLMOBS_WARN("end", "the figures are of a command that fails",
                    "%s in each run, bare and observed", one);
    else
        LLMOBS_FIND(OK, "end", "%s in each run, bare and observed", one);
}

/* False for a command that needs little more than a child without one. */
static bool shows_memory(const struct cost *cost)
{
    bool shows = true;

    for (size_t i = 0; i < cost->count; i++)
        shows &= cost->runs[BARE][i].values[MEMORY] >
                 2 * cost->nothing.values[MEMORY];
    return shows;
}

static void tell_all(struct cost *cost)
{
    struct llmobs_doctor *doctor = cost->doctor;
    struct llmobs_json *facts = llmobs_json_object();

    (void)llmobs_json_set(facts, "runs", llmobs_json_int((int64_t)cost->count));
    (void)llmobs_json_set(facts, "spans",
                          llmobs_json_int((int64_t)cost->spans));
    for (int measure = TIME; measure < MEASURE_COUNT; measure++)
        if (measure != MEMORY || shows_memory(cost))
            tell_measure(cost, (enum measure)measure, facts);
    LLMOBS_KNOWN("cost", facts);
    tell_end(cost);
    if (cost->full)
        LLMOBS_WARN("spans", "make room in /tmp and measure again",
                    "%zu in %zu observed runs: the disk of their folder was "
                    "full, so calls may not have been recorded",
                    cost->spans, cost->count);
    else if (cost->spans > 0)
        LLMOBS_FIND(OK, "spans", "%zu in %zu observed runs; they are removed",
                    cost->spans, cost->count);
    else
        LLMOBS_FIND(NOTE, "spans",
                    "none: no call was observed, see `llmobs doctor CMD`");
}

/* -- before the runs ------------------------------------------------------- */

/* True where this process, as each that it starts, has the library. */
static bool is_preloaded(void)
{
    static struct llmobs_process self;
    bool has = llmobs_process_open(&self, getpid()) == 0 &&
               llmobs_process_object(&self, LLMOBS_DOCTOR_SHIM) != NULL;

    llmobs_process_close(&self);
    return has;
}

static bool is_wanted(size_t count)
{
    char question[256];

    snprintf(
        question, sizeof(question),
        "This runs CMD %zu times, every other time observed, with all that "
        "it does\nand pays for. It gets no input, and its output is "
        "dropped. Run it?",
        2 * count);
    return llmobs_ask(question);
}

int llmobs_doctor_cost(struct llmobs_doctor *doctor, char **command,
                       size_t count, bool yes)
{
    static struct cost cost;
    static char run[] = "run", behind[] = "--";
    bool found = llmobs_preload_find(&cost.preload) == 0;
    char **words, *launcher[] = {cost.preload.tool, run, behind};
    size_t words_count = 0;
    int rc;

    cost.doctor = doctor;
    cost.count = count;
    if (!found || is_preloaded()) {
        LLMOBS_FIND(FAIL, "library", "%s",
                    found ? "no run would be bare, as LD_PRELOAD or "
                            "/etc/ld.so.preload has the library already"
                          : "not found");
        return 0;
    }
    if (!yes && !is_wanted(count))
        return -ECANCELED;
    while (command[words_count])
        words_count++;
    words = calloc(LAUNCHER_WORDS + words_count + 1, sizeof(*words));
    if (!words)
        return -ENOMEM;
    memcpy(words, launcher, sizeof(launcher));
    memcpy(words + LAUNCHER_WORDS, command, words_count * sizeof(*words));
    cost.words[BARE] = command;
    cost.words[OBSERVED] = words;
    rc = run_trial(&cost);
    if (rc == 0)
        tell_all(&cost);
    free(words);
    return rc;
}
