#include "rules/tables/mistral_entries.h"

#include <errno.h>
#include <stdlib.h>

#include "rules/read/media.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"
#include "rules/read/tools.h"

/* -- texts ---------------------------------------------------------------- */

/* Adds words for a file that a tool of the server made, or for a document. */
static int add_file(struct llmobs_buf *text, const struct llmobs_json *chunk)
{
    const char *name = llmobs_json_gets(chunk, "file_name");

    if (llmobs_json_says(chunk, "type", "document_url"))
        return llmobs_media_url(text, "document",
                                llmobs_json_gets(chunk, "document_url"));
    return llmobs_media_mark(
        text, "file", name ? name : llmobs_json_gets(chunk, "file_id"), 0);
}

/* The sources of a text stand between its pieces, and are left out. */
static int add_chunk(struct llmobs_message_content *content,
                     const struct llmobs_json *chunk)
{
    struct llmobs_json *one;
    int rc;

    if (llmobs_json_says(chunk, "type", "tool_reference") ||
        llmobs_json_says(chunk, "type", "reference"))
        return 0;
    if (llmobs_json_says(chunk, "type", "tool_file") ||
        llmobs_json_says(chunk, "type", "document_url"))
        return add_file(&content->text, chunk);
    one = llmobs_json_array();
    rc = llmobs_json_add(one, llmobs_json_clone(chunk));
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

int llmobs_mistral_add_entry(struct llmobs_json *list,
                             const struct llmobs_json *entry)
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

int llmobs_mistral_add_inputs(struct llmobs_json *list,
                              const struct llmobs_json *inputs)
{
    int rc = 0;

    if (llmobs_json_is_string(inputs))
        return add_text(list, "user", inputs);
    LLMOBS_JSON_EACH (one, inputs, rc == 0)
        rc = llmobs_mistral_add_entry(list, one);
    return rc;
}
