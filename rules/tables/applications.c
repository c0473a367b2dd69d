/* Applications of models behind an API: Dify, Flowise, n8n's chats. Such a call
 * runs an agent, or a flow with models in it.
 *
 * Source: Dify's service API (dify-docs, en/api-reference/openapi_service.json,
 * 2026-07); Flowise's SSEStreamer.ts and docs.flowiseai.com, Prediction; n8n's
 * Chat Trigger and its chunks (packages/cli, chat-hub; nodes-langchain). */

#include "rules/read/text.h"
#include "rules/tables/interpreter.h"

#define FORM(name)                                          \
    LLMOBS_INTERPRETER, LLMOBS_SIGNED, .keys = name##_keys, \
                                       .signs = name##_signs, .variant = &name

/* -- Dify ------------------------------------------------------------------ */

static const char dify_chat_keys[] =
    "response_mode\0auto_generate_name\0workflow_id\0";
static const char dify_signs[] = "\"inputs\"\0";
static const char dify_asks[] = "{inputs\0response_mode|user\0";

/* The event that ends a flow comes before the event that ends the message, and
 * only the second one has the counts. The pieces of an agent's thoughts are no
 * part of the answer. */
static const struct llmobs_layout dify_chat = {
    .places = LLMOBS_AT(INPUT, "/query|/inputs") LLMOBS_AT(CONVERSATION,
                                                           "/conversation_id")
        LLMOBS_AT(ID, "/message_id") LLMOBS_AT(TYPE, "/event")
            LLMOBS_AT(ONLY, "message agent_message message_replace")
                LLMOBS_AT(OUTPUT, "/answer") LLMOBS_AT(END, "/event")
                    LLMOBS_AT(LAST, "message_end") LLMOBS_AT(FAULT, "/message")
                        LLMOBS_AT(FAULTS, "error")
                            LLMOBS_AT(USAGE, "/metadata/usage"),
    .asks = dify_asks,
};

/* Reads an event. A moderator may replace the whole text so far. A flow may
 * stop and wait for a person; the answer ends there. */
static int dify_event(struct llmobs_reading *reading,
                      const struct llmobs_event *event)
{
    struct llmobs_interpreter *state = reading->state;

    if (llmobs_json_says(event->json, "event", "message_replace"))
        llmobs_buf_cut(&state->text, 0);
    if (llmobs_json_says(event->json, "event", "workflow_paused"))
        reading->done = true;
    return llmobs_interpreter_event(reading, event);
}

static const char dify_flow_keys[] = "response_mode\0";
static const char dify_flow_says[] = "\"workflow_run_id\"\0";

/* Other servers also run workflows of users, with such a request. */
static bool dify_flows(const struct llmobs_reading *reading)
{
    return llmobs_interpreter_signed(reading) &&
           (llmobs_reading_has(reading, "response_mode") ||
            llmobs_text_has_any(reading->classified->call->response,
                                dify_flow_says));
}

/* An answer of a flow has only the total of its tokens. */
static const struct llmobs_layout dify_flow = {
    .places = LLMOBS_AT(INPUT, "/inputs") LLMOBS_AT(ID, "/workflow_run_id")
        LLMOBS_AT(TYPE, "/event") LLMOBS_AT(ONLY, "workflow_finished")
            LLMOBS_AT(OUTPUT, "/data/outputs") LLMOBS_AT(END, "/event")
                LLMOBS_AT(LAST, "workflow_finished")
                    LLMOBS_AT(FAULT, "/data/error|/message")
                        LLMOBS_AT(FAULTS, "workflow_finished error")
                            LLMOBS_AT(TOTAL_TOKENS, "/data/total_tokens"),
    .asks = dify_asks,
};

static const char dify_search_keys[] = "retrieval_model\0";
static const char dify_search_signs[] = "\"retrieval_model\"\0";

static const struct llmobs_layout dify_search = {
    .places = LLMOBS_AT(INPUT, "/query") LLMOBS_AT(DOCUMENTS, "/records")
        LLMOBS_AT(DOCUMENT_TEXT, "/segment/content")
            LLMOBS_AT(DOCUMENT_NAME, "/segment/document/name")
                LLMOBS_AT(DOCUMENT_ID, "/segment/id")
                    LLMOBS_AT(DOCUMENT_SCORE, "/score"),
    .asks = "'query\0{retrieval_model\0",
};

#define dify_chat_signs dify_signs
#define dify_flow_signs dify_signs

#define DIFY(name, asks_it)                                             \
    static const struct llmobs_form name##_form = {                     \
        LLMOBS_INTERPRETER_BY(llmobs_interpreter_request,               \
                              llmobs_interpreter_document, dify_event), \
        .confirm = asks_it,                                             \
        .gated = true,                                                  \
        .keys = name##_keys,                                            \
        .signs = name##_signs,                                          \
        .variant = &name}

DIFY(dify_chat, llmobs_interpreter_signed);
DIFY(dify_flow, dify_flows);
static const struct llmobs_form dify_search_form = {FORM(dify_search)};

LLMOBS_FORMS(dify_forms, dify_chat_form, dify_flow_form, dify_search_form);

static const struct llmobs_shape dify_shapes[] = {
    LLMOBS_POST(AGENT, "/chat-messages", "chat_message", "dify.chat_message",
                .genai = "invoke_agent", .form = LLMOBS_FORM(dify_chat_form),
                .any_host = true),
    LLMOBS_POST(AGENT, "/completion-messages", "completion_message",
                "dify.completion_message", .genai = "invoke_agent",
                .form = LLMOBS_FORM(dify_chat_form), .any_host = true),
    LLMOBS_POST(WORKFLOW, "/workflows/run", "workflow", "dify.workflow",
                .form = LLMOBS_FORM(dify_flow_form), .any_host = true),
    LLMOBS_POST(WORKFLOW, "/workflows/*/run", "workflow", "dify.workflow",
                .form = LLMOBS_FORM(dify_flow_form), .any_host = true),
    LLMOBS_POST(RETRIEVAL, "/datasets/*/retrieve", "retrieve", "dify.retrieve",
                .form = LLMOBS_FORM(dify_search_form), .any_host = true),
};

LLMOBS_DIALECT(dify, .integration = "dify", .server = true,
               LLMOBS_SHAPES(dify_shapes), .forms = dify_forms);

/* -- Flowise --------------------------------------------------------------- */

static const char flowise_says[] = "\"text\"\0\"json\"\0\"chatId\"\0";

static const struct llmobs_layout flowise = {
    .places = LLMOBS_AT(INPUT, "/question|/form")
        LLMOBS_AT(CONVERSATION, "/chatId|/data/chatId") LLMOBS_AT(
            ID, "/chatMessageId|/data/chatMessageId") LLMOBS_AT(TYPE, "/event")
            LLMOBS_AT(ONLY, "token") LLMOBS_AT(OUTPUT, "/text|/json|/data")
                LLMOBS_AT(END, "/event") LLMOBS_AT(LAST, "end")
                    LLMOBS_AT(FAULT, "/data") LLMOBS_AT(FAULTS, "error"),
    .asks = "question|{form\0",
};

/* Other servers also answer such a request with a form. */
static bool flowise_predicts(const struct llmobs_reading *reading)
{
    return llmobs_interpreter_signed(reading) &&
           llmobs_answer_may_have(reading->classified->call, flowise_says);
}

static const struct llmobs_form flowise_form = {
    LLMOBS_INTERPRETER,
    .confirm = flowise_predicts,
    .gated = true,
    .keys = "streaming\0",
    .signs = "\"question\"\0\"form\"\0",
    .variant = &flowise,
};

static const struct llmobs_shape flowise_shapes[] = {
    LLMOBS_POST(AGENT, "/api/v1/prediction/*-*-*-*-*", "prediction",
                "flowise.prediction", .genai = "invoke_agent",
                .any_host = true),
};

LLMOBS_DIALECT(flowise, .integration = "flowise", .server = true,
               LLMOBS_SHAPES(flowise_shapes), .form = &flowise_form,
               .sent_media = LLMOBS_MEDIA_TOLD);

/* -- n8n ------------------------------------------------------------------- */

static const char n8n_keys[] = "action\0";
static const char n8n_signs[] = "\"chatInput\"\0";

/* Each node of a flow that says something has a begin and an end. */
static const struct llmobs_layout n8n = {
    .places =
        LLMOBS_AT(INPUT, "/chatInput") LLMOBS_AT(CONVERSATION, "/sessionId")
            LLMOBS_AT(TYPE, "/type") LLMOBS_AT(ONLY, "item")
                LLMOBS_AT(OUTPUT, "/output|/text|/0/output|/0/text|/content")
                    LLMOBS_AT(END, "/type") LLMOBS_AT(LAST, "end")
                        LLMOBS_AT(FAULT, "/content") LLMOBS_AT(FAULTS, "error"),
    .settings = "",
    .asks = "action=sendMessage\0chatInput\0sessionId\0",
};

static const struct llmobs_form n8n_form = {
    FORM(n8n),
    .lists = true,
    .framing = LLMOBS_FRAMING_LINES,
};

static const struct llmobs_shape n8n_shapes[] = {
    LLMOBS_POST(AGENT, "/webhook/*/chat", "chat", "n8n.chat",
                .genai = "invoke_agent", .any_host = true),
    LLMOBS_POST(AGENT, "/webhook-test/*/chat", "chat", "n8n.chat",
                .genai = "invoke_agent", .any_host = true),
};

LLMOBS_DIALECT(n8n, .integration = "n8n", .server = true,
               LLMOBS_SHAPES(n8n_shapes), .form = &n8n_form,
               .sent_media = LLMOBS_MEDIA_TOLD);
