/* Writes messages, tools and documents in OpenTelemetry's schemas. */
#include "core/export/messages.h"

#include <string.h>

#include "lib/text/json_clean.h"

/* The least limit of a text in a document that does not fit. */
#define LEAST 16
/* Strings in a value at this depth or deeper are not cut. */
#define DEPTH_MAX 64

/* -- documents ------------------------------------------------------------- */

/* A document of JSON that an attribute holds as its text, written straight into
 * the request. */
struct document {
    struct llmobs_otlp_writer *writer;
    size_t limit;   /* bytes of each text in it; 0: no limit */
    size_t longest; /* if limited: of the longest text so far */
    size_t len;     /* if limited: the document's bytes so far */
};

/* Writes the attribute. `write` writes the document, and is called again with a
 * lower limit if the document does not fit: then only the last attempt counts.
 */
static void put_document(struct llmobs_otlp_attributes *out, const char *key,
                         void (*write)(struct document *d, const void *ctx),
                         const void *ctx)
{
    struct document d = {.writer = out->writer, .limit = out->value_max};
    struct llmobs_buf *to = out->writer->out;
    size_t begin;

    if (!llmobs_otlp_doc_open(out, key))
        return;
    begin = to->len;
    write(&d, ctx);
    while (d.limit > 0 && d.longest / 2 >= LEAST && d.len > out->value_max &&
           out->writer->error == 0) {
        d.limit = d.longest / 2;
        d.longest = d.len = 0;
        llmobs_buf_cut(to, begin);
        write(&d, ctx);
    }
    llmobs_otlp_doc_close(out->writer);
}

/* The bytes of a text between quotation marks: equal in protobuf and in JSON,
 * where the document itself is quoted once more. */
static size_t quoted_len(struct llmobs_text text)
{
    size_t len = text.len + 2;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.data[i];

        if (byte == '"' || byte == '\\')
            len++;
        else if (byte < ' ')
            len += strchr("\n\r\t\b\f", byte) ? 1 : 5;
    }
    return len;
}

/* Adds JSON as it is. */
static void add_raw(struct document *d, const char *json)
{
    if (d->limit > 0)
        d->len += strlen(json);
    llmobs_otlp_doc_raw(d->writer, json);
}

static void add_quoted(struct document *d, struct llmobs_text text)
{
    if (d->limit > 0)
        d->len += quoted_len(text);
    llmobs_otlp_doc_string(d->writer, text);
}

/* Adds a string that stays whole. */
static void add_string(struct document *d, const char *text)
{
    add_quoted(d, llmobs_text_of(text));
}

/* Adds a text, which ends before the character that passes the limit. */
static void add_text(struct document *d, const char *text)
{
    struct llmobs_text part = llmobs_text_of(text);

    if (d->limit > 0 && part.len > d->limit)
        part.len = llmobs_utf8_fit(text, d->limit);
    if (part.len > d->longest)
        d->longest = part.len;
    add_quoted(d, part);
}

/* Adds a value uncut. Where a limit is set, counts its bytes. */
static void add_whole(struct document *d, const struct llmobs_json *json)
{
    struct llmobs_buf text;
    int rc;

    if (d->limit == 0) {
        llmobs_otlp_doc_value(d->writer, json);
        return;
    }
    llmobs_buf_init(&text, SIZE_MAX);
    rc = llmobs_json_dump(json, LLMOBS_JSON_KEEP_ORDER, &text);
    if (rc == 0)
        add_raw(d, text.data);
    llmobs_otlp_fail(d->writer, rc);
    llmobs_buf_fini(&text);
}

/* Adds a value, and walks through it, because each string in it may be cut. */
static void add_json(struct document *d, const struct llmobs_json *json,
                     int depth)
{
    const char *before;

    if (llmobs_json_is_string(json)) {
        add_text(d, llmobs_json_text(json));
    } else if (!llmobs_json_is_container(json) || d->limit == 0 ||
               depth >= DEPTH_MAX) {
        add_whole(d, json);
    } else if (llmobs_json_is_array(json)) {
        add_raw(d, "[");
        for (size_t i = 0; i < llmobs_json_len(json); i++) {
            add_raw(d, i > 0 ? ", " : "");
            add_json(d, llmobs_json_at(json, i), depth + 1);
        }
        add_raw(d, "]");
    } else {
        before = "{";
        for (void *it = llmobs_json_iter(json); it;
             it = llmobs_json_next(json, it)) {
            add_raw(d, before);
            add_string(d, llmobs_json_iter_key(it));
            add_raw(d, ": ");
            add_json(d, llmobs_json_iter_value(it), depth + 1);
            before = ", ";
        }
        add_raw(d, *before == '{' ? "{}" : "}");
    }
}

/* Adds the object or array that the text is; false: it is neither, and nothing
 * was added. Without a limit the text itself is copied, once it is known to be
 * JSON: only blanks may follow the cleaned text. */
static bool add_container(struct document *d, const char *text)
{
    const char *first = text + strspn(text, " \t\r\n");
    struct llmobs_json *value;
    struct llmobs_buf scratch;
    struct llmobs_text clean;
    int rc;

    if (*first != '{' && *first != '[')
        return false;
    if (d->limit > 0) {
        rc = llmobs_json_parse(llmobs_text_of(text), &value);
        if (rc == 0)
            add_json(d, value, 0);
        llmobs_json_free(value);
        return rc == 0;
    }
    rc = llmobs_json_clean(llmobs_text_of(text), &scratch, &clean);
    if (rc == 0)
        add_raw(d, clean.data);
    llmobs_buf_fini(&scratch);
    return rc == 0;
}

/* -- messages ---------------------------------------------------------------
 */

/* These replace data that a limit has no room for. */
#define BIG_IMAGE "[image omitted: too large]"
#define BIG_AUDIO "[audio omitted: too large]"

/* A list of messages that is being written. */
struct list {
    struct document *d;
    const struct llmobs_otlp_source *source;
    const struct llmobs_json *reasons; /* why each choice ended */
    bool output;
    bool merges;       /* all texts of the assistant are one choice */
    size_t count;      /* messages that were begun */
    const char *role;  /* the open message's; NULL: no message is open */
    bool any_part;     /* the open message has a part */
    bool only_thought; /* the open message has only reasoning */
    bool calls;        /* the open message calls a tool */
    const struct llmobs_json *served; /* the last call of a provider's tool */
};

static bool is_same(const char *text, const char *other)
{
    return text && other && strcmp(text, other) == 0;
}

/* Why the message ended, as the answer said; else what is known about its end.
 */
static const char *finish_reason(const struct list *l)
{
    size_t count = llmobs_json_len(l->reasons);
    size_t at = l->count - 1 < count ? l->count - 1 : count - 1;

    if (count > 0)
        return llmobs_json_text(llmobs_json_at(l->reasons, at));
    if (l->source->failed)
        return "error";
    return l->calls ? "tool_call" : "stop";
}

static void close_message(struct list *l)
{
    const char *reason = l->role && l->output ? finish_reason(l) : NULL;

    if (!l->role)
        return;
    add_raw(l->d, "]");
    if (reason) {
        add_raw(l->d, ",\"finish_reason\":");
        add_string(l->d, reason);
    }
    add_raw(l->d, "}");
    l->role = NULL;
}

static void open_message(struct list *l, const char *role, const char *name)
{
    close_message(l);
    add_raw(l->d, l->count > 0 ? ",{\"role\":" : "{\"role\":");
    add_string(l->d, role);
    if (name && *name) {
        add_raw(l->d, ",\"name\":");
        add_string(l->d, name);
    }
    add_raw(l->d, ",\"parts\":[");
    l->role = role;
    l->count++;
    l->any_part = l->calls = false;
    l->only_thought = true;
}

/* Begins a message, or continues the open one if the assistant's next piece
 * belongs to it: reasoning and what follows are one message. */
static void begin_message(struct list *l, const char *role, const char *name)
{
    if (is_same(l->role, "assistant") && is_same(role, "assistant") &&
        (l->merges || (l->any_part && l->only_thought)))
        return;
    open_message(l, role, name);
}

static void begin_part(struct list *l, const char *head)
{
    if (l->any_part)
        add_raw(l->d, ",");
    l->any_part = true;
    add_raw(l->d, head);
}

static void end_part(struct list *l)
{
    add_raw(l->d, "}");
    l->only_thought = false;
}

/* -- parts --------------------------------------------------------------- */

static void put_text_part(struct list *l, const char *text)
{
    begin_part(l, "{\"type\":\"text\",\"content\":");
    add_text(l->d, text);
    end_part(l);
}

static void put_member(struct list *l, const char *head, const char *text)
{
    if (!text || !*text)
        return;
    add_raw(l->d, head);
    add_string(l->d, text);
}

/* Bytes that would be cut short are left out. */
static void put_blob(struct list *l, const struct llmobs_json *blob, bool image)
{
    const char *content = llmobs_json_gets(blob, "content");
    size_t limit = l->d->limit, len = content ? strlen(content) : 0;

    if (!content)
        return;
    if (limit > 0 && len > limit) {
        begin_part(l, "{\"type\":\"text\",\"content\":");
        add_string(l->d, image ? BIG_IMAGE : BIG_AUDIO);
        end_part(l);
        return;
    }
    begin_part(l, image ? "{\"type\":\"blob\",\"modality\":\"image\""
                        : "{\"type\":\"blob\",\"modality\":\"audio\"");
    put_member(l, ",\"mime_type\":", llmobs_json_gets(blob, "mime_type"));
    add_raw(l->d, ",\"content\":");
    add_string(l->d, content);
    if (len > l->d->longest)
        l->d->longest = len;
    end_part(l);
}

static void put_blobs(struct list *l, const struct llmobs_json *blobs,
                      bool image)
{
    LLMOBS_JSON_EACH (blob, blobs, true)
        put_blob(l, blob, image);
}

/* The name of the provider's tool that gave a result; if the result has no
 * name, the name of the call before it. */
static const char *server_name(const struct list *l,
                               const struct llmobs_json *result)
{
    const char *name = llmobs_json_gets(result, "name");
    const char *id = llmobs_json_gets(result, "tool_id");

    if ((!name || !*name) &&
        is_same(llmobs_json_gets(l->served, "tool_id"), id))
        name = llmobs_json_gets(l->served, "name");
    return name && *name ? name : "tool_result";
}

/* Writes the results of the program's tools, or of the provider's own, which
 * stand in the assistant's turn. */
static bool put_results(struct list *l, const char *role,
                        const struct llmobs_json *results, bool server)
{
    bool any = false;

    for (size_t i = 0; i < llmobs_json_len(results); i++) {
        const struct llmobs_json *result = llmobs_json_at(results, i);
        const char *text;

        if ((l->output || is_same(role, "assistant") ||
             llmobs_json_says(result, "type", "mcp_tool_result")) != server)
            continue;
        if (!any && !server)
            open_message(l, "tool", NULL);
        any = true;
        text = llmobs_json_gets(result, "result");
        begin_part(l, server ? "{\"type\":\"server_tool_call_response\""
                             : "{\"type\":\"tool_call_response\"");
        put_member(l, ",\"id\":", llmobs_json_gets(result, "tool_id"));
        if (server) {
            add_raw(l->d, ",\"server_tool_call_response\":{\"type\":");
            add_string(l->d, server_name(l, result));
        }
        add_raw(l->d, ",\"response\":");
        if (!text || !add_container(l->d, text))
            add_text(l->d, text ? text : "");
        add_raw(l->d, server ? "}" : "");
        end_part(l);
    }
    return any;
}

/* -- one message --------------------------------------------------------- */

static const char *role_of(const struct list *l,
                           const struct llmobs_json *message)
{
    const char *role = llmobs_json_gets(message, "role");

    if (!role || !*role)
        return l->output || llmobs_json_get(message, "tool_calls") ? "assistant"
                                                                   : "user";
    if (strcmp(role, "developer") == 0)
        return "system";
    if (strcmp(role, "model") == 0)
        return "assistant";
    return role;
}

static const char *content_of(const struct llmobs_json *message)
{
    const char *content = llmobs_json_gets(message, "content");

    return content ? content : "";
}

/* The words of a thought that the event has as an object (WIRE 6.5). False: it
 * is no such object. */
static bool read_thought(struct list *l, const char *content,
                         struct llmobs_buf *words)
{
    static const char lists[] = "summary\0content\0";
    struct llmobs_json *thought = NULL;
    int rc = 0;
    bool is;

    if (*content == '{')
        (void)llmobs_json_parse(llmobs_text_of(content), &thought);
    is = llmobs_json_is_array(llmobs_json_get(thought, "summary"));
    LLMOBS_WORDS_EACH (list, lists)
        LLMOBS_JSON_EACH (one, llmobs_json_get(thought, list), is && rc == 0) {
            const char *text = llmobs_json_gets(one, "text");

            if (text && *text && words->len > 0)
                rc = llmobs_buf_addc(words, '\n');
            if (text && rc == 0)
                rc = llmobs_buf_adds(words, text);
        }
    llmobs_otlp_fail(l->d->writer, rc);
    llmobs_json_free(thought);
    return is;
}

static void put_thought(struct list *l, const char *content)
{
    struct llmobs_buf words;
    bool is, thought;

    llmobs_buf_init(&words, SIZE_MAX);
    is = read_thought(l, content, &words);
    if (!is || words.len > 0) {
        begin_message(l, "assistant", NULL);
        thought = l->only_thought;
        begin_part(l, "{\"type\":\"reasoning\",\"content\":");
        add_text(l->d, is ? words.data : content);
        end_part(l);
        l->only_thought = thought;
    }
    llmobs_buf_fini(&words);
}

static void put_message(struct list *l, const struct llmobs_json *message)
{
    const char *role = role_of(l, message);
    const char *content = content_of(message);
    const struct llmobs_json *calls = llmobs_json_get(message, "tool_calls");
    const struct llmobs_json *images = llmobs_json_get(message, "image_parts");
    const struct llmobs_json *audio = llmobs_json_get(message, "audio_parts");
    const struct llmobs_json *results =
        llmobs_json_get(message, "tool_results");
    bool answered;

    if (strcmp(role, "reasoning") == 0) {
        put_thought(l, content);
        return;
    }
    answered = put_results(l, role, results, false);
    if (answered && !*content && !calls && !images && !audio)
        return;
    begin_message(l, role, llmobs_json_gets(message, "name"));
    if (*content)
        put_text_part(l, content);
    put_blobs(l, images, true);
    put_blobs(l, audio, false);
    LLMOBS_JSON_EACH (call, calls, true) {
        const char *type = llmobs_json_gets(call, "type");
        const char *name = llmobs_json_gets(call, "name");
        const struct llmobs_json *arguments =
            llmobs_json_get(call, "arguments");
        const char *text = llmobs_json_gets(arguments, "value");
        bool server =
            type && llmobs_words_have(
                        "server_tool_use\0mcp_call\0mcp_tool_use\0", type);

        begin_part(l, server ? "{\"type\":\"server_tool_call\""
                             : "{\"type\":\"tool_call\"");
        put_member(l, ",\"id\":", llmobs_json_gets(call, "tool_id"));
        add_raw(l->d, ",\"name\":");
        add_string(l->d, name ? name : "");
        if (server) {
            add_raw(l->d, ",\"server_tool_call\":{\"type\":");
            add_string(l->d, name ? name : "");
        }
        if (arguments)
            add_raw(l->d, ",\"arguments\":");
        /* A text that was not an object became {"value": text} (WIRE 1.5). */
        if (text && llmobs_json_len(arguments) == 1)
            add_text(l->d, text);
        else if (arguments)
            add_json(l->d, arguments, 0);
        if (server)
            add_raw(l->d, "}");
        end_part(l);
        l->calls |= !server;
        l->served = server ? call : l->served;
    }
    (void)put_results(l, role, results, true);
}

/* -- lists --------------------------------------------------------------- */

struct side {
    const struct llmobs_otlp_source *source;
    const struct llmobs_json *messages; /* NULL: `text` is the only message */
    const char *text;
    size_t first; /* the message to begin with */
    bool output;
};

static void write_list(struct document *d, const void *ctx)
{
    const struct side *side = ctx;
    struct list l = {
        .d = d,
        .source = side->source,
        .reasons = side->source->fact[LLMOBS_FACT_FINISH_REASONS],
        .output = side->output,
    };

    l.merges = side->output && llmobs_json_len(l.reasons) == 1;
    add_raw(d, "[");
    for (size_t i = side->first; i < llmobs_json_len(side->messages); i++)
        put_message(&l, llmobs_json_at(side->messages, i));
    if (!side->messages) {
        open_message(&l, side->output ? "assistant" : "user", NULL);
        put_text_part(&l, side->text);
    }
    close_message(&l);
    add_raw(d, "]");
}

static void write_instructions(struct document *d, const void *ctx)
{
    const struct side *side = ctx;
    const char *before = "[";

    for (size_t i = 0; i < side->first; i++) {
        add_raw(d, before);
        add_raw(d, "{\"type\":\"text\",\"content\":");
        add_text(d, content_of(llmobs_json_at(side->messages, i)));
        add_raw(d, "}");
        before = ",";
    }
    add_raw(d, "]");
}

/* True for the empty message of a failed call, which no model wrote. */
static bool is_empty(const struct llmobs_json *messages)
{
    const struct llmobs_json *only = llmobs_json_at(messages, 0);

    return llmobs_json_len(messages) == 1 && !*content_of(only) &&
           !llmobs_json_get(only, "tool_calls") &&
           !llmobs_json_get(only, "tool_results") &&
           !llmobs_json_get(only, "audio_parts");
}

void llmobs_otlp_put_messages(const struct llmobs_otlp_source *s,
                              struct llmobs_otlp_attributes *out)
{
    const struct llmobs_json *input = llmobs_json_get(s->meta, "input");
    const struct llmobs_json *output = llmobs_json_get(s->meta, "output");
    struct side side = {.source = s,
                        .messages = llmobs_json_get(input, "messages")};
    int64_t apart;

    /* The API has so many of the first messages in a place of their own. */
    apart = llmobs_json_to_int(s->fact[LLMOBS_FACT_APART]);
    side.first = apart < 0 ? 0 : llmobs_json_len(side.messages);
    if (apart >= 0 && (uint64_t)apart < side.first)
        side.first = (size_t)apart;
    if (side.first > 0)
        put_document(out, "gen_ai.system_instructions", write_instructions,
                     &side);
    if (llmobs_json_len(side.messages) > side.first)
        put_document(out, "gen_ai.input.messages", write_list, &side);
    side.messages = llmobs_json_get(output, "messages");
    side.first = 0;
    side.output = true;
    if (llmobs_json_len(side.messages) > 0 &&
        !(s->failed && is_empty(side.messages)))
        put_document(out, "gen_ai.output.messages", write_list, &side);
}

void llmobs_otlp_put_message(const struct llmobs_otlp_source *s,
                             struct llmobs_otlp_attributes *out, bool output,
                             const char *text)
{
    struct side side = {.source = s, .text = text, .output = output};

    put_document(out,
                 output ? "gen_ai.output.messages" : "gen_ai.input.messages",
                 write_list, &side);
}

/* -- tools --------------------------------------------------------------- */

/* Adds a JSON schema. An event has texts in place of objects below a depth, and
 * Gemini's types in capitals: both become what draft 7 of JSON Schema wants. */
static void add_schema(struct document *d, const struct llmobs_json *schema,
                       const char *key, int depth)
{
    static const char types[] =
        "ARRAY\0BOOLEAN\0INTEGER\0NULL\0NUMBER\0OBJECT\0STRING\0";
    const char *text = llmobs_json_text(schema), *before = "{";
    char word[8];
    size_t len = 0;

    if (text && strcmp(key, "type") == 0 && llmobs_words_have(types, text)) {
        for (; text[len]; len++)
            word[len] = (char)(text[len] - 'A' + 'a');
        word[len] = '\0';
        add_string(d, word);
    } else if (text && !llmobs_words_have(
                           "default\0description\0pattern\0title\0", key)) {
        if (!add_container(d, text))
            add_text(d, text);
    } else if (llmobs_json_is_object(schema) && depth < DEPTH_MAX) {
        for (void *it = llmobs_json_iter(schema); it;
             it = llmobs_json_next(schema, it)) {
            add_raw(d, before);
            add_string(d, llmobs_json_iter_key(it));
            add_raw(d, ":");
            add_schema(d, llmobs_json_iter_value(it), llmobs_json_iter_key(it),
                       depth + 1);
            before = ",";
        }
        add_raw(d, *before == '{' ? "{}" : "}");
    } else if (llmobs_json_is_array(schema) && depth < DEPTH_MAX) {
        add_raw(d, "[");
        for (size_t i = 0; i < llmobs_json_len(schema); i++) {
            const struct llmobs_json *one = llmobs_json_at(schema, i);

            add_raw(d, i > 0 ? "," : "");
            if (llmobs_json_is_container(one) || strcmp(key, "type") == 0)
                add_schema(d, one, key, depth + 1);
            else
                add_json(d, one, depth + 1);
        }
        add_raw(d, "]");
    } else {
        add_json(d, schema, depth);
    }
}

static void write_tools(struct document *d, const void *ctx)
{
    const struct llmobs_json *tools = ctx;

    add_raw(d, "[");
    for (size_t i = 0; i < llmobs_json_len(tools); i++) {
        const struct llmobs_json *tool = llmobs_json_at(tools, i);
        const char *name = llmobs_json_gets(tool, "name");
        const char *description = llmobs_json_gets(tool, "description");
        const struct llmobs_json *schema = llmobs_json_get(tool, "schema");
        const struct llmobs_json *inner = llmobs_json_get(schema, "json");

        /* Bedrock's has a wrapper. */
        if (llmobs_json_is_object(inner) && llmobs_json_len(schema) == 1)
            schema = inner;
        add_raw(d, i > 0 ? ",{\"type\":\"function\",\"name\":"
                         : "{\"type\":\"function\",\"name\":");
        add_string(d, name ? name : "");
        if (description && *description) {
            add_raw(d, ",\"description\":");
            add_text(d, description);
        }
        if (llmobs_json_is_object(schema) && llmobs_json_len(schema) > 0) {
            add_raw(d, ",\"parameters\":");
            add_schema(d, schema, "", 0);
        }
        add_raw(d, "}");
    }
    add_raw(d, "]");
}

void llmobs_otlp_put_tools(struct llmobs_otlp_attributes *out,
                           const struct llmobs_json *tools)
{
    if (llmobs_json_len(tools) > 0)
        put_document(out, "gen_ai.tool.definitions", write_tools, tools);
}

/* -- documents ----------------------------------------------------------- */

static void write_retrieved_one(struct document *d,
                                const struct llmobs_json *document)
{
    static const char *const members[][2] = {
        {"id", "\"id\":"},
        {"score", "\"score\":"},
        {"text", "\"content\":"},
        {"name", "\"name\":"},
    };
    bool any = false;

    add_raw(d, "{");
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        const struct llmobs_json *value =
            llmobs_json_get(document, members[i][0]);

        if (!value || llmobs_json_is_null(value))
            continue;
        add_raw(d, any ? "," : "");
        add_raw(d, members[i][1]);
        add_json(d, value, 0);
        any = true;
    }
    add_raw(d, "}");
}

static void write_retrieved(struct document *d, const void *ctx)
{
    const struct llmobs_json *documents = ctx;

    add_raw(d, "[");
    for (size_t i = 0; i < llmobs_json_len(documents); i++) {
        add_raw(d, i > 0 ? "," : "");
        write_retrieved_one(d, llmobs_json_at(documents, i));
    }
    add_raw(d, "]");
}

bool llmobs_otlp_put_retrieved(const struct llmobs_otlp_source *s,
                               struct llmobs_otlp_attributes *out,
                               const struct llmobs_json *documents)
{
    /* Each document must have an id and a score, as the form of 1.41 wants. */
    for (size_t i = 0; i < llmobs_json_len(documents); i++) {
        const struct llmobs_json *document = llmobs_json_at(documents, i);
        const struct llmobs_json *id = llmobs_json_get(document, "id");
        const struct llmobs_json *score = llmobs_json_get(document, "score");
        bool needed = s->form < LLMOBS_SEMCONV_LATEST;

        if ((needed || id) && !llmobs_json_is_string(id))
            return false;
        if ((needed || score) && !llmobs_json_is_number(score))
            return false;
    }
    put_document(out, "gen_ai.retrieval.documents", write_retrieved, documents);
    return true;
}

/* -- other values -------------------------------------------------------- */

static void write_value(struct document *d, const void *ctx)
{
    add_json(d, ctx, 0);
}

void llmobs_otlp_put_document(struct llmobs_otlp_attributes *out,
                              const char *key, const struct llmobs_json *value)
{
    put_document(out, key, write_value, value);
}

void llmobs_otlp_put_text_or_object(struct llmobs_otlp_attributes *out,
                                    const char *key, const char *text)
{
    struct llmobs_text whole = llmobs_text_of(text);
    struct llmobs_json *value = NULL;

    if (out->value_max > 0 && whole.len > out->value_max && *text == '{' &&
        llmobs_json_parse(whole, &value) == 0)
        llmobs_otlp_put_document(out, key, value);
    else
        llmobs_otlp_attr_text(out, key, whole);
    llmobs_json_free(value);
}
