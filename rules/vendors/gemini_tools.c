#include "rules/vendors/gemini_tools.h"

#include <errno.h>

#include "rules/vendors/google.h"
#include "rules/read/tools.h"

/* The meaning of the keys of an object in a schema. */
enum names {
    NAMES_KEYWORDS, /* keywords of the schema language, which become snake_case
                     */
    NAMES_OWN       /* the user's own names, whose values are schemas */
};

static struct llmobs_json *snake_value(const char *key,
                                       const struct llmobs_json *value);

/* Gives a schema, or the named schemas below a keyword, in snake_case. The
 * recursion is as deep as the parsed document. */
static struct llmobs_json *snake_object(const struct llmobs_json *from,
                                        enum names names)
{
    struct llmobs_json *out = llmobs_json_object();
    char name[LLMOBS_GOOGLE_SNAKE_CAP];
    int rc = out ? 0 : -ENOMEM;

    for (void *it = llmobs_json_iter(from); rc == 0 && it;
         it = llmobs_json_next(from, it)) {
        const char *key = llmobs_json_iter_key(it);
        const struct llmobs_json *value = llmobs_json_iter_value(it);

        if (names == NAMES_OWN)
            rc = llmobs_json_set(out, key, snake_value("", value));
        else
            rc = llmobs_json_set(out, llmobs_google_snake(key, name),
                                 snake_value(key, value));
    }
    return llmobs_json_done(out, rc);
}

static struct llmobs_json *snake_list(const struct llmobs_json *from)
{
    struct llmobs_json *out = llmobs_json_array();
    int rc = out ? 0 : -ENOMEM;

    LLMOBS_JSON_EACH (one, from, rc == 0)
        rc = llmobs_json_add(out, snake_value("", one));
    return llmobs_json_done(out, rc);
}

/* Gives the value of a keyword; "": a schema. Examples of the user's data stay
 * as they are. */
static struct llmobs_json *snake_value(const char *key,
                                       const struct llmobs_json *value)
{
    static const char own[] = "properties\0defs\0$defs\0";
    static const char data[] = "default\0example\0enum\0";

    if (llmobs_words_have(data, key))
        return llmobs_json_clone(value);
    if (llmobs_json_is_array(value))
        return snake_list(value);
    if (llmobs_json_is_object(value))
        return snake_object(
            value, llmobs_words_have(own, key) ? NAMES_OWN : NAMES_KEYWORDS);
    return llmobs_json_clone(value);
}

static struct llmobs_json *gemini_tools_schema_of(
    const struct llmobs_json *function)
{
    const struct llmobs_json *schema = llmobs_json_get(function, "parameters");

    if (llmobs_json_is_object(schema))
        return snake_object(schema, NAMES_KEYWORDS);
    schema = llmobs_google_get(function, "parametersJsonSchema");
    return llmobs_json_is_object(schema) ? llmobs_json_clone(schema)
                                         : llmobs_json_object();
}

static int add_functions(const struct llmobs_json *functions,
                         struct llmobs_json *list)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < llmobs_google_len(functions); i++) {
        const struct llmobs_json *function = llmobs_google_at(functions, i);

        if (llmobs_json_len(function) > 0)
            rc = llmobs_json_add(list,
                                 llmobs_tools_definition(
                                     llmobs_json_gets(function, "name"),
                                     llmobs_json_gets(function, "description"),
                                     gemini_tools_schema_of(function)));
    }
    return rc;
}

int llmobs_gemini_read_tools(const struct llmobs_json *request,
                             struct llmobs_json **out)
{
    const struct llmobs_json *tools = llmobs_json_get(request, "tools");
    struct llmobs_json *list = llmobs_json_array();
    int rc = list ? 0 : -ENOMEM;

    *out = NULL;
    for (size_t i = 0; rc == 0 && i < llmobs_google_len(tools); i++)
        rc = add_functions(llmobs_google_get(llmobs_google_at(tools, i),
                                             "functionDeclarations"),
                           list);
    if (rc == 0 && llmobs_json_len(list) > 0)
        *out = list;
    else
        llmobs_json_free(list);
    return rc;
}
