/* Reads tool calls, results and definitions. */
#include "rules/read/tools.h"

#include <errno.h>
#include <stdlib.h>

static struct llmobs_json *wrap_text(const char *text)
{
    struct llmobs_json *object = llmobs_json_object();

    if (llmobs_json_sets(object, "value", text) == 0 && object)
        return object;
    llmobs_json_free(object);
    return NULL;
}

struct llmobs_json *llmobs_tools_arguments(const struct llmobs_json *value)
{
    const char *text = llmobs_json_text(value);
    struct llmobs_json *parsed = NULL;
    char *dump;

    if (llmobs_json_is_object(value))
        return llmobs_json_clone(value);
    if (!value || llmobs_json_is_null(value) || (text && !*text))
        return llmobs_json_object();
    if (text) {
        if (llmobs_json_parse(llmobs_text_of(text), &parsed) == 0 &&
            llmobs_json_is_object(parsed))
            return parsed;
        llmobs_json_free(parsed);
        return wrap_text(text);
    }
    dump = llmobs_json_dumps(value, 0);
    parsed = dump ? wrap_text(dump) : NULL;
    free(dump);
    return parsed;
}

bool llmobs_tools_is_none(const char *name, const struct llmobs_json *arguments)
{
    const char *text = llmobs_json_text(arguments);

    return (!name || !*name) &&
           (text ? !*text
                 : !arguments || llmobs_json_is_null(arguments) ||
                       (llmobs_json_is_object(arguments) &&
                        llmobs_json_len(arguments) == 0));
}

static int set_text(struct llmobs_json *object, const char *key,
                    const char *text)
{
    return llmobs_json_sets(object, key, text ? text : "");
}

struct llmobs_json *llmobs_tools_call(const char *name, const char *id,
                                      const char *type,
                                      struct llmobs_json *arguments)
{
    struct llmobs_json *call = llmobs_json_object();

    if (!call) {
        llmobs_json_free(arguments);
        return NULL;
    }
    if (llmobs_json_set(call, "arguments", arguments) == 0 &&
        set_text(call, "name", name) == 0 &&
        set_text(call, "tool_id", id) == 0 && set_text(call, "type", type) == 0)
        return call;
    llmobs_json_free(call);
    return NULL;
}

struct llmobs_json *llmobs_tools_result(const char *name, const char *id,
                                        const char *type,
                                        struct llmobs_json *result)
{
    struct llmobs_json *out = llmobs_json_object();

    if (llmobs_json_set(out, "result", result) == 0 &&
        llmobs_json_sets(out, "name", name) == 0 &&
        set_text(out, "tool_id", id) == 0 && set_text(out, "type", type) == 0)
        return out;
    llmobs_json_free(out);
    return NULL;
}

/* Adds a call of `tool_calls`, unless it says nothing. */
static int add_call(struct llmobs_json *calls, const struct llmobs_json *from)
{
    const struct llmobs_json *custom = llmobs_json_get(from, "custom");
    const struct llmobs_json *body = llmobs_json_get(from, "function");
    const struct llmobs_json *arguments = llmobs_json_get(body, "arguments");
    const char *type = llmobs_json_gets(from, "type"), *name;

    if (llmobs_json_is_object(custom) && !llmobs_json_is_object(body)) {
        body = custom;
        arguments = llmobs_json_get(custom, "input");
    }
    name = llmobs_json_gets(body, "name");
    if (!llmobs_json_is_object(from) || llmobs_tools_is_none(name, arguments))
        return 0;
    return llmobs_json_add(
        calls, llmobs_tools_call(name, llmobs_json_gets(from, "id"),
                                 type && *type ? type : "function",
                                 llmobs_tools_arguments(arguments)));
}

/* The legacy form has neither id nor type (WIRE 1.5). */
static int add_legacy(struct llmobs_json *calls,
                      const struct llmobs_json *function)
{
    const struct llmobs_json *arguments =
        llmobs_json_get(function, "arguments");
    const char *name = llmobs_json_gets(function, "name");
    struct llmobs_json *call;

    if (!llmobs_json_is_object(function) ||
        llmobs_tools_is_none(name, arguments))
        return 0;
    call = llmobs_json_object();
    if (llmobs_json_set(call, "arguments", llmobs_tools_arguments(arguments)) ==
            0 &&
        set_text(call, "name", name) == 0)
        return llmobs_json_add(calls, call);
    llmobs_json_free(call);
    return -ENOMEM;
}

int llmobs_tools_add_executed(const struct llmobs_json *from,
                              struct llmobs_json *calls,
                              struct llmobs_json *results)
{
    const char *type = llmobs_json_gets(from, "type");
    const char *name = llmobs_json_gets(from, "name");
    const char *output = llmobs_json_gets(from, "output");
    const struct llmobs_json *arguments = llmobs_json_get(from, "arguments");
    int rc;

    name = name && *name ? name : type;
    if (llmobs_tools_is_none(name, arguments))
        return 0;
    rc = llmobs_json_add(
        calls,
        llmobs_tools_call(name, NULL, type, llmobs_tools_arguments(arguments)));
    return rc < 0 || !output
               ? rc
               : llmobs_json_add(
                     results, llmobs_tools_result(name, NULL, type,
                                                  llmobs_json_string(output)));
}

/* Takes the list; an empty one is left out. */
static int set_list(struct llmobs_json *message, const char *key,
                    struct llmobs_json *list, int rc)
{
    if (rc == 0 && llmobs_json_len(list) > 0)
        return llmobs_json_set(message, key, list);
    llmobs_json_free(list);
    return rc;
}

int llmobs_tools_set(struct llmobs_json *message, struct llmobs_json *calls,
                     struct llmobs_json *results, int rc)
{
    rc = set_list(message, "tool_calls", calls, rc);
    return set_list(message, "tool_results", results, rc);
}

int llmobs_tools_read_calls(const struct llmobs_json *from,
                            struct llmobs_json *message)
{
    const struct llmobs_json *list = llmobs_json_get(from, "tool_calls");
    const struct llmobs_json *ran = llmobs_json_get(from, "executed_tools");
    struct llmobs_json *calls = llmobs_json_array();
    struct llmobs_json *results = llmobs_json_array();
    int rc = calls && results ? 0 : -ENOMEM;

    LLMOBS_JSON_EACH (one, list, rc == 0)
        rc = add_call(calls, one);
    if (rc == 0)
        rc = add_legacy(calls, llmobs_json_get(from, "function_call"));
    LLMOBS_JSON_EACH (one, ran, rc == 0)
        rc = llmobs_tools_add_executed(one, calls, results);
    return llmobs_tools_set(message, calls, results, rc);
}

struct llmobs_json *llmobs_tools_definition(const char *name,
                                            const char *description,
                                            struct llmobs_json *schema)
{
    struct llmobs_json *definition = llmobs_json_object();

    if (llmobs_json_set(definition, "schema", schema) == 0 &&
        set_text(definition, "name", name) == 0 &&
        set_text(definition, "description", description) == 0)
        return definition;
    llmobs_json_free(definition);
    return NULL;
}

/* The schema, which has several names; the first name that is there counts. */
static const struct llmobs_json *schema_of(const struct llmobs_json *from)
{
    static const char *const keys[] = {"parameters", "format", "input_schema",
                                       "inputSchema"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const struct llmobs_json *schema = llmobs_json_get(from, keys[i]);

        if (schema && !llmobs_json_is_null(schema))
            return schema;
    }
    return NULL;
}

/* Adds a definition from its nested or flat form; an empty definition adds
 * nothing. A deferred tool keeps only its name (WIRE 1.5). */
static int add_definition(const struct llmobs_json *tool,
                          struct llmobs_json *list)
{
    const struct llmobs_json *from = llmobs_json_get(tool, "function");
    const struct llmobs_json *schema;
    const char *name, *text;

    if (!llmobs_json_is_object(from))
        from = llmobs_json_get(tool, "custom");
    if (!llmobs_json_is_object(from))
        from = tool;
    name = llmobs_json_gets(from, "name");
    text = llmobs_json_gets(from, "description");
    schema = schema_of(from);
    if (llmobs_json_is_true(llmobs_json_get(tool, "defer_loading")) ||
        llmobs_json_is_true(llmobs_json_get(from, "defer_loading")))
        text = NULL, schema = NULL;
    if ((!name || !*name) && (!text || !*text) && llmobs_json_len(schema) == 0)
        return 0;
    return llmobs_json_add(
        list, llmobs_tools_definition(name, text,
                                      schema ? llmobs_json_clone(schema)
                                             : llmobs_json_object()));
}

int llmobs_tools_add_definitions(const struct llmobs_json *tools,
                                 struct llmobs_json **list)
{
    int rc = 0;

    if (!*list)
        *list = llmobs_json_array();
    LLMOBS_JSON_EACH (one, tools, rc == 0)
        rc = llmobs_json_says(one, "type", "namespace")
                 ? llmobs_tools_add_definitions(llmobs_json_get(one, "tools"),
                                                list)
                 : add_definition(one, *list);
    return rc;
}

int llmobs_tools_read_definitions(const struct llmobs_json *request,
                                  struct llmobs_json **out)
{
    static const char *const keys[] = {"tools", "functions"};
    struct llmobs_json *list = NULL;
    int rc = 0;

    *out = NULL;
    for (size_t k = 0; rc == 0 && k < sizeof(keys) / sizeof(keys[0]); k++)
        rc = llmobs_tools_add_definitions(llmobs_json_get(request, keys[k]),
                                          &list);
    if (rc == 0 && llmobs_json_len(list) > 0)
        *out = list;
    else
        llmobs_json_free(list);
    return rc;
}
