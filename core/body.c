#include "core/body.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t edge_of(const struct llmobs_body *body)
{
    size_t half = body->whole_max / 2;

    return half < LLMOBS_BODY_EDGE ? half : LLMOBS_BODY_EDGE;
}

void llmobs_body_init(struct llmobs_body *body, size_t whole_max)
{
    memset(body, 0, sizeof(*body));
    body->whole_max = whole_max;
    llmobs_buf_init(&body->head, whole_max);
}

static void drop_tail(struct llmobs_body *body)
{
    free(body->tail);
    body->tail = NULL;
    body->tail_len = 0;
    body->tail_at = 0;
}

void llmobs_body_fini(struct llmobs_body *body)
{
    llmobs_buf_fini(&body->head);
    drop_tail(body);
}

static void add_tail(struct llmobs_body *body, const char *data, size_t len)
{
    size_t edge = edge_of(body);
    size_t first;

    if (len > edge) {
        data += len - edge;
        len = edge;
    }
    first = edge - body->tail_at;
    if (first > len)
        first = len;
    if (len == 0)
        return;
    memcpy(body->tail + body->tail_at, data, first);
    memcpy(body->tail, data + first, len - first);
    body->tail_at = (body->tail_at + len) % edge;
    body->tail_len = body->tail_len + len < edge ? body->tail_len + len : edge;
}

/* Splits what was whole so far; the bytes that led here come next. */
static int truncate_to_edges(struct llmobs_body *body, const char **data,
                             size_t *len)
{
    size_t edge = edge_of(body);
    size_t fill;
    int rc = 0;

    body->tail = malloc(edge > 0 ? edge : 1);
    if (body->tail == NULL)
        return -ENOMEM;
    body->truncated = true;
    if (body->head.len < edge) {
        fill = edge - body->head.len;
        rc = llmobs_buf_add(&body->head, *data, fill);
        if (rc != 0)
            return rc;
        *data += fill;
        *len -= fill;
    }
    if (body->head.len > edge)
        add_tail(body, body->head.data + edge, body->head.len - edge);
    llmobs_buf_cut(&body->head, edge);
    llmobs_buf_fit(&body->head);
    return 0;
}

int llmobs_body_add(struct llmobs_body *body, const void *data, size_t len)
{
    const char *at = data;
    int rc = 0;

    if (len == 0)
        return body->lost ? -ENOMEM : 0;
    body->total += len;
    if (body->lost)
        return -ENOMEM;
    if (!body->head.data && body->room)
        llmobs_buf_lend(&body->head, body->room, LLMOBS_BODY_ROOM);
    if (!body->truncated && body->total <= body->whole_max) {
        rc = llmobs_buf_add(&body->head, at, len);
    } else {
        if (!body->truncated)
            rc = truncate_to_edges(body, &at, &len);
        if (rc == 0)
            add_tail(body, at, len);
    }
    body->lost = rc != 0;
    return rc;
}

int llmobs_body_clone(struct llmobs_body *to, const struct llmobs_body *from)
{
    int rc = 0;

    to->whole_max = from->whole_max;
    to->head.max = from->head.max;
    if (from->head.data)
        rc = llmobs_buf_add(&to->head, from->head.data, from->head.len);
    llmobs_buf_fit(&to->head);
    if (rc == 0 && from->tail) {
        to->tail = malloc(edge_of(from) > 0 ? edge_of(from) : 1);
        rc = to->tail ? 0 : -ENOMEM;
    }
    if (to->tail) {
        memcpy(to->tail, from->tail, from->tail_len);
        to->tail_len = from->tail_len;
        to->tail_at = from->tail_at;
    }
    to->total = from->total;
    to->truncated = from->truncated;
    to->lost = from->lost || rc != 0;
    return rc;
}

void llmobs_body_miss(struct llmobs_body *body, uint64_t len)
{
    body->total += len;
    body->lost = true;
}

void llmobs_body_rewind(struct llmobs_body *body, uint64_t total)
{
    if (total >= body->total)
        return;
    body->total = total;
    drop_tail(body);
    if (total > body->head.len) {
        body->lost = true;
        return;
    }
    llmobs_buf_cut(&body->head, (size_t)total);
    body->truncated = false;
    body->lost = false;
}

struct llmobs_text llmobs_body_head(const struct llmobs_body *body)
{
    struct llmobs_text head = {body->head.data, body->head.len};

    return head;
}

static void reverse(char *data, size_t len)
{
    for (size_t i = 0; i < len / 2; i++) {
        char byte = data[i];

        data[i] = data[len - 1 - i];
        data[len - 1 - i] = byte;
    }
}

struct llmobs_text llmobs_body_tail(struct llmobs_body *body)
{
    struct llmobs_text tail = {body->tail, body->tail_len};

    /* Turned in place, so that this cannot run out of memory. The ring is full
     * as soon as it exists, hence its oldest byte is where the next one goes.
     */
    if (body->tail_at > 0) {
        reverse(body->tail, body->tail_at);
        reverse(body->tail + body->tail_at, body->tail_len - body->tail_at);
        reverse(body->tail, body->tail_len);
        body->tail_at = 0;
    }
    return tail;
}
