/* Handles the curl_multi_* functions that the shim hooks. */
#include "core/capture/multi.h"

#include <errno.h>
#include <stdatomic.h>

#include "lib/base/log.h"
#include "lib/base/stack.h"
#include "core/capture/multi_members.h"
#include "core/capture/callbacks.h"
#include "core/capture/capture.h"
#include "core/capture/command.h"
#include "core/capture/multi_messages.h"
#include "core/capture/outgoing.h"

/* -- handles that a server pushes ------------------------------------------ */

/* The app's functions. A slot is claimed once and never freed, because a multi
 * may still call it. */
static _Atomic(curl_push_callback) functions[LLMOBS_PUSH_FUNCTIONS_MAX];
static atomic_bool all_blind; /* no memory to say which are */

/* True when a handle pushed to this multi may inherit our callbacks, unseen. */
static bool is_blind(CURLM *multi)
{
    return atomic_load(&all_blind) ||
           llmobs_members_is_blind(llmobs_members_find(multi));
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
    if (twin && answer == CURL_PUSH_OK) {
        CURLM *multi = llmobs_handle_multi(from);

        llmobs_handle_join(twin, multi);
        llmobs_members_join(multi, &twin->member);
    } else if (twin) {
        /* libcurl frees a handle that the app refuses without a call of
         * curl_easy_cleanup. */
        llmobs_handle_detach(twin);
        llmobs_handle_release(twin);
    }
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

static const curl_push_callback stand_ins[] = {ALL(NAME)};

_Static_assert(sizeof(stand_ins) / sizeof(stand_ins[0]) ==
                   LLMOBS_PUSH_FUNCTIONS_MAX,
               "one function for each of the app's");

CURLMcode llmobs_ops_multi_setopt(const struct llmobs_real *real, CURLM *multi,
                                  CURLMoption option, void *arg)
{
    curl_push_callback mine = NULL;
    int saved = errno;

    if (option != CURLMOPT_PUSHFUNCTION)
        return real->multi_setopt(multi, option, arg);
    for (size_t i = 0; arg && !mine && i < LLMOBS_PUSH_FUNCTIONS_MAX; i++) {
        curl_push_callback there = NULL, function = (curl_push_callback)arg;

        if (atomic_compare_exchange_strong(&functions[i], &there, function) ||
            there == function)
            mine = stand_ins[i];
    }
    if (arg && !mine) {
        if (multi && !llmobs_members_blind(multi))
            atomic_store(&all_blind, true);
        llmobs_log_once(LLMOBS_LOG_WARN, "push functions",
                        "the program has more than %d server push callbacks: "
                        "calls in a multi handle with another one are not seen",
                        LLMOBS_PUSH_FUNCTIONS_MAX);
    } else
        llmobs_members_unblind(multi);
    errno = saved;
    return real->multi_setopt(multi, option, mine ? (void *)mine : arg);
}

/* -- a handle comes -------------------------------------------------------- */

/* The transfer will not be observed: undoes what a drive within a drive has
 * begun. */
static void withdraw(struct llmobs_handle *handle, CURL *curl)
{
    llmobs_members_remove(&handle->member);
    llmobs_capture_cancel(handle, curl);
    llmobs_handle_join(handle, NULL);
}

CURLMcode llmobs_ops_multi_add_handle(const struct llmobs_real *real,
                                      CURLM *multi, CURL *curl)
{
    struct llmobs_handle *handle = llmobs_handle_find(curl);
    bool listed;
    CURLMcode rc;
    int saved;

    if (!handle)
        handle = llmobs_capture_unseen_handle(real, curl);
    /* Its end may go unseen as well. */
    if (handle && handle->app.unseen)
        llmobs_multi_messages_stop();
    if (handle)
        llmobs_callbacks_drop_stale(handle, curl);
    if (!handle || llmobs_handle_multi(handle) || handle->in ||
        handle->in_perform)
        return real->multi_add_handle(multi, curl);
    if (is_blind(multi)) {
        llmobs_handle_forget_list(handle);
        return real->multi_add_handle(multi, curl);
    }
    handle->called_from = LLMOBS_STACK_ENTRY();
    /* While libcurl adds a handle it may call the app's timer callback, which
     * may drive the multi. */
    llmobs_command_transfer(handle);
    llmobs_capture_add(handle);
    llmobs_handle_join(handle, multi);
    listed = llmobs_members_add(multi, &handle->member);
    rc = real->multi_add_handle(multi, curl);
    saved = errno;
    if (rc != CURLM_OK)
        withdraw(handle, curl);
    else if (!listed)
        llmobs_capture_lose(handle);
    else if (llmobs_members_is_driven(multi) &&
             llmobs_members_unqueue(&handle->member)) {
        /* A callback that called libcurl meanwhile has set its own address. */
        handle->called_from = LLMOBS_STACK_ENTRY();
        (void)llmobs_capture_start(handle, curl);
    }
    errno = saved;
    return rc;
}

/* -- ends ------------------------------------------------------------------ */

struct llmobs_ending llmobs_multi_ending(const struct llmobs_handle *handle,
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

static void end_member(struct llmobs_handle *handle, CURL *curl,
                       const struct llmobs_ending *ending)
{
    int saved = errno;

    llmobs_members_remove(&handle->member);
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
        ending = llmobs_multi_ending(handle, curl);
    }
    rc = real->multi_remove_handle(multi, curl);
    if (rc != CURLM_OK)
        return rc;
    llmobs_multi_messages_forget(multi, curl);
    if (handle)
        end_member(handle, curl, &ending);
    return rc;
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
    /* The library did not see that the handle was added to a multi, unless it
     * is in easy_perform: that multi is libcurl's own, whose messages a wrapper
     * may show. */
    if ((!handle || (handle->step != LLMOBS_STEP_CALL && !handle->in_perform &&
                     !llmobs_handle_multi(handle))) &&
        !is_blind(multi)) {
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

struct ended_multi {
    CURLM *multi;
    struct llmobs_members *members; /* NULL: none */
};

/* True where the handle is in the multi that ends. A new multi may have its
 * address already. */
static bool is_in(const struct llmobs_handle *handle,
                  const struct ended_multi *ended)
{
    struct llmobs_members *members = atomic_load(&handle->member.members);

    return (!members || members == ended->members) &&
           llmobs_handle_multi(handle) == ended->multi;
}

/* Transfers that are done end now, while the multi still has its messages. */
static void end_done(struct llmobs_handle *handle, void *ctx)
{
    CURL *curl = llmobs_keyed_key(&handle->keyed);
    struct llmobs_ending ending;

    if (!is_in(handle, ctx))
        return;
    llmobs_capture_measure(handle, curl);
    ending = llmobs_multi_ending(handle, curl);
    if (ending.end != LLMOBS_END_DONE)
        return;
    llmobs_callbacks_swap_out(handle, curl);
    llmobs_capture_finish(handle, ending.end, ending.code);
}

static void end_rest(struct llmobs_handle *handle, void *ctx)
{
    static const struct llmobs_ending removed = {LLMOBS_END_REMOVED, CURLE_OK};

    if (is_in(handle, ctx))
        end_member(handle, llmobs_keyed_key(&handle->keyed), &removed);
}

/* Most programs have removed all handles before. */
static void end_each(const struct ended_multi *ended,
                     void (*end)(struct llmobs_handle *, void *))
{
    if (!ended->members || llmobs_members_count(ended->members) > 0)
        llmobs_handle_each(end, (void *)ended);
}

CURLMcode llmobs_ops_multi_cleanup(const struct llmobs_real *real, CURLM *multi)
{
    struct ended_multi ended = {multi, NULL};
    struct llmobs_messages *messages;
    CURLMcode rc;
    int saved = errno;

    if (!multi)
        return real->multi_cleanup(multi);
    ended.members = llmobs_members_find(multi);
    end_each(&ended, end_done);
    llmobs_members_detach(ended.members);
    messages = llmobs_multi_messages_detach(multi);
    errno = saved;
    rc = real->multi_cleanup(multi);
    /* libcurl refuses a cleanup within a callback of the multi. */
    if (rc != CURLM_OK && ended.members)
        llmobs_members_attach(ended.members, multi);
    if (rc != CURLM_OK) {
        llmobs_multi_messages_attach(messages, multi);
        return rc;
    }
    saved = errno;
    llmobs_multi_messages_forget_all(messages);
    end_each(&ended, end_rest);
    if (ended.members)
        llmobs_members_release(ended.members);
    errno = saved;
    return rc;
}

/* -- driving --------------------------------------------------------------- */

static struct llmobs_members *begin_drive(const struct llmobs_real *real,
                                          CURLM *multi, uintptr_t entry)
{
    struct llmobs_members *members = llmobs_members_find(multi);

    if (!members)
        return NULL;
    if (llmobs_members_any_queued(members)) {
        /* Starts the captures of the handles that were added since the last
         * drive: only now libcurl will read their settings. */
        struct llmobs_member *member;
        int saved = errno;
        long ms;

        /* Within a callback libcurl refuses to drive the multi. It then also
         * refuses to give the timeout, so asking for it shows this. */
        if (!real->multi_timeout ||
            real->multi_timeout(multi, &ms) == CURLM_OK) {
            while ((member = llmobs_members_dequeue(members)) != NULL) {
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
    }
    llmobs_members_begin_drive(members, entry);
    return members;
}

static void see_end(CURL *curl, CURLcode code)
{
    struct llmobs_handle *handle = llmobs_handle_find(curl);

    if (handle)
        llmobs_outgoing_copy_unsent(handle, curl, code);
}

/* `running`: what libcurl has written, if `rc` is CURLM_OK. Where no transfer
 * is under way any more, all calls end here. The program may exit, by _exit or
 * a signal, before it reads their messages. */
static CURLMcode end_drive(const struct llmobs_real *real,
                           struct llmobs_members *members, CURLM *multi,
                           CURLMcode rc, const int *running)
{
    struct ended_multi ended = {multi, members};
    int saved = errno;

    if (!members)
        return rc;
    llmobs_members_end_drive(members);
    if (rc == CURLM_OK && running &&
        llmobs_members_any_ended(members, *running))
        llmobs_multi_messages_look(real, multi, see_end);
    if (rc == CURLM_OK && running && *running == 0 &&
        llmobs_members_set_over(members))
        end_each(&ended, end_done);
    errno = saved;
    return rc;
}

#define DRIVE(name, parameters, ...)                                       \
    CURLMcode llmobs_ops_multi_##name parameters                           \
    {                                                                      \
        struct llmobs_members *members =                                   \
            begin_drive(real, multi, LLMOBS_STACK_ENTRY());                \
                                                                           \
        return end_drive(real, members, multi,                             \
                         real->multi_##name(multi, __VA_ARGS__), running); \
    }

DRIVE(perform, (const struct llmobs_real *real, CURLM *multi, int *running),
      running)
DRIVE(socket,
      (const struct llmobs_real *real, CURLM *multi, curl_socket_t socket,
       int *running),
      socket, running)
DRIVE(socket_action,
      (const struct llmobs_real *real, CURLM *multi, curl_socket_t socket,
       int events, int *running),
      socket, events, running)
DRIVE(socket_all, (const struct llmobs_real *real, CURLM *multi, int *running),
      running)
