/* The worker and its process: signals, limits, forks. */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/sanitizer.h"
#include "core/export/store.h"
#include "lib/base/stats.h"
#include "tests/unit/worker_fake.h"

TEST(errno_and_signals_stay_the_apps)
{
    sigset_t before, after;

    fake_begin(true, 1 << 24);
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    errno = 4711;
    fake_give(1);
    ck_assert_int_eq(errno, 4711);
    llmobs_worker_flush(worker, UNIT_LONG_MS);
    ck_assert_int_eq(errno, 4711);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    ck_assert_int_eq(errno, 4711);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int i = 1; i < 32; i++)
        ck_assert_int_eq(sigismember(&before, i), sigismember(&after, i));
}

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

TEST(the_thread_is_named_and_deaf)
{
    char mask[300] = "";

    fake_begin(true, 1 << 24);
    atomic_store(&fake.fault, FAULT_ALWAYS);
    fake_give(1);
    llmobs_worker_flush(worker, UNIT_LONG_MS);
    ck_assert(read_status("SigBlk", mask, sizeof(mask)));
    /* All of the classic ones but SIGKILL and SIGSTOP. */
    ck_assert_uint_eq(strtoull(mask, NULL, 16) & 0x7fffffff, 0x7ffbfeff);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
}

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

static void *no_thread(void *arg)
{
    return arg;
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
    if (pthread_create(&thread, NULL, no_thread, NULL) == 0)
        return 3;
    for (int i = 0; i < 500; i++) {
        if (llmobs_span_init(&span) || llmobs_worker_submit_span(worker, &span))
            return 4;
    }
    if (llmobs_worker_flush(worker, UNIT_LONG_MS) != 0)
        return 5;
    return atomic_load(&fake.taken) == 500 ? 0 : 6;
}

/* No thread can be had: nothing is lost. */
TEST(without_a_thread_to_be_had)
{
    fake_begin(true, 64 * 1024);
    apart(give_without_threads);
}

/* The sanitizers' allocators are not made for a fork beside a busy thread. */
#if !LLMOBS_TSAN
static void in_child(void)
{
    /* Nothing of the parent is there, and all works anew. */
    if (llmobs_worker_pending(worker) != 0)
        _exit(2);
    atomic_store(&fake.taken, 0);
    atomic_store(&fake.fault, FAULT_NONE);
    fake_give(5);
    if (stat_of(LLMOBS_STAT_captured) != 5 || atomic_load(&fake.forgotten) != 1)
        _exit(3);
    if (llmobs_worker_flush(worker, UNIT_LONG_MS) != 0)
        _exit(4);
    if (atomic_load(&fake.taken) != 5)
        _exit(5);
    fake_give(1);
    llmobs_worker_stop(worker, UNIT_LONG_MS);
    _exit(atomic_load(&fake.taken) == 6 ? 0 : 6);
}

TEST(a_forked_child_begins_anew)
{
    for (int round = 0; round < 50; round++) {
        int status = 0;
        pid_t pid;

        fake_begin(round % 5 != 0, 1 << 24);
        atomic_store(&fake.fault, round % 2 ? FAULT_SLOW : FAULT_NONE);
        fake_give(100);
        usleep((useconds_t)(round * 100));
#if LLMOBS_ASAN
        llmobs_worker_flush(worker, UNIT_LONG_MS);
        usleep(50000);
#endif
        pid = fork();
        if (pid == 0)
            in_child();
        waitpid(pid, &status, 0);
        ck_assert_int_eq(status, 0);
        ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
        ck_assert_int_eq(atomic_load(&fake.taken), 100);
        llmobs_worker_stop(worker, UNIT_LONG_MS);
        fake_check_sum();
    }
}
#endif

/* A child that only exits delivers nothing of its parent's. */
TEST(a_child_that_exits_sends_nothing)
{
    int status = 0;
    pid_t pid;

    fake_begin(false, 1 << 24);
    fake_give(10);
    pid = fork();
    if (pid == 0) {
        llmobs_worker_stop(worker, UNIT_LONG_MS);
        _exit(atomic_load(&fake.sends));
    }
    waitpid(pid, &status, 0);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    ck_assert_int_eq(atomic_load(&fake.taken), 10);
}

static void end_by_handler(void)
{
    _exit(7);
}

/* A child of a process whose exit handler runs, or has run, gets it again: of
 * one that had nothing to do (0), that is at work (1), that is done (2). */
TEST_EACH(a_child_of_an_exit_has_its_handler, 0, 3)
{
    int status = 0;
    pid_t pid;

    fake_begin(false, 1 << 24);
    if (_i > 0)
        llmobs_worker_become_active(worker);
    ck_assert_int_eq(llmobs_worker_end_quietly(worker, end_by_handler),
                     _i == 0);
    if (_i == 2)
        llmobs_worker_stop(worker, UNIT_LONG_MS);
    pid = fork();
    if (pid == 0) {
        llmobs_worker_become_active(worker);
        exit(0);
    }
    waitpid(pid, &status, 0);
    ck_assert_int_eq(WEXITSTATUS(status), 7);
}

static int write_beyond_the_limit(void)
{
    struct rlimit limit = {100, 100};
    struct llmobs_span span;

    signal(SIGXFSZ, SIG_DFL);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 1;
    if (llmobs_span_init(&span) || llmobs_worker_submit_span(worker, &span))
        return 2;
    if (llmobs_worker_flush(worker, 100) != -ETIMEDOUT)
        return 3;
    llmobs_worker_stop(worker, 100);
    return stat_of(LLMOBS_STAT_dropped_exit) == 1 ? 0 : 4;
}

/* The app's file size limit must not kill it through our own writing. */
TEST(our_signals_do_not_reach_the_app)
{
    char base[UNIT_DIRECTORY];

    unit_directory(base);
    for (int thread = 0; thread < 2; thread++) {
        fake_begin(thread, 1 << 24);
        fake_config->store_dir = base;
        fake_config->store_max = 1 << 20;
        fake_replace(llmobs_store_new(fake_config), 1 << 20);
        apart(write_beyond_the_limit);
    }
    unit_remove(base);
}

static void *flush_cancelled(void *done)
{
    pthread_cancel(pthread_self());
    llmobs_worker_flush(worker, UNIT_LONG_MS);
    atomic_store((atomic_int *)done, 1);
    return NULL;
}

/* A thread that is to end does not do so in the middle of what is ours, with
 * the turn taken. */
TEST(a_cancelled_flush_is_finished)
{
    pthread_t thread;
    atomic_int done = 0;

    fake_begin(false, 1 << 24);
    atomic_store(&fake.fault, FAULT_SLOW);
    fake_give(3);
    ck_assert_int_eq(pthread_create(&thread, NULL, flush_cancelled, &done), 0);
    pthread_join(thread, NULL);
    ck_assert_int_eq(atomic_load(&done), 1);
    ck_assert_int_eq(atomic_load(&fake.taken), 3);
    fake_give(1);
    ck_assert_int_eq(llmobs_worker_flush(worker, UNIT_LONG_MS), 0);
    fake_check_sum();
}
