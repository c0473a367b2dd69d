/* Reads a multi's messages early, and gives them to the app in order. */
#include "core/capture/multi_messages.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "core/capture/keyed.h"
#include "core/capture/handle.h"

struct llmobs_messages {
    struct llmobs_keyed keyed; /* by its multi */
    CURLMsg **list;            /* from first to end; NULL: forgotten */
    size_t first, end, cap;
    size_t count; /* not forgotten */
    bool strange; /* some are of handles without a record */
};

/* Few multis have messages that were read ahead. */
#define LINE_BITS 1

static struct llmobs_keyed_line lines[1 << LINE_BITS];
static struct llmobs_keyed_state state;
static const struct llmobs_keyed_table table = {
    lines, LINE_BITS, sizeof(struct llmobs_messages), &state};
static atomic_int live; /* multis with a list; mostly 0, and then no look-up */

static atomic_bool stopped;

void llmobs_multi_messages_stop(void)
{
    atomic_store(&stopped, true);
}

static const uint64_t *watched;

void llmobs_multi_messages_watch(const uint64_t *unseen)
{
    watched = unseen;
}

static struct llmobs_messages *find_messages(CURLM *multi)
{
    return atomic_load(&live) ? llmobs_keyed_find(&table, multi) : NULL;
}

static struct llmobs_messages *claim_messages(CURLM *multi)
{
    struct llmobs_messages *messages = find_messages(multi);

    if (messages)
        return messages;
    messages = llmobs_keyed_claim(&table, multi);
    if (messages)
        atomic_fetch_add(&live, 1);
    return messages;
}

static void release_messages(struct llmobs_messages *messages)
{
    free(messages->list);
    messages->list = NULL;
    messages->first = messages->end = messages->cap = messages->count = 0;
    messages->strange = false;
    atomic_fetch_sub(&live, 1);
    llmobs_keyed_release(&table, &messages->keyed);
}

/* -- the list -------------------------------------------------------------- */

static void append_message(struct llmobs_messages *messages, CURLMsg *message)
{
    struct llmobs_handle *handle = llmobs_handle_find(message->easy_handle);

    if (handle)
        handle->message_at = messages->end;
    else
        messages->strange = true;
    messages->list[messages->end++] = message;
}

/* Runs before a message is read, because a message cannot be put back. Once
 * half of the list is forgotten, the rest moves to its beginning. */
static bool make_room(struct llmobs_messages *messages)
{
    size_t end = messages->end;

    if (end < messages->cap)
        return true;
    if (messages->count > messages->cap / 2 || messages->cap == 0) {
        size_t cap = messages->cap ? messages->cap * 2 : 8;
        CURLMsg **grown = realloc(messages->list, cap * sizeof(CURLMsg *));

        if (!grown)
            return false;
        messages->list = grown;
        messages->cap = cap;
        return true;
    }
    messages->end = 0;
    for (size_t i = messages->first; i < end; i++) {
        if (messages->list[i])
            append_message(messages, messages->list[i]);
    }
    messages->first = 0;
    return true;
}

static void read_ahead(const struct llmobs_real *real,
                       struct llmobs_messages *messages)
{
    CURLM *multi = llmobs_keyed_key(&messages->keyed);
    CURLMsg *message;
    int left;

    while (!atomic_load(&stopped) &&
           (!watched || __atomic_load_n(watched, __ATOMIC_ACQUIRE) == 0) &&
           make_room(messages) &&
           (message = real->multi_info_read(multi, &left)) != NULL) {
        append_message(messages, message);
        messages->count++;
    }
}

static bool is_message_of(const struct llmobs_messages *messages, size_t at,
                          const CURL *curl)
{
    return at >= messages->first && at < messages->end && messages->list[at] &&
           messages->list[at]->easy_handle == curl;
}

/* The place of a handle's message in the list; the list's end if the handle has
 * no message. The handle's record has the place of its message, if there is
 * one. */
static size_t place_of_message(const struct llmobs_messages *messages,
                               CURL *curl)
{
    const struct llmobs_handle *handle = llmobs_handle_find(curl);
    size_t at = handle ? handle->message_at : 0;

    if (is_message_of(messages, at, curl))
        return at;
    if (!messages->strange)
        return messages->end;
    for (at = messages->first;
         at < messages->end && !is_message_of(messages, at, curl); at++)
        ;
    return at;
}

static void drop_message(struct llmobs_messages *messages, size_t at)
{
    messages->list[at] = NULL;
    if (--messages->count == 0)
        release_messages(messages);
}

/* -- for the app ----------------------------------------------------------- */

bool llmobs_multi_messages_result(const struct llmobs_real *real, CURLM *multi,
                                  CURL *curl, CURLcode *code)
{
    struct llmobs_messages *messages = claim_messages(multi);
    bool done;
    size_t at;

    if (!messages)
        return false;
    read_ahead(real, messages);
    at = place_of_message(messages, curl);
    done = at < messages->end && messages->list[at]->msg == CURLMSG_DONE;
    if (done)
        *code = messages->list[at]->data.result;
    if (messages->count == 0)
        release_messages(messages);
    return done;
}

void llmobs_multi_messages_look(const struct llmobs_real *real, CURLM *multi,
                                void (*see)(CURL *curl, CURLcode code))
{
    struct llmobs_messages *messages = claim_messages(multi);
    size_t before;

    if (!messages)
        return;
    before = messages->count;
    read_ahead(real, messages);
    for (size_t i = messages->end + before - messages->count; i < messages->end;
         i++)
        if (messages->list[i]->msg == CURLMSG_DONE)
            see(messages->list[i]->easy_handle, messages->list[i]->data.result);
    if (messages->count == 0)
        release_messages(messages);
}

/* Reads newer messages to the end of the list first, so that `left` counts
 * them. */
CURLMsg *llmobs_multi_messages_read(const struct llmobs_real *real,
                                    CURLM *multi, int *left)
{
    struct llmobs_messages *messages = find_messages(multi);
    CURLMsg *message;

    if (!messages)
        return real->multi_info_read(multi, left);
    read_ahead(real, messages);
    while (!messages->list[messages->first])
        messages->first++;
    message = messages->list[messages->first];
    *left = (int)messages->count - 1;
    drop_message(messages, messages->first++);
    return message;
}

void llmobs_multi_messages_forget(CURLM *multi, CURL *curl)
{
    struct llmobs_messages *messages = find_messages(multi);
    size_t at = messages ? place_of_message(messages, curl) : 0;

    if (messages && at < messages->end)
        drop_message(messages, at);
}

struct llmobs_messages *llmobs_multi_messages_detach(CURLM *multi)
{
    struct llmobs_messages *messages = find_messages(multi);

    if (messages)
        llmobs_keyed_rename(&messages->keyed, messages);
    return messages;
}

void llmobs_multi_messages_attach(struct llmobs_messages *messages,
                                  CURLM *multi)
{
    if (messages)
        llmobs_keyed_rename(&messages->keyed, multi);
}

void llmobs_multi_messages_forget_all(struct llmobs_messages *messages)
{
    if (messages)
        release_messages(messages);
}
