/* Visits spools, each in a child with its user's rights. */
#include "cli/log/drain_round.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/shared/ending.h"
#include "cli/shared/guard.h"
#include "cli/shared/open_libcurl.h"
#include "lib/base/clock.h"
#include "core/deliver/drain.h"
#include "lib/base/stats.h"
#include "core/log/adopt.h"

/* The time between a child's signal to end and its kill. */
#define LATE_MS 700
/* The time that a child of the same user has to end. */
#define OWN_LATE_MS 10000

/* -- in the process of its own -------------------------------------------- */

static struct llmobs_adopt *open_adopt(const struct llmobs_drain_round *round)
{
    struct llmobs_adopt *adopt = llmobs_adopt_new(
        round->config, round->all ? LLMOBS_ADOPT_ANY : LLMOBS_ADOPT_SAME,
        &round->living);

    if (adopt)
        llmobs_adopt_set_place(adopt, round->place);
    return adopt;
}

/* Takes the adoption. */
static int drain_round_deliver(const struct llmobs_drain_round *round,
                               struct llmobs_adopt *adopt)
{
    int rc;

    if (strcmp(round->config->exporter, "store") != 0 ||
        round->config->otlp.signals[LLMOBS_SIGNAL_LOGS].on)
        llmobs_cli_open_libcurl();
    rc = llmobs_drain(round->config, adopt, NULL, &llmobs_ending);
    if (rc != 0)
        llmobs_adopt_free(adopt);
    return rc;
}

static void drain(const struct llmobs_drain_round *round,
                  struct llmobs_drain_outcome *out)
{
    struct llmobs_adopt_counts left = {0};
    struct llmobs_adopt *adopt = out->error ? NULL : open_adopt(round);

    if (out->error == 0)
        out->error = adopt ? llmobs_adopt_any(adopt) : -ENOMEM;
    if (out->error > 0)
        out->error = drain_round_deliver(round, adopt);
    else
        llmobs_adopt_free(adopt);
    if (out->error == 0) {
        adopt = open_adopt(round);
        out->error = adopt ? llmobs_adopt_count(adopt, &left) : -ENOMEM;
        llmobs_adopt_free(adopt);
    }
    out->delivered = llmobs_stats_get(LLMOBS_STAT_delivered);
    out->expired = llmobs_stats_get(LLMOBS_STAT_dropped_expired);
    out->refused = llmobs_stats_get(LLMOBS_STAT_dropped_export) +
                   llmobs_stats_get(LLMOBS_STAT_dropped_rejected) +
                   llmobs_stats_get(LLMOBS_STAT_dropped_memory);
    out->sampled_out = llmobs_stats_get(LLMOBS_STAT_sampled_out);
    out->left = left.ours + left.others;
    out->set_aside = left.set_aside;
    out->others = left.others;
    out->unreadable = left.unreadable;
    out->versions = left.versions;
}

static int drain_apart(void *ctx, int entered, int fd)
{
    struct llmobs_drain_outcome out = {.error = entered};

    llmobs_ending_begin();
    llmobs_guard_begin();
    if (entered == -ENOENT) /* the user's spool is at another path */
        out.error = 0;
    else
        drain(ctx, &out);
    return write(fd, &out, sizeof(out)) == sizeof(out) ? 0 : 1;
}

/* -- in the process that starts the children ------------------------------- */

/* The earlier time; 0 means that there is none. */
static int64_t sooner(int64_t a_ns, int64_t b_ns)
{
    return a_ns == 0 || (b_ns != 0 && b_ns < a_ns) ? b_ns : a_ns;
}

/* Also sets a time for the kill: a user or a disk may hold the child up. */
static void tell_to_end(struct llmobs_drain_child *child)
{
    int64_t ms = child->place.uid != geteuid() ? LATE_MS : OWN_LATE_MS;

    kill(child->apart.pid, SIGTERM);
    child->soft_ns = 0;
    child->hard_ns =
        sooner(child->hard_ns, llmobs_clock_mono_ns() + ms * LLMOBS_NS_PER_MS);
}

/* Signals or kills the children whose time is up; gives the time at which it
 * must be called again. */
static int64_t keep_time(struct llmobs_drain_round *round)
{
    int64_t now = llmobs_clock_mono_ns(), next = 0;

    if (round->soft_ns != 0 && round->soft_ns <= now)
        round->ending = true;
    for (size_t i = 0; i < LLMOBS_DRAIN_CHILDREN; i++) {
        struct llmobs_drain_child *child = &round->children[i];

        if (child->apart.pid == 0)
            continue;
        if (child->hard_ns != 0 && child->hard_ns <= now) {
            /* The kernel keeps one that waits for a file system. */
            child->left = child->killed;
            child->killed = true;
            kill(child->apart.pid, SIGKILL);
            child->soft_ns = 0;
            child->hard_ns = now + LATE_MS * LLMOBS_NS_PER_MS;
        } else if (child->soft_ns != 0 && child->soft_ns <= now) {
            tell_to_end(child);
        }
        next = sooner(next, sooner(child->soft_ns, child->hard_ns));
    }
    return next;
}

/* Lets a spool wait until its user has no child. */
static int put_aside(struct llmobs_drain_round *round,
                     const struct llmobs_user_spool *place, int64_t end_ns)
{
    size_t size = strlen(place->path) + 1;
    struct llmobs_drain_aside *aside = malloc(sizeof(*aside) + size);
    struct llmobs_drain_aside **end = &round->aside;

    if (!aside)
        return -ENOMEM;
    aside->next = NULL;
    aside->end_ns = end_ns;
    aside->place = *place;
    aside->place.path = memcpy(aside->path, place->path, size);
    while (*end)
        end = &(*end)->next;
    *end = aside;
    return 0;
}

/* Takes the outcome of each child that has ended; gives the number of children
 * that still run. */
static size_t reap(struct llmobs_drain_round *round)
{
    size_t left = 0;
    int status;

    for (size_t i = 0; i < LLMOBS_DRAIN_CHILDREN; i++) {
        struct llmobs_drain_child *child = &round->children[i];
        pid_t ended = child->left ? -1
                      : child->apart.pid != 0
                          ? waitpid(child->apart.pid, &status, WNOHANG)
                          : 0;

        if (ended != 0) {
            /* Root does not wait for bytes of a child that has ended: another
             * process of the same user may hold the pipe's other end open. */
            struct llmobs_drain_outcome out = {0};

            if (!(ended == child->apart.pid && WIFEXITED(status) &&
                  WEXITSTATUS(status) == 0) ||
                read(child->apart.fd, &out, sizeof(out)) != sizeof(out))
                out = (struct llmobs_drain_outcome){.error = -ECHILD};
            /* It has noted its entry (guard.h): another goes on. */
            if (ended != child->apart.pid || !llmobs_guard_fell(status) ||
                round->ending || round->falls++ >= LLMOBS_DRAIN_FALLS ||
                put_aside(round, &child->place, child->end_ns) != 0)
                round->done(round->ctx, child->place.path, &out);
            close(child->apart.fd);
            free((char *)(uintptr_t)child->place.path);
            *child = (struct llmobs_drain_child){0};
        }
        left += child->apart.pid != 0;
    }
    return left;
}

/* Waits until a child ends, a child's time is up, or the round gets the signal
 * to end. */
static void wait_some(struct llmobs_drain_round *round)
{
    int64_t until_ns = keep_time(round);
    struct timespec left = llmobs_clock_wait(until_ns - llmobs_clock_mono_ns());
    sigset_t set = llmobs_ending_block(true);
    int number = until_ns == 0 ? sigwaitinfo(&set, NULL)
                               : sigtimedwait(&set, NULL, &left);

    if (number == SIGTERM || number == SIGINT) {
        round->ending = true;
        for (size_t i = 0; i < LLMOBS_DRAIN_CHILDREN; i++)
            if (round->children[i].apart.pid != 0)
                tell_to_end(&round->children[i]);
    }
    (void)reap(round);
}

static bool is_served(const struct llmobs_drain_round *round, uid_t uid)
{
    for (size_t i = 0; i < LLMOBS_DRAIN_CHILDREN; i++)
        if (round->children[i].apart.pid != 0 &&
            round->children[i].place.uid == uid)
            return true;
    return false;
}

static int begin_child(struct llmobs_drain_round *round,
                       const struct llmobs_user_spool *place,
                       struct llmobs_drain_child *child)
{
    int64_t now_ns = llmobs_clock_mono_ns(), late = LATE_MS * LLMOBS_NS_PER_MS;
    int64_t end_ns = round->end_ns != 0
                         ? round->end_ns
                         : now_ns + round->user_ms * LLMOBS_NS_PER_MS;
    int64_t left = round->deadline_ns - now_ns;
    char *path = strdup(place->path);
    int rc = -ENOMEM;

    if (path)
        rc = llmobs_apart_start(&child->apart, O_NONBLOCK, place, round->config,
                                drain_apart, round);
    if (rc != 0) {
        free(path);
        return rc;
    }
    child->place = *place;
    child->place.path = path;
    child->end_ns = end_ns;
    /* A child gets the signal to end so that it has ended by the deadline. */
    if (round->soft_ns == 0 && round->deadline_ns != 0)
        round->soft_ns =
            round->deadline_ns - (left > 2 * late ? late : left / 2);
    child->soft_ns = round->soft_ns;
    child->hard_ns = round->deadline_ns;
    /* One that runs for another user ends after user_ms at the latest. */
    if (place->uid != geteuid() && round->user_ms != 0) {
        child->soft_ns = sooner(child->soft_ns, end_ns);
        child->hard_ns = sooner(child->hard_ns, end_ns + late);
    }
    return 0;
}

/* Starts a child for a spool, if need be after another one has ended. Puts the
 * spool aside where its user has a child already, so that this user does not
 * hold up the others. */
static int visit(void *ctx, const struct llmobs_user_spool *place)
{
    struct llmobs_drain_round *round = ctx;
    struct llmobs_drain_outcome out = {0};
    size_t i = 0;

    if (round->ending)
        return -EINTR;
    if (round->own && place->uid != geteuid())
        return 0;
    (void)reap(round);
    if (is_served(round, place->uid)) {
        out.error = put_aside(round, place, 0);
    } else {
        while (round->children[i].apart.pid != 0)
            if (++i == LLMOBS_DRAIN_CHILDREN) {
                wait_some(round);
                i = 0;
            }
        if (!round->ending)
            out.error = begin_child(round, place, &round->children[i]);
    }
    if (out.error != 0)
        round->done(round->ctx, place->path, &out);
    return round->ending ? -EINTR : 0;
}

int llmobs_drain_run(struct llmobs_drain_round *round, const char *dir)
{
    int rc, last = 0;

    (void)llmobs_live_namespaces_read("/proc", &round->living);
    rc = (round->own ? llmobs_spool_dirs_here : llmobs_spool_dirs_visit)(
        dir, round->config, visit, round);
    /* Of the spools that were put aside, the first whose user has no child any
     * more comes next. Once the round ends, each is freed without a visit. */
    while (reap(round) > 0 || round->aside) {
        struct llmobs_drain_aside **at = &round->aside, *aside;

        while (*at && !round->ending && is_served(round, (*at)->place.uid))
            at = &(*at)->next;
        aside = *at;
        if (!aside) {
            wait_some(round);
            continue;
        }
        *at = aside->next;
        round->end_ns = aside->end_ns;
        last = visit(round, &aside->place);
        round->end_ns = 0;
        free(aside);
    }
    if (last != 0 && rc == 0)
        rc = -EINTR;
    llmobs_live_namespaces_free(&round->living);
    return rc;
}
