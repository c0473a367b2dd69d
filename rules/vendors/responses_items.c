/* Reads the items of OpenAI's Responses. */
#include "rules/vendors/responses_items.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rules/read/media.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"
#include "rules/read/sources.h"
#include "rules/read/text.h"
#include "rules/read/tools.h"
#include "rules/read/usage.h"

#define CODE_TOOL "code_interpreter"
#define NAME_LEN 256

/* True for a data URL, which holds the thing itself; white space may come
 * before it. */
static bool is_inline(const char *url)
{
    struct llmobs_text text = llmobs_text_strip(llmobs_text_of(url));

    return text.len >= strlen("data:") &&
           strncasecmp(text.data, "data:", strlen("data:")) == 0;
}

/* The image's URL, in this API's form or in that of chats. */
static const char *image_url(const struct llmobs_json *part)
{
    const struct llmobs_json *url = llmobs_json_get(part, "image_url");
    const char *text = llmobs_json_text(url);

    return text ? text : llmobs_json_gets(url, "url");
}

/* The first that is not empty and no data URL. */
static const char *first_of(const char *const *texts, size_t count,
                            const char *otherwise)
{
    for (size_t i = 0; i < count; i++) {
        if (llmobs_has_text(texts[i]) && is_inline(texts[i]))
            return otherwise;
        if (llmobs_has_text(texts[i]))
            return texts[i];
    }
    return otherwise;
}

const char *llmobs_responses_reference(const struct llmobs_json *part)
{
    const char *id = llmobs_json_gets(part, "file_id");
    const char *const image[] = {image_url(part), id};
    const char *const file[] = {llmobs_json_gets(part, "file_url"), id,
                                llmobs_json_gets(part, "filename")};

    if (llmobs_json_says(part, "type", "input_image") ||
        llmobs_json_says(part, "type", "computer_screenshot"))
        return first_of(image, 2, "[image]");
    if (llmobs_json_says(part, "type", "input_file"))
        return first_of(file, 3, "[file]");
    return NULL;
}

static int add_line(struct llmobs_buf *text, const char *line)
{
    int rc = text->len > 0 && llmobs_has_text(line)
                 ? llmobs_message_content_append(text, "\n")
                 : 0;

    return rc < 0 ? rc : llmobs_message_content_append(text, line);
}

/* -- content ------------------------------------------------------------- */

/* Adds a part. One of an unknown type may have a text or a refusal, else it
 * adds nothing. */
static int add_part(struct llmobs_message_content *content,
                    const struct llmobs_json *part)
{
    const char *reference = llmobs_responses_reference(part);
    int rc;

    if (llmobs_json_is_string(part))
        return llmobs_message_content_add_string(content, part);
    if (llmobs_json_says(part, "type", "input_image") &&
        is_inline(image_url(part)))
        return llmobs_message_content_add_image(content, image_url(part));
    if (reference)
        return llmobs_message_content_append(&content->text, reference);
    /* Sound whose words came with it. */
    if ((llmobs_json_says(part, "type", "input_audio") ||
         llmobs_json_says(part, "type", "output_audio") ||
         llmobs_json_says(part, "type", "audio")) &&
        llmobs_has_text(llmobs_json_gets(part, "transcript")))
        return llmobs_message_content_append(
            &content->text, llmobs_json_gets(part, "transcript"));
    if (llmobs_json_says(part, "type", "input_audio"))
        return llmobs_message_content_add_input(content, part);
    if (llmobs_json_says(part, "type", "output_audio") ||
        llmobs_json_says(part, "type", "audio"))
        return llmobs_message_content_append(&content->text, "[audio]");
    rc = llmobs_message_content_add_string(content,
                                           llmobs_json_get(part, "text"));
    if (rc < 0)
        return rc;
    return llmobs_message_content_append(&content->text,
                                         llmobs_json_gets(part, "refusal"));
}

/* Adds a message; an empty one only if `empty`. */
static int add_message(struct llmobs_json *list, const char *role,
                       const struct llmobs_json *item, bool empty)
{
    const struct llmobs_json *value =
        llmobs_json_is_string(item) ? item : llmobs_json_get(item, "content");
    const char *agent =
        llmobs_json_gets(llmobs_json_get(item, "agent"), "agent_name");
    struct llmobs_message_content content;
    int rc;

    llmobs_message_content_init(&content);
    rc = agent ? llmobs_buf_addf(&content.text, "[%s] ", agent) : 0;
    if (rc == 0)
        rc = llmobs_message_content_each(&content, value, add_part);
    if (rc == 0 &&
        (empty || content.text.len > 0 || content.images || content.audio)) {
        struct llmobs_json *message = llmobs_json_object();

        rc = llmobs_json_sets(message, "role", role);
        if (rc == 0)
            rc = llmobs_message_content_store(&content, message);
        rc = llmobs_json_add_made(list, message, rc);
    }
    llmobs_message_content_fini(&content);
    return rc;
}

/* -- tools --------------------------------------------------------------- */

/* Adds a message with a tool call, a result, or both. Takes them. */
static int add_tool(struct llmobs_json *list, const char *role,
                    struct llmobs_json *call, struct llmobs_json *result)
{
    struct llmobs_json *message = llmobs_json_object();
    int rc = llmobs_json_sets(message, "role", role);

    if (call && llmobs_message_set_one(message, "tool_calls", call) < 0)
        rc = -ENOMEM;
    if (result && llmobs_message_set_one(message, "tool_results", result) < 0)
        rc = -ENOMEM;
    return llmobs_json_add_made(list, message, rc);
}

/* Calls and results, by type: the tool's name, where the item has none, and the
 * member with the arguments or with the result. */
static const struct tool_item {
    char type[28], name[16], key[12];
    bool result;
} tool_items[] = {
    {"function_call", "", "arguments", false},
    {"function_call_output", "", "output", true},
    {"custom_tool_call", "", "input", false},
    {"tool_search_call", "tool_search", "arguments", false},
    {"mcp_approval_request", "", "arguments", false},
    {"multi_agent_call", "", "arguments", false},
    {"shell_call", "shell", "action", false},
    {"local_shell_call", "local_shell", "action", false},
    {"apply_patch_call", "apply_patch", "operation", false},
    {"computer_call", "computer", "action", false},
    {"program", "program", "code", false},
    {"custom_tool_call_output", "", "output", true},
    {"tool_search_output", "tool_search", "tools", true},
    {"mcp_approval_response", "", "approve", true},
    {"shell_call_output", "shell", "output", true},
    {"local_shell_call_output", "local_shell", "output", true},
    {"apply_patch_call_output", "apply_patch", "output", true},
    {"computer_call_output", "computer", "output", true},
    {"program_output", "program", "result", true},
};

/* The item's row. Many items come without a type: their keys tell them. NULL:
 * it is neither call nor result. */
static const struct tool_item *row_of(const struct llmobs_json *item)
{
    const char *type = llmobs_json_gets(item, "type");

    for (size_t i = 0; type && i < sizeof(tool_items) / sizeof(*tool_items);
         i++)
        if (strcmp(type, tool_items[i].type) == 0)
            return &tool_items[i];
    if (!llmobs_json_get(item, "call_id"))
        return NULL;
    return llmobs_json_get(item, "arguments") || llmobs_json_get(item, "input")
               ? &tool_items[0]
           : llmobs_json_get(item, "output") ? &tool_items[1]
                                             : NULL;
}

/* Adds a part of a result: its text, a word for a picture or a file, or its
 * JSON. */
static int add_result_part(struct llmobs_buf *buf,
                           const struct llmobs_json *value)
{
    const char *text = llmobs_json_text(value);
    const char *thing = llmobs_responses_reference(value);
    char *dump;
    int rc;

    if (thing)
        return add_line(buf, thing);
    if (!text)
        text = llmobs_json_gets(value, "text");
    if (text || !value || llmobs_json_is_null(value))
        return llmobs_message_content_append(buf, text);
    dump = llmobs_json_dumps(value, LLMOBS_JSON_ASCII);
    rc = dump ? llmobs_message_content_append(buf, dump) : -ENOMEM;
    free(dump);
    return rc;
}

static struct llmobs_json *result_text(const struct llmobs_json *value)
{
    struct llmobs_json *text = NULL;
    struct llmobs_buf buf;
    int rc = 0;

    llmobs_buf_init(&buf, LLMOBS_MESSAGE_CONTENT_MAX);
    if (!llmobs_json_is_array(value))
        rc = add_result_part(&buf, value);
    LLMOBS_JSON_EACH (one, value, rc == 0)
        rc = add_result_part(&buf, one);
    if (rc == 0)
        text = llmobs_message_content_string(&buf);
    llmobs_buf_fini(&buf);
    return text;
}

/* The id by which a result finds its call. */
static const char *call_id(const struct llmobs_json *item)
{
    static const char keys[] = "call_id\0approval_request_id\0id\0";

    LLMOBS_WORDS_EACH (key, keys)
        if (llmobs_json_gets(item, key))
            return llmobs_json_gets(item, key);
    return NULL;
}

static int add_tool_item(struct llmobs_json *list,
                         const struct llmobs_json *item,
                         const struct tool_item *row)
{
    const struct llmobs_json *value = llmobs_json_get(item, row->key);
    const char *text = llmobs_json_text(value);
    const char *said = llmobs_json_gets(
        item, strcmp(row->type, "multi_agent_call") == 0 ? "action" : "name");
    const char *space = llmobs_json_gets(item, "namespace");
    const char *type = llmobs_json_gets(item, "type");
    char name[NAME_LEN];

    snprintf(name, sizeof(name), "%s%s%s", space ? space : "", space ? "." : "",
             llmobs_has_text(said) ? said : row->name);
    if (row->result)
        return add_tool(list, "user", NULL,
                        llmobs_tools_result(name, call_id(item),
                                            type ? type : row->type,
                                            result_text(value)));
    if (!value || llmobs_json_is_null(value) || (text && !*text))
        value = llmobs_json_get(
            item, strcmp(row->key, "input") == 0 ? "arguments" : "input");
    if (!value)
        value = llmobs_json_get(item, "actions"); /* of a computer */
    return add_tool(list, "assistant",
                    llmobs_tools_call(name, call_id(item),
                                      type ? type : row->type,
                                      llmobs_tools_arguments(value)),
                    NULL);
}

/* -- output -------------------------------------------------------------- */

/* Adds JSON text as a message. Takes `json`; NULL: no memory. */
static int add_json(struct llmobs_json *list, const char *role,
                    struct llmobs_json *json)
{
    char *text = json ? llmobs_json_dumps(json, LLMOBS_JSON_ASCII) : NULL;
    int rc = -ENOMEM;

    if (text)
        rc = llmobs_message_add_text(
            list, role,
            llmobs_text_cut(llmobs_text_of(text), LLMOBS_MESSAGE_CONTENT_MAX));
    free(text);
    llmobs_json_free(json);
    return rc;
}

static int copy_key(struct llmobs_json *to, const struct llmobs_json *from,
                    const char *key)
{
    struct llmobs_json *value = llmobs_json_get(from, key);

    return llmobs_json_set(
        to, key, value ? llmobs_json_share(value) : llmobs_json_null());
}

/* Adds the reasoning: its summary, or of servers of open models the full text,
 * under `content`; where only an encrypted form came, or none, that it is
 * withheld. */
static int add_reasoning(struct llmobs_json *list,
                         const struct llmobs_json *item)
{
    static const char keys[] = "summary\0encrypted_content\0id\0";
    bool full = llmobs_json_len(llmobs_json_get(item, "content")) > 0;
    struct llmobs_json *json;
    int rc = 0;

    if (!full && llmobs_json_len(llmobs_json_get(item, "summary")) == 0)
        return llmobs_message_add_text(
            list, "reasoning", llmobs_text_of(LLMOBS_THOUGHTS_WITHHELD));
    json = llmobs_json_object();
    LLMOBS_WORDS_EACH (key, keys)
        if (rc == 0)
            rc = copy_key(json, item, key);
    if (rc == 0 && full)
        rc = copy_key(json, item, "content");
    if (rc == 0)
        return add_json(list, "reasoning", json);
    llmobs_json_free(json);
    return rc;
}

/* Adds the code that the server ran, and what it printed; the pictures that it
 * made have words. */
static int add_code(struct llmobs_json *list, const struct llmobs_json *item)
{
    const char *id = llmobs_json_gets(item, "id");
    const struct llmobs_json *outputs = llmobs_json_get(item, "outputs");
    struct llmobs_json *arguments = llmobs_json_object(), *result = NULL;
    struct llmobs_buf text;
    int rc = copy_key(arguments, item, "code");

    llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
    LLMOBS_JSON_EACH (one, outputs, rc == 0) {
        rc =
            llmobs_json_says(one, "type", "image")
                ? llmobs_media_url(&text, "image", llmobs_json_gets(one, "url"))
                : add_line(&text, llmobs_json_gets(one, "logs"));
    }
    if (rc == 0 && text.len > 0)
        result = llmobs_tools_result(CODE_TOOL, id, CODE_TOOL "_call",
                                     llmobs_message_content_string(&text));
    llmobs_buf_fini(&text);
    if (rc == 0)
        return add_tool(
            list, "assistant",
            llmobs_tools_call(CODE_TOOL, id, CODE_TOOL "_call", arguments),
            result);
    llmobs_json_free(arguments);
    return rc;
}

/* Adds an item of an answer, or one that a request sends back. */
static int add_item(struct llmobs_json *list, const struct llmobs_json *item,
                    bool output)
{
    const struct tool_item *row = row_of(item);
    const char *type = llmobs_json_gets(item, "type");
    const char *role = llmobs_json_gets(item, "role");
    const struct llmobs_json *error = llmobs_json_get(item, "error");
    const bool failed = (error && !llmobs_json_is_null(error)) ||
                        llmobs_json_says(item, "status", "failed");

    if (row)
        return add_tool_item(list, item, row);
    if (output ? type && strcmp(type, "message") == 0
               : role && llmobs_json_get(item, "content"))
        return add_message(list, role ? role : "assistant", item, output);
    if (!type)
        return output ? add_json(list, "assistant",
                                 llmobs_media_words(item, "data"))
                      : 0;
    if (strcmp(type, "reasoning") == 0)
        return add_reasoning(list, item);
    if (strcmp(type, "mcp_call") == 0) {
        const struct llmobs_json *said = llmobs_json_get(item, "output");
        const char *id = llmobs_json_gets(item, "id");
        const char *name = llmobs_json_gets(item, "name");
        struct llmobs_json *result = NULL, *call = NULL;

        /* The server itself made the call, which may not have ended. */
        if (said || error)
            result = llmobs_tools_result(
                name ? name : "", id, "mcp_tool_result",
                result_text(!said || llmobs_json_is_null(said) ? error : said));
        if (result || (!said && !error))
            call = llmobs_tools_call(
                name, id, "mcp_call",
                llmobs_tools_arguments(llmobs_json_get(item, "arguments")));
        if (call)
            return add_tool(list, "assistant", call, result);
        llmobs_json_free(result);
        return -ENOMEM;
    }
    if (strcmp(type, "additional_tools") == 0 ||
        strcmp(type, "item_reference") == 0 ||
        (!failed && strcmp(type, "mcp_list_tools") == 0))
        return 0;
    if (!failed && strcmp(type, "image_generation_call") == 0)
        return llmobs_message_mark(
            list, llmobs_json_gets(item, "revised_prompt"), "image", NULL);
    if (strcmp(type, CODE_TOOL "_call") == 0)
        return add_code(list, item);
    if (strcmp(type, "compaction") == 0)
        return llmobs_message_add_text(list, "assistant",
                                       llmobs_text_of("[compaction]"));
    return add_json(list, role ? role : "assistant",
                    llmobs_media_words(item, "data"));
}

int llmobs_responses_add_inputs(struct llmobs_json *list,
                                const struct llmobs_json *input)
{
    int rc = 0;

    if (llmobs_json_is_string(input))
        return add_message(list, "user", input, false);
    if (!llmobs_json_is_array(input))
        return add_item(list, input, false);
    LLMOBS_JSON_EACH (one, input, rc == 0)
        rc = llmobs_json_is_string(one) ? add_message(list, "user", one, false)
                                        : add_item(list, one, false);
    return rc;
}

int llmobs_responses_output(struct llmobs_span *span,
                            const struct llmobs_json *response,
                            const struct llmobs_json *items)
{
    const struct llmobs_json *told = llmobs_json_get(
        llmobs_json_get(response, "usage"), "server_side_tool_usage_details");
    const struct llmobs_json *tools = llmobs_json_get(response, "tool_usage");
    int64_t searches = 0, files = 0;
    int rc = 0;

    span->output_messages = llmobs_json_array();
    LLMOBS_JSON_EACH (item, items, rc == 0) {
        const struct llmobs_json *action = llmobs_json_get(item, "action");

        /* Only searches are paid, not the pages that the model opens. An item
         * may be several of them: the response itself knows best. */
        searches += llmobs_json_says(item, "type", "web_search_call") &&
                    (!action || llmobs_json_says(action, "type", "search"));
        files += llmobs_json_says(item, "type", "file_search_call");
        rc = add_item(span->output_messages, item, true);
        if (rc == 0 && (llmobs_json_says(item, "type", "mcp_list_tools") ||
                        llmobs_json_says(item, "type", "additional_tools")))
            rc = llmobs_tools_add_definitions(llmobs_json_get(item, "tools"),
                                              &span->tool_definitions);
        if (rc == 0)
            rc = llmobs_json_sets(span->metadata, "phase",
                                  llmobs_json_gets(item, "phase"));
        if (rc == 0)
            rc = llmobs_sources_read(span, item, LLMOBS_SOURCES_OPENAI);
    }
    /* xAI tells with the usage how often its tools ran. */
    if (!llmobs_json_get(told, "web_search_calls") &&
        !llmobs_json_get(llmobs_json_get(tools, "web_search"), "num_requests"))
        llmobs_usage_piece(span, "web_search", searches);
    if (!llmobs_json_get(told, "file_search_calls"))
        llmobs_usage_piece(span, "file_search", files);
    llmobs_usage_tools(tools, span);
    return rc;
}
