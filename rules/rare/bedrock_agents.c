/* Agents and flows of Amazon Bedrock. Paths, members and events as the models
 * of @aws-sdk/client-bedrock-agent-runtime have them; name, kind, values and
 * tags of an agent's span as Datadog's SDK for Python makes them.
 *
 * The steps in an agent's trace are no spans of their own, as one exchange
 * makes one span: metadata.steps lists them. */
#include <errno.h>
#include <stdlib.h>

#include "rules/vendors/bedrock.h"
#include "rules/read/facts.h"
#include "rules/read/request.h"
#include "rules/read/usage.h"
#include "rules/read/values.h"

static int set_name(struct llmobs_span *span, const char *what, const char *id)
{
    if (!id || !*id)
        return 0;
    return llmobs_span_set_format(&span->name, "%s %s", what, id);
}

/* Names the span after a segment of the path, and notes it. */
static int set_segment(struct llmobs_reading *reading, size_t back,
                       const char *what, const char *key)
{
    char *id = llmobs_url_segment(reading->classified->url->path, back);
    int rc = id ? set_name(reading->span, what, id) : -ENOMEM;

    if (rc == 0 && *id)
        rc = llmobs_json_sets(reading->span->metadata, key, id);
    free(id);
    return rc;
}

/* -- agents ---------------------------------------------------------------- */

static const char agent_keys[] = "enableTrace\0endSession\0";

static bool is_agent(const struct llmobs_reading *reading)
{
    static const char members[] =
        "inputText\0enableTrace\0sessionState\0endSession\0";

    LLMOBS_WORDS_EACH (member, members)
        if (llmobs_reading_has(reading, member))
            return true;
    return false;
}

static int begin_agent(struct llmobs_reading *reading)
{
    const struct llmobs_url *url = reading->classified->url;
    int rc = set_segment(reading, 5, "Bedrock Agent", "agent_id");

    if (rc == 0)
        rc = llmobs_request_segment(url, 3, "agent_alias_id", reading->span);
    return rc < 0 ? rc : llmobs_fact_session(reading, 1);
}

/* Begins the call of an inline agent, which only the request describes. */
static int begin_inline(struct llmobs_reading *reading)
{
    const char *name = llmobs_json_gets(reading->request, "agentName");
    int rc = set_name(reading->span, "Bedrock Agent", name);

    if (rc == 0)
        rc = llmobs_reading_model(
            reading, llmobs_json_gets(reading->request, "foundationModel"));
    return rc < 0 ? rc : llmobs_fact_session(reading, 0);
}

/* A request that only ends a session has an empty answer, which is complete. */
static int agent_request(struct llmobs_reading *reading)
{
    struct llmobs_bedrock_stream *stream = reading->state;
    int rc =
        llmobs_request_metadata(reading->request, agent_keys, reading->span);

    stream->whole =
        llmobs_json_is_true(llmobs_json_get(reading->request, "endSession"));
    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    return llmobs_value_input(reading->span,
                              llmobs_json_get(reading->request, "inputText"));
}

/* Adds the tokens of a trace's step that called a model. */
static void count_step(struct llmobs_bedrock_stream *stream,
                       const struct llmobs_json *step)
{
    const struct llmobs_json *called =
        llmobs_json_get(step, "modelInvocationOutput");
    const struct llmobs_json *usage =
        llmobs_json_get(llmobs_json_get(called, "metadata"), "usage");
    int64_t input = llmobs_usage_count(usage, "inputTokens");
    int64_t output = llmobs_usage_count(usage, "outputTokens");

    if (!llmobs_json_is_object(called))
        return;
    if (input < 0 || output < 0) {
        stream->partly = true;
        return;
    }
    stream->counted = true;
    stream->input = llmobs_usage_add(stream->input, input);
    stream->output = llmobs_usage_add(stream->output, output);
}

/* The thing that a step called, by the name that the trace has for its kind. */
static const char *called_of(const struct llmobs_json *input)
{
    static const char *const ways[][2] = {
        {"actionGroupInvocationInput", "actionGroupName"},
        {"knowledgeBaseLookupInput", "knowledgeBaseId"},
        {"agentCollaboratorInvocationInput", "agentCollaboratorName"},
    };
    const char *name = NULL;

    for (size_t i = 0; !name && i < sizeof(ways) / sizeof(ways[0]); i++)
        name = llmobs_json_gets(llmobs_json_get(input, ways[i][0]), ways[i][1]);
    return name;
}

/* Notes a step that called a model, a tool, a knowledge base or an agent. */
static int set_step(struct llmobs_span *span, const struct llmobs_json *step)
{
    const struct llmobs_json *model =
        llmobs_json_get(step, "modelInvocationInput");
    const struct llmobs_json *input = llmobs_json_get(step, "invocationInput");
    const char *type = llmobs_json_gets(input, "invocationType");
    int rc = 0;

    if (llmobs_json_is_object(model))
        rc = llmobs_value_step(span, "MODEL",
                               llmobs_json_gets(model, "foundationModel"));
    return rc < 0 || !type ? rc
                           : llmobs_value_step(span, type, called_of(input));
}

/* Reads an event. A chunk's bytes are a piece of the answer; instead of an
 * answer the agent may ask the program to call a tool. */
static int agent_event(struct llmobs_reading *reading,
                       const struct llmobs_event *event)
{
    int rc = 0;

    if (event->failed)
        return 0;
    if (llmobs_text_is(event->type, "chunk"))
        rc = llmobs_bedrock_stream_text(reading, event, event->data);
    else if (llmobs_text_is(event->type, "trace")) {
        static const char *const steps[] = {
            "preProcessingTrace", "orchestrationTrace", "postProcessingTrace",
            "routingClassifierTrace"};
        const struct llmobs_json *trace = llmobs_json_get(event->json, "trace");

        rc = 0;
        llmobs_fact_event(reading, event);
        for (size_t i = 0; rc == 0 && i < sizeof(steps) / sizeof(steps[0]);
             i++) {
            const struct llmobs_json *step = llmobs_json_get(trace, steps[i]);

            count_step(reading->state, step);
            rc = set_step(reading->span, step);
        }
    } else if (llmobs_text_is(event->type, "returnControl"))
        rc = llmobs_value_output(reading->span, event->json);
    llmobs_bedrock_stream_at(reading, event);
    return rc;
}

#define AGENT                                                               \
    .keys = agent_keys, .confirm = is_agent, .request = agent_request,      \
    .event = agent_event, .finish = llmobs_bedrock_stream_finish,           \
    LLMOBS_STATE(struct llmobs_bedrock_stream, llmobs_bedrock_stream_fini), \
    .framing = LLMOBS_FRAMING_AWS, .texts = true

const struct llmobs_form llmobs_form_bedrock_agents_agent = {
    .begin = begin_agent, AGENT};

const struct llmobs_form llmobs_form_bedrock_agents_inline_agent = {
    .begin = begin_inline, AGENT};

/* -- flows ----------------------------------------------------------------- */

static bool is_flow(const struct llmobs_reading *reading)
{
    return llmobs_reading_has(reading, "inputs");
}

static int begin_flow(struct llmobs_reading *reading)
{
    int rc = set_segment(reading, 2, "Bedrock Flow", "flow_id");

    return rc < 0 ? rc
                  : llmobs_request_segment(reading->classified->url, 0,
                                           "flow_alias_id", reading->span);
}

static const struct llmobs_json *document_of(const struct llmobs_json *part)
{
    return llmobs_json_get(llmobs_json_get(part, "content"), "document");
}

/* Sets the input of a flow: the value of its only input, or else the list. */
static int flow_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *inputs =
        llmobs_json_get(reading->request, "inputs");

    if (reading->classified->call->request_truncated)
        return 0;
    if (llmobs_json_len(inputs) == 1)
        return llmobs_value_input(reading->span,
                                  document_of(llmobs_json_at(inputs, 0)));
    return llmobs_value_input(reading->span, inputs);
}

/* Adds a node's output; the outputs of several nodes stand one a line. */
static int add_output(struct llmobs_reading *reading,
                      const struct llmobs_event *event)
{
    const struct llmobs_bedrock_stream *stream = reading->state;
    const struct llmobs_json *document = document_of(event->json);
    char *text;
    int rc = 0;

    if (!document || llmobs_json_is_null(document))
        return 0;
    text = llmobs_value_text(document);
    if (!text)
        return -ENOMEM;
    if (stream->text.len > 0)
        rc = llmobs_bedrock_stream_text(reading, event, llmobs_text_of("\n"));
    if (rc == 0)
        rc = llmobs_bedrock_stream_text(reading, event, llmobs_text_of(text));
    free(text);
    return rc;
}

static int flow_event(struct llmobs_reading *reading,
                      const struct llmobs_event *event)
{
    if (event->failed)
        return 0;
    llmobs_bedrock_stream_at(reading, event);
    if (llmobs_text_is(event->type, "flowOutputEvent"))
        return add_output(reading, event);
    if (!llmobs_text_is(event->type, "flowCompletionEvent"))
        return 0;
    reading->done = true;
    return llmobs_json_sets(reading->span->metadata, "completion_reason",
                            llmobs_json_gets(event->json, "completionReason"));
}

const struct llmobs_form llmobs_form_bedrock_agents_flow = {
    .confirm = is_flow,
    .begin = begin_flow,
    .request = flow_request,
    .event = flow_event,
    .finish = llmobs_bedrock_stream_finish,
    LLMOBS_STATE(struct llmobs_bedrock_stream, llmobs_bedrock_stream_fini),
    .framing = LLMOBS_FRAMING_AWS,
};

/* -- the dialect ----------------------------------------------------------- */
