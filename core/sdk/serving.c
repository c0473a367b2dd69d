#include "core/sdk/serving.h"

#include <errno.h>

#include "lib/base/clock.h"
#include "core/config/inbound.h"
#include "core/sdk/own_span.h"
#include "core/sdk/thread_state.h"

/* NULL: a request has no span. Constant after init. */
static const char *entry;

void llmobs_serving_init(const char *name)
{
    entry = llmobs_inbound_entry(name);
}

static void serving_begin_span(void)
{
    struct llmobs_own_span_start start = {.kind = LLMOBS_KIND_WORKFLOW,
                                          .name = entry};
    uint64_t number;

    start.since_mono_ns = llmobs_thread_state_unasked();
    if (start.since_mono_ns && !llmobs_own_span_start(&start, &number))
        llmobs_thread_state_set_entry(number);
}

static void serving_leave(void)
{
    uint64_t number = llmobs_thread_state_entry();

    if (number)
        (void)llmobs_own_span_finish(number);
    llmobs_thread_state_leave();
}

static void end_gone(void)
{
    while (llmobs_thread_state_gone())
        serving_leave();
}

void llmobs_serving_settle(void)
{
    end_gone();
    if (entry)
        serving_begin_span();
}

/* False for a request that ends by a call, in a thread that has begun another
 * such request and not ended it: the thread hands its requests to other
 * threads, or serves several in turn. */
static bool serving_is_certain(const struct llmobs_served *served)
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

    end_gone();
    if (llmobs_own_span_is_on() && serving_is_certain(served) &&
        (served->count || entry || llmobs_thread_state_newest()))
        (void)llmobs_thread_state_enter(served,
                                        entry ? llmobs_clock_mono_ns() : 0);
    errno = saved;
}

void llmobs_serving_end(const void *key)
{
    int saved = errno;

    if (llmobs_thread_state_holds(key)) {
        while (llmobs_thread_state_newest() != key)
            serving_leave();
        serving_leave();
    }
    errno = saved;
}
