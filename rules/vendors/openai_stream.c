/* Joins the chunks of OpenAI's streams. */
#include "rules/vendors/openai_stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rules/read/facts.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"
#include "rules/read/text.h"
#include "rules/read/tools.h"
#include "rules/read/usage.h"

/* A tool call while it arrives. Each text is that of the first fragment that
 * has it. */
struct stream_call {
    int64_t index;
    int64_t told; /* the index that its pieces have; several calls may have 0 */
    char *id;
    char *type;
    char *name;
    struct llmobs_buf arguments;
};

struct stream_choice {
    int64_t index;
    char *role;
    char *reason; /* why it ended */
    struct llmobs_buf content;
    struct llmobs_buf reasoning;
    struct llmobs_buf refusal;
    struct llmobs_buf audio;
    struct llmobs_buf transcript;
    struct llmobs_stream_parts calls;
    struct stream_call *legacy;   /* function_call */
    struct llmobs_json *images;   /* NULL: none yet */
    struct llmobs_json *executed; /* Groq's executed_tools, by their index */
    bool withheld;                /* thoughts came in an encrypted form */
};

static struct stream_call *call_of(const struct stream_choice *choice, size_t i)
{
    return (struct stream_call *)choice->calls.items + i;
}

static struct stream_choice *choice_of(const struct llmobs_stream *stream,
                                       size_t i)
{
    return (struct stream_choice *)stream->choices.items + i;
}

static void call_fini(struct stream_call *call)
{
    free(call->id);
    free(call->type);
    free(call->name);
    llmobs_buf_fini(&call->arguments);
}

static void choice_fini(struct stream_choice *choice)
{
    free(choice->role);
    free(choice->reason);
    llmobs_buf_fini(&choice->content);
    llmobs_buf_fini(&choice->reasoning);
    llmobs_buf_fini(&choice->refusal);
    llmobs_buf_fini(&choice->audio);
    llmobs_buf_fini(&choice->transcript);
    for (size_t i = 0; i < choice->calls.count; i++)
        call_fini(call_of(choice, i));
    llmobs_stream_parts_fini(&choice->calls);
    if (choice->legacy)
        call_fini(choice->legacy);
    free(choice->legacy);
    llmobs_json_free(choice->images);
    llmobs_json_free(choice->executed);
}

void llmobs_stream_fini(void *state)
{
    struct llmobs_stream *stream = state;

    for (size_t i = 0; i < stream->choices.count; i++)
        choice_fini(choice_of(stream, i));
    llmobs_stream_parts_fini(&stream->choices);
    free(stream->model);
    llmobs_json_free(stream->usage);
}

/* Sets *out to the choice of that index, which it makes when new; -ENOSPC
 * beyond the limit. */
static int choice_at(struct llmobs_stream *stream, int64_t index,
                     struct stream_choice **out)
{
    void *item;
    int rc = llmobs_stream_part_at(&stream->choices, sizeof(**out),
                                   LLMOBS_STREAM_CHOICES_MAX, index, &item);

    if (rc < 0)
        return rc;
    *out = item;
    return 0;
}

/* Sets *out to the call of that index, which it makes when new; -ENOSPC beyond
 * the limit. */
static int call_at(struct stream_choice *choice, int64_t index,
                   struct stream_call **out)
{
    void *item;
    int rc = llmobs_stream_part_at(&choice->calls, sizeof(**out),
                                   LLMOBS_STREAM_CALLS_MAX, index, &item);

    if (rc < 0)
        return rc;
    *out = item;
    return 0;
}

/* Keeps the first text that is not empty. */
static int set_first(char **field, const char *text)
{
    if (*field || !text || !*text)
        return 0;
    *field = strdup(text);
    return *field ? 0 : -ENOMEM;
}

/* Adds arguments: pieces of text, or, from some servers, whole JSON values. */
static int add_arguments(struct llmobs_buf *buf,
                         const struct llmobs_json *value)
{
    char *text;
    int rc;

    if (!value || llmobs_json_is_null(value))
        return 0;
    if (llmobs_json_is_string(value))
        return llmobs_message_content_append(buf, llmobs_json_text(value));
    text = llmobs_json_dumps(value, LLMOBS_JSON_KEEP_ORDER);
    rc = text ? llmobs_message_content_append(buf, text) : -ENOMEM;
    free(text);
    return rc;
}

/* The object that holds a tool call's name: "function" or "custom" within the
 * call; the call itself in APIs whose calls have neither. */
static const struct llmobs_json *call_body(const struct llmobs_json *from)
{
    const struct llmobs_json *body = llmobs_json_get(from, "function");

    if (!llmobs_json_is_object(body))
        body = llmobs_json_get(from, "custom");
    return llmobs_json_is_object(body) ? body : from;
}

static const struct llmobs_json *arguments_of(const struct llmobs_json *body)
{
    const struct llmobs_json *arguments = llmobs_json_get(body, "arguments");

    if (!arguments)
        arguments = llmobs_json_get(body, "input");
    return arguments ? arguments /* else Cohere's first version */
                     : llmobs_json_get(body, "parameters");
}

/* True where a piece with this body, and without an id of its own, does not go
 * on with the call, but begins one: with another name; or with the same name
 * where the arguments begin anew, or nothing else could join (`loose`). */
static bool begins(const struct stream_call *call,
                   const struct llmobs_json *body, bool loose)
{
    const struct llmobs_json *arguments = arguments_of(body);
    const char *name = llmobs_json_gets(body, "name");
    const char *text = llmobs_json_text(arguments);
    size_t len = call->arguments.len;

    if (!llmobs_has_text(name) || !call->name)
        return false;
    if (strcmp(name, call->name) != 0)
        return true;
    if (llmobs_has_text(text) ? *text != '{'
                              : !llmobs_json_is_object(arguments))
        return loose && !llmobs_has_text(text);
    return loose || (len > 0 && call->arguments.data[len - 1] == '}');
}

/* The call that a piece goes on with: by its index, its id, or as the last one;
 * NULL: it begins a call. Some servers give all calls the index 0, and some
 * neither index nor id: then a new id with a name begins a call, or a name. */
static struct stream_call *find_call(const struct stream_choice *choice,
                                     const struct llmobs_json *from)
{
    const struct llmobs_json *body = call_body(from);
    const struct llmobs_json *index = llmobs_json_get(from, "index");
    const char *id = llmobs_json_gets(from, "id");
    bool told = llmobs_json_is_int(index);
    struct stream_call *last = NULL;

    for (size_t i = choice->calls.count; i-- > 0;) {
        struct stream_call *one = call_of(choice, i);

        if (told && one->told != llmobs_json_to_int(index))
            continue;
        if (llmobs_has_text(id) && one->id && strcmp(one->id, id) == 0)
            return one;
        if (!last)
            last = one;
        if (!llmobs_has_text(id))
            break;
    }
    if (last && llmobs_has_text(id) && (last->id || !told))
        return told && !llmobs_has_text(llmobs_json_gets(body, "name")) ? last
                                                                        : NULL;
    return last && begins(last, body, !told && !last->id) ? NULL : last;
}

/* The place of a new call: its index, else the place behind the others. */
static int64_t new_index(const struct stream_choice *choice,
                         const struct llmobs_json *index)
{
    size_t count = choice->calls.count;
    int64_t last = count > 0 ? call_of(choice, count - 1)->index : -1;
    bool free = llmobs_json_is_int(index);

    for (size_t i = 0; free && i < count; i++)
        free = call_of(choice, i)->index != llmobs_json_to_int(index);
    return free               ? llmobs_json_to_int(index)
           : last < INT64_MAX ? last + 1
                              : last;
}

static int add_to_call(struct stream_call *call, const struct llmobs_json *from)
{
    const struct llmobs_json *body = call_body(from);
    const char *type = llmobs_json_gets(from, "type");
    int rc = set_first(&call->id, llmobs_json_gets(from, "id"));

    if (rc == 0 && type && strcasecmp(type, "function") != 0)
        rc = set_first(&call->type, type);
    if (rc == 0)
        rc = set_first(&call->name, llmobs_json_gets(body, "name"));
    if (rc == 0)
        rc = add_arguments(&call->arguments, arguments_of(body));
    return rc;
}

static int add_call(struct stream_choice *choice,
                    const struct llmobs_json *from)
{
    const struct llmobs_json *index = llmobs_json_get(from, "index");
    struct stream_call *call = find_call(choice, from);
    int rc = 0;

    if (!call) {
        rc = call_at(choice, new_index(choice, index), &call);
        if (rc < 0)
            return rc == -ENOSPC ? 0 : rc;
        call->told =
            llmobs_json_is_int(index) ? llmobs_json_to_int(index) : call->index;
    }
    return add_to_call(call, from);
}

static int add_legacy(struct stream_choice *choice,
                      const struct llmobs_json *from)
{
    int rc;

    if (!llmobs_json_is_object(from) ||
        llmobs_tools_is_none(llmobs_json_gets(from, "name"),
                             llmobs_json_get(from, "arguments")))
        return 0;
    if (!choice->legacy) {
        choice->legacy = calloc(1, sizeof(*choice->legacy));
        if (!choice->legacy)
            return -ENOMEM;
        llmobs_buf_init(&choice->legacy->arguments, LLMOBS_MESSAGE_CONTENT_MAX);
    }
    rc = set_first(&choice->legacy->name, llmobs_json_gets(from, "name"));
    if (rc < 0)
        return rc;
    return add_arguments(&choice->legacy->arguments,
                         llmobs_json_get(from, "arguments"));
}

/* Keeps the calls of tools that the server runs. Each piece has the whole call,
 * so the last piece of a call replaces the earlier pieces. */
static int add_executed(struct stream_choice *choice,
                        const struct llmobs_json *list)
{
    int rc = 0;

    LLMOBS_JSON_EACH (one, list,
                      rc == 0 && llmobs_json_len(choice->executed) <
                                     LLMOBS_STREAM_CALLS_MAX) {
        char index[24];

        if (!choice->executed)
            choice->executed = llmobs_json_object();
        snprintf(index, sizeof(index), "%lld",
                 (long long)llmobs_json_to_int(llmobs_json_get(one, "index")));
        rc = llmobs_json_set(choice->executed, index, llmobs_json_share(one));
    }
    return rc;
}

/* Adds content: text, or parts (Mistral), of which thinking parts are
 * reasoning. */
static int add_content(struct stream_choice *choice,
                       const struct llmobs_json *value)
{
    struct llmobs_message_content parts;
    int rc;

    if (!llmobs_json_is_array(value))
        return llmobs_message_content_append(&choice->content,
                                             llmobs_json_text(value));
    llmobs_message_content_init(&parts);
    rc = llmobs_message_content_read(&parts, value,
                                     LLMOBS_MESSAGE_CONTENT_THINKING);
    if (rc == 0)
        rc = llmobs_message_content_append(&choice->content, parts.text.data);
    if (rc == 0)
        rc = llmobs_message_content_append(&choice->reasoning,
                                           parts.thinking.data);
    llmobs_message_content_fini(&parts);
    return rc;
}

static int add_images(struct stream_choice *choice,
                      const struct llmobs_json *list)
{
    int rc = 0;

    LLMOBS_JSON_EACH (one, list,
                      rc == 0 && llmobs_json_len(choice->images) <
                                     LLMOBS_STREAM_CALLS_MAX) {
        if (!llmobs_json_is_object(one)) /* a text changes (json_series.h) */
            continue;
        if (!choice->images)
            choice->images = llmobs_json_array();
        rc = llmobs_json_add(choice->images, llmobs_json_share(one));
    }
    return rc;
}

static int add_delta(struct stream_choice *choice,
                     const struct llmobs_json *delta)
{
    const struct llmobs_json *audio = llmobs_json_get(delta, "audio");
    const struct llmobs_json *calls = llmobs_json_get(delta, "tool_calls");
    int rc = set_first(&choice->role, llmobs_json_gets(delta, "role"));

    if (rc == 0) {
        const char *text = llmobs_message_thought(delta);

        choice->withheld = choice->withheld || llmobs_message_withholds(delta);
        rc = text ? llmobs_message_content_append(&choice->reasoning, text)
                  : llmobs_message_add_details(&choice->reasoning, delta);
    }
    if (rc == 0)
        rc = add_content(choice, llmobs_json_get(delta, "content"));
    if (rc == 0)
        rc = llmobs_message_content_append(&choice->refusal,
                                           llmobs_json_gets(delta, "refusal"));
    if (rc == 0)
        rc = llmobs_message_content_append(&choice->audio,
                                           llmobs_json_gets(audio, "data"));
    if (rc == 0)
        rc = llmobs_message_content_append(
            &choice->transcript, llmobs_json_gets(audio, "transcript"));
    if (rc == 0)
        rc = add_images(choice, llmobs_json_get(delta, "images"));
    if (rc == 0)
        rc = add_legacy(choice, llmobs_json_get(delta, "function_call"));
    if (rc == 0)
        rc = add_executed(choice, llmobs_json_get(delta, "executed_tools"));
    LLMOBS_JSON_EACH (call, calls, rc == 0) {
        if (llmobs_json_is_object(call))
            rc = add_call(choice, call);
    }
    return rc;
}

/* The number of bytes of all that counts as a token of the answer. */
static size_t produced(const struct stream_choice *choice)
{
    return choice->content.len + choice->reasoning.len + choice->refusal.len +
           choice->audio.len + choice->transcript.len + choice->calls.count +
           llmobs_json_len(choice->images) + (choice->legacy != NULL) +
           (choice->executed != NULL);
}

/* Adds a chunk's part of a choice. Some servers end a stream with the whole
 * message in one chunk, and some send deltas for completions too. */
static int add_piece(struct llmobs_stream *stream, struct stream_choice *choice,
                     const struct llmobs_json *from)
{
    const struct llmobs_json *delta = llmobs_json_get(from, "delta");
    const struct llmobs_json *content = llmobs_json_get(from, "text");

    if (stream->texts && llmobs_json_is_string(content)) {
        stream->said = content;
        return add_content(choice, content);
    }
    if (!llmobs_json_is_object(delta) && produced(choice) == 0)
        delta = llmobs_json_get(from, "message");
    else if ((content = llmobs_json_get(delta, "content")) &&
             llmobs_json_len(delta) == 1) {
        stream->said = content; /* most chunks have nothing else */
        return add_content(choice, content);
    }
    return add_delta(choice, delta);
}

static int add_choice(struct llmobs_stream *stream,
                      const struct llmobs_json *from)
{
    const struct llmobs_json *index = llmobs_json_get(from, "index");
    const char *reason = llmobs_json_gets(from, "finish_reason");
    struct stream_choice *choice;
    int rc;

    if (!llmobs_json_is_object(from))
        return 0;
    rc = choice_at(stream, llmobs_json_to_int(index), &choice);
    if (rc < 0)
        return rc == -ENOSPC ? 0 : rc;
    stream->choice = choice->index;
    if (reason)
        stream->done = true;
    rc = set_first(&choice->reason, reason);
    if (rc == 0)
        rc = add_piece(stream, choice, from);
    if (produced(choice) > 0)
        stream->begun = true;
    return rc;
}

int llmobs_stream_add(struct llmobs_stream *stream,
                      const struct llmobs_json *chunk)
{
    const struct llmobs_json *choices = llmobs_json_get(chunk, "choices");
    const struct llmobs_json *usage =
        chunk == stream->bare ? NULL : llmobs_usage_find(chunk);
    int rc = set_first(&stream->model, llmobs_json_gets(chunk, "model"));
    struct llmobs_json *sum;

    stream->said = NULL;
    LLMOBS_JSON_EACH (one, choices, rc == 0)
        rc = add_choice(stream, one);
    if (llmobs_json_len(choices) != 1)
        stream->said = NULL;
    /* llama.cpp's server ends with a usage for each choice: what was said adds
     * up, the prompt only where there were several. */
    if (rc == 0 && usage && stream->choices.count > 1 &&
        llmobs_json_get(chunk, "timings") && llmobs_json_get(chunk, "usage")) {
        sum = llmobs_json_clone(usage);
        rc = llmobs_usage_sum(&sum, stream->usage,
                              stream->prompts
                                  ? "completion_tokens\0prompt_tokens\0"
                                  : "completion_tokens\0");
        if (rc == 0)
            rc = llmobs_usage_replace(&stream->usage, sum);
        llmobs_json_free(sum);
        return rc;
    }
    return rc < 0 ? rc : llmobs_usage_replace(&stream->usage, usage);
}

int llmobs_stream_role(struct llmobs_stream *stream, const char *role)
{
    struct stream_choice *choice;
    int rc;

    if (!role)
        return 0;
    rc = choice_at(stream, stream->choice, &choice);
    return rc < 0 ? rc : set_first(&choice->role, role);
}

int llmobs_stream_reason(struct llmobs_stream *stream, const char *reason)
{
    struct stream_choice *choice;
    int rc = choice_at(stream, stream->choice, &choice);

    return rc < 0 ? rc : set_first(&choice->reason, reason);
}

void llmobs_stream_reasons(const struct llmobs_stream *stream,
                           struct llmobs_span *span)
{
    for (size_t i = 0; i < stream->choices.count; i++)
        llmobs_fact_finish(span, choice_of(stream, i)->reason);
}

int llmobs_stream_say(struct llmobs_stream *stream, const char *text,
                      bool thought)
{
    struct stream_choice *choice;
    int rc;

    if (!text)
        return 0;
    rc = choice_at(stream, stream->choice, &choice);
    if (rc < 0)
        return rc;
    stream->begun = stream->begun || *text;
    return llmobs_message_content_append(
        thought ? &choice->reasoning : &choice->content, text);
}

int llmobs_stream_call(struct llmobs_stream *stream, int64_t index,
                       const struct llmobs_json *call)
{
    struct stream_choice *choice;
    struct stream_call *to = NULL;
    int rc = choice_at(stream, stream->choice, &choice);

    if (rc == 0)
        rc = call_at(choice, index, &to);
    if (rc < 0)
        return rc == -ENOSPC ? 0 : rc;
    stream->begun = true;
    to->told = index;
    return add_to_call(to, call);
}

int llmobs_stream_next_call(struct llmobs_stream *stream,
                            const struct llmobs_json *call)
{
    struct stream_choice *choice;
    int rc = choice_at(stream, stream->choice, &choice);

    stream->begun = stream->begun || rc == 0;
    return rc < 0 ? rc : add_call(choice, call);
}

static struct llmobs_json *call_arguments(const struct stream_call *call)
{
    struct llmobs_json *text = llmobs_message_content_string(&call->arguments);
    struct llmobs_json *arguments = text ? llmobs_tools_arguments(text) : NULL;

    llmobs_json_free(text);
    return arguments;
}

static int put_calls(const struct stream_choice *choice,
                     struct llmobs_json *message)
{
    struct llmobs_json *calls = llmobs_json_array();
    struct llmobs_json *results = llmobs_json_array();
    const struct stream_call *legacy = choice->legacy;
    void *it = llmobs_json_iter(choice->executed);
    int rc = calls && results ? 0 : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < choice->calls.count; i++) {
        const struct stream_call *call = call_of(choice, i);

        /* A call of which only the id came is left out. */
        if (call->name || call->arguments.len > 0)
            rc = llmobs_json_add(
                calls, llmobs_tools_call(call->name, call->id,
                                         call->type ? call->type : "function",
                                         call_arguments(call)));
    }
    /* A legacy call is as a message that is not streamed has it. */
    if (rc == 0 && legacy) {
        struct llmobs_json *call = llmobs_json_object();

        rc = llmobs_json_set(call, "arguments", call_arguments(legacy));
        if (rc == 0)
            rc = llmobs_json_sets(call, "name",
                                  legacy->name ? legacy->name : "");
        rc = llmobs_json_add_made(calls, call, rc);
    }
    for (; rc == 0 && it; it = llmobs_json_next(choice->executed, it))
        rc = llmobs_tools_add_executed(llmobs_json_iter_value(it), calls,
                                       results);
    return llmobs_tools_set(message, calls, results, rc);
}

static int put_choice(const struct llmobs_stream *stream,
                      const struct stream_choice *choice, const char *role,
                      const char *audio_format, struct llmobs_json *list)
{
    struct llmobs_json *message;
    struct llmobs_text reasoning = {choice->reasoning.data,
                                    choice->reasoning.len};
    int rc = 0;

    if (reasoning.len == 0 && choice->withheld)
        reasoning = llmobs_text_of(LLMOBS_THOUGHTS_WITHHELD);
    if (reasoning.len > 0)
        rc = llmobs_message_add_text(list, "reasoning", reasoning);
    if (rc < 0)
        return rc;
    message = llmobs_json_object();
    rc = llmobs_json_sets(message, "role", role);
    if (rc == 0) {
        const struct llmobs_buf *from = &choice->content;
        struct llmobs_message_content content;
        struct llmobs_text text;

        llmobs_message_content_init(&content);
        if (from->len == 0)
            from = &choice->transcript;
        if (from->len == 0)
            from = &choice->refusal;
        text = llmobs_buf_text(from);
        if (!stream->keep_space)
            text = llmobs_text_strip(text);
        if (text.len > 0)
            rc = llmobs_buf_add(&content.text, text.data, text.len);
        if (rc == 0)
            rc = llmobs_message_content_add_images(&content, choice->images);
        if (rc == 0 && choice->audio.len > 0)
            rc = llmobs_message_content_add_audio(&content, choice->audio.data,
                                                  audio_format);
        if (rc == 0)
            rc = llmobs_message_content_store(&content, message);
        llmobs_message_content_fini(&content);
    }
    if (rc == 0)
        rc = put_calls(choice, message);
    return llmobs_json_add_made(list, message, rc);
}

struct llmobs_json *llmobs_stream_messages(const struct llmobs_stream *stream,
                                           const char *audio_format)
{
    struct llmobs_json *list = llmobs_json_array();
    const char *role = "";
    int rc = list ? 0 : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < stream->choices.count; i++) {
        if (choice_of(stream, i)->role)
            role = choice_of(stream, i)->role;
        rc = put_choice(stream, choice_of(stream, i), role, audio_format, list);
    }
    return llmobs_json_done(list, rc);
}

struct llmobs_json *llmobs_stream_texts(const struct llmobs_stream *stream)
{
    struct llmobs_json *list = llmobs_json_array();
    int rc = list ? 0 : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < stream->choices.count; i++) {
        const struct llmobs_buf *content = &choice_of(stream, i)->content;
        struct llmobs_text text = {content->data, content->len};

        rc = llmobs_message_add_text(list, NULL, text);
    }
    return llmobs_json_done(list, rc);
}
