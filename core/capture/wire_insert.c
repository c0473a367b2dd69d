/* Adds trace headers to a request without libcurl. */
#include "core/capture/wire_insert.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/stats.h"

/* Servers refuse a head of 8 KiB or more (431), of which they may count more
 * than its bytes. */
#define HEAD_MAX 7000
#define COPY_MAX (64 << 20) /* bytes of a call that is copied, over TLS */

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
        if ((*line | 0x20) == *word &&
            strncasecmp(line, word, sizeof(word) - 1) == 0)
            return true;
    return false;
}

/* A line of HPACK that no table gets (RFC 7541, 6.2.3). A name is shorter than
 * a number's first byte can tell. */
static char *put_literal(char *to, const char *line)
{
    size_t name = strcspn(line, ":"), value = strlen(line) - name - 2;
    size_t more = value < 127 ? 0 : value - 127;

    *to++ = 0x10;
    *to++ = (char)name;
    to = mempcpy(to, line, name);
    *to++ = (char)(value - more);
    for (; more >= 128; more >>= 7)
        *to++ = (char)(more | 128);
    if (value >= 127)
        *to++ = (char)more;
    return mempcpy(to, line + name + 2, value);
}

/* By HTTP/2 the frame's length, its first three bytes, changes as well. */
static bool add(struct llmobs_insertions *to,
                const struct llmobs_wire_event *event,
                const struct llmobs_http1_head *head,
                const struct llmobs_inject *inject)
{
    const unsigned char *frame = (const unsigned char *)head->frame;
    size_t gap = event->before + (size_t)(head->gap - event->bytes), len;
    size_t from = (to->count ? to->text_len : 0) + (frame ? 3 : 0);
    char *at, *text = realloc(to->text, from + inject->len + 3 * inject->count);

    if (!text)
        return false;
    to->text = text;
    /* Also of the first bytes, too few to be judged, which a call has sent. */
    if (to->count == 0 && !to->room)
        to->given = event->before;
    at = text += from;
    for (size_t i = 0; i < inject->count; i++) {
        const char *line = inject->nodes[i].data;

        at = frame ? put_literal(at, line)
                   : mempcpy(mempcpy(at, line, strlen(line)), "\r\n", 2);
    }
    if (frame) {
        len = (size_t)(at - text) +
              ((size_t)frame[0] << 16 | (size_t)frame[1] << 8 | frame[2]);
        text[-3] = (char)(len >> 16);
        text[-2] = (char)(len >> 8);
        text[-1] = (char)len;
        to->list[to->count++] = (struct llmobs_insertion){
            gap - (size_t)(head->gap - head->frame), from - 3, 3, true};
    }
    len = (size_t)(at - text);
    to->list[to->count++] = (struct llmobs_insertion){gap, from, len, false};
    to->text_len = from + len;
    return true;
}

static enum llmobs_stat insert(const struct llmobs_wire_event *event,
                               struct llmobs_insertions **to,
                               const struct llmobs_http1_head *head,
                               const struct llmobs_inject_plan *plan,
                               bool *state)
{
    struct llmobs_inject *inject = malloc(sizeof(*inject));
    bool some = inject && llmobs_inject_fill(inject, plan);
    size_t len = some ? inject->len + inject->count : 0; /* CRLF for each NUL */
    size_t size = some ? inject->len + 32 * inject->count : 0; /* by HPACK */
    enum llmobs_stat stat = LLMOBS_STAT_headers_way;

    if (inject && !some)
        stat = LLMOBS_STAT_headers_own;
    else if (head->target.len + head->headers.len + len > HEAD_MAX ||
             (head->frame && (int64_t)size > head->spare))
        stat = LLMOBS_STAT_headers_large;
    else if (some && !*to && (*to = malloc(sizeof(**to))))
        memset(*to, 0, offsetof(struct llmobs_insertions, list));
    if (stat == LLMOBS_STAT_headers_way && some && *to &&
        add(*to, event, head, inject)) {
        *state = llmobs_inject_has_state(inject);
        stat = LLMOBS_STAT_headers_added;
    }
    free(inject);
    return stat;
}

void llmobs_wire_insert(const struct llmobs_wire_event *event,
                        struct llmobs_insertions **to,
                        const struct llmobs_http1_head *head,
                        const struct llmobs_wire_request *asked,
                        const struct llmobs_inject_plan *plan, const char *peer,
                        bool plain, struct llmobs_exchange *exchange)
{
    const struct llmobs_text host = head->host;
    const char *query = strchr(asked->url, '?');
    bool is_signed = query && strcasestr(query, "signature");
    size_t len = peer ? strlen(peer) : 0;
    enum llmobs_stat stat;

    for (const struct curl_slist *h = asked->lines; h; h = h->next)
        is_signed = is_signed || signs(h->data);
    if (is_signed)
        stat = LLMOBS_STAT_headers_signed;
    else if (!head->gap)
        stat = LLMOBS_STAT_headers_cut;
    else if (!to || (*to && (*to)->count + head->h2 >= LLMOBS_INSERTIONS) ||
             (plain ? head->h2 : event->number > COPY_MAX) ||
             (peer &&
              (host.len < len || (host.len > len && host.data[len] != ':') ||
               strncasecmp(host.data, peer, len) != 0)))
        stat = LLMOBS_STAT_headers_way;
    else if (head->gap < event->bytes ||
             head->gap >= event->bytes + event->number)
        stat = LLMOBS_STAT_headers_cut;
    else
        stat = insert(event, to, head, plan, &exchange->traced);
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
