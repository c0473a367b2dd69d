#include "cli/drain_place.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/real.h"
#include "core/adopt.h"
#include "core/clock.h"
#include "core/http.h"
#include "core/stamp.h"
#include "core/stats.h"
#include "core/worker.h"

/* A request that hangs when we are told to end. */
#define ENDING_MS 500
/* From being told to end until it is killed. */
#define LATE_MS 700

/* -- in the process of its own -------------------------------------------- */

static atomic_bool stopped;

static void stop(int number)
{
    int saved = errno;

    (void)number;
    atomic_store(&stopped, true);
    llmobs_http_deadline(llmobs_clock_mono_ns() + ENDING_MS * LLMOBS_NS_PER_MS);
    errno = saved;
}

static struct llmobs_adopt *open_adopt(const struct llmobs_drain_round *round)
{
    struct llmobs_adopt *adopt = llmobs_adopt_new(
        round->config, round->all ? LLMOBS_ADOPT_ANY : LLMOBS_ADOPT_OURS);

    if (adopt != NULL)
        llmobs_adopt_living(adopt, &round->living);
    return adopt;
}

static int look(const struct llmobs_drain_round *round,
                struct llmobs_adopt_left *left)
{
    struct llmobs_adopt *adopt = open_adopt(round);
    int rc = adopt != NULL ? llmobs_adopt_count(adopt, left) : -ENOMEM;

    llmobs_adopt_free(adopt);
    return rc;
}

/* The person who types it wants it tried, whatever was found before. */
static int deliver(const struct llmobs_drain_round *round)
{
    struct llmobs_adopt *adopt = open_adopt(round);
    struct llmobs_worker *worker;

    if (adopt == NULL)
        return -ENOMEM;
    if (strcmp(round->config->exporter, "store") != 0)
        llmobs_cli_use_curl();
    llmobs_stamp_clear(round->config, round->config->agent_url);
    worker = llmobs_worker_drainer(round->config, adopt);
    if (worker == NULL) {
        llmobs_adopt_free(adopt);
        return -ENOMEM;
    }
    llmobs_worker_drain(worker, &stopped);
    return 0;
}

static void drain(const struct llmobs_drain_round *round,
                  const struct llmobs_drain_place *place,
                  struct llmobs_drain_outcome *out)
{
    struct llmobs_adopt_left left = {0};

    out->error = llmobs_drain_enter(place, round->config);
    if (out->error == -ENOENT) { /* another place of the same user's */
        out->error = 0;
        return;
    }
    if (out->error == 0)
        out->error = look(round, &left);
    if (out->error == 0 && left.dirs > 0) {
        out->error = deliver(round);
        if (out->error == 0)
            out->error = look(round, &left);
    }
    out->delivered = llmobs_stats_get(LLMOBS_STAT_delivered);
    out->expired = llmobs_stats_get(LLMOBS_STAT_dropped_expired);
    out->refused = llmobs_stats_get(LLMOBS_STAT_dropped_export) +
                   llmobs_stats_get(LLMOBS_STAT_dropped_memory);
    out->left = left.ours + left.others;
    out->others = left.others;
    out->unreadable = left.unreadable;
}

static void run_child(const struct llmobs_drain_round *round,
                      const struct llmobs_drain_place *place, int fd)
{
    struct sigaction action = {.sa_handler = stop};
    struct llmobs_drain_outcome out = {0};
    sigset_t none;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    drain(round, place, &out);
    _exit(write(fd, &out, sizeof out) == sizeof out ? 0 : 1);
}

/* -- in ours -------------------------------------------------------------- */

/* 0: the time is up. */
static int next_signal(int64_t until_ns)
{
    struct timespec left = llmobs_clock_wait(until_ns - llmobs_clock_mono_ns());
    sigset_t set;
    int number;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (until_ns == 0)
        return sigwaitinfo(&set, NULL);
    number = sigtimedwait(&set, NULL, &left);
    return number < 0 && errno == EAGAIN ? 0 : number;
}

/* When a child is told to end, so that it has ended by the deadline. */
static int64_t soft_deadline(const struct llmobs_drain_round *round)
{
    int64_t left = round->deadline_ns - llmobs_clock_mono_ns();
    int64_t late = LATE_MS * LLMOBS_NS_PER_MS;

    if (round->deadline_ns == 0)
        return 0;
    return round->deadline_ns - (left > 2 * late ? late : left / 2);
}

/* Waits for the child, and tells it of a signal and of the deadline. */
static int wait_for(struct llmobs_drain_round *round, pid_t child)
{
    int64_t until_ns = soft_deadline(round);
    int status = -1;
    pid_t ended;

    while ((ended = waitpid(child, &status, WNOHANG)) == 0) {
        int number = next_signal(until_ns);

        if (number == 0 && until_ns == round->deadline_ns) {
            kill(child, SIGKILL);
            until_ns = 0;
        } else if (number == 0 || number == SIGTERM || number == SIGINT) {
            round->ending = true;
            kill(child, SIGTERM);
            if (number == 0)
                until_ns = round->deadline_ns;
        }
    }
    return ended == child && WIFEXITED(status) && WEXITSTATUS(status) == 0
               ? 0
               : -ECHILD;
}

void llmobs_drain_visit(struct llmobs_drain_round *round,
                        const struct llmobs_drain_place *place,
                        struct llmobs_drain_outcome *out)
{
    int ends[2];
    pid_t child;

    *out = (struct llmobs_drain_outcome){0};
    if (pipe(ends) != 0) {
        out->error = -errno;
        return;
    }
    fflush(NULL);
    child = fork();
    if (child == 0)
        run_child(round, place, ends[1]);
    close(ends[1]);
    out->error = child < 0 ? -errno : wait_for(round, child);
    if (out->error == 0 && read(ends[0], out, sizeof *out) != sizeof *out)
        out->error = -ECHILD;
    close(ends[0]);
}
