#include "rules/vendors/gemini_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/vendors/gemini_parts.h"
#include "rules/vendors/google.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"

void llmobs_gemini_stream_fini(struct llmobs_gemini_stream *stream)
{
    llmobs_buf_fini(&stream->text);
    llmobs_buf_fini(&stream->thought);
    llmobs_json_free(stream->others);
    free(stream->role);
}

int llmobs_gemini_stream_begin(struct llmobs_gemini_stream *stream)
{
    if (stream->others)
        return 0;
    stream->text.max = LLMOBS_MESSAGE_CONTENT_MAX;
    stream->thought.max = LLMOBS_MESSAGE_CONTENT_MAX;
    stream->others = llmobs_json_array();
    return stream->others ? 0 : -ENOMEM;
}

static int note_role(struct llmobs_gemini_stream *stream,
                     const struct llmobs_json *content)
{
    if (!stream->role)
        stream->role = strdup(llmobs_gemini_role(content, "assistant"));
    return stream->role ? 0 : -ENOMEM;
}

int llmobs_gemini_stream_part(struct llmobs_gemini_stream *stream,
                              const struct llmobs_json *content,
                              const struct llmobs_json *part)
{
    const char *text = llmobs_json_gets(part, "text");
    size_t count = llmobs_json_len(stream->others);
    int rc = note_role(stream, content);

    if (rc < 0)
        return rc;
    if (text && *text) {
        stream->begun = true;
        return llmobs_message_content_append(
            llmobs_gemini_is_thought(part) ? &stream->thought : &stream->text,
            text);
    }
    if (!llmobs_gemini_has_data(part))
        return 0;
    rc = llmobs_gemini_add_part(stream->others, part, stream->role);
    if (llmobs_json_len(stream->others) > count)
        stream->begun = true;
    return rc;
}

int llmobs_gemini_stream_add(struct llmobs_gemini_stream *stream,
                             const struct llmobs_json *content)
{
    const struct llmobs_json *parts = llmobs_json_get(content, "parts");
    size_t count = llmobs_google_len(parts);
    int rc = note_role(stream, content);

    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = llmobs_gemini_stream_part(stream, content,
                                       llmobs_google_at(parts, i));
    return rc;
}

static int gemini_stream_add_text(struct llmobs_json *list, const char *role,
                                  const struct llmobs_buf *text)
{
    if (text->len == 0)
        return 0;
    return llmobs_json_add(
        list,
        llmobs_message_new(role, (struct llmobs_text){text->data, text->len}));
}

struct llmobs_json *llmobs_gemini_stream_messages(
    const struct llmobs_gemini_stream *stream)
{
    struct llmobs_json *list = llmobs_json_array();
    int rc = list ? gemini_stream_add_text(list, "reasoning", &stream->thought)
                  : -ENOMEM;

    if (rc == 0)
        rc = gemini_stream_add_text(list, stream->role, &stream->text);
    for (size_t i = 0; rc == 0 && i < llmobs_json_len(stream->others); i++)
        rc = llmobs_json_add(
            list, llmobs_json_share(llmobs_json_at(stream->others, i)));
    if (rc == 0)
        return list;
    llmobs_json_free(list);
    return NULL;
}
