#include "core/sdk/agent_manifest.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

static const char *const settings[] = {"frequency_penalty",
                                       "logit_bias",
                                       "logprobs",
                                       "max_tokens",
                                       "parallel_tool_calls",
                                       "presence_penalty",
                                       "seed",
                                       "stop_sequences",
                                       "temperature",
                                       "timeout",
                                       "tool_choice",
                                       "top_k",
                                       "top_logprobs",
                                       "top_p"};

/* Puts a value that says something. Takes `value`, which may be NULL. */
static int put_some(struct llmobs_json *to, const char *key,
                    struct llmobs_json *value)
{
    const char *text = llmobs_json_text(value);

    if (value && !llmobs_json_is_null(value) &&
        (text ? *text != '\0'
              : !llmobs_json_is_container(value) || llmobs_json_len(value)))
        return llmobs_json_set(to, key, value);
    llmobs_json_free(value);
    return 0;
}

static int put_text(struct llmobs_json *to, const struct llmobs_json *from,
                    const char *key)
{
    const char *text = llmobs_json_gets(from, key);

    return text && *text ? llmobs_json_sets(to, key, text) : 0;
}

/* True for a single value, a list of them, and for an object of numbers. */
static bool is_flat(const struct llmobs_json *value)
{
    for (size_t i = 0;
         llmobs_json_is_array(value) && i < llmobs_json_len(value); i++)
        if (llmobs_json_is_container(llmobs_json_at(value, i)))
            return false;
    if (!llmobs_json_is_object(value))
        return true;
    for (void *it = llmobs_json_iter(value); it;
         it = llmobs_json_next(value, it))
        if (!llmobs_json_is_number(llmobs_json_iter_value(it)))
            return false;
    return true;
}

static int put_settings(struct llmobs_json *to, const struct llmobs_json *given)
{
    const struct llmobs_json *from = llmobs_json_get(given, "model_settings");
    struct llmobs_json *out = llmobs_json_object();
    int rc = out ? 0 : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < sizeof(settings) / sizeof(*settings);
         i++) {
        const struct llmobs_json *value = llmobs_json_get(from, settings[i]);

        if (value && is_flat(value))
            rc = put_some(out, settings[i], llmobs_json_clone(value));
    }
    if (rc == 0)
        return put_some(to, "model_settings", out);
    llmobs_json_free(out);
    return rc;
}

/* Gives {NAME: {"type", "required"}}; an unreadable parameter is {}. */
static struct llmobs_json *parameters_of(const struct llmobs_json *from)
{
    struct llmobs_json *out = llmobs_json_object();
    int rc = out ? 0 : -ENOMEM;

    for (void *it = llmobs_json_is_object(from) ? llmobs_json_iter(from) : NULL;
         rc == 0 && it; it = llmobs_json_next(from, it)) {
        const struct llmobs_json *spec = llmobs_json_iter_value(it);
        struct llmobs_json *one = llmobs_json_object();

        rc = one ? put_text(one, spec, "type") : -ENOMEM;
        if (rc == 0 && llmobs_json_is_true(llmobs_json_get(spec, "required")))
            rc = llmobs_json_set(one, "required", llmobs_json_bool(true));
        if (rc == 0)
            rc = llmobs_json_set(out, llmobs_json_iter_key(it), one);
        else
            llmobs_json_free(one);
    }
    if (rc == 0)
        return out;
    llmobs_json_free(out);
    return NULL;
}

static int add_tool(struct llmobs_json *list, const struct llmobs_json *from)
{
    const char *name = llmobs_json_gets(from, "name");
    struct llmobs_json *tool;
    int rc;

    if (!name || !*name)
        return 0;
    tool = llmobs_json_object();
    rc = llmobs_json_sets(tool, "name", name);
    if (rc == 0)
        rc = put_text(tool, from, "description");
    if (rc == 0)
        rc = put_some(tool, "parameters",
                      parameters_of(llmobs_json_get(from, "parameters")));
    if (rc == 0)
        return llmobs_json_add(list, tool);
    llmobs_json_free(tool);
    return rc;
}

static int put_tools(struct llmobs_json *to, const struct llmobs_json *given)
{
    const struct llmobs_json *from = llmobs_json_get(given, "tools");
    struct llmobs_json *list = llmobs_json_array();
    int rc = list ? 0 : -ENOMEM;

    for (size_t i = 0;
         rc == 0 && llmobs_json_is_array(from) && i < llmobs_json_len(from);
         i++)
        rc = add_tool(list, llmobs_json_at(from, i));
    if (rc == 0)
        return put_some(to, "tools", list);
    llmobs_json_free(list);
    return rc;
}

int llmobs_agent_manifest(const struct llmobs_json *given,
                          struct llmobs_json **out)
{
    struct llmobs_json *made = llmobs_json_object();
    int rc = made ? put_text(made, given, "name") : -ENOMEM;

    *out = NULL;
    if (rc == 0)
        rc = put_text(made, given, "instructions");
    if (rc == 0)
        rc = put_text(made, given, "model");
    if (rc == 0)
        rc = put_settings(made, given);
    if (rc == 0)
        rc = put_tools(made, given);
    if (rc == 0 && llmobs_json_len(made) > 0)
        rc = llmobs_json_sets(made, "framework", "manual");
    if (rc == 0 && llmobs_json_len(made) > 0)
        *out = made;
    else
        llmobs_json_free(made);
    return rc;
}
