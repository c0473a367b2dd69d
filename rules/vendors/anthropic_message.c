/* Reads the content blocks of Anthropic's messages. */
#include "rules/vendors/anthropic_message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/facts.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"
#include "rules/read/tools.h"
#include "rules/read/usage.h"

#define IMAGE_SEEN "([IMAGE DETECTED])"

/* The list for the messages of one side, and their role. */
struct sink {
    struct llmobs_json *list;
    const char *role; /* NULL: none was sent */
    bool images;
};

static int add_text(const struct sink *sink, const char *role, const char *text)
{
    return llmobs_message_add_text(sink->list, role, llmobs_text_of(text));
}

/* Adds a message with one item under `key`. Takes `item`. */
static int add_with(const struct sink *sink, const char *text, const char *key,
                    struct llmobs_json *item)
{
    struct llmobs_json *message =
        llmobs_message_new(sink->role, llmobs_text_of(text));
    int rc = llmobs_message_set_one(message, key, item);

    return llmobs_json_add_made(sink->list, message, rc);
}

/* Removes the bytes of files from a value, at every level. */
static void drop_data(struct llmobs_json *value)
{
    void *it;

    if (llmobs_json_says(value, "type", "base64"))
        llmobs_json_unset(value, "data");
    if (llmobs_json_is_array(value))
        LLMOBS_JSON_EACH (one, value, true)
            drop_data(one);
    else
        for (it = llmobs_json_iter(value); it; it = llmobs_json_next(value, it))
            drop_data(llmobs_json_iter_value(it));
}

/* Gives a value as text. */
static char *text_of(const struct llmobs_json *value)
{
    struct llmobs_json *copy = llmobs_json_clone(value);
    char *text;

    drop_data(copy);
    text = copy ? llmobs_json_dumps(copy, LLMOBS_JSON_ASCII) : NULL;
    llmobs_json_free(copy);
    return text;
}

/* Adds a block whose type has no form of its own. */
static int add_other(const struct sink *sink, const struct llmobs_json *block)
{
    char *text = text_of(block);
    int rc = text ? add_text(sink, sink->role, text) : -ENOMEM;

    free(text);
    return rc;
}

static bool is_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

/* Adds one value of a tool's result; an image only as a marker. */
static int add_result_text(struct llmobs_buf *buf,
                           const struct llmobs_json *value)
{
    const char *text = llmobs_json_text(value);
    char *json;
    int rc;

    if (!text)
        text = llmobs_json_gets(value, "text");
    if (text)
        return llmobs_message_content_append(buf, text);
    if (llmobs_json_says(value, "type", "image"))
        return llmobs_message_content_append(buf, IMAGE_SEEN);
    json = text_of(value);
    rc = json ? llmobs_message_content_append(buf, json) : -ENOMEM;
    free(json);
    return rc;
}

/* Adds the values of a list that are not empty, with commas between them. */
static int read_result(struct llmobs_buf *buf, const struct llmobs_json *value)
{
    int rc = 0;

    if (!value || llmobs_json_is_null(value))
        return 0;
    if (!llmobs_json_is_array(value))
        return add_result_text(buf, value);
    LLMOBS_JSON_EACH (one, value, rc == 0) {
        size_t before = buf->len, behind;

        rc = before > 0 ? llmobs_message_content_append(buf, ",") : 0;
        behind = buf->len;
        if (rc == 0)
            rc = add_result_text(buf, one);
        if (buf->len == behind)
            llmobs_buf_cut(buf, before);
    }
    return rc;
}

/* Adds the summary that stands for the history from here on. Its encrypted form
 * says nothing to a reader. */
static int add_compaction(const struct sink *sink,
                          const struct llmobs_json *block)
{
    struct llmobs_buf text;
    int rc;

    llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
    rc = llmobs_message_content_append(&text, "[compaction] ");
    if (rc == 0)
        rc = llmobs_message_content_append(&text,
                                           llmobs_json_gets(block, "content"));
    if (rc == 0)
        rc = llmobs_message_add_text(sink->list, sink->role,
                                     llmobs_buf_text(&text));
    llmobs_buf_fini(&text);
    return rc;
}

/* Thoughts that were not shown have a signature alone. */
static const char *thoughts_of(const struct llmobs_json *block)
{
    const char *text = llmobs_json_gets(block, "thinking");

    return !llmobs_has_text(text) &&
                   llmobs_has_text(llmobs_json_gets(block, "signature"))
               ? LLMOBS_THOUGHTS_WITHHELD
               : text;
}

static int add_block(const struct sink *sink, const struct llmobs_json *block)
{
    const char *type = llmobs_json_gets(block, "type");

    if (llmobs_json_is_null(block))
        return 0;
    if (llmobs_json_is_string(block))
        return llmobs_message_add_string(sink->list, sink->role, block);
    if (!type)
        return add_other(sink, block);
    if (strcmp(type, "text") == 0)
        return llmobs_message_add_string(sink->list, sink->role,
                                         llmobs_json_get(block, "text"));
    if (strcmp(type, "image") == 0) {
        const struct llmobs_json *source = llmobs_json_get(block, "source");
        const char *mime = llmobs_json_gets(source, "media_type");
        static const char shown[] =
            "image/jpeg\0image/png\0image/gif\0image/webp\0";
        const char *data = llmobs_json_gets(source, "data");
        uint64_t bytes;

        if (!sink->images || !llmobs_json_says(source, "type", "base64") ||
            !data || !*data || !mime || !llmobs_words_have(shown, mime) ||
            !is_ascii(data))
            return add_text(sink, sink->role, IMAGE_SEEN);
        if (llmobs_media_left_out(llmobs_text_of(data), &bytes) ||
            strlen(data) > LLMOBS_ANTHROPIC_IMAGE_MAX)
            return add_text(sink, sink->role, LLMOBS_IMAGE_TOO_LARGE);
        return add_with(
            sink, "", "image_parts",
            llmobs_message_content_media(mime, llmobs_json_string(data)));
    }
    if (strcmp(type, "thinking") == 0)
        return add_text(sink, "reasoning", thoughts_of(block));
    if (strcmp(type, "redacted_thinking") == 0)
        return add_text(sink, "reasoning", LLMOBS_THOUGHTS_WITHHELD);
    if (strcmp(type, "compaction") == 0)
        return add_compaction(sink, block);
    if (strstr(type, "tool_use")) {
        const char *query =
            llmobs_json_gets(llmobs_json_get(block, "input"), "query");

        /* A router's invention (musistudio/claude-code-router). */
        if (llmobs_json_says(block, "type", "server_tool_use") && query &&
            !*query)
            return 0;
        return add_with(
            sink, llmobs_json_gets(block, "text"), "tool_calls",
            llmobs_tools_call(
                llmobs_json_gets(block, "name"), llmobs_json_gets(block, "id"),
                llmobs_json_gets(block, "type"),
                llmobs_tools_arguments(llmobs_json_get(block, "input"))));
    }
    if (strstr(type, "tool_result")) {
        struct llmobs_buf text;
        int rc;

        llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
        rc = read_result(&text, llmobs_json_get(block, "content"));
        if (rc == 0)
            rc = add_with(sink, "", "tool_results",
                          llmobs_tools_result(
                              NULL, llmobs_json_gets(block, "tool_use_id"),
                              "tool_result",
                              llmobs_message_content_string(&text)));
        llmobs_buf_fini(&text);
        return rc;
    }
    return add_other(sink, block);
}

/* Adds a content: a text, or blocks, each of which becomes a message. */
static int add_content(const struct sink *sink,
                       const struct llmobs_json *content)
{
    int rc = 0;

    if (!content)
        return 0;
    if (!llmobs_json_is_array(content))
        return add_block(sink, content);
    LLMOBS_JSON_EACH (one, content, rc == 0)
        rc = add_block(sink, one);
    return rc;
}

int llmobs_anthropic_inputs(const struct llmobs_json *request, bool images,
                            struct llmobs_span *span)
{
    const struct llmobs_json *from = llmobs_json_get(request, "messages");
    struct sink sink = {llmobs_json_array(), "system", images};
    int rc = sink.list ? 0 : -ENOMEM;

    span->input_messages = sink.list;
    if (rc == 0)
        rc = add_content(&sink, llmobs_json_get(request, "system"));
    llmobs_fact_apart(span);
    LLMOBS_JSON_EACH (message, from, rc == 0) {
        sink.role = llmobs_json_gets(message, "role");
        rc = add_content(&sink, llmobs_json_get(message, "content"));
    }
    return rc;
}

int llmobs_anthropic_outputs(const struct llmobs_json *answer,
                             struct llmobs_json **out)
{
    const struct llmobs_json *content = llmobs_json_get(answer, "content");
    struct sink sink = {NULL, llmobs_json_gets(answer, "role"), true};
    int rc;

    *out = NULL;
    if (!content || llmobs_json_is_null(content))
        return 0;
    sink.list = llmobs_json_array();
    rc = sink.list ? add_content(&sink, content) : -ENOMEM;
    if (rc == 0)
        *out = sink.list;
    else
        llmobs_json_free(sink.list);
    return rc;
}

static int64_t at_least_0(int64_t number)
{
    return number > 0 ? number : 0;
}

/* The model that answered in place of the one asked for, which had declined;
 * NULL: none did. */
static const char *fallback_of(const struct llmobs_json *usage)
{
    const char *model = NULL;

    LLMOBS_JSON_EACH (one, llmobs_json_get(usage, "iterations"), true)
        if (llmobs_json_says(one, "type", "fallback_message"))
            model = llmobs_json_gets(one, "model");
    return model;
}

/* True for a call to another model than the one that answered: an advisor, or
 * a model that declined. The answer's own counts leave these out. */
static bool is_other(const struct llmobs_json *one, const char *fallback)
{
    const char *model = llmobs_json_gets(one, "model");

    return llmobs_json_says(one, "type", "advisor_message") ||
           (fallback && model && strcmp(model, fallback) != 0);
}

/* A count of the whole answer, below `group` unless that is NULL; -1: unknown.
 * The answer's own counts leave out the calls that compacted the history. The
 * calls stand for a count that the answer lacks. */
static int64_t count_all(const struct llmobs_json *usage, const char *group,
                         const char *key)
{
    const struct llmobs_json *calls = llmobs_json_get(usage, "iterations");
    const char *fallback = fallback_of(usage);
    const struct llmobs_json *own =
        group ? llmobs_json_get(usage, group) : usage;
    int64_t sum = llmobs_usage_count(own, key);
    bool lacks = sum < 0;

    LLMOBS_JSON_EACH (one, calls, true) {
        own = group ? llmobs_json_get(one, group) : one;
        if (llmobs_json_says(one, "type", "compaction") ||
            (lacks && !is_other(one, fallback)))
            sum = llmobs_usage_add(sum, llmobs_usage_count(own, key));
    }
    return sum;
}

static void read_counts(const struct llmobs_json *usage,
                        struct llmobs_counts *counts)
{
    static const char split[] = "cache_creation";
    int64_t in = count_all(usage, NULL, "input_tokens");
    int64_t writes = count_all(usage, NULL, "cache_creation_input_tokens");
    int64_t hour = count_all(usage, split, "ephemeral_1h_input_tokens");
    int64_t brief = count_all(usage, split, "ephemeral_5m_input_tokens");

    *counts = (struct llmobs_counts)LLMOBS_NO_COUNTS;
    counts->output = count_all(usage, NULL, "output_tokens");
    counts->cache_read = count_all(usage, NULL, "cache_read_input_tokens");
    counts->reasoning = llmobs_usage_count(
        llmobs_json_get(usage, "output_tokens_details"), "thinking_tokens");
    if (in >= 0)
        counts->input =
            in + at_least_0(writes) + at_least_0(counts->cache_read);
    if (in >= 0 && counts->output >= 0)
        counts->total = counts->input + counts->output;
    counts->cache_write = writes;
    if (writes < 0 || (hour < 0 && brief < 0))
        return;
    counts->cache_hour = at_least_0(hour);
    counts->cache_brief = at_least_0(brief);
}

/* Adds the counts of a call to those of its model. */
static int add_model(struct llmobs_json *models, const struct llmobs_json *one)
{
    static const char sums[] =
        "input_tokens\0output_tokens\0total_tokens\0"
        "cache_read_input_tokens\0cache_write_input_tokens\0"
        "ephemeral_1h_input_tokens\0ephemeral_5m_input_tokens\0";
    const char *model = llmobs_json_gets(one, "model");
    struct llmobs_json *sum = llmobs_json_share(llmobs_json_get(models, model));
    struct llmobs_json *now = llmobs_json_object();
    struct llmobs_counts counts;
    int rc;

    read_counts(one, &counts);
    llmobs_usage_put(&counts, now);
    rc = llmobs_usage_sum(&sum, now, sums);
    llmobs_json_free(now);
    if (rc < 0) {
        llmobs_json_free(sum);
        return rc;
    }
    return llmobs_json_set(models, model, sum);
}

/* Tells the tokens of other models apart, by model. A model that declined
 * before it said anything costs nothing. */
static int put_others(const struct llmobs_json *usage, struct llmobs_span *span)
{
    const char *fallback = fallback_of(usage);
    struct llmobs_json *models = llmobs_json_object();
    int rc = models ? 0 : -ENOMEM;

    LLMOBS_JSON_EACH (one, llmobs_json_get(usage, "iterations"), rc == 0)
        if (is_other(one, fallback) && llmobs_json_gets(one, "model") &&
            llmobs_usage_count(one, "output_tokens") != 0)
            rc = add_model(models, one);
    if (rc == 0 && llmobs_json_len(models) > 0)
        return llmobs_json_set(span->metadata, "usage_by_model", models);
    llmobs_json_free(models);
    return rc;
}

/* Tells how the provider served the call. */
static int put_served(const struct llmobs_json *usage, struct llmobs_span *span)
{
    int rc =
        llmobs_json_set_texts(span->metadata, "inference_geo",
                              llmobs_json_gets(usage, "inference_geo"), "speed",
                              llmobs_json_gets(usage, "speed"), NULL);

    llmobs_span_fact(&span->facts, LLMOBS_FACT_RESPONSE_SERVICE_TIER,
                     llmobs_json_gets(usage, "service_tier"));
    llmobs_span_fact(&span->facts, LLMOBS_FACT_RESPONSE_MODEL,
                     fallback_of(usage));
    return rc < 0 ? rc : put_others(usage, span);
}

int llmobs_anthropic_usage(const struct llmobs_json *usage,
                           const struct llmobs_json *details,
                           struct llmobs_span *span)
{
    struct llmobs_json *why = llmobs_json_object();
    struct llmobs_counts counts;
    int rc;

    read_counts(usage, &counts);
    /* Bedrock's frames may count more than a body that lacks the cache. */
    if (counts.input < llmobs_usage_count(span->metrics, "input_tokens"))
        counts.input = counts.total = -1;
    llmobs_usage_put(&counts, span->metrics);
    rc = put_served(usage, span);
    if (rc == 0)
        rc = llmobs_usage_costs(usage, span);
    if (rc == 0)
        rc = llmobs_json_set_texts(
            why, "category", llmobs_json_gets(details, "category"),
            "explanation", llmobs_json_gets(details, "explanation"), NULL);
    if (rc == 0 && llmobs_json_len(why) > 0)
        return llmobs_json_set(span->metadata, "stop_details", why);
    llmobs_json_free(why);
    return rc;
}
