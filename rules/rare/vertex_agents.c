/* Agents that run on Vertex AI's Agent Engine. Most are made with Google's ADK,
 * whose events say what a model wrote, in pieces and then as a whole, and what
 * it counted. Code, since a model's counts may stand in several events.
 *
 * Source: google.cloud.aiplatform v1, ReasoningEngineExecutionService;
 * google/adk-python, events/event.py and utils/streaming_utils.py;
 * vertexai/agent_engines, _utils.dump_event_for_json. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/vendors/google.h"
#include "rules/read/message_content.h"
#include "rules/read/text.h"
#include "rules/read/usage.h"
#include "rules/read/values.h"
#include "rules/tables/interpreter.h"

static const char keys[] = "class_method\0classMethod\0";
static const char signs[] = "\"input\"\0";

static const char counted[] =
    "prompt_token_count\0tool_use_prompt_token_count\0"
    "candidates_token_count\0thoughts_token_count\0total_token_count\0"
    "cached_content_token_count\0";

static const struct llmobs_google_counts counts = {
    .input = "prompt_token_count",
    .tools = "tool_use_prompt_token_count",
    .output = "candidates_token_count",
    .thoughts = "thoughts_token_count",
    .total = "total_token_count",
    .cached = "cached_content_token_count"};

struct state {
    struct llmobs_buf said;   /* whole texts */
    struct llmobs_buf pieces; /* of the text that goes on */
    struct llmobs_json *last; /* event without ADK's content */
    struct llmobs_json *usage, *sum;
    char *author; /* of `usage`, the counts of the last model */
    bool any;
};

/* The same path manages sessions and memories, which no model does. */
static bool runs(const struct llmobs_reading *reading)
{
    static const char others[] = "session\0memory\0feedback\0";
    const char *method = llmobs_google_gets(reading->request, "classMethod");

    return !llmobs_text_has_any(llmobs_text_of(method), others) &&
           llmobs_reading_has(reading, "input");
}

static int vertex_agents_begin(struct llmobs_reading *reading)
{
    char *engine = llmobs_interpreter_path_model(reading);
    int rc = engine ? llmobs_json_sets(reading->span->metadata, "agent", engine)
                    : -ENOMEM;

    free(engine);
    return rc;
}

static int vertex_agents_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *input =
        llmobs_json_get(reading->request, "input");
    const struct llmobs_json *message = llmobs_json_get(input, "message");
    int rc =
        llmobs_json_sets(reading->span->metadata, "class_method",
                         llmobs_google_gets(reading->request, "classMethod"));

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_CONVERSATION_ID,
                     llmobs_google_gets(input, "sessionId"));
    return llmobs_value_input(reading->span, message ? message : input);
}

static int vertex_agents_document(struct llmobs_reading *reading,
                                  const struct llmobs_json *body)
{
    const struct llmobs_json *output = llmobs_json_get(body, "output");

    if (reading->classified->call->status >= 300)
        return 0;
    return llmobs_value_output(reading->span, output ? output : body);
}

/* -- a stream -------------------------------------------------------------- */

/* Takes the counts of a whole event. A model's answer may be several events, of
 * which the last counts: they have one author and one length of the prompt. */
static int count(struct state *state, const struct llmobs_json *event)
{
    struct llmobs_json *usage = llmobs_json_get(event, "usage_metadata");
    const char *author = llmobs_json_gets(event, "author");
    int rc = 0;

    if (!llmobs_json_is_object(usage))
        return 0;
    if (!author)
        author = "";
    if (state->usage && (strcmp(author, state->author) != 0 ||
                         llmobs_usage_count(usage, counts.input) !=
                             llmobs_usage_count(state->usage, counts.input)))
        rc = llmobs_usage_sum(&state->sum, state->usage, counted);
    llmobs_json_replace(&state->usage, usage);
    return rc < 0 ? rc : llmobs_span_set(&state->author, author);
}

/* Adds the texts of an event, and notes the tools that it calls. */
static int vertex_agents_parts(struct llmobs_reading *reading,
                               struct llmobs_buf *text,
                               const struct llmobs_json *parts, bool whole)
{
    size_t before = text->len;
    int rc = 0;

    LLMOBS_JSON_EACH (part, parts, rc == 0) {
        const struct llmobs_json *call = llmobs_json_get(part, "function_call");

        if (call && whole)
            rc = llmobs_value_step(reading->span, "function_call",
                                   llmobs_json_gets(call, "name"));
        if (rc == 0 && !llmobs_json_is_true(llmobs_json_get(part, "thought")))
            rc = llmobs_message_content_append(text,
                                               llmobs_json_gets(part, "text"));
    }
    return rc == 0 && whole && text->len > before
               ? llmobs_message_content_append(text, "\n")
               : rc;
}

static int vertex_agents_event(struct llmobs_reading *reading,
                               const struct llmobs_event *event)
{
    const struct llmobs_json *json = event->json;
    const struct llmobs_json *parts =
        llmobs_json_get(llmobs_json_get(json, "content"), "parts");
    const char *code = llmobs_json_gets(json, "error_code");
    struct state *state = reading->state;
    bool whole = !llmobs_json_is_true(llmobs_json_get(json, "partial"));
    size_t before = state->said.len + state->pieces.len;
    int rc;

    state->any = true;
    if (code && !parts)
        return llmobs_span_fail(reading->span, code,
                                llmobs_json_gets(json, "error_message"));
    if (!llmobs_json_is_array(parts)) {
        llmobs_json_replace(&state->last, event->json);
        return 0;
    }
    if (whole)
        llmobs_buf_cut(&state->pieces, 0);
    rc = vertex_agents_parts(reading, whole ? &state->said : &state->pieces,
                             parts, whole);
    if (state->said.len + state->pieces.len > before)
        llmobs_reading_token(reading, event);
    return rc < 0 || !whole ? rc : count(state, json);
}

/* Nothing marks the end. A stream that was cut lacks counts. */
static int vertex_agents_finish(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct state *state = reading->state;
    int rc = 0;

    llmobs_span_fact_unset(&reading->span->facts, LLMOBS_FACT_RESPONSE_ID);
    reading->span->complete = state->any && call->transport_ok;
    if (state->usage && call->transport_ok && !call->response_truncated) {
        rc = llmobs_usage_sum(&state->sum, state->usage, counted);
        llmobs_google_usage(state->sum, &counts, reading->span);
    }
    if (rc == 0 && state->pieces.len > 0)
        rc = llmobs_message_content_append(&state->said, state->pieces.data);
    if (rc < 0 || state->said.len == 0)
        return rc < 0 ? rc : llmobs_value_output(reading->span, state->last);
    if (state->said.data[state->said.len - 1] == '\n')
        llmobs_buf_cut(&state->said, state->said.len - 1);
    return llmobs_span_set(&reading->span->output_value, state->said.data);
}

static void fini(void *at)
{
    struct state *state = at;

    llmobs_buf_fini(&state->said);
    llmobs_buf_fini(&state->pieces);
    llmobs_json_free(state->last);
    llmobs_json_free(state->usage);
    llmobs_json_free(state->sum);
    free(state->author);
}

const struct llmobs_form llmobs_form_vertex_agents = {
    .keys = keys,
    .signs = signs,
    .confirm = runs,
    .confirm_always = true,
    .gated = true,
    .begin = vertex_agents_begin,
    .request = vertex_agents_request,
    .document = vertex_agents_document,
    .event = vertex_agents_event,
    .finish = vertex_agents_finish,
    .ends = llmobs_reading_ends,
    LLMOBS_STATE(struct state, fini),
    .framing = LLMOBS_FRAMING_LINES,
};
