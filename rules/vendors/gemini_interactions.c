/* Gemini's Interactions API (WIRE 6.10). */
#include <errno.h>
#include <string.h>

#include "rules/vendors/google.h"
#include "rules/vendors/interactions_steps.h"
#include "rules/vendors/interactions_stream.h"
#include "rules/read/cut_json.h"
#include "rules/read/facts.h"
#include "rules/read/jobs.h"
#include "rules/read/message.h"
#include "rules/read/request.h"
#include "rules/read/tools.h"
#include "rules/read/usage.h"

/* Keys of the request; the first one only holds settings. */
static const char keys[] =
    "generation_config\0agent\0stream\0background\0store\0"
    "previous_interaction_id\0response_format\0response_mime_type\0"
    "response_modalities\0safety_settings\0service_tier\0";

static const char settings[] =
    "temperature\0top_p\0seed\0max_output_tokens\0stop_sequences\0"
    "thinking_level\0thinking_summaries\0tool_choice\0";

static const char answer_keys[] = "id\0model\0agent\0status\0usage\0";

static bool is_text(const struct llmobs_json *object, const char *key)
{
    return llmobs_json_is_string(llmobs_json_get(object, key));
}

static bool is_request(const struct llmobs_reading *reading)
{
    return (is_text(reading->request, "model") ||
            is_text(reading->request, "agent")) &&
           llmobs_reading_has(reading, "input");
}

static int gemini_interactions_begin(struct llmobs_reading *reading)
{
    const char *model = llmobs_json_gets(reading->request, "model");
    const char *vendor = llmobs_google_vendor(model ? model : "");

    if (reading->classified->proxied || !vendor)
        return 0;
    return llmobs_span_set(&reading->span->model_provider, vendor);
}

/* -- the request --------------------------------------------------------- */

static int read_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *request = reading->request;
    const struct llmobs_json *config =
        llmobs_json_get(request, "generation_config");
    const struct llmobs_json *system =
        llmobs_json_get(request, "system_instruction");
    struct llmobs_span *span = reading->span;
    int rc = llmobs_request_metadata(config, settings, span);

    llmobs_span_fact(&span->facts, LLMOBS_FACT_REASONING_LEVEL,
                     llmobs_json_gets(config, "thinking_level"));
    llmobs_span_fact(&span->facts, LLMOBS_FACT_PREVIOUS_RESPONSE_ID,
                     llmobs_json_gets(request, "previous_interaction_id"));
    if (!llmobs_json_gets(request, "model"))
        llmobs_fact_asked(reading, llmobs_json_gets(request, "agent"));
    if (rc >= 0)
        rc = llmobs_request_metadata(request, llmobs_words_next(keys), span);
    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    span->input_messages = llmobs_json_array();
    if (!span->input_messages)
        return -ENOMEM;
    if (llmobs_json_is_string(system))
        rc = llmobs_message_add_text(span->input_messages, "system",
                                     llmobs_text_of(llmobs_json_text(system)));
    llmobs_fact_apart(span);
    if (rc == 0)
        rc = llmobs_interactions_add_inputs(
            span->input_messages, llmobs_json_get(reading->request, "input"));
    return rc < 0 ? rc
                  : llmobs_tools_read_definitions(reading->request,
                                                  &span->tool_definitions);
}

/* -- the answer ---------------------------------------------------------- */

/* Thoughts are counted beside the output, not within it: the documentation's
 * own stream has 11 input, 90 output and 245 thought tokens, and 346 in all. */
static void read_usage(const struct llmobs_json *usage,
                       struct llmobs_span *span)
{
    static const struct llmobs_google_counts counts = {
        .input = "total_input_tokens",
        .tools = "total_tool_use_tokens",
        .output = "total_output_tokens",
        .thoughts = "total_thought_tokens",
        .total = "total_tokens",
        .cached = "total_cached_tokens",
    };

    llmobs_google_usage(usage, &counts, span);
    (void)llmobs_usage_costs(usage, span);
}

/* Notes the status of an interaction as its reason; no reason while it waits in
 * the background. */
static void set_reason(struct llmobs_span *span, const char *status, bool ended)
{
    if (!ended)
        llmobs_fact_finish(span, NULL);
    else if (status && strcmp(status, "requires_action") == 0)
        llmobs_fact_finish(span, "tool_call");
    else if (!llmobs_interactions_is_open(status))
        llmobs_fact_finish(span, status);
}

/* The first fault of the interaction, else that of a step. */
static const struct llmobs_json *fault_of(const struct llmobs_json *body,
                                          const struct llmobs_json *steps)
{
    const struct llmobs_json *fault =
        llmobs_json_at(llmobs_json_get(body, "errors"), 0);

    LLMOBS_JSON_EACH (one, steps, !fault)
        fault = llmobs_json_get(one, "error");
    return fault;
}

static int read_failure(struct llmobs_reading *reading, const char *status,
                        const struct llmobs_json *body,
                        const struct llmobs_json *steps)
{
    const struct llmobs_json *fault;
    const char *code;

    if (!status || strcmp(status, "failed") != 0)
        return 0;
    fault = fault_of(body, steps);
    code = llmobs_json_gets(fault, "code");
    reading->answered = true;
    return llmobs_span_fail(reading->span, code && *code ? code : status,
                            llmobs_json_gets(fault, "message"));
}

/* Notes that a later request may bring the result. An interaction is still open
 * if it runs in the background, or if its stream was cut off. */
static int set_job(struct llmobs_reading *reading,
                   const struct llmobs_json *interaction, const char *status)
{
    if (reading->classified->call->status >= 300 || !status ||
        !llmobs_interactions_is_open(status))
        return 0;
    return llmobs_job_begun(reading->span, llmobs_json_gets(interaction, "id"));
}

static int read_output(struct llmobs_reading *reading,
                       const struct llmobs_json *steps)
{
    struct llmobs_json *list = llmobs_json_array();
    int rc = list ? 0 : -ENOMEM;

    LLMOBS_JSON_EACH (one, steps, rc == 0)
        rc = llmobs_interactions_add_output(list, one);
    reading->span->output_messages = list;
    return rc;
}

static int read_names(struct llmobs_reading *reading,
                      const struct llmobs_json *body)
{
    int rc = llmobs_reading_model(reading, llmobs_json_gets(body, "model"));

    return rc < 0 || llmobs_json_gets(reading->request, "model")
               ? rc
               : llmobs_reading_model(reading, llmobs_json_gets(body, "agent"));
}

/* The steps of an answer; before 2026-05 they were in `outputs`. */
static const struct llmobs_json *steps_of(const struct llmobs_json *body)
{
    const struct llmobs_json *steps = llmobs_json_get(body, "steps");

    return steps ? steps : llmobs_json_get(body, "outputs");
}

static int read_body(struct llmobs_reading *reading,
                     const struct llmobs_json *body)
{
    const char *status = llmobs_json_gets(body, "status");
    const struct llmobs_json *steps = steps_of(body);
    int rc = read_names(reading, body);

    read_usage(llmobs_json_get(body, "usage"), reading->span);
    if (reading->classified->call->status < 300) {
        reading->answered = llmobs_json_is_array(steps);
        set_reason(reading->span, status, true);
        if (rc == 0)
            rc = read_failure(reading, status, body, steps);
    }
    return rc < 0 ? rc : read_output(reading, steps);
}

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    int rc = read_body(reading, body);

    return rc < 0 ? rc
                  : set_job(reading, body, llmobs_json_gets(body, "status"));
}

static int read_event(struct llmobs_reading *reading,
                      const struct llmobs_event *event)
{
    struct llmobs_interactions_stream *stream = reading->state;
    int rc = llmobs_interactions_stream_add(stream, event->json);

    if (stream->begun)
        llmobs_reading_token(reading, event);
    reading->done = reading->done || stream->done;
    return rc;
}

static int read_steps(struct llmobs_reading *reading)
{
    const struct llmobs_interactions_stream *stream = reading->state;
    struct llmobs_json *steps = llmobs_interactions_stream_steps(stream);
    int rc = steps ? read_names(reading, stream->interaction) : -ENOMEM;

    llmobs_fact_answer(reading, stream->interaction);
    read_usage(stream->usage, reading->span);
    if (rc == 0)
        rc = read_failure(reading, stream->status, stream->interaction, steps);
    if (rc == 0 && (llmobs_json_len(steps) > 0 || reading->done)) {
        set_reason(reading->span, stream->status, reading->done);
        rc = read_output(reading, steps);
    }
    llmobs_json_free(steps);
    return rc;
}

static int finish_stream(struct llmobs_reading *reading)
{
    const struct llmobs_interactions_stream *stream = reading->state;
    int rc = read_steps(reading);

    return rc < 0 ? rc : set_job(reading, stream->interaction, stream->status);
}

static int name_agent(struct llmobs_reading *reading)
{
    if (llmobs_json_gets(reading->request, "model"))
        return 0;
    return llmobs_reading_model(reading,
                                llmobs_json_gets(reading->request, "agent"));
}

static int read_ends(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *body = llmobs_cut_json_object(
        call->response, call->response_tail, answer_keys);
    const char *status = llmobs_json_gets(body, "status");
    int rc = body ? read_names(reading, body) : -ENOMEM;

    reading->span->complete = status != NULL;
    read_usage(llmobs_json_get(body, "usage"), reading->span);
    set_reason(reading->span, status, reading->span->complete);
    if (rc == 0)
        rc = set_job(reading, body, status);
    llmobs_json_free(body);
    return rc;
}

/* -- an interaction that is asked for, cancelled or deleted ---------------- */

static int settle(struct llmobs_reading *reading, const char *status)
{
    bool ended = status && !llmobs_interactions_is_open(status);

    return llmobs_job_settle(reading, status, ended);
}

static int fetch_document(struct llmobs_reading *reading,
                          const struct llmobs_json *body)
{
    int rc;

    if (reading->classified->call->status >= 300)
        return 0;
    rc = read_body(reading, body);
    return rc < 0 ? rc : settle(reading, llmobs_json_gets(body, "status"));
}

static int fetch_event(struct llmobs_reading *reading,
                       const struct llmobs_event *event)
{
    struct llmobs_interactions_stream *stream = reading->state;
    int rc = llmobs_interactions_stream_add(stream, event->json);

    reading->done = reading->done || stream->done;
    return rc;
}

static int fetch_finish(struct llmobs_reading *reading)
{
    const struct llmobs_interactions_stream *stream = reading->state;
    int rc = read_steps(reading);

    return rc < 0 ? rc : settle(reading, stream->status);
}

static int fetch_ends(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *body = llmobs_cut_json_object(
        call->response, call->response_tail, answer_keys);
    int rc = body ? read_names(reading, body) : -ENOMEM;

    reading->span->complete = llmobs_json_gets(body, "status") != NULL;
    read_usage(llmobs_json_get(body, "usage"), reading->span);
    if (rc == 0)
        rc = settle(reading, llmobs_json_gets(body, "status"));
    llmobs_json_free(body);
    return rc;
}

const struct llmobs_form llmobs_form_gemini_interactions_fetch = {
    .begin = llmobs_job_asked,
    .document = fetch_document,
    .event = fetch_event,
    .finish = fetch_finish,
    .ends = fetch_ends,
    LLMOBS_STATE(struct llmobs_interactions_stream,
                 llmobs_interactions_stream_fini),
};

/* -- the dialect ----------------------------------------------------------- */

const struct llmobs_form llmobs_form_gemini_interactions = {
    .keys = keys,
    .confirm = is_request,
    .begin = gemini_interactions_begin,
    .request = read_request,
    .document = read_document,
    .event = read_event,
    .model = name_agent,
    .finish = finish_stream,
    .ends = read_ends,
    LLMOBS_STATE(struct llmobs_interactions_stream,
                 llmobs_interactions_stream_fini),
    .failed_role = "assistant",
};
