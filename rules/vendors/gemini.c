/* The generateContent dialect of Gemini and Vertex AI (WIRE 6.10). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/vendors/gemini_parts.h"
#include "rules/vendors/gemini_stream.h"
#include "rules/vendors/gemini_tools.h"
#include "rules/vendors/google.h"
#include "rules/read/cut_json.h"
#include "rules/read/facts.h"
#include "rules/read/sources.h"
#include "rules/read/stream_parts.h"

static const char settings[] =
    "temperature\0topP\0topK\0candidateCount\0maxOutputTokens\0stopSequences\0"
    "responseLogprobs\0logprobs\0presencePenalty\0frequencyPenalty\0seed\0"
    "responseMimeType\0safetySettings\0automaticFunctionCalling\0";

/* A streamed answer. */
struct stream {
    struct llmobs_gemini_stream parts; /* of all its chunks */
    struct llmobs_json *usage;         /* the last that came */
    struct llmobs_stream_parts candidates;
    char *model; /* the last that came */
};

struct candidate {
    int64_t index;
    char *reason; /* why it ended; NULL: not known */
};

static bool gemini_is_request(const struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    const struct llmobs_json *contents =
        llmobs_json_get(reading->request, "contents");

    if (call->request_truncated)
        return llmobs_cut_json_has(call->request, call->request_tail,
                                   "contents");
    return llmobs_json_is_array(contents) || llmobs_json_is_object(contents);
}

static int gemini_read_inputs(const struct llmobs_json *request,
                              struct llmobs_span *span)
{
    const struct llmobs_json *contents = llmobs_json_get(request, "contents");
    struct llmobs_json *list = span->input_messages;
    int rc = llmobs_gemini_add_content(
        list, llmobs_google_get(request, "systemInstruction"), "system");

    llmobs_fact_apart(span);
    for (size_t i = 0; rc == 0 && i < llmobs_google_len(contents); i++) {
        const struct llmobs_json *content = llmobs_google_at(contents, i);

        rc = llmobs_gemini_add_content(list, content,
                                       llmobs_gemini_role(content, "user"));
    }
    return rc;
}

static int gemini_read_request(struct llmobs_reading *reading)
{
    struct llmobs_span *span = reading->span;
    int rc = llmobs_google_metadata(
        llmobs_google_get(reading->request, "generationConfig"),
        reading->request, settings, span);

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    span->input_messages = llmobs_json_array();
    if (!span->input_messages)
        return -ENOMEM;
    rc = gemini_read_inputs(reading->request, span);
    return rc < 0 ? rc
                  : llmobs_gemini_read_tools(reading->request,
                                             &span->tool_definitions);
}

static int gemini_read_usage(const struct llmobs_json *usage,
                             struct llmobs_span *span)
{
    static const struct llmobs_google_counts counts = {
        .input = "promptTokenCount",
        .tools = "toolUsePromptTokenCount",
        .output = "candidatesTokenCount",
        .thoughts = "thoughtsTokenCount",
        .total = "totalTokenCount",
        .cached = "cachedContentTokenCount",
    };

    llmobs_google_usage(usage, &counts, span);
    return llmobs_json_set_texts(
        span->metadata, "service_tier",
        llmobs_google_gets(usage, "serviceTier"), "traffic_type",
        llmobs_google_gets(usage, "trafficType"), NULL);
}

static bool is_reason(const char *reason)
{
    return reason && *reason &&
           strcmp(reason, "FINISH_REASON_UNSPECIFIED") != 0;
}

/* Why a prompt was refused. Its numbers differ from a candidate's reasons. */
static const char *gemini_block_of(const struct llmobs_json *body)
{
    const struct llmobs_json *reason = llmobs_google_get(
        llmobs_google_get(body, "promptFeedback"), "blockReason");

    if (llmobs_json_is_int(reason) && llmobs_json_to_int(reason) > 0)
        return llmobs_json_to_int(reason) == 1 ? "SAFETY" : "OTHER";
    return llmobs_json_text(reason);
}

/* Notes a refused prompt, whose answer has no candidates. */
static void note_block(struct llmobs_reading *reading,
                       const struct llmobs_json *body)
{
    if (is_reason(gemini_block_of(body)))
        llmobs_fact_finish(reading->span, gemini_block_of(body));
}

/* Notes the provider's own words on the end of an answer, or on a refusal. */
static int note_words(struct llmobs_reading *reading,
                      const struct llmobs_json *body)
{
    const struct llmobs_json *candidate =
        llmobs_google_at(llmobs_google_get(body, "candidates"), 0);

    return llmobs_json_set_texts(
        reading->span->metadata, "block_reason_message",
        llmobs_google_gets(llmobs_google_get(body, "promptFeedback"),
                           "blockReasonMessage"),
        "finish_message", llmobs_google_gets(candidate, "finishMessage"), NULL);
}

static int gemini_read_document(struct llmobs_reading *reading,
                                const struct llmobs_json *body)
{
    const struct llmobs_json *candidates = llmobs_json_get(body, "candidates");
    struct llmobs_json *list = llmobs_json_array();
    int rc = list ? 0 : -ENOMEM;

    reading->span->output_messages = list;
    for (size_t i = 0; rc == 0 && i < llmobs_google_len(candidates); i++) {
        const struct llmobs_json *candidate = llmobs_google_at(candidates, i);
        const struct llmobs_json *content =
            llmobs_json_get(candidate, "content");
        char word[LLMOBS_GOOGLE_REASON_CAP];

        llmobs_fact_finish(
            reading->span,
            llmobs_google_reason(llmobs_google_get(candidate, "finishReason"),
                                 word));
        rc = llmobs_gemini_add_content(
            list, content, llmobs_gemini_role(content, "assistant"));
    }
    if (llmobs_google_len(candidates) == 0)
        note_block(reading, body);
    if (rc == 0)
        rc = gemini_read_usage(llmobs_google_get(body, "usageMetadata"),
                               reading->span);
    if (rc == 0)
        rc = note_words(reading, body);
    if (rc == 0)
        rc = llmobs_sources_read(reading->span, body, LLMOBS_SOURCES_GEMINI);
    return rc < 0 ? rc
                  : llmobs_reading_model(
                        reading, llmobs_json_gets(body, "modelVersion"));
}

/* Reads everything of a chunk but its candidates and sources. The words are
 * those of the end. */
static int note_chunk(struct llmobs_reading *reading,
                      const struct llmobs_json *chunk)
{
    struct llmobs_json *usage = llmobs_google_get(chunk, "usageMetadata");
    const char *model = llmobs_json_gets(chunk, "modelVersion");
    struct stream *stream = reading->state;

    if (is_reason(gemini_block_of(chunk))) {
        reading->done = true;
        if (stream->candidates.count == 0)
            note_block(reading, chunk);
    }
    if (llmobs_json_is_object(usage)) {
        llmobs_json_free(stream->usage);
        stream->usage = llmobs_json_share(usage);
    }
    if (model && *model && llmobs_span_set(&stream->model, model) < 0)
        return -ENOMEM;
    return reading->done ? note_words(reading, chunk) : 0;
}

static int add_reason(struct llmobs_reading *reading,
                      const struct llmobs_json *from)
{
    char word[LLMOBS_GOOGLE_REASON_CAP];
    const char *reason =
        llmobs_google_reason(llmobs_google_get(from, "finishReason"), word);
    struct stream *stream = reading->state;
    struct candidate *candidate;
    void *item;
    int rc = llmobs_stream_part_at(
        &stream->candidates, sizeof(*candidate), LLMOBS_FACT_ITEMS,
        llmobs_json_to_int(llmobs_json_get(from, "index")), &item);

    if (is_reason(reason))
        reading->done = true;
    if (rc < 0)
        return rc == -ENOSPC ? 0 : rc;
    candidate = item;
    return is_reason(reason) ? llmobs_span_set(&candidate->reason, reason) : 0;
}

static int gemini_read_event(struct llmobs_reading *reading,
                             const struct llmobs_event *event)
{
    const struct llmobs_json *candidates =
        llmobs_json_get(event->json, "candidates");
    size_t count = llmobs_google_len(candidates);
    struct stream *stream = reading->state;
    int rc = llmobs_gemini_stream_begin(&stream->parts);

    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct llmobs_json *candidate = llmobs_google_at(candidates, i);
        const struct llmobs_json *content =
            llmobs_json_get(candidate, "content");

        rc = add_reason(reading, candidate);
        if (rc == 0 && llmobs_json_is_object(content))
            rc = llmobs_gemini_stream_add(&stream->parts, content);
    }
    if (stream->parts.begun)
        llmobs_reading_token(reading, event);
    if (rc == 0)
        rc = note_chunk(reading, event->json);
    return rc < 0 ? rc
                  : llmobs_sources_event(reading, event, LLMOBS_SOURCES_GEMINI);
}

static const struct candidate *candidate_of(const struct stream *stream,
                                            size_t i)
{
    return (const struct candidate *)stream->candidates.items + i;
}

static int gemini_finish_stream(struct llmobs_reading *reading)
{
    struct stream *stream = reading->state;
    int rc = llmobs_reading_model(reading, stream->model);

    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_RESPONSE_MODEL,
                     stream->model);
    if (rc == 0)
        rc = gemini_read_usage(stream->usage, reading->span);
    for (size_t i = 0; i < stream->candidates.count; i++)
        llmobs_fact_finish(reading->span, candidate_of(stream, i)->reason);
    if (rc < 0 || !stream->parts.others)
        return rc;
    reading->span->output_messages =
        llmobs_gemini_stream_messages(&stream->parts);
    return reading->span->output_messages ? 0 : -ENOMEM;
}

static void gemini_free_stream(void *state)
{
    struct stream *stream = state;

    for (size_t i = 0; i < stream->candidates.count; i++)
        free(candidate_of(stream, i)->reason);
    llmobs_stream_parts_fini(&stream->candidates);
    llmobs_gemini_stream_fini(&stream->parts);
    llmobs_json_free(stream->usage);
    free(stream->model);
}

static int gemini_read_ends(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *usage =
        llmobs_cut_json_last(call->response_tail, "usageMetadata");
    struct llmobs_json *model =
        llmobs_cut_json_last(call->response_tail, "modelVersion");
    struct llmobs_json *reason =
        llmobs_cut_json_last(call->response_tail, "finishReason");
    char word[LLMOBS_GOOGLE_REASON_CAP];
    const char *why = llmobs_google_reason(reason, word);
    int rc = llmobs_reading_model(reading, llmobs_json_text(model));

    reading->span->complete = is_reason(why);
    llmobs_fact_finish(reading->span, why);
    if (rc == 0)
        rc = gemini_read_usage(usage, reading->span);
    llmobs_json_free(usage);
    llmobs_json_free(model);
    llmobs_json_free(reason);
    return rc;
}

static const struct llmobs_form form = {
    .keys = "generationConfig\0generation_config\0safetySettings\0"
            "safety_settings\0",
    .confirm = gemini_is_request,
    .begin = llmobs_google_begin,
    .request = gemini_read_request,
    .document = gemini_read_document,
    .event = gemini_read_event,
    .model = llmobs_google_model,
    .finish = gemini_finish_stream,
    .ends = gemini_read_ends,
    LLMOBS_STATE(struct stream, gemini_free_stream),
    .framing = LLMOBS_FRAMING_ARRAY,
    .failed_role = "assistant",
};

static const struct llmobs_shape shapes[] = {
    LLMOBS_POST(LLM, "/*:generateContent", "generateContent",
                "google_genai.request", .genai = "generate_content",
                .any_host = true, .telling = true),
    LLMOBS_POST(LLM, "/*:streamGenerateContent", "streamGenerateContent",
                "google_genai.request", .genai = "generate_content",
                .any_host = true, .telling = true, .streams = true),
};

LLMOBS_DIALECT(gemini, .integration = "google_genai", .genai = "gcp.gen_ai",
               LLMOBS_SHAPES(shapes), .form = &form, LLMOBS_ALL_MEDIA_TOLD);
