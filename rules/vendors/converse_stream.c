#include "rules/vendors/converse_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/facts.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"
#include "rules/read/tools.h"
#include "rules/read/usage.h"

/* One content block; its contents show its kind. */
struct block {
    int64_t index;
    bool texted; /* a delta of text came, perhaps an empty one */
    bool tool;
    char *name;
    char *id;
    struct llmobs_buf text;
    struct llmobs_buf reasoning;
    struct llmobs_buf input;
};

static struct block *block_of(const struct llmobs_converse_stream *stream,
                              size_t i)
{
    return (struct block *)stream->blocks.items + i;
}

static void drop_blocks(struct llmobs_converse_stream *stream)
{
    for (size_t i = 0; i < stream->blocks.count; i++) {
        struct block *block = block_of(stream, i);

        free(block->name);
        free(block->id);
        llmobs_buf_fini(&block->text);
        llmobs_buf_fini(&block->reasoning);
        llmobs_buf_fini(&block->input);
    }
    llmobs_stream_parts_fini(&stream->blocks);
    free(stream->role);
    stream->role = NULL;
}

void llmobs_converse_stream_fini(void *state)
{
    struct llmobs_converse_stream *stream = state;

    drop_blocks(stream);
    llmobs_json_free(stream->messages);
    llmobs_json_free(stream->usage);
    free(stream->stop_reason);
}

/* Keeps the first text that came. */
static int keep(char **field, const char *text)
{
    if (*field || !text)
        return 0;
    *field = strdup(text);
    return *field ? 0 : -ENOMEM;
}

/* Sets *out to the event's block; -ENOSPC: no block, or too many blocks. */
static int find_block(struct llmobs_converse_stream *stream,
                      const struct llmobs_json *event, struct block **out)
{
    const struct llmobs_json *index =
        llmobs_json_get(event, "contentBlockIndex");
    void *item;
    int rc;

    if (!llmobs_json_is_int(index))
        return -ENOSPC;
    rc = llmobs_stream_part_at(&stream->blocks, sizeof(**out),
                               LLMOBS_CONVERSE_BLOCKS_MAX,
                               llmobs_json_to_int(index), &item);
    if (rc < 0)
        return rc;
    *out = item;
    return 0;
}

static int start_block(struct llmobs_converse_stream *stream,
                       const struct llmobs_json *event)
{
    const struct llmobs_json *use =
        llmobs_json_get(llmobs_json_get(event, "start"), "toolUse");
    struct block *block;
    int rc = find_block(stream, event, &block);

    if (rc < 0 || !llmobs_json_is_object(use))
        return rc;
    stream->begun = true;
    block->tool = true;
    rc = keep(&block->name, llmobs_json_gets(use, "name"));
    return rc < 0 ? rc : keep(&block->id, llmobs_json_gets(use, "toolUseId"));
}

/* Adds input: pieces of text, or all of it at once. */
static int add_input(struct block *block, const struct llmobs_json *input)
{
    char *text;
    int rc;

    block->tool = true;
    if (!input || llmobs_json_is_null(input))
        return 0;
    if (llmobs_json_is_string(input))
        return llmobs_message_content_append(&block->input,
                                             llmobs_json_text(input));
    text = llmobs_json_dumps(input, LLMOBS_JSON_KEEP_ORDER);
    rc = text ? llmobs_message_content_append(&block->input, text) : -ENOMEM;
    free(text);
    return rc;
}

static int add_delta(struct llmobs_converse_stream *stream,
                     const struct llmobs_json *event)
{
    const struct llmobs_json *delta = llmobs_json_get(event, "delta");
    const struct llmobs_json *use = llmobs_json_get(delta, "toolUse");
    const struct llmobs_json *thoughts =
        llmobs_json_get(delta, "reasoningContent");
    const char *text = llmobs_json_gets(delta, "text");
    struct block *block;
    int rc = find_block(stream, event, &block);

    if (rc < 0)
        return rc;
    block->texted = block->texted || text;
    rc = llmobs_message_content_append(&block->text, text);
    if (rc == 0)
        rc = llmobs_message_content_append(&block->reasoning,
                                           llmobs_json_gets(thoughts, "text"));
    if (rc == 0 && block->reasoning.len == 0 &&
        (llmobs_json_get(thoughts, "redactedContent") ||
         llmobs_json_get(thoughts, "signature")))
        rc = llmobs_message_content_append(&block->reasoning,
                                           LLMOBS_THOUGHTS_WITHHELD);
    if (rc == 0 && llmobs_json_is_object(use))
        rc = add_input(block, llmobs_json_get(use, "input"));
    if (block->text.len + block->reasoning.len > 0 || block->tool)
        stream->begun = true;
    return rc;
}

/* Gives the input as an object: {} if no input came, {"input": text} if the
 * input is no object (WIRE 6.9). */
static struct llmobs_json *read_input(const struct block *block)
{
    struct llmobs_json *parsed = NULL;

    if (block->input.len == 0)
        return llmobs_json_object();
    if (llmobs_json_parse(llmobs_buf_text(&block->input), &parsed) == 0 &&
        llmobs_json_is_object(parsed))
        return parsed;
    llmobs_json_free(parsed);
    parsed = llmobs_json_object();
    if (llmobs_json_set(parsed, "input",
                        llmobs_message_content_string(&block->input)) == 0)
        return parsed;
    llmobs_json_free(parsed);
    return NULL;
}

static int put_calls(const struct llmobs_converse_stream *stream,
                     struct llmobs_json *message)
{
    struct llmobs_json *calls = llmobs_json_array();
    int rc = calls ? 0 : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < stream->blocks.count; i++) {
        const struct block *block = block_of(stream, i);

        if (block->tool)
            rc = llmobs_json_add(calls, llmobs_tools_call(block->name,
                                                          block->id, "toolUse",
                                                          read_input(block)));
    }
    if (rc == 0 && llmobs_json_len(calls) > 0)
        return llmobs_json_set(message, "tool_calls", calls);
    llmobs_json_free(calls);
    return rc;
}

/* Ends the current message. */
static int put_message(struct llmobs_converse_stream *stream)
{
    struct llmobs_json *message;
    struct llmobs_buf all;
    bool thought = false, texted = false, called = false;
    int rc;

    if (!stream->messages)
        stream->messages = llmobs_json_array();
    rc = stream->messages ? 0 : -ENOMEM;
    llmobs_buf_init(&all, LLMOBS_MESSAGE_CONTENT_MAX);
    for (size_t i = 0; rc == 0 && i < stream->blocks.count; i++) {
        const struct block *block = block_of(stream, i);
        const struct llmobs_buf *buf = &block->reasoning;

        texted = texted || block->texted;
        called = called || block->tool;
        thought = thought || buf->len > 0;
        if (buf->len > 0)
            rc = llmobs_message_add_text(stream->messages, "reasoning",
                                         llmobs_buf_text(buf));
        if (rc == 0)
            rc = llmobs_message_content_append(&all, block->text.data);
    }
    if (rc == 0 && (texted || called || !thought)) {
        message = llmobs_json_object();
        rc = llmobs_json_sets(message, "role",
                              stream->role ? stream->role : "assistant");
        if (rc == 0 && texted)
            rc = llmobs_json_set(message, "content",
                                 llmobs_message_content_string(&all));
        if (rc == 0)
            rc = put_calls(stream, message);
        rc = llmobs_json_add_made(stream->messages, message, rc);
    }
    llmobs_buf_fini(&all);
    drop_blocks(stream);
    return rc;
}

static int end_message(struct llmobs_converse_stream *stream,
                       const struct llmobs_json *event)
{
    const char *reason = llmobs_json_gets(event, "stopReason");
    char *copy = reason ? strdup(reason) : NULL;

    stream->done = true;
    if (reason && !copy)
        return -ENOMEM;
    free(stream->stop_reason);
    stream->stop_reason = copy;
    return put_message(stream);
}

static int set_usage(struct llmobs_converse_stream *stream,
                     const struct llmobs_json *event)
{
    return llmobs_usage_replace(&stream->usage,
                                llmobs_json_get(event, "usage"));
}

static int start_message(struct llmobs_converse_stream *stream,
                         const struct llmobs_json *event)
{
    return keep(&stream->role, llmobs_json_gets(event, "role"));
}

static const struct {
    const char *name;
    int (*add)(struct llmobs_converse_stream *stream,
               const struct llmobs_json *event);
} kinds[] = {
    {"messageStart", start_message},  {"contentBlockStart", start_block},
    {"contentBlockDelta", add_delta}, {"messageStop", end_message},
    {"metadata", set_usage},
};

int llmobs_converse_stream_add(struct llmobs_converse_stream *stream,
                               struct llmobs_text name,
                               const struct llmobs_json *event)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (llmobs_text_is(name, kinds[i].name)) {
            int rc = kinds[i].add(stream, event);

            return rc == -ENOSPC ? 0 : rc;
        }
    return 0;
}

void llmobs_converse_stream_reason(const struct llmobs_converse_stream *stream,
                                   struct llmobs_span *span)
{
    if (stream->done || stream->begun)
        llmobs_fact_finish(span, stream->stop_reason);
}

struct llmobs_json *llmobs_converse_stream_take(
    struct llmobs_converse_stream *stream)
{
    struct llmobs_json *messages;

    if (stream->blocks.count > 0 && put_message(stream) < 0)
        return NULL;
    messages = stream->messages;
    stream->messages = NULL;
    return messages
               ? messages
               : llmobs_message_only("assistant", (struct llmobs_text){"", 0});
}
