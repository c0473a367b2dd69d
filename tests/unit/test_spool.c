#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/adopt.h"
#include "core/destination.h"
#include "core/keeping.h"
#include "core/owner.h"
#include "core/spool.h"
#include "core/spool_file.h"
#include "core/stats.h"
#include "tests/unit/context_case.h"
#include "tests/unit/unit.h"

static char base[64], stored[96], place[96];
static struct llmobs_config config;
static struct llmobs_spool *spool;
static struct llmobs_adopt *adopt;
static struct llmobs_rules *rules;

static const char body[] = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
                           "\"content\":\"hello\"}]}";

static void begin(void)
{
    const struct llmobs_rules_config any = {.proxy_urls = NULL};

    snprintf(base, sizeof(base), "/tmp/llmobs-spool-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(base));
    snprintf(stored, sizeof(stored), "%s/store", base);
    snprintf(place, sizeof(place), "%s/spool", base);
    config = context_base;
    config.store_dir = stored;
    config.spool_dir = place;
    config.spool_max = 64 << 20;
    config.api_key = NULL;
    llmobs_stats_reset();
    spool = llmobs_spool_new(&config);
    adopt = llmobs_adopt_new(&config, LLMOBS_ADOPT_OURS);
    rules = llmobs_rules_new(&any);
    ck_assert(spool && adopt && rules);
}

static void end(void)
{
    llmobs_spool_free(spool);
    llmobs_adopt_free(adopt);
    llmobs_rules_free(rules);
    unit_remove(base);
}

static struct llmobs_exchange *make(size_t more)
{
    struct llmobs_exchange *e = llmobs_exchange_new(64 << 20);
    struct llmobs_request asked = {
        .method = "POST",
        .url = "https://api.openai.com/v1/chat/completions",
        .content_type = "application/json",
        .body = {body, sizeof(body) - 1}};
    char *blanks = malloc(more + 1);

    ck_assert(e && blanks);
    ck_assert(llmobs_rules_match(rules, &asked, &e->match));
    e->url = strdup(asked.url);
    llmobs_context_root(&e->context, &config);
    ck_assert_int_eq(llmobs_body_add(&e->request, body, sizeof(body) - 1), 0);
    memset(blanks, ' ', more);
    llmobs_exchange_received(e, blanks, more);
    free(blanks);
    return e;
}

/* A call's BEGIN and END, as many bytes more in it; gives its place. */
static struct llmobs_spooled keep(size_t more)
{
    struct llmobs_exchange *e = make(more);
    struct llmobs_spooled spooled;

    ck_assert_int_eq(llmobs_spool_begin(spool, e), 0);
    ck_assert_int_eq(llmobs_spool_end(spool, e), 0);
    spooled = e->item.spooled;
    ck_assert_uint_eq(spooled.id, e->context.span_id);
    llmobs_exchange_free(e);
    return spooled;
}

static size_t files_in(const char *dir)
{
    DIR *list = opendir(dir);
    struct dirent *entry;
    size_t n = 0;

    while (list && (entry = readdir(list)))
        n += entry->d_name[0] != '.';
    if (list)
        closedir(list);
    return n;
}

static size_t files(void)
{
    return files_in(llmobs_spool_path(spool));
}

/* Directories of the spool. */
static size_t dirs(void)
{
    size_t n = files_in(place);
    char path[128];

    snprintf(path, sizeof(path), "%s/usage", place);
    return n - (access(path, F_OK) == 0);
}

/* Runs in a process that ends as if it had been killed. */
static void in_dead(void (*run)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        llmobs_spool_reset(spool);
        run();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}

/* What is to be adopted: calls, killed ones, events; lets go of each. */
static unsigned calls, killed, events;
static struct llmobs_adopted last;

static void adopt_all(bool let_go)
{
    calls = killed = events = 0;
    while (llmobs_adopt_next(adopt, &last) == 1) {
        calls += last.exchange != NULL;
        killed += last.killed;
        events += last.event.data != NULL;
        llmobs_exchange_free(last.exchange);
        if (let_go)
            llmobs_adopt_let_go(adopt, &last.spooled, 1);
        else
            llmobs_adopt_give_back(adopt, 1);
    }
}

/* -- spool --------------------------------------------------------------- */

START_TEST(test_keep_and_load)
{
    struct llmobs_keeping keeping;
    struct llmobs_spooled one = keep(10), two = keep(5 << 20), three = keep(0);
    struct llmobs_item *item;
    struct llmobs_exchange *e;
    struct stat st;

    ck_assert_uint_eq(one.file, 1);
    ck_assert_uint_gt(three.file, two.file);
    llmobs_keeping_init(&keeping, spool, NULL);
    ck_assert_int_eq(llmobs_keeping_load(&keeping, &two, &item), 0);
    e = (struct llmobs_exchange *)item;
    ck_assert_uint_eq(e->context.span_id, two.id);
    ck_assert_uint_eq(e->response.total, 5 << 20);
    llmobs_exchange_free(e);
    two.offset++;
    ck_assert_int_lt(llmobs_keeping_load(&keeping, &two, &item), 0);
    ck_assert_ptr_null(item);
    two.file = 77;
    ck_assert_int_eq(llmobs_keeping_load(&keeping, &two, &item), -EIO);
    ck_assert_int_eq(stat(llmobs_spool_path(spool), &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0700);
    llmobs_buf_fini(&keeping.text);
    llmobs_recalls_free(keeping.recalls);
}
END_TEST

/* Files go when all in them is released, in whatever order. */
START_TEST(test_release)
{
    struct llmobs_spooled list[9];

    for (int i = 0; i < 9; i++)
        list[i] = keep(2 << 20);
    ck_assert_uint_eq(files(), 5);
    for (int i = 8; i > 0; i--)
        llmobs_spool_release(spool, &list[i], 1);
    /* The first one holds its own; the last is the current one. */
    ck_assert_uint_eq(files(), 2);
    llmobs_spool_release(spool, &list[0], 1);
    ck_assert_uint_eq(files(), 1);
    llmobs_spool_close(spool);
    ck_assert_uint_eq(dirs(), 0);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_kept), 9);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_released), 9);
    keep(1);
    ck_assert_uint_eq(dirs(), 1);
}
END_TEST

/* A call that hangs for longer than the slots last holds nothing up. */
START_TEST(test_more_files_than_slots)
{
    struct llmobs_exchange *hangs = make(0);
    struct llmobs_spooled one;

    config.spool_max = 64 * 1024;
    llmobs_spool_free(spool);
    spool = llmobs_spool_new(&config);
    ck_assert_int_eq(llmobs_spool_begin(spool, hangs), 0);
    for (int i = 0; i < 3 * LLMOBS_SPOOL_FILES; i++) {
        one = keep(4096);
        llmobs_spool_release(spool, &one, 1);
        ck_assert_uint_le(files(), 3);
    }
    ck_assert_uint_gt(one.file, 2 * LLMOBS_SPOOL_FILES);
    llmobs_spool_cancel(spool, hangs);
    llmobs_spool_close(spool);
    ck_assert_uint_eq(dirs(), 0);
    llmobs_exchange_free(hangs);
}
END_TEST

/* Threads that call beside a worker that releases: each entry is there until
 * it is released, none of the files is left. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct llmobs_spooled queue[4096];
static size_t queued;

static void *call_often(void *arg)
{
    (void)arg;
    for (int i = 0; i < 400; i++) {
        struct llmobs_spooled one = keep(i % 7 == 0 ? 300000 : 100);

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

START_TEST(test_threads)
{
    struct llmobs_spooled some[LLMOBS_RELEASE_MAX];
    struct llmobs_entry entry;
    struct llmobs_buf text;
    pthread_t threads[8];
    size_t n, done = 0;

    config.spool_max = (int64_t)1 << 32;
    llmobs_spool_free(spool);
    spool = llmobs_spool_new(&config);
    llmobs_buf_init(&text, LLMOBS_SPOOL_TEXT);
    queued = 0;
    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, call_often, NULL);
    while (done < 8 * 400) {
        n = take(some);
        for (size_t i = 0; i < n; i++)
            ck_assert_int_eq(llmobs_spool_load(spool, &some[i], &text, &entry),
                             0);
        if (n > 0)
            llmobs_spool_release(spool, some, n);
        done += n;
    }
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_le(files(), 1);
    llmobs_spool_close(spool);
    ck_assert_uint_eq(dirs(), 0);
    llmobs_buf_fini(&text);
}
END_TEST

START_TEST(test_removed_while_running)
{
    struct llmobs_spooled one = keep(1), two;

    ck_assert(llmobs_spool_has(spool, &one));
    unit_remove(place);
    ck_assert(!llmobs_spool_has(spool, &one));
    two = keep(1);
    ck_assert(llmobs_spool_has(spool, &two));
    ck_assert(!llmobs_spool_has(spool, &one));
    llmobs_spool_release(spool, &one, 1);
    llmobs_spool_release(spool, &two, 1);
    llmobs_spool_close(spool);
    ck_assert_uint_eq(dirs(), 0);
}
END_TEST

START_TEST(test_cap)
{
    struct llmobs_exchange *e;
    int rc = 0, n = 0;

    config.spool_max = 1 << 20;
    llmobs_spool_free(spool);
    spool = llmobs_spool_new(&config);
    while (rc == 0 && n < 100) {
        e = make(100000);
        rc = llmobs_spool_end(spool, e);
        ck_assert(rc == 0 || e->item.spooled.file == 0);
        llmobs_exchange_free(e);
        n += rc == 0;
    }
    ck_assert_int_eq(rc, -EDQUOT);
    ck_assert_int_ge(n, 5);
    ck_assert_int_le(n, 10);
    /* The next process knows it before it writes anything. */
    llmobs_spool_look(spool);
    config.spool_max = 4096;
    llmobs_spool_reset(spool);
    e = make(1);
    ck_assert_int_eq(llmobs_spool_end(spool, e), -EDQUOT);
    llmobs_exchange_free(e);
}
END_TEST

START_TEST(test_file_limit)
{
    struct rlimit old, limit = {300000, 0};
    struct llmobs_spooled list[5];

    getrlimit(RLIMIT_FSIZE, &old);
    limit.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
    for (int i = 0; i < 5; i++)
        list[i] = keep(200000);
    setrlimit(RLIMIT_FSIZE, &old);
    ck_assert_uint_eq(list[4].file, 5);
    ck_assert_uint_eq(llmobs_stats_get(LLMOBS_STAT_kept), 5);
    llmobs_spool_release(spool, list, 5);
    llmobs_spool_close(spool);
    ck_assert_uint_eq(dirs(), 0);
}
END_TEST

START_TEST(test_unwritable)
{
    struct llmobs_exchange *e = make(1);
    FILE *file = fopen(place, "w");

    ck_assert_ptr_nonnull(file);
    fclose(file);
    errno = 4711;
    ck_assert_int_lt(llmobs_spool_begin(spool, e), 0);
    ck_assert_int_lt(llmobs_spool_end(spool, e), 0);
    ck_assert_int_eq(errno, 4711);
    ck_assert_uint_eq(e->item.spooled.file, 0);
    llmobs_spool_release(spool, &e->item.spooled, 1);
    llmobs_exchange_free(e);
}
END_TEST

START_TEST(test_reject)
{
    const struct llmobs_text event = {"{\"a\":1}", 7};
    char path[128], text[64] = "";
    struct stat st;
    FILE *file;

    keep(1);
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
END_TEST

/* Somebody has put a link in the place of the spool: nothing is written where
 * it leads. Where the user chose the directory, it is his link. */
START_TEST(test_link)
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
END_TEST

/* -- keeping ------------------------------------------------------------- */

START_TEST(test_spill)
{
    struct llmobs_keeping keeping;
    struct llmobs_spooled none = {.id = 1};
    struct llmobs_item *item;
    struct rlimit old, few;
    unsigned had;

    llmobs_keeping_init(&keeping, spool, NULL);
    ck_assert_int_eq(llmobs_keeping_spill(&keeping, &none, 0), -ENOENT);
    for (unsigned i = 0; i < 600; i++) {
        struct llmobs_spooled one = keep(1);

        ck_assert_int_eq(llmobs_keeping_spill(&keeping, &one, i), 0);
    }
    getrlimit(RLIMIT_NOFILE, &old);
    few = (struct rlimit){0, old.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    /* For want of a descriptor it waits on. */
    ck_assert_int_eq(llmobs_keeping_unspill(&keeping, &item, &had), -ENOMEM);
    setrlimit(RLIMIT_NOFILE, &old);
    for (unsigned i = 0; i < 600; i++) {
        ck_assert_int_eq(llmobs_keeping_unspill(&keeping, &item, &had), 0);
        ck_assert_uint_eq(had, i);
        llmobs_keeping_done(&keeping, &item->spooled, false);
        llmobs_exchange_free((struct llmobs_exchange *)item);
    }
    ck_assert_int_eq(llmobs_keeping_unspill(&keeping, &item, &had), -ENOENT);
    llmobs_keeping_flush(&keeping);
    llmobs_spool_close(spool);
    ck_assert_uint_eq(dirs(), 0);
    llmobs_buf_fini(&keeping.text);
    llmobs_recalls_free(keeping.recalls);
}
END_TEST

/* -- adoption ------------------------------------------------------------ */

static void leave_some(void)
{
    struct llmobs_spooled gone = keep(1), event = {.id = 0};
    struct llmobs_exchange *e = make(1), *no_call = make(1);

    keep(1);
    llmobs_spool_begin(spool, e);
    llmobs_spool_begin(spool, no_call);
    llmobs_spool_cancel(spool, no_call);
    llmobs_spool_release(spool, &gone, 1);
    llmobs_spool_event(spool, &event, LLMOBS_EVENT_SPAN,
                       (struct llmobs_text){"{}", 2});
    keep(5 << 20);
    keep(1);
}

START_TEST(test_adopt)
{
    in_dead(leave_some);
    ck_assert_uint_eq(dirs(), 1);
    adopt_all(true);
    ck_assert_uint_eq(calls, 4);
    ck_assert_uint_eq(killed, 1);
    ck_assert_uint_eq(events, 1);
    ck_assert_uint_eq(dirs(), 0);
    adopt_all(true);
    ck_assert_uint_eq(calls + events, 0);
}
END_TEST

/* Given back they come again, and a killed call is counted once. */
START_TEST(test_give_back)
{
    unsigned uncounted = 0;

    in_dead(leave_some);
    for (int i = 0; i < 2; i++) {
        while (llmobs_adopt_next(adopt, &last) == 1) {
            uncounted += last.uncounted;
            llmobs_exchange_free(last.exchange);
            llmobs_adopt_give_back(adopt, 1);
            calls++;
            if (calls % 5 == 0)
                break;
        }
        ck_assert_uint_eq(dirs(), 1);
        llmobs_adopt_free(adopt);
        adopt = llmobs_adopt_new(&config, LLMOBS_ADOPT_OURS);
    }
    ck_assert_uint_eq(uncounted, 1);
    adopt_all(true);
    ck_assert_uint_eq(calls, 4);
    ck_assert_uint_eq(events, 1);
    ck_assert_uint_eq(dirs(), 0);
}
END_TEST

static void leave_four(void)
{
    for (int i = 0; i < 4; i++)
        keep(1);
}

/* Of the one file of the one directory. */
static unsigned notes(void)
{
    struct llmobs_entry entry;
    struct llmobs_buf text;
    char pattern[128];
    unsigned n = 0;
    size_t at = 0;
    glob_t found;

    snprintf(pattern, sizeof(pattern), "%s/*/1", place);
    ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
    ck_assert_uint_eq(found.gl_pathc, 1);
    llmobs_buf_init(&text, 1 << 20);
    ck_assert_int_eq(llmobs_spool_read(found.gl_pathv[0], 0, 1 << 20, &text),
                     0);
    while (llmobs_entry_next((struct llmobs_text){text.data, text.len}, &at,
                             &entry))
        n += entry.type == LLMOBS_ENTRY_RELEASE;
    llmobs_buf_fini(&text);
    globfree(&found);
    return n;
}

/* A kill between two notes of a batch would repeat a part of it. */
START_TEST(test_one_note_a_batch)
{
    struct llmobs_spooled list[3];

    in_dead(leave_four);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(llmobs_adopt_next(adopt, &last), 1);
        llmobs_exchange_free(last.exchange);
        list[i] = last.spooled;
    }
    llmobs_adopt_let_go(adopt, list, 3);
    ck_assert_uint_eq(notes(), 1);
    llmobs_adopt_free(adopt);
    adopt = llmobs_adopt_new(&config, LLMOBS_ADOPT_OURS);
    adopt_all(true);
    ck_assert_uint_eq(calls, 1);
    ck_assert_uint_eq(dirs(), 0);
}
END_TEST

static void leave_and_note(void)
{
    struct llmobs_spooled one = keep(1);

    llmobs_spool_had(spool, &one, 1);
    one = keep(1);
    llmobs_spool_had(spool, &one, 2);
    llmobs_spool_had(spool, &one, 4);
}

START_TEST(test_had)
{
    unsigned sum = 0;

    in_dead(leave_and_note);
    while (llmobs_adopt_next(adopt, &last) == 1) {
        sum = sum * 10 + last.had;
        llmobs_exchange_free(last.exchange);
        llmobs_adopt_let_go(adopt, &last.spooled, 1);
    }
    ck_assert_uint_eq(sum, 16);
}
END_TEST

/* -- without memory ------------------------------------------------------ */

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define BIG ((size_t)2560 * 1024)

static void leave_small_and_big(void)
{
    keep(0);
    keep(BIG);
}

static void leave_big_released(void)
{
    struct llmobs_spooled big = keep(BIG);

    keep(0);
    llmobs_spool_release(spool, &big, 1);
}

/* From now on there is no more memory than is in use. */
static struct rlimit end_memory(void)
{
    struct rlimit was, none;
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    ck_assert(f && fscanf(f, "%lu", &pages) == 1);
    fclose(f);
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &was), 0);
    none = was;
    none.rlim_cur = pages * (rlim_t)sysconf(_SC_PAGESIZE);
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
    return was;
}

/* What there was no memory for comes again. */
START_TEST(test_adopt_short_of_memory)
{
    struct rlimit was;

    in_dead(leave_small_and_big);
    ck_assert_int_eq(llmobs_adopt_next(adopt, &last), 1);
    llmobs_exchange_free(last.exchange);
    was = end_memory();
    ck_assert_int_eq(llmobs_adopt_next(adopt, &last), -ENOMEM);
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &was), 0);
    ck_assert_int_eq(llmobs_adopt_next(adopt, &last), 1);
    ck_assert_uint_gt(llmobs_body_head(&last.exchange->response).len, BIG - 1);
    llmobs_exchange_free(last.exchange);
    llmobs_adopt_give_back(adopt, 2);
    ck_assert_uint_eq(dirs(), 1);
}
END_TEST

/* Nor does what was released come, because nobody could read of it. */
START_TEST(test_survey_short_of_memory)
{
    struct rlimit was;
    void *volatile room;

    in_dead(leave_big_released);
    /* A part of a file can still be read. */
    ck_assert_int_eq(mallopt(M_MMAP_THRESHOLD, 32 << 20), 1);
    ck_assert_int_eq(mallopt(M_TRIM_THRESHOLD, 64 << 20), 1);
    room = malloc(1 << 20);
    free(room);
    was = end_memory();
    ck_assert_int_eq(llmobs_adopt_next(adopt, &last), -ENOMEM);
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &was), 0);
    for (int i = 0; i < 2 && dirs() > 0; i++)
        adopt_all(true);
    ck_assert_uint_eq(calls, 1);
    ck_assert_uint_eq(dirs(), 0);
}
END_TEST
#endif

/* Neither the living's, nor our own, nor another tenant's. */
START_TEST(test_not_for_us)
{
    char *const key = "another key";
    int to[2], from[2];
    char byte;
    pid_t pid;

    in_dead(leave_some);
    config.api_key = key;
    llmobs_adopt_free(adopt);
    adopt = llmobs_adopt_new(&config, LLMOBS_ADOPT_OURS);
    llmobs_adopt_except(adopt, spool);
    llmobs_spool_reset(spool);
    keep(1);
    ck_assert(pipe(to) == 0 && pipe(from) == 0);
    pid = fork();
    if (pid == 0) {
        llmobs_spool_reset(spool);
        keep(1);
        if (write(from[1], "x", 1) != 1 || read(to[0], &byte, 1) != 1)
            _exit(1);
        _exit(0);
    }
    ck_assert_int_eq(read(from[0], &byte, 1), 1);
    ck_assert_uint_eq(dirs(), 3);
    adopt_all(true);
    ck_assert_uint_eq(calls, 0);
    ck_assert_int_eq(write(to[1], "x", 1), 1);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    adopt_all(true);
    ck_assert_uint_eq(calls, 1);
    ck_assert_uint_eq(dirs(), 2);
    for (int i = 0; i < 2; i++) {
        close(to[i]);
        close(from[i]);
    }
}
END_TEST

/* A file cut anywhere, or with other bytes: what is whole comes, once. */
START_TEST(test_damaged)
{
    char command[300];

    in_dead(leave_some);
    snprintf(command, sizeof(command),
             "f=$(echo %s/*/1); printf garbage >> $f; truncate -s -100 $f; "
             "mkfifo ${f%%/1}/7; ln -s /etc/passwd ${f%%/1}/8; "
             ": > ${f%%/1}/9",
             place);
    ck_assert_int_eq(system(command), 0);
    adopt_all(false);
    ck_assert_uint_ge(calls, 2);
    ck_assert_uint_eq(dirs(), 1);
}
END_TEST

START_TEST(test_owner)
{
    char *tags[] = {"a:b", "c:d", NULL};
    struct llmobs_config other = config, read;
    struct llmobs_owner *mine, *theirs, *again;
    struct llmobs_entry entry;
    size_t at = 0;

    config.service = "svc";
    config.env = "prod";
    config.version = "1.2";
    config.tags = tags;
    other.api_key = "SECRETKEY";
    mine = llmobs_owner_new(&config);
    theirs = llmobs_owner_new(&other);
    ck_assert(mine && theirs && !llmobs_owner_same_place(mine, theirs));
    ck_assert(llmobs_entry_next(llmobs_owner_text(mine), &at, &entry));
    ck_assert_int_eq(llmobs_owner_read(&entry, &again), 0);
    ck_assert(llmobs_owner_same_place(mine, again));
    llmobs_owner_config(again, &other, &read);
    ck_assert_str_eq(read.service, "svc");
    ck_assert_str_eq(read.env, "prod");
    ck_assert_str_eq(read.version, "1.2");
    ck_assert_str_eq(read.tags[1], "c:d");
    ck_assert_ptr_null(read.tags[2]);
    ck_assert_ptr_null(read.git_url);
    ck_assert_ptr_null(memmem(llmobs_owner_text(theirs).data,
                              llmobs_owner_text(theirs).len, "SECRET", 6));
    llmobs_owner_free(mine);
    llmobs_owner_free(theirs);
    llmobs_owner_free(again);
}
END_TEST

static void add_test(Suite *s, const char *name, const TTest *test)
{
    TCase *one = tcase_create(name);

    tcase_add_checked_fixture(one, begin, end);
    tcase_set_timeout(one, 300);
    tcase_add_test(one, test);
    suite_add_tcase(s, one);
}

UNIT_SUITE(spool)
{
    Suite *s = suite_create("spool");

    add_test(s, "keep_and_load", test_keep_and_load);
    add_test(s, "release", test_release);
    add_test(s, "more_files_than_slots", test_more_files_than_slots);
    add_test(s, "threads", test_threads);
    add_test(s, "removed_while_running", test_removed_while_running);
    add_test(s, "cap", test_cap);
    add_test(s, "file_limit", test_file_limit);
    add_test(s, "unwritable", test_unwritable);
    add_test(s, "reject", test_reject);
    add_test(s, "link", test_link);
    add_test(s, "spill", test_spill);
    add_test(s, "adopt", test_adopt);
    add_test(s, "give_back", test_give_back);
    add_test(s, "one_note_a_batch", test_one_note_a_batch);
    add_test(s, "had", test_had);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    add_test(s, "adopt_short_of_memory", test_adopt_short_of_memory);
    add_test(s, "survey_short_of_memory", test_survey_short_of_memory);
#endif
    add_test(s, "not_for_us", test_not_for_us);
    add_test(s, "damaged", test_damaged);
    add_test(s, "owner", test_owner);
    return s;
}
