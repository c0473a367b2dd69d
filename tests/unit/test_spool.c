/* Tests the spool of a process. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/deliver/account.h"
#include "lib/base/stats.h"
#include "core/log/owner.h"
#include "lib/base/clock.h"
#include "lib/base/sha256.h"
#include "lib/span/allowlist.h"
#include "core/log/spool_file.h"
#include "core/log/spool_state.h"
#include "tests/unit/spool_case.h"

UNIT_FIXTURE(spool_begin, spool_end);

/* -- spool --------------------------------------------------------------- */

static int load_again(const struct llmobs_spooled *spooled)
{
    const struct llmobs_item head = {.spooled = *spooled};
    struct llmobs_recalls *recalls = NULL;
    struct llmobs_item *item;
    int rc = llmobs_spool_load(spool, &head, &recalls, &item);

    if (!rc)
        llmobs_item_free(item);
    llmobs_recalls_free(recalls);
    return rc;
}

TEST(test_keep_and_load)
{
    struct llmobs_recalls *recalls = NULL;
    struct llmobs_spooled one = spool_keep(10);
    struct llmobs_item two = {.spooled = spool_keep(5 << 20)}, *item;
    struct llmobs_spooled three = spool_keep(0);
    struct llmobs_exchange *e;
    struct stat st;

    ck_assert_uint_eq(one.file, 1);
    ck_assert_uint_gt(three.file, two.spooled.file);
    ck_assert_int_eq(llmobs_spool_load(spool, &two, &recalls, &item), 0);
    e = (struct llmobs_exchange *)item;
    ck_assert_uint_eq(e->context.span_id, two.spooled.id);
    ck_assert_uint_eq(e->response.total, 5 << 20);
    llmobs_exchange_free(e);
    two.spooled.offset++;
    ck_assert_int_lt(llmobs_spool_load(spool, &two, &recalls, &item), 0);
    two.spooled.file = 77;
    ck_assert_int_eq(llmobs_spool_load(spool, &two, &recalls, &item), -EIO);
    ck_assert_int_eq(stat(place, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0700);
    llmobs_recalls_free(recalls);
}

/* Files go when all in them is released, in whatever order. */
TEST(test_release)
{
    struct llmobs_spooled list[9];

    for (int i = 0; i < 9; i++)
        list[i] = spool_keep(2 << 20);
    ck_assert_int_eq(spool_files(), 5);
    for (int i = 8; i > 0; i--)
        llmobs_spool_release(spool, &list[i], 1);
    /* The first one holds its own; the last is the current one. */
    ck_assert_int_eq(spool_files(), 2);
    llmobs_spool_release(spool, &list[0], 1);
    ck_assert_int_eq(spool_files(), 1);
    llmobs_spool_close(spool);
    ck_assert_int_eq(spool_dirs(), 0);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_kept), 9);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_released), 9);
    spool_keep(1);
    ck_assert_int_eq(spool_dirs(), 1);
}

/* They are in one file, although it is full before the last is written. */
TEST(test_entries_together)
{
    struct llmobs_exchange *e = spool_make(1), *none = spool_make(1);
    struct llmobs_spooled list[2];

    ck_assert_int_eq(llmobs_spool_begin(spool, e, LLMOBS_STAGE_START), 0);
    ck_assert_int_eq(llmobs_spool_begin(spool, none, LLMOBS_STAGE_START), 0);
    list[0] = spool_keep(5 << 20);
    list[1] = spool_keep(1);
    ck_assert_uint_gt(list[1].file, list[0].file);
    ck_assert_int_eq(llmobs_spool_begin(spool, e, LLMOBS_STAGE_BEGIN), 0);
    ck_assert_int_eq(llmobs_spool_end(spool, e), 0);
    for (size_t i = 0; i < LLMOBS_BEGUN; i++)
        ck_assert_uint_gt(e->item.spooled.begun_at[i], 0);
    ck_assert_uint_eq(e->item.spooled.entries, 3);
    ck_assert_uint_eq(e->item.spooled.file, list[0].file);
    llmobs_spool_release(spool, list, 2);
    llmobs_spool_release(spool, &e->item.spooled, 1);
    ck_assert_int_eq(spool_files(), 2);
    llmobs_spool_cancel(spool, none);
    ck_assert_uint_eq(none->item.spooled.file, 0);
    llmobs_spool_close(spool);
    ck_assert_int_eq(spool_dirs(), 0);
    llmobs_exchange_free(e);
    llmobs_exchange_free(none);
}

static void rename_current(const char *to)
{
    char from[PATH_MAX], name[PATH_MAX];

    llmobs_spool_file_path(spool_prefix(), 1, from);
    snprintf(name, sizeof(name), "%s/%s%s", place, to, strrchr(from, '/') + 2);
    ck_assert_int_eq(rename(from, name), 0);
}

/* A reader takes the file, and then another takes it over. */
TEST(test_claimed)
{
    struct llmobs_exchange *e = spool_make(1);
    struct llmobs_spooled one = spool_keep(1), two;

    ck_assert_int_eq(llmobs_spool_begin(spool, e, LLMOBS_STAGE_START), 0);
    rename_current("c.1-2-3.4");
    two = spool_keep(1);
    ck_assert_uint_eq(two.file, 2);
    ck_assert_int_eq(llmobs_spool_begin(spool, e, LLMOBS_STAGE_BEGIN), 0);
    ck_assert_int_eq(llmobs_spool_end(spool, e), 0);
    ck_assert_uint_eq(e->item.spooled.file, 1);
    ck_assert(llmobs_spool_has(spool, &one));
    ck_assert_int_eq(load_again(&e->item.spooled), 0);
    llmobs_spool_release(spool, &one, 1);
    llmobs_spool_release(spool, &e->item.spooled, 1);
    llmobs_spool_release(spool, &two, 1);
    llmobs_spool_close(spool);
    ck_assert_int_eq(spool_files(), 1);
    llmobs_exchange_free(e);
}

/* A reader has closed the file: what begins goes to the next file, and what had
 * begun is behind. */
TEST(test_closed)
{
    struct llmobs_exchange *e = spool_make(1);
    struct llmobs_spooled one;
    char path[PATH_MAX];

    ck_assert_int_eq(llmobs_spool_begin(spool, e, LLMOBS_STAGE_START), 0);
    llmobs_spool_file_path(spool_prefix(), 1, path);
    ck_assert_int_eq(llmobs_spool_file_close(path), 0);
    one = spool_keep(1);
    ck_assert_uint_eq(one.file, 2);
    ck_assert_int_eq(llmobs_spool_end(spool, e), 0);
    ck_assert_uint_eq(e->item.spooled.file, 1);
    ck_assert_uint_gt(e->item.spooled.offset, LLMOBS_SPOOL_CLOSED);
    llmobs_exchange_free(e);
}

/* The parent's transfer that goes on in a child is the parent's call. */
TEST(test_child_begins_nothing)
{
    struct llmobs_exchange *e = spool_make(1);

    e->process++;
    ck_assert_int_eq(llmobs_spool_begin(spool, e, LLMOBS_STAGE_START), 0);
    ck_assert_int_eq(llmobs_spool_begin(spool, e, LLMOBS_STAGE_BEGIN), 0);
    ck_assert(!e->item.spooled.file);
    ck_assert_int_eq(spool_dirs(), 0);
    llmobs_exchange_free(e);
}

/* A call that hangs for longer than the slots last holds nothing up. */
TEST(test_more_files_than_slots)
{
    struct llmobs_exchange *hangs = spool_make(0);
    struct llmobs_spooled one;

    config.spool_max = 64 * 1024;
    llmobs_spool_free(spool);
    spool = llmobs_spool_new(&config);
    ck_assert_int_eq(llmobs_spool_begin(spool, hangs, LLMOBS_STAGE_BEGIN), 0);
    for (int i = 0; i < 3 * LLMOBS_SPOOL_FILES; i++) {
        one = spool_keep(4096);
        llmobs_spool_release(spool, &one, 1);
        ck_assert_int_le(spool_files(), 3);
    }
    ck_assert_uint_gt(one.file, 2 * LLMOBS_SPOOL_FILES);
    llmobs_spool_cancel(spool, hangs);
    llmobs_spool_close(spool);
    ck_assert_int_eq(spool_dirs(), 0);
    llmobs_exchange_free(hangs);
}

/* Threads that call beside a worker that releases: each entry is there until
 * it is released, none of the files is left. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct llmobs_spooled queue[4096];
static size_t queued;

static void *call_often(void *arg)
{
    (void)arg;
    for (int i = 0; i < 400; i++) {
        struct llmobs_spooled one =
            spool_keep_patiently(i % 7 == 0 ? 300000 : 100);

        pthread_mutex_lock(&lock);
        queue[queued++] = one;
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static size_t take(struct llmobs_spooled out[LLMOBS_RELEASE_MAX])
{
    size_t n;

    pthread_mutex_lock(&lock);
    n = queued < LLMOBS_RELEASE_MAX ? queued : LLMOBS_RELEASE_MAX;
    queued -= n;
    memcpy(out, queue + queued, n * sizeof(*out));
    pthread_mutex_unlock(&lock);
    return n;
}

TEST(test_threads)
{
    struct llmobs_spooled some[LLMOBS_RELEASE_MAX];
    pthread_t threads[8];
    size_t n, done = 0;

    config.spool_max = (int64_t)1 << 32;
    llmobs_spool_free(spool);
    spool = llmobs_spool_new(&config);
    queued = 0;
    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, call_often, NULL);
    while (done < 8 * 400) {
        n = take(some);
        for (size_t i = 0; i < n; i++)
            ck_assert_int_eq(load_again(&some[i]), 0);
        if (n > 0)
            llmobs_spool_release(spool, some, n);
        done += n;
    }
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_le(spool_files(), 1);
    llmobs_spool_close(spool);
    ck_assert_int_eq(spool_dirs(), 0);
}

TEST(test_removed_while_running)
{
    struct llmobs_spooled one = spool_keep(1), two;

    ck_assert(llmobs_spool_has(spool, &one));
    unit_remove(place);
    ck_assert(!llmobs_spool_has(spool, &one));
    two = spool_keep(1);
    ck_assert(llmobs_spool_has(spool, &two));
    ck_assert(!llmobs_spool_has(spool, &one));
    llmobs_spool_release(spool, &one, 1);
    llmobs_spool_release(spool, &two, 1);
    llmobs_spool_close(spool);
    ck_assert_int_eq(spool_dirs(), 0);
}

TEST(test_cap)
{
    struct llmobs_exchange *e;
    int rc = 0, n = 0;

    config.spool_max = 1 << 20;
    llmobs_spool_free(spool);
    spool = llmobs_spool_new(&config);
    while (rc == 0 && n < 100) {
        e = spool_make(100000);
        rc = llmobs_spool_end(spool, e);
        ck_assert(rc == 0 || !e->item.spooled.kept);
        llmobs_exchange_free(e);
        n += rc == 0;
    }
    ck_assert_int_eq(rc, -EDQUOT);
    ck_assert_int_ge(n, 5);
    ck_assert_int_le(n, 10);
    /* The next process knows it before it writes anything. */
    llmobs_spool_count(spool);
    config.spool_max = 4096;
    llmobs_spool_reset(spool);
    e = spool_make(1);
    ck_assert_int_eq(llmobs_spool_end(spool, e), -EDQUOT);
    llmobs_exchange_free(e);
}

TEST(test_file_limit)
{
    struct rlimit old, limit = {300000, 0};
    struct llmobs_spooled list[5];

    getrlimit(RLIMIT_FSIZE, &old);
    limit.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
    for (int i = 0; i < 5; i++)
        list[i] = spool_keep(200000);
    setrlimit(RLIMIT_FSIZE, &old);
    ck_assert_uint_eq(list[4].file, 5);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_kept), 5);
    llmobs_spool_release(spool, list, 5);
    llmobs_spool_close(spool);
    ck_assert_int_eq(spool_dirs(), 0);
}

/* A call that has begun on the disk, and whose END the disk refuses. */
static struct llmobs_exchange *begun_alone(size_t more)
{
    struct llmobs_exchange *e = spool_make(more);

    ck_assert_int_eq(llmobs_spool_begin(spool, e, LLMOBS_STAGE_START), 0);
    ck_assert_int_eq(llmobs_spool_begin(spool, e, LLMOBS_STAGE_BEGIN), 0);
    ck_assert(e->item.spooled.file);
    return e;
}

static void limit_files(rlim_t size)
{
    struct rlimit limit;

    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = size < limit.rlim_max ? size : limit.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static void end_without_room(void)
{
    struct llmobs_exchange *e = begun_alone(100000);

    atomic_store(&spool->room, 50000);
    ck_assert_int_eq(llmobs_spool_end(spool, e), -EDQUOT);
    ck_assert(!e->item.spooled.file);
    llmobs_exchange_free(e);
}

/* A reader would not read that far. */
static void end_beyond_a_readers_text(void)
{
    struct llmobs_exchange *e = begun_alone(1);
    uint32_t file = e->item.spooled.file;

    atomic_store(&spool->slots[file].bytes,
                 LLMOBS_SPOOL_TEXT - LLMOBS_SPOOL_FILE);
    ck_assert_int_eq(llmobs_spool_end(spool, e), -EDQUOT);
    ck_assert(!e->item.spooled.file);
    llmobs_exchange_free(e);
}

static void end_past_the_limit(void)
{
    struct llmobs_exchange *e = begun_alone(100000);
    int rc;

    limit_files(50000);
    rc = llmobs_spool_end(spool, e);
    limit_files(RLIM_INFINITY);
    ck_assert_int_eq(rc, -EFBIG);
    ck_assert(!e->item.spooled.file);
    llmobs_exchange_free(e);
}

static void end_after_a_failure(void)
{
    struct llmobs_exchange *e = begun_alone(1);

    atomic_store(&spool->failed_ns, llmobs_clock_mono_ns());
    ck_assert_int_eq(llmobs_spool_end(spool, e), -EBUSY);
    ck_assert(!e->item.spooled.file);
    llmobs_exchange_free(e);
}

/* Its limit is below all that it has written: the signal kills nobody, and the
 * entries go as soon as they can, with the item. */
static void end_below_its_entries(void)
{
    struct llmobs_exchange *e = begun_alone(1);
    int rc;

    limit_files(16);
    rc = llmobs_spool_end(spool, e);
    limit_files(RLIM_INFINITY);
    ck_assert_int_eq(rc, -EFBIG);
    ck_assert(e->item.spooled.file);
    llmobs_spool_release(spool, &e->item.spooled, 1);
    llmobs_exchange_free(e);
}

/* Memory alone has the call, and counts it: nobody else tells of it. */
TEST(test_end_refused)
{
    static void (*const ways[])(void) = {
        end_without_room, end_past_the_limit, end_beyond_a_readers_text,
        end_after_a_failure, end_below_its_entries};

    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        spool_in_dead(ways[i]);
        spool_adopt_all(true);
        ck_assert_uint_eq(killed, 0);
        ck_assert_uint_eq(calls, 0);
    }
}

/* It is noted after all: its event where there is room again, or as a call that
 * begins where it was thought that there is none. */
static void noted_after_all(void)
{
    struct llmobs_exchange *e = begun_alone(1);
    const struct llmobs_text event = {"{}", 2};
    int64_t room = atomic_load(&spool->room);

    atomic_store(&spool->room, 1);
    ck_assert_int_eq(llmobs_spool_end(spool, e), -EDQUOT);
    atomic_store(&spool->room, room);
    ck_assert_int_eq(llmobs_spool_write_event(spool, &e->item.spooled,
                                              LLMOBS_EVENT_SPAN, event),
                     0);
    llmobs_exchange_free(e);
}

static void begun_again(void)
{
    struct llmobs_exchange *e = begun_alone(1);

    llmobs_spool_cancel(spool, e);
    ck_assert_int_eq(llmobs_spool_begin(spool, e, LLMOBS_STAGE_BEGIN), 0);
    ck_assert_uint_eq(e->progress.id, e->item.spooled.id);
    llmobs_exchange_free(e);
}

static void ended_again(void)
{
    struct llmobs_exchange *e = begun_alone(1);

    llmobs_spool_cancel(spool, e);
    ck_assert_int_eq(llmobs_spool_begin(spool, e, LLMOBS_STAGE_BEGIN), 0);
    ck_assert_int_eq(llmobs_spool_end(spool, e), 0);
    llmobs_exchange_free(e);
}

/* A release is of the entries before it. */
TEST(entries_behind_a_release)
{
    spool_in_dead(noted_after_all);
    spool_adopt_all(true);
    ck_assert_uint_eq(events, 1);
    ck_assert_uint_eq(calls, 0);
    spool_in_dead(begun_again);
    spool_adopt_all(true);
    ck_assert_uint_eq(calls, 1);
    ck_assert_uint_eq(killed, 1);
    spool_in_dead(ended_again);
    spool_adopt_all(true);
    ck_assert_uint_eq(calls, 1);
    ck_assert_uint_eq(killed, 0);
}

/* The thread that was to open the spool has left for good: the next one waits
 * for it, and none after that. */
TEST(an_opener_that_never_comes_back)
{
    atomic_store(&spool->state, LLMOBS_SPOOL_BUSY);
    ck_assert_int_eq(llmobs_spool_open(spool), -EBUSY);
    ck_assert_int_ne(atomic_load(&spool->failed_ns), 0);
    ck_assert_int_eq(llmobs_spool_open(spool), -EBUSY);
    atomic_store(&spool->state, LLMOBS_SPOOL_NONE);
    atomic_store(&spool->failed_ns, 0);
    ck_assert_int_eq(llmobs_spool_open(spool), 0);
    ck_assert_int_eq(atomic_load(&spool->failed_ns), 0);
}

TEST(test_unwritable)
{
    struct llmobs_exchange *e = spool_make(1);
    FILE *file = fopen(place, "w");

    ck_assert_ptr_nonnull(file);
    fclose(file);
    ck_assert_int_lt(llmobs_spool_begin(spool, e, LLMOBS_STAGE_BEGIN), 0);
    ck_assert_int_lt(llmobs_spool_end(spool, e), 0);
    ck_assert(!e->item.spooled.kept);
    llmobs_spool_release(spool, &e->item.spooled, 1);
    llmobs_exchange_free(e);
}

TEST(test_reject)
{
    const struct llmobs_text event = {"{\"a\":1}", 7};
    char path[128], text[64] = "";
    struct stat st;
    FILE *file;

    spool_keep(1);
    ck_assert_int_eq(llmobs_spool_reject(spool, event), 0);
    ck_assert_int_eq(llmobs_spool_reject(spool, event), 0);
    snprintf(path, sizeof(path), "%s/" LLMOBS_REJECTED, place);
    file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fread(text, 1, sizeof(text), file), 16);
    fclose(file);
    ck_assert_str_eq(text, "{\"a\":1}\n{\"a\":1}\n");
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink("/tmp", path), 0);
    ck_assert_int_lt(llmobs_spool_reject(spool, event), 0);
}

/* -- beside others ------------------------------------------------------- */

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static int told(void)
{
    uint64_t bytes;
    int fd, rc;

    ck_assert_int_eq(llmobs_spool_open_dir(&config, false, &fd), 0);
    rc = llmobs_spool_last_usage(fd, &bytes);
    close(fd);
    return rc;
}

static void make_other_name(const char *path, const char *other)
{
    ck_assert_int_eq(rename(path, other), 0);
    ck_assert_int_eq(link(other, path), 0);
}

/* In a directory that all may write to, such a file may be anybody's. */
TEST(test_files_of_others)
{
    const struct llmobs_text event = {"{\"a\":1}", 7};
    char usage[128], rejected[128], other[128];
    struct stat st;

    snprintf(usage, sizeof(usage), "%s/usage", place);
    snprintf(rejected, sizeof(rejected), "%s/" LLMOBS_REJECTED, place);
    snprintf(other, sizeof(other), "%s/other", place);
    ck_assert_int_eq(mkdir(place, 01777), 0);
    put(usage, "999999999999 5\n");
    ck_assert_int_eq(told(), 0);
    make_other_name(usage, other);
    ck_assert_int_eq(told(), -EPERM);
    ck_assert_int_eq(unlink(usage), 0);
    ck_assert_int_eq(mkfifo(usage, 0666), 0);
    ck_assert_int_lt(told(), 0);
    ck_assert_int_eq(link(other, rejected), 0);
    ck_assert_int_eq(llmobs_spool_reject(spool, event), -EPERM);
    ck_assert_int_eq(stat(other, &st), 0);
    ck_assert_int_eq(st.st_size, 15);
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(unlink(usage), 0);
    ck_assert_int_eq(unlink(rejected), 0);
    ck_assert_int_eq(link(other, usage), 0);
    ck_assert_int_eq(unlink(other), 0);
    ck_assert_int_eq(told(), 0);
    ck_assert_int_eq(chown(usage, 12345, 12345), 0);
    ck_assert_int_eq(told(), -EPERM);
    ck_assert_int_eq(rename(usage, rejected), 0);
    ck_assert_int_eq(llmobs_spool_reject(spool, event), -EPERM);
}

/* A host may have any name, as the request has it. */
TEST(test_key_in_host_and_headers)
{
    static const char line[] = "Content-Type: sk-proj-"
                               "SECRETKEY0123456789abcdefghijklmnop";
    struct llmobs_exchange *e = spool_make(1);
    char path[PATH_MAX];
    UNIT_ENDS(llmobs_buf) text;

    free(e->url);
    e->url = llmobs_allowlist_url_copy(
        "https://sk-proj-SECRETKEY0123456789abcdefghijklmnop."
        "example.com/v1/chat/completions");
    llmobs_headers_add(&e->request_headers, line, 12);
    llmobs_headers_add_answer(&e->response_headers, line, sizeof(line) - 1);
    ck_assert_uint_eq(e->response_headers.count, 1);
    llmobs_buf_init(&text, LLMOBS_SPOOL_TEXT);
    ck_assert_int_eq(llmobs_spool_begin(spool, e, LLMOBS_STAGE_START), 0);
    ck_assert_int_eq(llmobs_spool_begin(spool, e, LLMOBS_STAGE_BEGIN), 0);
    ck_assert_int_eq(llmobs_spool_end(spool, e), 0);
    llmobs_spool_file_path(spool->prefix, e->item.spooled.file, path);
    ck_assert_int_eq(llmobs_spool_file_read(path, 0, LLMOBS_SPOOL_TEXT, &text),
                     0);
    ck_assert_ptr_nonnull(memmem(text.data, text.len, ".example.com/", 13));
    ck_assert_ptr_null(memmem(text.data, text.len, "SECRETKEY", 9));
    llmobs_exchange_free(e);
}

/* A file that takes no blocks costs no time; what is in it is found. */
TEST(test_sparse)
{
    const struct llmobs_entry_file file = {.version = 1};
    const uint64_t far = (uint64_t)1 << 40;
    UNIT_ENDS(llmobs_buf) text;
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "%s/sparse", base);
    fd = open(path, O_RDWR | O_CREAT, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, &file, sizeof(file), 0), sizeof(file));
    ck_assert_int_eq(pwrite(fd, "near", 4, 65536), 4);
    ck_assert_int_eq(pwrite(fd, "far", 3, (off_t)far), 3);
    ck_assert_int_eq(ftruncate(fd, (off_t)(4 * far)), 0);
    close(fd);
    llmobs_buf_init(&text, LLMOBS_SPOOL_TEXT);
    ck_assert_int_eq(llmobs_spool_file_read(path, 0, LLMOBS_SPOOL_TEXT, &text),
                     0);
    ck_assert_uint_lt(text.len, 2 << 20);
    ck_assert_mem_eq(text.data + 65536, "near", 4);
    ck_assert_int_eq(llmobs_spool_file_read(path, LLMOBS_SPOOL_CLOSED,
                                            LLMOBS_SPOOL_TEXT, &text),
                     0);
    ck_assert_uint_lt(text.len, 4 << 20);
    ck_assert_ptr_nonnull(memmem(text.data, text.len, "far", 3));
}

/* Nor is another's file, of whatever size, room that is taken of ours. */
TEST(test_room_of_others)
{
    char command[400];
    uint64_t bytes;

    if (geteuid() != 0)
        return;
    snprintf(command, sizeof(command),
             "mkdir -p %s && cd %s && truncate -s 1T o.4-1-1-1 && "
             "truncate -s 1G o.4-1-1-2 && truncate -s 1M o.4-1-1-3 && "
             "chown 12345 o.4-1-1-1 o.4-1-1-3",
             place, place);
    ck_assert_int_eq(system(command), 0);
    ck_assert_int_eq(llmobs_spool_usage(&config, &bytes), 0);
    ck_assert_uint_lt(bytes, 1 << 20);
}

/* A file that is there before ours is made gets no word of a call. */
TEST(test_made_by_others)
{
    struct llmobs_exchange *e = spool_make(10);
    char other[128], path[PATH_MAX];
    struct stat st;

    spool_keep(1);
    snprintf(other, sizeof(other), "%s/other", base);
    put(other, "mine");
    llmobs_spool_file_path(spool_prefix(), 2, path);
    ck_assert_int_eq(link(other, path), 0);
    atomic_store(&spool->at, (uint64_t)2 << 32);
    ck_assert_int_eq(llmobs_spool_end(spool, e), -EPERM);
    ck_assert_int_eq(stat(other, &st), 0);
    ck_assert_int_eq(st.st_size, 4);
    llmobs_exchange_free(e);
}

/* Somebody has put a link in the place of the spool: nothing is written where
 * it leads. Where the user chose the directory, it is his link. */
TEST(test_link)
{
    const struct llmobs_text event = {"{\"a\":1}", 7};
    char ours[96], away[96], path[128];
    uint64_t bytes;

    snprintf(away, sizeof(away), "%s/away", base);
    snprintf(ours, sizeof(ours), "%s/llmobs", base);
    snprintf(path, sizeof(path), "%s/spool", ours);
    ck_assert_int_eq(mkdir(away, 0700) | mkdir(ours, 0700), 0);
    ck_assert_int_eq(symlink(away, path), 0);
    config.store_dir = ours;
    config.spool_dir = NULL;
    ck_assert_int_lt(llmobs_spool_usage(&config, &bytes), 0);
    ck_assert_int_lt(llmobs_spool_reject(spool, event), 0);
    ck_assert_int_eq(rmdir(away), 0);
}

/* -- reading again -------------------------------------------------------- */

TEST(test_loading_again)
{
    struct llmobs_account account = {.spool = spool};
    struct llmobs_recalls *recalls = NULL;
    struct llmobs_item one = {.spooled = spool_keep(1), .delivered_to = 5};
    const struct llmobs_item away = {.spooled = {.id = 1, .file = 999}};
    struct llmobs_item *item;
    struct rlimit old, few;

    getrlimit(RLIMIT_NOFILE, &old);
    few = (struct rlimit){0, old.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    /* For want of a descriptor it waits on. */
    ck_assert_int_eq(llmobs_spool_load(spool, &one, &recalls, &item), -ENOMEM);
    setrlimit(RLIMIT_NOFILE, &old);
    ck_assert_int_eq(llmobs_spool_load(spool, &away, &recalls, &item), -EIO);
    ck_assert_int_eq(llmobs_spool_load(spool, &one, &recalls, &item), 0);
    ck_assert_uint_eq(item->delivered_to, 5);
    llmobs_account_release(&account, &item->spooled);
    llmobs_exchange_free((struct llmobs_exchange *)item);
    llmobs_account_flush(&account);
    llmobs_spool_close(spool);
    ck_assert_int_eq(spool_dirs(), 0);
    llmobs_recalls_free(recalls);
}

static void key_of(struct llmobs_entry_key *out)
{
    struct llmobs_buf text;
    char path[PATH_MAX];

    llmobs_buf_init(&text, 4096);
    llmobs_spool_file_path(spool_prefix(), 1, path);
    ck_assert_int_eq(llmobs_spool_file_read(path, 0, 4096, &text), 0);
    ck_assert_int_eq(llmobs_entry_file_read(llmobs_buf_text(&text), out), 0);
    llmobs_buf_fini(&text);
}

/* A child's files are of another key, and so are those of its parent again. */
TEST(test_key_of_a_child)
{
    struct llmobs_entry_key mine, childs, again;
    int ends[2], status;
    pid_t pid;

    spool_keep(1);
    key_of(&mine);
    ck_assert_int_eq(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        llmobs_spool_reset(spool);
        spool_keep(1);
        key_of(&childs);
        _exit(write(ends[1], &childs, sizeof(childs)) == sizeof(childs) ? 0
                                                                        : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(read(ends[0], &childs, sizeof(childs)), sizeof(childs));
    close(ends[0]);
    close(ends[1]);
    ck_assert_mem_ne(&mine, &childs, sizeof(mine));
    spool_keep(1);
    key_of(&again);
    ck_assert_mem_eq(&mine, &again, sizeof(mine));
}

static struct llmobs_owner *written_by(const struct llmobs_config *by,
                                       const struct llmobs_entry_key *key)
{
    struct llmobs_owner *owner = llmobs_owner_alloc();

    ck_assert(owner && llmobs_owner_fill(owner, by, 0, key) == 0);
    return owner;
}

TEST(test_owner)
{
    char *tags[] = {"a:b", "c:d", NULL};
    struct llmobs_config other = config, read;
    struct llmobs_entry_key key, read_key;
    struct llmobs_owner *mine, *theirs, *again;
    struct llmobs_entry entry;
    size_t at = 0;

    config.service = "svc";
    config.env = "prod";
    config.version = "1.2";
    config.tags = tags;
    config.otlp.service = "otel-svc";
    config.otlp.resource = "team=a";
    other.api_key = "SECRETKEY";
    llmobs_entry_key(&key);
    mine = written_by(&config, &key);
    theirs = written_by(&other, &key);
    ck_assert(!llmobs_owner_same_destinations(mine, theirs));
    ck_assert_int_eq(
        llmobs_entry_file_read(llmobs_buf_text(&mine->lead), &read_key), 0);
    ck_assert_mem_eq(&key, &read_key, sizeof(key));
    ck_assert(
        llmobs_entry_next(&key, llmobs_buf_text(&mine->lead), &at, &entry));
    ck_assert_int_eq(llmobs_owner_read(&entry, &again), 0);
    ck_assert(llmobs_owner_same_destinations(mine, again));
    llmobs_owner_config(again, &other, &read);
    ck_assert_str_eq(read.otlp.service, "otel-svc");
    ck_assert_str_eq(read.otlp.resource, "team=a");
    ck_assert_str_eq(read.executable, "unit");
    ck_assert_int_eq(read.pid, getpid());
    ck_assert_str_eq(read.service, "svc");
    ck_assert_str_eq(read.env, "prod");
    ck_assert_str_eq(read.version, "1.2");
    ck_assert_str_eq(read.tags[1], "c:d");
    ck_assert_ptr_null(read.tags[2]);
    ck_assert_ptr_null(read.git_url);
    ck_assert_ptr_null(memmem(llmobs_buf_text(&theirs->lead).data,
                              llmobs_buf_text(&theirs->lead).len, "SECRET", 6));
    llmobs_owner_free(mine);
    llmobs_owner_free(theirs);
    llmobs_owner_free(again);
}

static bool has_owner_of(struct llmobs_config *one, struct llmobs_config *two)
{
    struct llmobs_owner *mine = llmobs_owner_new(one);
    struct llmobs_owner *theirs = llmobs_owner_new(two);
    bool same = mine && theirs && llmobs_owner_same_destinations(mine, theirs);

    llmobs_owner_free(mine);
    llmobs_owner_free(theirs);
    return same;
}

/* The hash of a key does not say what the key is. */
TEST(test_owner_keys)
{
    char *long_1[] = {"Authorization: Bearer 0123456789abcdefghij0001", NULL},
         *long_2[] = {"Authorization: Bearer 0123456789abcdefghij0002", NULL},
         *other_1[] = {"Authorization: Bearer abcdefghij01234567ij0001", NULL},
         *basic_1[] = {"Authorization: Basic dXNlcjpwYXNzd29yZDEyMzQ1", NULL},
         *basic_2[] = {"Authorization: Basic dXNlcjpwYXNzd29yZDEyMzQ2", NULL};
    struct llmobs_config other = config;

    config.api_key = "00000000000000000000000000aaaaaa";
    other.api_key = "00000000000000000000000000aaaaab";
    ck_assert(!has_owner_of(&config, &other));
    other.api_key = "11111111111111111111111111aaaaaa";
    ck_assert(has_owner_of(&config, &other));
    other.api_key = "1111111111111111111111111aaaaaa";
    ck_assert(!has_owner_of(&config, &other));
    other.api_key = config.api_key;
    config.extra_headers = long_1;
    other.extra_headers = long_2;
    ck_assert(!has_owner_of(&config, &other));
    other.extra_headers = other_1;
    ck_assert(has_owner_of(&config, &other));
    config.extra_headers = basic_1;
    other.extra_headers = basic_2;
    ck_assert(has_owner_of(&config, &other));
    other.extra_headers = config.extra_headers = NULL;
    config.agent_url = "https://user:secret-1@agent:8126";
    other.agent_url = "https://user:secret-2@agent:8126";
    ck_assert(has_owner_of(&config, &other));
    other.agent_url = "https://user:secret-1@agent:8127";
    ck_assert(!has_owner_of(&config, &other));
}

/* A build before this rule hashed keys whole; what it left is delivered. */
TEST(test_owner_of_before)
{
    const struct llmobs_entry_key key = {1, {2, 3}};
    struct llmobs_owner *mine, *theirs, *written;
    struct llmobs_owner_origin before = {0};
    struct llmobs_entry_writer writer;
    uint8_t whole[LLMOBS_SHA256_LEN];
    struct llmobs_entry entry;
    struct llmobs_buf text;
    size_t at = 0;

    config.exporter = "agentless";
    config.site = "datadoghq.com";
    config.api_key = "0123456789abcdef0123456789abcdef";
    config.agent_url = config.override_origin = config.store_dir = NULL;
    mine = llmobs_owner_new(&config);
    llmobs_buf_init(&text, 4096);
    llmobs_buf_addf(&text, "%d%s%c%c%s%c%s%c%c%c", config.agentless,
                    config.exporter, 0, 0, config.site, 0, config.api_key, 0, 0,
                    0);
    llmobs_sha256(text.data, text.len, whole);
    llmobs_buf_fini(&text);
    memcpy(before.hash, whole, LLMOBS_OWNER_HASH);
    llmobs_entry_begin(&writer, LLMOBS_ENTRY_OWNER, 1);
    llmobs_entry_add(&writer, 1, &before, sizeof(before));
    ck_assert_int_gt(llmobs_entry_end(&writer, &key), 0);
    ck_assert_int_eq(writer.pieces, 1);
    ck_assert(llmobs_entry_next(
        &key, (struct llmobs_text){writer.iov->iov_base, writer.iov->iov_len},
        &at, &entry));
    ck_assert_int_eq(llmobs_owner_read(&entry, &theirs), 0);
    ck_assert(llmobs_owner_same_destinations(theirs, mine));
    llmobs_owner_free(theirs);
    written = written_by(&config, &key);
    at = 0;
    ck_assert(
        llmobs_entry_next(&key, llmobs_buf_text(&written->lead), &at, &entry));
    ck_assert_int_eq(llmobs_owner_read(&entry, &theirs), 0);
    ck_assert(strstr(llmobs_owner_place(theirs), "with DD_API_KEY ...cdef"));
    llmobs_owner_free(mine);
    llmobs_owner_free(theirs);
    llmobs_owner_free(written);
}

TEST(test_owner_otlp)
{
    struct llmobs_config other;
    char *key[] = {"x-key: a", NULL};

    config.exporter = "agent";
    config.agent_url = "http://localhost:8126";
    config.otlp.signals[LLMOBS_SIGNAL_TRACES].on = true;
    config.otlp.signals[LLMOBS_SIGNAL_TRACES].url = "http://a/v1/traces";
    config.otlp.signals[LLMOBS_SIGNAL_LOGS].url = "http://a/v1/logs";
    other = config;
    other.otlp.signals[LLMOBS_SIGNAL_TRACES].url = "http://b/v1/traces";
    other.otlp.span_content = true;
    ck_assert(has_owner_of(&config, &other));
    other.exporter = config.exporter = "agent,otlp";
    ck_assert(!has_owner_of(&config, &other));
    other.otlp.signals[LLMOBS_SIGNAL_TRACES].url = "http://a/v1/traces";
    ck_assert(!has_owner_of(&config, &other));
    other.otlp.span_content = false;
    ck_assert(has_owner_of(&config, &other));
    other.exporter = config.exporter = "agent";
    other.otlp.signals[LLMOBS_SIGNAL_LOGS].on = true;
    ck_assert(!has_owner_of(&config, &other));
    config.otlp.signals[LLMOBS_SIGNAL_LOGS].on = true;
    ck_assert(has_owner_of(&config, &other));
    other.otlp.signals[LLMOBS_SIGNAL_LOGS].headers = key;
    ck_assert(!has_owner_of(&config, &other));
}

TEST(test_owner_headers)
{
    struct llmobs_config other = config;
    char *none[] = {NULL}, *a[] = {"X-Tenant: a", NULL},
         *b[] = {"X-Tenant: b", NULL};

    other.extra_headers = none;
    ck_assert(has_owner_of(&config, &other));
    other.extra_headers = a;
    ck_assert(!has_owner_of(&config, &other));
    config.extra_headers = b;
    ck_assert(!has_owner_of(&config, &other));
    config.extra_headers = a;
    ck_assert(has_owner_of(&config, &other));
}
