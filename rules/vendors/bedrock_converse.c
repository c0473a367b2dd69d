/* Bedrock's Converse and ConverseStream (WIRE 6.9). */
#include <errno.h>

#include "rules/vendors/converse.h"
#include "rules/read/cut_json.h"
#include "rules/read/facts.h"
#include "rules/read/sources.h"

static const char keys[] = "inferenceConfig\0toolConfig\0";

static bool is_converse(const struct llmobs_reading *reading)
{
    return llmobs_reading_has(reading, "messages");
}

static int read_usage(const struct llmobs_json *usage, struct llmobs_span *span)
{
    struct llmobs_counts tokens;

    if (!llmobs_json_is_object(usage))
        return 0;
    llmobs_converse_usage(usage, &tokens);
    llmobs_bedrock_count(&tokens, span);
    return 0;
}

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    const char *reason = llmobs_json_gets(body, "stopReason");
    struct llmobs_span *span = reading->span;
    int rc = llmobs_converse_outputs(body, &span->output_messages);

    if (rc == 0)
        rc = llmobs_sources_read(span, body, LLMOBS_SOURCES_CONVERSE);
    if (span->output_messages || reason)
        llmobs_fact_finish(span, reason);
    if (rc == 0)
        rc = llmobs_json_sets(span->metadata, "stop_reason", reason);
    return rc < 0 ? rc : read_usage(llmobs_json_get(body, "usage"), span);
}

static int read_event(struct llmobs_reading *reading,
                      const struct llmobs_event *event)
{
    struct llmobs_converse_stream *stream = reading->state;
    int rc;

    if (event->failed)
        return 0;
    rc = llmobs_converse_stream_add(stream, event->type, event->json);
    if (rc == 0)
        rc = llmobs_sources_event(reading, event, LLMOBS_SOURCES_CONVERSE);
    if (stream->begun)
        llmobs_reading_token(reading, event);
    reading->done = stream->done;
    return rc;
}

static int finish_stream(struct llmobs_reading *reading)
{
    struct llmobs_converse_stream *stream = reading->state;
    struct llmobs_span *span = reading->span;
    int rc =
        llmobs_json_sets(span->metadata, "stop_reason", stream->stop_reason);

    if (rc < 0)
        return rc;
    llmobs_converse_stream_reason(stream, span);
    span->output_messages = llmobs_converse_stream_take(stream);
    return span->output_messages ? read_usage(stream->usage, span) : -ENOMEM;
}

static int read_ends(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *usage =
        llmobs_cut_json_last(call->response_tail, "usage");
    struct llmobs_json *reason =
        llmobs_cut_json_last(call->response_tail, "stopReason");
    const char *text = llmobs_json_text(reason);
    int rc;

    if (!text) {
        llmobs_json_free(reason);
        reason = llmobs_cut_json_last(call->response, "stopReason");
        text = llmobs_json_text(reason);
    }
    reading->span->complete = text != NULL;
    llmobs_fact_finish(reading->span, text);
    rc = llmobs_json_sets(reading->span->metadata, "stop_reason", text);
    if (rc == 0)
        rc = read_usage(usage, reading->span);
    llmobs_json_free(usage);
    llmobs_json_free(reason);
    return rc;
}

const struct llmobs_form llmobs_form_bedrock_converse = {
    .keys = keys,
    .confirm = is_converse,
    .begin = llmobs_bedrock_begin,
    .request = llmobs_converse_request,
    .document = read_document,
    .event = read_event,
    .finish = finish_stream,
    .ends = read_ends,
    LLMOBS_STATE(struct llmobs_converse_stream, llmobs_converse_stream_fini),
    .framing = LLMOBS_FRAMING_AWS,
};
