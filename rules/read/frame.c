#include "rules/read/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/embedding.h"
#include "rules/read/error.h"
#include "rules/read/message.h"
#include "rules/read/request.h"
#include "rules/read/text.h"

static bool is_embedding(const struct llmobs_frame *frame)
{
    return frame->reading->shape->kind == LLMOBS_KIND_EMBEDDING;
}

int llmobs_frame_model(struct llmobs_frame *frame, const char *model)
{
    if (frame->model || !model || !*model)
        return 0;
    frame->model = strdup(model);
    return frame->model ? 0 : -ENOMEM;
}

void llmobs_frame_token(struct llmobs_frame *frame,
                        const struct llmobs_event *event)
{
    if (frame->first_at == 0)
        frame->first_at = event->end;
}

/* A body that is no object, as the one thing that was asked. */
static int read_text_input(struct llmobs_frame *frame)
{
    struct llmobs_span *span = frame->span;
    char *text;
    int rc;

    if (!is_embedding(frame)) {
        span->input_messages =
            llmobs_request_text_message(frame->reading->call);
        return span->input_messages ? 0 : -ENOMEM;
    }
    text = llmobs_request_text(frame->reading->call);
    rc = text ? llmobs_embedding_add(span, llmobs_text_of(text)) : -ENOMEM;
    free(text);
    return rc;
}

/* Runs `read` on the call as if the middle of its bodies were missing: so
 * documents are read that are beyond the limits of core/text/json.h. */
static int read_as_ends(struct llmobs_frame *frame,
                        int (*read)(struct llmobs_frame *frame))
{
    const struct llmobs_reading *whole = frame->reading;
    struct llmobs_reading reading = *whole;
    struct llmobs_call call = *whole->call;
    int rc;

    if (!read)
        return 0;
    call.request_tail = call.request;
    call.request_truncated = true;
    call.response_tail = call.response;
    call.response_truncated = true;
    reading.call = &call;
    frame->reading = &reading;
    rc = read(frame);
    frame->reading = whole;
    return rc;
}

static int read_input(struct llmobs_frame *frame)
{
    struct llmobs_span *span = frame->span;
    int rc = 0;

    if (frame->request && !frame->beyond)
        return frame->form->request ? frame->form->request(frame) : 0;
    if (frame->reading->call->request_truncated)
        return 0;
    if (frame->beyond)
        rc = read_as_ends(frame, frame->form->request);
    if (rc < 0 || span->input_messages || span->input_documents)
        return rc;
    return read_text_input(frame);
}

/* An answer that is only text. */
static int read_text_output(struct llmobs_frame *frame)
{
    struct llmobs_span *span = frame->span;

    if (frame->reading->call->status >= 300)
        return 0;
    if (is_embedding(frame)) {
        span->output_value = llmobs_answer_text(frame->reading->call);
        return span->output_value ? 0 : -ENOMEM;
    }
    span->output_messages = llmobs_answer_message(frame->reading->call);
    return span->output_messages ? 0 : -ENOMEM;
}

static int read_document(struct llmobs_frame *frame)
{
    const struct llmobs_json *body = frame->answer.json;
    const struct llmobs_call *call = frame->reading->call;
    int rc = 0;

    frame->span->complete = true;
    if (call->status < 300 && llmobs_error_in(body))
        rc = llmobs_error_read(body, call->response, call, frame->span);
    else if (call->status < 300 && !llmobs_json_is_object(body))
        return read_text_output(frame);
    if (rc < 0 || !frame->form->document)
        return rc;
    return frame->form->document(frame, body);
}

static int read_event(struct llmobs_frame *frame,
                      const struct llmobs_event *event)
{
    int rc = 0;

    if (frame->form->event && (event->json || event->failed))
        rc = frame->form->event(frame, event);
    if (rc == 0 && (event->failed || llmobs_error_in(event->json)))
        rc = llmobs_error_read_as(event->error, event->json, event->data,
                                  frame->reading->call, frame->span);
    return rc;
}

/* 1 where the stream's own end mark was met: what stands behind it no client
 * of the provider reads. */
static int read_events(struct llmobs_frame *frame, struct llmobs_text text,
                       bool whole)
{
    struct llmobs_events events;
    struct llmobs_event event;
    bool ended = false;
    int rc;

    llmobs_events_init(&events, frame->answer.framing, text, whole);
    while (!ended && (rc = llmobs_events_next(&events, &event)) == 1) {
        ended = llmobs_text_is(event.data, "[DONE]");
        if (!ended && read_event(frame, &event) < 0) {
            rc = -ENOMEM;
            break;
        }
    }
    frame->done = frame->done || ended;
    llmobs_events_fini(&events);
    return rc;
}

/* From the start of the request to the first token's arrival (WIRE
 * 1.7). */
static int read_first_token(struct llmobs_frame *frame)
{
    const struct llmobs_call *call = frame->reading->call;
    int64_t at;

    if (frame->first_at == 0)
        return 0;
    at = llmobs_call_time_at(call, frame->first_at);
    if (at == 0 || at < call->start_ns)
        return 0;
    return llmobs_json_set(
        frame->span->metrics, "time_to_first_token",
        llmobs_json_real((double)(at - call->start_ns) / 1e9));
}

static int read_stream(struct llmobs_frame *frame)
{
    const struct llmobs_call *call = frame->reading->call;
    int rc = read_events(frame, call->response, true);

    frame->span->streamed = true;
    if (rc == 0 && call->response_truncated)
        rc = read_events(frame, call->response_tail, false);
    frame->span->complete = frame->done;
    if (rc >= 0)
        rc = read_first_token(frame);
    if (rc == 0 && frame->form->finish)
        rc = frame->form->finish(frame);
    return rc;
}

/* What stands at its ends, and its text unless that is vectors. */
static int read_beyond(struct llmobs_frame *frame)
{
    int rc = read_as_ends(frame, frame->form->ends);

    if (is_embedding(frame))
        frame->span->output_dropped = true;
    else if (rc == 0 && !frame->span->output_messages)
        rc = read_text_output(frame);
    return rc;
}

static int read_form(struct llmobs_frame *frame)
{
    switch (frame->answer.form) {
    case LLMOBS_ANSWER_JSON:
        return read_document(frame);
    case LLMOBS_ANSWER_STREAM:
        return read_stream(frame);
    case LLMOBS_ANSWER_CUT:
        return frame->form->ends ? frame->form->ends(frame) : 0;
    case LLMOBS_ANSWER_BEYOND:
        return read_beyond(frame);
    case LLMOBS_ANSWER_OTHER:
        return read_text_output(frame);
    case LLMOBS_ANSWER_EMPTY:
        break;
    }
    return 0;
}

/* Unless the request says otherwise a shape that streams does so. */
static bool asks_for_stream(const struct llmobs_frame *frame)
{
    const struct llmobs_json *stream =
        llmobs_json_get(frame->request, "stream");

    if (frame->reading->shape->streams)
        return !llmobs_json_is_false(stream);
    return llmobs_json_is_true(stream);
}

/* One empty message stands for an answer that did not come. */
static int fill_output(struct llmobs_frame *frame)
{
    struct llmobs_span *span = frame->span;
    bool nothing = llmobs_json_len(span->output_messages) == 0;

    if (is_embedding(frame) || (span->output_messages &&
                                !(span->failed && nothing && !frame->answered)))
        return 0;
    llmobs_json_free(span->output_messages);
    span->output_messages = llmobs_message_only(frame->form->failed_role,
                                                (struct llmobs_text){"", 0});
    return span->output_messages ? 0 : -ENOMEM;
}

static int read_output(struct llmobs_frame *frame)
{
    const struct llmobs_call *call = frame->reading->call;
    int rc = llmobs_answer_read(call, asks_for_stream(frame),
                                frame->form->framing, &frame->answer);

    if (rc == 0)
        rc = read_form(frame);
    if (rc == 0)
        rc = llmobs_error_of_status(frame->answer.json, call, frame->span);
    return rc < 0 ? rc : fill_output(frame);
}

/* The one that was noted, the request's, the deployment of an Azure path
 * (WIRE 6.2, 8.6). */
static int name_model(struct llmobs_frame *frame)
{
    const char *model, *unknown = frame->form->unknown;
    char *deployment = NULL;
    int rc = 0;

    if (!frame->model && frame->form->model)
        rc = frame->form->model(frame);
    if (rc < 0)
        return rc;
    model = frame->model;
    if (!model)
        model = llmobs_json_gets(frame->request, "model");
    if (!model || !*model) {
        deployment =
            llmobs_url_decode(llmobs_request_deployment(frame->reading->url));
        if (!deployment)
            return -ENOMEM;
        model = *deployment ? deployment : unknown ? unknown : "unknown";
    }
    rc = llmobs_span_set(&frame->span->model_name, model);
    free(deployment);
    return rc;
}

/* The gateway itself tells the model and the metrics (WIRE 4.2). */
static int finish_span(struct llmobs_frame *frame)
{
    struct llmobs_json *none;

    if (!frame->reading->proxied)
        return name_model(frame);
    none = llmobs_json_object();
    if (!none)
        return -ENOMEM;
    llmobs_json_free(frame->span->metrics);
    frame->span->metrics = none;
    return 0;
}

static int ask_form(struct llmobs_frame *frame)
{
    bool (*confirm)(const struct llmobs_frame *) = frame->form->confirm;

    return confirm && confirm(frame) ? 0 : -ENOENT;
}

static bool must_confirm(const struct llmobs_frame *frame)
{
    return frame->reading->confirm ||
           (frame->form->confirm_always && !frame->reading->proxied);
}

static bool confirms(struct llmobs_frame *frame)
{
    if (!frame->request)
        return false;
    return (frame->beyond ? read_as_ends(frame, ask_form) : ask_form(frame)) ==
           0;
}

static int read_call(struct llmobs_frame *frame)
{
    const struct llmobs_reading *reading = frame->reading;
    const struct llmobs_form *form = frame->form;
    int rc = llmobs_request_read(reading->call, form->keys, &frame->request);

    if (rc < 0)
        return rc;
    frame->beyond = rc > 0 && frame->request;
    if (must_confirm(frame) && !confirms(frame))
        return -ENOENT;
    if ((!frame->request || frame->beyond) && reading->proxied)
        return -ENOTSUP;
    if (form->state_size > 0) {
        frame->state = calloc(1, form->state_size);
        if (!frame->state)
            return -ENOMEM;
    }
    frame->span->input_dropped = reading->call->request_truncated;
    frame->span->output_dropped = reading->call->response_truncated;
    rc = form->begin ? form->begin(frame) : 0;
    if (rc == 0)
        rc = read_input(frame);
    if (rc == 0)
        rc = read_output(frame);
    return rc < 0 ? rc : finish_span(frame);
}

int llmobs_frame_read(const struct llmobs_form *form,
                      const struct llmobs_reading *reading,
                      struct llmobs_span *span)
{
    struct llmobs_frame frame = {
        .form = form, .reading = reading, .span = span};
    int rc = read_call(&frame);

    if (frame.state && form->state_fini)
        form->state_fini(frame.state);
    free(frame.state);
    free(frame.model);
    llmobs_answer_fini(&frame.answer);
    llmobs_json_free(frame.request);
    return rc;
}
