#include "core/sdk/serving.h"

#include <errno.h>

#include "core/sdk/own_span.h"
#include "core/sdk/thread_state.h"

void llmobs_serving_settle(void)
{
    while (llmobs_thread_state_gone())
        llmobs_thread_state_leave();
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
        (served->count || llmobs_thread_state_newest()))
        (void)llmobs_thread_state_enter(served);
    errno = saved;
}

void llmobs_serving_end(const void *key)
{
    int saved = errno;

    if (llmobs_thread_state_holds(key)) {
        while (llmobs_thread_state_newest() != key)
            llmobs_thread_state_leave();
        llmobs_thread_state_leave();
    }
    errno = saved;
}
