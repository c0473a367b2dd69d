/* Tests the queue of submitted calls. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/deliver/queue.h"
#include "tests/unit/unit.h"

#define GIVERS 4
#define EACH 5000

struct numbered {
    struct llmobs_item item;
    int giver;
    int number;
};

static struct numbered *make(int giver, int number, size_t weight)
{
    struct numbered *one = calloc(1, sizeof(*one));

    one->giver = giver;
    one->number = number;
    one->item.weight = weight;
    return one;
}

TEST(keeps_the_order)
{
    struct llmobs_queue *q = unit_own(llmobs_queue_new(1 << 20));
    struct llmobs_item *item;

    ck_assert_ptr_null(llmobs_queue_take(q));
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(llmobs_queue_put(q, &make(0, i, 1)->item), 0);
    for (int i = 0; i < 20; i++) {
        ck_assert_uint_eq(llmobs_queue_pending(q),
                          i < 10 ? 10u : 20u - (unsigned)i);
        item = llmobs_queue_take(q);
        ck_assert_int_eq(((struct numbered *)item)->number, i);
        /* Put back, it is the oldest again; a newer one comes last. */
        llmobs_queue_put_back(q, item);
        ck_assert_ptr_eq(llmobs_queue_take(q), item);
        if (i < 10)
            ck_assert_int_eq(llmobs_queue_put(q, &make(0, 10 + i, 1)->item), 0);
        free(item);
    }
    ck_assert_ptr_null(llmobs_queue_take(q));
    ck_assert_uint_eq(llmobs_queue_pending(q), 0);
}

TEST(refuses_beyond_the_bytes)
{
    struct llmobs_queue *q = unit_own(llmobs_queue_new(100));
    struct numbered *huge = make(0, 0, 1000), *one = make(0, 1, 60);
    struct numbered *two = make(0, 2, 60), *most = make(0, 3, (size_t)-1);
    struct numbered *head = make(0, 4, 0);

    /* Alone it is taken whatever it weighs; nothing fits beside it. */
    ck_assert_int_eq(llmobs_queue_put(q, &huge->item), 0);
    ck_assert_int_eq(llmobs_queue_put(q, &one->item), -ENOBUFS);
    ck_assert_ptr_eq(llmobs_queue_take(q), &huge->item);
    llmobs_queue_put_back(q, &huge->item);
    ck_assert_int_eq(llmobs_queue_put(q, &one->item), -ENOBUFS);
    ck_assert_int_eq(llmobs_queue_put(q, &head->item), 0);
    ck_assert_ptr_eq(llmobs_queue_take(q), &huge->item);
    ck_assert_ptr_eq(llmobs_queue_take(q), &head->item);
    ck_assert_int_eq(llmobs_queue_put(q, &one->item), 0);
    ck_assert_int_eq(llmobs_queue_put(q, &two->item), -ENOBUFS);
    ck_assert_int_eq(llmobs_queue_put(q, &most->item), -ENOBUFS);
    two->item.weight = 40;
    ck_assert_int_eq(llmobs_queue_put(q, &two->item), 0);
    ck_assert_uint_eq(llmobs_queue_pending(q), 2);
    ck_assert_ptr_eq(llmobs_queue_take(q), &one->item);
    ck_assert_ptr_eq(llmobs_queue_take(q), &two->item);
    free(head);
    free(huge);
    free(one);
    free(two);
    free(most);
}

TEST(refuses_beyond_the_items)
{
    struct llmobs_queue *q = unit_own(llmobs_queue_new(1 << 30));
    struct numbered *all = calloc(LLMOBS_QUEUE_ITEMS_MAX + 1, sizeof(*all));
    struct numbered *more = &all[LLMOBS_QUEUE_ITEMS_MAX];

    for (int i = 0; i < LLMOBS_QUEUE_ITEMS_MAX; i++)
        ck_assert_int_eq(llmobs_queue_put(q, &all[i].item), 0);
    ck_assert_int_eq(llmobs_queue_put(q, &more->item), -ENOBUFS);
    ck_assert_uint_eq(llmobs_queue_pending(q), LLMOBS_QUEUE_ITEMS_MAX);
    ck_assert_ptr_eq(llmobs_queue_take(q), &all[0].item);
    ck_assert_int_eq(llmobs_queue_put(q, &more->item), 0);
    ck_assert_int_eq(llmobs_queue_put(q, &all[0].item), -ENOBUFS);
    free(all);
}

/* Heads that wait count neither as items nor as bytes. */
TEST(heads_wait_behind_all)
{
    struct llmobs_queue *q = unit_own(llmobs_queue_new(100));
    struct numbered *item = make(0, 0, 100), *heads[3];

    ck_assert_ptr_null(llmobs_queue_first_waiting(q));
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < 3; i++) {
            heads[i] = make(0, i, 0);
            ck_assert_int_eq(llmobs_queue_wait(q, &heads[i]->item), 0);
        }
        ck_assert_uint_eq(llmobs_queue_pending(q), 0);
        ck_assert_int_eq(llmobs_queue_put(q, &item->item), 0);
        ck_assert_ptr_eq(llmobs_queue_take(q), &item->item);
        ck_assert_ptr_null(llmobs_queue_take(q));
        for (int i = 0; i < 3; i++) {
            ck_assert_ptr_eq(llmobs_queue_first_waiting(q), &heads[i]->item);
            ck_assert_ptr_eq(llmobs_queue_take_waiting(q), &heads[i]->item);
            free(heads[i]);
        }
        ck_assert_ptr_null(llmobs_queue_first_waiting(q));
    }
    free(item);
}

TEST(a_reset_forgets)
{
    struct llmobs_queue *q = unit_own(llmobs_queue_new(100));
    struct numbered *one = make(0, 0, 100), *two = make(0, 1, 0);

    llmobs_queue_put(q, &one->item);
    llmobs_queue_put(q, &two->item);
    ck_assert_ptr_eq(llmobs_queue_take(q), &one->item);
    ck_assert_int_eq(llmobs_queue_wait(q, &one->item), 0);
    llmobs_queue_reset(q);
    ck_assert_uint_eq(llmobs_queue_pending(q), 0);
    ck_assert_ptr_null(llmobs_queue_take(q));
    ck_assert_ptr_null(llmobs_queue_first_waiting(q));
    ck_assert_int_eq(llmobs_queue_put(q, &one->item), 0);
    free(one);
    free(two);
}

static struct llmobs_queue *shared;
static atomic_int givers_left;

static void *give_many(void *arg)
{
    int giver = *(int *)arg;

    for (int i = 0; i < EACH; i++)
        ck_assert_int_eq(llmobs_queue_put(shared, &make(giver, i, 1)->item), 0);
    atomic_fetch_sub(&givers_left, 1);
    return NULL;
}

/* Every item comes once, and each giver's in its order. */
TEST(threads_lose_nothing)
{
    pthread_t threads[GIVERS];
    int ids[GIVERS], next[GIVERS] = {0}, total = 0;
    bool last = false;

    shared = llmobs_queue_new(1 << 30);
    atomic_store(&givers_left, GIVERS);
    for (int i = 0; i < GIVERS; i++) {
        ids[i] = i;
        pthread_create(&threads[i], NULL, give_many, &ids[i]);
    }
    for (;;) {
        struct llmobs_item *item;

        while ((item = llmobs_queue_take(shared))) {
            struct numbered *one = (struct numbered *)item;

            ck_assert_int_eq(one->number, next[one->giver]++);
            total++;
            free(one);
        }
        if (last)
            break;
        last = atomic_load(&givers_left) == 0;
        sched_yield();
    }
    for (int i = 0; i < GIVERS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(total, GIVERS * EACH);
    ck_assert_uint_eq(llmobs_queue_pending(shared), 0);
    free(shared);
}
