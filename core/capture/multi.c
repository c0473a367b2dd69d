#include "core/capture/multi.h"

#include <errno.h>
#include <stdatomic.h>

#include "lib/base/log.h"
#include "lib/base/stack.h"
#include "core/capture/adds.h"
#include "core/capture/callbacks.h"
#include "core/capture/capture.h"
#include "core/capture/global.h"
#include "core/capture/command.h"
#include "core/capture/multi_messages.h"

/* -- handles that a server pushes ------------------------------------------ */

/* The app's functions. A slot is taken once and never given back, for a multi
 * may still call it. */
static _Atomic(curl_push_callback) functions[LLMOBS_PUSH_FUNCTIONS_MAX];
static atomic_bool all_blind; /* no memory to tell them apart */

/* True when a handle pushed to this multi may inherit our callbacks, unseen. */
static bool is_blind(CURLM *multi)
{
    return atomic_load(&all_blind) ||
           llmobs_adds_is_blind(llmobs_adds_find(multi));
}

/* libcurl frees a pushed handle that the app refuses without a call of
 * curl_easy_cleanup: its record goes here. */
static void end_push(const struct llmobs_handle *parent,
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
        end_push(from, twin, answer == CURL_PUSH_OK);
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

_Static_assert(sizeof(ours) / sizeof(ours[0]) == LLMOBS_PUSH_FUNCTIONS_MAX,
               "one function for each of the app's");

/* NULL: no slot is left. */
static curl_push_callback stand_in(curl_push_callback function)
{
    for (size_t i = 0; i < LLMOBS_PUSH_FUNCTIONS_MAX; i++) {
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
                    LLMOBS_PUSH_FUNCTIONS_MAX);
}

CURLMcode llmobs_ops_multi_setopt(const struct llmobs_real *real, CURLM *multi,
                                  CURLMoption option, void *arg)
{
    curl_push_callback mine = NULL;
    int saved = errno;

    if (option != CURLMOPT_PUSHFUNCTION)
        return real->multi_setopt(multi, option, arg);
    if (arg)
        mine = stand_in((curl_push_callback)arg);
    if (arg && !mine)
        go_blind(multi);
    else
        llmobs_adds_see(multi);
    errno = saved;
    return real->multi_setopt(multi, option, mine ? (void *)mine : arg);
}

/* -- a handle comes -------------------------------------------------------- */

/* The transfer will not be observed: undoes what a drive within a drive has
 * begun. */
static void withdraw(struct llmobs_handle *handle, CURL *curl)
{
    llmobs_adds_part(&handle->member);
    llmobs_capture_cancel(handle, curl);
    llmobs_handle_join(handle, NULL);
}

/* While libcurl adds a handle it may call the app's timer callback, which may
 * drive the multi. */
static CURLMcode multi_add(const struct llmobs_real *real, CURLM *multi,
                           struct llmobs_handle *handle, CURL *curl)
{
    bool listed;
    CURLMcode rc;
    int saved;

    llmobs_command_transfer(handle);
    llmobs_capture_take(handle);
    llmobs_handle_join(handle, multi);
    listed = llmobs_adds_push(multi, &handle->member);
    rc = real->multi_add_handle(multi, curl);
    saved = errno;
    if (rc != CURLM_OK)
        withdraw(handle, curl);
    else if (!listed)
        llmobs_capture_lose(handle);
    else if (llmobs_adds_driven(multi) && llmobs_adds_remove(&handle->member)) {
        /* A callback that called libcurl meanwhile has set its own address. */
        handle->called_from = LLMOBS_STACK_ENTRY();
        (void)llmobs_capture_start(handle, curl);
    }
    errno = saved;
    return rc;
}

CURLMcode llmobs_ops_multi_add_handle(const struct llmobs_real *real,
                                      CURLM *multi, CURL *curl)
{
    struct llmobs_handle *handle = llmobs_handle_find(curl);

    if (!handle)
        handle = llmobs_capture_unseen_handle(real, curl);
    /* Its end may go unseen as well. */
    if (handle && handle->app.unseen)
        llmobs_multi_messages_stop();
    if (handle)
        llmobs_callbacks_leave_behind(handle, curl);
    if (!handle || llmobs_handle_multi(handle) || handle->in ||
        handle->in_perform)
        return real->multi_add_handle(multi, curl);
    if (is_blind(multi)) {
        llmobs_handle_forget_list(handle);
        return real->multi_add_handle(multi, curl);
    }
    handle->called_from = LLMOBS_STACK_ENTRY();
    return multi_add(real, multi, handle, curl);
}

/* -- driving --------------------------------------------------------------- */

/* True within a callback, where libcurl refuses to drive the multi: there it
 * also refuses to give the timeout. */
static bool multi_refuses(const struct llmobs_real *real, CURLM *multi)
{
    long ms;

    return real->multi_timeout && real->multi_timeout(multi, &ms) != CURLM_OK;
}

static void start_added(const struct llmobs_real *real, CURLM *multi,
                        struct llmobs_adds *adds, uintptr_t entry)
{
    struct llmobs_member *member;
    int saved = errno;

    if (multi_refuses(real, multi))
        return;
    while ((member = llmobs_adds_pop(adds)) != NULL) {
        struct llmobs_handle *handle = llmobs_handle_of(member);
        CURL *curl = llmobs_keyed_key(&handle->keyed);

        handle->called_from = entry;
        if (!is_blind(multi))
            (void)llmobs_capture_start(handle, curl);
        else
            withdraw(handle, curl);
    }
    errno = saved;
}

static struct llmobs_adds *multi_enter(const struct llmobs_real *real,
                                       CURLM *multi, uintptr_t entry)
{
    struct llmobs_adds *adds = llmobs_adds_find(multi);

    if (!adds)
        return NULL;
    if (llmobs_adds_any(adds))
        start_added(real, multi, adds, entry);
    llmobs_adds_enter(adds, entry);
    return adds;
}

/* -- ends ------------------------------------------------------------------ */

struct llmobs_ending llmobs_ops_multi_ending(const struct llmobs_handle *handle,
                                             CURL *curl)
{
    struct llmobs_ending ending = {LLMOBS_END_REMOVED, CURLE_OK};
    CURLM *multi = llmobs_handle_multi(handle);
    int saved = errno;

    if (multi && handle->step == LLMOBS_STEP_CALL &&
        llmobs_multi_messages_result(handle->real, multi, curl, &ending.code))
        ending.end = LLMOBS_END_DONE;
    errno = saved;
    return ending;
}

static void multi_leave(struct llmobs_handle *handle, CURL *curl,
                        const struct llmobs_ending *ending)
{
    int saved = errno;

    llmobs_adds_part(&handle->member);
    llmobs_callbacks_swap_out(handle, curl);
    llmobs_capture_finish(handle, ending->end, ending->code);
    llmobs_handle_join(handle, NULL);
    errno = saved;
}

CURLMcode llmobs_ops_multi_remove_handle(const struct llmobs_real *real,
                                         CURLM *multi, CURL *curl)
{
    struct llmobs_handle *handle = llmobs_handle_find(curl);
    struct llmobs_ending ending;
    CURLMcode rc;

    if (handle && llmobs_handle_multi(handle) != multi)
        handle = NULL;
    if (handle) {
        llmobs_capture_measure(handle, curl);
        ending = llmobs_ops_multi_ending(handle, curl);
    }
    rc = real->multi_remove_handle(multi, curl);
    if (rc != CURLM_OK)
        return rc;
    llmobs_multi_messages_forget(multi, curl);
    if (handle)
        multi_leave(handle, curl, &ending);
    return rc;
}

/* True where the library did not see the handle being added to a multi. False
 * in easy_perform, whose multi libcurl makes itself (a wrapper may show it). */
static bool multi_is_late(const struct llmobs_handle *handle)
{
    return !handle || (handle->step != LLMOBS_STEP_CALL &&
                       !handle->in_perform && !llmobs_handle_multi(handle));
}

CURLMsg *llmobs_ops_multi_info_read(const struct llmobs_real *real,
                                    CURLM *multi, int *left)
{
    CURLMsg *message = llmobs_multi_messages_read(real, multi, left);
    struct llmobs_handle *handle;
    int saved = errno;

    if (!message || message->msg != CURLMSG_DONE)
        return message;
    handle = llmobs_handle_find(message->easy_handle);
    if (multi_is_late(handle) && !is_blind(multi)) {
        if (!handle)
            handle = llmobs_capture_unseen_handle(real, message->easy_handle);
        if (handle && real->easy_getinfo)
            llmobs_capture_late(handle, multi, message->easy_handle,
                                message->data.result);
    } else if (handle) {
        llmobs_capture_measure(handle, message->easy_handle);
        llmobs_callbacks_swap_out(handle, message->easy_handle);
        llmobs_capture_finish(handle, LLMOBS_END_DONE, message->data.result);
    }
    errno = saved;
    return message;
}

struct going {
    CURLM *multi;
    struct llmobs_adds *adds; /* NULL: none */
};

/* A new multi may have the address of the one that libcurl has freed. */
static bool goes(const struct llmobs_handle *handle, const struct going *going)
{
    struct llmobs_adds *adds = atomic_load(&handle->member.adds);

    return (!adds || adds == going->adds) &&
           llmobs_handle_multi(handle) == going->multi;
}

/* Transfers that are done end now, while the multi still has its messages. */
static void end_done(struct llmobs_handle *handle, void *ctx)
{
    CURL *curl = llmobs_keyed_key(&handle->keyed);
    struct llmobs_ending ending;

    if (!goes(handle, ctx))
        return;
    llmobs_capture_measure(handle, curl);
    ending = llmobs_ops_multi_ending(handle, curl);
    if (ending.end != LLMOBS_END_DONE)
        return;
    llmobs_callbacks_swap_out(handle, curl);
    llmobs_capture_finish(handle, ending.end, ending.code);
}

static void multi_end_rest(struct llmobs_handle *handle, void *ctx)
{
    static const struct llmobs_ending removed = {LLMOBS_END_REMOVED, CURLE_OK};

    if (goes(handle, ctx))
        multi_leave(handle, llmobs_keyed_key(&handle->keyed), &removed);
}

/* Most programs have removed all handles before. */
static void end_each(const struct going *going,
                     void (*end)(struct llmobs_handle *, void *))
{
    if (!going->adds || llmobs_adds_members(going->adds) > 0)
        llmobs_handle_each(end, (void *)going);
}

CURLMcode llmobs_ops_multi_cleanup(const struct llmobs_real *real, CURLM *multi)
{
    struct going going = {multi, NULL};
    struct llmobs_news *news;
    CURLMcode rc;
    int saved = errno;

    if (!multi)
        return real->multi_cleanup(multi);
    going.adds = llmobs_adds_find(multi);
    end_each(&going, end_done);
    llmobs_adds_detach(going.adds);
    news = llmobs_multi_messages_detach(multi);
    errno = saved;
    rc = real->multi_cleanup(multi);
    /* libcurl refuses a cleanup within a callback of the multi. */
    if (rc != CURLM_OK && going.adds)
        llmobs_adds_attach(going.adds, multi);
    if (rc != CURLM_OK) {
        llmobs_multi_messages_attach(news, multi);
        return rc;
    }
    saved = errno;
    llmobs_multi_messages_forget_all(news);
    end_each(&going, multi_end_rest);
    if (going.adds)
        llmobs_adds_release(going.adds);
    errno = saved;
    return rc;
}

/* -- driving, and what is done then ---------------------------------------- */

/* `running`: what libcurl has written, if `rc` is CURLM_OK. Where no transfer
 * is under way any more, all calls end here: the program may exit, by _exit or
 * a signal, before it reads their messages. */
static CURLMcode multi_left(struct llmobs_adds *adds, CURLM *multi,
                            CURLMcode rc, const int *running)
{
    struct going going = {multi, adds};
    int saved = errno;

    if (!adds)
        return rc;
    llmobs_adds_leave(adds);
    if (rc == CURLM_OK && running && *running == 0 && llmobs_adds_over(adds))
        end_each(&going, end_done);
    errno = saved;
    return rc;
}

CURLMcode llmobs_ops_multi_perform(const struct llmobs_real *real, CURLM *multi,
                                   int *running)
{
    struct llmobs_adds *adds = multi_enter(real, multi, LLMOBS_STACK_ENTRY());

    return multi_left(adds, multi, real->multi_perform(multi, running),
                      running);
}

CURLMcode llmobs_ops_multi_socket(const struct llmobs_real *real, CURLM *multi,
                                  curl_socket_t socket, int *running)
{
    struct llmobs_adds *adds = multi_enter(real, multi, LLMOBS_STACK_ENTRY());

    return multi_left(adds, multi, real->multi_socket(multi, socket, running),
                      running);
}

CURLMcode llmobs_ops_multi_socket_action(const struct llmobs_real *real,
                                         CURLM *multi, curl_socket_t socket,
                                         int events, int *running)
{
    struct llmobs_adds *adds = multi_enter(real, multi, LLMOBS_STACK_ENTRY());

    return multi_left(adds, multi,
                      real->multi_socket_action(multi, socket, events, running),
                      running);
}

CURLMcode llmobs_ops_multi_socket_all(const struct llmobs_real *real,
                                      CURLM *multi, int *running)
{
    struct llmobs_adds *adds = multi_enter(real, multi, LLMOBS_STACK_ENTRY());

    return multi_left(adds, multi, real->multi_socket_all(multi, running),
                      running);
}
