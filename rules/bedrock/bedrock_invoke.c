/* Bedrock's InvokeModel and its stream, with the bodies of the model's own API
 * (WIRE 6.9). */
#include <errno.h>
#include <stdlib.h>

#include "rules/bedrock/bedrock_body.h"

static const char *const keys[] = {
    "anthropic_version",
    "inferenceConfig",
    "toolConfig",
    "textGenerationConfig",
    "temperature",
    "max_tokens",
    "max_completion_tokens",
    "max_tokens_to_sample",
    "max_gen_len",
    "maxTokens",
    NULL,
};

static bool is_invoke(const struct llmobs_reading *reading)
{
    const struct llmobs_bedrock_family *family;
    char *model = llmobs_bedrock_model(reading);
    bool known =
        model && llmobs_bedrock_body_find(reading, model, &family) != NULL;

    free(model);
    return known;
}

static int begin(struct llmobs_reading *reading)
{
    struct llmobs_bedrock_invoke *invoke = reading->state;
    char *model = llmobs_bedrock_model(reading);

    if (!model)
        return -ENOMEM;
    invoke->body = llmobs_bedrock_body_find(reading, model, &invoke->family);
    if (!invoke->body)
        invoke->body = &llmobs_bedrock_body_raw;
    free(model);
    return llmobs_bedrock_begin(reading);
}

static const struct llmobs_bedrock_body *body_of(
    const struct llmobs_reading *reading)
{
    return ((const struct llmobs_bedrock_invoke *)reading->state)->body;
}

static int read_request(struct llmobs_reading *reading)
{
    return body_of(reading)->request(reading);
}

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    return body_of(reading)->document(reading, body,
                                      &reading->span->output_messages);
}

static int read_event(struct llmobs_reading *reading,
                      const struct llmobs_event *event)
{
    struct llmobs_bedrock_invoke *invoke = reading->state;
    const struct llmobs_json *metrics =
        llmobs_json_get(event->json, LLMOBS_BEDROCK_METRICS);
    struct llmobs_bedrock_tokens tokens;
    int rc;

    if (event->failed)
        return 0;
    rc = invoke->body->chunk(invoke, event);
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
    return body_of(reading)->finish(reading->state,
                                    &reading->span->output_messages);
}

static void free_state(void *state)
{
    llmobs_bedrock_invoke_fini(state);
}

static const struct llmobs_form form = {
    .keys = keys,
    .confirm = is_invoke,
    .begin = begin,
    .request = read_request,
    .document = read_document,
    .event = read_event,
    .finish = finish_stream,
    .ends = llmobs_bedrock_ends,
    .state_fini = free_state,
    .state_size = sizeof(struct llmobs_bedrock_invoke),
    .framing = LLMOBS_FRAMING_AWS,
};

static const struct llmobs_shape shapes[] = {
    {.method = "POST",
     .path = "/model/**/invoke",
     .operation = "invoke",
     .span_name = "bedrock-runtime.command",
     .kind = LLMOBS_KIND_LLM,
     .any_host = true,
     .telling = true},
    {.method = "POST",
     .path = "/model/**/invoke-with-response-stream",
     .operation = "invoke_stream",
     .span_name = "bedrock-runtime.command",
     .kind = LLMOBS_KIND_LLM,
     .any_host = true,
     .telling = true,
     .streams = true},
    {.path = NULL},
};

const struct llmobs_dialect llmobs_dialect_bedrock_invoke = {
    .name = "bedrock_invoke",
    .integration = "bedrock",
    .shapes = shapes,
    .form = &form,
};
