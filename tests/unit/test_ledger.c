/* Tests the counters of living and ended processes. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "core/ledger/ledger_dir.h"
#include "lib/base/stats.h"
#include "tests/unit/ledger_case.h"

/* -- one process --------------------------------------------------------- */

TEST(nothing_captured_leaves_nothing)
{
    ledger_begin();
    ck_assert_int_eq(llmobs_ledger_record(&ledger_config, false), -1);
    llmobs_ledger_close(&ledger_config);
    ck_assert_int_eq(access(ledger_at, F_OK), -1);
    ck_assert_int_eq(llmobs_ledger_read(ledger_at, &ledger_seen), -ENOENT);
    ck_assert_int_eq(llmobs_ledger_fold(ledger_at, 10), -ENOENT);
    ledger_end();
}

TEST(a_living_process_is_seen)
{
    ledger_begin();
    errno = 77;
    ledger_count(7, 5);
    ck_assert_int_eq(llmobs_ledger_record(&ledger_config, false), -1);
    ck_assert_int_eq(errno, 77);
    ledger_look();
    ck_assert_uint_eq(ledger_seen.records, 1);
    ck_assert_uint_eq(ledger_living("captured"), 7);
    ck_assert_uint_eq(ledger_living("pending"), 2);
    ck_assert_uint_eq(ledger_ended("captured"), 0);
    ck_assert(ledger_adds_up(&ledger_seen.living));
    /* It lives: nobody may add it. */
    ck_assert_int_eq(llmobs_ledger_fold(ledger_at, 10), 0);
    ledger_look();
    ck_assert_uint_eq(ledger_living("captured"), 7);
    ck_assert_uint_eq(ledger_ended("captured"), 0);
    ledger_end();
}

TEST(an_ended_process_leaves_the_totals_alone)
{
    ledger_begin();
    ledger_count(7, 7);
    llmobs_ledger_record(&ledger_config, false);
    ck_assert_uint_eq(ledger_files(NULL), 1);
    llmobs_ledger_close(&ledger_config);
    ck_assert_uint_eq(ledger_files(NULL), 1);
    ledger_look();
    ck_assert_uint_eq(ledger_seen.records, 0);
    ck_assert_uint_eq(ledger_ended("captured"), 7);
    ck_assert_uint_eq(ledger_ended("delivered"), 7);
    ck_assert_uint_eq(ledger_ended(LLMOBS_LEDGER_PROCESSES), 1);
    ledger_end();
}

TEST(a_call_after_the_close_is_added_once)
{
    ledger_begin();
    ledger_count(3, 3);
    llmobs_ledger_close(&ledger_config);
    llmobs_ledger_close(&ledger_config);
    ledger_count(2, 1);
    llmobs_stats_add(LLMOBS_STAT_dropped_exit, 1);
    llmobs_ledger_close(&ledger_config);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured"), 5);
    ck_assert_uint_eq(ledger_ended("delivered"), 4);
    ck_assert_uint_eq(ledger_ended("dropped_exit"), 1);
    ck_assert_uint_eq(ledger_ended(LLMOBS_LEDGER_PROCESSES), 1);
    ck_assert(ledger_adds_up(&ledger_seen.ended));
    ck_assert_uint_eq(ledger_files(NULL), 1);
    ledger_end();
}

/* A note between two closes: the rest alone is in the record. */
TEST(a_record_after_the_close_holds_the_rest)
{
    struct timespec second = {1, 20000000};

    ledger_begin();
    ledger_count(3, 3);
    llmobs_ledger_record(&ledger_config, false);
    llmobs_ledger_close(&ledger_config);
    ledger_count(2, 0);
    nanosleep(&second, NULL);
    llmobs_ledger_record(&ledger_config, false);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured"), 3);
    ck_assert_uint_eq(ledger_living("captured"), 2);
    ck_assert_uint_eq(ledger_living("pending"), 2);
    ck_assert_uint_eq(ledger_living("delivered"), 0);
    ledger_end();
}

TEST(a_close_without_news_writes_nothing)
{
    char path[200];

    ledger_begin();
    ledger_count(3, 3);
    llmobs_ledger_close(&ledger_config);
    snprintf(path, sizeof(path), "%s/totals", ledger_at);
    ck_assert_int_eq(unlink(path), 0);
    llmobs_ledger_close(&ledger_config);
    ck_assert_uint_eq(ledger_files(NULL), 0);
    ledger_end();
}

TEST(what_is_unaccounted_for_at_the_end_is_dropped)
{
    ledger_begin();
    ledger_count(5, 3);
    llmobs_ledger_close(&ledger_config);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("dropped_died"), 2);
    ck_assert_uint_eq(ledger_ended("pending"), 0);
    ck_assert(ledger_adds_up(&ledger_seen.ended));
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_dropped_died), 2);
    ledger_end();
}

TEST(notes_are_rare)
{
    struct timespec second = {1, 20000000};
    int64_t again;

    ledger_begin();
    ledger_count(1, 1);
    ck_assert_int_eq(llmobs_ledger_record(&ledger_config, false), -1);
    ledger_count(1, 0);
    again = llmobs_ledger_record(&ledger_config, false);
    ck_assert_int_gt(again, 0);
    ck_assert_int_le(again, LLMOBS_LEDGER_RECORD_MS + 1);
    ledger_look();
    ck_assert_uint_eq(ledger_living("captured"), 1);
    nanosleep(&second, NULL);
    ck_assert_int_eq(llmobs_ledger_record(&ledger_config, false), -1);
    ledger_look();
    ck_assert_uint_eq(ledger_living("captured"), 2);
    ck_assert_uint_eq(ledger_seen.records, 1);
    ledger_end();
}

/* Else it would count as died when the process is killed now. */
TEST(what_was_pending_is_told_when_delivered)
{
    ledger_begin();
    ledger_count(4, 1);
    ck_assert_int_eq(llmobs_ledger_record(&ledger_config, false), -1);
    ledger_count(2, 0);
    ck_assert_int_gt(llmobs_ledger_record(&ledger_config, false), 0);
    ledger_look();
    ck_assert_uint_eq(ledger_living("pending"), 3);
    for (uint64_t left = 5; left-- > 0;) {
        ledger_count(0, 1);
        ck_assert_int_eq(llmobs_ledger_record(&ledger_config, false), -1);
        ledger_look();
        ck_assert_uint_eq(ledger_living("captured"), 6);
        ck_assert_uint_eq(ledger_living("pending"), left);
    }
    /* A call that the record does not have would not count at all. */
    ledger_count(1, 1);
    ck_assert_int_eq(llmobs_ledger_record(&ledger_config, false), -1);
    ledger_look();
    ck_assert_uint_eq(ledger_living("captured"), 7);
    ledger_end();
}

/* -- where files may not grow (ulimit -f) --------------------------------- */

/* Until it ends nothing may be asserted, as check writes a file. */
static void limit_files(rlim_t most)
{
    struct rlimit limit;

    (void)getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = most;
    (void)setrlimit(RLIMIT_FSIZE, &limit);
}

static void live_and_end_limited(void)
{
    limit_files(0);
    ledger_count(3, 2);
    llmobs_ledger_record(&ledger_config, false);
    ledger_count(1, 1);
    llmobs_ledger_close(&ledger_config);
}

TEST(counts_where_no_file_may_grow)
{
    char record[256] = "", path[400];
    struct stat st;

    ledger_begin();
    ledger_in_child(live_and_end_limited);
    ledger_files(record);
    snprintf(path, sizeof(path), "%s/%s", ledger_at, record);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured"), 4);
    ck_assert_uint_eq(ledger_ended("dropped_died"), 1);
    ck_assert_uint_eq(ledger_seen.unreadable, 0);
    ck_assert(ledger_adds_up(&ledger_seen.ended));
    ck_assert_int_eq(llmobs_ledger_fold(ledger_at, 10), 0);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured"), 4);
    ck_assert_int_eq(lstat(path, &st), -1);
    /* Totals that are there stay as they are; a limit that goes ends it. */
    limit_files(100);
    ledger_count(2, 2);
    llmobs_ledger_close(&ledger_config);
    limit_files(RLIM_INFINITY);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured"), 4);
    ck_assert_uint_eq(ledger_living("captured"), 2);
    llmobs_ledger_record(&ledger_config, true);
    ledger_count(1, 1);
    llmobs_ledger_close(&ledger_config);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured"), 7);
    ck_assert_uint_eq(ledger_seen.records, 0);
    ledger_end();
}

TEST(files_are_their_owners_only)
{
    char record[256] = "", path[400];
    struct stat st;
    mode_t old = umask(0);

    ledger_begin();
    ledger_count(1, 1);
    llmobs_ledger_record(&ledger_config, false);
    ck_assert_int_eq(stat(ledger_at, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0700);
    ledger_files(record);
    snprintf(path, sizeof(path), "%s/%s", ledger_at, record);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0600);
    unit_remove(ledger_at);
    umask(0777);
    llmobs_ledger_close(&ledger_config);
    snprintf(path, sizeof(path), "%s/totals", ledger_at);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0600);
    ck_assert_int_eq(st.st_size, LLMOBS_PAGE_SIZE);
    ck_assert_int_eq(stat(ledger_at, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0700);
    umask(old);
    ledger_end();
}

/* -- several processes --------------------------------------------------- */

TEST(the_dead_are_added_once)
{
    ledger_begin();
    ledger_in_child(ledger_live_and_die);
    ledger_look(); /* not yet added, and seen all the same */
    ck_assert_uint_eq(ledger_ended("captured"), 4);
    ck_assert_uint_eq(ledger_ended("dropped_died"), 3);
    ck_assert_uint_eq(ledger_seen.records, 0);
    ck_assert_int_eq(llmobs_ledger_fold(ledger_at, 10), 0);
    ck_assert_int_eq(llmobs_ledger_fold(ledger_at, 10), 0);
    ck_assert_uint_eq(ledger_files(NULL), 1);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured"), 4);
    ck_assert_uint_eq(ledger_ended("dropped_died"), 3);
    ck_assert_uint_eq(ledger_ended("pending"), 0);
    ck_assert_uint_eq(ledger_ended(LLMOBS_LEDGER_PROCESSES), 1);
    ck_assert(ledger_adds_up(&ledger_seen.ended));
    ledger_end();
}

TEST(a_fold_has_a_limit)
{
    ledger_begin();
    for (int i = 0; i < 5; i++)
        ledger_in_child(ledger_live_and_die);
    ck_assert_int_eq(llmobs_ledger_fold(ledger_at, 3), 0);
    ck_assert_uint_eq(ledger_files(NULL), 3); /* two records, the totals */
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured"), 20);
    ledger_end();
}

TEST(a_child_has_counts_of_its_own)
{
    ledger_begin();
    ledger_count(10, 10);
    llmobs_ledger_record(&ledger_config, false);
    ledger_in_child(ledger_live_and_close);
    ledger_in_child(ledger_live_and_die);
    ledger_look();
    ck_assert_uint_eq(ledger_living("captured"), 10);
    ck_assert_uint_eq(ledger_ended("captured"), 8);
    llmobs_ledger_close(&ledger_config);
    llmobs_ledger_fold(ledger_at, 10);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured"), 18);
    ck_assert_uint_eq(ledger_ended(LLMOBS_LEDGER_PROCESSES), 3);
    ck_assert_uint_eq(ledger_files(NULL), 1);
    ledger_end();
}

static atomic_bool enough;

static void *close_often(void *arg)
{
    while (!atomic_load(&enough)) {
        llmobs_stats_add(LLMOBS_STAT_captured, 1);
        llmobs_ledger_close(&ledger_config);
    }
    return arg;
}

/* A child may be forked while a thread of the parent is inside. */
TEST(a_fork_beside_a_busy_ledger)
{
    pthread_t thread;

    ledger_begin();
    ck_assert_int_eq(pthread_create(&thread, NULL, close_often, NULL), 0);
    for (int i = 0; i < 300; i++)
        ledger_in_child(ledger_live_and_close);
    atomic_store(&enough, true);
    pthread_join(thread, NULL);
    llmobs_ledger_fold(ledger_at, 1000);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("delivered"), 300 * 3);
    ledger_end();
}

TEST(many_at_once_lose_nothing)
{
    enum { PROCESSES = 200 };
    pid_t pids[PROCESSES];
    uint64_t seen = 0, now;
    int status;

    ledger_begin();
    for (int i = 0; i < PROCESSES; i++)
        pids[i] =
            ledger_fork(i % 3 ? ledger_live_and_close : ledger_live_and_die);
    for (int i = 0; i < 500; i++) { /* a reader among them */
        if (llmobs_ledger_read(ledger_at, &ledger_seen) == 0) {
            ck_assert(ledger_adds_up(&ledger_seen.ended));
            ck_assert_uint_eq(ledger_seen.unreadable, 0);
            /* Nobody is in neither of the two, nor in both, at any moment. */
            now = ledger_ended("captured") + ledger_living("captured");
            ck_assert_uint_ge(now, seen);
            ck_assert_uint_le(now, PROCESSES * 4);
            seen = now;
        }
        if (i % 10 == 9)
            llmobs_ledger_fold(ledger_at, 1000);
    }
    for (int i = 0; i < PROCESSES; i++)
        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
    llmobs_ledger_fold(ledger_at, 1000);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured"), PROCESSES * 4);
    ck_assert_uint_eq(ledger_ended("dropped_died"), (PROCESSES + 2) / 3 * 3);
    ck_assert_uint_eq(ledger_ended(LLMOBS_LEDGER_PROCESSES), PROCESSES);
    ck_assert(ledger_adds_up(&ledger_seen.ended));
    ck_assert_uint_eq(ledger_files(NULL), 1);
    ledger_end();
}

/* Long enough to be seen while it lives. */
static void live_a_while_and_close(void)
{
    struct timespec pause = {0, 300000};

    ledger_count(4, 4);
    llmobs_ledger_record(&ledger_config, false);
    nanosleep(&pause, NULL);
    llmobs_ledger_close(&ledger_config);
}

static void spawn_many(void)
{
    for (int i = 0; i < 400; i++)
        waitpid(ledger_fork(live_a_while_and_close), NULL, 0);
}

TEST(a_reader_sees_each_once)
{
    uint64_t seen = 0, now;
    pid_t spawner;

    ledger_begin();
    spawner = ledger_fork(spawn_many);
    while (waitpid(spawner, NULL, WNOHANG) == 0) {
        if (llmobs_ledger_read(ledger_at, &ledger_seen) != 0)
            continue;
        now = ledger_ended("captured") + ledger_living("captured");
        ck_assert_uint_ge(now, seen);
        seen = now;
    }
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured"), 1600);
    ledger_end();
}

static void live_on_and_close(void)
{
    ledger_live_and_die();
    ledger_count(2, 5);
    llmobs_ledger_close(&ledger_config);
}

/* A process that holds the lock cannot hold up an exit. */
TEST(a_held_lock_delays_nobody)
{
    struct llmobs_totals totals;
    char path[200];
    int64_t began;
    int status, fd;
    pid_t pid;

    ledger_begin();
    ledger_in_child(ledger_live_and_close);
    snprintf(path, sizeof(path), "%s", ledger_at);
    fd = open(path, O_PATH | O_DIRECTORY);
    ck_assert_int_eq(llmobs_totals_open(&totals, fd, false, 0), 0);
    began = llmobs_clock_mono_ns();
    pid = ledger_fork(live_on_and_close);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_lt(unit_ms_since(began), 1900); /* a reader waits 2000 */
    llmobs_totals_close(&totals);
    close(fd);
    ck_assert_uint_eq(ledger_files(NULL), 2); /* the record has stayed */
    ck_assert_int_eq(llmobs_ledger_fold(ledger_at, 10), 0);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured"), 10);
    ck_assert_uint_eq(ledger_ended("dropped_died"), 0);
    ck_assert_uint_eq(ledger_files(NULL), 1);
    ledger_end();
}

static int going;

/* It may make no file, as on a full disk. */
static void live_and_close_without_a_record(void)
{
    struct __user_cap_header_struct head = {.version =
                                                _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {0};

    ck_assert_int_eq(syscall(SYS_capset, &head, none), 0);
    ledger_count(4, 4);
    ck_assert_int_eq(write(going, "", 1), 1);
    llmobs_ledger_close(&ledger_config);
}

/* Then the end waits longer for the totals. A busy machine may take longer than
 * that to let them go: so one of some ends has to meet it. */
TEST(no_room_for_a_record_beside_a_lock)
{
    const struct timespec moment = {0, 15000000};
    struct llmobs_totals totals;
    int fd, ends[2];
    pid_t pid;
    char byte;

    ledger_begin();
    ledger_in_child(ledger_live_and_close);
    fd = open(ledger_at, O_PATH | O_DIRECTORY);
    ck_assert_int_eq(pipe(ends), 0);
    going = ends[1];
    ck_assert_int_eq(chmod(ledger_at, 0500), 0);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(llmobs_totals_open(&totals, fd, false, 0), 0);
        pid = ledger_fork(live_and_close_without_a_record);
        ck_assert_int_eq(read(ends[0], &byte, 1), 1);
        nanosleep(&moment, NULL);
        llmobs_totals_close(&totals);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    }
    ck_assert_int_eq(chmod(ledger_at, 0700), 0);
    close(fd);
    close(ends[0]);
    close(ends[1]);
    ledger_look();
    ck_assert_uint_ge(ledger_ended("captured"), 8);
    ck_assert(ledger_adds_up(&ledger_seen.ended));
    ledger_end();
}

static void read_beside_a_lock(void)
{
    struct llmobs_totals totals;
    int fd = open(ledger_at, O_PATH | O_DIRECTORY);

    if (llmobs_totals_open(&totals, fd, false, 0) != -EBUSY ||
        llmobs_totals_open(&totals, fd, true, 0) != 0 ||
        llmobs_counts_get(&totals.page.counts, "captured") != 4)
        abort();
}

static void wait_for_a_lock(void)
{
    int fd = open(ledger_at, O_PATH | O_DIRECTORY);
    struct llmobs_totals totals;
    struct stat st;

    if (mkdirat(fd, "waits", 0700) ||
        llmobs_totals_open(&totals, fd, false, 10000) != 0 ||
        fstat(totals.fd, &st) || st.st_nlink != 1 ||
        totals.page.counts.len != 0)
        abort();
}

/* A reader takes what it cannot lock; a writer does not add to a file that was
 * removed while it waited. */
TEST(two_have_the_totals)
{
    const struct timespec moment = {0, 20000000};
    struct llmobs_totals totals;
    char path[200];
    int status, fd;
    pid_t pid;

    ledger_begin();
    ledger_in_child(ledger_live_and_close);
    fd = open(ledger_at, O_PATH | O_DIRECTORY);
    ck_assert_int_eq(llmobs_totals_open(&totals, fd, false, 0), 0);
    ledger_in_child(read_beside_a_lock);
    snprintf(path, sizeof(path), "%s/waits", ledger_at);
    pid = ledger_fork(wait_for_a_lock);
    do
        nanosleep(&moment, NULL);
    while (access(path, F_OK) != 0 && waitpid(pid, &status, WNOHANG) == 0);
    ck_assert_int_eq(unlinkat(fd, LLMOBS_LEDGER_TOTALS, 0), 0);
    llmobs_totals_close(&totals);
    close(fd);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ledger_end();
}

static void *close_first(void *begun)
{
    atomic_store((atomic_bool *)begun, true);
    llmobs_ledger_close(&ledger_config);
    return NULL;
}

/* While the other thread waits for the lock, it has taken its counts. */
static void count_beside_a_close(void)
{
    const struct timespec moment = {0, 300000};
    atomic_bool begun = false;
    pthread_t thread;
    int64_t began;

    ledger_count(4, 4);
    llmobs_ledger_record(&ledger_config, false);
    pthread_create(&thread, NULL, close_first, &begun);
    while (!atomic_load(&begun))
        nanosleep(&moment, NULL);
    nanosleep(&moment, NULL);
    ledger_count(3, 3);
    /* A close gives up where the other thread, which a busy machine has
     * stopped, keeps the turn for this long; it may be called again. */
    do {
        began = llmobs_clock_mono_ns();
        llmobs_ledger_close(&ledger_config);
    } while (unit_ms_since(began) >= LLMOBS_LEDGER_TURN_MS);
    pthread_join(thread, NULL);
}

TEST(the_last_close_has_all_counts)
{
    const unsigned processes = 10;
    struct llmobs_totals totals;
    uint64_t before;
    int fd;

    ledger_begin();
    ledger_in_child(ledger_live_and_close);
    ledger_look();
    before = ledger_ended("captured");
    fd = open(ledger_at, O_PATH | O_DIRECTORY);
    ck_assert_int_eq(llmobs_totals_open(&totals, fd, false, 0), 0);
    for (unsigned i = 0; i < processes; i++)
        ledger_in_child(count_beside_a_close);
    llmobs_totals_close(&totals);
    close(fd);
    ck_assert_int_eq(llmobs_ledger_fold(ledger_at, 100), 0);
    ledger_look();
    ck_assert_uint_eq(ledger_ended("captured") - before, 7 * processes);
    ledger_end();
}

/* -- drops --------------------------------------------------------------- */

static uint64_t wall_now(void)
{
    return (uint64_t)llmobs_clock_wall_ns();
}

TEST(the_last_drop_has_a_time)
{
    uint64_t before = wall_now(), at;

    ledger_begin();
    ledger_count(3, 1);
    llmobs_stats_add(LLMOBS_STAT_dropped_export, 1);
    llmobs_ledger_record(&ledger_config, false);
    ledger_look();
    at = ledger_living(LLMOBS_LEDGER_LOST);
    ck_assert_uint_ge(at, before);
    ck_assert_uint_le(at, wall_now());
    llmobs_stats_add(LLMOBS_STAT_delivered, 1);
    llmobs_ledger_close(&ledger_config);
    ledger_look();
    ck_assert_uint_eq(ledger_ended(LLMOBS_LEDGER_LOST), at);
    ledger_in_child(ledger_live_and_close); /* it drops nothing */
    ledger_look();
    ck_assert_uint_eq(ledger_ended(LLMOBS_LEDGER_LOST), at);
    ledger_count(1, 0);
    llmobs_stats_add(LLMOBS_STAT_dropped_export, 1);
    llmobs_ledger_close(&ledger_config);
    ledger_look();
    ck_assert_uint_gt(ledger_ended(LLMOBS_LEDGER_LOST), at);
    ledger_end();
}

/* Between the last record and the look nobody knows when the process died. */
TEST(a_death_is_a_drop_when_it_is_found)
{
    uint64_t at;

    ledger_begin();
    ledger_in_child(ledger_live_and_die);
    at = wall_now();
    ledger_look();
    ck_assert_uint_ge(ledger_ended(LLMOBS_LEDGER_LOST), at);
    ck_assert_int_eq(llmobs_ledger_fold(ledger_at, 10), 0);
    at = wall_now();
    ledger_look();
    ck_assert_uint_lt(ledger_ended(LLMOBS_LEDGER_LOST), at);
    ledger_end();
}

TEST(a_person_knows_of_drops)
{
    struct llmobs_ledger_drops drops = {3, 77};

    ledger_begin();
    ck_assert_int_eq(llmobs_ledger_acknowledge(ledger_at, &drops), -ENOENT);
    ledger_in_child(ledger_live_and_die);
    ledger_look();
    ck_assert_uint_eq(ledger_seen.known.count, 0);
    ck_assert_int_eq(llmobs_ledger_acknowledge(ledger_at, &drops), 0);
    ledger_look();
    ck_assert_uint_eq(ledger_seen.known.count, 3);
    ck_assert_uint_eq(ledger_seen.known.at_ns, 77);
    ck_assert_uint_eq(ledger_seen.unreadable, 0);
    if (geteuid() == 0) { /* its owner could not write the file */
        ck_assert_int_eq(chown(ledger_at, 65534, 65534), 0);
        ck_assert_int_eq(llmobs_ledger_acknowledge(ledger_at, &drops), -EPERM);
    }
    ledger_end();
}

static pid_t visited[4];
static size_t visits;

static void note_visit(void *ctx, pid_t pid, const struct llmobs_counts *counts)
{
    ck_assert_ptr_eq(ctx, visited);
    ck_assert_uint_eq(llmobs_counts_get(counts, "captured"), 1);
    visited[visits++] = pid;
}

static void put_record(pid_t pid, uint64_t nonce, uint64_t pidns)
{
    struct llmobs_process_id owner = {.pid = pid, .nonce = nonce};
    struct llmobs_page page = ledger_page_of_mine();
    char name[LLMOBS_PROCESS_ID_MAX];
    int fd = open(ledger_at, O_PATH | O_DIRECTORY);

    ck_assert_int_eq(llmobs_process_start(getpid(), &owner.start), 0);
    llmobs_process_id_put(&owner, name);
    page.pidns = pidns ? pidns : page.pidns;
    ck_assert_int_eq(llmobs_record_write(fd, name, &page), 0);
    close(fd);
}

TEST(living_processes_are_visited)
{
    ledger_begin();
    ledger_in_child(ledger_live_and_close);
    visits = 0;
    put_record(getpid(), 1, 0); /* another program has its process now */
    put_record(getpid(), 2, 0);
    put_record(4711, 3, 4711); /* the number of a pid namespace */
    ck_assert_int_eq(llmobs_ledger_living(ledger_at, note_visit, visited), 0);
    ck_assert_uint_eq(visits, 2);
    ck_assert_int_eq(visited[0] + visited[1], getpid());
    ck_assert_int_eq(visited[0] ? visited[1] : visited[0], 0);
    ledger_end();
}
