/* Reads calls that make or transcribe speech. */
#include "rules/tables/speech.h"

#include <errno.h>
#include <string.h>

#include "rules/read/facts.h"
#include "rules/read/media.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"
#include "rules/read/request.h"
#include "rules/read/usage.h"
#include "rules/read/values.h"

/* -- a text becomes a sound ------------------------------------------------ */

static const struct llmobs_speech_voice *voice_of(
    const struct llmobs_reading *reading)
{
    return reading->form->variant;
}

int llmobs_speech_begin_voice(struct llmobs_reading *reading)
{
    const struct llmobs_speech_voice *voice = voice_of(reading);
    const char *model =
        voice->model ? llmobs_json_gets(reading->request, voice->model) : NULL;

    llmobs_fact_asked(reading, model);
    llmobs_span_fact_word(&reading->span->facts, LLMOBS_FACT_OUTPUT_TYPE,
                          "speech");
    return llmobs_reading_model(reading, model);
}

/* A voice may be a vector, from which anybody can make a person's voice again:
 * the span says only that it was a vector. */
static int drop_vector(struct llmobs_span *span)
{
    const struct llmobs_json *voice = llmobs_json_get(span->metadata, "voice");
    struct llmobs_json *plain;
    int rc;

    if (!llmobs_json_get(voice, "embedding"))
        return 0;
    plain = llmobs_json_object();
    rc = llmobs_json_sets(plain, "mode", "embedding");
    if (rc == 0)
        return llmobs_json_set(span->metadata, "voice", plain);
    llmobs_json_free(plain);
    llmobs_json_unset(span->metadata, "voice");
    return rc;
}

/* A message for each turn of a dialogue, and the voices that say them. */
static int say_turns(const struct llmobs_speech_voice *voice,
                     const struct llmobs_json *turns, struct llmobs_span *span)
{
    struct llmobs_json *voices = llmobs_json_array();
    int rc = 0;

    span->input_messages = llmobs_json_array();
    LLMOBS_JSON_EACH (turn, turns, rc == 0) {
        const char *id = llmobs_json_gets(turn, "voice_id");

        rc = llmobs_message_add_text(
            span->input_messages, "user",
            llmobs_text_of(llmobs_json_gets(turn, voice->text)));
        if (rc == 0)
            rc = llmobs_json_add(voices, llmobs_json_string(id ? id : ""));
    }
    return llmobs_json_set_made(span->metadata, "voice_ids", voices, rc);
}

int llmobs_speech_say(struct llmobs_reading *reading)
{
    const struct llmobs_speech_voice *voice = voice_of(reading);
    struct llmobs_span *span = reading->span;
    int rc = llmobs_request_metadata(reading->request, voice->settings, span);

    if (rc == 0)
        rc = drop_vector(span);
    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    if (voice->turns)
        return say_turns(voice, llmobs_json_get(reading->request, voice->turns),
                         span);
    return llmobs_message_put(
        &span->input_messages, "user",
        llmobs_text_of(llmobs_json_gets(reading->request, voice->text)));
}

/* The size of a sound within JSON, in hexadecimal from MiniMax, in base64 from
 * others. False: there is no sound. */
static bool sound_of(const struct llmobs_json *body, uint64_t *bytes)
{
    static const char *const keys[] = {"audio_base64", "audio_data", "data"};
    const struct llmobs_json *data = llmobs_json_get(body, "data");
    const char *hex = llmobs_json_gets(data, "audio");

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const char *text = llmobs_json_gets(body, keys[i]);

        if (text) {
            *bytes = llmobs_media_base64(llmobs_text_of(text));
            return true;
        }
    }
    if (hex)
        *bytes = strlen(hex) / 2;
    return hex;
}

int llmobs_speech_sound(struct llmobs_reading *reading,
                        const struct llmobs_json *body)
{
    uint64_t bytes;

    return reading->classified->call->status >= 300 || !sound_of(body, &bytes)
               ? 0
               : llmobs_message_put_mark(&reading->span->output_messages,
                                         "assistant", "audio", NULL, bytes);
}

/* The last event of MiniMax has the whole sound again. */
static bool is_last(const struct llmobs_json *event)
{
    const struct llmobs_json *status =
        llmobs_json_get(llmobs_json_get(event, "data"), "status");

    return llmobs_json_says(event, "type", "done") ||
           (llmobs_json_is_int(status) && llmobs_json_to_int(status) == 2);
}

int llmobs_speech_piece(struct llmobs_reading *reading,
                        const struct llmobs_event *event)
{
    struct llmobs_speech_state *state = reading->state;
    uint64_t bytes = 0;

    state->end = event->end;
    reading->done = reading->done || is_last(event->json);
    if (!is_last(event->json) && sound_of(event->json, &bytes)) {
        llmobs_reading_token(reading, event);
        state->sound += bytes;
    }
    return 0;
}

/* A stream of lines has no event that ends it. */
int llmobs_speech_finish(struct llmobs_reading *reading)
{
    const struct llmobs_speech_state *state = reading->state;
    const struct llmobs_call *call = reading->classified->call;

    if (reading->answer.framing == LLMOBS_FRAMING_LINES)
        reading->span->complete =
            call->transport_ok &&
            (call->response_truncated || state->end == call->response.len);
    return state->sound > 0
               ? llmobs_message_put_mark(&reading->span->output_messages,
                                         "assistant", "audio", NULL,
                                         state->sound)
               : 0;
}

/* Reads a cut answer: the sound's size, if the sound is the missing middle. */
int llmobs_speech_cut(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    uint64_t hex = llmobs_media_cut(call, "audio");
    uint64_t bytes = llmobs_media_cut(call, "audio_base64");
    int rc = llmobs_reading_ends(reading);

    if (bytes == 0) /* a digit is half a byte there */
        bytes = (hex * 4 + 2) / 3 / 2;
    if (rc < 0 || bytes == 0)
        return rc;
    reading->span->output_dropped = false;
    return llmobs_message_put_mark(&reading->span->output_messages, "assistant",
                                   "audio", NULL, bytes);
}

/* -- a sound becomes a text ------------------------------------------------ */

/* The input message is a mark in place of the sound, which is never kept. */
int llmobs_speech_begin_ear(struct llmobs_reading *reading)
{
    const struct llmobs_speech_ear *ear = reading->form->variant;
    const char *model =
        ear->model ? llmobs_json_gets(reading->request, ear->model) : NULL;
    const char *url =
        ear->url ? llmobs_json_gets(reading->request, ear->url) : NULL;
    struct llmobs_buf text;
    int rc = llmobs_reading_model(reading, model);

    llmobs_fact_asked(reading, model);
    llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
    if (rc == 0)
        rc = url ? llmobs_media_url(&text, "audio", url)
                 : llmobs_media_file(
                       &text, "audio",
                       llmobs_json_get(reading->request,
                                       ear->file ? ear->file : "file"));
    if (rc == 0 && text.len == 0)
        rc = llmobs_media_mark(&text, "audio", NULL, 0);
    if (rc == 0) {
        rc = llmobs_message_put(&reading->span->input_messages, "user",
                                llmobs_buf_text(&text));
    }
    llmobs_buf_fini(&text);
    return rc;
}

int llmobs_speech_settings(struct llmobs_reading *reading)
{
    const struct llmobs_speech_ear *ear = reading->form->variant;

    return llmobs_request_metadata(reading->request, ear->settings,
                                   reading->span);
}

int llmobs_speech_heard(struct llmobs_reading *reading,
                        const struct llmobs_json *body)
{
    const struct llmobs_speech_ear *ear = reading->form->variant;

    return reading->classified->call->status >= 300 ? 0
                                                    : ear->read(reading, body);
}

int llmobs_speech_transcript(struct llmobs_span *span, const char *text,
                             const struct llmobs_json *seconds)
{
    int rc = llmobs_usage_sound(span, seconds);

    if (rc < 0 || !text)
        return rc;
    return llmobs_message_put(&span->output_messages, "assistant",
                              llmobs_text_of(text));
}

int llmobs_speech_plain(struct llmobs_reading *reading,
                        const struct llmobs_json *body)
{
    int rc = llmobs_json_sets(reading->span->metadata, "language",
                              llmobs_json_gets(body, "language"));

    return rc < 0 ? rc
                  : llmobs_speech_transcript(reading->span,
                                             llmobs_json_gets(body, "text"),
                                             llmobs_json_get(body, "duration"));
}

int llmobs_speech_transcripts(struct llmobs_span *span,
                              const struct llmobs_json *list,
                              const struct llmobs_json *seconds)
{
    struct llmobs_json *lines = llmobs_value_lines(list, "text");
    int rc =
        lines ? llmobs_speech_transcript(span, llmobs_json_text(lines), seconds)
              : -ENOMEM;

    llmobs_json_free(lines);
    return rc;
}
