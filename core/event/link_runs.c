/* Links the span of a tool to the answer of the model that called it, where the
 * program's call of the tool is a span too: both name the tool and its
 * arguments, but no id. So both must be in one trace. */
#include <stdlib.h>

#include "core/event/linking.h"

/* Makes the key of a tool's call, from the trace, the tool's name and its
 * arguments. The credentials of the request are not in the key, because the
 * program sends other credentials to the tool's server than to the model's.
 * False: the arguments are not an object, or memory ran out. */
static bool key_of_arguments(const struct llmobs_linking *l, const char *name,
                             const struct llmobs_json *arguments,
                             struct llmobs_hash128 *out)
{
    const struct llmobs_id128 trace = l->span->context.trace_id;
    struct llmobs_siphash hash;
    char *text;

    if (!name || !llmobs_json_is_object(arguments))
        return false;
    text = llmobs_json_dumps(arguments, 0);
    if (!text)
        return false;
    llmobs_link_table_hash(l->table, LLMOBS_LINK_RUN, &hash);
    llmobs_siphash_add(&hash, &trace.hi, sizeof(trace.hi));
    llmobs_siphash_add(&hash, &trace.lo, sizeof(trace.lo));
    llmobs_linking_add(&hash, name);
    llmobs_linking_add(&hash, text);
    free(text);
    *out = llmobs_siphash_now(&hash);
    return true;
}

static bool key_of_call(const struct llmobs_linking *l,
                        const struct llmobs_json *call,
                        struct llmobs_hash128 *out)
{
    return key_of_arguments(l, llmobs_json_gets(call, "name"),
                            llmobs_json_get(call, "arguments"), out);
}

void llmobs_link_runs_called(const struct llmobs_linking *l,
                             const struct llmobs_json *call)
{
    struct llmobs_hash128 key;

    if (key_of_call(l, call, &key))
        llmobs_linking_put(l, key, 0);
}

void llmobs_link_runs_answered(const struct llmobs_linking *l,
                               const struct llmobs_json *call,
                               const struct llmobs_link_record *answer)
{
    const uint64_t now = (uint64_t)l->span->start_ns;
    struct llmobs_link_record *found;
    struct llmobs_hash128 key;
    size_t count;

    if (!key_of_call(l, call, &key))
        return;
    count = llmobs_link_table_find(l->table, key, &found);
    for (size_t i = 0; i < count; i++) {
        struct llmobs_link_record record = found[i];

        if (record.span_id != answer->span_id ||
            (record.check && record.check <= now))
            continue;
        record.check = now;
        llmobs_link_table_put(l->table, &record);
        return;
    }
}

/* True where the answer had ended when the tool began, and no request had
 * brought the tool's result. */
static bool is_open_answer(const struct llmobs_linking *l,
                           const struct llmobs_link_record *record)
{
    return record->at_ns <= l->span->start_ns &&
           (!record->check || record->check > (uint64_t)l->span->start_ns);
}

/* Links to the only answer that is open. */
static void link_to_answer(const struct llmobs_linking *l,
                           struct llmobs_hash128 key)
{
    const struct llmobs_link_record *open = NULL;
    struct llmobs_link_record *found;
    size_t count = llmobs_link_table_find(l->table, key, &found);

    for (size_t i = 0; i < count; i++) {
        if (found[i].crowded || (open && is_open_answer(l, &found[i])))
            return;
        if (is_open_answer(l, &found[i]))
            open = &found[i];
    }
    if (open && llmobs_link_is_fresh(open, l->span->start_ns))
        llmobs_linking_link(l, open, "output", NULL);
}

void llmobs_link_runs(const struct llmobs_linking *l)
{
    const char *input = l->span->input_value;
    struct llmobs_json *arguments = NULL;
    struct llmobs_hash128 key;
    char *name;

    if (l->span->kind != LLMOBS_KIND_TOOL)
        return;
    name = llmobs_linking_fact_text(l, LLMOBS_FACT_MCP_TARGET);
    if (input && !l->span->input_dropped)
        (void)llmobs_json_parse(llmobs_text_of(input), &arguments);
    if (l->span->intent && !llmobs_json_get(arguments, "telemetry")) {
        /* The model's answer has the argument that the input lacks. */
        struct llmobs_json *telemetry = llmobs_json_object();

        (void)llmobs_json_sets(telemetry, "intent", l->span->intent);
        (void)llmobs_json_set(arguments, "telemetry", telemetry);
    }
    if (key_of_arguments(l, name, arguments, &key))
        link_to_answer(l, key);
    if (name)
        llmobs_link_inferred_measured(
            l->table,
            &(struct llmobs_link_run){.name = name,
                                      .arguments = arguments,
                                      .span_id = l->span->context.span_id,
                                      .trace_id = l->span->context.trace_id,
                                      .start_ns = l->span->start_ns,
                                      .end_ns = l->end_ns});
    llmobs_json_free(arguments);
    free(name);
}
