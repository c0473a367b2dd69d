#include "core/sdk/serving.h"

#include <errno.h>

#include "core/base/scratch.h"
#include "core/sdk/own_span.h"
#include "core/sdk/thread_state.h"

static void leave(void)
{
    (void)llmobs_thread_state_leave();
}

void llmobs_serving_settle(void)
{
    while (llmobs_thread_state_gone())
        leave();
}

static int activate(const struct llmobs_served *served)
{
    struct llmobs_header *list =
        llmobs_scratch_take((served->count + 1) * sizeof(*list));
    int rc;

    if (!list)
        return -ENOMEM;
    for (size_t i = 0; i < served->count; i++) {
        const struct llmobs_served_header *one = &served->headers[i];

        list[i] = (struct llmobs_header){(char *)(uintptr_t)one->name,
                                         (char *)(uintptr_t)one->value};
    }
    rc = llmobs_own_span_activate(list, served->count);
    llmobs_scratch_give(list);
    return rc;
}

/* False for a request that ends by a call, in a thread that has begun another
 * one of that kind and not ended it: it hands its requests to other threads, or
 * serves several in turn. */
static bool is_certain(const struct llmobs_served *served)
{
    const void *before = llmobs_thread_state_apart();

    if (served->mark)
        return true;
    if (before) {
        llmobs_serving_end(before);
        llmobs_thread_state_doubt();
    }
    return !llmobs_thread_state_doubtful();
}

void llmobs_serving_begin(const struct llmobs_served *served)
{
    int saved = errno;

    llmobs_serving_settle();
    if (llmobs_own_span_is_on() && is_certain(served) &&
        (served->count || llmobs_thread_state_newest()) &&
        llmobs_thread_state_enter(served->key, served->mark) == 0)
        (void)activate(served);
    errno = saved;
}

void llmobs_serving_end(const void *key)
{
    int saved = errno;

    if (llmobs_thread_state_holds(key)) {
        while (llmobs_thread_state_newest() != key)
            leave();
        leave();
    }
    errno = saved;
}
