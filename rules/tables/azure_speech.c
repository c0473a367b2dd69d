/* Azure's speech to text: fast transcription, whose request is a form, and the
 * API for short audio, whose request is the sound itself. No byte of the sound
 * is kept. Code, since neither request is JSON.
 *
 * Source: learn.microsoft.com, "Use the fast transcription API" (api-version
 * 2024-11-15), "LLM speech" (2025-10-15), and "Speech to text REST API for
 * short audio". */
#include <errno.h>
#include <string.h>

#include "rules/tables/speech.h"
#include "rules/read/usage.h"

#define MILLISECONDS 1e3

/* A resource has one host for all of Azure's models, so the host's provider
 * says less than this dialect. */
static int name_provider(struct llmobs_reading *reading)
{
    return reading->classified->proxied
               ? 0
               : llmobs_span_set(&reading->span->model_provider,
                                 "azure_speech");
}

/* -- fast transcription --------------------------------------------------- */

static bool is_defined(const struct llmobs_reading *reading)
{
    return llmobs_json_is_string(
        llmobs_json_get(reading->request, "definition"));
}

/* The field "definition" is a JSON document with the settings: they are read as
 * fields of the form. */
static int read_definition(struct llmobs_json *fields)
{
    const char *text = llmobs_json_gets(fields, "definition");
    struct llmobs_json *definition = NULL;
    int rc = text ? llmobs_json_parse(llmobs_text_of(text), &definition) : 0;

    if (rc < 0) /* no JSON document: the settings are not known */
        return rc == -ENOMEM ? rc : 0;
    for (void *it = llmobs_json_iter(definition); it && rc == 0;
         it = llmobs_json_next(definition, it))
        rc = llmobs_json_set(fields, llmobs_json_iter_key(it),
                             llmobs_json_share(llmobs_json_iter_value(it)));
    llmobs_json_free(definition);
    return rc;
}

/* Only the enhanced mode has models to choose from. */
static int fast_begin(struct llmobs_reading *reading)
{
    int rc = name_provider(reading);

    if (rc == 0 && reading->request)
        rc = read_definition(reading->request);
    if (rc == 0)
        rc = llmobs_reading_model(
            reading,
            llmobs_json_gets(llmobs_json_get(reading->request, "enhancedMode"),
                             "model"));
    return rc < 0 ? rc : llmobs_speech_begin_ear(reading);
}

/* One text for each channel. */
static int fast_read(struct llmobs_reading *reading,
                     const struct llmobs_json *body)
{
    const struct llmobs_json *list = llmobs_json_get(body, "combinedPhrases");
    int rc = llmobs_usage_seconds(reading->span, "audio_seconds",
                                  llmobs_json_get(body, "durationMilliseconds"),
                                  MILLISECONDS);

    return rc < 0 || !llmobs_json_is_array(list)
               ? rc
               : llmobs_speech_transcripts(reading->span, list, NULL);
}

static const struct llmobs_speech_ear fast_hears = {
    .url = "audioUrl",
    .file = "audio",
    .read = fast_read,
    .settings =
        "locales\0diarization\0channels\0profanityFilterMode\0phraseList\0"
        "enhancedMode\0",
};

static const struct llmobs_form fast = {
    LLMOBS_SPEECH_HEARD,
    .begin = fast_begin,
    .confirm = is_defined,
    .variant = &fast_hears,
};

/* -- short audio ---------------------------------------------------------- */

static int short_begin(struct llmobs_reading *reading)
{
    int rc = name_provider(reading);

    return rc < 0 ? rc : llmobs_speech_begin_ear(reading);
}

/* An answer of the detailed format has the likeliest text first. A sound in
 * which nothing was heard is no error. */
static int short_read(struct llmobs_reading *reading,
                      const struct llmobs_json *body)
{
    const char *status = llmobs_json_gets(body, "RecognitionStatus");
    const char *text = llmobs_json_gets(body, "DisplayText");
    struct llmobs_span *span = reading->span;
    int rc = llmobs_json_sets(span->metadata, "status", status);

    if (!text)
        text = llmobs_json_gets(
            llmobs_json_at(llmobs_json_get(body, "NBest"), 0), "Display");
    if (rc == 0 && status && strcmp(status, "Error") == 0)
        return llmobs_span_fail(span, status, NULL);
    return rc < 0 ? rc
                  : llmobs_speech_transcript(span, text || !status ? text : "",
                                             NULL);
}

static const struct llmobs_speech_ear short_hears = {
    .read = short_read,
    .settings = "",
};

static const struct llmobs_form short_audio = {
    LLMOBS_SPEECH_HEARD,
    .begin = short_begin,
    .variant = &short_hears,
};

/* -- the dialect ---------------------------------------------------------- */

LLMOBS_FORMS(forms, fast, short_audio);

static const struct llmobs_shape shapes[] = {
    LLMOBS_POST(LLM, "/speechtotext/transcriptions:transcribe", "transcription",
                "azure_speech.transcription", .genai = "transcription",
                .form = LLMOBS_FORM(fast), .any_host = true, .form_data = true),
    LLMOBS_POST(LLM, "/speech/recognition/*/cognitiveservices/v1",
                "short_transcription", "azure_speech.transcription",
                .genai = "transcription", .form = LLMOBS_FORM(short_audio),
                .form_data = true),
};

LLMOBS_DIALECT(azure_speech, .integration = "azure_speech",
               LLMOBS_SHAPES(shapes), .forms = forms);
