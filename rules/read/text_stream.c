#include "rules/read/text_stream.h"

#include <errno.h>
#include <stdlib.h>

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
