/* The OpenAI Responses dialect (WIRE 6.5, 6.6, 6.7). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text/websocket.h"
#include "rules/vendors/openai.h"
#include "rules/vendors/responses_items.h"
#include "rules/vendors/responses_stream.h"
#include "rules/read/cut_json.h"
#include "rules/read/facts.h"
#include "rules/read/jobs.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"
#include "rules/read/reading.h"
#include "rules/read/request.h"
#include "rules/read/sources.h"
#include "rules/read/tools.h"
#include "rules/read/usage.h"

static const char metadata_keys[] =
    "stream\0temperature\0top_p\0user\0background\0include\0"
    "max_output_tokens\0max_tool_calls\0parallel_tool_calls\0"
    "previous_response_id\0prompt\0reasoning\0service_tier\0store\0text\0"
    "tool_choice\0top_logprobs\0truncation\0";

/* Keys to look for in a response whose middle is missing; the first ones are
 * metadata. */
static const char response_keys[] =
    "temperature\0max_output_tokens\0top_p\0tool_choice\0truncation\0text\0"
    "user\0model\0usage\0status\0id\0";
#define RESPONSE_METADATA_KEYS 7

static bool is_response(const struct llmobs_reading *reading)
{
    return llmobs_openai_asks(reading, "input") ||
           llmobs_openai_asks(reading, "prompt") ||
           llmobs_openai_asks(reading, "previous_response_id");
}

/* -- a stored response that is fetched or cancelled ----------------------- */

/* A task, whose input is the response's id. The tokens are those of the call
 * that made the response. Where that ended before they were known, they become
 * the job's (jobs.h), once the response has ended.
 *
 * Source: the paths /responses/{response_id} and its /cancel of
 * openai/openai-openapi; OpenTelemetry's gen_ai operation fetch_response, which
 * has no usage. */
static const char fetched_keys[] = "id\0model\0status\0usage\0background\0";

/* True for the status of a response that is not at its end. */
static bool goes_on(const char *status)
{
    return status && (strcmp(status, "queued") == 0 ||
                      strcmp(status, "in_progress") == 0);
}

static int fetch_response(struct llmobs_reading *reading,
                          const struct llmobs_json *response,
                          const struct llmobs_json *items)
{
    const char *status = llmobs_json_gets(response, "status");
    int rc = llmobs_reading_model(reading, llmobs_json_gets(response, "model"));

    if (llmobs_json_is_true(llmobs_json_get(response, "background")))
        llmobs_job_alone(reading->span, response);
    if (rc == 0)
        rc = llmobs_usage_read(llmobs_usage_find(response), reading->span);
    if (rc == 0)
        rc = llmobs_responses_output(reading->span, response, items);
    return rc < 0
               ? rc
               : llmobs_job_settle(reading, status, status && !goes_on(status));
}

static int fetch_document(struct llmobs_reading *reading,
                          const struct llmobs_json *body)
{
    if (reading->classified->call->status >= 300)
        return 0;
    return fetch_response(reading, body, llmobs_json_get(body, "output"));
}

static int fetch_event(struct llmobs_reading *reading,
                       const struct llmobs_event *event)
{
    struct llmobs_responses_stream *stream = reading->state;
    const char *type = llmobs_json_gets(event->json, "type");
    int rc;

    if (!type)
        return 0;
    rc = llmobs_responses_stream_add(stream, type, event->json);
    reading->done = reading->done || stream->done;
    return rc;
}

static int fetch_finish(struct llmobs_reading *reading)
{
    const struct llmobs_responses_stream *stream = reading->state;
    struct llmobs_json *items = llmobs_responses_stream_items(stream);
    int rc = items ? fetch_response(reading, stream->response, items) : -ENOMEM;

    llmobs_fact_answer(reading, stream->response);
    llmobs_json_free(items);
    return rc;
}

static int fetch_ends(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *response = llmobs_cut_json_object(
        call->response, call->response_tail, fetched_keys);
    int rc = response ? fetch_response(reading, response, NULL) : -ENOMEM;

    reading->span->complete = llmobs_json_gets(response, "status") != NULL;
    llmobs_json_free(response);
    return rc;
}

/* A stream that is taken up again may lack the response itself. */
static bool is_stored(const struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;

    return llmobs_answer_says(call, "object", "response\"") ||
           llmobs_answer_says(call, "type", "response.");
}

const struct llmobs_form llmobs_form_openai_responses_fetch = {
    .signs = "\"response\"\0",
    .confirm = is_stored,
    .begin = llmobs_job_asked,
    .document = fetch_document,
    .event = fetch_event,
    .finish = fetch_finish,
    .ends = fetch_ends,
    LLMOBS_STATE(struct llmobs_responses_stream, llmobs_responses_stream_fini),
};

/* -- the reusable prompt, and the template that it stands for (WIRE 6.5) -- */

#define VARIABLES_MAX 64 /* the longest are looked for in a template */

struct variable {
    const char *name;
    struct llmobs_text value;
    size_t order;
};

/* Gives a variable as text, in a string value (WIRE 6.5). */
static struct llmobs_json *flatten(const struct llmobs_json *value)
{
    const char *text =
        llmobs_json_is_null(value) ? "" : llmobs_json_text(value);
    struct llmobs_json *string;
    char *dump;

    if (!text)
        text = llmobs_responses_reference(value);
    if (!text)
        text = llmobs_json_gets(value, "text");
    if (text)
        return llmobs_json_string(text);
    dump = llmobs_json_dumps(value, 0);
    string = llmobs_json_string(dump);
    free(dump);
    return string;
}

static int add_tag(struct llmobs_span *span, const char *tag)
{
    if (!span->extra_tags)
        span->extra_tags = llmobs_json_array();
    return llmobs_json_add(span->extra_tags, llmobs_json_string(tag));
}

static int set_keys(struct llmobs_json *to, const char *key, const char *name)
{
    struct llmobs_json *list = llmobs_json_array();
    int rc = llmobs_json_add(list, llmobs_json_string(name));

    return llmobs_json_set_made(to, key, list, rc);
}

/* Sets the span's prompt and its tags from the request's `prompt`; nothing
 * where that is no object. */
static int set_prompt(const struct llmobs_json *prompt,
                      struct llmobs_span *span)
{
    const struct llmobs_json *variables = llmobs_json_get(prompt, "variables");
    bool media = false;
    int rc;

    if (!llmobs_json_is_object(prompt))
        return 0;
    span->input_prompt = llmobs_json_object();
    /* Copies the keys of the prompt that the request sets. */
    rc = 0;
    for (void *it = llmobs_json_iter(prompt); it && rc == 0;
         it = llmobs_json_next(prompt, it)) {
        struct llmobs_json *value = llmobs_json_iter_value(it);

        if (!llmobs_json_is_null(value))
            rc = llmobs_json_set(span->input_prompt, llmobs_json_iter_key(it),
                                 llmobs_json_share(value));
    }
    if (rc == 0 && llmobs_json_is_object(variables)) {
        struct llmobs_json *flat = llmobs_json_object();

        rc = flat ? 0 : -ENOMEM;
        for (void *it = llmobs_json_iter(variables); it && rc == 0;
             it = llmobs_json_next(variables, it)) {
            const struct llmobs_json *value = llmobs_json_iter_value(it);

            media = media || llmobs_responses_reference(value);
            rc =
                llmobs_json_set(flat, llmobs_json_iter_key(it), flatten(value));
        }
        rc = llmobs_json_set_made(span->input_prompt, "variables", flat, rc);
    }
    if (rc == 0)
        rc = set_keys(span->input_prompt, "_dd_context_variable_keys",
                      "context");
    if (rc == 0)
        rc =
            set_keys(span->input_prompt, "_dd_query_variable_keys", "question");
    if (rc == 0)
        rc = add_tag(span, "prompt_tracking_instrumentation_method:auto");
    if (rc == 0 && media)
        rc = add_tag(span, "prompt_multimodal:true");
    return rc;
}

/* -- the template -------------------------------------------------------- */

/* Orders variables: the longest first, of equal ones the last in the request.
 */
static int by_length(const void *a, const void *b)
{
    const struct variable *one = a, *two = b;

    if (one->value.len != two->value.len)
        return one->value.len < two->value.len ? 1 : -1;
    return one->order < two->order ? 1 : -1;
}

/* Gives the variables, *count of them, in the order in which they are looked
 * for; NULL without memory. */
static struct variable *gather(const struct llmobs_json *variables,
                               size_t *count)
{
    struct variable *list =
        calloc(llmobs_json_len(variables) + 1, sizeof(*list));

    *count = 0;
    for (void *it = llmobs_json_iter(variables); list && it;
         it = llmobs_json_next(variables, it)) {
        struct llmobs_text value =
            llmobs_text_of(llmobs_json_text(llmobs_json_iter_value(it)));

        /* too common to be found again in a text */
        if (value.len == 0 || llmobs_text_is(value, "[image]") ||
            llmobs_text_is(value, "[file]"))
            continue;
        list[*count] =
            (struct variable){llmobs_json_iter_key(it), value, *count};
        ++*count;
    }
    if (list)
        qsort(list, *count, sizeof(*list), by_length);
    if (*count > VARIABLES_MAX)
        *count = VARIABLES_MAX;
    return list;
}

/* Puts variables' names in the place of their values. A name that was put in
 * must not be searched again, so the text before it is searched by itself, for
 * the remaining variables. The recursion is as deep as there are variables. */
static int substitute(struct llmobs_buf *out, struct llmobs_text text,
                      const struct variable *list, size_t count)
{
    int rc = 0;

    while (rc == 0 && count > 0 && text.len > 0) {
        const char *at =
            memmem(text.data, text.len, list->value.data, list->value.len);
        struct llmobs_text before = {text.data,
                                     at ? (size_t)(at - text.data) : 0};

        if (!at) {
            list++, count--;
            continue;
        }
        rc = substitute(out, before, list + 1, count - 1);
        if (rc == 0)
            rc = llmobs_buf_addf(out, "{{%s}}", list->name);
        text.data = at + list->value.len;
        text.len -= before.len + list->value.len;
    }
    return rc < 0 ? rc : llmobs_buf_add(out, text.data, text.len);
}

static int add_template(struct llmobs_json *template,
                        const struct llmobs_json *message,
                        const struct variable *list, size_t count)
{
    struct llmobs_text text =
        llmobs_text_of(llmobs_json_gets(message, "content"));
    struct llmobs_buf out;
    int rc;

    if (text.len == 0)
        return 0;
    llmobs_buf_init(&out, LLMOBS_MESSAGE_CONTENT_MAX);
    rc = substitute(&out, text, list, count);
    if (rc == 0 || rc == -EFBIG)
        rc = llmobs_message_add_text(
            template, llmobs_json_gets(message, "role"), llmobs_buf_text(&out));
    llmobs_buf_fini(&out);
    return rc;
}

/* Adds the template to the span's prompt: `messages`, which the server made of
 * it, with the variables' names in the place of their values. A template that
 * the request had itself stays. */
static int set_template(const struct llmobs_json *messages,
                        struct llmobs_span *span)
{
    struct llmobs_json *template;
    struct variable *list;
    size_t count;
    int rc;

    if (llmobs_json_get(span->input_prompt, "template") ||
        llmobs_json_get(span->input_prompt, "chat_template"))
        return 0;
    template = llmobs_json_array();
    list = gather(llmobs_json_get(span->input_prompt, "variables"), &count);
    rc = list && template ? 0 : -ENOMEM;

    LLMOBS_JSON_EACH (one, messages, rc == 0)
        rc = add_template(template, one, list, count);
    free(list);
    return llmobs_json_set_made(span->input_prompt, "chat_template", template,
                                rc);
}

/* -- the request --------------------------------------------------------- */

static int read_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *request = reading->request;
    const struct llmobs_json *agent = llmobs_json_get(request, "agent");
    const struct llmobs_json *system = llmobs_json_get(request, "instructions");
    struct llmobs_span *span = reading->span;
    int rc = llmobs_request_metadata(request, metadata_keys, span);

    /* the agent of Azure's Foundry that answers */
    if (rc == 0 && llmobs_json_says(agent, "type", "agent_reference"))
        rc = llmobs_json_sets(span->metadata, "agent",
                              llmobs_json_gets(agent, "name"));
    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    span->input_messages = llmobs_json_array();
    rc = llmobs_json_is_string(system)
             ? llmobs_message_add_text(span->input_messages, "system",
                                       llmobs_text_of(llmobs_json_text(system)))
             : llmobs_responses_add_inputs(span->input_messages, system);
    llmobs_fact_apart(span);
    if (rc == 0)
        rc = llmobs_responses_add_inputs(span->input_messages,
                                         llmobs_json_get(request, "input"));
    if (rc == 0 && !reading->classified->proxied)
        rc = set_prompt(llmobs_json_get(request, "prompt"), span);
    if (rc == 0)
        rc = llmobs_tools_read_definitions(request, &span->tool_definitions);
    LLMOBS_JSON_EACH (one, llmobs_json_get(request, "input"), rc == 0)
        if (llmobs_json_says(one, "type", "additional_tools") ||
            llmobs_json_says(one, "type", "mcp_list_tools"))
            rc = llmobs_tools_add_definitions(llmobs_json_get(one, "tools"),
                                              &span->tool_definitions);
    return rc;
}

/* -- the response -------------------------------------------------------- */

static bool says_nothing(const struct llmobs_json *input)
{
    const char *text = llmobs_json_text(input);

    return text ? *text == '\0'
                : !llmobs_json_is_object(input) && llmobs_json_len(input) == 0;
}

/* The response has the messages that the server made of a reusable prompt. They
 * are the input where the request has none of its own. */
static int read_prompt(struct llmobs_reading *reading,
                       const struct llmobs_json *instructions)
{
    struct llmobs_span *span = reading->span;
    struct llmobs_json *messages;
    int rc;

    if (!llmobs_json_is_object(llmobs_json_get(reading->request, "prompt")) ||
        !llmobs_json_is_array(instructions) || !span->input_messages)
        return 0;
    messages = llmobs_json_array();
    rc = messages ? llmobs_responses_add_inputs(messages, instructions)
                  : -ENOMEM;
    if (rc == 0 && span->input_prompt)
        rc = set_template(messages, span);
    if (rc == 0 && says_nothing(llmobs_json_get(reading->request, "input")))
        rc = llmobs_responses_add_inputs(span->input_messages, instructions);
    llmobs_json_free(messages);
    return rc;
}

/* Reads everything of a response but its output. */
static int read_response(struct llmobs_reading *reading,
                         const struct llmobs_json *response)
{
    int rc = llmobs_reading_model(reading, llmobs_json_gets(response, "model"));
    struct llmobs_json *reasoning = llmobs_json_get(response, "reasoning");
    const char *key = response_keys;

    if (rc == 0)
        rc = llmobs_usage_read(llmobs_usage_find(response), reading->span);
    if (rc < 0 || reading->classified->call->status >= 300)
        return rc;
    /* Only the response says which mode was taken. */
    if (llmobs_json_gets(reasoning, "context") ||
        llmobs_json_gets(reasoning, "mode"))
        rc = llmobs_json_set(reading->span->metadata, "reasoning",
                             llmobs_json_share(reasoning));
    for (size_t i = 0; rc == 0 && i < RESPONSE_METADATA_KEYS;
         i++, key = llmobs_words_next(key)) {
        struct llmobs_json *value = llmobs_json_get(response, key);

        if (value && !llmobs_json_is_null(value))
            rc = llmobs_json_set(reading->span->metadata, key,
                                 llmobs_json_share(value));
    }
    return rc < 0 ? rc
                  : read_prompt(reading,
                                llmobs_json_get(response, "instructions"));
}

/* The response has a status in the place of a reason. A call of a tool is a
 * reason where the response is complete. */
static const char *reason_of(const struct llmobs_json *response,
                             const char *status,
                             const struct llmobs_json *items)
{
    static const char asks[] = /* the program, not the server */
        "function_call\0custom_tool_call\0computer_call\0local_shell_call\0"
        "shell_call\0apply_patch_call\0";

    if (strcmp(status, "incomplete") == 0)
        return llmobs_json_gets(llmobs_json_get(response, "incomplete_details"),
                                "reason");
    LLMOBS_JSON_EACH (one, items, true)
        if (strcmp(status, "completed") == 0 && llmobs_json_gets(one, "type") &&
            llmobs_words_have(asks, llmobs_json_gets(one, "type")))
            return "tool_call";
    return status;
}

/* A response that waits in the background has no reason yet. */
static void set_reason(struct llmobs_reading *reading,
                       const struct llmobs_json *response,
                       const struct llmobs_json *items, bool ended)
{
    const char *status = llmobs_json_gets(response, "status");

    if (!ended)
        llmobs_fact_finish(reading->span, NULL);
    else if (status && !goes_on(status))
        llmobs_fact_finish(reading->span, reason_of(response, status, items));
}

/* Notes that a later request may bring the result: the response runs in the
 * background, or its stream was cut off. */
static int set_job(struct llmobs_reading *reading,
                   const struct llmobs_json *response)
{
    const char *status = llmobs_json_gets(response, "status");
    const char *id = llmobs_json_gets(response, "id");

    if (reading->classified->call->status >= 300)
        return 0;
    if (goes_on(status))
        return llmobs_job_begun(reading->span, id, status);
    return llmobs_json_is_true(llmobs_json_get(response, "background"))
               ? llmobs_job_done(reading->span, id)
               : 0;
}

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    int rc = read_response(reading, body);

    reading->answered = llmobs_json_is_array(llmobs_json_get(body, "output"));
    if (reading->classified->call->status < 300)
        set_reason(reading, body, llmobs_json_get(body, "output"), true);
    if (rc == 0)
        rc = set_job(reading, body);
    return rc < 0 ? rc
                  : llmobs_responses_output(reading->span, body,
                                            llmobs_json_get(body, "output"));
}

/* -- streams ------------------------------------------------------------- */

static int read_event(struct llmobs_reading *reading,
                      const struct llmobs_event *event)
{
    struct llmobs_responses_stream *stream = reading->state;
    const char *type = llmobs_json_gets(event->json, "type"), *code;
    const struct llmobs_json *from;
    char *name = NULL;
    bool failed;
    int rc;

    if (!event->json)
        return 0;
    if (!type)
        type = name =
            strndup(event->type.data ? event->type.data : "", event->type.len);
    if (!type)
        return -ENOMEM;
    rc = llmobs_responses_stream_add(stream, type, event->json);
    failed = strcmp(type, "response.failed") == 0;
    if (rc == 0 && (failed || strcmp(type, "error") == 0)) {
        from = event->json; /* an error came instead of a response */
        if (failed)
            from = llmobs_json_get(llmobs_json_get(from, "response"), "error");
        code = llmobs_json_gets(from, "code");
        reading->answered = true;
        if (!llmobs_json_is_object(llmobs_json_get(event->json, "error")))
            rc = llmobs_span_fail(reading->span, code && *code ? code : type,
                                  llmobs_json_gets(from, "message"));
    }
    if (rc == 0) /* a stream may be cut before the whole item */
        rc = llmobs_sources_event(reading, event, LLMOBS_SOURCES_OPENAI);
    if (stream->begun)
        llmobs_reading_token(reading, event);
    reading->done = reading->done || stream->done;
    free(name);
    return rc;
}

static int finish_stream(struct llmobs_reading *reading)
{
    const struct llmobs_responses_stream *stream = reading->state;
    struct llmobs_json *items;
    int rc = read_response(reading, stream->response);

    if (rc == 0)
        rc = set_job(reading, stream->response);
    if (rc < 0)
        return rc;
    items = llmobs_responses_stream_items(stream);
    if (!items)
        return -ENOMEM;
    llmobs_fact_answer(reading, stream->response);
    if (llmobs_json_len(items) > 0 || (stream->response && reading->done) ||
        reading->answered) {
        set_reason(reading, stream->response, items, reading->done);
        rc = llmobs_responses_output(reading->span, stream->response, items);
    }
    llmobs_json_free(items);
    return rc;
}

/* -- the dialect --------------------------------------------------------- */

static int read_ends(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *response = llmobs_cut_json_object(
        call->response, call->response_tail, response_keys);
    int rc = response ? read_response(reading, response) : -ENOMEM;

    reading->span->complete =
        llmobs_json_is_object(llmobs_json_get(response, "usage"));
    set_reason(reading, response, NULL, reading->span->complete);
    if (rc == 0)
        rc = set_job(reading, response);
    llmobs_json_free(response);
    return rc;
}

/* Of "WebSocket mode"; `generate` and `stream_id` are of it alone. */
static const struct llmobs_websocket_words words = {
    .type = "type",
    .begins = "response.create",
    .ends = "response.completed\0response.failed\0response.incomplete\0error\0",
    .speaks = "generate",
    .lane = "stream_id"};

const struct llmobs_form llmobs_form_openai_responses = {
    .keys = metadata_keys,
    .confirm = is_response,
    .request = read_request,
    .document = read_document,
    .event = read_event,
    .finish = finish_stream,
    .ends = read_ends,
    LLMOBS_STATE(struct llmobs_responses_stream, llmobs_responses_stream_fini),
    .unknown = "unknown_model",
    .websocket = &words,
};
