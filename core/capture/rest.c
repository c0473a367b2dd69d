#include "core/capture/rest.h"

#include <errno.h>

#include "lib/base/clock.h"
#include "lib/base/filter.h"
#include "lib/base/fork.h"
#include "lib/base/log.h"
#include "lib/base/thread.h"
#include "core/deliver/worker.h"
#include "core/export/curl_access.h"

static struct llmobs_worker *worker;

void llmobs_rest_init(struct llmobs_worker *the_worker)
{
    worker = the_worker;
    llmobs_fork_record_load_pid();
}

/* The filter also applies to a thread of the library that has not ended. */
static bool prepare_for_sandbox(const void *filter)
{
    bool hinders = filter && llmobs_filter_hinders(filter);

    llmobs_worker_hurry(worker, LLMOBS_HURRY_MS);
    if (llmobs_thread_rest(LLMOBS_REST_MS, LLMOBS_THREAD_REST_ALL) != 0 &&
        hinders)
        (void)llmobs_rest_longer();
    llmobs_worker_hold_spool(worker);
    if (hinders)
        llmobs_log(LLMOBS_LOG_WARN,
                   "the program takes on a filter that forbids calls of the "
                   "system which this library needs: no call after it is seen");
    return hinders;
}

enum llmobs_rest llmobs_rest_begin(enum llmobs_confined how, const void *filter)
{
    enum llmobs_rest said = LLMOBS_REST_HERE;
    int saved = errno;

    if (llmobs_filter_still() || llmobs_fork_shares_since_load())
        said = LLMOBS_REST_NOT;
    else if (how == LLMOBS_CONFINED_NOT)
        (void)llmobs_thread_rest(LLMOBS_REST_MS, LLMOBS_THREAD_REST_ONCE);
    else if (prepare_for_sandbox(filter))
        said = LLMOBS_REST_HINDERED;
    errno = saved;
    return said;
}

bool llmobs_rest_longer(void)
{
    int saved = errno;
    bool alone;

    llmobs_curl_access_deadline(llmobs_clock_mono_ns());
    alone = llmobs_thread_rest(LLMOBS_REST_MS, LLMOBS_THREAD_REST_AGAIN) == 0;
    llmobs_thread_rest_end();
    llmobs_curl_access_deadline(INT64_MAX);
    errno = saved;
    return alone;
}

void llmobs_rest_leaves(void)
{
    int saved = errno;

    if (!llmobs_filter_still() && !llmobs_fork_shares_since_load())
        llmobs_thread_leaves();
    errno = saved;
}

void llmobs_rest_end(enum llmobs_confined how)
{
    int saved = errno;

    if (how == LLMOBS_CONFINED_STILL)
        llmobs_filter_be_still();
    llmobs_thread_rest_end();
    llmobs_worker_rested(worker, how != LLMOBS_CONFINED_NOT);
    errno = saved;
}
