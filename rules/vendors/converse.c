/* Reads the messages of Bedrock's Converse. */
#include "rules/vendors/converse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/facts.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"
#include "rules/read/tools.h"
#include "rules/read/usage.h"

/* One message of Converse becomes up to four of a span, in this order. */
struct parts {
    const char *role;
    struct llmobs_json *list;  /* the span's messages. A block of reasoning is
                                * added here when it is read; the members below
                                * are added when all blocks are read */
    struct llmobs_buf text;    /* texts, joined by a blank */
    struct llmobs_json *calls; /* tool calls */
    struct llmobs_json *others;
    struct llmobs_json *results;
    size_t texts;
};

static bool has_members(const struct llmobs_json *value)
{
    return llmobs_json_is_object(value) && llmobs_json_len(value) > 0;
}

/* Names a block of an unknown kind by its keys. */
static int name_block(const struct llmobs_json *block, const char *what,
                      struct llmobs_buf *out)
{
    void *it = llmobs_json_iter(block);
    int rc = llmobs_buf_addf(out, "[Unsupported %s: ", what);

    for (bool first = true; rc == 0 && it;
         it = llmobs_json_next(block, it), first = false)
        rc = llmobs_buf_addf(out, "%s%s", first ? "" : ",",
                             llmobs_json_iter_key(it));
    return rc < 0 ? rc : llmobs_buf_addc(out, ']');
}

static int add_other(struct parts *parts, const struct llmobs_json *block)
{
    struct llmobs_buf text;
    int rc;

    llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
    rc = name_block(block, "content type", &text);
    if (rc == 0)
        rc = llmobs_message_add_text(parts->others, parts->role,
                                     llmobs_buf_text(&text));
    llmobs_buf_fini(&text);
    return rc == -EFBIG ? 0 : rc;
}

static int add_text(struct parts *parts, const char *text)
{
    int rc = parts->texts++ > 0
                 ? llmobs_message_content_append(&parts->text, " ")
                 : 0;

    return rc < 0 ? rc : llmobs_message_content_append(&parts->text, text);
}

/* False for an empty object, array or text, and for 0 and false: no values. */
static bool says_something(const struct llmobs_json *value)
{
    if (llmobs_json_is_number(value))
        return llmobs_json_to_real(value) != 0;
    return llmobs_json_is_true(value) || llmobs_json_len(value) > 0 ||
           llmobs_has_text(llmobs_json_text(value));
}

static struct llmobs_json *result_text(const struct llmobs_json *entry)
{
    const struct llmobs_json *json = llmobs_json_get(entry, "json");
    const char *text = llmobs_json_gets(entry, "text");
    struct llmobs_json *result;
    struct llmobs_buf buf;
    int rc = 0;

    if (llmobs_has_text(text))
        return llmobs_json_string(text);
    llmobs_buf_init(&buf, LLMOBS_MESSAGE_CONTENT_MAX);
    if (!json)
        json = llmobs_json_get(entry, "searchResult");
    if (says_something(json))
        rc = llmobs_json_dump(json, LLMOBS_JSON_ASCII, &buf);
    else
        rc = name_block(entry, "content type(s)", &buf);
    result = rc == -ENOMEM ? NULL : llmobs_message_content_string(&buf);
    llmobs_buf_fini(&buf);
    return result;
}

static int add_block(struct parts *parts, const struct llmobs_json *block)
{
    const struct llmobs_json *use = llmobs_json_get(block, "toolUse");
    const struct llmobs_json *result = llmobs_json_get(block, "toolResult");
    const struct llmobs_json *cited =
        llmobs_json_get(llmobs_json_get(block, "citationsContent"), "content");
    const struct llmobs_json *guarded =
        llmobs_json_get(llmobs_json_get(block, "guardContent"), "text");
    const struct llmobs_json *source =
        llmobs_json_get(llmobs_json_get(block, "document"), "source");
    const char *text = llmobs_json_gets(block, "text");
    const struct llmobs_json *thoughts =
        llmobs_json_get(block, "reasoningContent");
    const char *reasoning =
        llmobs_json_gets(llmobs_json_get(thoughts, "reasoningText"), "text");

    /* Its own text, its guarded text, or the text of its document. */
    if (!llmobs_has_text(text))
        text = llmobs_json_gets(guarded, "text");
    if (!llmobs_has_text(text))
        text = llmobs_json_gets(source, "text");
    /* The texts of a document that was sent as text, or of a found one; a file
     * has none. */
    if (!cited)
        cited = llmobs_json_get(source, "content");
    if (!cited)
        cited =
            llmobs_json_get(llmobs_json_get(block, "searchResult"), "content");
    if (llmobs_has_text(text))
        return add_text(parts, text);
    if (llmobs_json_is_array(cited)) { /* its texts are the answer's text */
        bool first = true;
        int rc = 0;

        LLMOBS_JSON_EACH (one, cited, rc == 0) {
            text = llmobs_json_gets(one, "text");
            if (!llmobs_has_text(text))
                continue;
            rc = first ? add_text(parts, text)
                       : llmobs_message_content_append(&parts->text, text);
            first = false;
        }
        return rc;
    }
    if (has_members(use))
        return llmobs_json_add(
            parts->calls,
            llmobs_tools_call(
                llmobs_json_gets(use, "name"),
                llmobs_json_gets(use, "toolUseId"), "toolUse",
                llmobs_tools_arguments(llmobs_json_get(use, "input"))));
    if (has_members(result)) {
        /* Each entry of a toolResult is a message of its own. */
        const struct llmobs_json *content = llmobs_json_get(result, "content");
        const char *id = llmobs_json_gets(result, "toolUseId");
        int rc = 0;

        LLMOBS_JSON_EACH (one, content, rc == 0)
            if (llmobs_json_is_object(one)) {
                struct llmobs_json *message = llmobs_json_object();

                rc = llmobs_message_set_one(
                    message, "tool_results",
                    llmobs_tools_result(NULL, id, "toolResult",
                                        result_text(one)));
                if (rc == 0)
                    rc = llmobs_json_sets(message, "role", "user");
                rc = llmobs_json_add_made(parts->results, message, rc);
            }
        return rc;
    }
    if (thoughts)
        return llmobs_message_add_text(
            parts->list, "reasoning",
            llmobs_text_of(llmobs_has_text(reasoning)
                               ? reasoning
                               : LLMOBS_THOUGHTS_WITHHELD));
    return add_other(parts, block);
}

static int put_all(struct llmobs_json *list, const struct llmobs_json *from)
{
    int rc = 0;

    LLMOBS_JSON_EACH (one, from, rc == 0)
        rc = llmobs_json_add(list, llmobs_json_share(one));
    return rc;
}

/* Adds the messages of one content: a list of blocks, or a text. Anything else
 * adds nothing. */
static int add_content(struct llmobs_json *list, const char *role,
                       const struct llmobs_json *content)
{
    const char *text = llmobs_json_text(content);
    struct parts parts = {.role = role ? role : "", .list = list};
    int rc = -ENOMEM;

    if (text)
        return llmobs_message_add_text(list, parts.role, llmobs_text_of(text));
    llmobs_buf_init(&parts.text, LLMOBS_MESSAGE_CONTENT_MAX);
    parts.calls = llmobs_json_array();
    parts.others = llmobs_json_array();
    parts.results = llmobs_json_array();
    if (parts.calls && parts.others && parts.results)
        rc = 0;
    LLMOBS_JSON_EACH (block, content, rc == 0)
        if (llmobs_json_is_object(block))
            rc = add_block(&parts, block);
    /* The message that texts and tool calls share has a role only where it has
     * text (WIRE 6.9). */
    if (rc == 0 && (parts.texts > 0 || llmobs_json_len(parts.calls) > 0)) {
        struct llmobs_json *message = llmobs_json_object();

        if (parts.texts > 0)
            rc = llmobs_json_set(message, "content",
                                 llmobs_message_content_string(&parts.text));
        if (rc == 0 && parts.texts > 0)
            rc = llmobs_json_sets(message, "role", parts.role);
        if (rc == 0 && llmobs_json_len(parts.calls) > 0)
            rc = llmobs_json_set(message, "tool_calls",
                                 llmobs_json_share(parts.calls));
        rc = llmobs_json_add_made(list, message, rc);
    }
    if (rc == 0)
        rc = put_all(list, parts.others);
    if (rc == 0)
        rc = put_all(list, parts.results);
    llmobs_buf_fini(&parts.text);
    llmobs_json_free(parts.calls);
    llmobs_json_free(parts.others);
    llmobs_json_free(parts.results);
    return rc;
}

static int add_tool(struct llmobs_json *list, const struct llmobs_json *from)
{
    const struct llmobs_json *schema = llmobs_json_get(from, "inputSchema");
    const char *name = llmobs_json_gets(from, "name");
    const char *text = llmobs_json_gets(from, "description");
    struct llmobs_json *tool = llmobs_json_object();
    int rc = llmobs_json_sets(tool, "name", name ? name : "");

    if (rc == 0)
        rc = llmobs_json_sets(tool, "description", text ? text : "");
    if (rc == 0)
        rc = llmobs_json_set(tool, "schema",
                             schema ? llmobs_json_clone(schema)
                                    : llmobs_json_object());
    return llmobs_json_add_made(list, tool, rc);
}

int llmobs_converse_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *config =
        llmobs_json_get(reading->request, "inferenceConfig");
    const struct llmobs_json *most = llmobs_json_get(config, "maxTokens");
    struct llmobs_span *span = reading->span;
    int rc;

    if (!most)
        most = llmobs_json_get(config, "max_new_tokens");
    rc = llmobs_bedrock_settings(span, llmobs_json_get(config, "temperature"),
                                 most);
    if (rc == 0) {
        const struct llmobs_json *tools = llmobs_json_get(
            llmobs_json_get(reading->request, "toolConfig"), "tools");
        struct llmobs_json *list = llmobs_json_array();

        rc = list ? 0 : -ENOMEM;
        LLMOBS_JSON_EACH (one, tools, rc == 0) {
            const struct llmobs_json *spec = llmobs_json_get(one, "toolSpec");

            if (has_members(spec))
                rc = add_tool(list, spec);
        }
        if (rc == 0 && llmobs_json_len(list) > 0)
            span->tool_definitions = list;
        else
            llmobs_json_free(list);
    }
    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    span->input_messages = llmobs_json_array();
    rc = span->input_messages
             ? add_content(span->input_messages, "system",
                           llmobs_json_get(reading->request, "system"))
             : -ENOMEM;
    llmobs_fact_apart(span);
    LLMOBS_JSON_EACH (message, llmobs_json_get(reading->request, "messages"),
                      rc == 0)
        rc =
            add_content(span->input_messages, llmobs_json_gets(message, "role"),
                        llmobs_json_get(message, "content"));
    return rc;
}

int llmobs_converse_outputs(const struct llmobs_json *answer,
                            struct llmobs_json **out)
{
    const struct llmobs_json *message =
        llmobs_json_get(llmobs_json_get(answer, "output"), "message");
    const struct llmobs_json *content = llmobs_json_get(message, "content");
    const char *role = llmobs_json_gets(message, "role");
    int rc;

    *out = NULL;
    if (!says_something(content))
        return 0;
    *out = llmobs_json_array();
    rc = *out ? add_content(*out, role ? role : "assistant", content) : -ENOMEM;
    if (rc < 0) {
        llmobs_json_free(*out);
        *out = NULL;
    }
    return rc;
}

/* The cached count; recorded answers have it under either name. */
static int64_t cache_count(const struct llmobs_json *usage, const char *key,
                           const char *other)
{
    int64_t number = llmobs_usage_count(usage, key);

    return number >= 0 ? number : llmobs_usage_count(usage, other);
}

void llmobs_converse_usage(const struct llmobs_json *usage,
                           struct llmobs_counts *tokens)
{
    const struct llmobs_json *writes = llmobs_json_get(usage, "cacheDetails");

    *tokens = (struct llmobs_counts)LLMOBS_NO_COUNTS;
    tokens->input = llmobs_usage_count(usage, "inputTokens");
    tokens->output = llmobs_usage_count(usage, "outputTokens");
    tokens->total = llmobs_usage_count(usage, "totalTokens");
    tokens->cache_read =
        cache_count(usage, "cacheReadInputTokenCount", "cacheReadInputTokens");
    tokens->cache_write = cache_count(usage, "cacheWriteInputTokenCount",
                                      "cacheWriteInputTokens");
    LLMOBS_JSON_EACH (one, writes, true) {
        int64_t *sum = llmobs_json_says(one, "ttl", "1h") ? &tokens->cache_hour
                       : llmobs_json_says(one, "ttl", "5m")
                           ? &tokens->cache_brief
                           : NULL;

        if (sum)
            *sum =
                llmobs_usage_add(*sum, llmobs_usage_count(one, "inputTokens"));
    }
}

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
