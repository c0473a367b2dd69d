#include "rules/vendors/gemini_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/vendors/gemini_parts.h"
#include "rules/vendors/google.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"
#include "lib/text/json_path.h"

void llmobs_gemini_stream_fini(struct llmobs_gemini_stream *stream)
{
    llmobs_buf_fini(&stream->text);
    llmobs_buf_fini(&stream->thought);
    llmobs_buf_fini(&stream->piece);
    llmobs_json_free(stream->others);
    free(stream->piece_path);
    free(stream->role);
}

int llmobs_gemini_stream_begin(struct llmobs_gemini_stream *stream)
{
    if (stream->others)
        return 0;
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

/* -- a call whose arguments come in pieces --------------------------------- */

/* Puts the joined text at its place in the arguments. */
static int put_piece(struct llmobs_gemini_stream *stream)
{
    int rc = 0;

    if (stream->open && stream->piece_path)
        rc =
            llmobs_json_path_set(stream->open, stream->piece_path,
                                 llmobs_message_content_string(&stream->piece));
    llmobs_buf_cut(&stream->piece, 0);
    free(stream->piece_path);
    stream->piece_path = NULL;
    return rc == -EINVAL ? 0 : rc;
}

/* Sets a value at its path in the arguments; passes over an invalid path. */
static int put_value(struct llmobs_json *arguments, const char *path,
                     const struct llmobs_json *from)
{
    static const char kinds[] = "numberValue\0boolValue\0nullValue\0";
    int rc = 0;

    LLMOBS_WORDS_EACH (kind, kinds) {
        const struct llmobs_json *value = llmobs_google_get(from, kind);

        if (!value)
            continue;
        rc = llmobs_json_path_set(
            arguments, path,
            strcmp(kind, "nullValue") == 0
                ? llmobs_json_null()
                : llmobs_json_share((struct llmobs_json *)(uintptr_t)value));
    }
    return rc == -EINVAL ? 0 : rc;
}

static int add_argument(struct llmobs_gemini_stream *stream,
                        const struct llmobs_json *from)
{
    const char *path = llmobs_google_gets(from, "jsonPath");
    const char *text = llmobs_google_gets(from, "stringValue");
    int rc = 0;

    if (!path)
        return 0;
    if (!stream->piece_path || strcmp(stream->piece_path, path) != 0)
        rc = put_piece(stream);
    if (rc < 0 || !text)
        return rc < 0 ? rc : put_value(stream->open, path, from);
    if (!stream->piece_path) {
        stream->piece_path = strdup(path);
        if (!stream->piece_path)
            return -ENOMEM;
    }
    return llmobs_message_content_append(&stream->piece, text);
}

/* True for a piece of a call, also for the last piece, which may be empty. */
static bool is_piece(const struct llmobs_gemini_stream *stream,
                     const struct llmobs_json *call)
{
    return llmobs_json_is_object(call) &&
           (llmobs_google_get(call, "partialArgs") ||
            llmobs_google_get(call, "willContinue") ||
            (stream->open && !llmobs_json_gets(call, "name")));
}

/* A piece with a name begins a call. */
static int begin_call(struct llmobs_gemini_stream *stream,
                      const struct llmobs_json *part)
{
    struct llmobs_json *message;
    int rc = put_piece(stream);

    if (rc == 0)
        rc = llmobs_gemini_add_part(stream->others, part, stream->role);
    message =
        llmobs_json_at(stream->others, llmobs_json_len(stream->others) - 1);
    stream->open = llmobs_json_get(
        llmobs_json_at(llmobs_json_get(message, "tool_calls"), 0), "arguments");
    stream->begun = true;
    return rc;
}

static int add_piece(struct llmobs_gemini_stream *stream,
                     const struct llmobs_json *part,
                     const struct llmobs_json *call)
{
    const struct llmobs_json *pieces = llmobs_google_get(call, "partialArgs");
    const char *name = llmobs_json_gets(call, "name");
    int rc = 0;

    if (!stream->open || (name && *name))
        rc = begin_call(stream, part);
    LLMOBS_JSON_EACH (one, pieces, rc == 0)
        rc = add_argument(stream, one);
    if (rc == 0 &&
        !llmobs_json_is_true(llmobs_google_get(call, "willContinue"))) {
        rc = put_piece(stream);
        stream->open = NULL;
    }
    return rc;
}

static int add_part(struct llmobs_gemini_stream *stream,
                    const struct llmobs_json *part)
{
    const struct llmobs_json *call = llmobs_google_get(part, "functionCall");
    const char *text = llmobs_json_gets(part, "text");
    size_t count = llmobs_json_len(stream->others);
    int rc;

    if (is_piece(stream, call))
        return add_piece(stream, part, call);
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
        rc = add_part(stream, llmobs_google_at(parts, i));
    return rc;
}

static int gemini_stream_add_text(struct llmobs_json *list, const char *role,
                                  const struct llmobs_buf *text)
{
    if (text->len == 0)
        return 0;
    return llmobs_message_add_text(list, role, llmobs_buf_text(text));
}

struct llmobs_json *llmobs_gemini_stream_messages(
    struct llmobs_gemini_stream *stream)
{
    struct llmobs_json *list = llmobs_json_array();
    int rc = list ? put_piece(stream) : -ENOMEM;

    if (rc == 0)
        rc = gemini_stream_add_text(list, "reasoning", &stream->thought);
    if (rc == 0)
        rc = gemini_stream_add_text(list, stream->role, &stream->text);
    LLMOBS_JSON_EACH (one, stream->others, rc == 0)
        rc = llmobs_json_add(list, llmobs_json_share(one));
    return llmobs_json_done(list, rc);
}
