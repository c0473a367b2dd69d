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

/* Adds the value unless it is empty. A value that memory was too short for is
 * added too, so that `to` has the error. Takes `value`, which may be NULL. */
static void put_value(struct llmobs_json *to, const char *key,
                      struct llmobs_json *value)
{
    const char *text = llmobs_json_text(value);

    if (text ? *text != '\0'
             : !llmobs_json_is_null(value) &&
                   (!llmobs_json_is_container(value) ||
                    llmobs_json_len(value) > 0 || llmobs_json_error(value)))
        (void)llmobs_json_set(to, key, value);
    else
        llmobs_json_free(value);
}

static void put_text(struct llmobs_json *to, const struct llmobs_json *from,
                     const char *key)
{
    const char *text = llmobs_json_gets(from, key);

    if (text && *text)
        (void)llmobs_json_sets(to, key, text);
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

static struct llmobs_json *settings_of(const struct llmobs_json *from)
{
    struct llmobs_json *out = llmobs_json_object();

    for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
        const struct llmobs_json *value = llmobs_json_get(from, settings[i]);

        if (value && is_flat(value))
            put_value(out, settings[i], llmobs_json_clone(value));
    }
    return out;
}

/* Gives {NAME: {"type", "required"}}; an unreadable parameter is {}. */
static struct llmobs_json *parameters_of(const struct llmobs_json *from)
{
    struct llmobs_json *out = llmobs_json_object();

    for (void *it = llmobs_json_is_object(from) ? llmobs_json_iter(from) : NULL;
         it; it = llmobs_json_next(from, it)) {
        const struct llmobs_json *spec = llmobs_json_iter_value(it);
        struct llmobs_json *one = llmobs_json_object();

        put_text(one, spec, "type");
        if (llmobs_json_is_true(llmobs_json_get(spec, "required")))
            (void)llmobs_json_set(one, "required", llmobs_json_bool(true));
        (void)llmobs_json_set(out, llmobs_json_iter_key(it), one);
    }
    return out;
}

static struct llmobs_json *tools_of(const struct llmobs_json *from)
{
    struct llmobs_json *list = llmobs_json_array();

    LLMOBS_JSON_EACH (one, from, true) {
        const char *name = llmobs_json_gets(one, "name");
        struct llmobs_json *tool;

        if (!name || !*name)
            continue;
        tool = llmobs_json_object();
        (void)llmobs_json_sets(tool, "name", name);
        put_text(tool, one, "description");
        put_value(tool, "parameters",
                  parameters_of(llmobs_json_get(one, "parameters")));
        (void)llmobs_json_add(list, tool);
    }
    return list;
}

int llmobs_agent_manifest(const struct llmobs_json *given,
                          struct llmobs_json **out)
{
    struct llmobs_json *made = llmobs_json_object();
    int rc;

    put_text(made, given, "name");
    put_text(made, given, "instructions");
    put_text(made, given, "model");
    put_value(made, "model_settings",
              settings_of(llmobs_json_get(given, "model_settings")));
    put_value(made, "tools", tools_of(llmobs_json_get(given, "tools")));
    if (llmobs_json_len(made) > 0)
        (void)llmobs_json_sets(made, "framework", "manual");
    rc = llmobs_json_error(made);
    *out = llmobs_json_done(made, llmobs_json_len(made) > 0 ? rc : -ENOENT);
    return rc;
}
