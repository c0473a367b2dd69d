#include "core/sdk/agent_manifest.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

static const char settings[] =
    "frequency_penalty\0logit_bias\0logprobs\0max_tokens\0"
    "parallel_tool_calls\0presence_penalty\0seed\0stop_sequences\0"
    "temperature\0timeout\0tool_choice\0top_k\0top_logprobs\0top_p\0";

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

    for (const char *key = settings; *key; key = llmobs_words_next(key)) {
        const struct llmobs_json *value = llmobs_json_get(from, key);

        if (value && is_flat(value))
            put_value(out, key, llmobs_json_clone(value));
    }
    return out;
}

/* Gives {NAME: {"type", "required"}}; an unreadable parameter is {}. */
static struct llmobs_json *parameters_of(const struct llmobs_json *from)
{
    struct llmobs_json *out = llmobs_json_object();

    for (void *it = llmobs_json_iter(from); it;
         it = llmobs_json_next(from, it)) {
        const struct llmobs_json *spec = llmobs_json_iter_value(it);
        struct llmobs_json *one = llmobs_json_object();

        put_text(one, spec, "type");
        if (llmobs_json_is_true(llmobs_json_get(spec, "required")))
            (void)llmobs_json_set(one, "required", llmobs_json_bool(true));
        (void)llmobs_json_set(out, llmobs_json_iter_key(it), one);
    }
    return out;
}

/* Tools, servers, functions: anything else of them may hold keys. */
static struct llmobs_json *named_of(const struct llmobs_json *from)
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
        put_text(tool, one, "type");
        put_value(tool, "parameters",
                  parameters_of(llmobs_json_get(one, "parameters")));
        (void)llmobs_json_add(list, tool);
    }
    return list;
}

/* Gives a copy without members that say nothing. Null in a list drops the list:
 * without it the items behind would have other places than the agent gave. */
static struct llmobs_json *config_of(const struct llmobs_json *from)
{
    struct llmobs_json *out;

    if (!llmobs_json_is_container(from))
        return llmobs_json_clone(from);
    out =
        llmobs_json_is_array(from) ? llmobs_json_array() : llmobs_json_object();
    for (void *it = llmobs_json_iter(from); it; it = llmobs_json_next(from, it))
        put_value(out, llmobs_json_iter_key(it),
                  config_of(llmobs_json_iter_value(it)));
    LLMOBS_JSON_EACH (one, from, true) {
        struct llmobs_json *item = config_of(one);

        if (llmobs_json_is_null(item)) {
            llmobs_json_free(out);
            return item;
        }
        (void)llmobs_json_add(out, item);
    }
    return out;
}

/* The members of a description beside its texts. */
static const struct {
    const char *key;
    struct llmobs_json *(*of)(const struct llmobs_json *from);
} members[] = {
    {"agent_settings", config_of},
    {"capabilities", named_of},
    {"data_contracts", config_of},
    {"extra_instructions", named_of},
    {"guardrails", config_of},
    {"handoffs", config_of},
    {"memory_policies", config_of},
    {"metadata", config_of},
    {"model_settings", settings_of},
    {"system_prompts", config_of},
    {"tools", named_of},
};

int llmobs_agent_manifest(const struct llmobs_json *given,
                          struct llmobs_json **out)
{
    static const char *const texts[] = {"name", "instructions", "model",
                                        "handoff_description"};
    struct llmobs_json *made = llmobs_json_object();
    int rc;

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        put_text(made, given, texts[i]);
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
        if (llmobs_json_get(given, members[i].key))
            put_value(made, members[i].key,
                      members[i].of(llmobs_json_get(given, members[i].key)));
    if (llmobs_json_len(made) > 0)
        (void)llmobs_json_sets(made, "framework", "manual");
    put_text(made, given, "framework");
    rc = llmobs_json_error(made);
    *out = llmobs_json_done(made, llmobs_json_len(made) > 0 ? rc : -ENOENT);
    return rc;
}
