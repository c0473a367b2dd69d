/* OpenAI's images and speech, which most other providers speak too. A span has
 * the sizes of pictures and sounds, never their bytes.
 *
 * Source: openai/openai-openapi, /images/generations, /images/edits and
 * /audio/speech (2026-08); OpenRouter's /images: OpenRouterTeam/typescript-sdk,
 * imagegenerationrequest.ts and imagegenerationresponse.ts. */
#include <errno.h>

#include "rules/vendors/openai.h"
#include "rules/read/cut_json.h"
#include "rules/read/facts.h"
#include "rules/read/media.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"
#include "rules/read/request.h"
#include "rules/read/text.h"
#include "rules/read/usage.h"

static const char image_keys[] =
    "n\0size\0quality\0style\0background\0moderation\0output_format\0"
    "output_compression\0response_format\0partial_images\0stream\0"
    "aspect_ratio\0resolution\0";

static const char speech_keys[] =
    "voice\0voice_id\0response_format\0speed\0stream_format\0";

/* A streamed answer. */
struct state {
    struct llmobs_buf words;   /* for each picture that is ready */
    struct llmobs_json *usage; /* the last one */
    uint64_t sound;            /* bytes */
};

/* -- requests ------------------------------------------------------------ */

/* True for a request to make or change a picture. A form counts only if it
 * sends a picture: other programs send forms with a prompt to such a path. */
static bool asks_image(const struct llmobs_reading *reading)
{
    const struct llmobs_json *image =
        llmobs_json_get(reading->request, "image");

    return llmobs_openai_asks(reading, "prompt") &&
           (!reading->classified->call->multipart ||
            llmobs_json_is_object(image) || llmobs_json_is_array(image));
}

static bool asks_speech(const struct llmobs_reading *reading)
{
    return llmobs_openai_asks(reading, "input");
}

static int add_text(struct llmobs_json *list, const char *role,
                    struct llmobs_text text)
{
    return text.len > 0 ? llmobs_message_add_text(list, role, text) : 0;
}

/* Appends words for the pictures to change: URLs, objects with one, or ids. */
static int append_images(struct llmobs_buf *text,
                         const struct llmobs_json *images)
{
    int rc = 0;

    LLMOBS_JSON_EACH (image, images, rc == 0) {
        const char *url = llmobs_json_text(image);

        if (!url)
            url = llmobs_json_gets(image, "image_url");
        if (!url)
            url = llmobs_json_gets(llmobs_json_get(image, "image_url"), "url");
        rc = url ? llmobs_media_url(text, "image", url)
                 : llmobs_media_mark(text, "image",
                                     llmobs_json_gets(image, "file_id"), 0);
    }
    return rc;
}

static int read_image_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *request = reading->request;
    struct llmobs_span *span = reading->span;
    struct llmobs_buf text;
    int rc = llmobs_request_metadata(request, image_keys, span);

    llmobs_span_fact_word(&span->facts, LLMOBS_FACT_OUTPUT_TYPE, "image");
    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
    rc = llmobs_message_content_append(&text,
                                       llmobs_json_gets(request, "prompt"));
    if (rc == 0)
        rc = append_images(&text, llmobs_json_get(request, "images"));
    if (rc == 0) /* as OpenRouter has them */
        rc = append_images(&text, llmobs_json_get(request, "input_references"));
    if (rc == 0)
        rc = llmobs_media_file(&text, "image",
                               llmobs_json_get(request, "image"));
    if (rc == 0)
        rc = llmobs_media_file(&text, "mask", llmobs_json_get(request, "mask"));
    if (rc == 0) {
        rc = llmobs_message_put(&span->input_messages, "user",
                                llmobs_buf_text(&text));
    }
    llmobs_buf_fini(&text);
    return rc;
}

static int read_speech_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *request = reading->request;
    struct llmobs_span *span = reading->span;
    int rc = llmobs_request_metadata(request, speech_keys, span);

    llmobs_span_fact_word(&span->facts, LLMOBS_FACT_OUTPUT_TYPE, "speech");
    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    span->input_messages = llmobs_json_array();
    rc = add_text(span->input_messages, "system",
                  llmobs_text_of(llmobs_json_gets(request, "instructions")));
    llmobs_fact_apart(span);
    return rc < 0
               ? rc
               : add_text(span->input_messages, "user",
                          llmobs_text_of(llmobs_json_gets(request, "input")));
}

/* -- pictures ------------------------------------------------------------ */

/* Appends the prompt as the server changed it, and a word. */
static int append_image(struct llmobs_buf *text, const char *format,
                        const struct llmobs_json *image)
{
    const char *url = llmobs_json_gets(image, "url");
    const char *data = llmobs_json_gets(image, "b64_json");
    const char *prompt = llmobs_json_gets(image, "revised_prompt");
    int rc = text->len > 0 && llmobs_has_text(prompt)
                 ? llmobs_message_content_append(text, "\n")
                 : 0;

    if (rc == 0)
        rc = llmobs_message_content_append(text, prompt);
    if (rc < 0)
        return rc;
    if (url)
        return llmobs_media_url(text, "image", url);
    return llmobs_media_mark(text, "image", format,
                             llmobs_media_base64(llmobs_text_of(data)));
}

static int read_images(struct llmobs_reading *reading,
                       const struct llmobs_json *body)
{
    const struct llmobs_json *data = llmobs_json_get(body, "data");
    const char *format = llmobs_json_gets(body, "output_format");
    struct llmobs_json *list = llmobs_json_array();
    int rc = list ? 0 : -ENOMEM;

    reading->span->output_messages = list;
    LLMOBS_JSON_EACH (one, data, rc == 0) {
        /* Each picture is a message. */
        struct llmobs_buf text;
        llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
        rc = append_image(&text, format, one);
        if (rc == 0)
            rc = add_text(list, "assistant", llmobs_buf_text(&text));
        llmobs_buf_fini(&text);
    }
    return rc < 0 ? rc
                  : llmobs_usage_read(llmobs_usage_find(body), reading->span);
}

static void read_usage(struct state *state, const struct llmobs_json *event)
{
    struct llmobs_json *usage = llmobs_json_get(event, "usage");

    if (!llmobs_json_is_object(usage))
        return;
    llmobs_json_free(state->usage);
    state->usage = llmobs_json_share(usage);
}

static bool ends_with(const char *type, const char *end)
{
    return llmobs_text_ends(llmobs_text_of(type), end);
}

/* Drafts of a picture come before it. */
static int read_image_event(struct llmobs_reading *reading,
                            const struct llmobs_event *event)
{
    const char *type = llmobs_json_gets(event->json, "type");
    struct state *state = reading->state;

    state->words.max = LLMOBS_MESSAGE_CONTENT_MAX;
    read_usage(state, event->json);
    if (ends_with(type, ".partial_image"))
        llmobs_reading_token(reading, event);
    if (!ends_with(type, ".completed"))
        return 0;
    llmobs_reading_token(reading, event);
    reading->done = true;
    return append_image(&state->words,
                        llmobs_json_gets(event->json, "output_format"),
                        event->json);
}

static int put_words(struct llmobs_reading *reading)
{
    const struct state *state = reading->state;

    if (state->words.len == 0)
        return 0;
    return llmobs_message_put(&reading->span->output_messages, "assistant",
                              llmobs_buf_text(&state->words));
}

static int finish_images(struct llmobs_reading *reading)
{
    const struct state *state = reading->state;
    int rc = llmobs_usage_read(state->usage, reading->span);

    return rc < 0 ? rc : put_words(reading);
}

/* -- sounds -------------------------------------------------------------- */

/* Gives the base64 of the sound. OpenAI has it as "audio", in events alone;
 * Mistral has it as "audio_data", in events or in one JSON document. */
static const char *sound_of(const struct llmobs_json *body)
{
    const char *data = llmobs_json_gets(body, "audio");

    return data ? data : llmobs_json_gets(body, "audio_data");
}

static int read_speech_event(struct llmobs_reading *reading,
                             const struct llmobs_event *event)
{
    const char *type = llmobs_json_gets(event->json, "type");
    const char *data = sound_of(event->json);
    struct state *state = reading->state;

    read_usage(state, event->json);
    if (ends_with(type, ".done"))
        reading->done = true;
    if (!data || !ends_with(type, ".delta"))
        return 0;
    llmobs_reading_token(reading, event);
    state->sound += llmobs_media_base64(llmobs_text_of(data));
    return 0;
}

static int finish_speech(struct llmobs_reading *reading)
{
    struct state *state = reading->state;
    int rc = llmobs_usage_read(state->usage, reading->span);

    state->words.max = LLMOBS_MESSAGE_CONTENT_MAX;
    if (rc == 0 && state->sound > 0)
        rc = llmobs_media_mark(
            &state->words, "audio",
            llmobs_json_gets(reading->request, "response_format"),
            state->sound);
    return rc < 0 ? rc : put_words(reading);
}

static int read_speech(struct llmobs_reading *reading,
                       const struct llmobs_json *body)
{
    const char *data = sound_of(body);
    struct state *state = reading->state;

    if (reading->classified->call->status >= 300 || !data)
        return 0;
    state->usage = llmobs_json_share(llmobs_json_get(body, "usage"));
    state->sound = llmobs_media_base64(llmobs_text_of(data));
    return finish_speech(reading);
}

static void free_state(void *at)
{
    struct state *state = at;

    llmobs_buf_fini(&state->words);
    llmobs_json_free(state->usage);
}

/* The only picture of a large answer, of which the middle is missing. */
static int read_cut_image(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    static const char keys[] = "output_format\0";
    struct llmobs_json *told =
        llmobs_cut_json_object(call->response, call->response_tail, keys);
    struct llmobs_json *prompt =
        llmobs_cut_json_last(call->response_tail, "revised_prompt");
    uint64_t bytes = llmobs_media_cut(call, "b64_json");
    struct state *state = reading->state;
    int rc = 0;

    if (bytes > 0) {
        state->words.max = LLMOBS_MESSAGE_CONTENT_MAX;
        rc = llmobs_message_content_append(&state->words,
                                           llmobs_json_text(prompt));
        if (rc == 0)
            rc = llmobs_media_mark(&state->words, "image",
                                   llmobs_json_gets(told, keys), bytes);
        reading->span->output_dropped = false;
    }
    llmobs_json_free(told);
    llmobs_json_free(prompt);
    return rc < 0 ? rc : put_words(reading);
}

/* Reads an answer whose middle is missing: a large answer has its usage at its
 * end. */
static int read_ends(struct llmobs_reading *reading)
{
    const struct llmobs_json *n = llmobs_json_get(reading->request, "n");
    struct llmobs_json *usage =
        llmobs_cut_json_last(reading->classified->call->response_tail, "usage");
    int rc = llmobs_json_is_object(usage)
                 ? llmobs_usage_read(usage, reading->span)
                 : 0;

    llmobs_json_free(usage);
    if (rc == 0)
        rc = llmobs_reading_ends(reading);
    if (rc < 0 || (n && llmobs_json_to_int(n) != 1))
        return rc;
    return read_cut_image(reading);
}

/* Mistral's sound. */
static int read_speech_ends(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct state *state = reading->state;

    state->sound = llmobs_media_cut(call, "audio_data");
    reading->span->output_dropped = state->sound == 0;
    reading->span->complete = state->sound > 0;
    return finish_speech(reading);
}

/* -- the dialect --------------------------------------------------------- */

const struct llmobs_form llmobs_form_openai_media = {
    .keys = image_keys,
    .confirm = asks_image,
    .request = read_image_request,
    .document = read_images,
    .event = read_image_event,
    .finish = finish_images,
    .ends = read_ends,
    LLMOBS_STATE(struct state, free_state),
    .unknown = "unknown_model",
};

const struct llmobs_form llmobs_form_openai_media_speech = {
    .keys = speech_keys,
    .signs = "\"input\"\0",
    .confirm = asks_speech,
    .request = read_speech_request,
    .document = read_speech,
    .event = read_speech_event,
    .finish = finish_speech,
    .ends = read_speech_ends,
    LLMOBS_STATE(struct state, free_state),
    .unknown = "unknown_model",
};
