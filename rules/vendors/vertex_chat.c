/* Chats with other vendors' models on Vertex AI, whose rawPredict takes the
 * vendor's own bodies (WIRE 6.2). This dialect reads bodies in OpenAI's form,
 * such as Mistral's and AI21's; anthropic.c reads Anthropic's. */
#include "rules/vendors/google.h"
#include "rules/vendors/chat.h"
#include "rules/read/request.h"

/* Takes the path's model, not the body's. */
static int read_request(struct llmobs_reading *reading)
{
    int rc = llmobs_google_model(reading);

    return rc < 0 ? rc : llmobs_chat_request(reading);
}

static bool is_chat(const struct llmobs_reading *reading)
{
    return llmobs_request_has_messages(reading->classified->call,
                                       reading->request);
}

/* The vendors' other operations have the same paths, so the body decides on
 * Google's hosts too. */
const struct llmobs_form llmobs_form_vertex_chat = {
    LLMOBS_CHAT,
    .keys = llmobs_chat_openai_keys,
    .confirm = is_chat,
    .confirm_always = true,
    .begin = llmobs_google_ask,
    .request = read_request,
    .variant = &llmobs_chat_openai,
};
