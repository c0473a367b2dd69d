/* The turns of threads that initialise libcurl. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "core/capture/global.h"
#include "tests/unit/unit.h"

struct caller {
    const struct llmobs_real *real;
    atomic_bool begun;
    atomic_int answer; /* of turn: 1 true, 2 false; 0: none yet */
};

static void *ask(void *arg)
{
    struct caller *caller = arg;
    bool first;

    atomic_store(&caller->begun, true);
    first = llmobs_global_claim_turn(caller->real);
    atomic_store(&caller->answer, first ? 1 : 2);
    if (first)
        llmobs_global_end_turn(caller->real);
    return NULL;
}

static void start(struct caller *caller, pthread_t *thread)
{
    const struct timespec moment = {0, LLMOBS_NS_PER_MS};

    ck_assert_int_eq(pthread_create(thread, NULL, ask, caller), 0);
    while (!atomic_load(&caller->begun))
        nanosleep(&moment, NULL);
}

TEST(one_after_the_other)
{
    static const struct llmobs_real real;
    const struct timespec while_it_would = {0, 10 * LLMOBS_NS_PER_MS};
    struct caller second = {.real = &real};
    pthread_t thread;

    ck_assert(llmobs_global_claim_turn(&real));
    start(&second, &thread);
    nanosleep(&while_it_would, NULL);
    ck_assert_int_ne(atomic_load(&second.answer), 1);
    llmobs_global_end_turn(&real);
    pthread_join(thread, NULL);
    ck_assert_int_ne(atomic_load(&second.answer), 0);
    ck_assert(llmobs_global_claim_turn(&real));
    llmobs_global_end_turn(&real);
}

/* Of another copy of libcurl, nobody has to wait. */
TEST(copies_apart)
{
    static const struct llmobs_real one, other;

    ck_assert(llmobs_global_claim_turn(&one));
    ck_assert(llmobs_global_claim_turn(&other));
    llmobs_global_end_turn(&other);
    llmobs_global_end_turn(&one);
}

TEST(a_turn_without_end)
{
    static const struct llmobs_real real;
    struct caller second = {.real = &real};
    pthread_t thread;

    ck_assert(llmobs_global_claim_turn(&real));
    start(&second, &thread);
    pthread_join(thread, NULL);
    ck_assert_int_eq(atomic_load(&second.answer), 2);
    llmobs_global_end_turn(&real);
}

/* A library that libcurl loads as it begins may use libcurl. */
TEST(within_a_turn)
{
    static const struct llmobs_real real;
    int64_t began = llmobs_clock_mono_ns();

    for (int i = 0; i < 200; i++) {
        ck_assert(llmobs_global_claim_turn(&real));
        ck_assert(!llmobs_global_claim_turn(&real));
        llmobs_global_end_turn(&real);
    }
    /* Two hundred that waited would take 10 s. */
    ck_assert_int_lt(unit_ms_since(began), 9000);
}

/* The thread that has the turn is in the parent alone. */
TEST(in_a_child)
{
    static const struct llmobs_real real;
    pid_t child;
    int status;

    ck_assert(llmobs_global_claim_turn(&real));
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(llmobs_global_claim_turn(&real) ? 7 : 8);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    llmobs_global_end_turn(&real);
}
