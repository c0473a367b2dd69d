/* Chats with other vendors' models on Vertex AI, whose rawPredict takes the
 * vendor's own bodies (WIRE 6.2). This dialect reads bodies in OpenAI's form,
 * such as Mistral's and AI21's; anthropic.c reads Anthropic's. */
#include "rules/read/hooks.h"
#include "rules/vendors/google.h"
#include "rules/vendors/chat.h"
#include "rules/read/request.h"

/* Takes the path's model, not the body's. */
int llmobs_vertex_chat_request(struct llmobs_reading *reading)
{
    int rc = llmobs_google_model(reading);

    return rc < 0 ? rc : llmobs_chat_request(reading);
}

bool llmobs_vertex_chat_asks(const struct llmobs_reading *reading)
{
    return llmobs_request_has_messages(reading->classified->call,
                                       reading->request);
}
