/* Hooks of bedrock_embed.api. */
#include "rules/read/hooks.h"
#include "rules/read/usage.h"
#include "rules/tables/interpreter.h"
#include "rules/vendors/bedrock.h"

int llmobs_bedrock_embed_begin(struct llmobs_reading *reading)
{
    int rc = llmobs_interpreter_begin(reading);

    return rc < 0 ? rc : llmobs_bedrock_begin(reading);
}

/* Titan's count is another than that of the header, which is what is paid. */
int llmobs_bedrock_embed_document(struct llmobs_reading *reading,
                                  const struct llmobs_json *body)
{
    if (!llmobs_json_get(reading->span->metrics, "input_tokens"))
        llmobs_span_metric(reading->span, "input_tokens",
                           llmobs_usage_count(body, "inputTextTokenCount"));
    return llmobs_interpreter_document(reading, body);
}
