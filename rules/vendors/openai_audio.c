/* Speech to text: transcriptions and translations of OpenAI, Azure, Groq,
 * Mistral, Cohere and the servers of their form (WIRE 6.15). The request is a
 * form; of the sound in it the span has the size.
 *
 * Source: openai/openai-openapi, CreateTranscriptionRequest and
 * CreateTranslationRequest (2026-08); npm's @mistralai/mistralai,
 * AudioTranscriptionRequest. */
#include <string.h>

#include "rules/vendors/openai.h"
#include "rules/read/facts.h"
#include "rules/read/media.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"
#include "rules/read/request.h"
#include "rules/read/usage.h"

static int openai_audio_begin(struct llmobs_reading *reading)
{
    return llmobs_message_put(&reading->span->input_messages, "user",
                              llmobs_text_of("[audio]"));
}

static const char audio_keys[] =
    "language\0response_format\0temperature\0timestamp_granularities\0"
    "chunking_strategy\0include\0known_speaker_names\0diarize\0context_bias\0"
    "stream\0";

/* The prompt, which leads the transcription, and words for each sound. */
static int read_request(struct llmobs_reading *reading)
{
    struct llmobs_span *span = reading->span;
    struct llmobs_buf text;
    int rc = llmobs_request_metadata(reading->request, audio_keys, span);

    llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
    if (rc == 0)
        rc = llmobs_message_content_append(
            &text, llmobs_json_gets(reading->request, "prompt"));
    if (rc == 0)
        rc = llmobs_media_file(&text, "audio",
                               llmobs_json_get(reading->request, "file"));
    if (rc == 0 && text.len > 0) {
        rc = llmobs_message_put(&span->input_messages, "user",
                                llmobs_buf_text(&text));
    }
    llmobs_buf_fini(&text);
    return rc;
}

static int set_output(struct llmobs_reading *reading, struct llmobs_text text)
{
    return llmobs_message_put(&reading->span->output_messages, "assistant",
                              text);
}

/* Older models are paid by the second, newer ones by the token; Mistral gives
 * both counts. */
static int read_usage(const struct llmobs_json *body, struct llmobs_span *span)
{
    const struct llmobs_json *usage = llmobs_usage_find(body);
    const struct llmobs_json *seconds = llmobs_json_get(usage, "seconds");
    bool timed =
        llmobs_json_is_number(seconds) && llmobs_json_to_real(seconds) >= 0;
    int rc = timed ? llmobs_usage_costs(usage, span)
                   : llmobs_usage_read(usage, span);

    if (!timed) {
        seconds = llmobs_json_get(usage, "prompt_audio_seconds");
        if (seconds) /* its total has the sound's tokens as well */
            llmobs_span_metric(span, "total_tokens",
                               llmobs_usage_count(usage, "total_tokens"));
    }
    if (!usage) /* Groq and others, who bill the sound by the second */
        seconds = llmobs_json_get(body, "duration");
    return rc < 0 ? rc : llmobs_usage_sound(span, seconds);
}

/* Adds who spoke what, a line for each segment that has a speaker. */
static int add_speakers(struct llmobs_buf *out,
                        const struct llmobs_json *segments)
{
    int rc = 0;

    LLMOBS_JSON_EACH (one, segments, rc == 0) {
        const char *speaker = llmobs_json_gets(one, "speaker");
        const char *text = llmobs_json_gets(one, "text");

        if (!speaker || !text)
            continue;
        rc = llmobs_message_content_append(out, out->len ? "\n" : "");
        if (rc == 0)
            rc = llmobs_message_content_append(out, speaker);
        if (rc == 0)
            rc = llmobs_message_content_append(out, ": ");
        if (rc == 0)
            rc = llmobs_message_content_append(out, text);
    }
    return rc;
}

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    const char *text = llmobs_json_gets(body, "text");
    struct llmobs_buf spoken;
    int rc;

    if (reading->classified->call->status >= 300)
        return 0;
    rc = read_usage(body, reading->span);
    if (rc == 0)
        rc = llmobs_reading_model(reading, llmobs_json_gets(body, "model"));
    if (rc == 0)
        rc = llmobs_json_sets(reading->span->metadata, "language",
                              llmobs_json_gets(body, "language"));
    if (rc < 0 || !text)
        return rc;
    llmobs_buf_init(&spoken, LLMOBS_MESSAGE_CONTENT_MAX);
    rc = add_speakers(&spoken, llmobs_json_get(body, "segments"));
    if (rc == 0)
        rc = set_output(reading, spoken.len ? llmobs_buf_text(&spoken)
                                            : llmobs_text_of(text));
    llmobs_buf_fini(&spoken);
    return rc;
}

/* The pieces of a stream; the last event has the whole text, and the usage. */
struct audio {
    struct llmobs_buf text;
};

static const char *piece_of(const char *type, const struct llmobs_json *event)
{
    if (!type) /* vLLM has chunks as of a chat */
        return llmobs_json_gets(
            llmobs_json_get(
                llmobs_json_at(llmobs_json_get(event, "choices"), 0), "delta"),
            "content");
    if (strcmp(type, "transcript.text.delta") == 0)
        return llmobs_json_gets(event, "delta");
    return strcmp(type, "transcription.text.delta") == 0
               ? llmobs_json_gets(event, "text")
               : NULL;
}

/* The last event, whose text is all of it. */
static int end_text(struct llmobs_reading *reading,
                    const struct llmobs_json *event)
{
    struct audio *audio = reading->state;
    int rc = read_usage(event, reading->span);

    reading->done = true;
    if (llmobs_json_gets(event, "text"))
        llmobs_buf_cut(&audio->text, 0);
    return rc < 0 ? rc
                  : llmobs_reading_model(reading,
                                         llmobs_json_gets(event, "model"));
}

/* What a chunk of vLLM's has beside its text. */
static int read_chunk(struct llmobs_reading *reading,
                      const struct llmobs_json *chunk)
{
    const char *reason = llmobs_json_gets(
        llmobs_json_at(llmobs_json_get(chunk, "choices"), 0), "finish_reason");
    int rc = read_usage(chunk, reading->span);

    if (reason)
        llmobs_fact_finish(reading->span, reason);
    reading->done = reading->done || reason;
    return rc < 0 ? rc
                  : llmobs_reading_model(reading,
                                         llmobs_json_gets(chunk, "model"));
}

static int read_event(struct llmobs_reading *reading,
                      const struct llmobs_event *event)
{
    struct audio *audio = reading->state;
    const char *type = llmobs_json_gets(event->json, "type");
    const char *piece;
    int rc = 0;

    piece = piece_of(type, event->json);
    if (!type)
        rc = read_chunk(reading, event->json);
    else if (strcmp(type, "transcript.text.done") == 0 || /* OpenAI's */
             strcmp(type, "transcription.done") == 0) {   /* Mistral's */
        rc = end_text(reading, event->json);
        piece = llmobs_json_gets(event->json, "text");
    }
    if (piece && *piece)
        llmobs_reading_token(reading, event);
    if (rc == 0 && piece)
        rc = llmobs_message_content_append(&audio->text, piece);
    return rc;
}

static int openai_audio_finish(struct llmobs_reading *reading)
{
    struct audio *audio = reading->state;

    if (audio->text.len == 0 && !reading->done)
        return 0;
    return set_output(
        reading, (struct llmobs_text){audio->text.data ? audio->text.data : "",
                                      audio->text.len});
}

static void free_state(void *state)
{
    llmobs_buf_fini(&((struct audio *)state)->text);
}

const struct llmobs_form llmobs_form_openai_audio = {
    .begin = openai_audio_begin,
    .keys = audio_keys,
    .request = read_request,
    .document = read_document,
    .event = read_event,
    .finish = openai_audio_finish,
    .ends = llmobs_reading_ends,
    LLMOBS_STATE(struct audio, free_state),
    .unknown = "unknown_model",
};
