/* Mistral's conversations: started, gone on with, and started again from an
 * entry. The server keeps their history, so that a request has only what is
 * new. Code, since a stream's entries come in parts of several kinds.
 *
 * Source: the types of npm's @mistralai/mistralai 2.7.0 (funcs, sdk and
 * models/components/conversation*). Datadog's SDKs do not read them; names are
 * those of its integration for Mistral's chat. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/cut_json.h"
#include "rules/read/error.h"
#include "rules/read/facts.h"
#include "rules/read/media.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"
#include "rules/read/request.h"
#include "rules/read/sources.h"
#include "rules/read/stream_parts.h"
#include "rules/read/tools.h"
#include "rules/read/usage.h"

#define ENTRIES_MAX 512
#define CODE_LEN 32

/* Keys of the request; the first one only holds settings. */
static const char keys[] =
    "completion_args\0stream\0store\0handoff_execution\0agent_id\0"
    "agent_version\0guardrails\0from_entry_id\0tool_confirmations\0";

static const char settings[] =
    "temperature\0top_p\0max_tokens\0stop\0random_seed\0presence_penalty\0"
    "frequency_penalty\0response_format\0tool_choice\0reasoning_effort\0";

/* -- texts ---------------------------------------------------------------- */

/* The sources of a text stand between its pieces, and are left out. */
static int add_chunk(struct llmobs_message_content *content,
                     const struct llmobs_json *chunk)
{
    const char *name = llmobs_json_gets(chunk, "file_name");
    struct llmobs_json *one;
    int rc;

    if (llmobs_json_says(chunk, "type", "tool_reference") ||
        llmobs_json_says(chunk, "type", "reference"))
        return 0;
    if (llmobs_json_says(chunk, "type", "document_url"))
        return llmobs_media_url(&content->text, "document",
                                llmobs_json_gets(chunk, "document_url"));
    if (llmobs_json_says(chunk, "type", "tool_file"))
        return llmobs_media_mark(
            &content->text, "file",
            name ? name : llmobs_json_gets(chunk, "file_id"), 0);
    one = llmobs_json_array();
    rc = llmobs_json_add(
        one, llmobs_json_share((struct llmobs_json *)(uintptr_t)chunk));
    if (rc == 0)
        rc = llmobs_message_content_read(content, one,
                                         LLMOBS_MESSAGE_CONTENT_THINKING);
    llmobs_json_free(one);
    return rc;
}

static int add_text(struct llmobs_json *list, const char *role,
                    const struct llmobs_json *value)
{
    struct llmobs_json *message = llmobs_json_object();
    struct llmobs_message_content content;
    int rc;

    llmobs_message_content_init(&content);
    rc = llmobs_message_content_each(&content, value, add_chunk);
    if (rc == 0)
        rc = llmobs_json_sets(message, "role", role);
    if (rc == 0)
        rc = llmobs_message_content_store(&content, message);
    if (rc == 0)
        rc = content.thinking.len == 0
                 ? 0
                 : llmobs_message_add_text(list, "reasoning",
                                           llmobs_buf_text(&content.thinking));
    llmobs_message_content_fini(&content);
    return llmobs_json_add_made(list, message, rc);
}

/* -- tools ---------------------------------------------------------------- */

static int set_call(struct llmobs_json *message, const char *id,
                    const char *type, const struct llmobs_json *entry)
{
    return llmobs_message_set_one(
        message, "tool_calls",
        llmobs_tools_call(
            llmobs_json_gets(entry, "name"), id, type,
            llmobs_tools_arguments(llmobs_json_get(entry, "arguments"))));
}

/* A result that is no text becomes JSON text. */
static int set_result(struct llmobs_json *message, const char *id,
                      const char *type, const struct llmobs_json *entry,
                      const char *key)
{
    const struct llmobs_json *value = llmobs_json_get(entry, key);
    const char *text = llmobs_json_text(value);
    char *dump = text || !value ? NULL : llmobs_json_dumps(value, 0);
    int rc = value && !text && !dump ? -ENOMEM : 0;

    if (rc == 0)
        rc = llmobs_message_set_one(
            message, "tool_results",
            llmobs_tools_result(llmobs_json_gets(entry, "name"), id, type,
                                llmobs_json_string(dump   ? dump
                                                   : text ? text
                                                          : "")));
    free(dump);
    return rc;
}

static int set_tool(struct llmobs_json *message,
                    const struct llmobs_json *entry)
{
    const char *id = llmobs_json_gets(entry, "tool_call_id");
    int rc;

    if (llmobs_json_says(entry, "type", "function.call"))
        return set_call(message, id, "function", entry);
    if (llmobs_json_says(entry, "type", "function.result"))
        return set_result(message, id, "tool_result", entry, "result");
    /* A tool that the server ran: the call, and its facts as the result. */
    id = llmobs_json_gets(entry, "id");
    rc = set_call(message, id, "tool.execution", entry);
    if (rc < 0 || llmobs_json_len(llmobs_json_get(entry, "info")) == 0)
        return rc;
    return set_result(message, id, "tool.execution", entry, "info");
}

static int add_tool(struct llmobs_json *list, const char *role,
                    const struct llmobs_json *entry)
{
    struct llmobs_json *message = llmobs_json_object();
    int rc = llmobs_json_sets(message, "role", role);

    if (rc == 0)
        rc = set_tool(message, entry);
    return llmobs_json_add_made(list, message, rc);
}

/* -- entries -------------------------------------------------------------- */

/* Adds the message of one entry; adds nothing for an unknown type. */
static int add_entry(struct llmobs_json *list, const struct llmobs_json *entry)
{
    const char *role = llmobs_json_gets(entry, "role");
    const char *next = llmobs_json_gets(entry, "next_agent_name");

    if (llmobs_json_says(entry, "type", "message.output"))
        return add_text(list, role ? role : "assistant",
                        llmobs_json_get(entry, "content"));
    if (llmobs_json_says(entry, "type", "function.result"))
        return add_tool(list, "tool", entry);
    if (llmobs_json_says(entry, "type", "function.call") ||
        llmobs_json_says(entry, "type", "tool.execution"))
        return add_tool(list, "assistant", entry);
    if (llmobs_json_says(entry, "type", "agent.handoff"))
        return llmobs_message_mark(
            list, NULL, "agent handoff",
            llmobs_has_text(next) ? next
                                  : llmobs_json_gets(entry, "next_agent_id"));
    if (llmobs_json_says(entry, "type", "message.input") || role)
        return add_text(list, role ? role : "user",
                        llmobs_json_get(entry, "content"));
    return 0;
}

/* Adds the messages of a request's `inputs`: a text, or a list of entries. */
static int add_inputs(struct llmobs_json *list,
                      const struct llmobs_json *inputs)
{
    int rc = 0;

    if (llmobs_json_is_string(inputs))
        return add_text(list, "user", inputs);
    LLMOBS_JSON_EACH (one, inputs, rc == 0)
        rc = add_entry(list, one);
    return rc;
}

/* -- the request --------------------------------------------------------- */

/* A request that goes on with a conversation names it in its path; a request
 * that restarts a conversation gets a new one. A gateway may have OpenAI's
 * conversations at this path, which call no model. */
static int mistral_conversations_begin(struct llmobs_reading *reading)
{
    const struct llmobs_classified *classified = reading->classified;

    if (classified->proxied && !llmobs_reading_has(reading, "inputs"))
        return -ENOTSUP;
    reading->told = LLMOBS_FACT_EVENTS; /* the ids of events are entries' */
    return strcmp(classified->shape->operation, "append") == 0
               ? llmobs_fact_session(reading, 0)
               : 0;
}

static int read_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *args =
        llmobs_json_get(reading->request, "completion_args");
    const char *system = llmobs_json_gets(reading->request, "instructions");
    struct llmobs_span *span = reading->span;
    int rc = llmobs_request_metadata(args, settings, span);

    llmobs_span_fact(&span->facts, LLMOBS_FACT_REASONING_LEVEL,
                     llmobs_json_gets(args, "reasoning_effort"));
    if (rc >= 0)
        rc = llmobs_request_metadata(reading->request, llmobs_words_next(keys),
                                     span);
    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    span->input_messages = llmobs_json_array();
    rc = llmobs_message_say(span->input_messages, "system", system);
    llmobs_fact_apart(span);
    if (rc == 0)
        rc = add_inputs(span->input_messages,
                        llmobs_json_get(reading->request, "inputs"));
    return rc < 0 ? rc
                  : llmobs_tools_read_definitions(reading->request,
                                                  &span->tool_definitions);
}

/* -- what answers and streams have in common ------------------------------- */

/* The tokens of the server's own tools are counted apart; connectors are paid
 * by the call. */
static int read_usage(const struct llmobs_json *usage, struct llmobs_span *span)
{
    static const char own[] = "connector_tokens\0connectors\0";
    int rc = llmobs_usage_read(usage, span);

    return rc < 0 ? rc : llmobs_request_metadata(usage, own, span);
}

/* An entry names the model that made it. */
static int set_model(struct llmobs_reading *reading, const char *model)
{
    if (!reading->model)
        llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_RESPONSE_MODEL,
                         model);
    return llmobs_reading_model(reading, model);
}

static void set_conversation(struct llmobs_reading *reading,
                             const struct llmobs_json *from)
{
    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_CONVERSATION_ID,
                     llmobs_json_gets(from, "conversation_id"));
}

/* -- the answer ---------------------------------------------------------- */

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    const struct llmobs_json *outputs = llmobs_json_get(body, "outputs");
    int rc = read_usage(llmobs_json_get(body, "usage"), reading->span);
    struct llmobs_json *list;

    if (rc < 0 || reading->classified->call->status >= 300 ||
        !llmobs_json_is_array(outputs))
        return rc;
    set_conversation(reading, body);
    reading->answered = true;
    rc = llmobs_sources_read(reading->span, body, LLMOBS_SOURCES_MISTRAL);
    if (rc < 0)
        return rc;
    list = llmobs_json_array();
    rc = list ? 0 : -ENOMEM;
    reading->span->output_messages = list;
    LLMOBS_JSON_EACH (entry, outputs, rc == 0) {
        rc = set_model(reading, llmobs_json_gets(entry, "model"));
        if (rc == 0)
            rc = add_entry(list, entry);
    }
    return rc;
}

/* The usage is the last member but one of the answer. */
static int read_ends(struct llmobs_reading *reading)
{
    static const char wanted[] = "conversation_id\0usage\0";
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *body =
        llmobs_cut_json_object(call->response, call->response_tail, wanted);
    struct llmobs_json *model =
        llmobs_cut_json_last(call->response_tail, "model");
    const struct llmobs_json *usage = llmobs_json_get(body, "usage");
    int rc = body ? set_model(reading, llmobs_json_text(model)) : -ENOMEM;

    set_conversation(reading, body);
    reading->span->complete = llmobs_json_is_object(usage);
    if (rc == 0)
        rc = read_usage(usage, reading->span);
    llmobs_json_free(model);
    llmobs_json_free(body);
    return rc;
}

/* -- the stream ---------------------------------------------------------- */

/* The members of an entry that come in pieces. */
enum piece { PIECE_TEXT, PIECE_THOUGHT, PIECE_ARGUMENTS, PIECES };

struct stream_entry {
    int64_t index;
    struct llmobs_json *entry; /* a copy */
    struct llmobs_buf pieces[PIECES];
};

struct stream {
    struct llmobs_stream_parts entries;
};

/* The types of events; for each, the type of its entry, and the members that it
 * has besides the pieces. */
static const struct part {
    const char *event, *type;
    const char *members[4];
} parts[] = {
    {"message.output.delta", "message.output", {"role"}},
    {"function.call.delta", "function.call", {"name", "tool_call_id"}},
    {"tool.execution.started", "tool.execution", {"name", "id"}},
    {"tool.execution.delta", "tool.execution", {"name", "id"}},
    {"tool.execution.done", "tool.execution", {"name", "id", "info"}},
    {"agent.handoff.started", "agent.handoff", {NULL}},
    {"agent.handoff.done",
     "agent.handoff",
     {"next_agent_id", "next_agent_name"}},
};

static const struct part *part_of(const char *type)
{
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (strcmp(parts[i].event, type) == 0)
            return &parts[i];
    return NULL;
}

/* Sets *out to the event's entry, which it makes when new; -ENOSPC beyond the
 * limit. */
static int entry_at(struct stream *stream, const struct llmobs_json *event,
                    struct stream_entry **out)
{
    void *at;
    int rc = llmobs_stream_part_at(
        &stream->entries, sizeof(**out), ENTRIES_MAX,
        llmobs_json_to_int(llmobs_json_get(event, "output_index")), &at);

    if (rc < 0)
        return rc;
    *out = at;
    if (!(*out)->entry)
        (*out)->entry = llmobs_json_object();
    return (*out)->entry ? 0 : -ENOMEM;
}

/* Adds a piece of a text, or a whole part of a content. */
static int add_content(struct stream_entry *to,
                       const struct llmobs_json *content)
{
    const struct llmobs_json *thoughts = llmobs_json_get(content, "thinking");
    const char *text = llmobs_json_text(content);
    int rc = llmobs_message_content_append(
        &to->pieces[PIECE_TEXT],
        text ? text : llmobs_json_gets(content, "text"));

    LLMOBS_JSON_EACH (one, thoughts, rc == 0)
        rc = llmobs_message_content_append(&to->pieces[PIECE_THOUGHT],
                                           llmobs_json_gets(one, "text"));
    return rc;
}

static int add_part(struct stream *stream, const struct part *part,
                    const struct llmobs_json *event)
{
    struct stream_entry *to;
    int rc = entry_at(stream, event, &to);

    if (rc < 0)
        return rc == -ENOSPC ? 0 : rc;
    rc = llmobs_json_sets(to->entry, "type", part->type);
    for (size_t i = 0; rc == 0 && part->members[i]; i++) {
        struct llmobs_json *value = llmobs_json_get(event, part->members[i]);

        if (value)
            rc = llmobs_json_set(to->entry, part->members[i],
                                 llmobs_json_share(value));
    }
    if (rc == 0)
        rc = add_content(to, llmobs_json_get(event, "content"));
    return rc < 0 ? rc
                  : llmobs_message_content_append(
                        &to->pieces[PIECE_ARGUMENTS],
                        llmobs_json_gets(event, "arguments"));
}

static int read_error(struct llmobs_reading *reading,
                      const struct llmobs_event *event)
{
    const struct llmobs_json *code = llmobs_json_get(event->json, "code");
    const struct llmobs_call *call = reading->classified->call;
    char type[CODE_LEN];

    reading->done = true;
    if (!llmobs_json_is_int(code))
        return llmobs_error_read(event->json, event->data, call, reading->span);
    snprintf(type, sizeof(type), "http_%lld",
             (long long)llmobs_json_to_int(code));
    return llmobs_error_read_as(llmobs_text_of(type), event->json, event->data,
                                call, reading->span);
}

static int read_event(struct llmobs_reading *reading,
                      const struct llmobs_event *event)
{
    const char *type = llmobs_json_gets(event->json, "type");
    const struct part *part = type ? part_of(type) : NULL;
    int rc;

    if (!type)
        return 0;
    set_conversation(reading, event->json);
    if (strcmp(type, "conversation.response.error") == 0)
        return read_error(reading, event);
    if (strcmp(type, "conversation.response.done") == 0) {
        reading->done = true;
        return read_usage(llmobs_json_get(event->json, "usage"), reading->span);
    }
    if (!part)
        return 0;
    llmobs_reading_token(reading, event);
    rc = set_model(reading, llmobs_json_gets(event->json, "model"));
    if (rc == 0)
        rc = llmobs_sources_event(reading, event, LLMOBS_SOURCES_MISTRAL);
    return rc < 0 ? rc : add_part(reading->state, part, event->json);
}

/* Adds {"type": type, key: value} to a list; takes the value. */
static int add_typed(struct llmobs_json *list, const char *type,
                     const char *key, struct llmobs_json *value)
{
    struct llmobs_json *object = llmobs_json_object();
    int rc = llmobs_json_set(object, key, value);

    if (rc == 0)
        rc = llmobs_json_sets(object, "type", type);
    return llmobs_json_add_made(list, object, rc);
}

/* Gives texts and thoughts as the content of a whole answer has them. */
static struct llmobs_json *content_of(const struct stream_entry *from)
{
    const struct llmobs_buf *thought = &from->pieces[PIECE_THOUGHT];
    struct llmobs_json *list = llmobs_json_array();
    int rc = list ? 0 : -ENOMEM;

    if (rc == 0 && thought->len > 0)
        rc = add_typed(list, "thinking", "thinking",
                       llmobs_message_content_string(thought));
    if (rc == 0)
        rc =
            add_typed(list, "text", "text",
                      llmobs_message_content_string(&from->pieces[PIECE_TEXT]));
    return llmobs_json_done(list, rc);
}

static int finish_stream(struct llmobs_reading *reading)
{
    const struct stream *stream = reading->state;
    int rc = 0;

    if (stream->entries.count == 0 && !reading->done)
        return 0;
    reading->span->output_messages = llmobs_json_array();
    for (size_t i = 0; rc == 0 && i < stream->entries.count; i++) {
        const struct stream_entry *from =
            (struct stream_entry *)stream->entries.items + i;

        rc = llmobs_json_set(from->entry, "content", content_of(from));
        if (rc == 0 && from->pieces[PIECE_ARGUMENTS].len > 0)
            rc = llmobs_json_set(
                from->entry, "arguments",
                llmobs_message_content_string(&from->pieces[PIECE_ARGUMENTS]));
        if (rc == 0)
            rc = add_entry(reading->span->output_messages, from->entry);
    }
    return rc;
}

static void free_stream(void *state)
{
    struct stream *stream = state;

    for (size_t i = 0; i < stream->entries.count; i++) {
        struct stream_entry *entry =
            (struct stream_entry *)stream->entries.items + i;

        llmobs_json_free(entry->entry);
        for (size_t p = 0; p < PIECES; p++)
            llmobs_buf_fini(&entry->pieces[p]);
    }
    llmobs_stream_parts_fini(&stream->entries);
}

/* -- the dialect --------------------------------------------------------- */

const struct llmobs_form llmobs_form_mistral_conversations = {
    .keys = keys,
    .begin = mistral_conversations_begin,
    .request = read_request,
    .document = read_document,
    .event = read_event,
    .finish = finish_stream,
    .ends = read_ends,
    LLMOBS_STATE(struct stream, free_stream),
    .failed_role = "assistant",
};
