/* Adds up the counters and spools of one or of all users. */
#include "cli/tally.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor/host_starter.h"
#include "cli/shared/apart.h"
#include "core/log/adopt.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/stats.h"

/* Each process leaves at most one record, so this is enough for any host. */
#define FOLD_MAX 100000
#define NS_PER_S (1000 * LLMOBS_NS_PER_MS)

/* The counts that one process has read in one place. Root's child processes
 * send it to their parent. */
struct reading {
    int error;
    struct llmobs_ledger ledger;
    struct llmobs_ledger_drops drops;
    struct llmobs_destinations destinations;
    size_t group_count;
    struct llmobs_tally_group groups[LLMOBS_TALLY_GROUPS];
    char dir[PATH_MAX];
};

/* -- a place --------------------------------------------------------------- */

/* The number of calls that ended processes left in the spool, by the ledger's
 * records. A call that one process left and another took over counts once. */
static uint64_t count_left(const struct llmobs_counts *sum)
{
    uint64_t left = llmobs_counts_get(sum, "left");
    uint64_t adopted = llmobs_counts_get(sum, "adopted");

    return left > adopted ? left - adopted : 0;
}

static void add_drops(const struct llmobs_counts *counts,
                      struct llmobs_ledger_drops *drops)
{
    uint64_t at = llmobs_counts_get(counts, LLMOBS_LEDGER_LOST);

    for (size_t i = 0; i < counts->len; i++)
        if (strncmp(counts->list[i].name, LLMOBS_TALLY_DROPPED,
                    strlen(LLMOBS_TALLY_DROPPED)) == 0)
            drops->count += counts->list[i].value;
    if (drops->at_ns < at)
        drops->at_ns = at;
}

static struct llmobs_tally_group *find_group(
    struct llmobs_tally_group *groups, size_t count,
    const struct llmobs_tally_group *as)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(groups[i].names.unit, as->names.unit) == 0 &&
            strcmp(groups[i].names.pool, as->names.pool) == 0 &&
            strcmp(groups[i].container, as->container) == 0)
            return &groups[i];
    return NULL;
}

/* Adds a process to its group. The last group counts the processes that have no
 * names, and all processes for which there is no other group. */
static void add_to_group(void *ctx, pid_t pid,
                         const struct llmobs_counts *counts)
{
    struct reading *reading = ctx;
    struct llmobs_tally_group as = {.processes = 0}, *group;
    struct llmobs_starter starter;
    size_t count = reading->group_count;

    if (pid > 0) {
        llmobs_origin_read(pid, NULL, &as.names);
        llmobs_starter_of(&starter, pid, "");
        if (starter.kind == LLMOBS_STARTER_CONTAINER)
            snprintf(as.container, sizeof(as.container), "%.*s",
                     (int)sizeof(as.container) - 1, starter.name);
    }
    group = find_group(reading->groups, count, &as);
    if (!group && count >= LLMOBS_TALLY_GROUPS - 1) {
        memset(&as, 0, sizeof(as));
        group = find_group(reading->groups, count, &as);
    }
    if (!group) {
        group = &reading->groups[reading->group_count++];
        *group = as;
    }
    group->processes++;
    group->pending += llmobs_counts_get(counts, LLMOBS_LEDGER_PENDING);
}

/* Adds the records of ended processes to the ledger's totals. This may fail, as
 * for a user who may not write the ledger: llmobs_ledger_read counts those
 * records in any case. */
static int read_ledger(const struct llmobs_tallies *tallies,
                       struct reading *reading)
{
    struct llmobs_ledger *ledger = &reading->ledger;
    int rc;

    (void)llmobs_ledger_fold(reading->dir, FOLD_MAX);
    rc = llmobs_ledger_read(reading->dir, ledger);
    if (rc != 0)
        return rc == -ENOENT ? 0 : rc; /* nothing was captured yet */
    add_drops(&ledger->ended, &reading->drops);
    add_drops(&ledger->living, &reading->drops);
    if (tallies->groups)
        (void)llmobs_ledger_living(reading->dir, add_to_group, reading);
    if (!tallies->acknowledge || reading->drops.count == 0)
        return 0;
    ledger->known = reading->drops;
    return llmobs_ledger_acknowledge(reading->dir, &reading->drops);
}

static int read_place(const struct llmobs_tallies *tallies,
                      struct reading *reading)
{
    const struct llmobs_config *config = tallies->config;
    struct llmobs_adopt_counts *spool = &reading->destinations.spool;
    struct llmobs_counts sum;
    uint64_t before;
    int rc = llmobs_ledger_dir(config, reading->dir, sizeof(reading->dir));

    if (rc != 0)
        return rc;
    llmobs_destinations_read(config, &reading->destinations);
    rc = read_ledger(tallies, reading);
    if (rc != 0)
        return rc;
    /* While the spool and the ledger are read, a call may leave the spool or
     * come into it, and would then count twice: once in the spool and once in
     * the records. Of two looks at the spool only one sees such a call, so the
     * smaller number counts. */
    before = spool->ours;
    sum = reading->ledger.ended;
    (void)llmobs_counts_merge(&sum, &reading->ledger.living);
    if (before > count_left(&sum)) {
        llmobs_destinations_look(config, spool);
        if (before < spool->ours)
            spool->ours = before;
    }
    return 0;
}

/* -- a user's tally -------------------------------------------------------- */

/* Lists all counters of this version, even those that are 0. */
static void begin_counts(struct llmobs_counts *sum)
{
    sum->len = 0;
    for (int i = 0; i < LLMOBS_STAT_COUNT; i++)
        (void)llmobs_counts_add(sum, llmobs_stats_name((enum llmobs_stat)i), 0);
    (void)llmobs_counts_add(sum, LLMOBS_LEDGER_PENDING, 0);
    (void)llmobs_counts_add(sum, LLMOBS_LEDGER_PROCESSES, 0);
}

static struct llmobs_tally *find(const struct llmobs_tallies *tallies,
                                 uid_t uid)
{
    for (size_t i = 0; i < tallies->count; i++)
        if (tallies->list[i].uid == uid)
            return &tallies->list[i];
    return NULL;
}

/* Finds the user's tally, or adds an empty one; NULL when memory runs out. */
static struct llmobs_tally *find_or_add(struct llmobs_tallies *tallies,
                                        uid_t uid)
{
    struct llmobs_tally *more = find(tallies, uid);

    if (more)
        return more;
    more =
        reallocarray(tallies->list, tallies->count + 1, sizeof(*tallies->list));
    if (!more)
        return NULL;
    tallies->list = more;
    more += tallies->count++;
    memset(more, 0, sizeof(*more));
    more->uid = uid;
    begin_counts(&more->sum);
    return more;
}

static void add_groups(struct llmobs_tally *tally,
                       const struct reading *reading)
{
    struct llmobs_tally_group *more;

    if (reading->group_count == 0)
        return;
    more =
        reallocarray(tally->groups, tally->group_count + reading->group_count,
                     sizeof(*more));
    if (!more)
        return;
    tally->groups = more;
    for (size_t i = 0; i < reading->group_count; i++) {
        const struct llmobs_tally_group *one = &reading->groups[i];
        struct llmobs_tally_group *same =
            find_group(more, tally->group_count, one);

        if (!same) {
            more[tally->group_count++] = *one;
            continue;
        }
        same->processes += one->processes;
        same->pending += one->pending;
    }
}

static void tally_add_drops(struct llmobs_ledger_drops *drops,
                            const struct llmobs_ledger_drops *more)
{
    drops->count += more->count;
    if (drops->at_ns < more->at_ns)
        drops->at_ns = more->at_ns;
}

static void add(struct llmobs_tally *tally, const struct reading *reading)
{
    const struct llmobs_ledger *ledger = &reading->ledger;
    uint64_t *numbers = tally->numbers;

    /* Only a ledger that somebody made by hand has more names than a list
     * holds. */
    (void)llmobs_counts_merge(&tally->sum, &ledger->ended);
    (void)llmobs_counts_merge(&tally->sum, &ledger->living);
    tally_add_drops(&tally->drops, &reading->drops);
    tally_add_drops(&tally->known, &ledger->known);
    tally->unreadable += ledger->unreadable;
    tally->versions += ledger->versions + reading->destinations.spool.versions;
    numbers[LLMOBS_TALLY_ENDED] +=
        llmobs_counts_get(&ledger->ended, LLMOBS_LEDGER_PROCESSES);
    numbers[LLMOBS_TALLY_RUNNING] += ledger->records;
    if (!tally->dir)
        tally->dir = strdup(reading->dir);
    add_groups(tally, reading);
    llmobs_destinations_add(&tally->destinations, &reading->destinations);
}

/* Fills in the numbers that follow from the others. Calls that a killed process
 * left beyond its last record were captured, too. */
static void derive_numbers(struct llmobs_tally *tally)
{
    uint64_t *numbers = tally->numbers, left = count_left(&tally->sum);
    uint64_t adopted = llmobs_counts_get(&tally->sum, "adopted");
    uint64_t delivered = llmobs_counts_get(&tally->sum, "delivered");
    uint64_t evaluations = llmobs_counts_get(&tally->sum, "evaluations");
    uint64_t captured = llmobs_counts_get(&tally->sum, "captured");
    uint64_t fallen = llmobs_ledger_fallen(&tally->sum);
    const struct llmobs_adopt_counts *spool = &tally->destinations.spool;
    int64_t age = llmobs_clock_wall_ns() - spool->oldest_ns;

    left -= fallen < left ? fallen : left;
    if (left + fallen == 0)
        captured += adopted - llmobs_counts_get(&tally->sum, "left");
    if (spool->ours + spool->set_aside > left) {
        captured += spool->ours + spool->set_aside - left;
        left = spool->ours + spool->set_aside;
    }
    numbers[LLMOBS_TALLY_CAPTURED] = captured;
    numbers[LLMOBS_TALLY_SPOOLED] = left;
    numbers[LLMOBS_TALLY_SET_ASIDE] = spool->set_aside;
    numbers[LLMOBS_TALLY_FELL_BACK] = fallen;
    numbers[LLMOBS_TALLY_DELIVERED] = delivered;
    /* Evaluations are counted first. */
    numbers[LLMOBS_TALLY_SPANS] =
        delivered > evaluations ? delivered - evaluations : 0;
    numbers[LLMOBS_TALLY_EVALUATIONS] = evaluations;
    numbers[LLMOBS_TALLY_SAMPLED_OUT] =
        llmobs_counts_get(&tally->sum, "sampled_out");
    numbers[LLMOBS_TALLY_PENDING] =
        llmobs_counts_get(&tally->sum, LLMOBS_LEDGER_PENDING);
    numbers[LLMOBS_TALLY_UNCONFIRMED] =
        llmobs_counts_get(&tally->sum, "unconfirmed");
    numbers[LLMOBS_TALLY_PURGED] = llmobs_counts_get(&tally->sum, "purged");
    numbers[LLMOBS_TALLY_DROPPED_ALL] = tally->drops.count;
    numbers[LLMOBS_TALLY_LAST] = tally->drops.at_ns / NS_PER_S;
    if (spool->oldest_ns > 0 && age > 0)
        numbers[LLMOBS_TALLY_OLDEST] = (uint64_t)age / NS_PER_S;
    numbers[LLMOBS_TALLY_UNREADABLE] = spool->unreadable;
    numbers[LLMOBS_TALLY_RELAY] =
        tally->destinations.relay != LLMOBS_RELAY_NONE;
}

/* -- this user ------------------------------------------------------------- */

static int read_own(struct llmobs_tallies *tallies)
{
    struct reading *reading = calloc(1, sizeof(*reading));
    struct llmobs_tally *tally =
        reading ? find_or_add(tallies, geteuid()) : NULL;
    int rc = tally ? read_place(tallies, reading) : -ENOMEM;

    if (tally)
        add(tally, reading);
    free(reading);
    return rc;
}

int llmobs_tally_own(struct llmobs_tallies *tallies)
{
    int rc = read_own(tallies);

    if (tallies->count > 0)
        derive_numbers(tallies->list);
    return rc;
}

/* -- the users of the host ------------------------------------------------- */

/* Runs in the child that has become the user. `entered` is -ENOENT if the
 * user's place is another directory. */
static int read_apart(void *ctx, int entered, int fd)
{
    struct reading *reading = calloc(1, sizeof(*reading));
    int rc;

    if (!reading)
        return 1;
    rc = entered == 0 ? read_place(ctx, reading) : entered;
    reading->error = rc;
    return llmobs_file_write(fd, reading, sizeof(*reading)) == 0 ? 0 : 1;
}

/* Makes an answer safe to read: a process of another user wrote it, so its
 * lengths and texts may be wrong. */
static void limit_answer(struct reading *reading)
{
    struct llmobs_counts *counts[] = {&reading->ledger.ended,
                                      &reading->ledger.living};

    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        if (counts[i]->len > LLMOBS_COUNTS_MAX)
            counts[i]->len = LLMOBS_COUNTS_MAX;
        for (size_t k = 0; k < counts[i]->len; k++)
            counts[i]->list[k].name[LLMOBS_COUNTS_NAME_MAX - 1] = '\0';
    }
    if (reading->group_count > LLMOBS_TALLY_GROUPS)
        reading->group_count = LLMOBS_TALLY_GROUPS;
    for (size_t i = 0; i < reading->group_count; i++) {
        struct llmobs_tally_group *group = &reading->groups[i];

        group->names.unit[LLMOBS_ORIGIN_NAME - 1] = '\0';
        group->names.pool[LLMOBS_ORIGIN_NAME - 1] = '\0';
        group->container[LLMOBS_TALLY_CONTAINER - 1] = '\0';
    }
    for (size_t i = 0; i < LLMOBS_ANSWERS; i++)
        llmobs_answer_limit(&reading->destinations.answers[i]);
    for (size_t i = 0; i < LLMOBS_ADOPT_PLACES; i++)
        reading->destinations.spool.places[i].name[LLMOBS_OWNER_PLACE - 1] =
            '\0';
    reading->dir[sizeof(reading->dir) - 1] = '\0';
}

/* Reads a place of a user. If a user's first place could not be read, the
 * user's other places are not read: each could again take LLMOBS_TALLY_MS. */
static int visit(void *ctx, const struct llmobs_user_spool *place)
{
    struct llmobs_tallies *tallies = ctx;
    struct llmobs_tally *tally = find(tallies, place->uid);
    struct reading *reading;
    struct llmobs_apart child;
    int rc;

    if (place->uid == geteuid() || (tally && tally->error))
        return 0;
    reading = calloc(1, sizeof(*reading));
    if (!reading)
        return -ENOMEM;
    rc = llmobs_apart_start(&child, 0, place, tallies->config, read_apart,
                            tallies);
    if (rc == 0) {
        struct llmobs_buf text;
        llmobs_buf_init(&text, sizeof(*reading));
        rc = llmobs_apart_receive(&child, LLMOBS_TALLY_MS, &text);
        (void)llmobs_apart_end(&child, true);
        if (rc == 0 && text.len != sizeof(*reading))
            rc = -ECHILD;
        if (rc == 0) {
            memcpy(reading, text.data, sizeof(*reading));
            limit_answer(reading);
            if (place->pid != 0) /* it says what the child calls it */
                snprintf(reading->dir, sizeof(reading->dir), "%s", place->path);
            rc = reading->error;
        }
        llmobs_buf_fini(&text);
    }
    tally = rc == -ENOENT ? NULL : find_or_add(tallies, place->uid);
    if (tally && rc == 0)
        add(tally, reading);
    else if (tally)
        tally->error = rc;
    free(reading);
    return tally || rc == -ENOENT ? 0 : -ENOMEM;
}

static int by_uid(const void *a, const void *b)
{
    uid_t one = ((const struct llmobs_tally *)a)->uid;
    uid_t other = ((const struct llmobs_tally *)b)->uid;

    return (one > other) - (one < other);
}

int llmobs_tally_users(struct llmobs_tallies *tallies)
{
    struct llmobs_config *config = tallies->config;
    int rc = read_own(tallies);

    if (tallies->count > 0)
        tallies->list[0].error = rc;
    if (rc == -ENOMEM)
        return rc;
    signal(SIGCHLD, SIG_DFL);
    /* A spool that all users share has their entries, but not their counts. */
    free(config->spool_dir);
    config->spool_dir = NULL;
    rc = config->store_dir
             ? 0
             : llmobs_spool_dirs_visit(NULL, config, visit, tallies);
    for (size_t i = 0; i < tallies->count; i++)
        derive_numbers(&tallies->list[i]);
    qsort(tallies->list, tallies->count, sizeof(*tallies->list), by_uid);
    return rc;
}

bool llmobs_tally_has_news(const struct llmobs_tally *tally)
{
    return tally->drops.count > tally->known.count ||
           tally->drops.at_ns > tally->known.at_ns;
}

/* -- sums ------------------------------------------------------------------ */

void llmobs_tally_sum(const struct llmobs_tallies *tallies,
                      struct llmobs_tally *sum)
{
    memset(sum, 0, sizeof(*sum));
    begin_counts(&sum->sum);
    for (size_t i = 0; i < tallies->count; i++) {
        const struct llmobs_tally *one = &tallies->list[i];

        llmobs_counts_merge(&sum->sum, &one->sum);
        for (int k = 0; k < LLMOBS_TALLY_NUMBERS; k++)
            if (k != LLMOBS_TALLY_OLDEST && k != LLMOBS_TALLY_LAST &&
                k != LLMOBS_TALLY_RELAY)
                sum->numbers[k] += one->numbers[k];
            else if (sum->numbers[k] < one->numbers[k])
                sum->numbers[k] = one->numbers[k];
        llmobs_destinations_add(&sum->destinations, &one->destinations);
        sum->unreadable += one->unreadable;
        sum->lost |= one->lost;
        sum->stale |= one->stale;
    }
}

void llmobs_tally_fini(struct llmobs_tallies *tallies)
{
    for (size_t i = 0; i < tallies->count; i++) {
        free(tallies->list[i].dir);
        free(tallies->list[i].groups);
    }
    free(tallies->list);
    tallies->list = NULL;
    tallies->count = 0;
}
