#include "rules/vendors/interactions_steps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/media.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"
#include "rules/read/text.h"
#include "rules/read/tools.h"

static const char call_end[] = "_call", result_end[] = "_result";

static const char *type_of(const struct llmobs_json *step)
{
    const char *type = llmobs_json_gets(step, "type");

    return type ? type : "";
}

bool llmobs_interactions_is_call(const char *type)
{
    return llmobs_text_ends(llmobs_text_of(type), call_end);
}

/* -- contents ------------------------------------------------------------ */

int llmobs_interactions_mark(struct llmobs_buf *text,
                             const struct llmobs_json *content, bool *is)
{
    static const char *const kinds[] = {"image", "audio", "video", "document"};
    const char *detail = llmobs_json_gets(content, "uri");
    const char *data = llmobs_json_gets(content, "data");

    if (!detail || !*detail)
        detail = llmobs_json_gets(content, "mime_type");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (llmobs_json_says(content, "type", kinds[i])) {
            *is = true;
            return llmobs_media_mark(text, kinds[i], detail,
                                     llmobs_media_base64(llmobs_text_of(data)));
        }
    *is = false;
    return 0;
}

static int append_content(struct llmobs_buf *text,
                          const struct llmobs_json *content)
{
    bool is;
    int rc;

    if (llmobs_json_is_string(content))
        return llmobs_message_content_append(text, llmobs_json_text(content));
    rc = llmobs_interactions_mark(text, content, &is);
    if (rc < 0 || is)
        return rc;
    return llmobs_message_content_append(text,
                                         llmobs_json_gets(content, "text"));
}

/* Appends a text, a content or a list of contents. */
static int append_contents(struct llmobs_buf *text,
                           const struct llmobs_json *value)
{
    int rc = 0;

    if (!llmobs_json_is_array(value))
        return append_content(text, value);
    LLMOBS_JSON_EACH (one, value, rc == 0)
        rc = append_content(text, one);
    return rc;
}

/* Adds a message of contents; adds nothing where `empty` is false and the
 * contents have no text. */
static int add_contents(struct llmobs_json *list, const char *role,
                        const struct llmobs_json *value, bool empty)
{
    struct llmobs_buf text;
    int rc;

    llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
    rc = append_contents(&text, value);
    if (rc == 0 && (text.len > 0 || empty))
        rc = llmobs_message_add_text(list, role, llmobs_buf_text(&text));
    llmobs_buf_fini(&text);
    return rc;
}

/* -- tools --------------------------------------------------------------- */

/* The tool's name, or NULL. For a tool of Google the step's type has the name,
 * which is cut to `cap` bytes. */
static const char *tool_of(const struct llmobs_json *step, const char *end,
                           char *out, size_t cap)
{
    struct llmobs_text type = llmobs_text_of(type_of(step));
    const char *name = llmobs_json_gets(step, "name");

    if (name || llmobs_text_begins(type, "function_"))
        return name;
    type.len -= strlen(end);
    type = llmobs_text_cut(type, cap - 1);
    memcpy(out, type.data, type.len);
    out[type.len] = '\0';
    return out;
}

/* Adds a message with one item under `key`. Takes the item. */
static int add_item(struct llmobs_json *list, const char *role, const char *key,
                    struct llmobs_json *item)
{
    struct llmobs_json *message = llmobs_json_object();
    int named = llmobs_json_sets(message, "role", role);
    int rc = llmobs_message_set_one(message, key, item);

    return llmobs_json_add_made(list, message, named ? named : rc);
}

/* Appends a result that is no text: contents as their texts, other values as
 * JSON. */
static int append_result(struct llmobs_buf *text,
                         const struct llmobs_json *value)
{
    const struct llmobs_json *first =
        llmobs_json_is_array(value) ? llmobs_json_at(value, 0) : value;
    char *dump;
    int rc;

    if (!value || llmobs_json_is_null(value))
        return 0;
    if (llmobs_json_is_string(first) || llmobs_json_gets(first, "type"))
        return append_contents(text, value);
    dump = llmobs_json_dumps(value, LLMOBS_JSON_ASCII);
    rc = dump ? llmobs_message_content_append(text, dump) : -ENOMEM;
    free(dump);
    return rc;
}

/* -- steps --------------------------------------------------------------- */

/* Adds a step that both input and output may have; *is: false for others. */
static int add_step(struct llmobs_json *list, const struct llmobs_json *step,
                    bool *is)
{
    *is = true;
    if (llmobs_json_says(step, "type", "model_output"))
        return add_contents(list, "assistant", llmobs_json_get(step, "content"),
                            true);
    if (llmobs_json_says(step, "type", "thought"))
        return add_contents(list, "reasoning", llmobs_json_get(step, "summary"),
                            false);
    if (llmobs_interactions_is_call(type_of(step))) {
        char name[64];

        return add_item(
            list, "assistant", "tool_calls",
            llmobs_tools_call(
                tool_of(step, call_end, name, sizeof(name)),
                llmobs_json_gets(step, "id"), type_of(step),
                llmobs_tools_arguments(llmobs_json_get(step, "arguments"))));
    }
    if (llmobs_text_ends(llmobs_text_of(type_of(step)), result_end)) {
        /* Adds a result. The program sends the results of its functions, the
         * server sends the results of its own tools. */
        const char *role = llmobs_json_says(step, "type", "function_result")
                               ? "user"
                               : "assistant";
        struct llmobs_json *string = NULL;
        struct llmobs_buf text;
        char name[64];
        int rc;

        llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
        rc = append_result(&text, llmobs_json_get(step, "result"));
        if (rc == 0)
            string = llmobs_message_content_string(&text);
        llmobs_buf_fini(&text);
        if (rc < 0)
            return rc;
        return add_item(
            list, role, "tool_results",
            llmobs_tools_result(tool_of(step, result_end, name, sizeof(name)),
                                llmobs_json_gets(step, "call_id"),
                                type_of(step), string));
    }
    *is = false;
    return 0;
}

static int add_input(struct llmobs_json *list, const struct llmobs_json *value)
{
    bool is;
    int rc = add_step(list, value, &is);

    if (rc < 0 || is)
        return rc;
    if (llmobs_json_says(value, "type", "user_input") ||
        llmobs_json_gets(value, "role")) {
        const char *role = llmobs_json_gets(value, "role");

        if (role && strcmp(role, "model") == 0)
            role = "assistant";
        return add_contents(list, role ? role : "user",
                            llmobs_json_get(value, "content"), false);
    }
    return add_contents(list, "user", value, false);
}

/* True for a list of contents: it is one message, not one for each element. */
static bool is_contents(const struct llmobs_json *list)
{
    static const char types[] = "text\0image\0audio\0video\0document\0";
    const struct llmobs_json *first = llmobs_json_at(list, 0);

    if (llmobs_json_is_string(first))
        return true;
    LLMOBS_WORDS_EACH (type, types)
        if (llmobs_json_says(first, "type", type))
            return true;
    return false;
}

int llmobs_interactions_add_inputs(struct llmobs_json *list,
                                   const struct llmobs_json *input)
{
    int rc = 0;

    if (!llmobs_json_is_array(input))
        return add_input(list, input);
    if (is_contents(input))
        return add_contents(list, "user", input, false);
    LLMOBS_JSON_EACH (one, input, rc == 0)
        rc = add_input(list, one);
    return rc;
}

int llmobs_interactions_add_output(struct llmobs_json *list,
                                   const struct llmobs_json *step)
{
    bool is;
    int rc = add_step(list, step, &is);

    if (rc < 0 || is || llmobs_json_says(step, "type", "user_input"))
        return rc;
    return add_contents(list, "assistant", step, false);
}
