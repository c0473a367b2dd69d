#include <string.h>

#include "lib/base/hazard.h"
#include "lib/base/work.h"
#include "core/event/linking.h"

/* Changes between small letters, capitals and digits within an id: a random id
 * has them everywhere, a word or a count hardly any. */
#define CHANGES LLMOBS_HAZARD(any_id, 7, 0)

/* The work for one id: its hash, a look into the table, a link. */
#define STEPS (LLMOBS_WORK_VALUE * 16)

static int class_of(char c)
{
    if (c >= '0' && c <= '9')
        return 1;
    if (c >= 'a' && c <= 'z')
        return 2;
    return c >= 'A' && c <= 'Z' ? 3 : 0;
}

bool llmobs_linker_is_unique(const char *id)
{
    int changes = 0;

    for (; id && id[0] && id[1]; id++) {
        int from = class_of(id[0]), to = class_of(id[1]);

        changes += from && to && from != to;
    }
    return changes >= CHANGES;
}

static struct llmobs_hash128 link_tools_key_of(const struct llmobs_linking *l,
                                               const char *id)
{
    struct llmobs_siphash hash;

    llmobs_linking_begin(l, LLMOBS_LINK_TOOL, &hash);
    llmobs_linking_add(&hash, id);
    return llmobs_siphash_now(&hash);
}

static uint64_t check_of(const struct llmobs_linking *l, const char *name)
{
    struct llmobs_siphash hash;

    llmobs_link_table_hash(l->table, 'n', &hash);
    llmobs_linking_add(&hash, name);
    return llmobs_siphash_now(&hash).lo;
}

/* The call or the result with that tool id in a list of messages. */
static const struct llmobs_json *find_tool(const struct llmobs_json *messages,
                                           const char *list, const char *id)
{
    for (size_t i = 0; i < llmobs_json_len(messages); i++) {
        const struct llmobs_json *tools =
            llmobs_json_get(llmobs_json_at(messages, i), list);
        size_t count = llmobs_json_len(tools);

        if (!llmobs_work_do(8 * (1 + count)))
            return NULL;
        for (size_t k = 0; k < count; k++) {
            const struct llmobs_json *tool = llmobs_json_at(tools, k);
            const char *own = llmobs_json_gets(tool, "tool_id");

            if (own && strcmp(own, id) == 0)
                return tool;
        }
    }
    return NULL;
}

/* True where an earlier request for the same job has got this call of a tool:
 * only the first that got it counts as the call's answer. */
static bool link_tools_is_repeated(const struct llmobs_linking *l,
                                   const char *id)
{
    const uint64_t own = l->span->context.span_id;
    struct llmobs_link_record *found;
    size_t count;

    if (l->span->job.part != LLMOBS_JOB_ASKED)
        return false;
    count = llmobs_link_table_find(l->table, link_tools_key_of(l, id), &found);
    for (size_t i = 0; i < count; i++)
        if (found[i].span_id == own)
            return false;
    return count > 0;
}

/* Remembers the answer's calls, except of tools that the server has run. */
static void link_tools_remember(const struct llmobs_linking *l,
                                const struct llmobs_json *call)
{
    const char *id = llmobs_json_gets(call, "tool_id");

    if (id && find_tool(l->output, "tool_results", id))
        return;
    if (LLMOBS_HAZARD(told_again, id && link_tools_is_repeated(l, id), false))
        return;
    llmobs_link_runs_called(l, call);
    if (!llmobs_linker_is_unique(id))
        return;
    llmobs_linking_put(l, link_tools_key_of(l, id),
                       check_of(l, llmobs_json_gets(call, "name")));
    llmobs_link_inferred_called(l, call);
}

static void remember_all(const struct llmobs_linking *l)
{
    const struct llmobs_json *messages = l->output;
    size_t count = 0;

    for (size_t i = 0; i < llmobs_json_len(messages); i++) {
        const struct llmobs_json *calls =
            llmobs_json_get(llmobs_json_at(messages, i), "tool_calls");

        for (size_t k = 0; k < llmobs_json_len(calls); k++)
            if (count++ < LLMOBS_LINKS_MAX && llmobs_work_do(STEPS))
                link_tools_remember(l, llmobs_json_at(calls, k));
    }
}

/* Links to the answer that made the call. If the request repeats the call, it
 * must be of the same tool. */
static void link_result(const struct llmobs_linking *l,
                        const struct llmobs_json *result)
{
    const char *id = llmobs_json_gets(result, "tool_id");
    struct llmobs_link_record record;
    const struct llmobs_json *call;

    if (!llmobs_linker_is_unique(id) ||
        !llmobs_linking_find(l, link_tools_key_of(l, id), &record))
        return;
    call = find_tool(l->input, "tool_calls", id);
    if (call &&
        LLMOBS_HAZARD(
            another_tools_name,
            record.check != check_of(l, llmobs_json_gets(call, "name")),
            !record.check &&
                record.check != check_of(l, llmobs_json_gets(call, "name"))))
        return;
    if (!llmobs_link_inferred(l, &record, call, result))
        llmobs_linking_link(l, &record, "output", NULL);
    llmobs_link_runs_answered(l, call, &record);
}

/* The results that this request is the first to bring stand behind the model's
 * last message. If the request ends in a message of the model, that is the
 * beginning of the answer that the program wants. */
static void link_results(const struct llmobs_linking *l)
{
    const struct llmobs_json *messages = l->input;
    size_t at = llmobs_json_len(messages), count = 0;

    if (at > 0 && llmobs_linking_is_model(llmobs_json_at(messages, at - 1)))
        at--;
    while (at-- > 0 && !llmobs_linking_is_model(llmobs_json_at(messages, at))) {
        const struct llmobs_json *results =
            llmobs_json_get(llmobs_json_at(messages, at), "tool_results");

        for (size_t k = 0; k < llmobs_json_len(results); k++)
            if (count++ < LLMOBS_LINKS_MAX && llmobs_work_do(STEPS))
                link_result(l, llmobs_json_at(results, k));
    }
}

void llmobs_link_tools(const struct llmobs_linking *l)
{
    link_results(l);
    if (!l->span->failed)
        remember_all(l);
}
