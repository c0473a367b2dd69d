#include "core/capture/multi_messages.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "lib/base/keyed.h"
#include "core/capture/handle.h"

struct llmobs_news {
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
    lines, LINE_BITS, sizeof(struct llmobs_news), &state};
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

static bool may_read_ahead(void)
{
    return !atomic_load(&stopped) &&
           (!watched || __atomic_load_n(watched, __ATOMIC_ACQUIRE) == 0);
}

static struct llmobs_news *multi_messages_find(CURLM *multi)
{
    return atomic_load(&live) ? llmobs_keyed_find(&table, multi) : NULL;
}

static struct llmobs_news *multi_messages_claim(CURLM *multi)
{
    struct llmobs_news *news = multi_messages_find(multi);

    if (news)
        return news;
    news = llmobs_keyed_claim(&table, multi);
    if (news)
        atomic_fetch_add(&live, 1);
    return news;
}

static void multi_messages_release(struct llmobs_news *news)
{
    free(news->list);
    news->list = NULL;
    news->first = news->end = news->cap = news->count = 0;
    news->strange = false;
    atomic_fetch_sub(&live, 1);
    llmobs_keyed_release(&table, &news->keyed);
}

/* -- the list -------------------------------------------------------------- */

static void multi_messages_put(struct llmobs_news *news, CURLMsg *message)
{
    struct llmobs_handle *handle = llmobs_handle_find(message->easy_handle);

    if (handle)
        handle->news_at = news->end;
    else
        news->strange = true;
    news->list[news->end++] = message;
}

static bool multi_messages_grow(struct llmobs_news *news)
{
    size_t cap = news->cap ? news->cap * 2 : 8;
    CURLMsg **grown = realloc(news->list, cap * sizeof(CURLMsg *));

    if (!grown)
        return false;
    news->list = grown;
    news->cap = cap;
    return true;
}

/* Runs before a message is taken, for it could not be put back. Where half of
 * the list is forgotten, the rest moves to its beginning. */
static bool multi_messages_make_room(struct llmobs_news *news)
{
    size_t end = news->end;

    if (end < news->cap)
        return true;
    if (news->count > news->cap / 2 || news->cap == 0)
        return multi_messages_grow(news);
    news->end = 0;
    for (size_t i = news->first; i < end; i++) {
        if (news->list[i])
            multi_messages_put(news, news->list[i]);
    }
    news->first = 0;
    return true;
}

static void read_ahead(const struct llmobs_real *real, struct llmobs_news *news)
{
    CURLM *multi = llmobs_keyed_key(&news->keyed);
    CURLMsg *message;
    int left;

    while (may_read_ahead() && multi_messages_make_room(news) &&
           (message = real->multi_info_read(multi, &left)) != NULL) {
        multi_messages_put(news, message);
        news->count++;
    }
}

static bool multi_messages_is_at(const struct llmobs_news *news, size_t at,
                                 const CURL *curl)
{
    return at >= news->first && at < news->end && news->list[at] &&
           news->list[at]->easy_handle == curl;
}

/* The place of a handle's message in the list; the list's end: it has none. The
 * handle's record notes the place of a message that there is. */
static size_t multi_messages_place_of(const struct llmobs_news *news,
                                      CURL *curl)
{
    const struct llmobs_handle *handle = llmobs_handle_find(curl);
    size_t at = handle ? handle->news_at : 0;

    if (multi_messages_is_at(news, at, curl))
        return at;
    if (!news->strange)
        return news->end;
    for (at = news->first;
         at < news->end && !multi_messages_is_at(news, at, curl); at++)
        ;
    return at;
}

static void multi_messages_drop(struct llmobs_news *news, size_t at)
{
    news->list[at] = NULL;
    if (--news->count == 0)
        multi_messages_release(news);
}

/* -- for the app ----------------------------------------------------------- */

bool llmobs_multi_messages_result(const struct llmobs_real *real, CURLM *multi,
                                  CURL *curl, CURLcode *code)
{
    struct llmobs_news *news = multi_messages_claim(multi);
    bool done;
    size_t at;

    if (!news)
        return false;
    read_ahead(real, news);
    at = multi_messages_place_of(news, curl);
    done = at < news->end && news->list[at]->msg == CURLMSG_DONE;
    if (done)
        *code = news->list[at]->data.result;
    if (news->count == 0)
        multi_messages_release(news);
    return done;
}

/* Reads newer messages to the end of the list first, so that `left` counts
 * them. */
CURLMsg *llmobs_multi_messages_read(const struct llmobs_real *real,
                                    CURLM *multi, int *left)
{
    struct llmobs_news *news = multi_messages_find(multi);
    CURLMsg *message;

    if (!news)
        return real->multi_info_read(multi, left);
    read_ahead(real, news);
    while (!news->list[news->first])
        news->first++;
    message = news->list[news->first];
    *left = (int)news->count - 1;
    multi_messages_drop(news, news->first++);
    return message;
}

void llmobs_multi_messages_forget(CURLM *multi, CURL *curl)
{
    struct llmobs_news *news = multi_messages_find(multi);
    size_t at = news ? multi_messages_place_of(news, curl) : 0;

    if (news && at < news->end)
        multi_messages_drop(news, at);
}

struct llmobs_news *llmobs_multi_messages_detach(CURLM *multi)
{
    struct llmobs_news *news = multi_messages_find(multi);

    if (news)
        llmobs_keyed_rename(&news->keyed, news);
    return news;
}

void llmobs_multi_messages_attach(struct llmobs_news *news, CURLM *multi)
{
    if (news)
        llmobs_keyed_rename(&news->keyed, multi);
}

void llmobs_multi_messages_forget_all(struct llmobs_news *news)
{
    if (news)
        multi_messages_release(news);
}
