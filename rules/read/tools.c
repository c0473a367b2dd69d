#include "rules/read/tools.h"

#include <errno.h>
#include <stdlib.h>

#include "rules/read/text.h"

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

static int tools_set_text(struct llmobs_json *object, const char *key,
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
        tools_set_text(call, "name", name) == 0 &&
        tools_set_text(call, "tool_id", id) == 0 &&
        tools_set_text(call, "type", type) == 0)
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
        tools_set_text(out, "tool_id", id) == 0 &&
        tools_set_text(out, "type", type) == 0)
        return out;
    llmobs_json_free(out);
    return NULL;
}

static struct llmobs_json *tools_read_call(const struct llmobs_json *from)
{
    const struct llmobs_json *custom = llmobs_json_get(from, "custom");
    const struct llmobs_json *function = llmobs_json_get(from, "function");
    const char *type = llmobs_json_gets(from, "type");
    bool is_custom =
        llmobs_json_is_object(custom) && !llmobs_json_is_object(function);

    return llmobs_tools_call(
        llmobs_json_gets(is_custom ? custom : function, "name"),
        llmobs_json_gets(from, "id"), type && *type ? type : "function",
        llmobs_tools_arguments(is_custom
                                   ? llmobs_json_get(custom, "input")
                                   : llmobs_json_get(function, "arguments")));
}

/* The legacy form has neither id nor type (WIRE 1.5). */
static struct llmobs_json *read_legacy(const struct llmobs_json *function)
{
    struct llmobs_json *call = llmobs_json_object();

    if (!call)
        return NULL;
    if (llmobs_json_set(call, "arguments",
                        llmobs_tools_arguments(
                            llmobs_json_get(function, "arguments"))) == 0 &&
        tools_set_text(call, "name", llmobs_json_gets(function, "name")) == 0)
        return call;
    llmobs_json_free(call);
    return NULL;
}

int llmobs_tools_read_calls(const struct llmobs_json *from,
                            struct llmobs_json *message)
{
    const struct llmobs_json *list = llmobs_json_get(from, "tool_calls");
    const struct llmobs_json *legacy = llmobs_json_get(from, "function_call");
    struct llmobs_json *calls = llmobs_json_array();
    int rc = calls ? 0 : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < llmobs_json_len(list); i++)
        if (llmobs_json_is_object(llmobs_json_at(list, i)))
            rc = llmobs_json_add(calls,
                                 tools_read_call(llmobs_json_at(list, i)));
    if (rc == 0 && llmobs_json_is_object(legacy))
        rc = llmobs_json_add(calls, read_legacy(legacy));
    if (rc == 0 && llmobs_json_len(calls) > 0)
        return llmobs_json_set(message, "tool_calls", calls);
    llmobs_json_free(calls);
    return rc;
}

struct llmobs_json *llmobs_tools_definition(const char *name,
                                            const char *description,
                                            struct llmobs_json *schema)
{
    struct llmobs_json *definition = llmobs_json_object();

    if (llmobs_json_set(definition, "schema", schema) == 0 &&
        tools_set_text(definition, "name", name) == 0 &&
        tools_set_text(definition, "description", description) == 0)
        return definition;
    llmobs_json_free(definition);
    return NULL;
}

/* The schema, which has several names; the first name that is there counts. */
static const struct llmobs_json *tools_schema_of(const struct llmobs_json *from)
{
    static const char *const keys[] = {"parameters", "format", "input_schema"};

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
    schema = tools_schema_of(from);
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
    if (!*list)
        return -ENOMEM;
    for (size_t i = 0; rc == 0 && i < llmobs_json_len(tools); i++)
        rc = add_definition(llmobs_json_at(tools, i), *list);
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
