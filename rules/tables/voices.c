/* The APIs of the makers of voices and transcripts: ElevenLabs, Deepgram,
 * Cartesia, AssemblyAI, and MiniMax's speech. Code, since most bodies are sound
 * or forms.
 *
 * Source: the types of npm's @elevenlabs/elevenlabs-js 2.73.0, @deepgram/sdk
 * 5.13.0, @cartesia/cartesia-js 4.2.0 and assemblyai 4.41.5; symfony/ai,
 * Bridge/MiniMax. */
#include <errno.h>
#include <stdlib.h>

#include "rules/tables/speech.h"
#include "rules/read/cut_json.h"
#include "rules/read/media.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"
#include "rules/read/usage.h"
#include "rules/read/values.h"

/* -- ElevenLabs ------------------------------------------------------------ */

static const struct llmobs_speech_voice eleven = {
    .text = "text",
    .model = "model_id",
    .settings = "voice_settings\0language_code\0seed\0duration_seconds\0"
                "prompt_influence\0",
    .in_path = true,
};

/* Each line has a piece of the sound, with times. */
const struct llmobs_form llmobs_form_elevenlabs_voice = {
    LLMOBS_SPEECH_VOICE,
    .keys = "text\0model_id\0",
    .variant = &eleven,
    .framing = LLMOBS_FRAMING_LINES,
};

static const struct llmobs_speech_voice dialogue = {
    .text = "text",
    .turns = "inputs",
    .model = "model_id",
    .settings = "settings\0language_code\0seed\0apply_text_normalization\0",
};

const struct llmobs_form llmobs_form_elevenlabs_dialogue = {
    LLMOBS_SPEECH_VOICE,
    .keys =
        "model_id\0settings\0language_code\0seed\0apply_text_normalization\0",
    .variant = &dialogue,
    .framing = LLMOBS_FRAMING_LINES,
};

/* Reads the transcript, or one for each channel if the channels are apart. */
static int eleven_read(struct llmobs_reading *reading,
                       const struct llmobs_json *body)
{
    const struct llmobs_json *list = llmobs_json_get(body, "transcripts");
    const struct llmobs_json *seconds =
        llmobs_json_get(body, "audio_duration_secs");
    int rc = llmobs_json_sets(reading->span->metadata, "language",
                              llmobs_json_gets(body, "language_code"));

    if (rc < 0)
        return rc;
    return llmobs_json_is_array(list)
               ? llmobs_speech_transcripts(reading->span, list, seconds)
               : llmobs_speech_transcript(
                     reading->span, llmobs_json_gets(body, "text"), seconds);
}

static const char no_keys[] = "";

static const struct llmobs_speech_ear eleven_hears = {
    .url = "cloud_storage_url",
    .model = "model_id",
    .read = eleven_read,
    .settings = "language_code\0diarize\0num_speakers\0tag_audio_events\0"
                "timestamps_granularity\0temperature\0seed\0",
};

const struct llmobs_form llmobs_form_elevenlabs_ear = {
    LLMOBS_SPEECH_EAR,
    .variant = &eleven_hears,
};

/* -- Deepgram -------------------------------------------------------------- */

static const struct llmobs_speech_voice deepgram = {
    .text = "text",
    .settings = no_keys,
};

static const char deepgram_names[] = "text\0";

const struct llmobs_form llmobs_form_deepgram_voice = {
    LLMOBS_SPEECH_VOICE,
    .keys = deepgram_names,
    .variant = &deepgram,
};

/* The first model that the answer names. The URL's parameters, which name the
 * wanted model, are not kept. */
static const char *deepgram_model(const struct llmobs_json *metadata)
{
    const struct llmobs_json *all = llmobs_json_get(metadata, "model_info");
    const char *id = llmobs_json_text(
        llmobs_json_at(llmobs_json_get(metadata, "models"), 0));

    return id ? llmobs_json_gets(llmobs_json_get(all, id), "name") : NULL;
}

/* The likeliest transcript of each channel, one a line. */
static int append_channels(struct llmobs_buf *text,
                           const struct llmobs_json *channels)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && llmobs_json_is_array(channels) &&
                       i < llmobs_json_len(channels);
         i++) {
        const struct llmobs_json *best = llmobs_json_at(
            llmobs_json_get(llmobs_json_at(channels, i), "alternatives"), 0);

        rc = i > 0 ? llmobs_message_content_append(text, "\n") : 0;
        if (rc == 0)
            rc = llmobs_message_content_append(
                text, llmobs_json_gets(best, "transcript"));
    }
    return rc;
}

static int deepgram_read(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    const struct llmobs_json *metadata = llmobs_json_get(body, "metadata");
    const struct llmobs_json *channels =
        llmobs_json_get(llmobs_json_get(body, "results"), "channels");
    struct llmobs_buf text;
    int rc = llmobs_reading_model(reading, deepgram_model(metadata));

    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_RESPONSE_MODEL,
                     deepgram_model(metadata));
    llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
    if (rc == 0)
        rc = append_channels(&text, channels);
    if (rc == 0 && text.data == NULL && llmobs_json_is_array(channels))
        rc = llmobs_buf_adds(&text, "");
    if (rc == 0)
        rc = llmobs_speech_transcript(reading->span, text.data,
                                      llmobs_json_get(metadata, "duration"));
    llmobs_buf_fini(&text);
    return rc;
}

static const struct llmobs_speech_ear deepgram_hears = {
    .url = "url",
    .read = deepgram_read,
    .settings = no_keys,
};

const struct llmobs_form llmobs_form_deepgram_ear = {
    LLMOBS_SPEECH_EAR,
    .keys = "url\0",
    .variant = &deepgram_hears,
};

/* Sets the text to be read aloud, or the text's URL. */
static int deepgram_text(struct llmobs_reading *reading)
{
    const char *text = llmobs_json_gets(reading->request, "text");
    const char *url = llmobs_json_gets(reading->request, "url");
    struct llmobs_buf words;
    int rc = 0;

    if (reading->classified->call->request_truncated)
        return 0;
    llmobs_buf_init(&words, LLMOBS_MESSAGE_CONTENT_MAX);
    if (!text && url) {
        rc = llmobs_media_url(&words, "text", url);
        text = words.data;
    }
    if (rc == 0) {
        rc = llmobs_message_put(&reading->span->input_messages, "user",
                                llmobs_text_of(text));
    }
    llmobs_buf_fini(&words);
    return rc;
}

/* Each analysis counts its own tokens: the call has the sum, unless an analysis
 * has no count. */
static void deepgram_count(struct llmobs_span *span,
                           const struct llmobs_json *metadata, const char *key)
{
    static const char *const parts[] = {"summary_info", "sentiment_info",
                                        "topics_info", "intents_info"};
    int64_t sum = -1;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const struct llmobs_json *info = llmobs_json_get(metadata, parts[i]);
        int64_t count = llmobs_usage_count(info, key);

        if (info && count < 0)
            return;
        if (info)
            sum = (sum < 0 ? 0 : sum) + count;
    }
    llmobs_span_metric(span, key, sum);
}

/* Reads the analyses; a summary is the answer if it is the only one. */
static int deepgram_reads(struct llmobs_reading *reading,
                          const struct llmobs_json *body)
{
    const struct llmobs_json *metadata = llmobs_json_get(body, "metadata");
    const struct llmobs_json *results = llmobs_json_get(body, "results");
    const struct llmobs_json *summary =
        llmobs_json_get(llmobs_json_get(results, "summary"), "text");
    struct llmobs_span *span = reading->span;
    int rc = llmobs_json_sets(span->metadata, "language",
                              llmobs_json_gets(metadata, "language"));

    deepgram_count(span, metadata, "input_tokens");
    deepgram_count(span, metadata, "output_tokens");
    if (rc < 0 || !results || reading->classified->call->status >= 300)
        return rc;
    span->output_messages = llmobs_message_take(llmobs_value_text(
        llmobs_json_len(results) == 1 && llmobs_json_is_string(summary)
            ? summary
            : results));
    return span->output_messages ? 0 : -ENOMEM;
}

/* The counts stand before the results. */
static int deepgram_ends(struct llmobs_reading *reading)
{
    struct llmobs_json *metadata =
        llmobs_cut_json_first(reading->classified->call->response, "metadata");

    deepgram_count(reading->span, metadata, "input_tokens");
    deepgram_count(reading->span, metadata, "output_tokens");
    llmobs_json_free(metadata);
    return llmobs_reading_ends(reading);
}

const struct llmobs_form llmobs_form_deepgram_reader = {
    .request = deepgram_text,
    .document = deepgram_reads,
    .ends = deepgram_ends,
    .unknown = "unknown_model",
};

/* -- Cartesia -------------------------------------------------------------- */

static const struct llmobs_speech_voice cartesia = {
    .text = "transcript",
    .model = "model_id",
    .settings = "voice\0output_format\0language\0speed\0generation_config\0",
};

const struct llmobs_form llmobs_form_cartesia_voice = {
    LLMOBS_SPEECH_VOICE,
    .keys = "transcript\0model_id\0",
    .variant = &cartesia,
};

static const struct llmobs_speech_ear cartesia_hears = {
    .read = llmobs_speech_plain,
    .settings = "language\0timestamp_granularities\0",
};

const struct llmobs_form llmobs_form_cartesia_ear = {
    LLMOBS_SPEECH_EAR,
    .variant = &cartesia_hears,
};

/* -- MiniMax --------------------------------------------------------------- */

static const struct llmobs_speech_voice minimax = {
    .text = "text",
    .settings = "voice_setting\0audio_setting\0language_boost\0stream\0",
};

const struct llmobs_form llmobs_form_minimax_voice = {
    LLMOBS_SPEECH_VOICE,
    .keys = deepgram_names,
    .variant = &minimax,
};

/* -- AssemblyAI ------------------------------------------------------------ */

static const char *assembly_model(const struct llmobs_json *body)
{
    const char *model = llmobs_json_gets(body, "speech_model_used");

    return model ? model : llmobs_json_gets(body, "speech_model");
}

/* The call begins a job, whose text a later request gets. */
static int assembly_read(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    int rc = llmobs_reading_model(reading, assembly_model(body));

    if (rc == 0)
        rc = llmobs_json_sets(reading->span->metadata, "status",
                              llmobs_json_gets(body, "status"));
    return rc < 0 ? rc
                  : llmobs_speech_transcript(
                        reading->span, llmobs_json_gets(body, "text"), NULL);
}

static const struct llmobs_speech_ear assembly_hears = {
    .url = "audio_url",
    .read = assembly_read,
    .settings = "speech_model\0speech_models\0language_code\0speaker_labels\0"
                "punctuate\0",
};

/* Notes the model, if the request asks for only one. */
static int assembly_asked(struct llmobs_reading *reading)
{
    const struct llmobs_json *list =
        llmobs_json_get(reading->request, "speech_models");
    const char *model = llmobs_json_gets(reading->request, "speech_model");

    if (!model && llmobs_json_len(list) == 1)
        model = llmobs_json_text(llmobs_json_at(list, 0));
    return llmobs_reading_model(reading, model);
}

const struct llmobs_form llmobs_form_assemblyai_ear = {
    LLMOBS_SPEECH_EAR,
    .model = assembly_asked,
    .keys = "audio_url\0speech_model\0speech_models\0language_code\0"
            "speaker_labels\0punctuate\0",
    .variant = &assembly_hears,
};

/* Begins a poll of a job: its id, and its text or its status. */
static int assembly_begin(struct llmobs_reading *reading)
{
    char *id = llmobs_url_segment(reading->classified->url->path, 0);

    free(reading->span->input_value);
    reading->span->input_value = id;
    return id ? 0 : -ENOMEM;
}

static int assembly_job(struct llmobs_reading *reading,
                        const struct llmobs_json *body)
{
    const struct llmobs_json *text = llmobs_json_get(body, "text");
    struct llmobs_span *span = reading->span;
    int rc = llmobs_reading_model(reading, assembly_model(body));

    if (rc < 0 || reading->classified->call->status >= 300)
        return rc;
    rc = llmobs_json_sets(span->metadata, "status",
                          llmobs_json_gets(body, "status"));
    return rc < 0 ? rc
                  : llmobs_value_output(span,
                                        llmobs_json_is_string(text)
                                            ? text
                                            : llmobs_json_get(body, "status"));
}

const struct llmobs_form llmobs_form_assemblyai_poll = {
    .begin = assembly_begin,
    .document = assembly_job,
    .ends = llmobs_reading_ends,
};
