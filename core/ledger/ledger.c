/* Adds a process's counters to its file and to the totals. */
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

/* The counters at one moment. */
struct moment {
    uint64_t counts[LLMOBS_STAT_COUNT];
    uint64_t settled, open; /* the calls that have an outcome, and the others */
};

/* The counts that this process has written to the disk. Only the thread that
 * has the turn uses them. */
struct recorded {
    char name[LLMOBS_PROCESS_ID_MAX]; /* "": no record yet */
    uint64_t boot, pidns;
    struct moment base;    /* what the totals have */
    struct moment written; /* what the record has, or the totals */
    uint64_t dropped;      /* at lost_ns */
    uint64_t lost_ns;      /* 0: nothing was dropped */
    bool ended;            /* counted as a process */
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

/* -- the record of this process ------------------------------------------ */

/* Reads the counters backwards (stats.h). A call that ends meanwhile then
 * counts as pending, and is never counted twice. A pending call was counted as
 * kept before, so it does not count as lost when the process dies. */
static void look(struct moment *out)
{
    uint64_t begun;

    out->settled = 0;
    for (int i = LLMOBS_STAT_COUNT; i-- > 0;) {
        out->counts[i] = llmobs_stats_get((enum llmobs_stat)i);
        if (llmobs_stats_is_outcome((enum llmobs_stat)i))
            out->settled += out->counts[i];
    }
    begun =
        out->counts[LLMOBS_STAT_captured] + out->counts[LLMOBS_STAT_adopted];
    out->open = begun > out->settled ? begun - out->settled : 0;
}

static uint64_t wall_now(void)
{
    int64_t now = llmobs_clock_wall_ns();

    return now > 0 ? (uint64_t)now : 1;
}

int llmobs_ledger_dir(const struct llmobs_config *config, char *out, size_t cap)
{
    return llmobs_config_base_dir(config, "/stats", out, cap);
}

/* Beside them: pending, processes, lost_at, totals_restarted. */
_Static_assert(LLMOBS_STAT_COUNT + 4 <= LLMOBS_COUNTS_MAX, "all have room");

static int add_to_totals(int dir, const struct llmobs_counts *counts,
                         int64_t ms)
{
    struct llmobs_totals totals;
    int rc = llmobs_totals_open(&totals, dir, false, ms);

    if (!rc)
        rc = llmobs_totals_add(&totals, dir, recorded.name, counts);
    llmobs_totals_close(&totals);
    return rc;
}

/* At the end of the process (`ends`) adds to the totals the counts that they do
 * not have yet; otherwise, and where the totals cannot be locked or written,
 * writes the record. A full disk has no room for a record, and the totals have
 * theirs: then the end waits longer for these. */
static int put_counts(int dir, const struct moment *now, bool ends)
{
    struct llmobs_page page;
    uint64_t dropped = 0;
    bool added;
    size_t len;
    int rc = 0;

    page.counts.len = 0;
    for (int i = 0; i < LLMOBS_STAT_COUNT; i++) {
        const uint64_t more = now->counts[i] - recorded.base.counts[i];

        if (more != 0) /* most are 0 */
            llmobs_counts_add(&page.counts,
                              llmobs_stats_name((enum llmobs_stat)i), more);
        if (i >= LLMOBS_STAT_dropped_full && i <= LLMOBS_STAT_dropped_died)
            dropped += now->counts[i];
    }
    if (dropped > recorded.dropped) /* since the last look */
        recorded.lost_ns = wall_now();
    recorded.dropped = dropped;
    llmobs_counts_add(&page.counts, LLMOBS_LEDGER_PROCESSES, !recorded.ended);
    llmobs_counts_add(&page.counts, LLMOBS_LEDGER_LOST, recorded.lost_ns);
    added = ends && !add_to_totals(dir, &page.counts, LLMOBS_LEDGER_LOCK_MS);
    if (!added) {
        if (!recorded.name[0]) {
            llmobs_process_id_self(recorded.name, &(uint64_t){0});
            llmobs_process_namespace(&recorded.boot, &recorded.pidns);
        }
        page.boot = recorded.boot;
        page.pidns = recorded.pidns;
        page.last[0] = '\0';
        len = page.counts.len;
        llmobs_counts_add(&page.counts, LLMOBS_LEDGER_PENDING, now->open);
        rc = llmobs_record_write(dir, recorded.name, &page);
        page.counts.len = len;
    }
    if (rc && ends) {
        rc = add_to_totals(dir, &page.counts, LLMOBS_LEDGER_TURN_MS);
        added = !rc;
    }
    if (added) {
        recorded.base = *now;
        recorded.name[0] = '\0';
        recorded.ended = true;
    }
    return rc;
}

/* Opens the ledger, and makes it if it is missing. */
static int write_ledger(const struct llmobs_config *config,
                        const struct moment *now, bool ends)
{
    int dir, rc = 0;

    if (!recorded.dir[0])
        rc = llmobs_ledger_dir(config, recorded.dir, sizeof(recorded.dir));
    if (!rc)
        rc = llmobs_dirs_have(recorded.dir, config->store_dir != NULL, &dir);
    if (!rc) {
        rc = put_counts(dir, now, ends);
        llmobs_wrapped_write(dir);
        close(dir);
    }
    if (rc)
        llmobs_log_once(LLMOBS_LOG_WARN, "ledger",
                        "the statistics cannot be written: %s", strerror(-rc));
    else
        recorded.written = *now;
    return rc;
}

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

/* True where events have been delivered since: if the process were killed now,
 * those that the record has as pending would count as lost, and the others not
 * at all, as the spool has them no more. */
static bool is_outdated(const struct moment *now)
{
    return now->settled > recorded.written.settled;
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
    int saved = errno;
    struct moment now;

    if (!has_counted() || !begin_turn())
        return -1;
    now_ns = llmobs_clock_mono_ns();
    since = now_ns - recorded.written_ns;
    look(&now);
    if (memcmp(&now, &recorded.written, sizeof(now)) != 0) {
        if (recorded.written_ns && since < period && !rests &&
            !is_outdated(&now)) {
            again = (period - since) / LLMOBS_NS_PER_MS + 1;
        } else {
            recorded.written_ns = now_ns;
            if (write_ledger(config, &now, false) == 0)
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
    struct moment now;

    if (!begin_turn())
        return;
    look(&now);
    if (is_outdated(&now)) {
        recorded.written_ns = llmobs_clock_mono_ns();
        (void)write_ledger(config, &now, false);
    }
    llmobs_sole_release(&turn);
    errno = saved;
}

/* -- close --------------------------------------------------------------- */

void llmobs_ledger_close(const struct llmobs_config *config)
{
    const struct timespec moment = {0, 200000};
    struct llmobs_signal_guard guard;
    struct moment now;
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
        look(&now);
        /* Counts the events that are still pending at the end as lost. */
        if (now.open != 0) {
            llmobs_log(LLMOBS_LOG_WARN, "%llu spans are unaccounted for",
                       (unsigned long long)now.open);
            llmobs_stats_add(LLMOBS_STAT_dropped_died, now.open);
            now.counts[LLMOBS_STAT_dropped_died] += now.open;
            now.settled += now.open;
            now.open = 0;
        }
        if (memcmp(&now, &recorded.base, sizeof(now)) != 0)
            (void)write_ledger(config, &now, true);
        llmobs_sole_release(&turn);
    }
    llmobs_signal_guard_end(&guard);
    errno = saved;
}

/* -- the records of a ledger --------------------------------------------- */

/* A walk over the records. */
struct survey {
    struct llmobs_listing list;
    uint64_t boot, pidns; /* this process's own */
    const char *name;     /* borrowed until the next record */
    struct llmobs_process_id owner;
    struct llmobs_page page;
    int rc; /* of reading the page */
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

/* Goes to the next record, and reads it; false at the end. */
static bool next_record(struct survey *survey, bool own)
{
    do
        if (!(survey->name = llmobs_listing_next(&survey->list)))
            return false;
    while (!llmobs_process_id_parse(survey->name, &survey->owner));
    survey->rc =
        llmobs_record_read(survey->list.fd, survey->name, own, &survey->page);
    return true;
}

/* True for a record whose process has ended. A pid means nothing in another pid
 * namespace: where it is not known whether a process lives, it counts as
 * living, because the record of a living process would be counted twice. */
static bool has_process_ended(const struct survey *survey)
{
    const struct llmobs_process_id *owner = &survey->owner;
    const struct llmobs_page *page = &survey->page;
    struct llmobs_process_id other;
    struct llmobs_listing again;
    bool found = false;
    const char *name;
    uint64_t start;

    if (page->boot && survey->boot && page->boot != survey->boot)
        return true;
    if (!page->pidns || page->pidns != survey->pidns)
        return false;
    if (llmobs_process_start(owner->pid, &start) == -ESRCH ||
        llmobs_process_is_another(owner, start))
        return true;
    /* A program that replaced another by exec has its pid and start time: only
     * the record with the latest nonce belongs to a living program. */
    if (llmobs_listing_open_in(&again, survey->list.fd, "."))
        return false;
    while (!found && (name = llmobs_listing_next(&again)) != NULL)
        found = llmobs_process_id_parse(name, &other) &&
                other.pid == owner->pid && other.start == owner->start &&
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
    struct llmobs_totals totals;
    struct survey survey;
    struct stat st;
    int at, rc = survey_open(&survey, dir);

    if (rc)
        return rc;
    at = survey.list.fd;
    rc = fstat(at, &st)                     ? -errno
         : st.st_uid != geteuid()           ? -EPERM
         : faccessat(at, ".", W_OK, 0) != 0 ? -errno
                                            : 0;
    while (!rc && max > 0 && next_record(&survey, true)) {
        if (survey.rc || !has_process_ended(&survey))
            continue;
        max--;
        rc = llmobs_totals_open(&totals, at, false, FOLD_LOCK_MS);
        /* Another process may have added it before the lock was taken. */
        if (!rc && strcmp(totals.page.last, survey.name) == 0)
            rc = unlinkat(at, survey.name, 0) ? -errno : 0;
        else if (!rc &&
                 !(rc = llmobs_record_read(at, survey.name, true,
                                           &survey.page)) &&
                 !(rc = make_final(&survey.page.counts)))
            rc = llmobs_totals_add(&totals, at, survey.name,
                                   &survey.page.counts);
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
    struct llmobs_totals totals;
    struct survey survey;
    struct llmobs_counts *counts = &survey.page.counts;
    int at, peeked, rc = survey_open(&survey, dir);

    memset(out, 0, sizeof(*out));
    if (rc)
        return rc;
    at = survey.list.fd;
    for (int i = 0; i < 3; i++) {
        memset(out, 0, sizeof(*out));
        peeked = llmobs_totals_open(&totals, at, true, READ_LOCK_MS);
        count_unread(peeked, out);
        out->ended = totals.page.counts;
        if (llmobs_record_read(at, KNOWN, false, &survey.page) == 0) {
            out->known.count = llmobs_counts_get(counts, "dropped");
            out->known.at_ns = llmobs_counts_get(counts, LLMOBS_LEDGER_LOST);
        }
        survey.list.left = LLMOBS_LISTING_MAX;
        llmobs_listing_seek(&survey.list, 0);
        while (next_record(&survey, false)) {
            if (strcmp(survey.name, totals.page.last) == 0)
                continue;
            rc = survey.rc;
            if (rc == 0 && has_process_ended(&survey)) {
                rc = make_final(counts);
                if (rc == 0)
                    rc = llmobs_counts_merge(&out->ended, counts);
            } else if (rc == 0) {
                rc = llmobs_counts_merge(&out->living, counts);
                out->records++;
            }
            count_unread(rc, out);
        }
        llmobs_totals_close(&totals);
        /* If another process has made totals meanwhile, they may hold records
         * that could not be read here any more. */
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
    llmobs_counts_add(&page.counts, "dropped", drops->count);
    llmobs_counts_add(&page.counts, LLMOBS_LEDGER_LOST, drops->at_ns);
    if (!rc)
        rc = llmobs_record_write(fd, KNOWN, &page);
    close(fd);
    return rc;
}

int llmobs_ledger_living(const char *dir, llmobs_ledger_living_fn *visit,
                         void *ctx)
{
    struct survey survey;
    int rc = survey_open(&survey, dir);

    if (rc)
        return rc;
    while (next_record(&survey, false))
        if (!survey.rc && !has_process_ended(&survey))
            visit(ctx, survey.page.pidns == survey.pidns ? survey.owner.pid : 0,
                  &survey.page.counts);
    llmobs_listing_close(&survey.list);
    return 0;
}
