/* Notes in which SSL's function each thread is. */
#include "shim/tls_now.h"

#include <stdint.h>

#define PLACES 64

bool llmobs_tls_now_watched;

static struct place {
    const void *thread; /* NULL: free */
    const void *ssl;    /* the thread's */
} places[PLACES];

/* The thread's place, if it has it, or can take it; NULL: another has. */
static struct place *find(bool take)
{
    void *thread = __builtin_thread_pointer();
    struct place *one =
        &places[(uintptr_t)thread * UINT64_C(0x9E3779B97F4A7C15) >> 58];
    const void *owner = __atomic_load_n(&one->thread, __ATOMIC_ACQUIRE);

    if (owner == thread ||
        (take && !owner &&
         __atomic_compare_exchange_n(&one->thread, &owner, thread, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)))
        return one;
    return NULL;
}

void llmobs_tls_now_watch(void)
{
    __atomic_store_n(&llmobs_tls_now_watched, true, __ATOMIC_RELAXED);
}

const void *llmobs_tls_now_note(const void *ssl)
{
    struct place *mine = find(ssl != NULL);
    const void *outer = mine ? mine->ssl : NULL;

    if (mine)
        mine->ssl = ssl;
    if (mine && !ssl)
        __atomic_store_n(&mine->thread, NULL, __ATOMIC_RELEASE);
    return outer;
}

const void *llmobs_tls_now(void)
{
    const struct place *mine = find(false);

    return mine ? mine->ssl : NULL;
}
