#include "core/ops/multi_messages.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/keyed.h"

struct news {
    struct llmobs_keyed keyed; /* by its multi */
    CURLMsg **list;
    size_t count;
    size_t cap;
};

/* Few multis have messages that were read ahead. */
#define LINE_BITS 1

static struct llmobs_keyed_line lines[1 << LINE_BITS];
static struct llmobs_keyed_state state;
static const struct llmobs_keyed_table table = {lines, LINE_BITS,
                                                sizeof(struct news), &state};
static atomic_int live; /* multis with a list; mostly 0, and then no look-up */

static atomic_bool stopped;

void llmobs_multi_messages_stop(void)
{
    atomic_store(&stopped, true);
}

static struct news *find(CURLM *multi)
{
    return atomic_load(&live) ? llmobs_keyed_find(&table, multi) : NULL;
}

static struct news *claim(CURLM *multi)
{
    struct news *news = find(multi);

    if (news)
        return news;
    news = llmobs_keyed_claim(&table, multi);
    if (news)
        atomic_fetch_add(&live, 1);
    return news;
}

static void release(struct news *news)
{
    free(news->list);
    news->list = NULL;
    news->count = news->cap = 0;
    atomic_fetch_sub(&live, 1);
    llmobs_keyed_release(&table, &news->keyed);
}

/* Runs before a message is taken, for it could not be put back. */
static bool make_room(struct news *news)
{
    size_t cap = news->cap ? news->cap * 2 : 8;
    CURLMsg **grown;

    if (news->count < news->cap)
        return true;
    grown = realloc(news->list, cap * sizeof(CURLMsg *));
    if (!grown)
        return false;
    news->list = grown;
    news->cap = cap;
    return true;
}

static void read_ahead(const struct llmobs_real *real, struct news *news)
{
    CURLM *multi = atomic_load(&news->keyed.key);
    CURLMsg *message;
    int left;

    while (!atomic_load(&stopped) && make_room(news) &&
           (message = real->multi_info_read(multi, &left)) != NULL)
        news->list[news->count++] = message;
}

bool llmobs_multi_messages_result(const struct llmobs_real *real, CURLM *multi,
                                  const CURL *curl, CURLcode *code)
{
    struct news *news = claim(multi);
    bool done = false;

    if (!news)
        return false;
    read_ahead(real, news);
    for (size_t i = 0; i < news->count && !done; i++) {
        done = news->list[i]->easy_handle == curl &&
               news->list[i]->msg == CURLMSG_DONE;
        if (done)
            *code = news->list[i]->data.result;
    }
    if (news->count == 0)
        release(news);
    return done;
}

/* Reads newer messages to the end of the list first, so that `left` counts
 * them. */
CURLMsg *llmobs_multi_messages_read(const struct llmobs_real *real,
                                    CURLM *multi, int *left)
{
    struct news *news = find(multi);
    CURLMsg *message;

    if (!news)
        return real->multi_info_read(multi, left);
    read_ahead(real, news);
    message = news->list[0];
    news->count--;
    memmove(news->list, news->list + 1, news->count * sizeof(CURLMsg *));
    *left = (int)news->count;
    if (news->count == 0)
        release(news);
    return message;
}

void llmobs_multi_messages_forget(CURLM *multi, const CURL *curl)
{
    struct news *news = find(multi);
    size_t kept = 0;

    if (!news)
        return;
    for (size_t i = 0; i < news->count; i++) {
        if (news->list[i]->easy_handle != curl)
            news->list[kept++] = news->list[i];
    }
    news->count = kept;
    if (kept == 0)
        release(news);
}

void llmobs_multi_messages_forget_all(CURLM *multi)
{
    struct news *news = find(multi);

    if (news)
        release(news);
}
