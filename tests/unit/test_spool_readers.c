/* Readers that rename a file of the spool while its process writes to it. The
 * cases are those that tests/log/model.py found. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/log/spool_file.h"
#include "core/log/spool_slots.h"
#include "tests/unit/spool_case.h"

UNIT_FIXTURE(spool_begin, spool_end);

#define TRIES 300

/* A reader whose process nobody knows; also a relay's name. */
static void claim(uint32_t file, bool back)
{
    char first[PATH_MAX], claimed[PATH_MAX];

    llmobs_spool_file_path(spool_prefix(), file, first);
    snprintf(claimed, sizeof(claimed), "%s/r.1-2-3.4.%s", place,
             strrchr(first, '/') + 3);
    ck_assert_int_eq(back ? rename(claimed, first) : rename(first, claimed), 0);
}

static atomic_int turn;

static void wait_for(int when)
{
    while (atomic_load(&turn) != when)
        sched_yield();
}

static void *give_back(void *arg)
{
    (void)arg;
    for (int i = 1; i <= TRIES; i++) {
        wait_for(i);
        for (volatile int moment = 0; moment < i * 100; moment++)
            ;
        claim(1, true);
        atomic_store(&turn, -i);
    }
    return NULL;
}

/* A process gives its file the first name back just when a call of it ends. */
TEST(the_end_of_a_call_finds_a_file_that_is_given_back)
{
    struct llmobs_exchange *begun[TRIES];
    pthread_t thread;

    atomic_store(&turn, 0);
    for (int i = 0; i < TRIES; i++) {
        begun[i] = spool_make(0);
        ck_assert_int_eq(
            llmobs_spool_begin(spool, begun[i], LLMOBS_STAGE_START), 0);
    }
    pthread_create(&thread, NULL, give_back, NULL);
    for (int i = 1; i <= TRIES; i++) {
        struct llmobs_exchange *call = begun[i - 1];

        claim(1, false);
        atomic_store(&turn, i);
        ck_assert_int_eq(llmobs_spool_end(spool, call), 0);
        ck_assert_uint_eq(call->item.spooled.file, 1);
        wait_for(-i);
        llmobs_exchange_free(call);
    }
    pthread_join(thread, NULL);
}

static void *begin_beside(void *arg)
{
    struct llmobs_exchange **there = arg;

    for (int i = 1; i <= TRIES; i++) {
        wait_for(i);
        ck_assert_int_eq(
            llmobs_spool_begin(spool, there[i - 1], LLMOBS_STAGE_START), 0);
        atomic_store(&turn, -i);
    }
    return NULL;
}

/* A reader claims a file just when two threads make it. */
TEST(a_file_is_made_once)
{
    struct llmobs_exchange *here[TRIES], *there[TRIES];
    pthread_t thread;

    atomic_store(&turn, 0);
    for (int i = 0; i < TRIES; i++) {
        here[i] = spool_make(0);
        there[i] = spool_make(0);
    }
    ck_assert_int_eq(llmobs_spool_open(spool), 0);
    pthread_create(&thread, NULL, begin_beside, there);
    for (int i = 1; i <= TRIES; i++) {
        uint32_t file;
        char path[PATH_MAX];

        atomic_store(&turn, i);
        ck_assert_int_eq(
            llmobs_spool_begin(spool, here[i - 1], LLMOBS_STAGE_START), 0);
        file = here[i - 1]->item.spooled.file;
        claim(file, false);
        wait_for(-i);
        llmobs_spool_file_path(spool_prefix(), file, path);
        ck_assert_int_ne(access(path, F_OK), 0);
        llmobs_spool_cancel(spool, here[i - 1]);
        llmobs_spool_cancel(spool, there[i - 1]);
        /* The next two make a file again. */
        llmobs_slots_begin_next(spool, llmobs_slots_current(spool));
        llmobs_exchange_free(here[i - 1]);
        llmobs_exchange_free(there[i - 1]);
    }
    pthread_join(thread, NULL);
}

static void enter_a_sandbox(void)
{
    (void)spool_keep(0);
    claim(1, false);
    ck_assert_int_eq(llmobs_spool_hold(spool), 0);
    (void)spool_keep(0);
}

/* The file that is held in a sandbox is one that no reader has claimed. */
TEST(a_file_that_is_held_is_whole)
{
    spool_in_dead(enter_a_sandbox);
    spool_adopt_all(true);
    ck_assert_uint_eq(calls, 2);
    ck_assert_uint_eq(killed, 0);
    ck_assert_int_eq(spool_dirs(), 0);
}
