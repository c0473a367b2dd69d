/* Joins a stream's parts by index. */
#include "rules/read/stream_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/facts.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"

struct stream_text {
    int64_t index;
    struct llmobs_buf buf;
    char *reason; /* why the text ended; NULL: not known */
};

static struct stream_text *text_at(const struct llmobs_text_stream *stream,
                                   size_t i)
{
    return (struct stream_text *)stream->texts.items + i;
}

void llmobs_text_stream_fini(void *state)
{
    struct llmobs_text_stream *stream = state;

    for (size_t i = 0; i < stream->texts.count; i++) {
        llmobs_buf_fini(&text_at(stream, i)->buf);
        free(text_at(stream, i)->reason);
    }
    llmobs_stream_parts_fini(&stream->texts);
}

int llmobs_text_stream_add(struct llmobs_text_stream *stream, int64_t index,
                           struct llmobs_text piece)
{
    struct stream_text *text;
    void *item;
    int rc = llmobs_stream_part_at(&stream->texts, sizeof(*text),
                                   LLMOBS_TEXT_STREAM_MAX, index, &item);

    if (rc < 0)
        return rc == -ENOSPC ? 0 : rc;
    text = item;
    text->buf.max = LLMOBS_MESSAGE_CONTENT_MAX;
    stream->len += piece.len;
    rc = llmobs_buf_add(&text->buf, piece.data ? piece.data : "", piece.len);
    return rc == -EFBIG ? 0 : rc;
}

int llmobs_text_stream_end(struct llmobs_text_stream *stream, int64_t index,
                           const char *reason)
{
    for (size_t i = 0; i < stream->texts.count; i++)
        if (text_at(stream, i)->index == index)
            return llmobs_span_set(&text_at(stream, i)->reason, reason);
    return 0;
}

void llmobs_text_stream_reasons(const struct llmobs_text_stream *stream,
                                struct llmobs_span *span)
{
    for (size_t i = 0; i < stream->texts.count; i++)
        llmobs_fact_finish(span, text_at(stream, i)->reason);
}

struct llmobs_json *llmobs_text_stream_messages(
    const struct llmobs_text_stream *stream, const char *role)
{
    struct llmobs_json *list = llmobs_json_array();
    int rc = list ? 0 : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < stream->texts.count; i++) {
        const struct llmobs_buf *buf = &text_at(stream, i)->buf;

        rc = llmobs_message_add_text(list, role, llmobs_buf_text(buf));
    }
    return llmobs_json_done(list, rc);
}

#define FIRST_CAP 4

static int64_t index_of(const struct llmobs_stream_parts *parts, size_t size,
                        size_t i)
{
    int64_t index;

    memcpy(&index, (const char *)parts->items + i * size, sizeof(index));
    return index;
}

static int make_room(struct llmobs_stream_parts *parts, size_t size, size_t max)
{
    size_t cap = parts->cap > 0 ? parts->cap * 2 : FIRST_CAP;
    void *items;

    if (parts->count >= max)
        return -ENOSPC;
    if (parts->count < parts->cap)
        return 0;
    items = realloc(parts->items, cap * size);
    if (!items)
        return -ENOMEM;
    parts->items = items;
    parts->cap = cap;
    return 0;
}

/* The position of the first item whose index is not below this one. */
static size_t find(const struct llmobs_stream_parts *parts, size_t size,
                   int64_t index)
{
    size_t low = 0, high = parts->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (index_of(parts, size, middle) < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int llmobs_stream_part_at(struct llmobs_stream_parts *parts, size_t size,
                          size_t max, int64_t index, void **item)
{
    size_t i = find(parts, size, index);
    char *at;
    int rc;

    if (i == parts->count || index_of(parts, size, i) != index) {
        rc = make_room(parts, size, max);
        if (rc < 0)
            return rc;
        at = (char *)parts->items + i * size;
        memmove(at + size, at, (parts->count - i) * size);
        memset(at, 0, size);
        memcpy(at, &index, sizeof(index));
        parts->count++;
    }
    *item = (char *)parts->items + i * size;
    return 0;
}

void llmobs_stream_parts_fini(struct llmobs_stream_parts *parts)
{
    free(parts->items);
    parts->items = NULL;
    parts->count = parts->cap = 0;
}
