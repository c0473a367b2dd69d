/* Keeps copies of events until the connection's thread takes them. */
#include "core/capture/left.h"

#include <stdlib.h>
#include <string.h>

#define LEFT_MAX ((size_t)64 * 1024)

bool llmobs_left_append(struct llmobs_left *left,
                        const struct llmobs_wire_event *event)
{
    const struct llmobs_told *told = llmobs_thread_state_told(false);
    size_t size = event->bytes ? event->number : 0;
    struct llmobs_left_event *one =
        atomic_fetch_add(&left->size, size) + size <= LEFT_MAX
            ? malloc(sizeof(*one) + size)
            : NULL;

    if (!one) {
        atomic_fetch_sub(&left->size, size);
        return false;
    }
    one->event = *event;
    one->event.insertions = NULL;
    one->told = told ? *told : (struct llmobs_told){.key = 0};
    one->event.fd = -1; /* which may be another's by then */
    if (event->bytes)
        one->event.bytes = memcpy(one->bytes, event->bytes, size);
    one->next = atomic_load(&left->newest);
    while (!atomic_compare_exchange_weak(&left->newest, &one->next, one))
        ;
    return true;
}

struct llmobs_left_event *llmobs_left_claim(struct llmobs_left *left)
{
    struct llmobs_left_event *newest = atomic_exchange(&left->newest, NULL);
    struct llmobs_left_event *oldest = NULL;

    for (struct llmobs_left_event *next; newest; newest = next) {
        next = newest->next;
        newest->next = oldest;
        oldest = newest;
    }
    return oldest;
}

struct llmobs_left_event *llmobs_left_free(struct llmobs_left *left,
                                           struct llmobs_left_event *one)
{
    struct llmobs_left_event *next = one->next;
    size_t size = one->event.bytes ? one->event.number : 0;

    explicit_bzero(one->bytes, size);
    free(one);
    atomic_fetch_sub(&left->size, size);
    return next;
}
