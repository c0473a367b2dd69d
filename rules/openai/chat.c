#include "rules/openai/chat.h"

#include <errno.h>

#include "rules/openai/openai.h"
#include "rules/read/request.h"
#include "rules/read/tools.h"
#include "rules/read/usage.h"

static const char *audio_format(const struct llmobs_frame *frame)
{
    return llmobs_json_gets(llmobs_json_get(frame->request, "audio"), "format");
}

bool llmobs_chat_asks(const struct llmobs_frame *frame)
{
    return llmobs_openai_asks(frame, "messages") &&
           (frame->reading->call->request_truncated ||
            llmobs_json_is_array(llmobs_json_get(frame->request, "messages")));
}

int llmobs_chat_request(struct llmobs_frame *frame)
{
    const struct llmobs_chat_manner *manner = frame->form->manner;
    struct llmobs_span *span = frame->span;
    int rc = llmobs_request_metadata(frame->request, manner->metadata, span);

    if (rc < 0 || frame->reading->call->request_truncated)
        return rc;
    span->input_messages = llmobs_message_read_list(
        llmobs_json_get(frame->request, "messages"), manner->messages);
    if (!span->input_messages)
        return -ENOMEM;
    return llmobs_tools_read_definitions(frame->request,
                                         &span->tool_definitions);
}

int llmobs_chat_document(struct llmobs_frame *frame,
                         const struct llmobs_json *body)
{
    const struct llmobs_chat_manner *manner = frame->form->manner;
    const struct llmobs_json *choices = llmobs_json_get(body, "choices");
    struct llmobs_json *list = llmobs_json_array();
    int rc = list ? llmobs_frame_model(frame, llmobs_json_gets(body, "model"))
                  : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < llmobs_json_len(choices); i++)
        rc = llmobs_message_add_answer(
            list, llmobs_json_get(llmobs_json_at(choices, i), "message"),
            audio_format(frame));
    frame->span->output_messages = list;
    return rc < 0 ? rc : manner->usage(llmobs_usage_find(body), frame->span);
}

void llmobs_chat_begun(struct llmobs_frame *frame,
                       const struct llmobs_event *event)
{
    const struct llmobs_stream *stream = frame->state;

    if (stream->begun)
        llmobs_frame_token(frame, event);
}

int llmobs_chat_event(struct llmobs_frame *frame,
                      const struct llmobs_event *event)
{
    struct llmobs_stream *stream = frame->state;
    int rc = llmobs_stream_add(stream, event->json);

    llmobs_chat_begun(frame, event);
    frame->done = frame->done || stream->done;
    return rc;
}

int llmobs_chat_messages(struct llmobs_frame *frame)
{
    const struct llmobs_chat_manner *manner = frame->form->manner;
    struct llmobs_stream *stream = frame->state;

    if (stream->choices.count == 0 && !frame->done)
        return 0;
    stream->keep_space = manner->keep_space;
    frame->span->output_messages =
        stream->texts ? llmobs_stream_texts(stream)
                      : llmobs_stream_messages(stream, audio_format(frame));
    return frame->span->output_messages ? 0 : -ENOMEM;
}

int llmobs_chat_finish(struct llmobs_frame *frame)
{
    const struct llmobs_chat_manner *manner = frame->form->manner;
    const struct llmobs_stream *stream = frame->state;
    int rc = 0;

    if (manner->asked_model)
        rc = llmobs_frame_model(frame,
                                llmobs_json_gets(frame->request, "model"));
    if (rc == 0)
        rc = llmobs_frame_model(frame, stream->model);
    if (rc == 0)
        rc = manner->usage(stream->usage, frame->span);
    return rc < 0 ? rc : llmobs_chat_messages(frame);
}

int llmobs_chat_ends(struct llmobs_frame *frame)
{
    const struct llmobs_chat_manner *manner = frame->form->manner;

    return llmobs_openai_ends_by(frame, manner->usage);
}

void llmobs_chat_fini(void *state)
{
    llmobs_stream_fini(state);
}
