/* Converts an application's input and output to an event's form. */
#include "core/sdk/span_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void llmobs_span_side_free(struct llmobs_span_side *side)
{
    llmobs_json_free(side->messages);
    llmobs_json_free(side->documents);
    free(side->value);
    memset(side, 0, sizeof(*side));
}

void llmobs_span_side_swap(struct llmobs_span_side *side,
                           struct llmobs_json **messages,
                           struct llmobs_json **documents, char **value)
{
    char *was = *value;

    llmobs_span_io_swap(messages, &side->messages);
    llmobs_span_io_swap(documents, &side->documents);
    *value = side->value;
    side->value = was;
}

/* Copies a member, which must be a text (else -EINVAL). If it is missing, sets
 * it to `empty`, unless `empty` is NULL. */
static int copy_text(struct llmobs_json *to, const struct llmobs_json *from,
                     const char *key, const char *empty)
{
    const struct llmobs_json *value = llmobs_json_get(from, key);

    if (!value || llmobs_json_is_null(value))
        return empty ? llmobs_json_sets(to, key, empty) : 0;
    if (!llmobs_json_is_string(value))
        return -EINVAL;
    return llmobs_json_set(to, key, llmobs_json_clone(value));
}

/* -- lists ---------------------------------------------------------------- */

/* Makes one element from an object or a text. */
typedef int make_fn(const struct llmobs_json *value, struct llmobs_json *out);

static int add_made(struct llmobs_json *list, const struct llmobs_json *value,
                    make_fn *make)
{
    struct llmobs_json *object = llmobs_json_object();
    int rc = object ? make(value, object) : -ENOMEM;

    if (rc) {
        llmobs_json_free(object);
        return rc;
    }
    return llmobs_json_add(list, object);
}

/* Makes a list by calling `make` for each element, or for the one value. */
static int make_list(struct llmobs_json *value, make_fn *make,
                     struct llmobs_json **out)
{
    struct llmobs_json *list = llmobs_json_array();
    int rc = list ? 0 : -ENOMEM;

    if (!rc && !llmobs_json_is_array(value))
        rc = add_made(list, value, make);
    for (size_t i = 0;
         !rc && i < llmobs_json_len(value) && llmobs_json_is_array(value); i++)
        rc = add_made(list, llmobs_json_at(value, i), make);
    if (rc)
        llmobs_json_free(list);
    else
        *out = list;
    return rc;
}

static int set_list(struct llmobs_json *to, const struct llmobs_json *from,
                    const char *key, make_fn *make)
{
    struct llmobs_json *value = llmobs_json_get(from, key);
    struct llmobs_json *list;
    int rc;

    if (!value || llmobs_json_is_null(value))
        return 0;
    if (!llmobs_json_is_array(value) && !llmobs_json_is_object(value))
        return -EINVAL;
    rc = make_list(value, make, &list);
    return rc ? rc : llmobs_json_set(to, key, list);
}

/* -- messages ------------------------------------------------------------- */

/* Arguments that are not an object become the "value" of an object (WIRE 1.5).
 */
static struct llmobs_json *arguments_of(const struct llmobs_json *value)
{
    const char *text = llmobs_json_text(value);
    struct llmobs_json *object = NULL;

    if (!value || llmobs_json_is_null(value) || (text && !*text))
        return llmobs_json_object();
    if (llmobs_json_is_object(value))
        return llmobs_json_clone(value);
    if (text && llmobs_json_parse(llmobs_text_of(text), &object) == 0 &&
        llmobs_json_is_object(object))
        return object;
    llmobs_json_free(object);
    object = llmobs_json_object();
    if (llmobs_json_set(object, "value", llmobs_json_clone(value)) == 0)
        return object;
    llmobs_json_free(object);
    return NULL;
}

static int make_call(const struct llmobs_json *value, struct llmobs_json *out)
{
    int rc;

    if (!llmobs_json_is_object(value) || !llmobs_json_gets(value, "name"))
        return -EINVAL;
    rc = copy_text(out, value, "name", "");
    if (!rc)
        rc = copy_text(out, value, "tool_id", "");
    if (!rc)
        rc = copy_text(out, value, "type", "function");
    return rc ? rc
              : llmobs_json_set(
                    out, "arguments",
                    arguments_of(llmobs_json_get(value, "arguments")));
}

static int make_result(const struct llmobs_json *value, struct llmobs_json *out)
{
    const struct llmobs_json *result = llmobs_json_get(value, "result");
    char *text;
    int rc;

    if (!llmobs_json_is_object(value) || !result)
        return -EINVAL;
    text = llmobs_span_io_tag(result);
    rc = text ? llmobs_json_sets(out, "result", text) : -ENOMEM;
    free(text);
    if (!rc)
        rc = copy_text(out, value, "name", NULL);
    if (!rc)
        rc = copy_text(out, value, "tool_id", "");
    return rc ? rc : copy_text(out, value, "type", "tool_result");
}

static int copy_checked(struct llmobs_json *to, const struct llmobs_json *from,
                        const char *key, bool is(const struct llmobs_json *))
{
    const struct llmobs_json *value = llmobs_json_get(from, key);

    if (!value)
        return 0;
    if (!is(value))
        return -EINVAL;
    return llmobs_json_set(to, key, llmobs_json_clone(value));
}

static bool says_something(const struct llmobs_json *message)
{
    static const char *const keys[] = {"content",     "role",
                                       "tool_calls",  "tool_results",
                                       "audio_parts", "image_parts"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        if (llmobs_json_get(message, keys[i]))
            return true;
    return false;
}

static int make_message(const struct llmobs_json *value,
                        struct llmobs_json *out)
{
    int rc;

    if (llmobs_json_is_string(value))
        return llmobs_json_set(out, "content", llmobs_json_clone(value));
    if (!llmobs_json_is_object(value) || !says_something(value))
        return -EINVAL;
    rc = copy_text(out, value, "content", "");
    if (!rc)
        rc = copy_text(out, value, "role", NULL);
    if (!rc)
        rc = set_list(out, value, "tool_calls", make_call);
    if (!rc)
        rc = set_list(out, value, "tool_results", make_result);
    if (!rc)
        rc = copy_checked(out, value, "audio_parts", llmobs_json_is_array);
    return rc ? rc
              : copy_checked(out, value, "image_parts", llmobs_json_is_array);
}

/* -- documents ------------------------------------------------------------ */

static int make_document(const struct llmobs_json *value,
                         struct llmobs_json *out)
{
    const struct llmobs_json *score;
    int rc;

    if (llmobs_json_is_string(value))
        return llmobs_json_set(out, "text", llmobs_json_clone(value));
    if (!llmobs_json_is_object(value) || !llmobs_json_gets(value, "text"))
        return -EINVAL;
    rc = copy_text(out, value, "text", NULL);
    if (!rc)
        rc = copy_text(out, value, "name", NULL);
    if (!rc)
        rc = copy_text(out, value, "id", NULL);
    score = llmobs_json_get(value, "score");
    if (rc || !score || llmobs_json_is_null(score))
        return rc;
    if (!llmobs_json_is_number(score))
        return -EINVAL;
    return llmobs_json_set(out, "score", llmobs_json_clone(score));
}

/* -- sides ---------------------------------------------------------------- */

static int make_text(const struct llmobs_json *value, char **out)
{
    *out = llmobs_span_io_tag(value);
    return *out ? 0 : -ENOMEM;
}

int llmobs_span_io_input(enum llmobs_kind kind, struct llmobs_json *value,
                         struct llmobs_span_side *out)
{
    memset(out, 0, sizeof(*out));
    if (kind == LLMOBS_KIND_LLM)
        return make_list(value, make_message, &out->messages);
    if (kind == LLMOBS_KIND_EMBEDDING)
        return make_list(value, make_document, &out->documents);
    return make_text(value, &out->value);
}

int llmobs_span_io_output(enum llmobs_kind kind, struct llmobs_json *value,
                          struct llmobs_span_side *out)
{
    memset(out, 0, sizeof(*out));
    if (kind == LLMOBS_KIND_LLM)
        return make_list(value, make_message, &out->messages);
    if (kind == LLMOBS_KIND_RETRIEVAL)
        return make_list(value, make_document, &out->documents);
    return make_text(value, &out->value);
}

char *llmobs_span_io_tag(const struct llmobs_json *value)
{
    const char *text = llmobs_json_text(value);

    return text ? strdup(text) : llmobs_json_dumps(value, 0);
}

/* -- prompts and tools ---------------------------------------------------- */

bool llmobs_span_io_are_texts(const struct llmobs_json *list)
{
    for (size_t i = 0; i < llmobs_json_len(list); i++)
        if (!llmobs_json_is_string(llmobs_json_at(list, i)))
            return false;
    return llmobs_json_is_array(list);
}

/* Copies a list of variables' names under the key `as` of the event. Without
 * such a list, makes a list with only `usual`. */
static int copy_names(struct llmobs_json *to, const struct llmobs_json *from,
                      const char *key, const char *as, const char *usual)
{
    const struct llmobs_json *value = llmobs_json_get(from, key);
    struct llmobs_json *list;

    if (!value) {
        list = llmobs_json_array();
        (void)llmobs_json_add(list, llmobs_json_string(usual));
        return llmobs_json_set(to, as, list);
    }
    if (!llmobs_span_io_are_texts(value))
        return -EINVAL;
    return llmobs_json_set(to, as, llmobs_json_clone(value));
}

/* A placeholder stands for messages that are filled in later. */
static int make_template(const struct llmobs_json *value,
                         struct llmobs_json *out)
{
    int rc;

    if (!llmobs_json_says(value, "type", "placeholder"))
        return make_message(value, out);
    if (!llmobs_json_gets(value, "name"))
        return -EINVAL;
    rc = copy_text(out, value, "type", NULL);
    return rc ? rc : copy_text(out, value, "name", NULL);
}

static int copy_prompt(struct llmobs_json *to, const struct llmobs_json *from)
{
    static const char *const texts[] = {"id",          "version",
                                        "label",       "template",
                                        "prompt_uuid", "prompt_version_uuid"};
    int rc = 0;

    if (llmobs_json_get(from, "template") &&
        llmobs_json_get(from, "chat_template"))
        return -EINVAL;
    for (size_t i = 0; !rc && i < sizeof(texts) / sizeof(*texts); i++)
        rc = copy_text(to, from, texts[i], NULL);
    if (!rc)
        rc = set_list(to, from, "chat_template", make_template);
    if (!rc && !llmobs_json_get(to, "id"))
        rc = llmobs_json_sets(to, "id", llmobs_json_gets(from, "name"));
    if (!rc)
        rc = copy_checked(to, from, "variables", llmobs_json_is_object);
    if (!rc)
        rc = copy_checked(to, from, "tags", llmobs_json_is_object);
    if (!rc)
        rc = copy_names(to, from, "rag_context_variables",
                        "_dd_context_variable_keys", "context");
    if (!rc)
        rc = copy_names(to, from, "rag_query_variables",
                        "_dd_query_variable_keys", "question");
    return rc;
}

int llmobs_span_io_prompt(const struct llmobs_json *prompt,
                          struct llmobs_json **out)
{
    struct llmobs_json *made;
    int rc;

    if (!llmobs_json_is_object(prompt))
        return -EINVAL;
    made = llmobs_json_object();
    rc = made ? copy_prompt(made, prompt) : -ENOMEM;
    if (rc)
        llmobs_json_free(made);
    else
        *out = made;
    return rc;
}

static int make_tool(const struct llmobs_json *value, struct llmobs_json *out)
{
    int rc;

    if (!llmobs_json_is_object(value) || !llmobs_json_gets(value, "name"))
        return -EINVAL;
    rc = copy_text(out, value, "name", "");
    if (!rc)
        rc = copy_text(out, value, "description", "");
    if (!rc)
        rc = copy_text(out, value, "version", NULL);
    if (!rc && !llmobs_json_get(value, "schema"))
        return llmobs_json_set(out, "schema", llmobs_json_object());
    return rc ? rc : copy_checked(out, value, "schema", llmobs_json_is_object);
}

int llmobs_span_io_tools(const struct llmobs_json *tools,
                         struct llmobs_json **out)
{
    struct llmobs_json *list;
    int rc = 0;

    if (!llmobs_json_is_array(tools))
        return -EINVAL;
    list = llmobs_json_array();
    for (size_t i = 0; !rc && i < llmobs_json_len(tools); i++)
        rc = add_made(list, llmobs_json_at(tools, i), make_tool);
    if (rc || !list) {
        llmobs_json_free(list);
        return rc ? rc : -ENOMEM;
    }
    *out = list;
    return 0;
}
