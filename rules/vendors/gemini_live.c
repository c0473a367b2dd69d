/* Gemini's Live API over a websocket (BidiGenerateContent), at Google AI and at
 * Vertex AI (WIRE 6.17).
 *
 * A call is one response. Its request has the setup and the frames of the input
 * since the last response: contents, results of tools, texts, transcripts of
 * speech. Its answer has the frames until a turn is complete, or until it calls
 * tools, for then the program must answer first. A frame has no type: its
 * members show what it is. Neither request nor answer has sound.
 *
 * Source: googleapis/js-genai 2.32.0 (npm's @google/genai), LiveClientMessage,
 * LiveServerMessage, UsageMetadata; src/live.ts for the addresses, and for
 * frames that are binary. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "rules/vendors/gemini_parts.h"
#include "rules/vendors/gemini_stream.h"
#include "rules/vendors/gemini_tools.h"
#include "rules/vendors/google.h"
#include "rules/read/facts.h"
#include "rules/read/media.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"

/* -- frames as they pass --------------------------------------------------- */

/* Members, in the order of `names`; a client may write them in snake_case. */
enum {
    SETUP,
    CLIENT_CONTENT,
    CLIENT_CONTENT_SNAKE,
    REALTIME_INPUT,
    REALTIME_INPUT_SNAKE,
    TOOL_RESPONSE,
    TOOL_RESPONSE_SNAKE,
    TURN_COMPLETE,
    TURN_COMPLETE_SNAKE,
    TEXT,
    SETUP_COMPLETE,
    SERVER_CONTENT,
    TOOL_CALL,
    USAGE,
    MODEL_TURN,
    INPUT_WORDS,
    OUTPUT_WORDS
};

static const char names[] =
    "setup\0clientContent\0client_content\0realtimeInput\0realtime_input\0"
    "toolResponse\0tool_response\0turnComplete\0turn_complete\0text\0"
    "setupComplete\0serverContent\0toolCall\0usageMetadata\0modelTurn\0"
    "inputTranscription\0outputTranscription\0";

static bool gemini_live_has(uint32_t bits, unsigned name)
{
    return bits >> name & 1;
}

/* Sound and pictures are passed over: the server says when it answers them. */
static enum llmobs_frame_kind kind_sent(const struct llmobs_look *frame)
{
    uint32_t top = frame->seen[0], below = frame->seen[1];
    uint32_t truths = frame->truths[1];

    if (gemini_live_has(top, SETUP))
        return LLMOBS_FRAME_ADJUSTS;
    if (gemini_live_has(top, TOOL_RESPONSE) ||
        gemini_live_has(top, TOOL_RESPONSE_SNAKE))
        return LLMOBS_FRAME_ASKS;
    if (gemini_live_has(top, CLIENT_CONTENT) ||
        gemini_live_has(top, CLIENT_CONTENT_SNAKE))
        return gemini_live_has(truths, TURN_COMPLETE) ||
                       gemini_live_has(truths, TURN_COMPLETE_SNAKE)
                   ? LLMOBS_FRAME_ASKS
                   : LLMOBS_FRAME_BRINGS;
    if (gemini_live_has(top, REALTIME_INPUT) ||
        gemini_live_has(top, REALTIME_INPUT_SNAKE))
        return gemini_live_has(below, TEXT) ? LLMOBS_FRAME_BRINGS
                                            : LLMOBS_FRAME_PASSES;
    return LLMOBS_FRAME_PASSES;
}

static enum llmobs_frame_kind kind_received(const struct llmobs_look *frame)
{
    uint32_t top = frame->seen[0], below = frame->seen[1];

    if (gemini_live_has(top, SETUP_COMPLETE))
        return LLMOBS_FRAME_ADJUSTS;
    if (gemini_live_has(top, TOOL_CALL))
        return LLMOBS_FRAME_PAUSES;
    if (gemini_live_has(top, SERVER_CONTENT)) {
        if (gemini_live_has(frame->truths[1], TURN_COMPLETE))
            return LLMOBS_FRAME_CLOSES;
        if (gemini_live_has(below, MODEL_TURN) ||
            gemini_live_has(below, OUTPUT_WORDS))
            return LLMOBS_FRAME_SPEAKS;
        return gemini_live_has(below, INPUT_WORDS) ? LLMOBS_FRAME_HEARS
                                                   : LLMOBS_FRAME_ADDS;
    }
    return gemini_live_has(top, USAGE) ? LLMOBS_FRAME_ADDS
                                       : LLMOBS_FRAME_PASSES;
}

static enum llmobs_frame_kind gemini_live_kind_of(
    const struct llmobs_look *frame, bool sent)
{
    return sent ? kind_sent(frame) : kind_received(frame);
}

static const struct llmobs_frames frames = {
    .kind = gemini_live_kind_of,
    .names = names,
    .shrink = llmobs_media_drop,
    .binary = true,
};

/* -- the request ----------------------------------------------------------- */

struct live {
    struct llmobs_json *setup;
    struct llmobs_json *session; /* the session's id, from the server */
    struct llmobs_json *items;   /* frames of the input, in their order */
    struct llmobs_gemini_stream stream;
    struct llmobs_json *usage; /* the last that came */
    struct llmobs_json *end;   /* the last frame of the server's content */
    bool sounds, interrupted, called;
};

static int gemini_live_take_frame(void *of, const struct llmobs_json *frame)
{
    struct live *state = of;
    struct llmobs_json *setup = llmobs_json_get(frame, "setup");
    struct llmobs_json *session = llmobs_json_get(frame, "setupComplete");

    llmobs_json_keep(&state->setup, setup);
    llmobs_json_keep(&state->session, session);
    if (setup || session)
        return 0;
    return llmobs_json_add(
        state->items,
        llmobs_json_share((struct llmobs_json *)(uintptr_t)frame));
}

static const char *model_of(const struct llmobs_json *setup)
{
    const char *model = llmobs_json_gets(setup, "model");
    const char *slash = model ? strrchr(model, '/') : NULL;

    return slash ? slash + 1 : model;
}

/* Sets only the settings that the setup has: a session seldom has all. */
static int gemini_live_read_metadata(const struct llmobs_json *setup,
                                     struct llmobs_span *span)
{
    static const char *const keys[] = {
        "temperature",     "topP", "topK",
        "maxOutputTokens", "seed", "responseModalities",
        "mediaResolution",
    };
    const struct llmobs_json *config =
        llmobs_google_get(setup, "generationConfig");
    const struct llmobs_json *voice = llmobs_google_get(
        llmobs_google_get(llmobs_google_get(config, "speechConfig"),
                          "voiceConfig"),
        "prebuiltVoiceConfig");
    char key[LLMOBS_GOOGLE_SNAKE_CAP];
    int rc = llmobs_json_sets(span->metadata, "voice",
                              llmobs_google_gets(voice, "voiceName"));

    for (size_t i = 0; rc == 0 && i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct llmobs_json *value = llmobs_google_get(config, keys[i]);

        if (value)
            rc = llmobs_json_set(span->metadata,
                                 llmobs_google_snake(keys[i], key),
                                 llmobs_json_share(value));
    }
    return rc;
}

static int read_setup(struct llmobs_reading *reading)
{
    const struct live *state = reading->state;
    const struct llmobs_json *setup = state->setup;
    const char *model = model_of(setup);
    const char *vendor = model ? llmobs_google_vendor(model) : NULL;
    struct llmobs_span *span = reading->span;
    int rc = llmobs_reading_model(reading, model);

    llmobs_fact_asked(reading, model);
    llmobs_span_fact(&span->facts, LLMOBS_FACT_CONVERSATION_ID,
                     llmobs_google_gets(state->session, "sessionId"));
    if (rc == 0 && vendor && !reading->classified->proxied)
        rc = llmobs_span_set(&span->model_provider, vendor);
    if (rc == 0)
        rc = gemini_live_read_metadata(setup, span);
    return rc < 0 ? rc
                  : llmobs_gemini_read_tools(setup, &span->tool_definitions);
}

/* Adds a part with one value, of the kind `key`. */
static int gemini_live_add_value(struct llmobs_gemini_stream *stream,
                                 struct llmobs_json *list, const char *kind,
                                 const struct llmobs_json *value)
{
    struct llmobs_json *part = llmobs_json_object();
    int rc = llmobs_json_set(
        part, kind, llmobs_json_share((struct llmobs_json *)(uintptr_t)value));

    if (rc == 0)
        rc = stream ? llmobs_gemini_stream_part(stream, NULL, part)
                    : llmobs_gemini_add_part(list, part, "user");
    llmobs_json_free(part);
    return rc;
}

/* Makes one message of the pieces of a transcript when another item comes. */
static int gemini_live_add_words(struct llmobs_json *list,
                                 struct llmobs_buf *words)
{
    int rc = 0;

    if (words->len > 0)
        rc = llmobs_message_add_text(list, "user", llmobs_buf_text(words));
    llmobs_buf_cut(words, 0);
    return rc;
}

static int gemini_live_add_turns(struct llmobs_json *list,
                                 const struct llmobs_json *turns)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < llmobs_google_len(turns); i++) {
        const struct llmobs_json *turn = llmobs_google_at(turns, i);

        rc = llmobs_gemini_add_content(list, turn,
                                       llmobs_gemini_role(turn, "user"));
    }
    return rc;
}

static int gemini_live_add_results(struct llmobs_json *list,
                                   const struct llmobs_json *results)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < llmobs_google_len(results); i++)
        rc = gemini_live_add_value(NULL, list, "functionResponse",
                                   llmobs_google_at(results, i));
    return rc;
}

static int gemini_live_add_item(struct llmobs_json *list,
                                struct llmobs_buf *words,
                                const struct llmobs_json *frame)
{
    const char *text =
        llmobs_json_gets(llmobs_google_get(frame, "realtimeInput"), "text");
    const char *heard = llmobs_json_gets(
        llmobs_google_get(llmobs_google_get(frame, "serverContent"),
                          "inputTranscription"),
        "text");
    int rc;

    if (heard)
        return llmobs_message_content_append(words, heard);
    rc = gemini_live_add_words(list, words);
    if (rc == 0 && text)
        rc = llmobs_message_add_text(list, "user", llmobs_text_of(text));
    if (rc == 0)
        rc = gemini_live_add_turns(
            list, llmobs_google_get(llmobs_google_get(frame, "clientContent"),
                                    "turns"));
    return rc < 0
               ? rc
               : gemini_live_add_results(
                     list,
                     llmobs_google_get(llmobs_google_get(frame, "toolResponse"),
                                       "functionResponses"));
}

/* Reads the input; a response without any other input answers speech. */
static int gemini_live_read_input(const struct live *state,
                                  struct llmobs_span *span)
{
    struct llmobs_json *list = llmobs_json_array();
    size_t count = llmobs_json_len(state->items);
    struct llmobs_buf words;
    int rc = list ? 0 : -ENOMEM;

    span->input_messages = list;
    llmobs_buf_init(&words, LLMOBS_MESSAGE_CONTENT_MAX);
    if (rc == 0)
        rc = llmobs_gemini_add_content(
            list, llmobs_google_get(state->setup, "systemInstruction"),
            "system");
    llmobs_fact_apart(span);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc =
            gemini_live_add_item(list, &words, llmobs_json_at(state->items, i));
    if (rc == 0)
        rc = gemini_live_add_words(list, &words);
    llmobs_buf_fini(&words);
    if (rc == 0 && count == 0 && !span->input_dropped)
        rc = llmobs_message_add_text(list, "user", llmobs_text_of("[audio]"));
    return rc;
}

static int gemini_live_begin(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct live *state = reading->state;
    int rc;

    reading->span->streamed = true;
    state->items = llmobs_json_array();
    if (!state->items)
        return -ENOMEM;
    rc =
        llmobs_events_lines(call->request, true, gemini_live_take_frame, state);
    if (rc == 0 && call->request_truncated)
        rc = llmobs_events_lines(call->request_tail, false,
                                 gemini_live_take_frame, state);
    if (rc == 0)
        rc = read_setup(reading);
    return rc < 0 ? rc : gemini_live_read_input(state, reading->span);
}

/* -- the response ---------------------------------------------------------- */

static bool is_sound(const struct llmobs_json *part)
{
    const char *type =
        llmobs_google_gets(llmobs_google_get(part, "inlineData"), "mimeType");

    return type && strncasecmp(type, "audio/", strlen("audio/")) == 0;
}

static int gemini_live_add_turn(struct live *state,
                                const struct llmobs_json *turn)
{
    const struct llmobs_json *parts = llmobs_json_get(turn, "parts");
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < llmobs_google_len(parts); i++) {
        const struct llmobs_json *part = llmobs_google_at(parts, i);

        if (is_sound(part))
            state->sounds = true;
        else
            rc = llmobs_gemini_stream_part(&state->stream, turn, part);
    }
    return rc;
}

static int add_said(struct live *state, const struct llmobs_json *content)
{
    const char *text = llmobs_json_gets(
        llmobs_google_get(content, "outputTranscription"), "text");
    struct llmobs_json *part;
    int rc;

    if (!text)
        return 0;
    part = llmobs_json_object();
    rc = llmobs_json_sets(part, "text", text);
    if (rc == 0)
        rc = llmobs_gemini_stream_part(&state->stream, NULL, part);
    llmobs_json_free(part);
    return rc;
}

static int gemini_live_add_calls(struct live *state,
                                 const struct llmobs_json *calls)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < llmobs_google_len(calls); i++)
        rc = gemini_live_add_value(&state->stream, NULL, "functionCall",
                                   llmobs_google_at(calls, i));
    return rc;
}

static int gemini_live_read_event(struct llmobs_reading *reading,
                                  const struct llmobs_event *event)
{
    struct llmobs_json *content =
        llmobs_google_get(event->json, "serverContent");
    const struct llmobs_json *call = llmobs_google_get(event->json, "toolCall");
    struct live *state = reading->state;
    int rc = llmobs_gemini_stream_begin(&state->stream);

    llmobs_json_keep(&state->usage,
                     llmobs_google_get(event->json, "usageMetadata"));
    llmobs_json_keep(&state->end, content);
    if (llmobs_json_is_true(llmobs_json_get(content, "interrupted")))
        state->interrupted = true;
    if (llmobs_json_is_object(call))
        state->called = true;
    reading->done =
        reading->done || state->called ||
        llmobs_json_is_true(llmobs_google_get(content, "turnComplete"));
    if (rc == 0)
        rc = gemini_live_add_turn(state,
                                  llmobs_google_get(content, "modelTurn"));
    if (rc == 0)
        rc = add_said(state, content);
    if (rc == 0)
        rc = gemini_live_add_calls(state,
                                   llmobs_google_get(call, "functionCalls"));
    if (state->stream.begun || state->sounds)
        llmobs_reading_token(reading, event);
    return rc;
}

/* Reads the counts; Vertex AI names the count of the output differently. */
static void gemini_live_read_usage(const struct llmobs_json *usage,
                                   struct llmobs_span *span)
{
    static const struct llmobs_google_counts counts[] = {
        {.input = "promptTokenCount",
         .tools = "toolUsePromptTokenCount",
         .output = "responseTokenCount",
         .thoughts = "thoughtsTokenCount",
         .total = "totalTokenCount",
         .cached = "cachedContentTokenCount"},
        {.input = "promptTokenCount",
         .tools = "toolUsePromptTokenCount",
         .output = "candidatesTokenCount",
         .thoughts = "thoughtsTokenCount",
         .total = "totalTokenCount",
         .cached = "cachedContentTokenCount"},
    };
    bool other = !llmobs_json_get(usage, "responseTokenCount");

    llmobs_google_usage(usage, &counts[other], span);
}

static const char *gemini_live_reason_of(const struct llmobs_reading *reading)
{
    const struct live *state = reading->state;
    const char *told = llmobs_google_gets(state->end, "turnCompleteReason");

    if (!reading->done)
        return NULL;
    if (told && *told)
        return told;
    return state->interrupted ? "interrupted"
           : state->called    ? "tool_call"
                              : "turn_complete";
}

static int gemini_live_finish(struct llmobs_reading *reading)
{
    struct live *state = reading->state;
    struct llmobs_span *span = reading->span;

    gemini_live_read_usage(state->usage, span);
    llmobs_fact_finish(span, gemini_live_reason_of(reading));
    reading->answered = reading->done;
    if (!state->stream.others)
        return 0;
    span->output_messages = llmobs_gemini_stream_messages(&state->stream);
    if (!span->output_messages)
        return -ENOMEM;
    if (llmobs_json_len(span->output_messages) > 0 || !state->sounds ||
        !reading->done) /* its words may have been still to come */
        return 0;
    return llmobs_message_add_text(span->output_messages, "assistant",
                                   llmobs_text_of("[audio]"));
}

static void gemini_live_free_state(void *of)
{
    struct live *state = of;

    llmobs_gemini_stream_fini(&state->stream);
    llmobs_json_free(state->setup);
    llmobs_json_free(state->session);
    llmobs_json_free(state->items);
    llmobs_json_free(state->usage);
    llmobs_json_free(state->end);
}

/* -- the dialect ----------------------------------------------------------- */

static const struct llmobs_form form = {
    .begin = gemini_live_begin,
    .event = gemini_live_read_event,
    .finish = gemini_live_finish,
    LLMOBS_STATE(struct live, gemini_live_free_state),
    .frames = true,
    .framing = LLMOBS_FRAMING_LINES,
    .failed_role = "assistant",
};

#define LIVE(suffix)                                                          \
    {                                                                         \
        .method = LLMOBS_METHOD_WEBSOCKET, .path = suffix,                    \
        .operation = "live", .genai = "generate_content",                     \
        .span_name = "google_genai.live", .kind = LLMOBS_KIND_LLM,            \
        .any_host = true, .telling = true, .streams = true, .frames = &frames \
    }

static const struct llmobs_shape shapes[] = {
    LIVE("/*.GenerativeService.BidiGenerateContent"),
    LIVE("/*.GenerativeService.BidiGenerateContentConstrained"),
    LIVE("/*.LlmBidiService/BidiGenerateContent"),
};

LLMOBS_DIALECT(gemini_live, .integration = "google_genai",
               .genai = "gcp.gen_ai", LLMOBS_SHAPES(shapes), .form = &form);
