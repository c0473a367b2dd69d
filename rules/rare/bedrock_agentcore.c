/* Agents that run on Bedrock's AgentCore. The body is whatever the agent takes,
 * and so is the answer: the places are those that the samples of its SDK have.
 * Code beside the table, since events of a stream may be mere texts.
 *
 * Source: @aws-sdk/client-bedrock-agentcore 3.1141.0 (schemas_0.js); AWS's
 * developer guide, runtime-invoke-agent; aws/bedrock-agentcore-sdk-python,
 * tests_integ/agents. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/message_content.h"
#include "rules/read/values.h"
#include "rules/tables/interpreter.h"

static const char session[] = "x-amzn-bedrock-agentcore-runtime-session-id";

/* Where the host does not tell, the runtime's ARN does. MCP and A2A come by the
 * same path. */
bool llmobs_agentcore_asks(const struct llmobs_reading *reading)
{
    char *runtime = llmobs_url_segment(reading->classified->url->path, 1);
    bool is = !reading->classified->confirm ||
              (runtime && strstr(runtime, ":runtime/"));

    free(runtime);
    return is && !llmobs_reading_has(reading, "jsonrpc");
}

/* Keeps only the agent's name from the ARN, not the account. */
int llmobs_agentcore_begin(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    char *runtime = llmobs_url_segment(reading->classified->url->path, 1);
    const char *slash = runtime ? strrchr(runtime, '/') : NULL;
    int rc = runtime ? llmobs_json_sets(reading->span->metadata, "agent",
                                        slash ? slash + 1 : runtime)
                     : -ENOMEM;

    free(runtime);
    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_CONVERSATION_ID,
                     llmobs_header_find(call->request_headers,
                                        call->request_header_count, session));
    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_CONVERSATION_ID,
                     llmobs_header_find(call->response_headers,
                                        call->response_header_count, session));
    return rc < 0 ? rc : llmobs_interpreter_begin(reading);
}

/* A body that has none of these members is taken as a whole. */
int llmobs_agentcore_request(struct llmobs_reading *reading)
{
    int rc = llmobs_interpreter_request(reading);

    return rc < 0 || reading->span->input_value ||
                   reading->classified->call->request_truncated
               ? rc
               : llmobs_value_input(reading->span, reading->request);
}

int llmobs_agentcore_document(struct llmobs_reading *reading,
                              const struct llmobs_json *body)
{
    int rc = llmobs_interpreter_document(reading, body);

    return rc < 0 || reading->span->output_value ||
                   reading->classified->call->status >= 300
               ? rc
               : llmobs_value_output(reading->span, body);
}

/* An agent yields texts, or objects; what cannot become an object is printed as
 * a text beside them. */
int llmobs_agentcore_event(struct llmobs_reading *reading,
                           const struct llmobs_event *event)
{
    const char *text = llmobs_json_text(event->json);
    struct llmobs_interpreter *state = reading->state;

    if (llmobs_error_in(event->json)) /* has a message of its own */
        return 0;
    llmobs_json_replace(&state->value, event->json);
    if (!text)
        return llmobs_interpreter_event(reading, event);
    state->any = true;
    llmobs_reading_token(reading, event);
    return llmobs_message_content_append(&state->instead, text);
}

int llmobs_agentcore_finish(struct llmobs_reading *reading)
{
    struct llmobs_interpreter *state = reading->state;
    int rc = 0;

    if (state->text.len == 0 && state->instead.len > 0)
        rc = llmobs_message_content_append(&state->text, state->instead.data);
    return rc < 0 ? rc : llmobs_interpreter_finish(reading);
}
