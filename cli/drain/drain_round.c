#include "cli/drain/drain_round.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/shared/ending.h"
#include "cli/shared/open_libcurl.h"
#include "core/base/clock.h"
#include "core/deliver/open.h"
#include "core/export/peer.h"
#include "core/ledger/stats.h"
#include "core/spool/adopt.h"

/* The time between a child's signal to end and its kill. */
#define LATE_MS 700

/* -- in the process of its own -------------------------------------------- */

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

/* 1 where there is something to deliver, 0 where there is not, or -errno. */
static int is_wanted(const struct llmobs_drain_round *round)
{
    struct llmobs_adopt *adopt = open_adopt(round);
    int rc = adopt != NULL ? llmobs_adopt_any(adopt) : -ENOMEM;

    llmobs_adopt_free(adopt);
    return rc;
}

/* Forgets that a peer was down: the person who types this command wants the
 * delivery tried. */
static int deliver(const struct llmobs_drain_round *round)
{
    struct llmobs_adopt *adopt = open_adopt(round);
    struct llmobs_worker *worker;

    if (adopt == NULL)
        return -ENOMEM;
    if (strcmp(round->config->exporter, "store") != 0 ||
        round->config->otlp.signals[LLMOBS_SIGNAL_LOGS].on)
        llmobs_cli_open_libcurl();
    llmobs_peer_unmark(round->config, round->config->agent_url);
    llmobs_peer_unmark(round->config,
                       round->config->otlp.signals[LLMOBS_SIGNAL_TRACES].url);
    worker = llmobs_worker_open_drainer(round->config, adopt);
    if (worker == NULL) {
        llmobs_adopt_free(adopt);
        return -ENOMEM;
    }
    llmobs_worker_drain(worker, &llmobs_ending);
    return 0;
}

static void drain(const struct llmobs_drain_round *round,
                  const struct llmobs_user_spool *place,
                  struct llmobs_drain_outcome *out)
{
    struct llmobs_adopt_left left = {0};

    out->error = llmobs_user_spool_enter(place, round->config);
    if (out->error == -ENOENT) { /* the user's other spool was removed */
        out->error = 0;
        return;
    }
    if (out->error == 0)
        out->error = is_wanted(round);
    if (out->error > 0)
        out->error = deliver(round);
    if (out->error == 0)
        out->error = look(round, &left);
    out->delivered = llmobs_stats_get(LLMOBS_STAT_delivered);
    out->expired = llmobs_stats_get(LLMOBS_STAT_dropped_expired);
    out->refused = llmobs_stats_get(LLMOBS_STAT_dropped_export) +
                   llmobs_stats_get(LLMOBS_STAT_dropped_rejected) +
                   llmobs_stats_get(LLMOBS_STAT_dropped_memory);
    out->sampled_out = llmobs_stats_get(LLMOBS_STAT_sampled_out);
    out->left = left.ours + left.others;
    out->others = left.others;
    out->unreadable = left.unreadable;
}

static void run_child(const struct llmobs_drain_round *round,
                      const struct llmobs_user_spool *place, int fd)
{
    struct llmobs_drain_outcome out = {0};

    llmobs_ending_begin();
    drain(round, place, &out);
    _exit(write(fd, &out, sizeof out) == sizeof out ? 0 : 1);
}

/* -- in the process that starts the children ------------------------------- */

/* Waits for a signal; 0: the time is up. */
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

/* The earlier time; 0 means that there is none. */
static int64_t sooner(int64_t a_ns, int64_t b_ns)
{
    return a_ns == 0 || (b_ns != 0 && b_ns < a_ns) ? b_ns : a_ns;
}

/* The time at which a child has to be told to end, so that it has ended by the
 * deadline. */
static int64_t soft_deadline(const struct llmobs_drain_round *round)
{
    int64_t left = round->deadline_ns - llmobs_clock_mono_ns();
    int64_t late = LATE_MS * LLMOBS_NS_PER_MS;

    if (round->deadline_ns == 0)
        return 0;
    return round->deadline_ns - (left > 2 * late ? late : left / 2);
}

/* A child that runs for another user ends after user_ms at the latest. */
static void set_times(struct llmobs_drain_round *round,
                      struct llmobs_drain_child *child)
{
    int64_t end_ns = llmobs_clock_mono_ns() + round->user_ms * LLMOBS_NS_PER_MS;

    if (round->soft_ns == 0)
        round->soft_ns = soft_deadline(round);
    child->soft_ns = round->soft_ns;
    child->hard_ns = round->deadline_ns;
    if (child->uid == geteuid() || round->user_ms == 0)
        return;
    child->soft_ns = sooner(child->soft_ns, end_ns);
    child->hard_ns =
        sooner(child->hard_ns, end_ns + LATE_MS * LLMOBS_NS_PER_MS);
}

static void tell_to_end(struct llmobs_drain_child *child)
{
    int64_t late_ns = llmobs_clock_mono_ns() + LATE_MS * LLMOBS_NS_PER_MS;

    kill(child->pid, SIGTERM);
    child->soft_ns = 0;
    if (child->uid != geteuid()) /* that user may have stopped the child */
        child->hard_ns = sooner(child->hard_ns, late_ns);
}

static void end_round(struct llmobs_drain_round *round)
{
    round->ending = true;
    for (size_t i = 0; i < LLMOBS_DRAIN_CHILDREN; i++)
        if (round->children[i].pid != 0)
            tell_to_end(&round->children[i]);
}

/* Tells or kills the children whose time is up; answers the time of the next
 * one. */
static int64_t keep_time(struct llmobs_drain_round *round)
{
    int64_t now = llmobs_clock_mono_ns(), next = 0;

    if (round->soft_ns != 0 && round->soft_ns <= now)
        round->ending = true;
    for (size_t i = 0; i < LLMOBS_DRAIN_CHILDREN; i++) {
        struct llmobs_drain_child *child = &round->children[i];

        if (child->pid == 0)
            continue;
        if (child->hard_ns != 0 && child->hard_ns <= now) {
            kill(child->pid, SIGKILL);
            child->soft_ns = child->hard_ns = 0;
        } else if (child->soft_ns != 0 && child->soft_ns <= now) {
            tell_to_end(child);
        }
        next = sooner(next, sooner(child->soft_ns, child->hard_ns));
    }
    return next;
}

/* Root does not wait for bytes of a child that has ended: another process of
 * the same user may hold the pipe's other end open. */
static void end_child(struct llmobs_drain_round *round,
                      struct llmobs_drain_child *child, bool well)
{
    struct llmobs_drain_outcome out = {0};

    if (!well || read(child->fd, &out, sizeof out) != sizeof out)
        out = (struct llmobs_drain_outcome){.error = -ECHILD};
    round->done(round->ctx, child->path, &out);
    close(child->fd);
    free(child->path);
    *child = (struct llmobs_drain_child){0};
}

/* Takes the outcome of each child that has ended; answers the number of those
 * that still run. */
static size_t reap(struct llmobs_drain_round *round)
{
    size_t left = 0;
    int status;

    for (size_t i = 0; i < LLMOBS_DRAIN_CHILDREN; i++) {
        struct llmobs_drain_child *child = &round->children[i];
        pid_t ended =
            child->pid != 0 ? waitpid(child->pid, &status, WNOHANG) : 0;

        if (ended != 0)
            end_child(round, child,
                      ended == child->pid && WIFEXITED(status) &&
                          WEXITSTATUS(status) == 0);
        left += child->pid != 0;
    }
    return left;
}

/* Waits until a child ends, a child's time is up, or the round is told to end.
 */
static void wait_some(struct llmobs_drain_round *round)
{
    int number = next_signal(keep_time(round));

    if (number == SIGTERM || number == SIGINT)
        end_round(round);
}

static bool is_served(const struct llmobs_drain_round *round, uid_t uid)
{
    for (size_t i = 0; i < LLMOBS_DRAIN_CHILDREN; i++)
        if (round->children[i].pid != 0 && round->children[i].uid == uid)
            return true;
    return false;
}

/* A free place for a child; NULL: LLMOBS_DRAIN_CHILDREN run. */
static struct llmobs_drain_child *find_room(struct llmobs_drain_round *round)
{
    for (size_t i = 0; i < LLMOBS_DRAIN_CHILDREN; i++)
        if (round->children[i].pid == 0)
            return &round->children[i];
    return NULL;
}

static int begin_child(struct llmobs_drain_round *round,
                       const struct llmobs_user_spool *place,
                       struct llmobs_drain_child *child)
{
    char *path = strdup(place->path);
    int ends[2];

    if (path == NULL || pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        free(path);
        return -ENOMEM;
    }
    fflush(NULL);
    child->pid = fork();
    if (child->pid == 0)
        run_child(round, place, ends[1]);
    close(ends[1]);
    if (child->pid < 0) {
        child->pid = 0;
        close(ends[0]);
        free(path);
        return -EAGAIN;
    }
    child->uid = place->uid;
    child->fd = ends[0];
    child->path = path;
    set_times(round, child);
    return 0;
}

/* Starts a child, if need be after another one has ended. */
static int begin(struct llmobs_drain_round *round,
                 const struct llmobs_user_spool *place)
{
    struct llmobs_drain_child *child;

    while ((child = find_room(round)) == NULL) {
        wait_some(round);
        (void)reap(round);
    }
    return round->ending ? 0 : begin_child(round, place, child);
}

static int put_aside(struct llmobs_drain_round *round,
                     const struct llmobs_user_spool *place)
{
    size_t size = strlen(place->path) + 1;
    struct llmobs_drain_aside *aside = malloc(sizeof(*aside) + size);
    struct llmobs_drain_aside **end = &round->aside;

    if (aside == NULL)
        return -ENOMEM;
    aside->next = NULL;
    aside->place = *place;
    aside->place.path = memcpy(aside->path, place->path, size);
    while (*end != NULL)
        end = &(*end)->next;
    *end = aside;
    return 0;
}

/* Puts a spool aside where its user has a child already, so that this user does
 * not hold up the others. */
static int visit(void *ctx, const struct llmobs_user_spool *place)
{
    struct llmobs_drain_round *round = ctx;
    struct llmobs_drain_outcome out = {0};

    if (round->ending)
        return -EINTR;
    (void)reap(round);
    out.error = is_served(round, place->uid) ? put_aside(round, place)
                                             : begin(round, place);
    if (out.error != 0)
        round->done(round->ctx, place->path, &out);
    return round->ending ? -EINTR : 0;
}

/* Takes the first spool whose user has no child any more; NULL: each user has
 * one. */
static struct llmobs_drain_aside *take_aside(struct llmobs_drain_round *round)
{
    struct llmobs_drain_aside **at = &round->aside, *aside;

    while (*at != NULL && is_served(round, (*at)->place.uid))
        at = &(*at)->next;
    aside = *at;
    if (aside != NULL)
        *at = aside->next;
    return aside;
}

/* Visits the spools that were put aside, and frees them, visited or not. */
static int visit_aside(struct llmobs_drain_round *round)
{
    struct llmobs_drain_aside *aside;
    int rc = 0;

    while (round->aside != NULL) {
        (void)reap(round);
        aside = round->ending ? round->aside : take_aside(round);
        if (aside == NULL) {
            wait_some(round);
            continue;
        }
        if (round->ending)
            round->aside = aside->next;
        rc = visit(round, &aside->place);
        free(aside);
    }
    return rc;
}

int llmobs_drain_run(struct llmobs_drain_round *round, const char *dir)
{
    int rc;

    (void)llmobs_live_namespaces_read("/proc", &round->living);
    rc = llmobs_spool_dirs_visit(dir, round->config, visit, round);
    if (visit_aside(round) != 0 && rc == 0)
        rc = -EINTR;
    while (reap(round) > 0)
        wait_some(round);
    llmobs_live_namespaces_free(&round->living);
    return rc;
}
