/* Chats with models of other vendors on Vertex AI, which takes their own bodies
 * as they are (rawPredict): those that have OpenAI's form, such as Mistral's
 * and AI21's (WIRE 6.2). Anthropic's are a dialect of their own. */
#include "rules/google/google.h"
#include "rules/openai/chat.h"
#include "rules/openai/openai.h"
#include "rules/read/cut_json.h"

/* The path names the model, whatever the body says. */
static int read_request(struct llmobs_reading *reading)
{
    int rc = llmobs_google_model(reading);

    return rc < 0 ? rc : llmobs_chat_request(reading);
}

static bool is_chat(const struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;

    if (call->request_truncated)
        return llmobs_cut_json_has(call->request, call->request_tail,
                                   "messages");
    return llmobs_json_is_array(llmobs_json_get(reading->request, "messages"));
}

/* Vendors serve what is no chat at the same paths: the body decides on Google's
 * hosts too. */
static const struct llmobs_form form = {
    .keys = llmobs_chat_openai_keys,
    .confirm = is_chat,
    .confirm_always = true,
    .request = read_request,
    .document = llmobs_chat_document,
    .event = llmobs_chat_event,
    .finish = llmobs_chat_finish,
    .ends = llmobs_chat_ends,
    .state_fini = llmobs_chat_fini,
    .state_size = sizeof(struct llmobs_stream),
    .variant = &llmobs_chat_openai,
};

static const struct llmobs_shape shapes[] = {
    {.method = "POST",
     .path = "/publishers/*/models/*:rawPredict",
     .not_path = "/publishers/anthropic/models/*:rawPredict",
     .operation = "rawPredict",
     .span_name = "%s.createChatCompletion",
     .kind = LLMOBS_KIND_LLM,
     .any_host = true},
    {.method = "POST",
     .path = "/publishers/*/models/*:streamRawPredict",
     .not_path = "/publishers/anthropic/models/*:streamRawPredict",
     .operation = "streamRawPredict",
     .span_name = "%s.createChatCompletion",
     .kind = LLMOBS_KIND_LLM,
     .any_host = true,
     .streams = true},
    {.path = NULL},
};

const struct llmobs_dialect llmobs_dialect_vertex_chat = {
    .name = "vertex_chat",
    .integration = "openai",
    .shapes = shapes,
    .form = &form,
};
