/* The Assistants API, version 2: runs of an assistant on a thread, the messages
 * of the thread, and the results of tools.
 *
 * Source:  the types of openai-node (resources/beta/threads) and the paths
 *          below /threads of openai/openai-openapi.
 *
 * A run goes on behind the call that began it (jobs.h), up to the end of its
 * stream where it has one. The conversation is the thread. Other APIs have such
 * paths, too (LangGraph's), so the thread's id must begin as OpenAI's does. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/cut_json.h"
#include "rules/read/facts.h"
#include "rules/read/jobs.h"
#include "rules/read/request.h"
#include "rules/read/sources.h"
#include "rules/read/tools.h"
#include "rules/read/usage.h"
#include "rules/read/values.h"

#define THREAD "thread_*"

static const char metadata_keys[] =
    "assistant_id\0model\0temperature\0top_p\0stream\0max_completion_tokens\0"
    "max_prompt_tokens\0parallel_tool_calls\0reasoning_effort\0"
    "response_format\0tool_choice\0truncation_strategy\0";

static const char run_keys[] =
    "id\0thread_id\0model\0status\0last_error\0usage\0";

static const char fetched[] = "\"thread.run\"\0\"thread.run.step\"\0";
static const char signs[] = "\"assistant_id\"\0\"tool_outputs\"\0\"content\"\0";

/* -- the path ---------------------------------------------------------------
 */

static void note_thread(struct llmobs_reading *reading, const char *id)
{
    struct llmobs_facts *facts = &reading->span->facts;

    if (!llmobs_span_fact_is_set(facts, LLMOBS_FACT_CONVERSATION_ID))
        llmobs_span_fact(facts, LLMOBS_FACT_CONVERSATION_ID, id);
}

/* The ids of a stream's events are those of messages and steps, too. */
static int openai_assistants_begin(struct llmobs_reading *reading)
{
    const struct llmobs_classified *classified = reading->classified;
    const char *at = strstr(classified->shape->path, THREAD);
    char *id;

    reading->told = LLMOBS_FACT_EVENTS;
    if (!at)
        return 0;
    id = llmobs_url_segment(classified->url->path, llmobs_url_behind(at));
    if (id)
        note_thread(reading, id);
    free(id);
    return id ? 0 : -ENOMEM;
}

static int openai_assistants_begin_task(struct llmobs_reading *reading)
{
    int rc = openai_assistants_begin(reading);

    return rc < 0 ? rc : llmobs_job_asked(reading);
}

/* -- texts of messages ------------------------------------------------------
 */

static int openai_assistants_append(struct llmobs_buf *text, const char *piece)
{
    int rc = piece ? llmobs_buf_adds(text, piece) : 0;

    return rc == -EFBIG ? 0 : rc;
}

static int append_line(struct llmobs_buf *text, const char *line)
{
    int rc = text->len > 0 && line && *line
                 ? openai_assistants_append(text, "\n")
                 : 0;

    return rc < 0 ? rc : openai_assistants_append(text, line);
}

/* Texts are texts in a request, and objects in an answer. */
static const char *openai_assistants_text_of(const struct llmobs_json *part)
{
    const struct llmobs_json *text = llmobs_json_get(part, "text");
    const char *type = llmobs_json_gets(part, "type");

    if (type && strncmp(type, "image", strlen("image")) == 0)
        return "[image]";
    return llmobs_json_is_object(text) ? llmobs_json_gets(text, "value")
                                       : llmobs_json_text(text);
}

static int openai_assistants_append_content(struct llmobs_buf *text,
                                            const struct llmobs_json *content)
{
    int rc = append_line(text, llmobs_json_text(content));

    LLMOBS_JSON_EACH (one, content, rc == 0)
        rc = append_line(text, openai_assistants_text_of(one));
    return rc;
}

static int append_messages(struct llmobs_buf *text,
                           const struct llmobs_json *list)
{
    int rc = 0;

    LLMOBS_JSON_EACH (one, list, rc == 0)
        rc = openai_assistants_append_content(text,
                                              llmobs_json_get(one, "content"));
    return rc;
}

/* Sets a value to the text, else to the first of two that is one. */
static int openai_assistants_set_text(char **field, int rc,
                                      const struct llmobs_buf *text,
                                      const char *one, const char *other)
{
    const char *value = text->len > 0 ? text->data : one && *one ? one : other;

    return rc < 0 || !value || !*value ? rc : llmobs_span_set(field, value);
}

/* -- the request of a run ---------------------------------------------------
 */

static bool is_run(const struct llmobs_reading *reading)
{
    return llmobs_reading_has(reading, "assistant_id");
}

/* A run answers what is in the thread; the request may bring more. */
static int run_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *request = reading->request;
    const char *more = llmobs_json_gets(request, "additional_instructions");
    struct llmobs_buf text;
    int rc = llmobs_request_metadata(request, metadata_keys, reading->span);

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    llmobs_buf_init(&text, LLMOBS_VALUE_MAX);
    rc = append_messages(
        &text, llmobs_json_get(llmobs_json_get(request, "thread"), "messages"));
    if (rc == 0)
        rc = append_messages(&text,
                             llmobs_json_get(request, "additional_messages"));
    rc =
        openai_assistants_set_text(&reading->span->input_value, rc, &text, more,
                                   llmobs_json_gets(request, "instructions"));
    llmobs_buf_fini(&text);
    return rc;
}

/* -- a run ------------------------------------------------------------------
 */

static bool openai_assistants_goes_on(const char *status)
{
    static const char words[] =
        "queued\0in_progress\0requires_action\0cancelling\0";

    return status && llmobs_words_have(words, status);
}

static int openai_assistants_read_error(struct llmobs_reading *reading,
                                        const struct llmobs_json *run,
                                        const char *status)
{
    const struct llmobs_json *error = llmobs_json_get(run, "last_error");
    const char *code = llmobs_json_gets(error, "code");

    if (!status || strcmp(status, "failed") != 0)
        return 0;
    return llmobs_span_fail(reading->span, code && *code ? code : status,
                            llmobs_json_gets(error, "message"));
}

/* Keeps the calls of tools that the program has to answer, for the links. */
static int read_calls(struct llmobs_span *span, const struct llmobs_json *run)
{
    const struct llmobs_json *action = llmobs_json_get(
        llmobs_json_get(run, "required_action"), "submit_tool_outputs");
    struct llmobs_json *message = llmobs_json_object();
    int rc = llmobs_json_sets(message, "role", "assistant");

    if (rc == 0)
        rc = llmobs_tools_read_calls(action, message);
    if (rc == 0 && llmobs_json_get(message, "tool_calls")) {
        llmobs_json_free(span->output_behind);
        span->output_behind = llmobs_json_array();
        rc = llmobs_json_add(span->output_behind, llmobs_json_share(message));
    }
    llmobs_json_free(message);
    return rc;
}

/* The output is what the model said, else the calls of tools that it waits for,
 * else how far the run is. */
static int openai_assistants_set_output(struct llmobs_span *span,
                                        const struct llmobs_buf *text,
                                        const char *status)
{
    const struct llmobs_json *calls =
        llmobs_json_get(llmobs_json_at(span->output_behind, 0), "tool_calls");

    if (text->len == 0 && calls)
        return llmobs_value_output(span, calls);
    return openai_assistants_set_text(&span->output_value, 0, text, status,
                                      NULL);
}

static int end_run(struct llmobs_reading *reading,
                   const struct llmobs_json *run, const char *status)
{
    if (reading->classified->shape->kind == LLMOBS_KIND_TASK)
        return llmobs_job_settle(reading, status,
                                 status && !openai_assistants_goes_on(status));
    if (!openai_assistants_goes_on(status))
        return 0;
    return llmobs_job_begun(reading->span, llmobs_json_gets(run, "id"));
}

static int read_run(struct llmobs_reading *reading,
                    const struct llmobs_json *run,
                    const struct llmobs_buf *text)
{
    const char *status = llmobs_json_gets(run, "status");
    struct llmobs_span *span = reading->span;
    int rc = llmobs_reading_model(reading, llmobs_json_gets(run, "model"));

    note_thread(reading, llmobs_json_gets(run, "thread_id"));
    if (rc == 0)
        rc = llmobs_usage_read(llmobs_usage_find(run), span);
    if (rc == 0)
        rc = openai_assistants_read_error(reading, run, status);
    if (rc == 0)
        rc = read_calls(span, run);
    if (rc == 0)
        rc = openai_assistants_set_output(span, text, status);
    if (rc == 0 && status)
        rc = llmobs_json_sets(span->metadata, "status", status);
    return rc < 0 ? rc : end_run(reading, run, status);
}

static int run_document(struct llmobs_reading *reading,
                        const struct llmobs_json *body)
{
    static const struct llmobs_buf none;

    return reading->classified->call->status >= 300
               ? 0
               : read_run(reading, body, &none);
}

static int run_ends(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *run =
        llmobs_cut_json_object(call->response, call->response_tail, run_keys);
    int rc = run ? run_document(reading, run) : -ENOMEM;

    reading->span->complete = llmobs_json_gets(run, "status") != NULL;
    llmobs_json_free(run);
    return rc;
}

/* -- a run that streams -----------------------------------------------------
 */

struct stream {
    struct llmobs_json *run; /* the last one that came, or NULL */
    struct llmobs_buf text;
    size_t whole; /* the bytes of it that belong to whole messages */
};

/* A message is announced, comes in pieces, and at last as a whole. */
static int openai_assistants_read_message(struct stream *stream,
                                          const struct llmobs_json *message)
{
    const char *status = llmobs_json_gets(message, "status");
    int rc;

    if (!status || strcmp(status, "in_progress") == 0)
        return 0;
    llmobs_buf_cut(&stream->text, stream->whole);
    rc = openai_assistants_append_content(&stream->text,
                                          llmobs_json_get(message, "content"));
    stream->whole = stream->text.len;
    return rc;
}

static int openai_assistants_read_delta(struct stream *stream,
                                        const struct llmobs_json *event)
{
    const struct llmobs_json *list =
        llmobs_json_get(llmobs_json_get(event, "delta"), "content");
    int rc = 0;

    LLMOBS_JSON_EACH (one, list, rc == 0) {
        const char *piece = openai_assistants_text_of(one);

        rc = stream->text.len == stream->whole
                 ? append_line(&stream->text, piece)
                 : openai_assistants_append(&stream->text, piece);
    }
    return rc;
}

static int run_event(struct llmobs_reading *reading,
                     const struct llmobs_event *event)
{
    struct stream *stream = reading->state;
    const char *object = llmobs_json_gets(event->json, "object");
    int rc;

    stream->text.max = LLMOBS_VALUE_MAX;
    if (!object)
        return 0;
    if (strcmp(object, "thread.message.delta") == 0)
        return openai_assistants_read_delta(stream, event->json);
    if (strcmp(object, "thread.message") == 0) {
        rc = openai_assistants_read_message(stream, event->json);
        return rc < 0 ? rc
                      : llmobs_sources_event(reading, event,
                                             LLMOBS_SOURCES_OPENAI);
    }
    if (strcmp(object, "thread.run") != 0)
        return 0;
    llmobs_json_free(stream->run);
    stream->run = llmobs_json_share(event->json);
    return 0;
}

static int run_finish(struct llmobs_reading *reading)
{
    const struct stream *stream = reading->state;

    llmobs_fact_answer(reading, stream->run);
    return read_run(reading, stream->run, &stream->text);
}

static void openai_assistants_free_stream(void *state)
{
    struct stream *stream = state;

    llmobs_json_free(stream->run);
    llmobs_buf_fini(&stream->text);
}

/* -- results of tools -------------------------------------------------------
 */

static bool has_outputs(const struct llmobs_reading *reading)
{
    return llmobs_reading_has(reading, "tool_outputs");
}

static int openai_assistants_add_result(struct llmobs_json *list,
                                        const struct llmobs_json *output)
{
    const char *id = llmobs_json_gets(output, "tool_call_id");
    struct llmobs_json *result =
        llmobs_json_share(llmobs_json_get(output, "output"));

    if (!id || !llmobs_json_is_string(result)) {
        llmobs_json_free(result);
        return 0;
    }
    return llmobs_json_add(list,
                           llmobs_tools_result(NULL, id, "function", result));
}

/* Keeps the results for the links, as a message. */
static int keep_results(struct llmobs_span *span,
                        const struct llmobs_json *outputs)
{
    struct llmobs_json *results = llmobs_json_array();
    struct llmobs_json *message = llmobs_json_object();
    int rc = llmobs_json_sets(message, "role", "tool");

    LLMOBS_JSON_EACH (one, outputs, rc == 0)
        rc = openai_assistants_add_result(results, one);
    if (rc == 0)
        rc = llmobs_json_set(message, "tool_results",
                             llmobs_json_share(results));
    span->input_behind = llmobs_json_array();
    if (rc == 0)
        rc = llmobs_json_add(span->input_behind, llmobs_json_share(message));
    llmobs_json_free(results);
    llmobs_json_free(message);
    return rc;
}

static int outputs_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *outputs =
        llmobs_json_get(reading->request, "tool_outputs");
    int rc = llmobs_value_input(reading->span, outputs);

    return rc < 0 || reading->classified->call->request_truncated
               ? rc
               : keep_results(reading->span, outputs);
}

/* -- messages, and steps of a run -------------------------------------------
 */

static bool openai_assistants_is_message(const struct llmobs_reading *reading)
{
    return llmobs_reading_has(reading, "role") &&
           llmobs_reading_has(reading, "content");
}

static int message_request(struct llmobs_reading *reading)
{
    struct llmobs_buf text;
    int rc = llmobs_request_metadata(reading->request, "role\0", reading->span);

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    llmobs_buf_init(&text, LLMOBS_VALUE_MAX);
    rc = openai_assistants_append_content(
        &text, llmobs_json_get(reading->request, "content"));
    rc = openai_assistants_set_text(&reading->span->input_value, rc, &text,
                                    NULL, NULL);
    llmobs_buf_fini(&text);
    return rc;
}

static int begin_list(struct llmobs_reading *reading)
{
    int rc = openai_assistants_begin(reading);
    char *id =
        rc < 0 ? NULL : llmobs_url_segment(reading->classified->url->path, 1);

    if (rc == 0)
        rc = id ? llmobs_span_set(&reading->span->input_value, id) : -ENOMEM;
    free(id);
    return rc;
}

static bool is_users(const struct llmobs_json *message)
{
    return !llmobs_json_says(message, "role", "assistant");
}

static bool ascends(const struct llmobs_json *list)
{
    size_t count = llmobs_json_len(list);

    return count > 1 && llmobs_json_to_int(llmobs_json_get(
                            llmobs_json_at(list, 0), "created_at")) <
                            llmobs_json_to_int(llmobs_json_get(
                                llmobs_json_at(list, count - 1), "created_at"));
}

/* The output is what the assistant said last. */
static int list_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    const struct llmobs_json *list = llmobs_json_get(body, "data");
    size_t count = llmobs_json_is_array(list) ? llmobs_json_len(list) : 0;
    bool up = ascends(list);
    struct llmobs_buf text;
    size_t last = 0;
    int rc = 0;

    while (last < count &&
           !is_users(llmobs_json_at(list, up ? count - 1 - last : last)))
        last++;
    llmobs_buf_init(&text, LLMOBS_VALUE_MAX);
    while (rc == 0 && last-- > 0) {
        const struct llmobs_json *message =
            llmobs_json_at(list, up ? count - 1 - last : last);

        rc = openai_assistants_append_content(
            &text, llmobs_json_get(message, "content"));
        if (rc == 0)
            rc = llmobs_sources_read(reading->span, message,
                                     LLMOBS_SOURCES_OPENAI);
    }
    rc = openai_assistants_set_text(&reading->span->output_value, rc, &text,
                                    NULL, NULL);
    llmobs_buf_fini(&text);
    return rc;
}

/* The tokens of the steps are those of the run. */
static int steps_document(struct llmobs_reading *reading,
                          const struct llmobs_json *body)
{
    const struct llmobs_json *list = llmobs_json_get(body, "data");
    struct llmobs_json *details = llmobs_json_array();
    int rc = details ? 0 : -ENOMEM;

    LLMOBS_JSON_EACH (step, list, rc == 0) {
        struct llmobs_json *one = llmobs_json_get(step, "step_details");

        if (llmobs_json_is_object(one))
            rc = llmobs_json_add(details, llmobs_json_share(one));
    }
    if (rc == 0 && llmobs_json_len(details) > 0)
        rc = llmobs_value_output(reading->span, details);
    llmobs_json_free(details);
    return rc;
}

/* -- the dialect ------------------------------------------------------------
 */

static const struct llmobs_form run_form = {
    .keys = metadata_keys,
    .signs = signs,
    .confirm = is_run,
    .begin = openai_assistants_begin,
    .request = run_request,
    .document = run_document,
    .event = run_event,
    .finish = run_finish,
    .ends = run_ends,
    LLMOBS_STATE(struct stream, openai_assistants_free_stream),
};

static const struct llmobs_form outputs_form = {
    .signs = signs,
    .confirm = has_outputs,
    .begin = openai_assistants_begin_task,
    .request = outputs_request,
    .document = run_document,
    .event = run_event,
    .finish = run_finish,
    .ends = run_ends,
    LLMOBS_STATE(struct stream, openai_assistants_free_stream),
};

static bool is_fetched(const struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;

    return llmobs_answer_says(call, "object", "thread.run\"") ||
           llmobs_answer_says(call, "object", "thread.run.step\"");
}

static const struct llmobs_form fetch_form = {
    .signs = fetched,
    .confirm = is_fetched,
    .begin = openai_assistants_begin_task,
    .document = run_document,
    .ends = run_ends,
};

static const struct llmobs_form message_form = {
    .signs = signs,
    .confirm = openai_assistants_is_message,
    .begin = openai_assistants_begin,
    .request = message_request,
};

static const struct llmobs_form list_form = {
    .begin = begin_list,
    .document = list_document,
};

static const struct llmobs_form steps_form = {
    .signs = fetched,
    .confirm = is_fetched,
    .begin = openai_assistants_begin_task,
    .document = steps_document,
};

LLMOBS_FORMS(forms, outputs_form, fetch_form, steps_form, message_form,
             list_form);

static const struct llmobs_shape shapes[] = {
    LLMOBS_POST(AGENT, "/threads/" THREAD "/runs", "run", "%s.createRun",
                .genai = "invoke_agent", .any_host = true, .telling = true),
    LLMOBS_POST(AGENT, "/threads/runs", "thread_and_run",
                "%s.createThreadAndRun", .genai = "invoke_agent",
                .any_host = true),
    LLMOBS_POST(TASK, "/threads/" THREAD "/runs/run_*/submit_tool_outputs",
                "submit_tool_outputs", "%s.submitToolOutputs", .any_host = true,
                .telling = true, .form = LLMOBS_FORM(outputs_form)),
    LLMOBS_SHAPE("GET", "/threads/" THREAD "/runs/run_*", "retrieve",
                 "%s.retrieveRun", .kind = LLMOBS_KIND_TASK, .any_host = true,
                 .bodyless = true, .form = LLMOBS_FORM(fetch_form)),
    LLMOBS_POST(TASK, "/threads/" THREAD "/runs/run_*/cancel", "cancel",
                "%s.cancelRun", .any_host = true, .bodyless = true,
                .form = LLMOBS_FORM(fetch_form)),
    LLMOBS_SHAPE("GET", "/threads/" THREAD "/runs/run_*/steps", "list_steps",
                 "%s.listRunSteps", .kind = LLMOBS_KIND_TASK, .any_host = true,
                 .bodyless = true, .form = LLMOBS_FORM(steps_form)),
    LLMOBS_POST(TASK, "/threads/" THREAD "/messages", "message",
                "%s.createThreadMessage", .form = LLMOBS_FORM(message_form)),
    LLMOBS_SHAPE("GET", "/threads/" THREAD "/messages", "list_messages",
                 "%s.listThreadMessages", .kind = LLMOBS_KIND_TASK,
                 .bodyless = true, .form = LLMOBS_FORM(list_form)),
};

LLMOBS_DIALECT(openai_assistants, .integration = "openai",
               LLMOBS_SHAPES(shapes), .forms = forms, .form = &run_form);
