/* OpenAI's Realtime API over a websocket, and those of its form (WIRE 6.17).
 *
 * A call is one response. Its request has the frames of the session's settings
 * and those since the response before: items, speech that was heard, the
 * `response.create`. Its answer has the frames of the response, whose events
 * and items are those of the Responses API. Sound is in neither.
 *
 * Source: OpenAI's specification, schemas Realtime* (openai-openapi), for the
 * current names and those of the beta. */
#include <errno.h>
#include <string.h>

#include "rules/vendors/responses_items.h"
#include "rules/vendors/responses_stream.h"
#include "rules/read/facts.h"
#include "rules/read/message.h"
#include "rules/read/tools.h"
#include "rules/read/usage.h"

/* -- frames as they pass --------------------------------------------------- */

static const struct {
    const char *type;
    enum llmobs_frame_kind kind;
} sent_types[] =
    {
        {"session.update", LLMOBS_FRAME_ADJUSTS},
        {"conversation.item.create", LLMOBS_FRAME_BRINGS},
        {"response.create", LLMOBS_FRAME_ASKS},
},
  received_types[] = {
      {"session.created", LLMOBS_FRAME_SETS},
      {"session.updated", LLMOBS_FRAME_SETS},
      {"input_audio_buffer.committed", LLMOBS_FRAME_HEARD},
      {"conversation.item.input_audio_transcription.completed",
       LLMOBS_FRAME_WORDS},
      {"conversation.item.input_audio_transcription.failed",
       LLMOBS_FRAME_WORDS},
      {"response.created", LLMOBS_FRAME_BEGINS},
      {"response.done", LLMOBS_FRAME_ENDS},
      {"response.output_text.delta", LLMOBS_FRAME_TELLS},
      {"response.text.delta", LLMOBS_FRAME_TELLS},
      {"response.output_audio_transcript.delta", LLMOBS_FRAME_TELLS},
      {"response.audio_transcript.delta", LLMOBS_FRAME_TELLS},
      {"response.function_call_arguments.delta", LLMOBS_FRAME_TELLS},
      {"response.mcp_call_arguments.delta", LLMOBS_FRAME_TELLS},
      {"response.output_item.added", LLMOBS_FRAME_TELLS},
      {"response.output_item.done", LLMOBS_FRAME_TELLS},
      {"error", LLMOBS_FRAME_REFUSES},
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* The code of the one error that only a `response.create` can have. */
static const char busy[] = "conversation_already_has_active_response";

static enum llmobs_frame_kind openai_realtime_kind_of(
    const struct llmobs_look *frame, bool sent)
{
    const char *type = frame->members[LLMOBS_FRAME_TYPE];

    if (!sent && strcmp(type, "error") == 0 &&
        strcmp(frame->members[LLMOBS_FRAME_ERROR_CODE], busy) == 0)
        return LLMOBS_FRAME_DECLINES;
    for (size_t i = 0; sent && i < COUNT(sent_types); i++)
        if (strcmp(type, sent_types[i].type) == 0)
            return sent_types[i].kind;
    for (size_t i = 0; !sent && i < COUNT(received_types); i++)
        if (strcmp(type, received_types[i].type) == 0)
            return received_types[i].kind;
    return LLMOBS_FRAME_PASSES;
}

/* True where the value of the key is an object. */
static bool has_object(struct llmobs_text text, const char *key)
{
    const char *at = text.len > 0 ? text.data : "", *end = at + text.len;
    size_t len = strlen(key);

    while ((at = memmem(at, (size_t)(end - at), key, len)) != NULL) {
        at += len;
        while (at < end && (*at == ' ' || *at == ':'))
            at++;
        if (at < end && *at == '{')
            return true;
    }
    return false;
}

static bool transcribes(struct llmobs_text settings)
{
    return has_object(settings, "\"transcription\"") ||
           has_object(settings, "\"input_audio_transcription\"");
}

static const char models[] = "model\0deployment\0";

static const struct llmobs_frames frames = {.kind = openai_realtime_kind_of,
                                            .transcribes = transcribes,
                                            .models = models};

/* -- the request ----------------------------------------------------------- */

struct realtime {
    struct llmobs_responses_stream stream;
    struct llmobs_json *session; /* the settings, the later ones first */
    struct llmobs_json *asked;   /* of the `response.create`, or NULL */
    struct llmobs_json *items;   /* of the input, in their order */
    struct llmobs_json *words;   /* of speech, by the item's id */
};

static int openai_realtime_put_all(struct llmobs_json *to,
                                   const struct llmobs_json *from)
{
    int rc = 0;
    void *it = llmobs_json_iter(from);

    for (; it && rc == 0; it = llmobs_json_next(from, it))
        rc = llmobs_json_set(to, llmobs_json_iter_key(it),
                             llmobs_json_share(llmobs_json_iter_value(it)));
    return rc;
}

/* Speech that was heard becomes an item that has only its id. */
static int add_heard(struct realtime *state, const char *id)
{
    struct llmobs_json *item = llmobs_json_object();
    int rc = llmobs_json_sets(item, "id", id);

    if (rc == 0)
        return llmobs_json_add(state->items, item);
    llmobs_json_free(item);
    return rc;
}

static int openai_realtime_take_frame(void *of, const struct llmobs_json *frame)
{
    struct realtime *state = of;
    const char *type = llmobs_json_gets(frame, "type");
    const char *id = llmobs_json_gets(frame, "item_id");
    struct llmobs_json *item = llmobs_json_get(frame, "item");

    if (!type) /* what the URL says */
        return openai_realtime_put_all(state->session, frame);
    if (strncmp(type, "session.", strlen("session.")) == 0)
        return openai_realtime_put_all(state->session,
                                       llmobs_json_get(frame, "session"));
    if (strcmp(type, "conversation.item.create") == 0 &&
        llmobs_json_is_object(item))
        return llmobs_json_add(state->items, llmobs_json_share(item));
    if (strcmp(type, "input_audio_buffer.committed") == 0 && id)
        return add_heard(state, id);
    if (strcmp(type, "conversation.item.input_audio_transcription.completed") ==
            0 &&
        id)
        return llmobs_json_sets(state->words, id,
                                llmobs_json_gets(frame, "transcript"));
    if (strcmp(type, "response.create") == 0) {
        llmobs_json_free(state->asked);
        state->asked = llmobs_json_share(llmobs_json_get(frame, "response"));
    }
    return 0;
}

/* A setting of this response, else of the session. */
static struct llmobs_json *openai_realtime_setting(const struct realtime *state,
                                                   const char *key)
{
    struct llmobs_json *own = llmobs_json_get(state->asked, key);

    return own && !llmobs_json_is_null(own)
               ? own
               : llmobs_json_get(state->session, key);
}

/* A setting of one side of the sound; older names had it in the session
 * itself. */
static struct llmobs_json *sound(const struct realtime *state, const char *side,
                                 const char *key, const char *before)
{
    const struct llmobs_json *const both[] = {state->asked, state->session};

    for (size_t i = 0; i < COUNT(both); i++) {
        struct llmobs_json *value = llmobs_json_get(
            llmobs_json_get(llmobs_json_get(both[i], "audio"), side), key);

        if (value && !llmobs_json_is_null(value))
            return value;
    }
    return openai_realtime_setting(state, before);
}

/* Datadog's SDK writes the media type. */
static int put_format(struct llmobs_span *span, const char *key,
                      const struct llmobs_json *format)
{
    static const char *const names[][2] = {{"pcm16", "audio/pcm"},
                                           {"g711_ulaw", "audio/pcmu"},
                                           {"g711_alaw", "audio/pcma"}};
    const char *text = llmobs_json_text(format);

    if (!text)
        text = llmobs_json_gets(format, "type");
    for (size_t i = 0; text && i < COUNT(names); i++)
        if (strcmp(text, names[i][0]) == 0)
            text = names[i][1];
    return llmobs_json_sets(span->metadata, key, text);
}

static int openai_realtime_put(struct llmobs_span *span, const char *key,
                               struct llmobs_json *value)
{
    if (!value || llmobs_json_is_null(value))
        return 0;
    return llmobs_json_set(span->metadata, key, llmobs_json_share(value));
}

static int openai_realtime_read_metadata(const struct realtime *state,
                                         struct llmobs_span *span)
{
    static const char *const keys[] = {
        "temperature", "tool_choice",       "max_output_tokens",
        "modalities",  "output_modalities", "parallel_tool_calls",
        "reasoning",   "truncation"};
    int rc = openai_realtime_put(
        span, "max_output_tokens",
        openai_realtime_setting(state, "max_response_output_tokens"));

    for (size_t i = 0; rc == 0 && i < COUNT(keys); i++)
        rc = openai_realtime_put(
            span,
            strcmp(keys[i], "modalities") == 0 ? "output_modalities" : keys[i],
            openai_realtime_setting(state, keys[i]));
    if (rc == 0)
        rc = openai_realtime_put(span, "voice",
                                 sound(state, "output", "voice", "voice"));
    if (rc == 0)
        rc = put_format(span, "input_audio_format",
                        sound(state, "input", "format", "input_audio_format"));
    return rc < 0 ? rc
                  : put_format(span, "output_audio_format",
                               sound(state, "output", "format",
                                     "output_audio_format"));
}

/* The words of an item that is speech, where they came. */
static int openai_realtime_add_item(const struct realtime *state,
                                    struct llmobs_json *list,
                                    const struct llmobs_json *item)
{
    const char *id = llmobs_json_gets(item, "id");
    const char *words = id ? llmobs_json_gets(state->words, id) : NULL;

    if (!words && llmobs_json_len(item) > 1)
        return llmobs_responses_add_inputs(list, item);
    return llmobs_message_add_text(list, "user",
                                   llmobs_text_of(words ? words : "[audio]"));
}

static int openai_realtime_read_input(const struct realtime *state,
                                      struct llmobs_span *span)
{
    const char *instructions =
        llmobs_json_text(openai_realtime_setting(state, "instructions"));
    struct llmobs_json *list = llmobs_json_array();
    int rc = list ? 0 : -ENOMEM;

    span->input_messages = list;
    if (rc == 0)
        rc = llmobs_message_say(list, "system", instructions);
    llmobs_fact_apart(span);
    LLMOBS_JSON_EACH (one, state->items, rc == 0)
        rc = openai_realtime_add_item(state, list, one);
    if (rc == 0)
        rc = llmobs_responses_add_inputs(
            list, llmobs_json_get(state->asked, "input"));
    return rc;
}

static int openai_realtime_read_settings(struct llmobs_reading *reading)
{
    const struct realtime *state = reading->state;
    const char *model = llmobs_json_gets(state->session, "model");
    const struct llmobs_json *tools = openai_realtime_setting(state, "tools");
    int rc = llmobs_reading_model(reading, model);

    llmobs_fact_asked(reading, model);
    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_CONVERSATION_ID,
                     llmobs_json_gets(state->session, "id"));
    if (rc == 0)
        rc = openai_realtime_read_metadata(state, reading->span);
    if (rc == 0 && llmobs_json_is_array(tools) && llmobs_json_len(tools) > 0)
        rc = llmobs_tools_add_definitions(tools,
                                          &reading->span->tool_definitions);
    return rc;
}

/* A connection that ends before the answer leaves a stream without its end. */
static int openai_realtime_begin(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct realtime *state = reading->state;
    int rc;

    reading->span->streamed = true;
    state->session = llmobs_json_object();
    state->items = llmobs_json_array();
    state->words = llmobs_json_object();
    if (!state->session || !state->items || !state->words)
        return -ENOMEM;
    rc = llmobs_events_lines(call->request, true, openai_realtime_take_frame,
                             state);
    if (rc == 0 && call->request_truncated)
        rc = llmobs_events_lines(call->request_tail, false,
                                 openai_realtime_take_frame, state);
    if (rc == 0)
        rc = openai_realtime_read_settings(reading);
    return rc < 0 ? rc : openai_realtime_read_input(state, reading->span);
}

/* -- the response ---------------------------------------------------------- */

/* The names of the beta, as those of the Responses API. */
static const char *type_now(const char *type)
{
    static const char text[] = "response.output_text.delta";
    static const char *const olds[] = {
        "response.text.delta", "response.audio_transcript.delta",
        "response.output_audio_transcript.delta"};

    for (size_t i = 0; i < COUNT(olds); i++)
        if (strcmp(type, olds[i]) == 0)
            return text;
    return type;
}

static int openai_realtime_read_event(struct llmobs_reading *reading,
                                      const struct llmobs_event *event)
{
    struct realtime *state = reading->state;
    const char *type = llmobs_json_gets(event->json, "type");
    int rc;

    if (!type)
        return 0;
    rc = llmobs_responses_stream_add(&state->stream, type_now(type),
                                     event->json);
    if (state->stream.begun)
        llmobs_reading_token(reading, event);
    reading->done = reading->done || strcmp(type, "response.done") == 0;
    return rc;
}

/* The counts of what was read from the cache have a name of their own here. */
static int openai_realtime_read_usage(const struct llmobs_json *usage,
                                      struct llmobs_span *span)
{
    int rc = llmobs_usage_read(usage, span);

    if (rc == 0)
        llmobs_span_metric(
            span, "cache_read_input_tokens",
            llmobs_usage_count(llmobs_json_get(usage, "input_token_details"),
                               "cached_tokens"));
    return rc;
}

/* A response that was interrupted, by speech or the program, has not failed. */
static int read_status(const struct llmobs_json *response,
                       const struct llmobs_json *items,
                       struct llmobs_span *span)
{
    const char *status = llmobs_json_gets(response, "status");
    const struct llmobs_json *details =
        llmobs_json_get(response, "status_details");
    const struct llmobs_json *error = llmobs_json_get(details, "error");
    const char *reason = llmobs_json_gets(details, "reason");
    const char *code = llmobs_json_gets(error, "code");

    if (!status)
        status = "";
    LLMOBS_JSON_EACH (one, items, strcmp(status, "completed") == 0)
        if (llmobs_json_says(one, "type", "function_call"))
            reason = "tool_call";
    llmobs_fact_finish(span, reason ? reason : status);
    if (strcmp(status, "failed") != 0)
        return 0;
    if (!code || !*code)
        code = llmobs_json_gets(error, "type");
    return llmobs_span_fail(span, code && *code ? code : "response.failed",
                            llmobs_json_gets(error, "message"));
}

static int openai_realtime_finish(struct llmobs_reading *reading)
{
    const struct realtime *state = reading->state;
    const struct llmobs_json *response = state->stream.response;
    struct llmobs_span *span = reading->span;
    struct llmobs_json *items = llmobs_responses_stream_items(&state->stream);
    int rc = items ? 0 : -ENOMEM;

    if (rc == 0)
        rc = llmobs_reading_model(reading, llmobs_json_gets(response, "model"));
    if (rc == 0)
        rc = openai_realtime_read_usage(llmobs_usage_find(response), span);
    llmobs_fact_answer(reading, response);
    if (rc == 0 && reading->done) {
        reading->answered = true;
        rc = read_status(response, items, span);
    } else {
        llmobs_fact_finish(span, NULL);
    }
    if (rc == 0 && (llmobs_json_len(items) > 0 || reading->done))
        rc = llmobs_responses_output(span, items);
    llmobs_json_free(items);
    return rc;
}

static void openai_realtime_free_state(void *of)
{
    struct realtime *state = of;

    llmobs_responses_stream_fini(&state->stream);
    llmobs_json_free(state->session);
    llmobs_json_free(state->asked);
    llmobs_json_free(state->items);
    llmobs_json_free(state->words);
}

/* -- the dialect ----------------------------------------------------------- */

static const struct llmobs_form form = {
    .begin = openai_realtime_begin,
    .event = openai_realtime_read_event,
    .finish = openai_realtime_finish,
    LLMOBS_STATE(struct realtime, openai_realtime_free_state),
    .frames = true,
    .framing = LLMOBS_FRAMING_LINES,
    .unknown = "unknown_model",
};

static const struct llmobs_shape shapes[] = {
    /* /v1, /openai, /openai/v1 before it. */
    LLMOBS_SHAPE(LLMOBS_METHOD_WEBSOCKET, "/realtime", "realtime",
                 "%s.createRealtimeResponse", .kind = LLMOBS_KIND_LLM,
                 .streams = true, .frames = &frames),
    LLMOBS_SHAPE(LLMOBS_METHOD_WEBSOCKET, "/v1/realtime", "realtime",
                 "%s.createRealtimeResponse", .kind = LLMOBS_KIND_LLM,
                 .any_host = true, .streams = true, .frames = &frames),
};

LLMOBS_DIALECT(openai_realtime, .integration = "openai", LLMOBS_SHAPES(shapes),
               .form = &form);
