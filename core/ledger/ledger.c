#include "core/ledger/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/cold.h"
#include "lib/base/dirs.h"
#include "lib/base/file.h"
#include "lib/base/fork.h"
#include "lib/base/futex.h"
#include "lib/base/listing.h"
#include "lib/base/log.h"
#include "lib/base/process_id.h"
#include "lib/base/signal_guard.h"
#include "lib/base/sole.h"
#include "core/config/state_dir.h"
#include "lib/base/stats.h"
#include "lib/base/wrapped_names.h"

/* A process that lives this long adds the records of ended processes to the
 * totals; a shorter process never looks at the directory. */
#define FOLD_EVERY_MS 60000
#define FOLD_MAX 256
#define FOLD_MARK "folded"
#define KNOWN "acknowledged"

/* How long a reader of the ledger waits for the lock. A reader has time. */
#define READ_LOCK_MS 2000
#define FOLD_LOCK_MS 20

/* The counts that this process has written to the disk. Only the thread that
 * has the turn uses them. */
struct recorded {
    char name[LLMOBS_PROCESS_ID_MAX]; /* "": no record yet */
    uint64_t boot, pidns;
    uint64_t base[LLMOBS_STAT_COUNT];    /* what the totals have */
    uint64_t written[LLMOBS_STAT_COUNT]; /* what the record has */
    uint64_t dropped;                    /* at lost_ns */
    uint64_t lost_ns;                    /* 0: nothing was dropped */
    bool ended;                          /* counted as a process */
    int64_t written_ns;
    int64_t folded_ns;
    char dir[PATH_MAX];
};

/* All members but the path share one page, so a process touches no other. */
LLMOBS_COLD _Alignas(1024) static struct recorded recorded;
static int recorder;    /* the process of `recorded` (fork.h); 0: none */
static atomic_int turn; /* the process that has the turn; 0: none has */

/* -- the turn ------------------------------------------------------------ */

_Static_assert(offsetof(struct recorded, dir) <= 1024, "alignment of recorded");

/* The first process finds zeros. It writes before it reads: a read before the
 * first write would cost a second fault. */
static bool begin_turn(void)
{
    if (!llmobs_sole_claim(&turn))
        return false;
    if (recorder == llmobs_fork_process())
        return true;
    if (recorder)
        memset(&recorded, 0, sizeof(recorded));
    *(volatile bool *)&recorded.ended = false;
    recorder = llmobs_fork_process();
    return true;
}

void llmobs_ledger_reset(void)
{
    memset(&recorded, 0, sizeof(recorded));
    llmobs_sole_release(&turn);
}

/* -- numbers ------------------------------------------------------------- */

/* Reads the counters backwards (stats.h). A call that ends meanwhile then
 * counts as pending, and is never counted twice. A pending call was counted as
 * kept before, so it does not count as lost when the process dies. */
static void read_stats(uint64_t out[LLMOBS_STAT_COUNT])
{
    for (int i = LLMOBS_STAT_COUNT; i-- > 0;)
        out[i] = llmobs_stats_get((enum llmobs_stat)i);
}

static uint64_t settled_count(const uint64_t counts[LLMOBS_STAT_COUNT])
{
    uint64_t settled = 0;

    for (int i = 0; i < LLMOBS_STAT_COUNT; i++)
        if (llmobs_stats_is_outcome((enum llmobs_stat)i))
            settled += counts[i];
    return settled;
}

static uint64_t open_count(const uint64_t counts[LLMOBS_STAT_COUNT])
{
    uint64_t settled = settled_count(counts);
    uint64_t begun = counts[LLMOBS_STAT_captured] + counts[LLMOBS_STAT_adopted];

    return begun > settled ? begun - settled : 0;
}

static uint64_t wall_now(void)
{
    int64_t now = llmobs_clock_wall_ns();

    return now > 0 ? (uint64_t)now : 1;
}

/* Beside them: pending, processes, lost_at, totals_restarted. */
_Static_assert(LLMOBS_STAT_COUNT + 4 <= LLMOBS_COUNTS_MAX, "all have room");

/* The counts that the totals do not have yet. */
static void make_counts(const uint64_t now[LLMOBS_STAT_COUNT],
                        struct llmobs_counts *out)
{
    uint64_t dropped = 0;

    out->len = 0;
    for (int i = 0; i < LLMOBS_STAT_COUNT; i++)
        llmobs_counts_append(out, llmobs_stats_name((enum llmobs_stat)i),
                             now[i] - recorded.base[i]);
    llmobs_counts_append(out, LLMOBS_LEDGER_PROCESSES, recorded.ended ? 0 : 1);
    for (int i = LLMOBS_STAT_dropped_full; i <= LLMOBS_STAT_dropped_died; i++)
        dropped += now[i];
    if (dropped > recorded.dropped) /* since the last look */
        recorded.lost_ns = wall_now();
    recorded.dropped = dropped;
    if (recorded.lost_ns)
        llmobs_counts_append(out, LLMOBS_LEDGER_LOST, recorded.lost_ns);
}

/* -- the records of a ledger --------------------------------------------- */

/* A walk over the records: the directory, and this process's own boot and pid
 * namespace. */
struct survey {
    struct llmobs_listing list;
    uint64_t boot, pidns;
};

static int survey_open(struct survey *survey, const char *dir)
{
    int fd, rc = llmobs_dirs_open(dir, true, true, &fd);

    if (!rc)
        rc = llmobs_listing_open(&survey->list, fd);
    if (rc)
        return rc;
    llmobs_process_namespace(&survey->boot, &survey->pidns);
    return 0;
}

/* The next record's name, borrowed until the next call; NULL at the end. */
static const char *next_record(struct llmobs_listing *list,
                               struct llmobs_process_id *owner)
{
    const char *name;

    while ((name = llmobs_listing_next(list)) != NULL)
        if (llmobs_process_id_parse(name, owner))
            return name;
    return NULL;
}

/* True for a record whose process has ended. A pid means nothing in another pid
 * namespace: where it is not known whether a process lives, it counts as
 * living, because the record of a living process would be counted twice. */
static bool has_process_ended(const struct survey *survey,
                              const struct llmobs_process_id *owner,
                              const struct llmobs_page *page)
{
    uint64_t start;
    struct llmobs_process_id other;
    struct llmobs_listing again;
    bool found;

    if (page->boot && survey->boot && page->boot != survey->boot)
        return true;
    if (!page->pidns || page->pidns != survey->pidns)
        return false;
    if (llmobs_process_start(owner->pid, &start) == -ESRCH)
        return true;
    if (llmobs_process_is_another(owner, start))
        return true;
    /* A program that replaced another by exec has its pid and start time: only
     * the record with the latest nonce belongs to a living program. */
    found = false;
    if (llmobs_listing_open_in(&again, survey->list.fd, "."))
        return false;
    while (!found && next_record(&again, &other) != NULL)
        found = other.pid == owner->pid && other.start == owner->start &&
                other.nonce > owner->nonce;
    llmobs_listing_close(&again);
    return found;
}

/* Makes the final counts of an ended process of its last record. Its pending
 * events are in the spool, or lost. */
static int make_final(struct llmobs_counts *counts)
{
    uint64_t pending = llmobs_counts_get(counts, LLMOBS_LEDGER_PENDING);
    uint64_t kept = llmobs_counts_get(counts, "kept");
    uint64_t gone = llmobs_counts_get(counts, "released") +
                    llmobs_counts_get(counts, "left");
    uint64_t left = kept > gone ? kept - gone : 0;
    int rc;

    for (size_t i = 0; i < counts->len; i++)
        if (strcmp(counts->list[i].name, LLMOBS_LEDGER_PENDING) == 0)
            counts->list[i].value = 0;
    if (left > pending)
        left = pending;
    rc = llmobs_counts_add(counts, "left", left);
    if (!rc && pending > left)
        rc = llmobs_counts_add(counts, LLMOBS_LEDGER_LOST, wall_now());
    return rc ? rc : llmobs_counts_add(counts, "dropped_died", pending - left);
}

/* -- folding ------------------------------------------------------------- */

/* Root may not add the records of others, because it would make files that
 * their owner could not write. A process that could not remove the records may
 * not either, because it would add them again and again. */
int llmobs_ledger_fold(const char *dir, size_t max)
{
    struct llmobs_process_id owner;
    struct llmobs_totals totals;
    struct llmobs_page page;
    struct survey survey;
    struct stat st;
    const char *name;
    int at, rc = survey_open(&survey, dir);

    if (rc)
        return rc;
    at = survey.list.fd;
    rc = fstat(at, &st)                     ? -errno
         : st.st_uid != geteuid()           ? -EPERM
         : faccessat(at, ".", W_OK, 0) != 0 ? -errno
                                            : 0;
    while (!rc && max > 0 &&
           (name = next_record(&survey.list, &owner)) != NULL) {
        if (llmobs_record_read(at, name, true, &page) != 0 ||
            !has_process_ended(&survey, &owner, &page))
            continue;
        max--;
        rc = llmobs_totals_open(&totals, at, FOLD_LOCK_MS);
        /* Another process may have added it before the lock was taken. */
        if (!rc && strcmp(totals.page.last, name) == 0)
            rc = unlinkat(at, name, 0) ? -errno : 0;
        else if (!rc && !(rc = llmobs_record_read(at, name, true, &page)) &&
                 !(rc = make_final(&page.counts)))
            rc = llmobs_totals_add(&totals, at, name, &page.counts);
        llmobs_totals_close(&totals);
        rc = rc == -ENOENT ? 0 : rc;
    }
    llmobs_listing_close(&survey.list);
    return rc;
}

/* -- reading ------------------------------------------------------------- */

/* A process has just made an empty file, or removed its record. */
static void count_unread(int rc, struct llmobs_ledger *out)
{
    out->unreadable += rc != 0 && rc != -ENOENT && rc != -ENODATA;
    out->versions += rc == -EPROTONOSUPPORT;
}

int llmobs_ledger_read(const char *dir, struct llmobs_ledger *out)
{
    struct llmobs_process_id owner;
    struct llmobs_totals totals;
    struct llmobs_page page;
    struct survey survey;
    const char *name;
    int at, peeked, rc = survey_open(&survey, dir);

    memset(out, 0, sizeof(*out));
    if (rc)
        return rc;
    at = survey.list.fd;
    for (int i = 0; i < 3; i++) {
        memset(out, 0, sizeof(*out));
        peeked = llmobs_totals_peek(&totals, at, READ_LOCK_MS);
        count_unread(peeked, out);
        out->ended = totals.page.counts;
        if (llmobs_record_read(at, KNOWN, false, &page) == 0) {
            out->known.count = llmobs_counts_get(&page.counts, "dropped");
            out->known.at_ns =
                llmobs_counts_get(&page.counts, LLMOBS_LEDGER_LOST);
        }
        survey.list.left = LLMOBS_LISTING_MAX;
        llmobs_listing_seek(&survey.list, 0);
        while ((name = next_record(&survey.list, &owner)) != NULL) {
            if (strcmp(name, totals.page.last) == 0)
                continue;
            rc = llmobs_record_read(at, name, false, &page);
            if (rc == 0 && has_process_ended(&survey, &owner, &page)) {
                rc = make_final(&page.counts);
                if (rc == 0)
                    rc = llmobs_counts_merge(&out->ended, &page.counts);
            } else if (rc == 0) {
                rc = llmobs_counts_merge(&out->living, &page.counts);
                out->records++;
            }
            count_unread(rc, out);
        }
        llmobs_totals_close(&totals);
        /* If another process has made totals meanwhile, they may hold records
         * that were also read here. */
        if (peeked != -ENOENT ||
            faccessat(at, LLMOBS_LEDGER_TOTALS, F_OK, 0) != 0)
            break;
    }
    llmobs_listing_close(&survey.list);
    return 0;
}

uint64_t llmobs_ledger_fallen(const struct llmobs_counts *sum)
{
    uint64_t fallen = llmobs_counts_get(sum, "fell_back");
    uint64_t recovered = llmobs_counts_get(sum, "recovered");

    return fallen > recovered ? fallen - recovered : 0;
}

int llmobs_ledger_acknowledge(const char *dir,
                              const struct llmobs_ledger_drops *drops)
{
    struct llmobs_page page = {.boot = 0};
    struct stat st;
    int fd, rc = llmobs_dirs_open(dir, true, false, &fd);

    if (rc)
        return rc;
    rc = fstat(fd, &st) ? -errno : st.st_uid != geteuid() ? -EPERM : 0;
    llmobs_counts_append(&page.counts, "dropped", drops->count);
    llmobs_counts_append(&page.counts, LLMOBS_LEDGER_LOST, drops->at_ns);
    if (!rc)
        rc = llmobs_record_write(fd, KNOWN, &page);
    close(fd);
    return rc;
}

int llmobs_ledger_living(const char *dir, llmobs_ledger_living_fn *visit,
                         void *ctx)
{
    struct llmobs_process_id owner;
    struct llmobs_page page;
    struct survey survey;
    const char *name;
    int rc = survey_open(&survey, dir);

    if (rc)
        return rc;
    while ((name = next_record(&survey.list, &owner)) != NULL)
        if (llmobs_record_read(survey.list.fd, name, false, &page) == 0 &&
            !has_process_ended(&survey, &owner, &page))
            visit(ctx, page.pidns == survey.pidns ? owner.pid : 0,
                  &page.counts);
    llmobs_listing_close(&survey.list);
    return 0;
}

/* -- the record of this process ------------------------------------------ */

int llmobs_ledger_dir(const struct llmobs_config *config, char *out, size_t cap)
{
    return llmobs_config_base_dir(config, "/stats", out, cap);
}

/* Opens the ledger, and makes it if it is missing. At the end of the process
 * (`ends`) adds its counts to the totals; otherwise, and where the totals
 * cannot be locked or written, writes the record. */
static int put_counts(const struct llmobs_config *config,
                      const uint64_t now[LLMOBS_STAT_COUNT], bool ends)
{
    struct llmobs_totals totals;
    struct llmobs_page page;
    int dir, rc = 0;

    if (!recorded.dir[0])
        rc = llmobs_ledger_dir(config, recorded.dir, sizeof(recorded.dir));
    if (!rc)
        rc = llmobs_dirs_have(recorded.dir, config->store_dir != NULL, &dir);
    if (!rc) {
        make_counts(now, &page.counts);
        if (ends) {
            ends =
                !llmobs_totals_open(&totals, dir, LLMOBS_LEDGER_LOCK_MS) &&
                !llmobs_totals_add(&totals, dir, recorded.name, &page.counts);
            llmobs_totals_close(&totals);
        }
        if (ends) {
            memcpy(recorded.base, now, sizeof(recorded.base));
            recorded.name[0] = '\0';
            recorded.ended = true;
        } else {
            if (!recorded.name[0]) {
                llmobs_process_id_self(recorded.name, &(uint64_t){0});
                llmobs_process_namespace(&recorded.boot, &recorded.pidns);
            }
            page.boot = recorded.boot;
            page.pidns = recorded.pidns;
            page.last[0] = '\0';
            llmobs_counts_append(&page.counts, LLMOBS_LEDGER_PENDING,
                                 open_count(now));
            rc = llmobs_record_write(dir, recorded.name, &page);
        }
        llmobs_wrapped_write(dir);
        close(dir);
    }
    if (rc)
        llmobs_log_once(LLMOBS_LOG_WARN, "ledger",
                        "the statistics cannot be written: %s", strerror(-rc));
    else
        memcpy(recorded.written, now, sizeof(recorded.written));
    return rc;
}

/* -- recording ----------------------------------------------------------- */

/* Of all processes one adds the records of the ended ones in FOLD_EVERY_MS: the
 * one that finds the mark old writes it again. */
static void fold_others(int64_t now_ns)
{
    struct stat st;
    bool old = false;
    int dir, fd;
    time_t now;

    if (recorded.folded_ns == 0)
        recorded.folded_ns = now_ns;
    if (now_ns - recorded.folded_ns < FOLD_EVERY_MS * LLMOBS_NS_PER_MS)
        return;
    recorded.folded_ns = now_ns;
    if (llmobs_dirs_open(recorded.dir, true, false, &dir) != 0)
        return;
    fd = llmobs_file_open(dir, FOLD_MARK, O_WRONLY);
    close(dir);
    if (fd < 0)
        return;
    now = (time_t)(llmobs_clock_wall_ns() / 1000000000);
    if (fstat(fd, &st) == 0)
        old = st.st_size == 0 || st.st_mtime > now ||
              now - st.st_mtime >= FOLD_EVERY_MS / 1000;
    old = old && pwrite(fd, "\n", 1, 0) == 1;
    close(fd);
    if (old)
        (void)llmobs_ledger_fold(recorded.dir, FOLD_MAX);
}

/* True where events have been delivered that are pending in the record, or that
 * were adopted since: if the process were killed now, pending events would
 * count as lost, and adopted ones as left in the spool. */
static bool is_outdated(const uint64_t now[LLMOBS_STAT_COUNT])
{
    return settled_count(now) > settled_count(recorded.written) &&
           (open_count(recorded.written) > 0 ||
            now[LLMOBS_STAT_adopted] > recorded.written[LLMOBS_STAT_adopted]);
}

static bool has_counted(void)
{
    return llmobs_stats_get(LLMOBS_STAT_captured) > 0 ||
           llmobs_stats_get(LLMOBS_STAT_adopted) > 0 ||
           llmobs_stats_get(LLMOBS_STAT_recovered) > 0 ||
           llmobs_stats_any_unseen();
}

int64_t llmobs_ledger_record(const struct llmobs_config *config, bool rests)
{
    const int64_t period = LLMOBS_LEDGER_RECORD_MS * LLMOBS_NS_PER_MS;
    int64_t now_ns, since, again = -1;
    uint64_t now[LLMOBS_STAT_COUNT];
    int saved = errno;

    if (!has_counted() || !begin_turn())
        return -1;
    now_ns = llmobs_clock_mono_ns();
    since = now_ns - recorded.written_ns;
    read_stats(now);
    if (memcmp(now, recorded.written, sizeof(now)) != 0) {
        if (recorded.written_ns && since < period && !rests &&
            !is_outdated(now)) {
            again = (period - since) / LLMOBS_NS_PER_MS + 1;
        } else {
            recorded.written_ns = now_ns;
            if (put_counts(config, now, false) == 0)
                fold_others(now_ns);
            else if (!rests)
                again = LLMOBS_LEDGER_RECORD_MS;
        }
    }
    llmobs_sole_release(&turn);
    errno = saved;
    return again;
}

void llmobs_ledger_refresh(const struct llmobs_config *config)
{
    int saved = errno;
    uint64_t now[LLMOBS_STAT_COUNT];

    if (!begin_turn())
        return;
    read_stats(now);
    if (is_outdated(now)) {
        recorded.written_ns = llmobs_clock_mono_ns();
        (void)put_counts(config, now, false);
    }
    llmobs_sole_release(&turn);
    errno = saved;
}

/* -- close --------------------------------------------------------------- */

void llmobs_ledger_close(const struct llmobs_config *config)
{
    const struct timespec moment = {0, 200000};
    uint64_t now[LLMOBS_STAT_COUNT], rest;
    struct llmobs_signal_guard guard;
    int saved = errno;
    int64_t until;
    bool mine;

    if (!has_counted())
        return;
    llmobs_signal_guard_begin(&guard);
    /* Another thread may be about to write earlier counts. */
    until = llmobs_futex_deadline(LLMOBS_LEDGER_TURN_MS);
    while (!(mine = begin_turn()) && llmobs_futex_left(until) != 0)
        llmobs_signal_guard_sleep(&moment);
    if (mine) {
        read_stats(now);
        /* Counts the events that are still pending at the end as lost. */
        rest = open_count(now);
        if (rest != 0) {
            llmobs_log(LLMOBS_LOG_WARN, "%llu spans are unaccounted for",
                       (unsigned long long)rest);
            llmobs_stats_add(LLMOBS_STAT_dropped_died, rest);
            now[LLMOBS_STAT_dropped_died] += rest;
        }
        if (memcmp(now, recorded.base, sizeof(now)) != 0)
            (void)put_counts(config, now, true);
        llmobs_sole_release(&turn);
    }
    llmobs_signal_guard_end(&guard);
    errno = saved;
}
