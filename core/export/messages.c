#include "core/export/messages.h"

#include <string.h>

#include "core/export/document.h"

/* These stand for data that a limit has no room for. */
#define BIG_IMAGE "[image omitted: too large]"
#define BIG_AUDIO "[audio omitted: too large]"

/* A list of messages that is being written. */
struct list {
    struct llmobs_document *d;
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

static bool export_messages_is(const char *text, const char *other)
{
    return text && other && strcmp(text, other) == 0;
}

/* -- messages ------------------------------------------------------------ */

/* Why the message ended: as the answer said; else as far as is known of it. */
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
    llmobs_document_raw(l->d, "]");
    if (reason) {
        llmobs_document_raw(l->d, ",\"finish_reason\":");
        llmobs_document_string(l->d, reason);
    }
    llmobs_document_raw(l->d, "}");
    l->role = NULL;
}

static void open_message(struct list *l, const char *role, const char *name)
{
    close_message(l);
    llmobs_document_raw(l->d, l->count > 0 ? ",{\"role\":" : "{\"role\":");
    llmobs_document_string(l->d, role);
    if (name && *name) {
        llmobs_document_raw(l->d, ",\"name\":");
        llmobs_document_string(l->d, name);
    }
    llmobs_document_raw(l->d, ",\"parts\":[");
    l->role = role;
    l->count++;
    l->any_part = l->calls = false;
    l->only_thought = true;
}

/* Begins a message. If the assistant's next piece belongs to the open message,
 * goes on with that: reasoning and what follows are one message. */
static void begin_message(struct list *l, const char *role, const char *name)
{
    if (export_messages_is(l->role, "assistant") &&
        export_messages_is(role, "assistant") &&
        (l->merges || (l->any_part && l->only_thought)))
        return;
    open_message(l, role, name);
}

static void begin_part(struct list *l, const char *head)
{
    if (l->any_part)
        llmobs_document_raw(l->d, ",");
    l->any_part = true;
    llmobs_document_raw(l->d, head);
}

static void end_part(struct list *l)
{
    llmobs_document_raw(l->d, "}");
    l->only_thought = false;
}

/* -- parts --------------------------------------------------------------- */

static void put_text_part(struct list *l, const char *text)
{
    begin_part(l, "{\"type\":\"text\",\"content\":");
    llmobs_document_text(l->d, text);
    end_part(l);
}

static void put_member(struct list *l, const char *head, const char *text)
{
    if (!text || !*text)
        return;
    llmobs_document_raw(l->d, head);
    llmobs_document_string(l->d, text);
}

/* A placeholder stays whole even where texts are cut. */
static void put_placeholder(struct list *l, const char *text)
{
    begin_part(l, "{\"type\":\"text\",\"content\":");
    llmobs_document_string(l->d, text);
    end_part(l);
}

/* Bytes that would be cut short are left out. */
static void put_blob(struct list *l, const struct llmobs_json *blob, bool image)
{
    const char *content = llmobs_json_gets(blob, "content");
    size_t limit = l->d->limit, len = content ? strlen(content) : 0;

    if (!content)
        return;
    if (limit > 0 && len > limit) {
        put_placeholder(l, image ? BIG_IMAGE : BIG_AUDIO);
        return;
    }
    begin_part(l, image ? "{\"type\":\"blob\",\"modality\":\"image\""
                        : "{\"type\":\"blob\",\"modality\":\"audio\"");
    put_member(l, ",\"mime_type\":", llmobs_json_gets(blob, "mime_type"));
    llmobs_document_raw(l->d, ",\"content\":");
    llmobs_document_string(l->d, content);
    if (len > l->d->longest)
        l->d->longest = len;
    end_part(l);
}

static void put_blobs(struct list *l, const struct llmobs_json *blobs,
                      bool image)
{
    for (size_t i = 0; i < llmobs_json_len(blobs); i++)
        put_blob(l, llmobs_json_at(blobs, i), image);
}

static bool is_server_call(const struct llmobs_json *call)
{
    const char *type = llmobs_json_gets(call, "type");

    return export_messages_is(type, "server_tool_use") ||
           export_messages_is(type, "mcp_call") ||
           export_messages_is(type, "mcp_tool_use");
}

/* A text that was not an object stands in {"value": text} (WIRE 1.5). */
static void put_arguments(struct list *l, const struct llmobs_json *arguments)
{
    const char *text = llmobs_json_gets(arguments, "value");

    if (!arguments)
        return;
    llmobs_document_raw(l->d, ",\"arguments\":");
    if (text && llmobs_json_len(arguments) == 1)
        llmobs_document_text(l->d, text);
    else
        llmobs_document_value(l->d, arguments);
}

static void put_call(struct list *l, const struct llmobs_json *call)
{
    bool server = is_server_call(call);
    const char *name = llmobs_json_gets(call, "name");

    begin_part(l, server ? "{\"type\":\"server_tool_call\""
                         : "{\"type\":\"tool_call\"");
    put_member(l, ",\"id\":", llmobs_json_gets(call, "tool_id"));
    llmobs_document_raw(l->d, ",\"name\":");
    llmobs_document_string(l->d, name ? name : "");
    if (server) {
        llmobs_document_raw(l->d, ",\"server_tool_call\":{\"type\":");
        llmobs_document_string(l->d, name ? name : "");
    }
    put_arguments(l, llmobs_json_get(call, "arguments"));
    if (server)
        llmobs_document_raw(l->d, "}");
    end_part(l);
    l->calls |= !server;
    l->served = server ? call : l->served;
}

static void put_calls(struct list *l, const struct llmobs_json *calls)
{
    for (size_t i = 0; i < llmobs_json_len(calls); i++)
        put_call(l, llmobs_json_at(calls, i));
}

/* The name of the provider's tool that gave a result; if the result has no
 * name, the name of the call before it. */
static const char *server_name(const struct list *l,
                               const struct llmobs_json *result)
{
    const char *name = llmobs_json_gets(result, "name");
    const char *id = llmobs_json_gets(result, "tool_id");

    if ((!name || !*name) &&
        export_messages_is(llmobs_json_gets(l->served, "tool_id"), id))
        name = llmobs_json_gets(l->served, "name");
    return name && *name ? name : "tool_result";
}

static void put_result(struct list *l, const struct llmobs_json *result,
                       bool server)
{
    const char *text = llmobs_json_gets(result, "result");

    begin_part(l, server ? "{\"type\":\"server_tool_call_response\""
                         : "{\"type\":\"tool_call_response\"");
    put_member(l, ",\"id\":", llmobs_json_gets(result, "tool_id"));
    if (server) {
        llmobs_document_raw(l->d, ",\"server_tool_call_response\":{\"type\":");
        llmobs_document_string(l->d, server_name(l, result));
    }
    llmobs_document_raw(l->d, ",\"response\":");
    if (!text || !llmobs_document_container(l->d, text))
        llmobs_document_text(l->d, text ? text : "");
    llmobs_document_raw(l->d, server ? "}" : "");
    end_part(l);
}

/* True for a result of the provider's own tools, in the assistant's turn. */
static bool is_server_result(const struct list *l, const char *role,
                             const struct llmobs_json *result)
{
    return l->output || export_messages_is(role, "assistant") ||
           export_messages_is(llmobs_json_gets(result, "type"),
                              "mcp_tool_result");
}

/* Writes the results of the program's tools, or of the provider's. */
static bool put_results(struct list *l, const char *role,
                        const struct llmobs_json *results, bool server)
{
    bool any = false;

    for (size_t i = 0; i < llmobs_json_len(results); i++) {
        const struct llmobs_json *result = llmobs_json_at(results, i);

        if (is_server_result(l, role, result) != server)
            continue;
        if (!any && !server)
            open_message(l, "tool", NULL);
        any = true;
        put_result(l, result, server);
    }
    return any;
}

/* -- one message --------------------------------------------------------- */

static const char *role_of(const struct list *l,
                           const struct llmobs_json *message)
{
    const char *role = llmobs_json_gets(message, "role");

    if (!role || !*role)
        return l->output ? "assistant" : "user";
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

static void put_reasoning(struct list *l, const struct llmobs_json *message)
{
    bool thought;

    begin_message(l, "assistant", NULL);
    thought = l->only_thought;
    begin_part(l, "{\"type\":\"reasoning\",\"content\":");
    llmobs_document_text(l->d, content_of(message));
    end_part(l);
    l->only_thought = thought;
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
        put_reasoning(l, message);
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
    put_calls(l, calls);
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

static void write_list(struct llmobs_document *d, const void *ctx)
{
    const struct side *side = ctx;
    struct list l = {
        .d = d,
        .source = side->source,
        .reasons = side->source->fact[LLMOBS_FACT_FINISH_REASONS],
        .output = side->output,
    };

    l.merges = side->output && llmobs_json_len(l.reasons) == 1;
    llmobs_document_raw(d, "[");
    for (size_t i = side->first; i < llmobs_json_len(side->messages); i++)
        put_message(&l, llmobs_json_at(side->messages, i));
    if (!side->messages) {
        open_message(&l, side->output ? "assistant" : "user", NULL);
        put_text_part(&l, side->text);
    }
    close_message(&l);
    llmobs_document_raw(d, "]");
}

static void write_instructions(struct llmobs_document *d, const void *ctx)
{
    const struct side *side = ctx;
    const char *before = "[";

    for (size_t i = 0; i < side->first; i++) {
        llmobs_document_raw(d, before);
        llmobs_document_raw(d, "{\"type\":\"text\",\"content\":");
        llmobs_document_text(d, content_of(llmobs_json_at(side->messages, i)));
        llmobs_document_raw(d, "}");
        before = ",";
    }
    llmobs_document_raw(d, "]");
}

/* How many of the first messages the API takes apart from the rest. */
static size_t count_apart(const struct llmobs_otlp_source *s,
                          const struct llmobs_json *messages)
{
    int64_t apart = llmobs_json_to_int(s->fact[LLMOBS_FACT_APART]);
    size_t count = llmobs_json_len(messages);

    return apart < 0 ? 0 : (uint64_t)apart < count ? (size_t)apart : count;
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

    side.first = count_apart(s, side.messages);
    if (side.first > 0)
        llmobs_document_put(out, "gen_ai.system_instructions",
                            write_instructions, &side);
    if (llmobs_json_len(side.messages) > side.first)
        llmobs_document_put(out, "gen_ai.input.messages", write_list, &side);
    side.messages = llmobs_json_get(output, "messages");
    side.first = 0;
    side.output = true;
    if (llmobs_json_len(side.messages) > 0 &&
        !(s->failed && is_empty(side.messages)))
        llmobs_document_put(out, "gen_ai.output.messages", write_list, &side);
}

void llmobs_otlp_put_message(const struct llmobs_otlp_source *s,
                             struct llmobs_otlp_attributes *out, bool output,
                             const char *text)
{
    struct side side = {.source = s, .text = text, .output = output};

    llmobs_document_put(
        out, output ? "gen_ai.output.messages" : "gen_ai.input.messages",
        write_list, &side);
}

/* -- tools --------------------------------------------------------------- */

static void write_tools(struct llmobs_document *d, const void *ctx)
{
    const struct llmobs_json *tools = ctx;

    llmobs_document_raw(d, "[");
    for (size_t i = 0; i < llmobs_json_len(tools); i++) {
        const struct llmobs_json *tool = llmobs_json_at(tools, i);
        const char *name = llmobs_json_gets(tool, "name");
        const char *description = llmobs_json_gets(tool, "description");
        const struct llmobs_json *schema = llmobs_json_get(tool, "schema");

        llmobs_document_raw(d, i > 0 ? ",{\"type\":\"function\",\"name\":"
                                     : "{\"type\":\"function\",\"name\":");
        llmobs_document_string(d, name ? name : "");
        if (description && *description) {
            llmobs_document_raw(d, ",\"description\":");
            llmobs_document_text(d, description);
        }
        if (llmobs_json_is_object(schema) && llmobs_json_len(schema) > 0) {
            llmobs_document_raw(d, ",\"parameters\":");
            llmobs_document_value(d, schema);
        }
        llmobs_document_raw(d, "}");
    }
    llmobs_document_raw(d, "]");
}

void llmobs_otlp_put_tools(struct llmobs_otlp_attributes *out,
                           const struct llmobs_json *tools)
{
    if (llmobs_json_len(tools) > 0)
        llmobs_document_put(out, "gen_ai.tool.definitions", write_tools, tools);
}

/* -- documents ----------------------------------------------------------- */

static void write_retrieved_one(struct llmobs_document *d,
                                const struct llmobs_json *document)
{
    static const char *const members[][2] = {
        {"id", "\"id\":"},
        {"score", "\"score\":"},
        {"text", "\"content\":"},
        {"name", "\"name\":"},
    };
    bool any = false;

    llmobs_document_raw(d, "{");
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        const struct llmobs_json *value =
            llmobs_json_get(document, members[i][0]);

        if (!value || llmobs_json_is_null(value))
            continue;
        llmobs_document_raw(d, any ? "," : "");
        llmobs_document_raw(d, members[i][1]);
        llmobs_document_value(d, value);
        any = true;
    }
    llmobs_document_raw(d, "}");
}

static void write_retrieved(struct llmobs_document *d, const void *ctx)
{
    const struct llmobs_json *documents = ctx;

    llmobs_document_raw(d, "[");
    for (size_t i = 0; i < llmobs_json_len(documents); i++) {
        llmobs_document_raw(d, i > 0 ? "," : "");
        write_retrieved_one(d, llmobs_json_at(documents, i));
    }
    llmobs_document_raw(d, "]");
}

/* True where each document has an id and a score, as the form of 1.41 wants. */
static bool are_whole(const struct llmobs_otlp_source *s,
                      const struct llmobs_json *documents)
{
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
    return true;
}

bool llmobs_otlp_put_retrieved(const struct llmobs_otlp_source *s,
                               struct llmobs_otlp_attributes *out,
                               const struct llmobs_json *documents)
{
    if (!are_whole(s, documents))
        return false;
    llmobs_document_put(out, "gen_ai.retrieval.documents", write_retrieved,
                        documents);
    return true;
}

/* -- other values -------------------------------------------------------- */

static void write_value(struct llmobs_document *d, const void *ctx)
{
    llmobs_document_value(d, ctx);
}

void llmobs_otlp_put_document(struct llmobs_otlp_attributes *out,
                              const char *key, const struct llmobs_json *value)
{
    llmobs_document_put(out, key, write_value, value);
}

void llmobs_otlp_put_text_or_object(struct llmobs_otlp_attributes *out,
                                    const char *key, const char *text)
{
    struct llmobs_text whole = {text, strlen(text)};
    struct llmobs_json *value = NULL;

    if (out->value_max > 0 && whole.len > out->value_max && *text == '{' &&
        llmobs_json_parse(whole, &value) == 0)
        llmobs_otlp_put_document(out, key, value);
    else
        llmobs_otlp_attr_text(out, key, whole);
    llmobs_json_free(value);
}
