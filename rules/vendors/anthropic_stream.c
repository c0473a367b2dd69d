/* Joins the events of Anthropic's streams. */
#include "rules/vendors/anthropic_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/vendors/anthropic_message.h"
#include "rules/read/message_content.h"
#include "rules/read/usage.h"

/* A block while it arrives. Blocks are in the order in which they began. */
struct block {
    int64_t place;             /* its place among the parts */
    int64_t index;             /* the index that the events have */
    struct llmobs_json *start; /* as announced; NULL: only deltas came */
    struct llmobs_buf text;
    struct llmobs_buf thinking;
    struct llmobs_buf input; /* pieces of JSON */
    bool sealed;             /* the thoughts, which may be withheld, ended */
};

static struct block *block_of(const struct llmobs_anthropic_stream *stream,
                              size_t i)
{
    return (struct block *)stream->blocks.items + i;
}

void llmobs_anthropic_stream_fini(void *state)
{
    struct llmobs_anthropic_stream *stream = state;

    for (size_t i = 0; i < stream->blocks.count; i++) {
        struct block *block = block_of(stream, i);

        llmobs_json_free(block->start);
        llmobs_buf_fini(&block->text);
        llmobs_buf_fini(&block->thinking);
        llmobs_buf_fini(&block->input);
    }
    llmobs_stream_parts_fini(&stream->blocks);
    free(stream->role);
    free(stream->reason);
    llmobs_json_free(stream->details);
    llmobs_json_free(stream->usage);
    llmobs_json_free(stream->served);
}

static struct llmobs_json *share(const struct llmobs_json *value)
{
    return llmobs_json_share((struct llmobs_json *)(uintptr_t)value);
}

/* Makes a block after all others; -ENOSPC beyond the limit. */
static int new_block(struct llmobs_anthropic_stream *stream, int64_t index,
                     struct block **out)
{
    void *item;
    int rc = llmobs_stream_part_at(&stream->blocks, sizeof(**out),
                                   LLMOBS_ANTHROPIC_BLOCKS_MAX,
                                   (int64_t)stream->blocks.count, &item);

    if (rc < 0)
        return rc;
    *out = item;
    (*out)->index = index;
    llmobs_buf_init(&(*out)->text, LLMOBS_MESSAGE_CONTENT_MAX);
    llmobs_buf_init(&(*out)->thinking, LLMOBS_MESSAGE_CONTENT_MAX);
    llmobs_buf_init(&(*out)->input, LLMOBS_MESSAGE_CONTENT_MAX);
    return 0;
}

/* The event's block: the latest one of its index, or the last block where the
 * event has no index; NULL: none yet. */
static struct block *find_block(const struct llmobs_anthropic_stream *stream,
                                const struct llmobs_json *index)
{
    size_t i = stream->blocks.count;

    if (!llmobs_json_is_int(index))
        return i > 0 ? block_of(stream, i - 1) : NULL;
    while (i-- > 0)
        if (block_of(stream, i)->index == llmobs_json_to_int(index))
            return block_of(stream, i);
    return NULL;
}

static int start_block(struct llmobs_anthropic_stream *stream,
                       const struct llmobs_json *from, int64_t index)
{
    const char *type = llmobs_json_gets(from, "type");
    struct block *block;
    int rc;

    if (!llmobs_json_is_object(from))
        return 0;
    /* The counts so far are those of the model that declined. */
    if (type && strcmp(type, "fallback") == 0) {
        llmobs_json_free(stream->served);
        llmobs_json_free(stream->usage);
        stream->served = share(llmobs_json_get(from, "to"));
        stream->usage = NULL;
    }
    rc = new_block(stream, index, &block);
    if (rc < 0)
        return rc == -ENOSPC ? 0 : rc;
    block->start = share(from);
    rc = llmobs_message_content_append(&block->text,
                                       llmobs_json_gets(from, "text"));
    if (rc == 0)
        rc = llmobs_message_content_append(&block->thinking,
                                           llmobs_json_gets(from, "thinking"));
    if (block->text.len + block->thinking.len > 0 ||
        (type && (strstr(type, "tool_use") || strstr(type, "tool_result"))))
        stream->begun = true;
    return rc;
}

/* The text that a delta adds; NULL: none. *buf_offset: the offset of the buffer
 * in the block that takes the text. */
static const char *read_delta(const struct llmobs_json *delta,
                              size_t *buf_offset)
{
    static const struct {
        const char *type;
        const char *key;
        size_t offset;
    } kinds[] = {
        {"text_delta", "text", offsetof(struct block, text)},
        {"thinking_delta", "thinking", offsetof(struct block, thinking)},
        {"input_json_delta", "partial_json", offsetof(struct block, input)},
        {"compaction_delta", "content", offsetof(struct block, text)},
    };
    const char *type = llmobs_json_gets(delta, "type"), *text;

    for (size_t i = 0; type && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(type, kinds[i].type) != 0)
            continue;
        text = llmobs_json_gets(delta, kinds[i].key);
        *buf_offset = kinds[i].offset;
        return text && *text ? text : NULL;
    }
    return NULL;
}

/* When a new number of cache writes comes, drops the old number's split. When
 * more of the input turns out to be the cache's, less of it is plain. Counts of
 * several calls in one are the answer's; those before them are of the first
 * call, which may have compacted the history, or declined. */
static void drop_old(struct llmobs_json *held, const struct llmobs_json *usage)
{
    static const char writes[] = "cache_creation_input_tokens";
    static const char reads[] = "cache_read_input_tokens";
    bool calls = llmobs_json_len(llmobs_json_get(usage, "iterations")) > 0;
    int64_t now = llmobs_usage_count(usage, writes);
    int64_t before = llmobs_usage_count(held, writes);
    bool more = now > before || (calls && now >= 0 && now < before);

    if (more)
        llmobs_json_unset(held, "cache_creation");
    if ((more || calls ||
         llmobs_usage_count(usage, reads) > llmobs_usage_count(held, reads)) &&
        llmobs_usage_count(usage, "input_tokens") >= 0)
        llmobs_json_unset(held, "input_tokens");
    if (calls && now >= 0)
        llmobs_json_unset(held, writes);
    if (calls && llmobs_usage_count(usage, reads) >= 0)
        llmobs_json_unset(held, reads);
}

#define OUTPUT_KEYS 8 /* of `keys` in add_usage, at its end */

/* Copies the counts of a usage object to the stream's counts, which never fall:
 * each is one of the whole answer so far. Without `last`,
 * as for the event message_start, leaves out the counts of the output, which
 * are not those of the answer. */
static int add_usage(struct llmobs_anthropic_stream *stream,
                     const struct llmobs_json *usage, bool last)
{
    static const char *const keys[] = {"input_tokens",
                                       "cache_creation_input_tokens",
                                       "cache_read_input_tokens",
                                       "cache_creation",
                                       "service_tier",
                                       "inference_geo",
                                       "speed",
                                       "iterations",
                                       "server_tool_use",
                                       "cost",
                                       "cost_details",
                                       "is_byok",
                                       "estimated_cost",
                                       "output_tokens_details",
                                       "output_tokens"};
    size_t count = sizeof(keys) / sizeof(keys[0]) - (last ? 0 : OUTPUT_KEYS);
    int rc = 0;

    if (!llmobs_json_is_object(usage))
        return 0;
    if (!stream->usage)
        stream->usage = llmobs_json_object();
    drop_old(stream->usage, usage);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct llmobs_json *value = llmobs_json_get(usage, keys[i]);

        int64_t now = llmobs_usage_value(value);

        if (value && !llmobs_json_is_null(value) &&
            (now < 0 || now >= llmobs_usage_count(stream->usage, keys[i])))
            rc = llmobs_json_set(
                stream->usage, keys[i],
                llmobs_usage_later(llmobs_json_get(stream->usage, keys[i]),
                                   value));
    }
    return rc;
}

static int put_text(char **field, const char *text)
{
    if (!text)
        return 0;
    free(*field);
    *field = strdup(text);
    return *field ? 0 : -ENOMEM;
}

static int end_message(struct llmobs_anthropic_stream *stream,
                       const struct llmobs_json *event)
{
    const struct llmobs_json *delta = llmobs_json_get(event, "delta");
    const struct llmobs_json *details = llmobs_json_get(delta, "stop_details");
    const char *reason = llmobs_json_gets(delta, "stop_reason");

    if (llmobs_json_is_object(details)) {
        llmobs_json_free(stream->details);
        stream->details = share(details);
    }
    stream->done = stream->done || reason;
    if (put_text(&stream->reason, reason) < 0)
        return -ENOMEM;
    return add_usage(stream, llmobs_json_get(event, "usage"), true);
}

int llmobs_anthropic_stream_add(struct llmobs_anthropic_stream *stream,
                                const struct llmobs_json *event)
{
    const char *type = llmobs_json_gets(event, "type");

    if (!type)
        return 0;
    if (strcmp(type, "content_block_delta") == 0) {
        const struct llmobs_json *index = llmobs_json_get(event, "index");
        struct block *block = find_block(stream, index);
        const struct llmobs_json *delta = llmobs_json_get(event, "delta");
        size_t offset = 0;
        const char *text = read_delta(delta, &offset);
        int rc;

        if (block && llmobs_json_says(delta, "type", "signature_delta"))
            block->sealed = true;
        if (!text)
            return 0;
        stream->begun = true;
        if (!block) {
            rc = new_block(stream, llmobs_json_to_int(index), &block);
            if (rc < 0)
                return rc == -ENOSPC ? 0 : rc;
        }
        return llmobs_message_content_append(
            (struct llmobs_buf *)(void *)((char *)block + offset), text);
    }
    if (strcmp(type, "content_block_start") == 0)
        return start_block(stream, llmobs_json_get(event, "content_block"),
                           llmobs_json_to_int(llmobs_json_get(event, "index")));
    if (strcmp(type, "message_start") == 0) {
        /* An answer to the results of tools that a program of the server called
         * may come whole in its first event. */
        const struct llmobs_json *message = llmobs_json_get(event, "message");
        const struct llmobs_json *content = llmobs_json_get(message, "content");
        int rc = stream->role ? 0
                              : put_text(&stream->role,
                                         llmobs_json_gets(message, "role"));

        LLMOBS_JSON_EACH (one, content, rc == 0)
            rc = start_block(stream, one, (int64_t)stream->blocks.count);
        if (rc == 0 && llmobs_json_len(content) > 0)
            rc = put_text(&stream->reason,
                          llmobs_json_gets(message, "stop_reason"));
        return rc < 0 ? rc
                      : add_usage(stream, llmobs_json_get(message, "usage"),
                                  false);
    }
    if (strcmp(type, "message_delta") == 0)
        return end_message(stream, event);
    if (strcmp(type, "message_stop") == 0)
        stream->done = true;
    return 0;
}

/* The block's type. If its beginning did not come, the deltas show it. */
static const char *type_of(const struct block *block)
{
    const char *type = llmobs_json_gets(block->start, "type");

    return type                      ? type
           : block->input.len > 0    ? "tool_use"
           : block->thinking.len > 0 ? "thinking"
                                     : "text";
}

static int put_pieces(struct llmobs_json *block, const char *key,
                      const struct llmobs_buf *pieces)
{
    return pieces->len > 0
               ? llmobs_json_set(block, key,
                                 llmobs_message_content_string(pieces))
               : 0;
}

/* Gives a block in the form that it has in an answer without a stream. */
static struct llmobs_json *whole_block(const struct block *block)
{
    const char *type = type_of(block);
    struct llmobs_json *out =
        block->start ? llmobs_json_clone(block->start) : llmobs_json_object();
    int rc = llmobs_json_sets(out, "type", type);

    if (rc == 0)
        rc = put_pieces(out,
                        strcmp(type, "compaction") == 0 ? "content" : "text",
                        &block->text);
    if (rc == 0)
        rc = put_pieces(out, "thinking", &block->thinking);
    if (rc == 0)
        rc = put_pieces(out, "input", &block->input);
    if (rc == 0 && block->sealed)
        rc = llmobs_json_sets(out, "signature", "-");
    return llmobs_json_done(out, rc);
}

int llmobs_anthropic_stream_usage(const struct llmobs_anthropic_stream *stream,
                                  struct llmobs_span *span)
{
    llmobs_span_fact(&span->facts, LLMOBS_FACT_RESPONSE_MODEL,
                     llmobs_json_gets(stream->served, "model"));
    return llmobs_anthropic_usage(stream->usage, stream->details, span);
}

int llmobs_anthropic_stream_outputs(
    const struct llmobs_anthropic_stream *stream, struct llmobs_json **out)
{
    struct llmobs_json *answer, *blocks;
    int rc = 0;

    *out = NULL;
    if (stream->blocks.count == 0 && !stream->done)
        return 0;
    answer = llmobs_json_object();
    blocks = llmobs_json_array();
    for (size_t i = 0; rc == 0 && i < stream->blocks.count; i++)
        rc = llmobs_json_add(blocks, whole_block(block_of(stream, i)));
    if (rc == 0)
        rc = llmobs_json_sets(answer, "role", stream->role);
    if (rc == 0)
        rc = llmobs_json_set(answer, "content", llmobs_json_share(blocks));
    if (rc == 0)
        rc = llmobs_anthropic_outputs(answer, out);
    llmobs_json_free(blocks);
    llmobs_json_free(answer);
    return rc;
}
