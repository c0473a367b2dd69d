/* Older APIs that are still called: Cohere's first version, Anthropic's
 * completions, Writer's own paths, Aleph Alpha; and Portkey's stored prompts.
 *
 * Source: types of npm's cohere-ai 8.1.0 (ChatRequest, StreamedChatResponse,
 * Generation, ApiMeta) and writer-sdk 2.3.2 (completions.d.ts, chat.mjs);
 * anthropics/anthropic-sdk-python, types/completion.py,
 * types/completion_create_params.py and _streaming.py;
 * Aleph-Alpha/aleph-alpha-client, completion.py, embedding.py, prompt.py and
 * tests/cassettes; aleph-alpha-client-rs, tests/integration.rs (end_of_text);
 * Portkey-AI/docs-core, prompt-completion.mdx, and portkey-python-sdk,
 * apis/generation.py. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/embedding.h"
#include "rules/read/facts.h"
#include "rules/read/media.h"
#include "rules/read/message_content.h"
#include "rules/read/request.h"
#include "rules/read/text.h"
#include "rules/read/tools.h"
#include "rules/read/values.h"
#include "rules/tables/history.h"
#include "rules/tables/interpreter.h"
#include "rules/vendors/chat.h"

#define TABLE(name) \
    LLMOBS_INTERPRETER, LLMOBS_SIGNED, .keys = name##_keys, .variant = &name

#define CHAT \
    LLMOBS_CHAT, .keys = llmobs_chat_openai_keys, .variant = &llmobs_chat_openai

/* -- a message beside its history ------------------------------------------ */

int llmobs_history_calls(struct llmobs_json *message,
                         const struct llmobs_json *from)
{
    const struct llmobs_json *calls = llmobs_json_get(from, "toolCalls");
    struct llmobs_json *list = llmobs_json_array();
    int rc = list ? 0 : -ENOMEM;

    if (!calls)
        calls = llmobs_json_get(from, "tool_calls");
    LLMOBS_JSON_EACH (one, calls, rc == 0) {
        const struct llmobs_json *given = llmobs_json_get(one, "arguments");
        const char *name = llmobs_json_gets(one, "name");

        if (!given)
            given = llmobs_json_get(one, "parameters");
        if (!llmobs_tools_is_none(name, given))
            rc = llmobs_json_add(
                list,
                llmobs_tools_call(name, llmobs_json_gets(one, "id"), "function",
                                  llmobs_tools_arguments(given)));
    }
    return llmobs_tools_set(message, list, NULL, rc);
}

int llmobs_history_add(struct llmobs_json *list,
                       const struct llmobs_json *message,
                       const struct llmobs_message_form *form)
{
    const char *own = llmobs_json_gets(message, "role");
    size_t len = own ? strlen(own) : 0;
    int rc = llmobs_message_add(list, message, form);
    char role[16] = "assistant";

    if (rc == 0)
        rc = llmobs_history_calls(
            llmobs_json_at(list, llmobs_json_len(list) - 1), message);
    if (rc < 0 || len == 0 || len >= sizeof(role))
        return rc;
    for (size_t i = 0; i <= len && strcmp(own, "CHATBOT") != 0; i++)
        role[i] = own[i] >= 'A' && own[i] <= 'Z' ? (char)(own[i] + 32) : own[i];
    return llmobs_json_sets(llmobs_json_at(list, llmobs_json_len(list) - 1),
                            "role", role);
}

/* The results of tools that stand beside a message, or in one; NULL: none. */
static const struct llmobs_json *history_results(const struct llmobs_json *from)
{
    const struct llmobs_json *list = llmobs_json_get(from, "tool_results");

    if (!list)
        list = llmobs_json_get(from, "toolResults");
    return llmobs_json_is_array(list) && llmobs_json_len(list) > 0 ? list
                                                                   : NULL;
}

/* Sets the results of `from`, if it has any, in the last message. */
static int history_set_results(struct llmobs_json *messages,
                               const struct llmobs_json *from)
{
    const struct llmobs_json *results = history_results(from);
    struct llmobs_json *list = results ? llmobs_json_array() : NULL;
    int rc = 0;

    LLMOBS_JSON_EACH (one, results, rc == 0) {
        const struct llmobs_json *said = llmobs_json_get(one, "outputs");
        const char *name =
            llmobs_json_gets(llmobs_json_get(one, "call"), "name");
        char *text = said ? llmobs_value_text(said) : NULL;

        if (said)
            rc = llmobs_json_add(
                list,
                llmobs_tools_result(name ? name : "", NULL, "tool_result",
                                    text ? llmobs_json_string(text) : NULL));
        free(text);
    }
    if (rc == 0 && results)
        return llmobs_json_set(
            llmobs_json_at(messages, llmobs_json_len(messages) - 1),
            "tool_results", list);
    llmobs_json_free(list);
    return rc;
}

static int history_add_turn(struct llmobs_json *list,
                            const struct llmobs_json *turn)
{
    static const struct llmobs_message_form form = {.instead = "message"};
    int rc =
        llmobs_json_is_object(turn) ? llmobs_history_add(list, turn, &form) : 0;

    return rc < 0 ? rc : history_set_results(list, turn);
}

/* The results for the message that the request has again. */
static int history_add_results(struct llmobs_json *list,
                               const struct llmobs_json *from)
{
    int rc =
        history_results(from)
            ? llmobs_message_add_text(list, "tool", (struct llmobs_text){"", 0})
            : 0;

    return rc < 0 ? rc : history_set_results(list, from);
}

int llmobs_history_request(struct llmobs_reading *reading,
                           const struct llmobs_json *from, const char *system,
                           const char *history)
{
    const struct llmobs_json *turns = llmobs_json_get(from, history);
    struct llmobs_span *span = reading->span;
    struct llmobs_json *list;
    int rc;

    if (reading->classified->call->request_truncated)
        return 0;
    list = span->input_messages = llmobs_json_array();
    rc = list ? llmobs_message_say(list, "system",
                                   llmobs_json_gets(from, system))
              : -ENOMEM;
    llmobs_fact_apart(span);
    LLMOBS_JSON_EACH (one, turns, rc == 0)
        rc = history_add_turn(list, one);
    if (rc == 0)
        rc =
            llmobs_message_say(list, "user", llmobs_json_gets(from, "message"));
    if (rc == 0)
        rc = history_add_results(list, from);
    return rc < 0
               ? rc
               : llmobs_tools_read_definitions(from, &span->tool_definitions);
}

/* -- Cohere, version 1 ----------------------------------------------------- */

static const char asks_prompt[] = "prompt\0";
static const char asks_inputs[] = "[inputs\0";

static const char cohere_chat_keys[] =
    "stream\0temperature\0max_tokens\0p\0k\0seed\0stop_sequences\0"
    "frequency_penalty\0presence_penalty\0prompt_truncation\0"
    "citation_quality\0safety_mode\0response_format\0";

#define COHERE_COUNTS                                               \
    LLMOBS_AT(INPUT_TOKENS, "/meta/tokens/input_tokens|"            \
                            "/response/meta/tokens/input_tokens|"   \
                            "/meta/billed_units/input_tokens")      \
    LLMOBS_AT(OUTPUT_TOKENS, "/meta/tokens/output_tokens|"          \
                             "/response/meta/tokens/output_tokens|" \
                             "/meta/billed_units/output_tokens")

static const struct llmobs_layout cohere_chat = {
    .asks = "'message\0",
    .places = LLMOBS_AT(ID, "/response_id|/response/response_id")
        LLMOBS_AT(TEXT, "/text") LLMOBS_AT(CALLS, "/tool_calls")
            LLMOBS_AT(END, "/event_type") LLMOBS_AT(LAST, "stream-end")
                LLMOBS_AT(REASON, "/finish_reason") COHERE_COUNTS,
    .role = "assistant",
    .plain = 1,
    .sums = true,
    .keep_space = true,
};

static int cohere_chat_request(struct llmobs_reading *reading)
{
    int rc = llmobs_request_metadata(reading->request, cohere_chat_keys,
                                     reading->span);

    return rc < 0 ? rc
                  : llmobs_history_request(reading, reading->request,
                                           "preamble", "chat_history");
}

/* The event of the calls has again what the model said of them. It comes once;
 * the state keeps the rest of it, since the layout remembers where it is. */
static int cohere_chat_event(struct llmobs_reading *reading,
                             const struct llmobs_event *event)
{
    static const char calls[] = "tool-calls-generation";
    const char *type = llmobs_json_gets(event->json, "event_type");
    struct llmobs_interpreter *state = reading->state;
    struct llmobs_event rest = *event;

    if (!state->said || state->value || !type || strcmp(type, calls) != 0)
        return llmobs_interpreter_event(reading, event);
    rest.json = llmobs_json_clone(event->json);
    if (!rest.json)
        return -ENOMEM;
    rest.alike = false;
    llmobs_json_unset(rest.json, "text");
    state->value = rest.json;
    return llmobs_interpreter_event(reading, &rest);
}

static const char cohere_generate_keys[] =
    "stream\0num_generations\0max_tokens\0temperature\0k\0p\0seed\0"
    "end_sequences\0stop_sequences\0frequency_penalty\0presence_penalty\0"
    "truncate\0";

static const struct llmobs_layout cohere_generate = {
    .asks = asks_prompt,
    .places = LLMOBS_AT(PROMPT, "/prompt") LLMOBS_AT(CHOICES, "/generations")
        LLMOBS_AT(TEXT, "/text") LLMOBS_AT(END, "/event_type|/is_finished")
            LLMOBS_AT(LAST, "stream-end") LLMOBS_AT(FAULT, "/err")
                LLMOBS_AT(REASON, "/finish_reason") COHERE_COUNTS,
    .sums = true,
    .keep_space = true,
    .texts = true,
};

static const char cohere_summarize_keys[] =
    "length\0format\0extractiveness\0temperature\0additional_command\0";

static const struct llmobs_layout cohere_summarize = {
    .asks = "'text\0",
    .places =
        LLMOBS_AT(PROMPT, "/text") LLMOBS_AT(TEXT, "/summary") COHERE_COUNTS,
    .role = "assistant",
    .sums = true,
};

static const char cohere_classify_keys[] = "preset\0truncate\0";

static const struct llmobs_layout cohere_classify = {
    .asks = asks_inputs,
    .places = LLMOBS_AT(INPUT, "/inputs") LLMOBS_AT(OUTPUT, "/classifications"),
};

static const struct llmobs_form cohere_chats = {
    LLMOBS_INTERPRETER_BY(cohere_chat_request, llmobs_interpreter_document,
                          cohere_chat_event),
    LLMOBS_SIGNED, .keys = cohere_chat_keys, .variant = &cohere_chat,
    .framing = LLMOBS_FRAMING_LINES};
static const struct llmobs_form cohere_generates = {
    TABLE(cohere_generate), .framing = LLMOBS_FRAMING_LINES};
static const struct llmobs_form cohere_summarizes = {TABLE(cohere_summarize)};
static const struct llmobs_form cohere_classifies = {TABLE(cohere_classify)};

LLMOBS_FORMS(cohere_forms, cohere_chats, cohere_generates, cohere_summarizes,
             cohere_classifies);

static const struct llmobs_shape cohere_shapes[] = {
    LLMOBS_POST(LLM, "/v1/chat", "chat", "cohere.request",
                .form = LLMOBS_FORM(cohere_chats)),
    LLMOBS_POST(LLM, "/v1/generate", "generate", "cohere.request",
                .genai = "text_completion",
                .form = LLMOBS_FORM(cohere_generates)),
    LLMOBS_POST(LLM, "/v1/summarize", "summarize", "cohere.request",
                .genai = "text_completion",
                .form = LLMOBS_FORM(cohere_summarizes)),
    LLMOBS_POST(TASK, "/v1/classify", "classify", "cohere.request",
                .form = LLMOBS_FORM(cohere_classifies)),
};

LLMOBS_DIALECT(cohere_v1, .integration = "cohere", LLMOBS_SHAPES(cohere_shapes),
               .forms = cohere_forms);

/* -- Anthropic's completions ----------------------------------------------- */

static const char complete_keys[] =
    "stream\0max_tokens_to_sample\0temperature\0top_p\0top_k\0"
    "stop_sequences\0";

static const struct llmobs_layout complete = {
    .places = LLMOBS_AT(PROMPT, "/prompt") LLMOBS_AT(MODEL, "/model")
        LLMOBS_AT(TEXT, "/completion") LLMOBS_AT(REASON, "/stop_reason"),
    .asks = "'prompt\0max_tokens_to_sample\0",
    .role = "assistant",
    .keep_space = true,
};

static const struct llmobs_form completes = {
    TABLE(complete), .signs = "\"max_tokens_to_sample\"\0",
    .confirm_always = true};

static const struct llmobs_shape complete_shapes[] = {
    LLMOBS_POST(LLM, "/v1/complete", "complete", "anthropic.request",
                .genai = "text_completion", .any_host = true),
};

LLMOBS_DIALECT(anthropic_complete, .integration = "anthropic",
               LLMOBS_SHAPES(complete_shapes), .form = &completes);

/* -- Writer ---------------------------------------------------------------- */

static const struct llmobs_form writer_chat = {
    .confirm = llmobs_chat_asks,
    .gated = true,
    .request = llmobs_chat_request,
    CHAT,
};

static const char writer_text_keys[] =
    "stream\0best_of\0max_tokens\0random_seed\0stop\0temperature\0top_p\0";

static const struct llmobs_layout writer_text = {
    .asks = asks_prompt,
    .places = LLMOBS_AT(PROMPT, "/prompt") LLMOBS_AT(MODEL, "/model")
        LLMOBS_AT(TEXT, "/choices/0/text|/value"),
    .keep_space = true,
    .texts = true,
};

static const struct llmobs_form writer_texts = {TABLE(writer_text)};

LLMOBS_FORMS(writer_forms, writer_chat, writer_texts);

static const struct llmobs_shape writer_shapes[] = {
    LLMOBS_POST(LLM, "/v1/chat", "chat", "%s.createChatCompletion",
                .form = LLMOBS_FORM(writer_chat)),
    LLMOBS_POST(LLM, "/v1/completions", "completion", "%s.createCompletion",
                .genai = "text_completion", .form = LLMOBS_FORM(writer_texts)),
};

LLMOBS_DIALECT(writer, .integration = "openai", LLMOBS_SHAPES(writer_shapes),
               .forms = writer_forms);

/* -- Aleph Alpha ----------------------------------------------------------- */

static const char aleph_text_keys[] =
    "stream\0maximum_tokens\0minimum_tokens\0temperature\0top_k\0top_p\0n\0"
    "best_of\0stop_sequences\0presence_penalty\0frequency_penalty\0";

static const struct llmobs_layout aleph_text = {
    .asks = asks_prompt,
    .places = LLMOBS_AT(PROMPT, "/prompt") LLMOBS_AT(CHOICES, "/completions")
        LLMOBS_AT(TEXT, "/completion") LLMOBS_AT(INDEX, "/index")
            LLMOBS_AT(END, "/type") LLMOBS_AT(LAST, "completion_summary")
                LLMOBS_AT(REASON, "/finish_reason")
                    LLMOBS_AT(REASONS, "end_of_text=stop maximum_tokens=length")
                        LLMOBS_AT(INPUT_TOKENS, "/num_tokens_prompt_total")
                            LLMOBS_AT(OUTPUT_TOKENS, "/num_tokens_generated"),
    .sums = true,
    .keep_space = true,
    .texts = true,
};

static const char aleph_vector_keys[] =
    "representation\0compress_to_size\0normalize\0";

static const struct llmobs_layout aleph_vector = {
    .asks = asks_prompt,
    .places = LLMOBS_AT(INPUT, "/prompt") LLMOBS_AT(OUTPUT, "/embedding")
        LLMOBS_AT(INPUT_TOKENS, "/num_tokens_prompt_total"),
};

/* Ids of tokens are no text. */
static int aleph_add_part(struct llmobs_buf *text,
                          const struct llmobs_json *part)
{
    const char *type = llmobs_json_gets(part, "type");
    const char *data = llmobs_json_gets(part, "data");

    return type && data && strcmp(type, "image") == 0
               ? llmobs_media_url(text, type, data)
               : llmobs_message_content_append(text, data);
}

/* The prompt is a text, or a list of texts, pictures and ids of tokens. */
static int aleph_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *parts =
        llmobs_json_get(reading->request, "prompt");
    struct llmobs_buf text;
    int rc;

    if (!llmobs_json_is_array(parts))
        return llmobs_interpreter_request(reading);
    rc = llmobs_request_metadata(reading->request, reading->form->keys,
                                 reading->span);
    llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
    LLMOBS_JSON_EACH (one, parts, rc == 0)
        if (llmobs_json_is_object(one))
            rc = aleph_add_part(&text, one);
    if (rc == 0)
        rc = reading->span->kind == LLMOBS_KIND_LLM
                 ? llmobs_message_put(&reading->span->input_messages, "user",
                                      llmobs_buf_text(&text))
                 : llmobs_embedding_add(reading->span, llmobs_buf_text(&text));
    llmobs_buf_fini(&text);
    return rc;
}

#define ALEPH(name)                                                       \
    static const struct llmobs_form name##s = {                           \
        LLMOBS_INTERPRETER_BY(aleph_request, llmobs_interpreter_document, \
                              llmobs_interpreter_event),                  \
        LLMOBS_SIGNED, .keys = name##_keys, .variant = &name}

ALEPH(aleph_text);
ALEPH(aleph_vector);

LLMOBS_FORMS(aleph_forms, aleph_texts, aleph_vectors);

static const struct llmobs_shape aleph_shapes[] = {
    LLMOBS_POST(LLM, "/complete", "complete", "aleph_alpha.complete",
                .genai = "text_completion", .form = LLMOBS_FORM(aleph_texts)),
    LLMOBS_POST(EMBEDDING, "/semantic_embed", "embedding",
                "aleph_alpha.semantic_embed",
                .form = LLMOBS_FORM(aleph_vectors)),
};

LLMOBS_DIALECT(aleph_alpha, .integration = "aleph_alpha",
               LLMOBS_SHAPES(aleph_shapes), .forms = aleph_forms,
               .sent_media = LLMOBS_MEDIA_TOLD);

/* -- Portkey --------------------------------------------------------------- */

static const char portkey_says[] =
    "\"chat.completion\"\0\"chat.completion.chunk\"\0";

/* The prompt is Portkey's: its path is that of completions, whose body it has
 * not. */
static bool portkey_asks(const struct llmobs_reading *reading)
{
    return llmobs_json_is_object(
               llmobs_json_get(reading->request, "variables")) &&
           llmobs_text_has_any(reading->classified->call->response,
                               portkey_says);
}

static int portkey_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *variables =
        llmobs_json_get(reading->request, "variables");
    struct llmobs_span *span = reading->span;
    int rc = llmobs_request_metadata(reading->request, llmobs_chat_openai_keys,
                                     span);

    if (rc < 0 || !variables || reading->classified->call->request_truncated)
        return rc;
    span->input_messages = llmobs_message_take(llmobs_value_text(variables));
    return span->input_messages ? 0 : -ENOMEM;
}

static const struct llmobs_form portkey_form = {
    .signs = "\"variables\"\0",
    .confirm = portkey_asks,
    .gated = true,
    .request = portkey_request,
    CHAT,
};

static const struct llmobs_shape portkey_shapes[] = {
    LLMOBS_POST(LLM, "/prompts/*/completions", "prompt",
                "portkey.createPromptCompletion", .any_host = true,
                .shared = true),
};

LLMOBS_DIALECT(portkey, .integration = "portkey", .server = true,
               LLMOBS_SHAPES(portkey_shapes), .form = &portkey_form);
