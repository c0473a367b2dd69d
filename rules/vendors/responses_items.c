#include "rules/vendors/responses_items.h"

#include <errno.h>
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

static int add_audio(struct llmobs_message_content *content,
                     const struct llmobs_json *part)
{
    const struct llmobs_json *audio = llmobs_json_get(part, "input_audio");
    const char *data = llmobs_json_gets(audio, "data");

    if (!llmobs_has_text(data))
        return llmobs_message_content_append(&content->text, "[audio]");
    return llmobs_message_content_add_audio(content, data,
                                            llmobs_json_gets(audio, "format"));
}

/* True for sound whose words came with it. */
static bool is_speech(const struct llmobs_json *part)
{
    return (llmobs_json_says(part, "type", "input_audio") ||
            llmobs_json_says(part, "type", "output_audio") ||
            llmobs_json_says(part, "type", "audio")) &&
           llmobs_has_text(llmobs_json_gets(part, "transcript"));
}

/* Adds a part. One of an unknown type may have a text or a refusal, else it
 * adds nothing. */
static int add_part(struct llmobs_message_content *content,
                    const struct llmobs_json *part)
{
    const char *reference = llmobs_responses_reference(part);
    int rc;

    if (llmobs_json_is_string(part))
        return llmobs_message_content_append(&content->text,
                                             llmobs_json_text(part));
    if (llmobs_json_says(part, "type", "input_image") &&
        is_inline(image_url(part)))
        return llmobs_message_content_add_image(content, image_url(part));
    if (reference)
        return llmobs_message_content_append(&content->text, reference);
    if (is_speech(part))
        return llmobs_message_content_append(
            &content->text, llmobs_json_gets(part, "transcript"));
    if (llmobs_json_says(part, "type", "input_audio"))
        return add_audio(content, part);
    if (llmobs_json_says(part, "type", "output_audio") ||
        llmobs_json_says(part, "type", "audio"))
        return llmobs_message_content_append(&content->text, "[audio]");
    rc = llmobs_message_content_append(&content->text,
                                       llmobs_json_gets(part, "text"));
    if (rc < 0)
        return rc;
    return llmobs_message_content_append(&content->text,
                                         llmobs_json_gets(part, "refusal"));
}

/* Adds a message with the collected content; an empty one only if `empty`. */
static int put_content(struct llmobs_json *list, const char *role,
                       struct llmobs_message_content *content, bool empty)
{
    struct llmobs_json *message;
    int rc;

    if (!empty && content->text.len == 0 && !content->images && !content->audio)
        return 0;
    message = llmobs_json_object();
    rc = llmobs_json_sets(message, "role", role);
    if (rc == 0)
        rc = llmobs_message_content_store(content, message);
    return llmobs_json_add_made(list, message, rc);
}

static int add_message(struct llmobs_json *list, const char *role,
                       const struct llmobs_json *value, bool empty)
{
    struct llmobs_message_content content;
    int rc;

    llmobs_message_content_init(&content);
    rc = llmobs_message_content_each(&content, value, add_part);
    if (rc == 0)
        rc = put_content(list, role, &content, empty);
    llmobs_message_content_fini(&content);
    return rc;
}

/* Adds the screenshot that answers a computer call, as its URL or id only. */
static int add_screenshot(struct llmobs_json *list,
                          const struct llmobs_json *item)
{
    const char *text =
        llmobs_responses_reference(llmobs_json_get(item, "output"));

    return llmobs_message_add_text(list, "user",
                                   llmobs_text_of(text ? text : "[image]"));
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

/* Gives the arguments under the first of two names that is not empty. */
static struct llmobs_json *arguments_of(const struct llmobs_json *item,
                                        const char *key, const char *other)
{
    const struct llmobs_json *value = llmobs_json_get(item, key);
    const char *text = llmobs_json_text(value);

    if (!value || llmobs_json_is_null(value) || (text && !*text))
        value = llmobs_json_get(item, other);
    return llmobs_tools_arguments(value);
}

static int add_call(struct llmobs_json *list, const struct llmobs_json *item,
                    struct llmobs_json *arguments)
{
    const char *type = llmobs_json_gets(item, "type");
    struct llmobs_json *call = llmobs_tools_call(
        llmobs_json_gets(item, "name"), llmobs_json_gets(item, "call_id"),
        type ? type : "function_call", arguments);

    return call ? add_tool(list, "assistant", call, NULL) : -ENOMEM;
}

/* Gives a result as text: of a list only its texts, anything else as JSON. */
static struct llmobs_json *result_text(const struct llmobs_json *value)
{
    struct llmobs_json *text = NULL;
    struct llmobs_buf buf;
    char *dump;
    int rc = 0;

    llmobs_buf_init(&buf, LLMOBS_MESSAGE_CONTENT_MAX);
    if (llmobs_json_is_array(value)) {
        LLMOBS_JSON_EACH (one, value, rc == 0)
            if (llmobs_json_says(one, "type", "input_text"))
                rc = llmobs_message_content_append(
                    &buf, llmobs_json_gets(one, "text"));
    } else if (llmobs_json_is_string(value)) {
        rc = llmobs_message_content_append(&buf, llmobs_json_text(value));
    } else if (value && !llmobs_json_is_null(value)) {
        dump = llmobs_json_dumps(value, LLMOBS_JSON_ASCII);
        rc = dump ? llmobs_message_content_append(&buf, dump) : -ENOMEM;
        free(dump);
    }
    if (rc == 0)
        text = llmobs_message_content_string(&buf);
    llmobs_buf_fini(&buf);
    return text;
}

static const char *name_of(const struct llmobs_json *item)
{
    const char *name = llmobs_json_gets(item, "name");

    return name ? name : "";
}

static int add_result(struct llmobs_json *list, const struct llmobs_json *item)
{
    const char *type = llmobs_json_gets(item, "type");
    struct llmobs_json *result =
        llmobs_tools_result(name_of(item), llmobs_json_gets(item, "call_id"),
                            type ? type : "function_call_output",
                            result_text(llmobs_json_get(item, "output")));

    return result ? add_tool(list, "user", NULL, result) : -ENOMEM;
}

/* Gives the result of a call that the server itself made, or its error. NULL
 * with *rc 0: the call has not ended. */
static struct llmobs_json *mcp_result(const struct llmobs_json *item, int *rc)
{
    const struct llmobs_json *output = llmobs_json_get(item, "output");
    const struct llmobs_json *error = llmobs_json_get(item, "error");
    struct llmobs_json *result;

    if (!output && !error)
        return NULL;
    if (!output || llmobs_json_is_null(output))
        output = error;
    result = llmobs_tools_result(name_of(item), llmobs_json_gets(item, "id"),
                                 "mcp_tool_result", result_text(output));
    if (!result)
        *rc = -ENOMEM;
    return result;
}

static int add_mcp_call(struct llmobs_json *list,
                        const struct llmobs_json *item)
{
    int rc = 0;
    struct llmobs_json *result = mcp_result(item, &rc), *call = NULL;

    if (rc == 0)
        call = llmobs_tools_call(llmobs_json_gets(item, "name"),
                                 llmobs_json_gets(item, "id"), "mcp_call",
                                 arguments_of(item, "arguments", "input"));
    if (call)
        return add_tool(list, "assistant", call, result);
    llmobs_json_free(result);
    return -ENOMEM;
}

/* -- input --------------------------------------------------------------- */

/* True for a call. Its keys show that, since many items come without a type. */
static bool is_call(const struct llmobs_json *item)
{
    if (llmobs_json_says(item, "type", "function_call") ||
        llmobs_json_says(item, "type", "custom_tool_call"))
        return true;
    return llmobs_json_get(item, "call_id") &&
           (llmobs_json_get(item, "arguments") ||
            llmobs_json_get(item, "input"));
}

static int add_input(struct llmobs_json *list, const struct llmobs_json *item)
{
    const char *role = llmobs_json_gets(item, "role");

    if (llmobs_json_is_string(item))
        return add_message(list, "user", item, false);
    if (role && llmobs_json_get(item, "content"))
        return add_message(list, role, llmobs_json_get(item, "content"), false);
    if (llmobs_json_says(item, "type", "computer_call_output"))
        return add_screenshot(list, item);
    if (is_call(item))
        return add_call(list, item, arguments_of(item, "arguments", "input"));
    if (llmobs_json_get(item, "call_id") && llmobs_json_get(item, "output"))
        return add_result(list, item);
    return 0;
}

int llmobs_responses_add_inputs(struct llmobs_json *list,
                                const struct llmobs_json *input)
{
    int rc = 0;

    if (!llmobs_json_is_array(input))
        return add_input(list, input);
    LLMOBS_JSON_EACH (one, input, rc == 0)
        rc = add_input(list, one);
    return rc;
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

/* Adds the reasoning. Servers of open models send its full text, under
 * `content`, which OpenAI never does. */
static int add_reasoning(struct llmobs_json *list,
                         const struct llmobs_json *item)
{
    struct llmobs_json *json = llmobs_json_object();
    int rc = copy_key(json, item, "summary");

    if (rc == 0)
        rc = copy_key(json, item, "encrypted_content");
    if (rc == 0)
        rc = copy_key(json, item, "id");
    if (rc == 0 && llmobs_json_len(llmobs_json_get(item, "content")) > 0)
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

static int add_output(struct llmobs_json *list, const struct llmobs_json *item)
{
    const char *role = llmobs_json_gets(item, "role");

    if (llmobs_json_says(item, "type", "message"))
        return add_message(list, role ? role : "assistant",
                           llmobs_json_get(item, "content"), true);
    if (llmobs_json_says(item, "type", "reasoning"))
        return add_reasoning(list, item);
    if (llmobs_json_says(item, "type", "function_call") ||
        llmobs_json_says(item, "type", "custom_tool_call"))
        return add_call(list, item, arguments_of(item, "input", "arguments"));
    if (llmobs_json_says(item, "type", "mcp_call"))
        return add_mcp_call(list, item);
    if (llmobs_json_says(item, "type", "mcp_list_tools"))
        return 0;
    if (llmobs_json_says(item, "type", "image_generation_call"))
        return llmobs_message_mark(
            list, llmobs_json_gets(item, "revised_prompt"), "image", NULL);
    if (llmobs_json_says(item, "type", CODE_TOOL "_call"))
        return add_code(list, item);
    if (llmobs_json_says(item, "type", "compaction"))
        return llmobs_message_add_text(list, "assistant",
                                       llmobs_text_of("[compaction]"));
    if (llmobs_json_says(item, "type", "computer_call_output"))
        return add_screenshot(list, item);
    return add_json(list, "assistant", llmobs_media_words(item, "data"));
}

int llmobs_responses_output(struct llmobs_span *span,
                            const struct llmobs_json *items)
{
    int64_t searches = 0, files = 0;
    int rc = 0;

    span->output_messages = llmobs_json_array();
    if (!span->output_messages)
        return -ENOMEM;
    LLMOBS_JSON_EACH (item, items, rc == 0) {
        const struct llmobs_json *action = llmobs_json_get(item, "action");

        /* Only searches are paid, not the pages that the model opens. */
        searches += llmobs_json_says(item, "type", "web_search_call") &&
                    (!action || llmobs_json_says(action, "type", "search"));
        files += llmobs_json_says(item, "type", "file_search_call");
        rc = add_output(span->output_messages, item);
        if (rc == 0 && llmobs_json_says(item, "type", "mcp_list_tools"))
            rc = llmobs_tools_add_definitions(llmobs_json_get(item, "tools"),
                                              &span->tool_definitions);
        if (rc == 0)
            rc = llmobs_json_sets(span->metadata, "phase",
                                  llmobs_json_gets(item, "phase"));
        if (rc == 0)
            rc = llmobs_sources_read(span, item, LLMOBS_SOURCES_OPENAI);
    }
    llmobs_usage_piece(span, "web_search", searches);
    llmobs_usage_piece(span, "file_search", files);
    return rc;
}
