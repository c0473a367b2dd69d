/* Reads what APIs of OpenAI's form share. */
#include "rules/vendors/openai.h"

#include "rules/read/cut_json.h"
#include "rules/read/facts.h"
#include "rules/read/request.h"
#include "rules/read/text.h"
#include "rules/read/usage.h"

/* A server of one model, as llama.cpp's, needs no name of it: the messages of a
 * chat show the request, and the answer the other ones. */
static bool is_nameless(const struct llmobs_reading *reading)
{
    static const char objects[] =
        "\"object\":\"text_completion\"\0\"object\": \"text_completion\"\0"
        "\"object\":\"embedding\"\0\"object\": \"embedding\"\0"
        "\"object\":\"response\"\0\"object\": \"response\"\0";
    const struct llmobs_json *request = reading->request;
    const struct llmobs_json *first =
        llmobs_json_at(llmobs_json_get(request, "messages"), 0);

    return !llmobs_json_get(request, "model") &&
           (llmobs_json_gets(first, "role") ||
            llmobs_text_has_any(reading->classified->call->response, objects));
}

bool llmobs_openai_asks(const struct llmobs_reading *reading, const char *what)
{
    bool deployed = llmobs_request_deployment(reading->classified->url).len > 0;

    return (deployed ||
            llmobs_json_is_string(llmobs_json_get(reading->request, "model")) ||
            is_nameless(reading)) &&
           llmobs_reading_has(reading, what);
}

/* True where the last finish reason is there; embeddings have none and end with
 * their usage. */
static bool has_ended(const struct llmobs_reading *reading,
                      const struct llmobs_json *usage)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *reason;
    bool ended;

    if (reading->classified->shape->kind == LLMOBS_KIND_EMBEDDING)
        return llmobs_json_is_object(usage);
    reason = llmobs_cut_json_last(call->response_tail, "finish_reason");
    if (!reason)
        reason = llmobs_cut_json_last(call->response, "finish_reason");
    ended = llmobs_json_is_string(reason);
    llmobs_fact_finish(reading->span, llmobs_json_text(reason));
    llmobs_json_free(reason);
    return ended;
}

int llmobs_openai_ends(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *usage =
        llmobs_cut_json_last(call->response_tail, "usage");
    struct llmobs_json *model = llmobs_cut_json_first(call->response, "model");
    int rc;

    if (!model)
        model = llmobs_cut_json_last(call->response_tail, "model");
    if (!usage)
        usage = llmobs_cut_json_first(call->response, "usage");
    reading->span->complete = has_ended(reading, usage);
    rc = llmobs_reading_model(reading, llmobs_json_text(model));
    if (rc == 0 && llmobs_json_is_object(usage))
        rc = llmobs_usage_read(usage, reading->span);
    llmobs_json_free(model);
    llmobs_json_free(usage);
    return rc;
}
