/* Reads a call by its dialect's functions. */
#include "rules/read/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/embedding.h"
#include "rules/read/error.h"
#include "rules/read/facts.h"
#include "rules/read/jobs.h"
#include "rules/read/message.h"
#include "rules/read/request.h"
#include "rules/read/request_tags.h"

static bool is_embedding(const struct llmobs_reading *reading)
{
    return reading->classified->shape->kind == LLMOBS_KIND_EMBEDDING;
}

static bool is_chat(const struct llmobs_reading *reading)
{
    return reading->classified->shape->kind == LLMOBS_KIND_LLM;
}

/* True for a tool, a task or a retrieval: it has values where a chat has
 * messages, and a model's name only if a body has it. */
static bool has_values(const struct llmobs_reading *reading)
{
    return !is_chat(reading) && !is_embedding(reading);
}

/* Runs `read` on the call as if the middle of its bodies were missing, which is
 * how documents beyond the limits of lib/text/json.h are read. */
static int as_ends(struct llmobs_reading *reading,
                   int (*read)(struct llmobs_reading *reading))
{
    const struct llmobs_classified *whole = reading->classified;
    struct llmobs_classified classified = *whole;
    struct llmobs_call call = *whole->call;
    int rc;

    if (!read)
        return 0;
    call.request_tail = call.request;
    call.request_truncated = true;
    call.response_tail = call.response;
    call.response_truncated = true;
    classified.call = &call;
    reading->classified = &classified;
    rc = read(reading);
    reading->classified = whole;
    return rc;
}

/* Reads the settings that mean the same in each API that has them, at the top
 * of the request or in the object of Bedrock's Converse. Those that the form
 * has read stay. */
static int read_usual_settings(struct llmobs_reading *reading)
{
    static const char usual[] =
        "temperature\0top_p\0top_k\0min_p\0stop\0stop_sequences\0seed\0"
        "frequency_penalty\0presence_penalty\0tool_choice\0"
        "parallel_tool_calls\0thinking\0reasoning\0reasoning_effort\0"
        "response_format\0output_config\0verbosity\0service_tier\0"
        "topP\0topK\0stopSequences\0";
    const struct llmobs_json *places[] = {
        reading->request, llmobs_json_get(reading->request, "inferenceConfig")};
    struct llmobs_json *metadata = reading->span->metadata;
    int rc = 0;

    for (size_t i = 0; i < 2; i++)
        LLMOBS_WORDS_EACH (key, usual) {
            struct llmobs_json *value = llmobs_json_get(places[i], key);

            if (rc == 0 && value && !llmobs_json_is_null(value) &&
                !llmobs_json_get(metadata, key))
                rc = llmobs_json_set(metadata, key, llmobs_json_share(value));
        }
    return rc;
}

static int read_input(struct llmobs_reading *reading)
{
    struct llmobs_span *span = reading->span;
    int rc = 0;
    char *text;

    if (reading->request && !reading->beyond) {
        rc = reading->form->request ? reading->form->request(reading) : 0;
        return rc < 0 || !reading->form->request ||
                       span->kind != LLMOBS_KIND_LLM
                   ? rc
                   : read_usual_settings(reading);
    }
    if (reading->classified->call->request_truncated)
        return 0;
    if (reading->beyond)
        rc = as_ends(reading, reading->form->request);
    if (rc < 0 || span->input_messages || span->input_documents ||
        span->input_value)
        return rc;
    /* Takes a body that is not an object as the only input. Without a body
     * there is no message, and nothing to embed. */
    text = llmobs_request_text(reading->classified->call);
    rc = 0;
    if (!text)
        return -ENOMEM;
    if (has_values(reading)) {
        span->input_value = text;
        return 0;
    }
    if (*text && is_chat(reading)) {
        span->input_messages = llmobs_message_take(text);
        return span->input_messages ? 0 : -ENOMEM;
    }
    if (*text)
        rc = llmobs_embedding_add(span, llmobs_text_of(text));
    free(text);
    return rc;
}

/* Takes an answer that is only text as the output. */
static int text_output(struct llmobs_reading *reading)
{
    struct llmobs_span *span = reading->span;

    if (reading->classified->call->status >= 300)
        return 0;
    if (!is_chat(reading)) {
        span->output_value = llmobs_answer_text(reading->classified->call);
        return span->output_value ? 0 : -ENOMEM;
    }
    span->output_messages = llmobs_answer_message(reading->classified->call);
    return span->output_messages ? 0 : -ENOMEM;
}

static int read_event(struct llmobs_reading *reading,
                      const struct llmobs_event *event)
{
    bool texts = reading->form->texts;
    /* Its tree told nothing beside its text before. */
    bool known = event->alike && event->json == reading->plain &&
                 reading->told == LLMOBS_FACT_EVENTS &&
                 event->json == reading->look.tree && !reading->look.may_be;
    int rc = 0;

    if (!texts && !known)
        llmobs_fact_event(reading, event);
    if (reading->form->event && (event->json || event->failed || texts))
        rc = reading->form->event(reading, event);
    if (rc == 0 &&
        (event->failed || (!texts && !known &&
                           (llmobs_json_is_container(event->json)
                                ? llmobs_error_in_event(
                                      &reading->look, event->json, event->alike)
                                : llmobs_error_in_text(event)))))
        rc = llmobs_error_read_as(event->error, event->json, event->data,
                                  reading->classified->call, reading->span);
    return rc;
}

/* 1 once the stream's own end mark came: the provider's clients do not read the
 * bytes after it. */
static int read_events(struct llmobs_reading *reading, struct llmobs_text text,
                       bool whole)
{
    struct llmobs_events events;
    struct llmobs_event event;
    bool ended = false;
    int rc;

    llmobs_events_init(&events, reading->answer.framing, text, whole);
    while (!ended && (rc = llmobs_events_next(&events, &event)) == 1) {
        ended = !event.json && llmobs_text_is(event.data, "[DONE]");
        if (!ended && read_event(reading, &event) < 0) {
            rc = -ENOMEM;
            break;
        }
    }
    reading->done = reading->done || ended;
    llmobs_events_fini(&events);
    return rc;
}

static int read_form(struct llmobs_reading *reading)
{
    switch (reading->answer.form) {
    case LLMOBS_ANSWER_JSON: {
        const struct llmobs_json *body = reading->answer.json;
        const struct llmobs_call *call = reading->classified->call;
        int rc = 0;

        reading->span->complete = true;
        llmobs_fact_answer(reading, body);
        if (call->status < 300 && llmobs_error_in(body))
            rc = llmobs_error_read(body, call->response, call, reading->span);
        else if (call->status < 300 && !llmobs_json_is_object(body) &&
                 !(reading->form->lists && llmobs_json_is_array(body)))
            return text_output(reading);
        if (rc < 0 || !reading->form->document)
            return rc;
        return reading->form->document(reading, body);
    }
    case LLMOBS_ANSWER_STREAM: {
        const struct llmobs_call *call = reading->classified->call;
        int rc = read_events(reading, call->response, true);
        int64_t at;

        reading->span->streamed = true;
        if (rc == 0 && call->response_truncated)
            rc = read_events(reading, call->response_tail, false);
        reading->span->complete = reading->done;
        /* The time from the request's start to the first token (WIRE 1.7). */
        at = reading->first_at > 0
                 ? llmobs_call_time_at(call, reading->first_at)
                 : 0;
        if (rc >= 0)
            rc = at == 0 || at < call->start_ns
                     ? 0
                     : llmobs_json_set(
                           reading->span->metrics, "time_to_first_token",
                           llmobs_json_real((double)(at - call->start_ns) /
                                            1e9));
        if (rc == 0 && reading->form->finish)
            rc = reading->form->finish(reading);
        return rc;
    }
    case LLMOBS_ANSWER_CUT:
        llmobs_fact_ends(reading);
        return reading->form->ends ? reading->form->ends(reading) : 0;
    case LLMOBS_ANSWER_BEYOND: {
        /* Reads the values at the answer's ends, and its text unless that holds
         * vectors. */
        int rc = as_ends(reading, reading->form->ends);

        llmobs_fact_ends(reading);
        if (is_embedding(reading))
            reading->span->output_dropped = true;
        else if (rc == 0 && !reading->span->output_messages &&
                 !reading->span->output_value &&
                 !reading->span->output_documents)
            rc = text_output(reading);
        return rc;
    }
    case LLMOBS_ANSWER_OTHER:
        return text_output(reading);
    case LLMOBS_ANSWER_EMPTY:
        break;
    }
    return 0;
}

/* True where no member of the API was found in the response. */
static bool told_nothing(const struct llmobs_span *span)
{
    return !span->failed && !span->output_value && !span->output_documents &&
           llmobs_json_len(span->output_messages) == 0 &&
           llmobs_json_len(span->metrics) == 0 && !span->job.id &&
           llmobs_span_fact_text(&span->facts, LLMOBS_FACT_RESPONSE_ID).len ==
               0 &&
           llmobs_span_fact_text(&span->facts, LLMOBS_FACT_RESPONSE_MODEL)
                   .len == 0;
}

/* Marks a 2xx response as failed that has no member of its API and tells a
 * failure, or that is an empty body where a model should have answered. */
static int read_failure_of_silence(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    const struct llmobs_json *body = reading->answer.json;
    enum llmobs_kind kind = reading->classified->shape->kind;

    if (call->status < 200 || call->status > 299 ||
        !told_nothing(reading->span))
        return 0;
    if (reading->answer.form == LLMOBS_ANSWER_JSON)
        return llmobs_error_alone(body)
                   ? llmobs_error_read(body, call->response, call,
                                       reading->span)
                   : 0;
    if (reading->answer.form == LLMOBS_ANSWER_EMPTY && call->status == 200 &&
        call->transport_ok && !call->multipart && !call->bare &&
        !call->response_truncated && call->response.len == 0 &&
        call->response_size == 0 && strcmp(call->method, "POST") == 0 &&
        !reading->classified->proxied &&
        (kind == LLMOBS_KIND_LLM || kind == LLMOBS_KIND_EMBEDDING))
        return llmobs_span_fail(reading->span, "empty_response",
                                "the response has no body");
    return 0;
}

static int read_output(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_span *span = reading->span;
    const struct llmobs_json *asks =
        llmobs_json_get(reading->request, "stream");
    /* A shape that streams does so unless the request refuses it. */
    bool streams = reading->classified->shape->streams
                       ? !llmobs_json_is_false(asks)
                       : llmobs_json_is_true(asks);
    int rc = llmobs_answer_read(call, streams, reading->form->framing,
                                &reading->answer);
    bool nothing;

    if (rc == 0)
        rc = read_form(reading);
    if (call->status >= 300)
        llmobs_fact_refused(span);
    if (rc == 0)
        rc = llmobs_error_of_status(reading->answer.json, call, span);
    if (rc == 0)
        rc = read_failure_of_silence(reading);
    if (rc == 0 && span->error_type)
        rc = llmobs_span_fail(
            span, span->error_type,
            llmobs_json_gets(span->metadata, "finish_message"));
    if (rc < 0)
        return rc;
    /* Adds one empty message for an answer that did not come. */
    nothing = llmobs_json_len(span->output_messages) == 0;
    if (!is_chat(reading) || (span->output_messages &&
                              !(span->failed && nothing && !reading->answered)))
        return 0;
    return llmobs_message_put(&span->output_messages,
                              reading->form->failed_role,
                              (struct llmobs_text){"", 0});
}

/* Takes the model in the path: as a fact, or as the model's name. */
static int read_asked(struct llmobs_reading *reading, bool names)
{
    char *model = reading->form->asked(reading);
    int rc = !model  ? -ENOMEM
             : names ? llmobs_reading_model(reading, model)
                     : 0;

    if (!names)
        llmobs_fact_asked(reading, model);
    free(model);
    return rc;
}

/* Sets the model: the noted model, else the request's, else the deployment of
 * an Azure path (WIRE 6.2, 8.6). Only the events of chats and embeddings have a
 * member for it. */
static int name_model(struct llmobs_reading *reading)
{
    const char *model, *file, *unknown = reading->form->unknown;
    char *deployment = NULL;
    int rc = 0;

    if (!reading->model && reading->form->model)
        rc = reading->form->model(reading);
    if (rc == 0 && !reading->model && reading->form->asked)
        rc = read_asked(reading, true);
    if (rc < 0)
        return rc;
    model = reading->model;
    if (!model)
        model = llmobs_json_gets(reading->request, "model");
    if (!model)
        model = llmobs_request_named(reading->classified->call);
    if (!model || !*model) {
        deployment = llmobs_url_decode(
            llmobs_request_deployment(reading->classified->url));
        if (!deployment)
            return -ENOMEM;
        model = *deployment           ? deployment
                : has_values(reading) ? NULL
                : unknown             ? unknown
                                      : "unknown";
    }
    file = llmobs_reading_file(model);
    if (file != model)
        rc = llmobs_json_sets(reading->span->metadata, "model_path", model);
    if (rc == 0 && file)
        rc = llmobs_span_set(&reading->span->model_name, file);
    if (rc == 0 && has_values(reading))
        rc = llmobs_json_sets(reading->span->metadata, "model", file);
    free(deployment);
    return rc;
}

static int ask_form(struct llmobs_reading *reading)
{
    bool (*confirm)(const struct llmobs_reading *) = reading->form->confirm;

    return confirm && confirm(reading) ? 0 : -ENOENT;
}

/* Asks the form whether this is a call of its API. Without a body in the
 * request, the answer decides. */
static bool confirms(struct llmobs_reading *reading)
{
    if (!reading->request && !reading->classified->shape->bodyless)
        return false;
    return (reading->beyond ? as_ends(reading, ask_form) : ask_form(reading)) ==
           0;
}

/* Keeps what the stars of the path stand for. */
static int read_place(struct llmobs_reading *reading)
{
    const struct llmobs_classified *classified = reading->classified;
    const char *star = strstr(classified->shape->path, "/*");
    int rc = 0;

    LLMOBS_WORDS_EACH (name, reading->form->place) {
        if (rc < 0 || !star)
            return rc;
        rc = llmobs_request_segment(
            classified->url, llmobs_url_behind(star + 1), name, reading->span);
        star = strstr(star + 1, "/*");
    }
    return rc;
}

static int read_call(struct llmobs_reading *reading)
{
    const struct llmobs_classified *classified = reading->classified;
    const struct llmobs_form *form = reading->form;
    bool must_confirm = classified->confirm ||
                        ((form->confirm_always || classified->shape->by_body) &&
                         !classified->proxied);
    bool whole =
        !classified->call->request_truncated || classified->call->multipart;
    int rc =
        llmobs_request_read(classified->call, form->keys, &reading->request);
    struct llmobs_json *none;

    if (rc < 0)
        return rc;
    reading->beyond = rc > 0 && reading->request;
    if (form->state_size > 0) {
        reading->state = calloc(1, form->state_size);
        if (!reading->state)
            return -ENOMEM;
    }
    if (must_confirm && !confirms(reading))
        return -ENOENT;
    if ((!reading->request || reading->beyond) && classified->proxied)
        return -ENOTSUP;
    if (classified->proxied && form->gated && !confirms(reading))
        return -ENOTSUP;
    reading->span->input_dropped = classified->call->request_truncated;
    reading->span->output_dropped = classified->call->response_truncated;
    rc = form->asked ? read_asked(reading, false) : 0;
    if (rc == 0)
        rc = read_place(reading);
    if (rc == 0 && form->begin)
        rc = form->begin(reading);
    llmobs_fact_request(reading);
    llmobs_request_tags_read(
        classified->call, whole && !reading->beyond ? reading->request : NULL,
        reading->span);
    if (rc == 0)
        rc = read_input(reading);
    if (rc == 0)
        rc = read_output(reading);
    if (rc < 0)
        return rc;
    /* Leaves out model, metrics and facts of a proxied call, since the gateway
     * reports them (WIRE 4.2). */
    if (!reading->classified->proxied) {
        llmobs_fact_end(reading);
        rc = llmobs_job_streams(reading);
        return rc < 0 ? rc : name_model(reading);
    }
    none = llmobs_json_object();
    if (!none)
        return -ENOMEM;
    llmobs_json_free(reading->span->metrics);
    reading->span->metrics = none;
    llmobs_fact_drop(reading->span);
    llmobs_span_no_job(reading->span);
    return 0;
}

int llmobs_reader_run(const struct llmobs_form *form,
                      const struct llmobs_classified *classified,
                      struct llmobs_span *span)
{
    struct llmobs_reading reading = {
        .form = form, .classified = classified, .span = span};
    int rc = read_call(&reading);

    if (reading.state && form->state_fini)
        form->state_fini(reading.state);
    free(reading.state);
    free(reading.model);
    llmobs_answer_fini(&reading.answer);
    llmobs_json_free(reading.request);
    return rc;
}
