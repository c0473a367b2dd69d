#include "core/capture/multi_push.h"

#include <errno.h>
#include <stdatomic.h>

#include "lib/base/log.h"
#include "core/capture/adds.h"
#include "core/capture/capture.h"
#include "core/capture/multi_messages.h"

/* The app's functions. A slot is taken once and never given back, for a multi
 * may still call it. */
static _Atomic(curl_push_callback) functions[LLMOBS_MULTI_PUSH_FUNCTIONS_MAX];
static atomic_bool all_blind; /* no memory to tell them apart */

bool llmobs_multi_push_is_blind(CURLM *multi)
{
    return atomic_load(&all_blind) ||
           llmobs_adds_is_blind(llmobs_adds_find(multi));
}

/* libcurl frees a pushed handle that the app refuses without a call of
 * curl_easy_cleanup: its record goes here. */
static void multi_push_settle(const struct llmobs_handle *parent,
                              struct llmobs_handle *pushed, bool taken)
{
    if (taken) {
        llmobs_handle_join(pushed, llmobs_handle_multi(parent));
        llmobs_adds_join(llmobs_handle_multi(pushed), &pushed->member);
        return;
    }
    llmobs_handle_detach(pushed);
    llmobs_handle_release(pushed);
}

static int on_push(curl_push_callback function, CURL *parent, CURL *pushed,
                   size_t count, struct curl_pushheaders *headers, void *user)
{
    struct llmobs_handle *from = llmobs_handle_find(parent);
    struct llmobs_handle *twin = NULL;
    int saved = errno;
    int answer;

    if (from)
        twin = llmobs_capture_twin(from, pushed);
    if (!twin)
        llmobs_multi_messages_stop();
    errno = saved;
    answer = function(parent, pushed, count, headers, user);
    saved = errno;
    if (twin)
        multi_push_settle(from, twin, answer == CURL_PUSH_OK);
    errno = saved;
    return answer;
}

/* -- one of our functions for each of the app's ---------------------------- */

/* PUSHDATA stays the app's own, so it cannot name the function to call: there
 * is a function of its own for each slot. The numbers are octal. */
#define ONE(i)                                                            \
    static int on_push_##i(CURL *parent, CURL *pushed, size_t count,      \
                           struct curl_pushheaders *headers, void *user)  \
    {                                                                     \
        return on_push(atomic_load(&functions[i]), parent, pushed, count, \
                       headers, user);                                    \
    }
#define NAME(i) on_push_##i,
#define EIGHT(X, i) \
    X(i##0) X(i##1) X(i##2) X(i##3) X(i##4) X(i##5) X(i##6) X(i##7)
#define ALL(X) EIGHT(X, 00) EIGHT(X, 01) EIGHT(X, 02) EIGHT(X, 03)

ALL(ONE)

static const curl_push_callback ours[] = {ALL(NAME)};

_Static_assert(sizeof(ours) / sizeof(ours[0]) ==
                   LLMOBS_MULTI_PUSH_FUNCTIONS_MAX,
               "one function for each of the app's");

/* NULL: no slot is left. */
static curl_push_callback stand_in(curl_push_callback function)
{
    for (size_t i = 0; i < LLMOBS_MULTI_PUSH_FUNCTIONS_MAX; i++) {
        curl_push_callback there = NULL;

        if (atomic_compare_exchange_strong(&functions[i], &there, function) ||
            there == function)
            return ours[i];
    }
    return NULL;
}

static void go_blind(CURLM *multi)
{
    if (multi && !llmobs_adds_blind(multi))
        atomic_store(&all_blind, true);
    llmobs_log_once(LLMOBS_LOG_WARN, "push functions",
                    "the program has more than %d server push callbacks: "
                    "calls in a multi handle with another one are not seen",
                    LLMOBS_MULTI_PUSH_FUNCTIONS_MAX);
}

CURLMcode llmobs_multi_push_setopt(const struct llmobs_real *real, CURLM *multi,
                                   void *function)
{
    curl_push_callback mine = NULL;
    int saved = errno;

    if (function)
        mine = stand_in((curl_push_callback)function);
    if (function && !mine)
        go_blind(multi);
    else
        llmobs_adds_see(multi);
    errno = saved;
    return real->multi_setopt(multi, CURLMOPT_PUSHFUNCTION,
                              mine ? (void *)mine : function);
}
