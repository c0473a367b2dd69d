#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <dirent.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/exchange.h"
#include "core/stats.h"
#include "core/worker.h"
#include "tests/unit/unit.h"
#include "tests/unit/worker_case.h"

/* Workers are never freed: all that the tests begin are kept in sight. */
#define BEGUN_MAX 2000

/* The sanitizers' allocators are not made for a fork beside a busy thread. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASAN 1
#elif __has_feature(thread_sanitizer)
#define TSAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define TSAN 1
#endif

/* An exporter that fails as told and counts what it took. */
enum fault { FAULT_NONE, FAULT_ALWAYS, FAULT_RANDOM, FAULT_SLOW, FAULT_STUCK };

struct fake {
    struct llmobs_exporter base;
    atomic_int fault;
    atomic_int taken;
    atomic_int sends;
    atomic_int forgotten;
    atomic_int refused;
    atomic_int malformed;
    pthread_t caller;
    unsigned seed;
};

static int fake_random(struct fake *fake, size_t count)
{
    unsigned draw = (unsigned)rand_r(&fake->seed) % 8;

    if (draw == 0)
        return -EIO;
    if (draw == 1)
        return 0;
    if (draw == 2) {
        atomic_fetch_add(&fake->refused, 1);
        return -EBADMSG;
    }
    return draw == 3 ? (int)(count + 1) / 2 : (int)count;
}

static int fake_send(struct llmobs_exporter *exporter,
                     const struct llmobs_text *events, size_t count)
{
    struct fake *fake = (struct fake *)exporter;
    int n = (int)count;

    fake->caller = pthread_self();
    atomic_fetch_add(&fake->sends, 1);
    /* Not with Check's own assertions: worker_case_give says why. */
    for (size_t i = 0; i < count; i++) {
        if (events[i].data[0] != '{' ||
            events[i].data[events[i].len - 1] != '}')
            atomic_fetch_add(&fake->malformed, 1);
    }
    switch (atomic_load(&fake->fault)) {
    case FAULT_ALWAYS:
        return -EIO;
    case FAULT_RANDOM:
        n = fake_random(fake, count);
        break;
    case FAULT_SLOW:
        usleep(30000);
        break;
    case FAULT_STUCK:
        while (atomic_load(&fake->fault) == FAULT_STUCK)
            usleep(1000);
        break;
    default:
        break;
    }
    if (n > 0)
        atomic_fetch_add(&fake->taken, n);
    return n;
}

static void fake_forget(struct llmobs_exporter *exporter)
{
    atomic_fetch_add(&((struct fake *)exporter)->forgotten, 1);
}

static void fake_free(struct llmobs_exporter *exporter)
{
    (void)exporter;
}

static const struct llmobs_exporter_ops fake_ops = {
    .name = "fake",
    .send = fake_send,
    .forget = fake_forget,
    .free = fake_free,
};

/* One for each test: a thread that a test has given up may still read it. */
static struct llmobs_config configs[BEGUN_MAX];
static size_t config_count;
static struct llmobs_config *config = configs;
static struct fake fake;
static struct llmobs_worker *worker;
/* A worker is never freed; here it is at least not lost. */
static struct llmobs_worker *kept[BEGUN_MAX];
static size_t kept_count;

static void begin(bool thread, size_t bytes_max)
{
    config = &configs[config_count++ % BEGUN_MAX];
    memset(config, 0, sizeof(*config));
    memset(&fake, 0, sizeof(fake));
    config->thread = thread;
    config->event_max = 5000000;
    config->flush_interval_ms = 1000;
    config->capture_max = 1 << 20;
    config->buffer_max = (int64_t)bytes_max;
    config->payload_max = 5242880;
    config->exit_flush_ms = -1;
    fake.base.ops = &fake_ops;
    fake.seed = 7;
    llmobs_stats_reset();
    worker =
        llmobs_worker_new(config, llmobs_buffer_memory(bytes_max), &fake.base);
    ck_assert_ptr_nonnull(worker);
    kept[kept_count++ % BEGUN_MAX] = worker;
}

static void give(int count)
{
    for (int i = 0; i < count; i++)
        worker_case_give(worker, 1);
}

static void check_sum(void)
{
    worker_case_sum(worker);
    ck_assert_int_eq(atomic_load(&fake.malformed), 0);
}

START_TEST(delivers_without_being_asked)
{
    begin(true, 1 << 24);
    give(3);
    worker_case_wait(&fake.taken, 3);
    /* And again once it sleeps. */
    usleep(100000);
    give(1);
    worker_case_wait(&fake.taken, 4);
    llmobs_worker_stop(worker, 5000);
    check_sum();
}
END_TEST

START_TEST(a_flush_waits_for_all)
{
    begin(true, 1 << 24);
    ck_assert_int_eq(llmobs_worker_flush(worker, 100), 0);
    for (int round = 0; round < 50; round++) {
        give(round);
        ck_assert_int_eq(llmobs_worker_flush(worker, 5000), 0);
        ck_assert_uint_eq(llmobs_worker_pending(worker), 0);
    }
    ck_assert_int_eq(atomic_load(&fake.taken), 49 * 50 / 2);
    llmobs_worker_stop(worker, 5000);
    check_sum();
}
END_TEST

static int count_threads(void)
{
    DIR *list = opendir("/proc/self/task");
    int n = 0;

    for (struct dirent *entry; (entry = readdir(list));)
        n += entry->d_name[0] != '.';
    closedir(list);
    return n;
}

/* Threads of the tests before end by themselves, a moment after their work. */
static int settled_threads(void)
{
    int n = count_threads();

    for (int still = 0, i = 0; still < 10 && i < 1000; still++, i++) {
        int now;

        usleep(2000);
        now = count_threads();
        if (now != n)
            still = 0;
        n = now;
    }
    return n;
}

START_TEST(no_thread_where_none_is_wanted)
{
    begin(false, 1 << 24);
    int before = settled_threads();

    give(200);
    ck_assert_int_le(count_threads(), before);
    ck_assert_int_eq(atomic_load(&fake.taken), 0);
    ck_assert_int_eq(llmobs_worker_flush(worker, 1000), 0);
    ck_assert_int_eq(atomic_load(&fake.taken), 200);
    give(1);
    llmobs_worker_stop(worker, 1000);
    ck_assert_int_eq(atomic_load(&fake.taken), 201);
    ck_assert_int_le(count_threads(), before);
    check_sum();
}
END_TEST

/* Without a thread a full buffer is emptied, not overrun. */
START_TEST(no_thread_and_no_loss)
{
    begin(false, 64 * 1024);
    give(500);
    ck_assert_int_gt(atomic_load(&fake.taken), 0);
    ck_assert_int_eq(llmobs_worker_flush(worker, 1000), 0);
    ck_assert_int_eq(atomic_load(&fake.taken), 500);
    check_sum();
}
END_TEST

START_TEST(a_full_buffer_is_counted)
{
    begin(true, 64 * 1024);
    atomic_store(&fake.fault, FAULT_STUCK);
    give(500);
    check_sum();
    ck_assert_uint_gt(stat_of(LLMOBS_STAT_dropped_full), 0);
    atomic_store(&fake.fault, FAULT_NONE);
    ck_assert_int_eq(llmobs_worker_flush(worker, 5000), 0);
    check_sum();
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_delivered) +
                          stat_of(LLMOBS_STAT_dropped_full),
                      500);
    llmobs_worker_stop(worker, 1000);
}
END_TEST

START_TEST(a_dead_exporter_costs_the_exit_little)
{
    int64_t start;

    for (int thread = 0; thread < 2; thread++) {
        begin(thread, 1 << 24);
        atomic_store(&fake.fault, FAULT_ALWAYS);
        give(10);
        start = llmobs_clock_mono_ns();
        ck_assert_int_eq(llmobs_worker_flush(worker, 20000), -ETIMEDOUT);
        llmobs_worker_stop(worker, 20000);
        ck_assert_int_lt(unit_ms_since(start), 10000);
        ck_assert_uint_eq(stat_of(LLMOBS_STAT_dropped_exit), 10);
        ck_assert_uint_eq(llmobs_worker_pending(worker), 0);
        check_sum();
    }
}
END_TEST

START_TEST(a_stuck_exporter_is_not_waited_for_longer_than_said)
{
    int64_t start;

    begin(true, 1 << 24);
    atomic_store(&fake.fault, FAULT_STUCK);
    give(10);
    worker_case_wait(&fake.sends, 1);
    start = llmobs_clock_mono_ns();
    llmobs_worker_stop(worker, 200);
    ck_assert_int_ge(unit_ms_since(start), 190);
    ck_assert_int_lt(unit_ms_since(start), 10000);
    check_sum();
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_dropped_exit), 10);
    /* It goes on after all: nothing is counted twice. */
    atomic_store(&fake.fault, FAULT_NONE);
    usleep(100000);
    ck_assert_uint_eq(llmobs_worker_pending(worker), 0);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_delivered), 0);
    check_sum();
}
END_TEST

START_TEST(who_ends_at_once_delivers_itself)
{
    int itself = 0;

    for (int round = 0; round < 50; round++) {
        begin(true, 1 << 24);
        give(1);
        usleep((useconds_t)(round * 150));
        if (round == 49) /* the thread, however late it comes */
            worker_case_wait(&fake.sends, 1);
        llmobs_worker_stop(worker, 2000);
        ck_assert_int_eq(atomic_load(&fake.taken), 1);
        itself += pthread_equal(fake.caller, pthread_self()) != 0;
        check_sum();
    }
    ck_assert_int_gt(itself, 0);
    ck_assert_int_lt(itself, 50);
}
END_TEST

/* The second call does not wait for the moment to pass, nor does a flush. */
START_TEST(the_thread_begins_when_there_is_more)
{
    int64_t start;
    int early = 0;

    for (int round = 0; round < 20; round++) {
        begin(true, 1 << 24);
        give(2);
        start = llmobs_clock_mono_ns();
        worker_case_wait(&fake.sends, 1);
        early += unit_ms_since(start) < 4;
        llmobs_worker_stop(worker, 2000);
        ck_assert_int_eq(atomic_load(&fake.taken), 2);
    }
    ck_assert_int_gt(early, 0);
}
END_TEST

START_TEST(what_comes_after_the_stop_is_delivered)
{
    for (int round = 0; round < 100; round++) {
        begin(round % 4 != 0, 1 << 24);
        give(1);
        llmobs_worker_stop(worker, 2000);
        ck_assert_int_eq(atomic_load(&fake.taken), 1);
        give(2);
        ck_assert_int_eq(atomic_load(&fake.taken), 3);
        llmobs_worker_stop(worker, 2000);
        check_sum();
    }
}
END_TEST

START_TEST(a_failed_delivery_is_tried_again)
{
    begin(true, 1 << 24);
    atomic_store(&fake.fault, FAULT_ALWAYS);
    give(100);
    for (int i = 0; i < 5000 && atomic_load(&fake.sends) < 1; i++)
        usleep(1000);
    usleep(50000);
    ck_assert_int_ge(atomic_load(&fake.sends), 1);
    ck_assert_int_lt(atomic_load(&fake.sends), 5);
    ck_assert_uint_eq(llmobs_worker_pending(worker), 100);
    atomic_store(&fake.fault, FAULT_NONE);
    for (int i = 0; i < 5000 && atomic_load(&fake.taken) < 100; i++)
        usleep(1000);
    ck_assert_int_eq(atomic_load(&fake.taken), 100);
    llmobs_worker_stop(worker, 1000);
    check_sum();
}
END_TEST

static void *give_many(void *arg)
{
    give(300);
    return arg;
}

static void *flush_many(void *arg)
{
    for (int i = 0; i < 100; i++)
        llmobs_worker_flush(worker, 5);
    return arg;
}

START_TEST(the_sums_hold_whatever_fails)
{
    for (int thread = 0; thread < 2; thread++) {
        pthread_t threads[5];

        begin(thread, 256 * 1024);
        fake.seed = (unsigned)thread + 1;
        atomic_store(&fake.fault, FAULT_RANDOM);
        for (int i = 0; i < 5; i++)
            pthread_create(&threads[i], NULL, i < 4 ? give_many : flush_many,
                           NULL);
        for (int i = 0; i < 5; i++)
            pthread_join(threads[i], NULL);
        for (int i = 0; i < 200 && llmobs_worker_pending(worker); i++)
            llmobs_worker_flush(worker, 100);
        check_sum();
        ck_assert_uint_eq(llmobs_worker_pending(worker), 0);
        ck_assert_uint_eq(stat_of(LLMOBS_STAT_captured), 1200);
        ck_assert_uint_eq(stat_of(LLMOBS_STAT_delivered),
                          (uint64_t)atomic_load(&fake.taken));
        ck_assert_uint_eq(stat_of(LLMOBS_STAT_dropped_export),
                          (uint64_t)atomic_load(&fake.refused));
        llmobs_worker_stop(worker, 1000);
        check_sum();
    }
}
END_TEST

/* A span too big to send is dropped by itself. */
START_TEST(an_event_beyond_the_limit)
{
    struct llmobs_span span;
    char name[3000];

    begin(true, 1 << 24);
    config->event_max = 2000;
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    llmobs_span_init(&span);
    llmobs_span_set(&span.name, name);
    llmobs_worker_give_span(worker, &span);
    give(1);
    ck_assert_int_eq(llmobs_worker_flush(worker, 5000), 0);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_dropped_export), 1);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_delivered), 1);
    llmobs_worker_stop(worker, 1000);
    check_sum();
}
END_TEST

#define CHAT "http://other.example/v1/chat/completions"

static struct llmobs_item *make_exchange(const struct llmobs_rules *rules,
                                         const char *body)
{
    struct llmobs_request request = {.method = "POST",
                                     .url = CHAT,
                                     .content_type = "application/json",
                                     .body_pending = true};
    struct llmobs_exchange *exchange = llmobs_exchange_new(1 << 20);

    ck_assert(llmobs_rules_match(rules, &request, &exchange->match));
    strcpy(exchange->method, "POST");
    exchange->url = strdup(CHAT);
    exchange->context.span_id = 1;
    exchange->status = 200;
    ck_assert_int_eq(llmobs_body_add(&exchange->request, body, strlen(body)),
                     0);
    return &exchange->item;
}

/* A candidate that was no LLM call is no span, and is accounted for. */
START_TEST(exchanges_become_spans_or_not)
{
    struct llmobs_rules_config rules_config = {0};
    struct llmobs_rules *rules = llmobs_rules_new(&rules_config);

    begin(true, 1 << 24);
    llmobs_worker_give(worker, make_exchange(rules, "{\"rows\": []}"));
    llmobs_worker_give(
        worker, make_exchange(rules, "{\"model\": \"m\", \"messages\": "
                                     "[{\"role\": \"user\", \"content\": "
                                     "\"hi\"}]}"));
    ck_assert_int_eq(llmobs_worker_flush(worker, 5000), 0);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_unconfirmed), 1);
    ck_assert_uint_eq(stat_of(LLMOBS_STAT_delivered), 1);
    llmobs_worker_stop(worker, 1000);
    check_sum();
    llmobs_rules_free(rules);
}
END_TEST

START_TEST(errno_and_signals_stay_the_apps)
{
    sigset_t before, after;

    begin(true, 1 << 24);
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    errno = 4711;
    give(1);
    ck_assert_int_eq(errno, 4711);
    llmobs_worker_flush(worker, 1000);
    ck_assert_int_eq(errno, 4711);
    llmobs_worker_stop(worker, 1000);
    ck_assert_int_eq(errno, 4711);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int i = 1; i < 32; i++)
        ck_assert_int_eq(sigismember(&before, i), sigismember(&after, i));
}
END_TEST

static int read_status(const char *key, char *out, size_t cap)
{
    DIR *list = opendir("/proc/self/task");
    int found = 0;

    for (struct dirent *entry; (entry = readdir(list));) {
        char path[300], line[256], name[64] = "";
        FILE *f;

        snprintf(path, sizeof(path), "/proc/self/task/%s/status",
                 entry->d_name);
        f = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
        while (f && fgets(line, sizeof(line), f)) {
            if (strncmp(line, "Name:", 5) == 0)
                sscanf(line + 5, "%63s", name);
            if (strncmp(line, key, strlen(key)) == 0 &&
                strcmp(name, "llmobs") == 0) {
                snprintf(out, cap, "%s", line + strlen(key) + 2);
                found = 1;
            }
        }
        if (f)
            fclose(f);
    }
    closedir(list);
    return found;
}

START_TEST(the_thread_is_named_and_deaf)
{
    char mask[300] = "";

    begin(true, 1 << 24);
    give(1);
    llmobs_worker_flush(worker, 5000);
    ck_assert(read_status("SigBlk", mask, sizeof(mask)));
    /* All of the classic ones but SIGKILL and SIGSTOP. */
    ck_assert_uint_eq(strtoull(mask, NULL, 16) & 0x7fffffff, 0x7ffbfeff);
    llmobs_worker_stop(worker, 1000);
}
END_TEST

/* Runs in a process of its own what changes the process for good; exit code 0
 * is success. Check's own assertions write files and stay out of there. */
static void apart(int (*run)(void))
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0)
        _exit(run());
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(status == 0, "status %x", (unsigned)status);
}

static int give_without_threads(void)
{
    struct rlimit none = {0, 0};
    struct llmobs_span span;
    pthread_t thread;

    if (geteuid() == 0 && setresuid(12345, 12345, 12345) != 0)
        return 1;
    if (setrlimit(RLIMIT_NPROC, &none) != 0)
        return 2;
    if (pthread_create(&thread, NULL, give_many, NULL) == 0)
        return 3;
    for (int i = 0; i < 500; i++) {
        if (llmobs_span_init(&span) || llmobs_worker_give_span(worker, &span))
            return 4;
    }
    if (llmobs_worker_flush(worker, 1000) != 0)
        return 5;
    return atomic_load(&fake.taken) == 500 ? 0 : 6;
}

/* No thread can be had: nothing is lost. */
START_TEST(without_a_thread_to_be_had)
{
    begin(true, 64 * 1024);
    apart(give_without_threads);
}
END_TEST

#ifndef TSAN
static void in_child(void)
{
    /* Nothing of the parent is there, and all works anew. */
    if (llmobs_worker_pending(worker) != 0 || atomic_load(&fake.forgotten) != 1)
        _exit(2);
    if (stat_of(LLMOBS_STAT_captured) != 0)
        _exit(3);
    atomic_store(&fake.taken, 0);
    atomic_store(&fake.fault, FAULT_NONE);
    give(5);
    if (llmobs_worker_flush(worker, 5000) != 0)
        _exit(4);
    if (atomic_load(&fake.taken) != 5)
        _exit(5);
    give(1);
    llmobs_worker_stop(worker, 5000);
    _exit(atomic_load(&fake.taken) == 6 ? 0 : 6);
}

START_TEST(a_forked_child_begins_anew)
{
    for (int round = 0; round < 50; round++) {
        int status = 0;
        pid_t pid;

        begin(round % 5 != 0, 1 << 24);
        atomic_store(&fake.fault, round % 2 ? FAULT_SLOW : FAULT_NONE);
        give(100);
        usleep((useconds_t)(round * 100));
#ifdef ASAN
        llmobs_worker_flush(worker, 5000);
        usleep(50000);
#endif
        pid = fork();
        if (pid == 0)
            in_child();
        waitpid(pid, &status, 0);
        ck_assert_int_eq(status, 0);
        ck_assert_int_eq(llmobs_worker_flush(worker, 5000), 0);
        ck_assert_int_eq(atomic_load(&fake.taken), 100);
        llmobs_worker_stop(worker, 1000);
        check_sum();
    }
}
END_TEST
#endif

/* A child that only exits delivers nothing of its parent's. */
START_TEST(a_child_that_exits_sends_nothing)
{
    int status = 0;
    pid_t pid;

    begin(false, 1 << 24);
    give(10);
    pid = fork();
    if (pid == 0) {
        llmobs_worker_stop(worker, 1000);
        _exit(atomic_load(&fake.sends));
    }
    waitpid(pid, &status, 0);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(llmobs_worker_flush(worker, 1000), 0);
    ck_assert_int_eq(atomic_load(&fake.taken), 10);
}
END_TEST

static int write_beyond_the_limit(void)
{
    struct rlimit limit = {100, 100};
    struct llmobs_span span;

    signal(SIGXFSZ, SIG_DFL);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 1;
    if (llmobs_span_init(&span) || llmobs_worker_give_span(worker, &span))
        return 2;
    if (llmobs_worker_flush(worker, 100) != -ETIMEDOUT)
        return 3;
    llmobs_worker_stop(worker, 100);
    return stat_of(LLMOBS_STAT_dropped_exit) == 1 ? 0 : 4;
}

/* The app's file size limit must not kill it through our own writing. */
START_TEST(our_signals_do_not_reach_the_app)
{
    char base[] = "/tmp/llmobs-worker-XXXXXX", command[100];

    ck_assert_ptr_nonnull(mkdtemp(base));
    for (int thread = 0; thread < 2; thread++) {
        begin(thread, 1 << 24);
        config->store_dir = base;
        config->store_max = 1 << 20;
        worker = llmobs_worker_new(config, llmobs_buffer_memory(1 << 20),
                                   llmobs_store_new(config));
        kept[kept_count++ % BEGUN_MAX] = worker;
        apart(write_beyond_the_limit);
    }
    snprintf(command, sizeof(command), "rm -rf %s", base);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

UNIT_SUITE(worker)
{
    Suite *s = suite_create("worker");

    UNIT_TEST(s, delivers_without_being_asked);
    UNIT_TEST(s, a_flush_waits_for_all);
    UNIT_TEST(s, no_thread_where_none_is_wanted);
    UNIT_TEST(s, no_thread_and_no_loss);
    UNIT_TEST(s, a_full_buffer_is_counted);
    UNIT_TEST(s, a_dead_exporter_costs_the_exit_little);
    UNIT_TEST(s, a_stuck_exporter_is_not_waited_for_longer_than_said);
    UNIT_TEST(s, who_ends_at_once_delivers_itself);
    UNIT_TEST(s, the_thread_begins_when_there_is_more);
    UNIT_TEST(s, what_comes_after_the_stop_is_delivered);
    UNIT_TEST(s, a_failed_delivery_is_tried_again);
    UNIT_TEST(s, the_sums_hold_whatever_fails);
    UNIT_TEST(s, an_event_beyond_the_limit);
    UNIT_TEST(s, exchanges_become_spans_or_not);
    UNIT_TEST(s, errno_and_signals_stay_the_apps);
    UNIT_TEST(s, the_thread_is_named_and_deaf);
    UNIT_TEST(s, without_a_thread_to_be_had);
#ifndef TSAN
    UNIT_TEST(s, a_forked_child_begins_anew);
#endif
    UNIT_TEST(s, a_child_that_exits_sends_nothing);
    UNIT_TEST(s, our_signals_do_not_reach_the_app);
    return s;
}
