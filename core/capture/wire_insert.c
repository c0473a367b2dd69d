#include "core/capture/wire_insert.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/stats.h"

/* Servers refuse a head of 8 KiB or more (431), of which they may count more
 * than its bytes. */
#define HEAD_MAX 7000

/* True for credentials that no other header can change. */
static bool is_plain(const char *credentials)
{
    static const char *const schemes[] = {"bearer ", "basic ", "token ",
                                          "apikey ", "api-key "};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
        if (strncasecmp(credentials, schemes[i], strlen(schemes[i])) == 0)
            return true;
    return !strchr(credentials, ' ');
}

static bool signs(const char *line)
{
    static const char authorization[] = "authorization: ", word[] = "signature";

    if (strncasecmp(line, authorization, sizeof(authorization) - 1) == 0)
        return !is_plain(line + sizeof(authorization) - 1);
    if (strncasecmp(line, "x-amz-", 6) == 0)
        return true;
    for (; *line && *line != ':'; line++)
        if (strncasecmp(line, word, sizeof(word) - 1) == 0)
            return true;
    return false;
}

static bool is_signed(const struct llmobs_wire_request *asked)
{
    const char *query = strchr(asked->url, '?');

    if (query && strcasestr(query, "signature"))
        return true;
    for (const struct curl_slist *h = asked->lines; h; h = h->next)
        if (signs(h->data))
            return true;
    return false;
}

static bool add(struct llmobs_insertions *to, size_t place,
                const struct llmobs_inject *inject, size_t len)
{
    char *at;

    to->text_len = to->count == 0 ? 0 : to->text_len;
    at = realloc(to->text, to->text_len + len);
    if (!at)
        return false;
    to->text = at;
    to->list[to->count++] = (struct llmobs_insertion){place, to->text_len, len};
    for (size_t i = 0; i < inject->count; i++) {
        size_t n = strlen(inject->nodes[i].data);

        memcpy(to->text + to->text_len, inject->nodes[i].data, n);
        memcpy(to->text + to->text_len + n, "\r\n", 2);
        to->text_len += n + 2;
    }
    return true;
}

static enum llmobs_stat insert(const struct llmobs_wire_event *event,
                               const struct llmobs_http1_head *head,
                               const struct llmobs_inject_plan *plan,
                               uintptr_t key, bool *state)
{
    struct llmobs_insertions **to = event->insertions;
    struct llmobs_inject *inject = malloc(sizeof(*inject));
    bool some = inject && llmobs_inject_fill(inject, plan);
    size_t len = some ? inject->len + inject->count : 0; /* CRLF for each NUL */
    enum llmobs_stat stat = LLMOBS_STAT_headers_way;

    if (inject && !some)
        stat = LLMOBS_STAT_headers_own;
    else if (head->target.len + head->headers.len + len > HEAD_MAX)
        stat = LLMOBS_STAT_headers_large;
    else if (some && (*to || (*to = calloc(1, sizeof(**to)))) &&
             add(*to, event->before + (size_t)(head->blank - event->bytes),
                 inject, len)) {
        (*to)->of = key;
        *state = llmobs_inject_has_state(inject);
        stat = LLMOBS_STAT_headers_added;
    }
    free(inject);
    return stat;
}

void llmobs_wire_insert(const struct llmobs_wire_event *event,
                        const struct llmobs_http1_head *head,
                        const struct llmobs_wire_request *asked,
                        const struct llmobs_inject_plan *plan, const char *peer,
                        uintptr_t key, struct llmobs_exchange *exchange)
{
    const struct llmobs_text host = head->host;
    size_t len = peer ? strlen(peer) : 0;
    struct llmobs_insertions **to = event->insertions;
    enum llmobs_stat stat;

    if (is_signed(asked))
        stat = LLMOBS_STAT_headers_signed;
    else if (!to || head->h2 || (*to && (*to)->count == LLMOBS_INSERTIONS) ||
             (peer &&
              (host.len < len || (host.len > len && host.data[len] != ':') ||
               strncasecmp(host.data, peer, len) != 0)))
        stat = LLMOBS_STAT_headers_way;
    else if (!head->blank || head->blank < event->bytes ||
             head->blank >= event->bytes + event->number)
        stat = LLMOBS_STAT_headers_cut;
    else
        stat = insert(event, head, plan, key, &exchange->traced);
    exchange->bare_head = stat - LLMOBS_STAT_headers_added;
    llmobs_stats_add(stat, 1);
}

void llmobs_wire_insert_join(struct llmobs_insertions *all, size_t count)
{
    char *at;

    if (all->room)
        explicit_bzero(all->room, all->room_size);
    free(all->room);
    all->room_size = 0;
    for (size_t i = 0; i < count; i++)
        all->room_size += all->pieces[i].iov_len;
    at = all->room = count > 0 ? malloc(all->room_size) : NULL;
    for (size_t i = 0; at && i < count; i++) {
        memcpy(at, all->pieces[i].iov_base, all->pieces[i].iov_len);
        at += all->pieces[i].iov_len;
    }
}

void llmobs_wire_insert_free(struct llmobs_insertions *insertions)
{
    if (insertions) {
        llmobs_wire_insert_join(insertions, 0);
        free(insertions->text);
    }
    free(insertions);
}
