/* Pictures, videos and speech that a model makes for a prompt, at once or as a
 * job that is asked for later: Imagen and Veo, OpenAI's videos, xAI, fal, Black
 * Forest Labs, Stability. A span has sizes and types, never bytes, nor the
 * signed addresses of what was made.
 *
 * Source: vercel/ai ed857f50 (google-video-model, google-vertex-video-model,
 * google-vertex-image-model, xai-{image,video,speech,transcription}-model,
 * black-forest-labs-*, fal-*); openai 6.49.0, resources/videos.d.ts; npm's
 * @fal-ai/client 1.10.1, queue.js; Stability-AI/rest-api-support,
 * generated/spec/v1.json, and of v2beta Portkey-AI/gateway,
 * src/providers/stability-ai/imageGenerateV2.ts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rules/read/jobs.h"
#include "rules/read/media.h"
#include "rules/read/message_content.h"
#include "rules/read/request.h"
#include "rules/read/text.h"
#include "rules/read/usage.h"
#include "rules/tables/interpreter.h"
#include "rules/tables/speech.h"

/* The places are those of a layout: OUTPUT has what was made, one thing or a
 * list; REASON how far it is, END whether it is done. */
struct render {
    struct llmobs_layout layout;
    const char *what;    /* "image" or "video", where no type says it */
    const char *goes_on; /* words at REASON */
    const char *fails;
    const char *facts; /* members of the answer that are metadata; or NULL */
    bool says;         /* some models answer with words */
};

static const struct render *render_of(const struct llmobs_reading *reading)
{
    return (const struct render *)reading->form->variant;
}

static const struct llmobs_json *render_at(const struct llmobs_reading *reading,
                                           const char *which)
{
    return llmobs_layout_at(
        &((const struct llmobs_interpreter *)reading->state)->at, which);
}

/* The id of a job is the last segment of its name. */
static const char *job_of(const char *name)
{
    const char *slash = name ? strrchr(name, '/') : NULL;

    return slash ? slash + 1 : name;
}

/* -- what was made --------------------------------------------------------- */

/* True for a URL; words may have one among them. */
static bool is_address(const char *text)
{
    return text && (strncasecmp(text, "data:", strlen("data:")) == 0 ||
                    (strstr(text, "://") && !text[strcspn(text, " \t\r\n")]));
}

/* The base64 of a data URL, or of a text that is nothing else. */
static const char *bytes_of(const char *text)
{
    const char *comma = is_address(text) ? strchr(text, ',') : NULL;

    return comma ? comma + 1 : text;
}

/* Adds a message for one thing: what the server made of the prompt, and its
 * size; a thing that was held back has only the reason. */
static int add_thing(struct llmobs_reading *reading,
                     const struct llmobs_json *thing)
{
    static const char bytes[] = "bytesBase64Encoded\0b64_json\0base64\0image\0";
    static const char types[] = "mimeType\0content_type\0";
    const char *what = render_of(reading)->what, *type = NULL, *data = NULL;
    const char *held = llmobs_json_gets(thing, "raiFilteredReason");
    struct llmobs_buf text;
    int rc;

    if (llmobs_json_text(thing) && !strstr(llmobs_json_text(thing), "://"))
        data = bytes_of(llmobs_json_text(thing));
    LLMOBS_WORDS_EACH (key, bytes)
        data = data ? data : llmobs_json_gets(thing, key);
    LLMOBS_WORDS_EACH (key, types)
        type = type ? type : llmobs_json_gets(thing, key);
    if (type && strncmp(type, "video/", 6) == 0)
        what = "video";
    else if (type && strncmp(type, "audio/", 6) == 0)
        what = "audio";
    llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
    rc =
        llmobs_message_content_append(&text, llmobs_json_gets(thing, "prompt"));
    if (rc == 0)
        rc = held ? llmobs_message_content_append(&text, held)
                  : llmobs_media_mark(
                        &text, what, type,
                        data ? llmobs_media_base64(llmobs_text_of(data)) : 0);
    if (rc == 0)
        rc = llmobs_message_add_text(reading->span->output_messages,
                                     "assistant", llmobs_buf_text(&text));
    llmobs_buf_fini(&text);
    return rc;
}

/* Adds what the answer has made. A text is either the address or the bytes of a
 * thing, or words of the model. */
static int add_things(struct llmobs_reading *reading,
                      const struct llmobs_json *value)
{
    const char *said = llmobs_json_text(value);
    struct llmobs_json *list = llmobs_json_array();
    int rc = 0;

    reading->span->output_messages = list;
    if (!list)
        return -ENOMEM;
    if (said && render_of(reading)->says && !is_address(said))
        return llmobs_message_add_text(list, "assistant", llmobs_text_of(said));
    if (!llmobs_json_is_array(value))
        return value && !llmobs_json_is_null(value) ? add_thing(reading, value)
                                                    : 0;
    LLMOBS_JSON_EACH (one, value, rc == 0)
        rc = add_thing(reading, one);
    return rc;
}

/* -- the forms ------------------------------------------------------------- */

static int render_begin(struct llmobs_reading *reading)
{
    if (strcmp(render_of(reading)->what, "image") == 0)
        llmobs_span_fact_word(&reading->span->facts, LLMOBS_FACT_OUTPUT_TYPE,
                              "image");
    return llmobs_interpreter_begin(reading);
}

/* Reads all of an answer but what was made. True in *ended: nothing more is
 * to come. */
static int read_state(struct llmobs_reading *reading,
                      const struct llmobs_json *body, const char **status,
                      bool *ended)
{
    const struct render *render = render_of(reading);
    const struct llmobs_json *end, *fault;
    struct llmobs_interpreter *state = reading->state;
    struct llmobs_span *span = reading->span;
    int rc;

    llmobs_layout_go(&state->at, body, false);
    end = render_at(reading, LLMOBS_AT_END);
    fault = render_at(reading, LLMOBS_AT_FAULT);
    *status = llmobs_json_text(render_at(reading, LLMOBS_AT_REASON));
    *ended = *status ? !llmobs_words_have(render->goes_on, *status)
                     : !llmobs_layout_has(&state->at, LLMOBS_AT_END) ||
                           llmobs_json_is_true(end);
    rc = llmobs_reading_model(
        reading, llmobs_json_text(render_at(reading, LLMOBS_AT_MODEL)));
    if (rc == 0)
        rc = llmobs_usage_read(render_at(reading, LLMOBS_AT_USAGE), span);
    if (rc == 0 && render->facts)
        rc = llmobs_request_metadata(body, render->facts, span);
    if (rc == 0 && *status && llmobs_words_have(render->fails, *status))
        rc = llmobs_span_fail(
            span,
            llmobs_json_gets(fault, "code") ? llmobs_json_gets(fault, "code")
                                            : *status,
            llmobs_json_text(fault) ? llmobs_json_text(fault)
                                    : llmobs_json_gets(fault, "message"));
    return rc;
}

/* Reads the answer to the call that asks for a picture or another thing: the
 * answer has the thing itself, or the id of a job that makes it. */
static int render_document(struct llmobs_reading *reading,
                           const struct llmobs_json *body)
{
    const struct llmobs_json *made;
    const char *status, *id;
    bool ended;
    int rc;

    if (reading->classified->call->status >= 300)
        return 0;
    rc = read_state(reading, body, &status, &ended);
    made = render_at(reading, LLMOBS_AT_OUTPUT);
    id = job_of(llmobs_json_text(render_at(reading, LLMOBS_AT_ID)));
    if (rc == 0 && made && !llmobs_json_is_null(made))
        return add_things(reading, made);
    if (rc == 0 && id && !reading->span->failed) {
        llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_RESPONSE_ID, id);
        rc = llmobs_job_begun(reading->span, id);
    }
    return rc < 0 || !id
               ? rc
               : llmobs_message_put_mark(&reading->span->output_messages,
                                         "assistant", render_of(reading)->what,
                                         status, 0);
}

/* Begins a call that asks about a job. */
static int poll_begin(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    const char *id =
        job_of(llmobs_json_gets(reading->request, "operationName"));
    const char *path = reading->classified->shape->path;
    char *query = NULL;
    int rc = llmobs_interpreter_begin(reading);

    if (rc < 0 || path[strlen(path) - 1] == '*') /* the id is in the path */
        return rc < 0 ? rc : llmobs_job_asked(reading);
    if (!id && *reading->classified->shape->queries && call->request.data) {
        id = query = llmobs_url_decode(call->request);
        rc = query ? 0 : -ENOMEM;
    }
    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_RESPONSE_ID, id);
    if (rc == 0)
        rc = llmobs_job_asks(reading->span, id);
    if (rc == 0 && id)
        rc = llmobs_span_set(&reading->span->input_value, id);
    free(query);
    return rc;
}

static int poll_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    const struct llmobs_json *made;
    const char *status;
    bool ended;
    int rc;

    if (reading->classified->call->status >= 300)
        return 0;
    rc = read_state(reading, body, &status, &ended);
    made = render_at(reading, LLMOBS_AT_OUTPUT);
    if (rc == 0 && made && ended)
        rc = add_things(reading, made);
    return rc < 0 ? rc
                  : llmobs_job_settle(reading,
                                      status                  ? status
                                      : reading->span->failed ? "failed"
                                      : ended                 ? "done"
                                                              : NULL,
                                      ended);
}

#define RENDERS(name)                                             \
    .begin = render_begin, .request = llmobs_interpreter_request, \
    .document = render_document, .ends = llmobs_reading_ends,     \
    LLMOBS_INTERPRETER_STATE, .variant = &name.layout, .keys = name##_keys

#define ASKS(name)                                         \
    .begin = poll_begin, .document = poll_document,        \
    .ends = llmobs_reading_ends, LLMOBS_INTERPRETER_STATE, \
    .variant = &name.layout

/* -- Imagen, Veo ----------------------------------------------------------- */

static const char imagen_keys[] = "parameters\0";
static const char google_settings[] =
    "sampleCount\0aspectRatio\0negativePrompt\0seed\0personGeneration\0"
    "safetySetting\0durationSeconds\0resolution\0generateAudio\0"
    "enhancePrompt\0sampleImageSize\0addWatermark\0language\0";

static const struct render imagen = {
    .layout = {.places = LLMOBS_AT(PROMPT, "/instances/0/prompt") LLMOBS_AT(
                   SETTINGS, "/parameters") LLMOBS_AT(OUTPUT, "/predictions"),
               .settings = google_settings},
    .what = "image",
};

static const struct render veo = {
    .layout = {.places = LLMOBS_AT(PROMPT, "/instances/0/prompt")
                   LLMOBS_AT(SETTINGS, "/parameters") LLMOBS_AT(ID, "/name")
                       LLMOBS_AT(END, "/done") LLMOBS_AT(
                           OUTPUT,
                           "/response/generateVideoResponse/generatedSamples|"
                           "/response/videos"),
               .settings = google_settings},
    .what = "video",
};

#define veo_keys imagen_keys
const struct llmobs_form llmobs_form_google_renders_imagen = {
    RENDERS(imagen), .asked = llmobs_interpreter_path_model};
const struct llmobs_form llmobs_form_google_renders_veo = {
    RENDERS(veo), .asked = llmobs_interpreter_path_model};
const struct llmobs_form llmobs_form_google_renders_veo_poll = {ASKS(veo)};

/* -- OpenAI's videos ------------------------------------------------------- */

static const char sora_keys[] = "model\0seconds\0size\0";
static const char sora_settings[] = "seconds\0size\0";
static const char sora_says[] = "\"object\":\"video\"\0\"object\": \"video\"\0";

static const struct render sora = {
    .layout = {.places = LLMOBS_AT(PROMPT, "/prompt") LLMOBS_AT(ID, "/id")
                   LLMOBS_AT(MODEL, "/model") LLMOBS_AT(REASON, "/status")
                       LLMOBS_AT(FAULT, "/error"),
               .settings = sora_settings},
    .what = "video",
    .goes_on = "queued\0in_progress\0",
    .fails = "failed\0",
};

/* Many servers have videos. These have a prompt for a model of this family;
 * where the request names no model, the host is known, or the answer is
 * OpenAI's object. */
static bool asks_sora(const struct llmobs_reading *reading)
{
    const char *model = llmobs_json_gets(reading->request, "model");

    return llmobs_json_gets(reading->request, "prompt") &&
           (model ? strncmp(model, "sora-", 5) == 0
                  : !reading->classified->confirm ||
                        llmobs_text_has_any(reading->classified->call->response,
                                            sora_says));
}

const struct llmobs_form llmobs_form_openai_videos_create = {
    RENDERS(sora), .confirm = asks_sora, .gated = true, .confirm_always = true};
const struct llmobs_form llmobs_form_openai_videos_poll = {ASKS(sora)};

/* -- xAI ------------------------------------------------------------------- */

static const char xai_video_keys[] =
    "model\0duration\0aspect_ratio\0resolution\0";
static const char xai_goes_on[] = "pending\0";

static const struct render xai_video = {
    .layout = {.places = LLMOBS_AT(PROMPT, "/prompt") LLMOBS_AT(
                   ID, "/request_id") LLMOBS_AT(MODEL, "/model")
                   LLMOBS_AT(REASON, "/status") LLMOBS_AT(OUTPUT, "/video")
                       LLMOBS_AT(FAULT, "/error") LLMOBS_AT(USAGE, "/usage"),
               .plain = 1},
    .what = "video",
    .goes_on = xai_goes_on,
    .fails = "failed\0expired\0",
};

const struct llmobs_form llmobs_form_xai_create = {RENDERS(xai_video)};
const struct llmobs_form llmobs_form_xai_video_poll = {ASKS(xai_video)};

static const struct llmobs_speech_voice xai_says = {
    .text = "text", .settings = "voice_id\0language\0output_format\0speed\0"};
static bool xai_speaks(const struct llmobs_reading *reading)
{
    return llmobs_reading_has(reading, "text");
}

const struct llmobs_form llmobs_form_xai_voice = {
    LLMOBS_SPEECH_VOICE, .confirm = xai_speaks, .gated = true,
    .variant = &xai_says};

static const struct llmobs_speech_ear xai_hears = {
    .read = llmobs_speech_plain, .settings = "language\0format\0"};
const struct llmobs_form llmobs_form_xai_ear = {LLMOBS_SPEECH_EAR,
                                           .variant = &xai_hears};

/* -- fal ------------------------------------------------------------------- */

static const char fal_render_keys[] =
    "seed\0num_images\0image_size\0num_inference_steps\0guidance_scale\0"
    "aspect_ratio\0duration\0resolution\0output_format\0";
static const char fal_goes_on[] = "IN_QUEUE\0IN_PROGRESS\0";

static const struct render fal_render = {
    .layout = {.places = LLMOBS_AT(PROMPT, "/prompt")
                   LLMOBS_AT(ID, "/request_id") LLMOBS_AT(REASON, "/status")
                       LLMOBS_AT(OUTPUT, "/images|/image|/video|/audio|"
                                         "/audio_file|/output|/text")},
    .what = "output",
    .says = true,
    .goes_on = fal_goes_on,
    .facts = "seed\0",
};

/* The application is the path's first part. */
static char *fal_model(const struct llmobs_reading *reading)
{
    struct llmobs_text path = reading->classified->url->path;
    const char *end = memmem(path.data, path.len, "/requests/", 10);

    if (end)
        path.len = (size_t)(end - path.data);
    if (path.len > 0) {
        path.data++;
        path.len--;
    }
    return llmobs_url_decode(path);
}

const struct llmobs_form llmobs_form_fal_create = {RENDERS(fal_render),
                                            .asked = fal_model};
const struct llmobs_form llmobs_form_fal_render_poll = {ASKS(fal_render),
                                                   .asked = fal_model};

/* -- Black Forest Labs ----------------------------------------------------- */

static const char bfl_render_keys[] =
    "width\0height\0seed\0aspect_ratio\0steps\0guidance\0output_format\0"
    "safety_tolerance\0prompt_upsampling\0raw\0";
static const char bfl_goes_on[] = "Pending\0Task not found\0";
static const char bfl_facts[] = "cost\0input_mp\0output_mp\0"; /* credits */

static const struct render bfl_render = {
    .layout = {.places = LLMOBS_AT(PROMPT, "/prompt") LLMOBS_AT(ID, "/id")
                   LLMOBS_AT(REASON, "/status")
                       LLMOBS_AT(OUTPUT, "/result/sample")},
    .what = "image",
    .goes_on = bfl_goes_on,
    .fails = "Error\0Request Moderated\0Content Moderated\0",
    .facts = bfl_facts,
};

const struct llmobs_form llmobs_form_bfl_create = {
    RENDERS(bfl_render), .asked = llmobs_interpreter_path_model};
const struct llmobs_form llmobs_form_bfl_render_poll = {ASKS(bfl_render)};

/* -- Stability ------------------------------------------------------------- */

static const char stability_render_keys[] =
    "model\0aspect_ratio\0seed\0output_format\0mode\0strength\0style_preset\0"
    "cfg_scale\0height\0width\0samples\0steps\0negative_prompt\0";
static const char stability_facts[] = "seed\0finish_reason\0";

static const struct render stability_render = {
    .layout = {.places = LLMOBS_AT(PROMPT, "/prompt|/text_prompts/0/text")
                   LLMOBS_AT(OUTPUT, "/artifacts|/image")},
    .what = "image",
    .facts = stability_facts,
};

const struct llmobs_form llmobs_form_stability_create = {
    RENDERS(stability_render), .asked = llmobs_interpreter_path_model};
