/* Bedrock's InvokeModel and its stream, with the bodies of the model's own API
 * (WIRE 6.9, 6.12). Of a stream whose form is unknown it keeps
 * LLMOBS_ANSWER_TEXT_CUT bytes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/vendors/anthropic_message.h"
#include "rules/vendors/anthropic_stream.h"
#include "rules/vendors/bedrock.h"
#include "rules/vendors/bedrock_family.h"
#include "rules/vendors/converse.h"
#include "rules/vendors/openai_stream.h"
#include "rules/read/facts.h"
#include "rules/read/message.h"
#include "rules/read/request.h"
#include "rules/read/sources.h"
#include "rules/read/text.h"
#include "rules/read/tools.h"

struct invoke;

/* One kind of body. The last three set the output where the answer has one, and
 * note why it ended. */
struct body {
    int (*request)(struct llmobs_reading *reading);
    int (*document)(struct llmobs_reading *reading,
                    const struct llmobs_json *body, struct llmobs_json **list);
    int (*chunk)(struct invoke *invoke, const struct llmobs_event *event);
    int (*finish)(struct invoke *invoke, struct llmobs_span *span);
};

/* The state of a call. All zeros but its body: empty and ready. */
struct invoke {
    const struct body *body;
    const struct llmobs_bedrock_family *family; /* NULL: unknown */
    struct llmobs_stream chat;
    struct llmobs_anthropic_stream anthropic;
    struct llmobs_converse_stream converse;
    struct llmobs_text_stream texts;
    struct llmobs_counts tokens;     /* only from the bodies */
    const struct llmobs_json *plain; /* the tree of a chunk that says nothing
                                      * beside its text */
    bool begun;                      /* a first token was seen */
    bool done;                       /* the stream's own end was seen */
};

static const struct llmobs_json *ask(const struct llmobs_reading *reading,
                                     const char *key)
{
    return llmobs_json_get(reading->request, key);
}

/* Reads everything of a request but its `messages`; -ECANCELED where those are
 * missing with the body's middle. */
static int read_around(struct llmobs_reading *reading, const char *max_tokens)
{
    const struct llmobs_json *most = ask(reading, "max_tokens");
    int rc;

    if (!llmobs_json_is_number(most))
        most = ask(reading, max_tokens);
    rc = llmobs_bedrock_settings(reading->span, ask(reading, "temperature"),
                                 most);

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc < 0 ? rc : -ECANCELED;
    return llmobs_tools_read_definitions(reading->request,
                                         &reading->span->tool_definitions);
}

/* Anthropic's messages. */

static int anthropic_request(struct llmobs_reading *reading)
{
    int rc = read_around(reading, "max_tokens_to_sample");

    if (rc < 0)
        return rc == -ECANCELED ? 0 : rc;
    return llmobs_anthropic_inputs(reading->request, false, reading->span);
}

/* The bodies of Claude know more of their counts than headers and frames: how
 * long the cache holds, and what a compaction took. */
static int anthropic_document(struct llmobs_reading *reading,
                              const struct llmobs_json *body,
                              struct llmobs_json **list)
{
    int rc = llmobs_anthropic_outputs(body, list);

    if (rc == 0)
        rc = llmobs_sources_read(reading->span, body, LLMOBS_SOURCES_ANTHROPIC);
    if (*list)
        llmobs_fact_finish(reading->span,
                           llmobs_json_gets(body, "stop_reason"));
    return rc < 0
               ? rc
               : llmobs_anthropic_usage(llmobs_json_get(body, "usage"),
                                        llmobs_json_get(body, "stop_details"),
                                        reading->span);
}

static int anthropic_chunk(struct invoke *invoke,
                           const struct llmobs_event *event)
{
    int rc = llmobs_anthropic_stream_add(&invoke->anthropic, event->json);

    invoke->begun = invoke->anthropic.begun;
    invoke->done = invoke->done || invoke->anthropic.done;
    return rc;
}

static int anthropic_finish(struct invoke *invoke, struct llmobs_span *span)
{
    int rc = llmobs_anthropic_stream_outputs(&invoke->anthropic,
                                             &span->output_messages);

    if (span->output_messages)
        llmobs_fact_finish(span, invoke->anthropic.reason);
    return rc < 0 ? rc
                  : llmobs_anthropic_stream_usage(&invoke->anthropic, span);
}

static const struct body anthropic = {anthropic_request, anthropic_document,
                                      anthropic_chunk, anthropic_finish};

/* Nova, whose bodies are those of Converse. */

static int nova_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body,
                         struct llmobs_json **list)
{
    int rc = llmobs_converse_outputs(body, list);

    if (rc == 0)
        rc = llmobs_sources_read(reading->span, body, LLMOBS_SOURCES_CONVERSE);
    if (*list)
        llmobs_fact_finish(reading->span, llmobs_json_gets(body, "stopReason"));
    return rc;
}

/* Reads a chunk, an object whose keys are names of events. */
static int nova_chunk(struct invoke *invoke, const struct llmobs_event *event)
{
    struct llmobs_converse_stream *stream = &invoke->converse;
    void *it = llmobs_json_iter(event->json);
    int rc = 0;

    for (; rc == 0 && it; it = llmobs_json_next(event->json, it))
        rc = llmobs_converse_stream_add(
            stream, llmobs_text_of(llmobs_json_iter_key(it)),
            llmobs_json_iter_value(it));
    invoke->begun = stream->begun;
    invoke->done = invoke->done || stream->done;
    return rc;
}

static int nova_finish(struct invoke *invoke, struct llmobs_span *span)
{
    llmobs_converse_stream_reason(&invoke->converse, span);
    span->output_messages = llmobs_converse_stream_take(&invoke->converse);
    return span->output_messages ? 0 : -ENOMEM;
}

static const struct body nova = {llmobs_converse_request, nova_document,
                                 nova_chunk, nova_finish};

/* Chats in OpenAI's form: Jamba, Mistral, OpenAI's own and others. */

static int chat_request(struct llmobs_reading *reading)
{
    int rc = read_around(reading, "max_completion_tokens");

    if (rc < 0)
        return rc == -ECANCELED ? 0 : rc;
    reading->span->input_messages = llmobs_message_read_list(
        ask(reading, "messages"), &llmobs_message_openai);
    return reading->span->input_messages ? 0 : -ENOMEM;
}

static int chat_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body,
                         struct llmobs_json **list)
{
    const struct llmobs_json *choices = llmobs_json_get(body, "choices");
    int rc = 0;

    *list = llmobs_json_array();
    LLMOBS_JSON_EACH (choice, choices, *list && rc == 0) {
        const char *reason = llmobs_json_gets(choice, "finish_reason");

        llmobs_fact_finish(reading->span,
                           reason ? reason
                                  : llmobs_json_gets(choice, "stop_reason"));
        rc = llmobs_message_add_answer(
            *list, llmobs_json_get(choice, "message"), NULL);
    }
    return *list ? rc : -ENOMEM;
}

static bool bedrock_invoke_has(const struct llmobs_json *object,
                               const char *key)
{
    const struct llmobs_json *value = llmobs_json_get(object, key);

    return value && !llmobs_json_is_null(value);
}

/* Sets the value of one key under a second key too, unless that has a value. */
static int call_it(struct llmobs_json *object, const char *key,
                   const char *also)
{
    struct llmobs_json *value = llmobs_json_get(object, key);

    if (!bedrock_invoke_has(object, key) || bedrock_invoke_has(object, also))
        return 0;
    return llmobs_json_set(object, also, llmobs_json_share(value));
}

/* True for Mistral's form. */
static bool needs_names(const struct llmobs_json *choices)
{
    LLMOBS_JSON_EACH (one, choices, true)
        if (bedrock_invoke_has(one, "message") ||
            bedrock_invoke_has(one, "stop_reason"))
            return true;
    return false;
}

/* Renames Mistral's messages to deltas, and its stop reasons to OpenAI's. */
static int as_deltas(const struct llmobs_json *choices)
{
    int rc = 0;

    LLMOBS_JSON_EACH (choice, choices, rc == 0) {
        rc = call_it(choice, "message", "delta");
        if (rc == 0)
            rc = call_it(choice, "stop_reason", "finish_reason");
    }
    return rc;
}

/* Renames in a copy, since the event's tree must not change (json_series.h). */
static int add_renamed(struct invoke *invoke, const struct llmobs_json *json)
{
    struct llmobs_json *copy = llmobs_json_clone(json);
    int rc = copy ? as_deltas(llmobs_json_get(copy, "choices")) : -ENOMEM;

    if (rc == 0)
        rc = llmobs_stream_add(&invoke->chat, copy);
    llmobs_json_free(copy);
    return rc;
}

static int chat_chunk(struct invoke *invoke, const struct llmobs_event *event)
{
    int rc = needs_names(llmobs_json_get(event->json, "choices"))
                 ? add_renamed(invoke, event->json)
                 : llmobs_stream_add(&invoke->chat, event->json);

    invoke->begun = invoke->chat.begun;
    invoke->done = invoke->done || invoke->chat.done;
    return rc;
}

static int chat_finish(struct invoke *invoke, struct llmobs_span *span)
{
    if (invoke->chat.choices.count == 0 && !invoke->done)
        return 0;
    llmobs_stream_reasons(&invoke->chat, span);
    span->output_messages = llmobs_stream_messages(&invoke->chat, NULL);
    return span->output_messages ? 0 : -ENOMEM;
}

static const struct body chat = {chat_request, chat_document, chat_chunk,
                                 chat_finish};

/* Cohere's Command R. */

static int add_text(struct llmobs_json *list, const char *role,
                    const char *text)
{
    return llmobs_message_add_text(list, role, llmobs_text_of(text));
}

static const char *role_of(const struct llmobs_json *turn)
{
    static const char *const roles[][2] = {{"USER", "user"},
                                           {"CHATBOT", "assistant"},
                                           {"SYSTEM", "system"},
                                           {"TOOL", "tool"}};
    const char *role = llmobs_json_gets(turn, "role");

    for (size_t i = 0; role && i < sizeof(roles) / sizeof(roles[0]); i++)
        if (strcmp(role, roles[i][0]) == 0)
            return roles[i][1];
    return role;
}

static int add_turns(const struct llmobs_reading *reading)
{
    struct llmobs_json *list = reading->span->input_messages;
    const struct llmobs_json *history = ask(reading, "chat_history");
    const char *preamble = llmobs_json_gets(reading->request, "preamble");
    int rc = 0;

    if (preamble && *preamble)
        rc = add_text(list, "system", preamble);
    llmobs_fact_apart(reading->span);
    LLMOBS_JSON_EACH (turn, history, rc == 0) {
        if (llmobs_json_is_object(turn))
            rc = add_text(list, role_of(turn),
                          llmobs_json_gets(turn, "message"));
    }
    if (rc < 0)
        return rc;
    return add_text(list, "user",
                    llmobs_json_gets(reading->request, "message"));
}

static int command_request(struct llmobs_reading *reading)
{
    struct llmobs_span *span = reading->span;
    int rc = llmobs_bedrock_settings(span, ask(reading, "temperature"),
                                     ask(reading, "max_tokens"));

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    span->input_messages = llmobs_json_array();
    return span->input_messages ? add_turns(reading) : -ENOMEM;
}

static int command_document(struct llmobs_reading *reading,
                            const struct llmobs_json *body,
                            struct llmobs_json **list)
{
    const char *text = llmobs_json_gets(body, "text");

    if (!text)
        return 0;
    llmobs_fact_finish(reading->span, llmobs_json_gets(body, "finish_reason"));
    *list = llmobs_message_only(NULL, llmobs_text_of(text));
    return *list ? 0 : -ENOMEM;
}

static int add_piece(struct invoke *invoke, struct llmobs_text piece)
{
    int rc = llmobs_text_stream_add(&invoke->texts, 0, piece);

    invoke->begun = invoke->texts.len > 0;
    return rc;
}

/* Cohere's last event. */
static int end_text(struct invoke *invoke, const struct llmobs_json *event)
{
    invoke->done = true;
    return llmobs_text_stream_end(&invoke->texts, 0,
                                  llmobs_json_gets(event, "finish_reason"));
}

static int command_chunk(struct invoke *invoke,
                         const struct llmobs_event *event)
{
    const char *text = llmobs_json_gets(event->json, "text");

    if (llmobs_json_is_true(llmobs_json_get(event->json, "is_finished"))) {
        int rc = end_text(invoke, event->json);

        if (rc < 0)
            return rc;
    }
    if (!llmobs_json_says(event->json, "event_type", "text-generation") ||
        !text)
        return 0;
    return add_piece(invoke, llmobs_text_of(text));
}

static int texts_finish(struct invoke *invoke, struct llmobs_span *span)
{
    if (invoke->texts.texts.count == 0)
        return 0;
    llmobs_text_stream_reasons(&invoke->texts, span);
    span->output_messages = llmobs_text_stream_messages(
        &invoke->texts, invoke->family ? invoke->family->role : NULL);
    return span->output_messages ? 0 : -ENOMEM;
}

static const struct body command = {command_request, command_document,
                                    command_chunk, texts_finish};

/* Bodies with one prompt, by the maker's family. */

static const struct llmobs_bedrock_family *family_of(
    const struct llmobs_reading *reading)
{
    return ((const struct invoke *)reading->state)->family;
}

static int prompt_request(struct llmobs_reading *reading)
{
    const struct llmobs_bedrock_family *family = family_of(reading);
    const char *prompt = llmobs_json_gets(reading->request, family->prompt);
    int rc = llmobs_bedrock_settings(
        reading->span,
        llmobs_bedrock_family_get(reading->request, family->temperature),
        llmobs_bedrock_family_get(reading->request, family->max_tokens));

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    return llmobs_message_put(&reading->span->input_messages, NULL,
                              llmobs_text_of(prompt));
}

static int prompt_document(struct llmobs_reading *reading,
                           const struct llmobs_json *body,
                           struct llmobs_json **list)
{
    int rc = llmobs_bedrock_family_outputs(family_of(reading), body, list);

    llmobs_bedrock_family_reasons(family_of(reading), body, reading->span);
    return rc;
}

/* Reads a chunk; Cohere's last one only says that it is the last. */
static int prompt_chunk(struct invoke *invoke, const struct llmobs_event *event)
{
    int rc;

    if (llmobs_json_is_true(llmobs_json_get(event->json, "is_finished")))
        return end_text(invoke, event->json);
    rc = llmobs_bedrock_family_chunk(invoke->family, event->json,
                                     &invoke->texts, &invoke->done);
    invoke->begun = invoke->texts.len > 0;
    return rc;
}

static const struct body prompt = {prompt_request, prompt_document,
                                   prompt_chunk, texts_finish};

/* Unknown bodies. */

static int raw_request(struct llmobs_reading *reading)
{
    if (reading->classified->call->request_truncated)
        return 0;
    reading->span->input_messages =
        llmobs_message_take(llmobs_request_text(reading->classified->call));
    return reading->span->input_messages ? 0 : -ENOMEM;
}

static int raw_document(struct llmobs_reading *reading,
                        const struct llmobs_json *body,
                        struct llmobs_json **list)
{
    (void)body;
    if (reading->classified->call->status >= 300)
        return 0;
    *list = llmobs_answer_message(reading->classified->call);
    return *list ? 0 : -ENOMEM;
}

/* Adds a chunk as a line of text. */
static int raw_chunk(struct invoke *invoke, const struct llmobs_event *event)
{
    size_t left = LLMOBS_ANSWER_TEXT_CUT;
    int rc = 0;

    if (invoke->texts.len >= left ||
        (llmobs_json_len(event->json) == 1 &&
         llmobs_json_get(event->json, LLMOBS_BEDROCK_METRICS)))
        return 0;
    left -= invoke->texts.len;
    if (invoke->texts.len > 0)
        rc = add_piece(invoke, (struct llmobs_text){"\n", 1});
    return rc < 0 ? rc : add_piece(invoke, llmobs_text_cut(event->data, left));
}

static int raw_finish(struct invoke *invoke, struct llmobs_span *span)
{
    if (invoke->texts.texts.count == 0)
        return 0;
    span->output_messages = llmobs_text_stream_messages(&invoke->texts, NULL);
    return span->output_messages ? 0 : -ENOMEM;
}

/* The kind for all other bodies: it keeps them as texts. */
static const struct body raw = {raw_request, raw_document, raw_chunk,
                                raw_finish};

static bool is_of(const struct llmobs_bedrock_family *family, const char *name)
{
    return family && strcmp(family->name, name) == 0;
}

/* True where the model may be Command R: its maker is Cohere, or the id is an
 * inference profile's, which hides the maker. */
static bool is_command(const struct llmobs_bedrock_family *family,
                       const char *model)
{
    return family ? is_of(family, "cohere")
                  : llmobs_text_begins(llmobs_text_of(model), "arn:");
}

/* The kind of the request's body, and the family that its path names; NULL
 * where neither is known. Looks at the request's keys before the model's id
 * (WIRE 6.9). */
static const struct body *find_body(const struct llmobs_reading *reading,
                                    const char *model,
                                    const struct llmobs_bedrock_family **family)
{
    bool messages = llmobs_reading_has(reading, "messages");

    *family = llmobs_bedrock_family_find(model);
    if (!*family)
        *family = llmobs_bedrock_family_guess(reading, model);
    if (llmobs_reading_has(reading, "anthropic_version"))
        return &anthropic;
    if (llmobs_reading_has(reading, "schemaVersion") ||
        llmobs_reading_has(reading, "inferenceConfig") ||
        (messages && llmobs_text_has_nocase(llmobs_text_of(model), "nova")))
        return &nova;
    if (messages)
        return is_of(*family, "anthropic") ? &anthropic : &chat;
    if (is_command(*family, model) && llmobs_reading_has(reading, "message"))
        return &command;
    if (*family && llmobs_reading_has(reading, (*family)->prompt))
        return &prompt;
    return NULL;
}

/* The form: each function asks the kind of the body. */

static const char keys[] =
    "anthropic_version\0inferenceConfig\0toolConfig\0textGenerationConfig\0"
    "temperature\0max_tokens\0max_completion_tokens\0max_tokens_to_sample\0"
    "max_gen_len\0maxTokens\0";

static bool is_invoke(const struct llmobs_reading *reading)
{
    const struct llmobs_bedrock_family *family;
    char *model = llmobs_bedrock_model(reading);
    bool known = model && find_body(reading, model, &family) != NULL;

    free(model);
    return known;
}

static int bedrock_invoke_begin(struct llmobs_reading *reading)
{
    struct invoke *invoke = reading->state;
    char *model = llmobs_bedrock_model(reading);

    if (!model)
        return -ENOMEM;
    invoke->body = find_body(reading, model, &invoke->family);
    if (!invoke->body)
        invoke->body = &raw;
    free(model);
    invoke->tokens = (struct llmobs_counts)LLMOBS_NO_COUNTS;
    return llmobs_bedrock_begin(reading);
}

/* Takes the bodies' counts where neither the headers nor the end of a stream
 * have counts. */
static void count_bodies(struct llmobs_reading *reading)
{
    const struct invoke *invoke = reading->state;

    if (!llmobs_json_get(reading->span->metrics, "input_tokens") &&
        !llmobs_json_get(reading->span->metrics, "output_tokens"))
        llmobs_bedrock_count(&invoke->tokens, reading->span);
}

static const struct body *body_of(const struct llmobs_reading *reading)
{
    return ((const struct invoke *)reading->state)->body;
}

static int read_request(struct llmobs_reading *reading)
{
    return body_of(reading)->request(reading);
}

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    struct invoke *invoke = reading->state;

    if (reading->classified->call->status < 300)
        llmobs_bedrock_body_counts(body, &invoke->tokens);
    count_bodies(reading);
    return body_of(reading)->document(reading, body,
                                      &reading->span->output_messages);
}

static int read_event(struct llmobs_reading *reading,
                      const struct llmobs_event *event)
{
    struct invoke *invoke = reading->state;
    const struct llmobs_json *metrics =
        llmobs_json_get(event->json, LLMOBS_BEDROCK_METRICS);
    struct llmobs_counts tokens;
    int rc;

    if (event->failed)
        return 0;
    rc = invoke->body->chunk(invoke, event);
    if (rc == 0)
        rc = llmobs_sources_event(reading, event,
                                  invoke->body == &nova
                                      ? LLMOBS_SOURCES_CONVERSE
                                      : LLMOBS_SOURCES_ANTHROPIC);
    if (!event->alike || event->json != invoke->plain) {
        /* Reads what a chunk says beside its text. After a guardrail has
         * replaced the answer by its own words, the reason why it ended is not
         * the model's. */
        const char *guard =
            llmobs_json_gets(event->json, "amazon-bedrock-guardrailAction");
        bool counts = llmobs_bedrock_body_counts(event->json, &invoke->tokens);

        invoke->done =
            invoke->done || llmobs_text_is(llmobs_text_of(guard), "INTERVENED");
        invoke->plain = guard || counts ? NULL : event->json;
    }
    if (invoke->begun)
        llmobs_reading_token(reading, event);
    if (llmobs_json_is_object(metrics)) {
        llmobs_bedrock_invocation(metrics, &tokens);
        llmobs_bedrock_count(&tokens, reading->span);
        invoke->done = true;
    }
    reading->done = invoke->done;
    return rc;
}

static int finish_stream(struct llmobs_reading *reading)
{
    count_bodies(reading);
    return body_of(reading)->finish(reading->state, reading->span);
}

static void free_state(void *state)
{
    struct invoke *invoke = state;

    llmobs_stream_fini(&invoke->chat);
    llmobs_anthropic_stream_fini(&invoke->anthropic);
    llmobs_converse_stream_fini(&invoke->converse);
    llmobs_text_stream_fini(&invoke->texts);
}

const struct llmobs_form llmobs_form_bedrock_invoke = {
    .keys = keys,
    .confirm = is_invoke,
    .begin = bedrock_invoke_begin,
    .request = read_request,
    .document = read_document,
    .event = read_event,
    .finish = finish_stream,
    .ends = llmobs_bedrock_ends,
    LLMOBS_STATE(struct invoke, free_state),
    .framing = LLMOBS_FRAMING_AWS,
};
