/* ApplyGuardrail of Amazon Bedrock: a task, texts in and what the guardrail did
 * to them out. Path and members as ApplyGuardrailRequest and -Response of
 * @aws-sdk/client-bedrock-runtime have them. */
#include <errno.h>

#include "rules/vendors/bedrock.h"
#include "rules/read/request.h"
#include "rules/read/values.h"

static const char keys[] = "source\0outputScope\0";

static bool is_apply(const struct llmobs_reading *reading)
{
    return llmobs_reading_has(reading, "source") &&
           llmobs_reading_has(reading, "content");
}

/* Sets the texts of the parts, {"text": {"text": ...}}; leaves out pictures. */
static int set_input(struct llmobs_span *span,
                     const struct llmobs_json *content)
{
    struct llmobs_json *texts = llmobs_json_array();
    struct llmobs_json *lines = NULL;
    int rc = texts ? 0 : -ENOMEM;

    LLMOBS_JSON_EACH (one, content, rc == 0) {
        struct llmobs_json *text = llmobs_json_get(one, "text");

        if (llmobs_json_is_object(text))
            rc = llmobs_json_add(texts, llmobs_json_share(text));
    }
    if (rc == 0) {
        lines = llmobs_value_lines(texts, "text");
        rc = lines ? llmobs_value_input(span, lines) : -ENOMEM;
    }
    llmobs_json_free(lines);
    llmobs_json_free(texts);
    return rc;
}

static int read_request(struct llmobs_reading *reading)
{
    int rc = llmobs_request_metadata(reading->request, keys, reading->span);

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    return set_input(reading->span,
                     llmobs_json_get(reading->request, "content"));
}

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    static const char counts[] = "usage\0";
    struct llmobs_span *span = reading->span;
    int rc;
    static const char parts[] = "action\0actionReason\0outputs\0assessments\0";
    struct llmobs_json *value;

    if (reading->classified->call->status >= 300)
        return 0;
    value = llmobs_json_object();
    rc = value ? 0 : -ENOMEM;
    LLMOBS_WORDS_EACH (name, parts) {
        struct llmobs_json *part = llmobs_json_get(body, name);

        if (part && rc == 0)
            rc = llmobs_json_set(value, name, llmobs_json_share(part));
    }
    if (rc == 0 && llmobs_json_len(value) > 0)
        rc = llmobs_value_output(span, value);
    llmobs_json_free(value);
    if (rc == 0)
        rc = llmobs_json_sets(span->metadata, "guardrail_action",
                              llmobs_json_gets(body, "action"));
    if (rc < 0 || !llmobs_json_is_object(llmobs_json_get(body, "usage")))
        return rc;
    return llmobs_request_metadata(body, counts, span);
}

const struct llmobs_form llmobs_form_bedrock_guardrails = {
    .keys = keys,
    .place = "guardrail_id\0guardrail_version\0",
    .confirm = is_apply,
    .request = read_request,
    .document = read_document,
    .ends = llmobs_bedrock_ends,
};
