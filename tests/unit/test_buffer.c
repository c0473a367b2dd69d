#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/deliver/buffer.h"
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
    struct llmobs_buffer *b = unit_own(llmobs_buffer_new(1 << 20));
    struct llmobs_item *list;

    ck_assert_ptr_null(llmobs_buffer_take(b));
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(llmobs_buffer_put(b, &make(0, i, 1)->item), 0);
    ck_assert_uint_eq(llmobs_buffer_pending(b), 10);
    list = llmobs_buffer_take(b);
    ck_assert_ptr_null(llmobs_buffer_take(b));
    for (int i = 0; i < 10; i++) {
        struct llmobs_item *next = list->next;

        ck_assert_int_eq(((struct numbered *)list)->number, i);
        ck_assert_uint_eq(llmobs_buffer_pending(b), 10u - (unsigned)i);
        llmobs_buffer_done(b, list);
        free(list);
        list = next;
    }
    ck_assert_ptr_null(list);
    ck_assert_uint_eq(llmobs_buffer_pending(b), 0);
}

TEST(refuses_beyond_the_bytes)
{
    struct llmobs_buffer *b = unit_own(llmobs_buffer_new(100));
    struct numbered *huge = make(0, 0, 1000), *one = make(0, 1, 60);
    struct numbered *two = make(0, 2, 60), *most = make(0, 3, (size_t)-1);
    struct numbered *head = make(0, 4, 0);

    /* Alone it is taken whatever it weighs; nothing fits beside it. */
    ck_assert_int_eq(llmobs_buffer_put(b, &huge->item), 0);
    ck_assert_int_eq(llmobs_buffer_put(b, &one->item), -ENOBUFS);
    ck_assert_ptr_eq(llmobs_buffer_take(b), &huge->item);
    ck_assert_int_eq(llmobs_buffer_put(b, &one->item), -ENOBUFS);
    llmobs_buffer_done(b, &huge->item);
    llmobs_buffer_undone(b, &huge->item);
    ck_assert_int_eq(llmobs_buffer_put(b, &one->item), -ENOBUFS);
    ck_assert_int_eq(llmobs_buffer_put(b, &head->item), 0);
    ck_assert_ptr_eq(llmobs_buffer_take(b), &head->item);
    llmobs_buffer_done(b, &head->item);
    llmobs_buffer_done(b, &huge->item);
    ck_assert_int_eq(llmobs_buffer_put(b, &one->item), 0);
    ck_assert_int_eq(llmobs_buffer_put(b, &two->item), -ENOBUFS);
    ck_assert_int_eq(llmobs_buffer_put(b, &most->item), -ENOBUFS);
    two->item.weight = 40;
    ck_assert_int_eq(llmobs_buffer_put(b, &two->item), 0);
    ck_assert_uint_eq(llmobs_buffer_pending(b), 2);
    ck_assert_ptr_eq(llmobs_buffer_take(b), &one->item);
    ck_assert_ptr_eq(one->item.next, &two->item);
    free(head);
    free(huge);
    free(one);
    free(two);
    free(most);
}

TEST(refuses_beyond_the_items)
{
    struct llmobs_buffer *b = unit_own(llmobs_buffer_new(1 << 30));
    struct numbered *all = calloc(LLMOBS_BUFFER_ITEMS_MAX + 1, sizeof(*all));

    for (int i = 0; i < LLMOBS_BUFFER_ITEMS_MAX; i++)
        ck_assert_int_eq(llmobs_buffer_put(b, &all[i].item), 0);
    ck_assert_int_eq(llmobs_buffer_put(b, &all[LLMOBS_BUFFER_ITEMS_MAX].item),
                     -ENOBUFS);
    ck_assert_uint_eq(llmobs_buffer_pending(b), LLMOBS_BUFFER_ITEMS_MAX);
    llmobs_buffer_take(b);
    ck_assert_int_eq(llmobs_buffer_put(b, &all[LLMOBS_BUFFER_ITEMS_MAX].item),
                     -ENOBUFS);
    llmobs_buffer_done(b, &all[0].item);
    ck_assert_int_eq(llmobs_buffer_put(b, &all[0].item), 0);
    free(all);
}

TEST(a_reset_forgets)
{
    struct llmobs_buffer *b = unit_own(llmobs_buffer_new(100));
    struct numbered *one = make(0, 0, 100);

    llmobs_buffer_put(b, &one->item);
    llmobs_buffer_reset(b);
    ck_assert_uint_eq(llmobs_buffer_pending(b), 0);
    ck_assert_ptr_null(llmobs_buffer_take(b));
    ck_assert_int_eq(llmobs_buffer_put(b, &one->item), 0);
    free(one);
}

static struct llmobs_buffer *shared;
static atomic_int givers_left;

static void *give_many(void *arg)
{
    int giver = *(int *)arg;

    for (int i = 0; i < EACH; i++)
        ck_assert_int_eq(llmobs_buffer_put(shared, &make(giver, i, 1)->item),
                         0);
    atomic_fetch_sub(&givers_left, 1);
    return NULL;
}

/* Every item comes once, and each giver's in its order. */
TEST(threads_lose_nothing)
{
    pthread_t threads[GIVERS];
    int ids[GIVERS], next[GIVERS] = {0}, total = 0;
    bool last = false;

    shared = llmobs_buffer_new(1 << 30);
    atomic_store(&givers_left, GIVERS);
    for (int i = 0; i < GIVERS; i++) {
        ids[i] = i;
        pthread_create(&threads[i], NULL, give_many, &ids[i]);
    }
    for (;;) {
        struct llmobs_item *list = llmobs_buffer_take(shared);

        for (struct llmobs_item *after; list; list = after) {
            struct numbered *one = (struct numbered *)list;

            after = list->next;
            ck_assert_int_eq(one->number, next[one->giver]++);
            total++;
            llmobs_buffer_done(shared, list);
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
    ck_assert_uint_eq(llmobs_buffer_pending(shared), 0);
    free(shared);
}
