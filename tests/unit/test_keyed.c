/* A table of records by address, from a few records to many thousands. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/capture/keyed.h"
#include "lib/base/sanitizer.h"
#include "tests/unit/unit.h"

#define MANY 20000
#define THREADS 4
#define EACH 2000
#define STRIDE 5312 /* about what an easy handle of libcurl takes */

struct record {
    struct llmobs_keyed keyed;
    unsigned user;
};

/* The records stay for ever, as in the library, so the tables do, too. */
#define TABLES 9
static struct llmobs_keyed_line lines[TABLES][2];
static struct llmobs_keyed_state states[TABLES];

static struct llmobs_keyed_table small(size_t size)
{
    static int used;
    struct llmobs_keyed_table table = {lines[used], 1, size, &states[used]};

    ck_assert_int_lt(used, TABLES);
    used++;
    return table;
}

static void *key_of(size_t i)
{
    return (void *)(UINT64_C(0x7f1200000000) + i * STRIDE);
}

static size_t made(const struct llmobs_keyed_table *table)
{
    struct llmobs_keyed *record = atomic_load(&table->state->all);
    size_t count = 0;

    for (; record; record = record->next)
        count++;
    return count;
}

TEST(each_of_many_is_found)
{
    static struct record *records[MANY];
    struct llmobs_keyed_table table = small(sizeof(struct record));

    ck_assert_ptr_null(llmobs_keyed_claim(&table, NULL));
    for (size_t i = 0; i < MANY; i++) {
        ck_assert_ptr_null(llmobs_keyed_find(&table, key_of(i)));
        records[i] = llmobs_keyed_claim(&table, key_of(i));
        ck_assert_ptr_nonnull(records[i]);
        ck_assert_uint_eq(records[i]->user, 0);
        records[i]->user = (unsigned)i + 1;
        ck_assert_ptr_eq(llmobs_keyed_claim(&table, key_of(i)), records[i]);
    }
    for (size_t i = 0; i < MANY; i++) {
        ck_assert_ptr_eq(llmobs_keyed_find(&table, key_of(i)), records[i]);
        ck_assert_uint_eq(records[i]->user, i + 1);
    }
    ck_assert_ptr_null(llmobs_keyed_find(&table, key_of(MANY)));
    ck_assert_ptr_null(llmobs_keyed_find(&table, NULL));
    ck_assert_uint_eq(made(&table), MANY);
}

/* A program that always has some handles, each at an address that it never had
 * before. */
TEST(new_addresses_take_old_records)
{
    struct llmobs_keyed_table table = small(sizeof(struct record));
    const size_t live = 500;

    for (size_t i = 0; i < 40 * live; i++) {
        if (i >= live)
            llmobs_keyed_release(&table,
                                 llmobs_keyed_find(&table, key_of(i - live)));
        ck_assert_ptr_nonnull(llmobs_keyed_claim(&table, key_of(i)));
    }
    ck_assert_uint_lt(made(&table), 2 * live);
}

TEST(the_same_address_takes_the_same_record)
{
    struct llmobs_keyed_table table = small(sizeof(struct record));
    struct record *other = llmobs_keyed_claim(&table, key_of(0));
    struct record *first = llmobs_keyed_claim(&table, key_of(1));

    for (int i = 0; i < 10; i++) {
        llmobs_keyed_release(&table, &first->keyed);
        ck_assert_ptr_null(llmobs_keyed_find(&table, key_of(1)));
        ck_assert_ptr_eq(llmobs_keyed_claim(&table, key_of(1)), first);
        ck_assert_ptr_eq(llmobs_keyed_find(&table, key_of(0)), other);
    }
    ck_assert_uint_eq(made(&table), 2);
}

TEST(renamed_and_named_again)
{
    struct llmobs_keyed_table table = small(sizeof(struct record));
    struct record *first = llmobs_keyed_claim(&table, key_of(0)), *next;

    llmobs_keyed_rename(&first->keyed, first);
    ck_assert_ptr_null(llmobs_keyed_find(&table, key_of(0)));
    llmobs_keyed_rename(&first->keyed, key_of(0));
    ck_assert_ptr_eq(llmobs_keyed_find(&table, key_of(0)), first);
    llmobs_keyed_rename(&first->keyed, first);
    next = llmobs_keyed_claim(&table, key_of(0));
    ck_assert(next && next != first);
    llmobs_keyed_release(&table, &first->keyed);
    ck_assert_ptr_eq(llmobs_keyed_find(&table, key_of(0)), next);
}

#if !LLMOBS_TSAN /* it ends a process that asks for so much */
TEST(without_memory)
{
    struct llmobs_keyed_table table = small(SIZE_MAX / 4);

    for (size_t i = 0; i < 100; i++)
        ck_assert_ptr_null(llmobs_keyed_claim(&table, key_of(i)));
    /* Each attempt has given its place back. */
    ck_assert(!atomic_load(&table.state->newest));
    table.size = sizeof(struct record);
    ck_assert_ptr_nonnull(llmobs_keyed_claim(&table, key_of(0)));
}
#endif

/* -- threads --------------------------------------------------------------- */

struct work {
    const struct llmobs_keyed_table *table;
    unsigned user;
    size_t wrong;
};

static size_t key_number(const struct work *work, size_t i)
{
    return work->user * (EACH + 1) + i;
}

static void claim_one(struct work *work, size_t i)
{
    struct record *record =
        llmobs_keyed_claim(work->table, key_of(key_number(work, i)));

    if (!record || record->user)
        work->wrong++;
    else
        record->user = work->user;
}

static void release_one(struct work *work, size_t i)
{
    struct record *record =
        llmobs_keyed_find(work->table, key_of(key_number(work, i)));

    if (!record || record->user != work->user) {
        work->wrong++;
        return;
    }
    record->user = 0;
    llmobs_keyed_release(work->table, &record->keyed);
}

/* All of them grow, then half of each goes and comes again at other addresses,
 * in the records that the others gave back. */
static void *come_and_go(void *arg)
{
    struct work *work = arg;

    for (size_t i = 0; i < EACH; i++)
        claim_one(work, i);
    for (size_t i = 0; i < EACH; i += 2)
        release_one(work, i);
    for (size_t i = 0; i < EACH; i += 2)
        claim_one(work, i);
    for (size_t i = 0; i < EACH; i++)
        release_one(work, i);
    return NULL;
}

TEST(each_record_has_one_user)
{
    struct llmobs_keyed_table table = small(sizeof(struct record));
    struct work works[THREADS] = {{0}};
    pthread_t threads[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        works[i] = (struct work){.table = &table, .user = i + 1};
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, come_and_go, &works[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_uint_eq(works[i].wrong, 0);
    }
    ck_assert_uint_le(made(&table), THREADS * EACH);
}

/* A sanitizer's allocator is not made for fork beside another thread. */
#if !LLMOBS_ASAN && !LLMOBS_TSAN
static atomic_bool enough;

static void *go_on(void *arg)
{
    while (!atomic_load(&enough))
        come_and_go(arg);
    return NULL;
}

/* While another thread is in the middle of a claim, or of making the table
 * larger. */
TEST(a_child_goes_on)
{
    struct llmobs_keyed_table table = small(sizeof(struct record));
    struct work other = {.table = &table, .user = 1};
    struct work mine = {.table = &table, .user = 2};
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, go_on, &other), 0);
    for (int i = 0; i < 20; i++) {
        pid_t child;
        int status;

        claim_one(&mine, EACH);
        child = fork();
        if (child == 0) {
            alarm(60);
            come_and_go(&mine);
            release_one(&mine, EACH);
            _exit(mine.wrong != 0);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        release_one(&mine, EACH);
        usleep(100);
    }
    atomic_store(&enough, true);
    pthread_join(thread, NULL);
    ck_assert_uint_eq(other.wrong, 0);
    ck_assert_uint_eq(mine.wrong, 0);
}
#endif
