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

/* True for a header by which a signature may cover others. */
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

static enum llmobs_stat insert(const struct llmobs_wire_event *event,
                               const struct llmobs_http1_head *head,
                               const struct llmobs_inject *inject,
                               uintptr_t key)
{
    struct llmobs_insertions *to = *event->insertions;
    size_t len = inject->len + inject->count; /* a CRLF in place of each NUL */
    char *at;

    if (head->target.len + head->headers.len + len > HEAD_MAX)
        return LLMOBS_STAT_headers_large;
    if (!to && !(to = *event->insertions = calloc(1, sizeof(*to))))
        return LLMOBS_STAT_headers_way;
    to->of = key;
    to->text_len = to->count == 0 ? 0 : to->text_len;
    at = realloc(to->text, to->text_len + len);
    if (!at)
        return LLMOBS_STAT_headers_way;
    to->text = at;
    at += to->text_len;
    for (size_t i = 0; i < inject->count; i++) {
        size_t n = strlen(inject->nodes[i].data);

        memcpy(at, inject->nodes[i].data, n);
        memcpy(at + n, "\r\n", 2);
        at += n + 2;
    }
    to->list[to->count++] = (struct llmobs_insertion){
        event->before + (size_t)(head->blank - event->bytes), to->text_len,
        len};
    to->text_len += len;
    return LLMOBS_STAT_headers_added;
}

/* Headers that no rule forbids, of which there may be none to add. */
static enum llmobs_stat fill(const struct llmobs_wire_event *event,
                             const struct llmobs_http1_head *head,
                             const struct llmobs_inject_plan *plan,
                             uintptr_t key, bool *state)
{
    struct llmobs_inject *inject = malloc(sizeof(*inject));
    enum llmobs_stat stat = LLMOBS_STAT_headers_own;

    if (!inject)
        return LLMOBS_STAT_headers_way;
    if (llmobs_inject_fill(inject, plan))
        stat = insert(event, head, inject, key);
    *state =
        stat == LLMOBS_STAT_headers_added && llmobs_inject_has_state(inject);
    free(inject);
    return stat;
}

void llmobs_wire_insert(const struct llmobs_wire_event *event,
                        const struct llmobs_http1_head *head,
                        const struct llmobs_wire_request *asked,
                        const struct llmobs_inject_plan *plan, uintptr_t key,
                        struct llmobs_exchange *exchange)
{
    struct llmobs_insertions **to = event->insertions;
    enum llmobs_stat stat;

    if (is_signed(asked))
        stat = LLMOBS_STAT_headers_signed;
    else if (!to || head->h2 || (*to && (*to)->count == LLMOBS_INSERTIONS))
        stat = LLMOBS_STAT_headers_way;
    else if (!head->blank || head->blank < event->bytes ||
             head->blank >= event->bytes + event->number)
        stat = LLMOBS_STAT_headers_cut;
    else
        stat = fill(event, head, plan, key, &exchange->traced);
    exchange->bare_head = (int)(stat - LLMOBS_STAT_headers_added);
    llmobs_stats_add(stat, 1);
}

void llmobs_wire_insert_free(struct llmobs_insertions *insertions)
{
    if (insertions)
        free(insertions->text);
    free(insertions);
}
