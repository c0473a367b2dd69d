/* The Anthropic messages dialect (WIRE 6.8): Anthropic's own API, other
 * vendors' APIs in its form, and its models on Vertex AI. */
#include <errno.h>
#include <string.h>

#include "rules/vendors/anthropic_message.h"
#include "rules/vendors/anthropic_stream.h"
#include "rules/vendors/google.h"
#include "rules/read/cut_json.h"
#include "rules/read/facts.h"
#include "rules/read/reading.h"
#include "rules/read/request.h"
#include "rules/read/sources.h"
#include "rules/read/tools.h"
#include "rules/read/usage.h"

/* The keys of the metadata; the other keys to look for give facts. */
static const char metadata_keys[] = "max_tokens\0temperature\0";
static const char keys[] =
    "max_tokens\0temperature\0output_config\0output_format\0service_tier\0";

static bool has_messages(const struct llmobs_reading *reading)
{
    return llmobs_request_has_messages(reading->classified->call,
                                       reading->request);
}

/* True for a messages request: it has messages, and a model unless the path
 * names the model. */
static bool is_message(const struct llmobs_reading *reading)
{
    bool named = strcmp(reading->classified->shape->operation, "messages") != 0;

    return has_messages(reading) &&
           (named ||
            llmobs_json_is_string(llmobs_json_get(reading->request, "model")));
}

/* Vertex AI names the model in the path only (WIRE 6.2). A gateway may use a
 * path as common as "/messages" for something else; then its bodies are kept as
 * texts (WIRE 4.6). */
static int read_request(struct llmobs_reading *reading)
{
    struct llmobs_span *span = reading->span;
    int rc = llmobs_google_model(reading);

    if (reading->classified->proxied && !has_messages(reading))
        return -ENOTSUP;
    if (rc == 0)
        rc = llmobs_request_metadata(reading->request, metadata_keys, span);
    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    rc = llmobs_anthropic_inputs(reading->request, true, span);
    return rc < 0 ? rc
                  : llmobs_tools_read_definitions(reading->request,
                                                  &span->tool_definitions);
}

/* Tokens that are written to the cache have its short lifetime where the answer
 * does not split them by lifetime. */
static int split_writes(struct llmobs_span *span, int rc)
{
    struct llmobs_json *metrics = span->metrics;
    int64_t writes = llmobs_usage_count(metrics, "cache_write_input_tokens");

    if (llmobs_usage_count(metrics, "ephemeral_5m_input_tokens") >= 0)
        return rc;
    llmobs_span_metric(span, "ephemeral_5m_input_tokens", writes);
    llmobs_span_metric(span, "ephemeral_1h_input_tokens", writes < 0 ? -1 : 0);
    return rc;
}

/* What Claude's server took out of the context, which is not billed. */
static int put_edits(struct llmobs_span *span, const struct llmobs_json *body)
{
    struct llmobs_json *edits = llmobs_json_get(
        llmobs_json_get(body, "context_management"), "applied_edits");

    return llmobs_json_len(edits) > 0
               ? llmobs_json_set(span->metadata, "applied_edits",
                                 llmobs_json_share(edits))
               : 0;
}

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    struct llmobs_span *span = reading->span;
    int rc = llmobs_anthropic_outputs(body, &span->output_messages);

    if (rc == 0)
        rc = put_edits(span, body);
    if (rc == 0)
        rc = llmobs_sources_read(span, body, LLMOBS_SOURCES_ANTHROPIC);
    if (span->output_messages)
        llmobs_fact_finish(span, llmobs_json_gets(body, "stop_reason"));
    if (rc == 0)
        rc =
            llmobs_anthropic_usage(llmobs_json_get(body, "usage"),
                                   llmobs_json_get(body, "stop_details"), span);
    return split_writes(span, rc);
}

static int read_event(struct llmobs_reading *reading,
                      const struct llmobs_event *event)
{
    struct llmobs_anthropic_stream *stream = reading->state;
    int rc = llmobs_anthropic_stream_add(stream, event->json);

    if (rc == 0)
        rc = put_edits(reading->span, event->json);
    if (rc == 0)
        rc = llmobs_sources_event(reading, event, LLMOBS_SOURCES_ANTHROPIC);
    if (stream->begun)
        llmobs_reading_token(reading, event);
    reading->done = reading->done || stream->done;
    return rc;
}

static int finish_stream(struct llmobs_reading *reading)
{
    const struct llmobs_anthropic_stream *stream = reading->state;
    struct llmobs_span *span = reading->span;
    int rc = llmobs_anthropic_stream_outputs(stream, &span->output_messages);

    if (span->output_messages)
        llmobs_fact_finish(span, stream->reason);
    if (rc == 0)
        rc = llmobs_anthropic_stream_usage(stream, span);
    return split_writes(span, rc);
}

/* Finds a value after the content, or before it. */
static struct llmobs_json *find_value(const struct llmobs_call *call,
                                      const char *key)
{
    struct llmobs_json *value = llmobs_cut_json_last(call->response_tail, key);

    return value ? value : llmobs_cut_json_first(call->response, key);
}

static int read_ends(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *usage = find_value(call, "usage");
    struct llmobs_json *reason = find_value(call, "stop_reason");
    int rc;

    reading->span->complete = llmobs_json_is_string(reason);
    llmobs_fact_finish(reading->span, llmobs_json_text(reason));
    rc = llmobs_anthropic_usage(usage, NULL, reading->span);
    llmobs_json_free(usage);
    llmobs_json_free(reason);
    return split_writes(reading->span, rc);
}

const struct llmobs_form llmobs_form_anthropic = {
    .keys = keys,
    .confirm = is_message,
    .begin = llmobs_google_ask,
    .request = read_request,
    .document = read_document,
    .event = read_event,
    .finish = finish_stream,
    .ends = read_ends,
    LLMOBS_STATE(struct llmobs_anthropic_stream, llmobs_anthropic_stream_fini),
};
