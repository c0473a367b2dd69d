#include "rules/vendors/interactions_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/vendors/interactions_steps.h"
#include "rules/read/media.h"
#include "rules/read/message_content.h"
#include "rules/read/usage.h"

/* The members of a step that come in pieces. */
enum piece { PIECE_TEXT, PIECE_THOUGHT, PIECE_ARGUMENTS, PIECES };

struct stream_step {
    int64_t index;
    struct llmobs_json *step; /* a copy; NULL: its beginning did not come */
    struct llmobs_buf pieces[PIECES];
    uint64_t sound; /* bytes of a sound or a film, which comes in pieces */
    char *kind;     /* what the sound is */
    char *mime;
};

static struct stream_step *step_of(
    const struct llmobs_interactions_stream *stream, size_t i)
{
    return (struct stream_step *)stream->steps.items + i;
}

void llmobs_interactions_stream_fini(void *state)
{
    struct llmobs_interactions_stream *stream = state;

    for (size_t i = 0; i < stream->steps.count; i++) {
        struct stream_step *step = step_of(stream, i);

        llmobs_json_free(step->step);
        for (size_t p = 0; p < PIECES; p++)
            llmobs_buf_fini(&step->pieces[p]);
        free(step->kind);
        free(step->mime);
    }
    llmobs_stream_parts_fini(&stream->steps);
    llmobs_json_free(stream->interaction);
    llmobs_json_free(stream->usage);
    free(stream->status);
}

bool llmobs_interactions_is_open(const char *status)
{
    return !status || strcmp(status, "in_progress") == 0 ||
           strcmp(status, "queued") == 0;
}

/* Sets *out to the event's step, which it makes when new; -ENOSPC beyond the
 * limit. */
static int step_at(struct llmobs_interactions_stream *stream,
                   const struct llmobs_json *event, struct stream_step **out)
{
    void *at;
    int rc = llmobs_stream_part_at(
        &stream->steps, sizeof(**out), LLMOBS_INTERACTIONS_STEPS_MAX,
        llmobs_json_to_int(llmobs_json_get(event, "index")), &at);

    if (rc < 0)
        return rc;
    *out = at;
    for (size_t p = 0; p < PIECES; p++)
        (*out)->pieces[p].max = LLMOBS_MESSAGE_CONTENT_MAX;
    return 0;
}

/* Sets all members of `from` in the step, but keeps a type that it has. */
static int merge(struct stream_step *step, const struct llmobs_json *from)
{
    bool typed = llmobs_json_gets(step->step, "type") != NULL;
    int rc = 0;

    if (!step->step)
        step->step = llmobs_json_object();
    if (!step->step)
        return -ENOMEM;
    for (void *it = llmobs_json_iter(from); rc == 0 && it;
         it = llmobs_json_next(from, it)) {
        const char *key = llmobs_json_iter_key(it);

        if (!typed || strcmp(key, "type") != 0)
            rc = llmobs_json_set(step->step, key,
                                 llmobs_json_share(llmobs_json_iter_value(it)));
    }
    return rc;
}

static int begin_step(struct llmobs_interactions_stream *stream,
                      const struct llmobs_json *event)
{
    const struct llmobs_json *from = llmobs_json_get(event, "step");
    struct stream_step *step;
    int rc;

    if (!llmobs_json_is_object(from))
        return 0;
    rc = step_at(stream, event, &step);
    if (rc < 0)
        return rc == -ENOSPC ? 0 : rc;
    if (llmobs_interactions_is_call(llmobs_json_gets(from, "type")))
        stream->begun = true;
    return merge(step, from);
}

/* A step whose beginning did not come has the type of its pieces. */
static int name_step(struct stream_step *step, const char *type)
{
    if (llmobs_json_gets(step->step, "type"))
        return 0;
    if (!step->step)
        step->step = llmobs_json_object();
    return llmobs_json_sets(step->step, "type", type);
}

static int add_piece(struct stream_step *step, enum piece piece,
                     const char *type, const char *text)
{
    int rc = name_step(step, type);

    return rc < 0 ? rc
                  : llmobs_message_content_append(&step->pieces[piece], text);
}

/* Adds a piece of a sound or a film, which the span mentions only once. */
static int add_sound(struct stream_step *step, const struct llmobs_json *delta)
{
    const char *data = llmobs_json_gets(delta, "data");
    const char *mime = llmobs_json_gets(delta, "mime_type");
    int rc = name_step(step, "model_output");

    step->sound += llmobs_media_base64(llmobs_text_of(data));
    if (rc == 0 && !step->kind) {
        step->kind = strdup(llmobs_json_gets(delta, "type"));
        rc = step->kind ? 0 : -ENOMEM;
    }
    if (rc == 0 && !step->mime && mime) {
        step->mime = strdup(mime);
        rc = step->mime ? 0 : -ENOMEM;
    }
    return rc;
}

static int add_image(struct stream_step *step, const struct llmobs_json *delta)
{
    int rc = name_step(step, "model_output");
    bool is;

    return rc < 0 ? rc
                  : llmobs_interactions_mark(&step->pieces[PIECE_TEXT], delta,
                                             &is);
}

static int add_delta(struct stream_step *step, const char *type,
                     const struct llmobs_json *delta)
{
    if (strcmp(type, "text") == 0)
        return add_piece(step, PIECE_TEXT, "model_output",
                         llmobs_json_gets(delta, "text"));
    if (strcmp(type, "thought_summary") == 0)
        return add_piece(
            step, PIECE_THOUGHT, "thought",
            llmobs_json_gets(llmobs_json_get(delta, "content"), "text"));
    if (strcmp(type, "arguments_delta") == 0)
        return add_piece(step, PIECE_ARGUMENTS, "function_call",
                         llmobs_json_gets(delta, "arguments"));
    if (strcmp(type, "audio") == 0 || strcmp(type, "video") == 0)
        return add_sound(step, delta);
    if (strcmp(type, "image") == 0 || strcmp(type, "document") == 0)
        return add_image(step, delta);
    return merge(step, delta);
}

static int read_delta(struct llmobs_interactions_stream *stream,
                      const struct llmobs_json *event)
{
    const struct llmobs_json *delta = llmobs_json_get(event, "delta");
    const char *type = llmobs_json_gets(delta, "type");
    struct stream_step *step;
    int rc;

    if (!type || strcmp(type, "thought_signature") == 0 ||
        strcmp(type, "text_annotation_delta") == 0)
        return 0;
    rc = step_at(stream, event, &step);
    if (rc < 0)
        return rc == -ENOSPC ? 0 : rc;
    stream->begun = true;
    return add_delta(step, type, delta);
}

/* Gives the list with the text behind it. A delta of an unknown kind may have
 * left an object in the list's place: then the text stands alone. */
static struct llmobs_json *texts_of(const struct llmobs_json *before,
                                    const struct llmobs_buf *text)
{
    struct llmobs_json *list = llmobs_json_array();
    int rc = list ? 0 : -ENOMEM;

    LLMOBS_JSON_EACH (one, before, rc == 0)
        rc = llmobs_json_add(list, llmobs_json_share(one));
    if (rc == 0)
        rc = llmobs_json_add(list, llmobs_message_content_string(text));
    return llmobs_json_done(list, rc);
}

static int set_texts(struct llmobs_json *step, const char *key,
                     const struct llmobs_buf *text)
{
    if (text->len == 0)
        return 0;
    return llmobs_json_set(step, key,
                           texts_of(llmobs_json_get(step, key), text));
}

/* Gives a step with all its pieces. */
static struct llmobs_json *whole_step(struct stream_step *from)
{
    struct stream_step step = {.index = from->index};
    struct llmobs_buf *text = &from->pieces[PIECE_TEXT];
    int rc = merge(&step, from->step);

    if (rc == 0 && from->kind)
        rc = llmobs_media_mark(text, from->kind, from->mime, from->sound);
    from->sound = 0;
    free(from->kind);
    from->kind = NULL;
    if (rc == 0)
        rc = set_texts(step.step, "content", text);
    if (rc == 0)
        rc = set_texts(step.step, "summary", &from->pieces[PIECE_THOUGHT]);
    if (rc == 0 && from->pieces[PIECE_ARGUMENTS].len > 0)
        rc = llmobs_json_set(
            step.step, "arguments",
            llmobs_message_content_string(&from->pieces[PIECE_ARGUMENTS]));
    if (rc == 0)
        return step.step;
    llmobs_json_free(step.step);
    return NULL;
}

struct llmobs_json *llmobs_interactions_stream_steps(
    const struct llmobs_interactions_stream *stream)
{
    struct llmobs_json *whole = llmobs_json_get(stream->interaction, "steps");
    struct llmobs_json *list;
    int rc;

    if (llmobs_json_is_array(whole) && llmobs_json_len(whole) > 0)
        return llmobs_json_share(whole);
    list = llmobs_json_array();
    rc = list ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < stream->steps.count; i++)
        rc = llmobs_json_add(list, whole_step(step_of(stream, i)));
    return llmobs_json_done(list, rc);
}

/* Notes what the event says about the whole interaction. */
static int set_interaction(struct llmobs_interactions_stream *stream,
                           const char *type, const struct llmobs_json *event)
{
    struct llmobs_json *interaction = llmobs_json_get(event, "interaction");
    struct llmobs_json *metadata = llmobs_json_get(event, "metadata");
    const char *status = llmobs_json_gets(interaction, "status");

    if (llmobs_usage_replace(&stream->usage,
                             llmobs_json_get(metadata, "total_usage")) < 0 ||
        llmobs_usage_replace(&stream->usage, llmobs_json_get(event, "usage")) <
            0 || /* of the whole so far, at the end of a step */
        llmobs_usage_replace(&stream->usage,
                             llmobs_json_get(interaction, "usage")) < 0)
        return -ENOMEM;
    llmobs_json_replace(&stream->interaction, interaction);
    if (!status)
        status = llmobs_json_gets(event, "status");
    if (strcmp(type, "interaction.completed") == 0 ||
        (status && !llmobs_interactions_is_open(status)))
        stream->done = true;
    if (!status)
        return 0;
    free(stream->status);
    stream->status = strdup(status);
    return stream->status ? 0 : -ENOMEM;
}

int llmobs_interactions_stream_add(struct llmobs_interactions_stream *stream,
                                   const struct llmobs_json *event)
{
    const char *type = llmobs_json_gets(event, "event_type");
    int rc = 0;

    if (!type)
        return 0;
    if (strcmp(type, "step.start") == 0)
        rc = begin_step(stream, event);
    else if (strcmp(type, "step.delta") == 0)
        rc = read_delta(stream, event);
    return rc < 0 ? rc : set_interaction(stream, type, event);
}
