#include "core/adds.h"

#include <stdlib.h>

#include "core/cold.h"

struct llmobs_adds {
    _Atomic(CURLM *) multi; /* NULL: free to be recycled */
    struct llmobs_adds *next;
    struct llmobs_handle *first, *last;
    unsigned drives; /* on the stack of the thread */
};

LLMOBS_COLD static _Atomic(struct llmobs_adds *) buckets[LLMOBS_ADDS_BUCKETS];

static _Atomic(struct llmobs_adds *) *bucket_of(const CURLM *multi)
{
    uint64_t hash = (uint64_t)(uintptr_t)multi * UINT64_C(0x9E3779B97F4A7C15);

    return &buckets[hash >> 56];
}

struct llmobs_adds *llmobs_adds_find(CURLM *multi)
{
    struct llmobs_adds *adds;

    if (!multi)
        return NULL;
    adds = atomic_load_explicit(bucket_of(multi), memory_order_acquire);
    while (adds &&
           atomic_load_explicit(&adds->multi, memory_order_acquire) != multi)
        adds = adds->next;
    return adds;
}

/* Only a free record is ever written here, and its key is the claim. */
static struct llmobs_adds *recycle(CURLM *multi)
{
    struct llmobs_adds *adds =
        atomic_load_explicit(bucket_of(multi), memory_order_acquire);

    for (; adds; adds = adds->next) {
        CURLM *none = NULL;

        if (atomic_compare_exchange_strong(&adds->multi, &none, multi))
            return adds;
    }
    return NULL;
}

static struct llmobs_adds *make(CURLM *multi)
{
    struct llmobs_adds *adds = calloc(1, sizeof(*adds));
    _Atomic(struct llmobs_adds *) *bucket = bucket_of(multi);

    if (!adds)
        return NULL;
    atomic_init(&adds->multi, multi);
    adds->next = atomic_load_explicit(bucket, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(
        bucket, &adds->next, adds, memory_order_release, memory_order_relaxed))
        ;
    return adds;
}

bool llmobs_adds_push(CURLM *multi, struct llmobs_handle *handle)
{
    struct llmobs_adds *adds = llmobs_adds_find(multi);

    if (!adds && multi)
        adds = recycle(multi);
    if (!adds && multi)
        adds = make(multi);
    if (!adds)
        return false;
    handle->added = true;
    handle->added_next = NULL;
    handle->added_before = adds->last;
    if (adds->last)
        adds->last->added_next = handle;
    else
        adds->first = handle;
    adds->last = handle;
    return true;
}

static struct llmobs_handle *take(struct llmobs_adds *adds,
                                  struct llmobs_handle *handle)
{
    if (handle->added_before)
        handle->added_before->added_next = handle->added_next;
    else
        adds->first = handle->added_next;
    if (handle->added_next)
        handle->added_next->added_before = handle->added_before;
    else
        adds->last = handle->added_before;
    handle->added = false;
    handle->added_next = handle->added_before = NULL;
    return handle;
}

bool llmobs_adds_any(const struct llmobs_adds *adds)
{
    return adds->first != NULL;
}

struct llmobs_handle *llmobs_adds_pop(struct llmobs_adds *adds)
{
    return adds->first ? take(adds, adds->first) : NULL;
}

bool llmobs_adds_remove(CURLM *multi, struct llmobs_handle *handle)
{
    struct llmobs_adds *adds = handle->added ? llmobs_adds_find(multi) : NULL;

    return adds && take(adds, handle);
}

struct llmobs_adds *llmobs_adds_detach(CURLM *multi)
{
    struct llmobs_adds *adds = llmobs_adds_find(multi);

    /* A key that no multi can have: not findable, not recyclable. */
    if (adds)
        llmobs_adds_attach(adds, (CURLM *)adds);
    return adds;
}

void llmobs_adds_attach(struct llmobs_adds *adds, CURLM *multi)
{
    atomic_store_explicit(&adds->multi, multi, memory_order_release);
}

void llmobs_adds_release(struct llmobs_adds *adds)
{
    while (llmobs_adds_pop(adds))
        ;
    adds->drives = 0;
    llmobs_adds_attach(adds, NULL);
}

void llmobs_adds_enter(struct llmobs_adds *adds)
{
    adds->drives++;
}

void llmobs_adds_leave(struct llmobs_adds *adds)
{
    if (adds->drives > 0)
        adds->drives--;
}

bool llmobs_adds_driven(CURLM *multi)
{
    struct llmobs_adds *adds = llmobs_adds_find(multi);

    return adds && adds->drives > 0;
}
