#include "core/ledger/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/cold.h"
#include "core/base/dirs.h"
#include "core/base/fd.h"
#include "core/base/file.h"
#include "core/base/fork.h"
#include "core/base/log.h"
#include "core/base/signal_guard.h"
#include "core/ledger/ledger_dir.h"
#include "core/ledger/stats.h"

/* A process that lives long cleans up after others now and then; a short one
 * never looks at the directory. */
#define FOLD_EVERY_MS 60000
#define FOLD_MAX 256
#define FOLD_STAMP "folded"

/* What this process has told the disk. Under the gate. */
struct told {
    int process; /* fork.h */
    char dir[PATH_MAX];
    char name[LLMOBS_RECORD_NAME_MAX]; /* ""; no record was written yet */
    uint64_t boot, pidns;
    uint64_t base[LLMOBS_STAT_COUNT];    /* in the totals already */
    uint64_t written[LLMOBS_STAT_COUNT]; /* in the record */
    bool ended;                          /* counted as a process */
    int64_t written_ns;
    int64_t folded_ns;
};

LLMOBS_COLD static struct told told;
static atomic_int gate; /* who is inside; 0: nobody */

/* -- the gate ------------------------------------------------------------ */

/* Waits for nobody: a fork may have left a gate closed whose owner is in the
 * parent, and an exit may overtake a thread that hangs in a write. */
static bool enter(void)
{
    int process = llmobs_fork_process();
    int inside = 0;

    while (!atomic_compare_exchange_strong(&gate, &inside, process))
        if (inside == process)
            return false;
    if (told.process != process) {
        memset(&told, 0, sizeof(told));
        told.process = process;
    }
    return true;
}

static void leave(void)
{
    atomic_store(&gate, 0);
}

void llmobs_ledger_reset(void)
{
    memset(&told, 0, sizeof(told));
    atomic_store(&gate, 0);
}

/* -- numbers ------------------------------------------------------------- */

/* Backwards (stats.h): what is settled meanwhile is pending then and never
 * counted twice, and what is pending has been counted as kept, and does not die
 * with the process. */
static void take_counts(uint64_t out[LLMOBS_STAT_COUNT])
{
    for (int i = LLMOBS_STAT_COUNT; i-- > 0;)
        out[i] = llmobs_stats_get((enum llmobs_stat)i);
}

static uint64_t settled_count(const uint64_t counts[LLMOBS_STAT_COUNT])
{
    uint64_t settled = 0;

    for (int i = 0; i < LLMOBS_STAT_COUNT; i++)
        if (llmobs_stats_settles((enum llmobs_stat)i))
            settled += counts[i];
    return settled;
}

static uint64_t open_count(const uint64_t counts[LLMOBS_STAT_COUNT])
{
    uint64_t settled = settled_count(counts);
    uint64_t begun = counts[LLMOBS_STAT_captured] + counts[LLMOBS_STAT_adopted];

    return begun > settled ? begun - settled : 0;
}

/* What the totals do not have yet. */
static void make_counts(const uint64_t now[LLMOBS_STAT_COUNT],
                        struct llmobs_counts *out)
{
    out->len = 0;
    for (int i = 0; i < LLMOBS_STAT_COUNT; i++)
        llmobs_counts_add(out, llmobs_stats_name((enum llmobs_stat)i),
                          now[i] - told.base[i]);
    llmobs_counts_add(out, LLMOBS_LEDGER_PROCESSES, told.ended ? 0 : 1);
}

/* -- the record ---------------------------------------------------------- */

static int find_dir(const struct llmobs_config *config)
{
    if (told.dir[0])
        return 0;
    return llmobs_ledger_dir(config, told.dir, sizeof(told.dir));
}

static int open_dir(const struct llmobs_config *config, int *out)
{
    bool chosen = config->store_dir != NULL;
    int rc = find_dir(config);

    return rc ? rc : llmobs_dirs_have(told.dir, chosen, out);
}

static void name_record(void)
{
    llmobs_record_self(told.name);
    llmobs_record_place(&told.boot, &told.pidns);
}

static int write_record(const struct llmobs_config *config,
                        const uint64_t now[LLMOBS_STAT_COUNT])
{
    struct llmobs_page page;
    int dir;
    int rc = open_dir(config, &dir);

    if (rc)
        return rc;
    if (!told.name[0])
        name_record();
    memset(&page, 0, sizeof(page));
    page.boot = told.boot;
    page.pidns = told.pidns;
    make_counts(now, &page.counts);
    llmobs_counts_add(&page.counts, LLMOBS_LEDGER_PENDING, open_count(now));
    rc = llmobs_record_write(dir, told.name, &page);
    close(dir);
    return rc;
}

static void complain(int rc)
{
    llmobs_log_once(LLMOBS_LOG_WARN, "ledger",
                    "the statistics cannot be written: %s", strerror(-rc));
}

/* -- note ---------------------------------------------------------------- */

/* One process of all does it: whoever finds the stamp old makes it new. */
static bool is_our_turn(void)
{
    time_t now = (time_t)(llmobs_clock_wall_ns() / 1000000000);
    struct stat st;
    bool ours = false;
    int dir, fd;

    if (llmobs_dirs_open(told.dir, true, false, &dir) != 0)
        return false;
    fd = llmobs_file_open(dir, FOLD_STAMP, O_WRONLY);
    close(dir);
    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0)
        ours = st.st_size == 0 || st.st_mtime > now ||
               now - st.st_mtime >= FOLD_EVERY_MS / 1000;
    ours = ours && pwrite(fd, "\n", 1, 0) == 1;
    close(fd);
    return ours;
}

static void fold_others(int64_t now_ns)
{
    if (told.folded_ns == 0)
        told.folded_ns = now_ns;
    if (now_ns - told.folded_ns < FOLD_EVERY_MS * LLMOBS_NS_PER_MS)
        return;
    told.folded_ns = now_ns;
    if (is_our_turn())
        (void)llmobs_ledger_fold(told.dir, FOLD_MAX);
}

/* The record has as pending what is delivered now, and would tell that it died
 * with the process. */
static bool is_outdated(const uint64_t now[LLMOBS_STAT_COUNT])
{
    return open_count(told.written) > 0 &&
           settled_count(now) > settled_count(told.written);
}

static int put_counts(const struct llmobs_config *config,
                      const uint64_t now[LLMOBS_STAT_COUNT], int64_t now_ns)
{
    int rc;

    told.written_ns = now_ns;
    rc = write_record(config, now);
    if (rc)
        complain(rc);
    else
        memcpy(told.written, now, sizeof(told.written));
    return rc;
}

static int64_t note(const struct llmobs_config *config)
{
    const int64_t period = LLMOBS_LEDGER_NOTE_MS * LLMOBS_NS_PER_MS;
    int64_t now_ns = llmobs_clock_mono_ns();
    uint64_t now[LLMOBS_STAT_COUNT];

    take_counts(now);
    if (memcmp(now, told.written, sizeof(now)) == 0)
        return -1;
    if (told.written_ns && now_ns - told.written_ns < period &&
        !is_outdated(now))
        return (told.written_ns + period - now_ns) / LLMOBS_NS_PER_MS + 1;
    if (put_counts(config, now, now_ns) != 0)
        return LLMOBS_LEDGER_NOTE_MS;
    fold_others(now_ns);
    return -1;
}

static bool has_counted(void)
{
    return llmobs_stats_get(LLMOBS_STAT_captured) > 0 ||
           llmobs_stats_get(LLMOBS_STAT_adopted) > 0;
}

int64_t llmobs_ledger_note(const struct llmobs_config *config)
{
    int saved = errno;
    int64_t again = -1;

    if (!has_counted())
        return -1;
    if (enter()) {
        again = note(config);
        leave();
    }
    errno = saved;
    return again;
}

void llmobs_ledger_settle(const struct llmobs_config *config)
{
    int saved = errno;
    uint64_t now[LLMOBS_STAT_COUNT];

    if (enter()) {
        take_counts(now);
        if (is_outdated(now))
            (void)put_counts(config, now, llmobs_clock_mono_ns());
        leave();
    }
    errno = saved;
}

/* -- close --------------------------------------------------------------- */

/* What nobody has accounted for ends with the process. */
static void settle_rest(uint64_t now[LLMOBS_STAT_COUNT])
{
    uint64_t rest = open_count(now);

    if (rest == 0)
        return;
    llmobs_log(LLMOBS_LOG_WARN, "%llu spans are unaccounted for",
               (unsigned long long)rest);
    llmobs_stats_add(LLMOBS_STAT_dropped_died, rest);
    now[LLMOBS_STAT_dropped_died] += rest;
}

static int add_to_totals(const struct llmobs_config *config,
                         const uint64_t now[LLMOBS_STAT_COUNT])
{
    struct llmobs_totals totals;
    struct llmobs_counts counts;
    int dir;
    int rc = open_dir(config, &dir);

    if (rc)
        return rc;
    make_counts(now, &counts);
    rc = llmobs_totals_open(&totals, dir, LLMOBS_LEDGER_LOCK_MS);
    if (!rc) {
        rc = llmobs_totals_add(&totals, dir, told.name, &counts);
        llmobs_totals_close(&totals);
    }
    close(dir);
    return rc;
}

/* The record, or none, is the whole truth when the totals cannot be had. */
static void close_ledger(const struct llmobs_config *config)
{
    uint64_t now[LLMOBS_STAT_COUNT];
    int rc;

    take_counts(now);
    settle_rest(now);
    if (memcmp(now, told.base, sizeof(now)) == 0)
        return;
    rc = add_to_totals(config, now);
    if (rc == 0) {
        memcpy(told.base, now, sizeof(now));
        memcpy(told.written, now, sizeof(now));
        told.name[0] = '\0';
        told.ended = true;
        return;
    }
    rc = write_record(config, now);
    if (rc)
        complain(rc);
}

void llmobs_ledger_close(const struct llmobs_config *config)
{
    struct llmobs_signal_guard guard;
    int saved = errno;

    if (!has_counted())
        return;
    llmobs_signal_guard_begin(&guard);
    if (enter()) {
        close_ledger(config);
        leave();
    }
    llmobs_signal_guard_end(&guard);
    errno = saved;
}
