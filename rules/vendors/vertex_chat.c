/* Chats with other vendors' models on Vertex AI, whose rawPredict takes the
 * vendor's own bodies (WIRE 6.2). This dialect reads bodies in OpenAI's form,
 * such as Mistral's and AI21's; anthropic.c reads Anthropic's. */
#include "rules/read/hooks.h"
#include "rules/vendors/google.h"
#include "rules/vendors/chat.h"
#include "rules/read/request.h"
#include "rules/read/text.h"

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

/* True where the first instance has a chat or a prompt; of a cut body only the
 * name can be seen. */
bool llmobs_vertex_models_asks(const struct llmobs_reading *reading)
{
    static const char names[] = "\"messages\"\0\"prompt\"\0\"inputs\"\0";
    const struct llmobs_json *one =
        llmobs_json_at(llmobs_json_get(reading->request, "instances"), 0);

    if (reading->classified->call->request_truncated)
        return llmobs_text_has_any(reading->classified->call->request, names);
    return llmobs_json_is_array(llmobs_json_get(one, "messages")) ||
           llmobs_json_gets(one, "prompt") || llmobs_json_gets(one, "inputs");
}
