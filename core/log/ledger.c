#include "core/log/ledger.h"

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

/* Waits for the turn: another thread may be about to write earlier counts. */
static bool wait_turn(void)
{
    const struct timespec moment = {0, 200000};
    int64_t until = llmobs_futex_deadline(LLMOBS_LEDGER_TURN_MS);

    while (!begin_turn()) {
        if (llmobs_futex_left(until) == 0)
            return false;
        llmobs_signal_guard_sleep(&moment);
    }
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

/* Makes the final counts of an ended process from its last record. Its pending
 * events are in the spool, or lost. */
static int make_final(const struct llmobs_counts *record,
                      struct llmobs_counts *out)
{
    uint64_t pending = llmobs_counts_get(record, LLMOBS_LEDGER_PENDING);
    uint64_t kept = llmobs_counts_get(record, "kept");
    uint64_t gone = llmobs_counts_get(record, "released") +
                    llmobs_counts_get(record, "left");
    uint64_t left = kept > gone ? kept - gone : 0;
    int rc = 0;

    out->len = 0;
    for (size_t i = 0; i < record->len && !rc; i++)
        if (strcmp(record->list[i].name, LLMOBS_LEDGER_PENDING) != 0)
            rc = llmobs_counts_add(out, record->list[i].name,
                                   record->list[i].value);
    if (left > pending)
        left = pending;
    if (!rc)
        rc = llmobs_counts_add(out, "left", left);
    if (!rc && pending > left)
        rc = llmobs_counts_add(out, LLMOBS_LEDGER_LOST, wall_now());
    return rc ? rc : llmobs_counts_add(out, "dropped_died", pending - left);
}

/* -- folding ------------------------------------------------------------- */

/* Reads the record again, under the lock: another process may have added it. */
static int fold_one(int dir, const char *name)
{
    struct llmobs_counts counts;
    struct llmobs_totals totals;
    struct llmobs_page page;
    int rc = llmobs_totals_open(&totals, dir, FOLD_LOCK_MS);

    if (rc)
        return rc;
    if (strcmp(totals.page.last, name) == 0)
        rc = unlinkat(dir, name, 0) ? -errno : 0;
    else if (!(rc = llmobs_record_read(dir, name, true, &page)) &&
             !(rc = make_final(&page.counts, &counts)))
        rc = llmobs_totals_add(&totals, dir, name, &counts);
    llmobs_totals_close(&totals);
    return rc == -ENOENT ? 0 : rc;
}

/* 0 if this process may add the records of others. Root may not, because it
 * would make files that their owner could not write. A process that could not
 * remove the records may not either, because it would add them again and again.
 */
static int can_fold(int dir)
{
    struct stat st;

    if (fstat(dir, &st))
        return -errno;
    if (st.st_uid != geteuid())
        return -EPERM;
    return faccessat(dir, ".", W_OK, 0) ? -errno : 0;
}

int llmobs_ledger_fold(const char *dir, size_t max)
{
    struct llmobs_process_id owner;
    struct llmobs_page page;
    struct survey survey;
    const char *name;
    int rc = survey_open(&survey, dir);

    if (rc)
        return rc;
    rc = can_fold(survey.list.fd);
    while (!rc && max > 0 &&
           (name = next_record(&survey.list, &owner)) != NULL) {
        if (llmobs_record_read(survey.list.fd, name, true, &page) != 0 ||
            !has_process_ended(&survey, &owner, &page))
            continue;
        max--;
        rc = fold_one(survey.list.fd, name);
    }
    llmobs_listing_close(&survey.list);
    return rc;
}

/* -- reading ------------------------------------------------------------- */

static void count_unread(int rc, struct llmobs_ledger *out)
{
    out->unreadable++;
    out->versions += rc == -EPROTONOSUPPORT;
}

static void read_record_into(const struct survey *survey, const char *name,
                             const struct llmobs_process_id *owner,
                             struct llmobs_ledger *out)
{
    struct llmobs_page page;
    struct llmobs_counts counts;
    int rc = llmobs_record_read(survey->list.fd, name, false, &page);

    if (rc == 0 && has_process_ended(survey, owner, &page)) {
        rc = make_final(&page.counts, &counts);
        if (rc == 0)
            rc = llmobs_counts_merge(&out->ended, &counts);
    } else if (rc == 0) {
        rc = llmobs_counts_merge(&out->living, &page.counts);
        out->records++;
    }
    /* a process has just made an empty file */
    if (rc != 0 && rc != -ENOENT && rc != -ENODATA)
        count_unread(rc, out);
}

/* -EAGAIN: another process replaced the totals meanwhile, which may hold
 * records that were also read here. */
static int read_ledger(struct survey *survey, struct llmobs_ledger *out)
{
    struct llmobs_process_id owner;
    struct llmobs_totals totals;
    struct llmobs_page known;
    const char *name;
    int rc = llmobs_totals_peek(&totals, survey->list.fd, READ_LOCK_MS);

    memset(out, 0, sizeof(*out));
    if (rc != 0 && rc != -ENOENT)
        count_unread(rc, out);
    out->ended = totals.page.counts;
    /* The drops that a person has acknowledged. */
    if (llmobs_record_read(survey->list.fd, KNOWN, false, &known) == 0) {
        out->known.count = llmobs_counts_get(&known.counts, "dropped");
        out->known.at_ns = llmobs_counts_get(&known.counts, LLMOBS_LEDGER_LOST);
    }
    survey->list.left = LLMOBS_LISTING_MAX;
    llmobs_listing_seek(&survey->list, 0);
    while ((name = next_record(&survey->list, &owner)) != NULL)
        if (strcmp(name, totals.page.last) != 0)
            read_record_into(survey, name, &owner, out);
    llmobs_totals_close(&totals);
    if (rc != -ENOENT)
        return 0;
    return faccessat(survey->list.fd, LLMOBS_LEDGER_TOTALS, F_OK, 0) ? 0
                                                                     : -EAGAIN;
}

int llmobs_ledger_read(const char *dir, struct llmobs_ledger *out)
{
    struct survey survey;
    int rc = survey_open(&survey, dir);

    memset(out, 0, sizeof(*out));
    if (rc)
        return rc;
    for (int i = 0; i < 3; i++)
        if (read_ledger(&survey, out) != -EAGAIN)
            break;
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

/* Opens the ledger, and makes it if it is missing, for `put`. */
static int in_ledger(const struct llmobs_config *config,
                     const uint64_t now[LLMOBS_STAT_COUNT],
                     int (*put)(int dir, const uint64_t *now))
{
    bool chosen = config->store_dir != NULL;
    int dir, rc = 0;

    if (!recorded.dir[0])
        rc = llmobs_ledger_dir(config, recorded.dir, sizeof(recorded.dir));
    if (!rc)
        rc = llmobs_dirs_have(recorded.dir, chosen, &dir);
    if (rc)
        return rc;
    rc = put(dir, now);
    llmobs_wrapped_write(dir);
    close(dir);
    return rc;
}

static int write_record(int dir, const uint64_t now[LLMOBS_STAT_COUNT])
{
    struct llmobs_page page;

    if (!recorded.name[0]) {
        llmobs_process_id_self(recorded.name, &(uint64_t){0});
        llmobs_process_namespace(&recorded.boot, &recorded.pidns);
    }
    memset(&page, 0, sizeof(page));
    page.boot = recorded.boot;
    page.pidns = recorded.pidns;
    make_counts(now, &page.counts);
    llmobs_counts_append(&page.counts, LLMOBS_LEDGER_PENDING, open_count(now));
    return llmobs_record_write(dir, recorded.name, &page);
}

static void log_failure(int rc)
{
    llmobs_log_once(LLMOBS_LOG_WARN, "ledger",
                    "the statistics cannot be written: %s", strerror(-rc));
}

/* -- note ---------------------------------------------------------------- */

/* True for one process in FOLD_EVERY_MS: the process that finds the mark old
 * writes it again. */
static bool may_fold(void)
{
    time_t now = (time_t)(llmobs_clock_wall_ns() / 1000000000);
    struct stat st;
    bool old = false;
    int dir, fd;

    if (llmobs_dirs_open(recorded.dir, true, false, &dir) != 0)
        return false;
    fd = llmobs_file_open(dir, FOLD_MARK, O_WRONLY);
    close(dir);
    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0)
        old = st.st_size == 0 || st.st_mtime > now ||
              now - st.st_mtime >= FOLD_EVERY_MS / 1000;
    old = old && pwrite(fd, "\n", 1, 0) == 1;
    close(fd);
    return old;
}

static void fold_others(int64_t now_ns)
{
    if (recorded.folded_ns == 0)
        recorded.folded_ns = now_ns;
    if (now_ns - recorded.folded_ns < FOLD_EVERY_MS * LLMOBS_NS_PER_MS)
        return;
    recorded.folded_ns = now_ns;
    if (may_fold())
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

static int write_counts_of(const struct llmobs_config *config,
                           const uint64_t now[LLMOBS_STAT_COUNT],
                           int64_t now_ns)
{
    int rc;

    recorded.written_ns = now_ns;
    rc = in_ledger(config, now, write_record);
    if (rc)
        log_failure(rc);
    else
        memcpy(recorded.written, now, sizeof(recorded.written));
    return rc;
}

static int64_t record_counts(const struct llmobs_config *config, bool rests)
{
    const int64_t period = LLMOBS_LEDGER_RECORD_MS * LLMOBS_NS_PER_MS;
    int64_t now_ns = llmobs_clock_mono_ns();
    uint64_t now[LLMOBS_STAT_COUNT];

    read_stats(now);
    if (memcmp(now, recorded.written, sizeof(now)) == 0)
        return -1;
    if (recorded.written_ns && now_ns - recorded.written_ns < period &&
        !rests && !is_outdated(now))
        return (recorded.written_ns + period - now_ns) / LLMOBS_NS_PER_MS + 1;
    if (write_counts_of(config, now, now_ns) != 0)
        return rests ? -1 : LLMOBS_LEDGER_RECORD_MS;
    fold_others(now_ns);
    return -1;
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
    int saved = errno;
    int64_t again = -1;

    if (!has_counted())
        return -1;
    if (begin_turn()) {
        again = record_counts(config, rests);
        llmobs_sole_release(&turn);
    }
    errno = saved;
    return again;
}

void llmobs_ledger_refresh(const struct llmobs_config *config)
{
    int saved = errno;
    uint64_t now[LLMOBS_STAT_COUNT];

    if (begin_turn()) {
        read_stats(now);
        if (is_outdated(now))
            (void)write_counts_of(config, now, llmobs_clock_mono_ns());
        llmobs_sole_release(&turn);
    }
    errno = saved;
}

/* -- close --------------------------------------------------------------- */

static int add_to_totals(int dir, const uint64_t now[LLMOBS_STAT_COUNT])
{
    struct llmobs_totals totals;
    struct llmobs_counts counts;
    int rc = llmobs_totals_open(&totals, dir, LLMOBS_LEDGER_LOCK_MS);

    if (rc)
        return rc;
    make_counts(now, &counts);
    rc = llmobs_totals_add(&totals, dir, recorded.name, &counts);
    llmobs_totals_close(&totals);
    return rc;
}

/* If the totals cannot be locked or written, writes the record instead. */
static void close_ledger(const struct llmobs_config *config)
{
    uint64_t now[LLMOBS_STAT_COUNT];
    int rc;
    uint64_t rest;

    read_stats(now);
    /* Counts the events that are still pending at the end as lost. */
    rest = open_count(now);
    if (rest != 0) {
        llmobs_log(LLMOBS_LOG_WARN, "%llu spans are unaccounted for",
                   (unsigned long long)rest);
        llmobs_stats_add(LLMOBS_STAT_dropped_died, rest);
        now[LLMOBS_STAT_dropped_died] += rest;
    }
    if (memcmp(now, recorded.base, sizeof(now)) == 0)
        return;
    rc = in_ledger(config, now, add_to_totals);
    if (rc == 0) {
        memcpy(recorded.base, now, sizeof(now));
        memcpy(recorded.written, now, sizeof(now));
        recorded.name[0] = '\0';
        recorded.ended = true;
        return;
    }
    rc = in_ledger(config, now, write_record);
    if (rc)
        log_failure(rc);
}

void llmobs_ledger_close(const struct llmobs_config *config)
{
    struct llmobs_signal_guard guard;
    int saved = errno;

    if (!has_counted())
        return;
    llmobs_signal_guard_begin(&guard);
    if (wait_turn()) {
        close_ledger(config);
        llmobs_sole_release(&turn);
    }
    llmobs_signal_guard_end(&guard);
    errno = saved;
}
