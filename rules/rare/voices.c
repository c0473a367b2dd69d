/* Hooks of voices.api. */
#include <errno.h>
#include <stdlib.h>

#include "rules/read/cut_json.h"
#include "rules/read/hooks.h"
#include "rules/read/media.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"
#include "rules/read/usage.h"
#include "rules/read/values.h"
#include "rules/tables/speech.h"

/* -- ElevenLabs ------------------------------------------------------------ */

/* Reads the transcript, or one for each channel if the channels are apart. */
int llmobs_elevenlabs_read(struct llmobs_reading *reading,
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

/* -- Deepgram -------------------------------------------------------------- */

/* The first model that the answer names. The URL's parameters, which name the
 * wanted model, are not kept. */
static const char *deepgram_model(const struct llmobs_json *metadata)
{
    const struct llmobs_json *all = llmobs_json_get(metadata, "model_info");
    const char *id = llmobs_json_text(
        llmobs_json_at(llmobs_json_get(metadata, "models"), 0));

    return id ? llmobs_json_gets(llmobs_json_get(all, id), "name") : NULL;
}

int llmobs_deepgram_read(struct llmobs_reading *reading,
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
    /* The likeliest transcript of each channel, one a line. */
    for (size_t i = 0; rc == 0 && llmobs_json_is_array(channels) &&
                       i < llmobs_json_len(channels);
         i++) {
        const struct llmobs_json *best = llmobs_json_at(
            llmobs_json_get(llmobs_json_at(channels, i), "alternatives"), 0);

        rc = i > 0 ? llmobs_message_content_append(&text, "\n") : 0;
        if (rc == 0)
            rc = llmobs_message_content_append(
                &text, llmobs_json_gets(best, "transcript"));
    }
    if (rc == 0 && text.data == NULL && llmobs_json_is_array(channels))
        rc = llmobs_buf_adds(&text, "");
    if (rc == 0)
        rc = llmobs_speech_transcript(reading->span, text.data,
                                      llmobs_json_get(metadata, "duration"));
    llmobs_buf_fini(&text);
    return rc;
}

/* Sets the text to be read aloud, or the text's URL. */
int llmobs_deepgram_request(struct llmobs_reading *reading)
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
int llmobs_deepgram_document(struct llmobs_reading *reading,
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
int llmobs_deepgram_ends(struct llmobs_reading *reading)
{
    struct llmobs_json *metadata =
        llmobs_cut_json_first(reading->classified->call->response, "metadata");

    deepgram_count(reading->span, metadata, "input_tokens");
    deepgram_count(reading->span, metadata, "output_tokens");
    llmobs_json_free(metadata);
    return llmobs_reading_ends(reading);
}

/* -- AssemblyAI ------------------------------------------------------------ */

static const char *assembly_model(const struct llmobs_json *body)
{
    const char *model = llmobs_json_gets(body, "speech_model_used");

    return model ? model : llmobs_json_gets(body, "speech_model");
}

/* The call begins a job, whose text a later request gets. */
int llmobs_assembly_read(struct llmobs_reading *reading,
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

/* Notes the model, if the request asks for only one. */
int llmobs_assembly_asked(struct llmobs_reading *reading)
{
    const struct llmobs_json *list =
        llmobs_json_get(reading->request, "speech_models");
    const char *model = llmobs_json_gets(reading->request, "speech_model");

    if (!model && llmobs_json_len(list) == 1)
        model = llmobs_json_text(llmobs_json_at(list, 0));
    return llmobs_reading_model(reading, model);
}

/* Begins a poll of a job: its id, and its text or its status. */
int llmobs_assembly_begin(struct llmobs_reading *reading)
{
    char *id = llmobs_url_segment(reading->classified->url->path, 0);

    free(reading->span->input_value);
    reading->span->input_value = id;
    return id ? 0 : -ENOMEM;
}

int llmobs_assembly_job(struct llmobs_reading *reading,
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
