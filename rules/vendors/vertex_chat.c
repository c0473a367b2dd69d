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
static const struct llmobs_form form = {
    LLMOBS_CHAT,
    .keys = llmobs_chat_openai_keys,
    .confirm = is_chat,
    .confirm_always = true,
    .begin = llmobs_google_ask,
    .request = read_request,
    .variant = &llmobs_chat_openai,
};

static const struct llmobs_shape shapes[] = {
    LLMOBS_POST(LLM, "/publishers/*/models/*:rawPredict", "rawPredict",
                "%s.createChatCompletion",
                .not_path = "/publishers/anthropic/models/*:rawPredict",
                .any_host = true),
    LLMOBS_POST(LLM, "/publishers/*/models/*:streamRawPredict",
                "streamRawPredict", "%s.createChatCompletion",
                .not_path = "/publishers/anthropic/models/*:streamRawPredict",
                .any_host = true, .streams = true),
};

LLMOBS_DIALECT(vertex_chat, .integration = "openai", .genai = "gcp.vertex_ai",
               LLMOBS_SHAPES(shapes), .form = &form,
               .sent_media = LLMOBS_MEDIA_KEPT,
               .answered_media = LLMOBS_MEDIA_TOLD | LLMOBS_MEDIA_DATA);
