#include "rules/vendors/bedrock_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/text.h"
#include "rules/read/values.h"

void llmobs_bedrock_stream_fini(void *state)
{
    struct llmobs_bedrock_stream *stream = state;

    llmobs_buf_fini(&stream->text);
}

int llmobs_bedrock_stream_text(struct llmobs_reading *reading,
                               const struct llmobs_event *event,
                               struct llmobs_text piece)
{
    struct llmobs_bedrock_stream *stream = reading->state;

    if (piece.len == 0)
        return 0;
    if (stream->text.max == 0)
        llmobs_buf_init(&stream->text, LLMOBS_VALUE_MAX);
    llmobs_reading_token(reading, event);
    if (piece.len > LLMOBS_VALUE_MAX - stream->text.len)
        piece.len = LLMOBS_VALUE_MAX - stream->text.len;
    return llmobs_buf_add(&stream->text, piece.data, piece.len);
}

void llmobs_bedrock_stream_at(struct llmobs_reading *reading,
                              const struct llmobs_event *event)
{
    struct llmobs_bedrock_stream *stream = reading->state;

    stream->whole = event->end == reading->classified->call->response.len;
}

int llmobs_bedrock_stream_finish(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    const struct llmobs_bedrock_stream *stream = reading->state;
    struct llmobs_text text = {stream->text.data, stream->text.len};
    struct llmobs_span *span = reading->span;

    if (call->transport_ok && (stream->whole || call->response_truncated))
        span->complete = true;
    /* Sets no counts for a stream that was cut: they would be too low. */
    if (!call->response_truncated && stream->counted && !stream->partly &&
        span->complete) {
        llmobs_span_metric(span, "input_tokens", stream->input);
        llmobs_span_metric(span, "output_tokens", stream->output);
        llmobs_span_metric(span, "total_tokens",
                           stream->input + stream->output);
    }
    if (text.len == 0)
        return 0;
    text = llmobs_text_cut(text, LLMOBS_VALUE_MAX);
    free(span->output_value);
    span->output_value = strndup(text.data, text.len);
    return span->output_value ? 0 : -ENOMEM;
}
