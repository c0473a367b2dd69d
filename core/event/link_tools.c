/* Links calls to the tool calls and tasks that they continue. */
#include <string.h>

#include "lib/base/work.h"
#include "core/event/linking.h"

/* An id with this many changes between small letters, capitals and digits is
 * random: words and counts have almost none. */
#define CHANGES 7
#define RUN_MIN 8

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

/* True for a run of letters and digits that looks random, such as the nine
 * characters of Mistral's ids: words have no digit within them, and more small
 * letters than capitals. */
static bool is_random(const char *run, size_t len)
{
    size_t changes = 0, digits = 0;

    for (size_t i = 0; i < len; i++) {
        digits += class_of(run[i]) == 1;
        changes += i > 0 && class_of(run[i]) != class_of(run[i - 1]);
    }
    return len >= RUN_MIN && digits < len &&
           (digits ? changes >= 2 : changes * 2 >= len - 1);
}

bool llmobs_linker_is_unique(const char *id, const char *name)
{
    const char *own = id && llmobs_has_text(name) ? strstr(id, name) : NULL;
    size_t changes = 0, len = 0;

    for (; id && *id; id += len ? len : 1) {
        if (id == own) { /* some ids begin with the tool's name */
            len = strlen(name);
            continue;
        }
        for (len = 0; class_of(id[len]) && id + len != own; len++)
            changes += class_of(id[len + 1]) &&
                       class_of(id[len]) != class_of(id[len + 1]);
        if (is_random(id, len))
            return true;
    }
    return changes >= CHANGES;
}

static struct llmobs_hash128 key_of(const struct llmobs_linking *l, char kind,
                                    const char *text)
{
    struct llmobs_siphash hash;

    llmobs_linking_begin(l, kind, &hash);
    llmobs_linking_add(&hash, text);
    return llmobs_siphash_now(&hash);
}

static uint64_t check_of(const struct llmobs_linking *l, const char *name)
{
    struct llmobs_siphash hash;

    llmobs_link_table_hash(l->table, 'n', &hash);
    llmobs_linking_add(&hash, name);
    return llmobs_siphash_now(&hash).lo;
}

/* The call or result of that id in one message. */
static const struct llmobs_json *find_in(const struct llmobs_json *message,
                                         const char *list, const char *id)
{
    const struct llmobs_json *tools = llmobs_json_get(message, list);
    size_t count = llmobs_json_len(tools);

    if (!llmobs_work_do(8 * (1 + count)))
        return NULL;
    for (size_t k = 0; k < count; k++) {
        const struct llmobs_json *tool = llmobs_json_at(tools, k);

        if (llmobs_json_says(tool, "tool_id", id))
            return tool;
    }
    return NULL;
}

static const struct llmobs_json *find_tool(const struct llmobs_json *messages,
                                           const char *list, const char *id)
{
    const struct llmobs_json *tool = NULL;

    for (size_t i = 0; !tool && i < llmobs_json_len(messages); i++)
        tool = find_in(llmobs_json_at(messages, i), list, id);
    return tool;
}

/* The number of messages up to the model's last ones; if the last message is
 * the model's, it is the beginning of the answer that the program wants. */
static size_t up_to_answer(const struct llmobs_json *messages)
{
    size_t at = llmobs_json_len(messages);

    if (at > 0 && llmobs_linking_is_model(llmobs_json_at(messages, at - 1)))
        at--;
    while (at > 0 && !llmobs_linking_is_model(llmobs_json_at(messages, at - 1)))
        at--;
    return at;
}

/* The call of that id in the answer that the history ends with. */
static const struct llmobs_json *find_last_call(
    const struct llmobs_json *messages, const char *id)
{
    const struct llmobs_json *call = NULL;

    for (size_t at = up_to_answer(messages);
         !call && at > 0 &&
         llmobs_linking_is_model(llmobs_json_at(messages, at - 1));
         at--)
        call = find_in(llmobs_json_at(messages, at - 1), "tool_calls", id);
    return call;
}

/* True where the answer to an earlier request for the same job had this call of
 * a tool: only the first such answer counts as the one that calls the tool. */
static bool is_repeated(const struct llmobs_linking *l, const char *id)
{
    const uint64_t own = l->span->context.span_id;
    struct llmobs_link_record *found;
    size_t count;

    if (l->span->job.part != LLMOBS_JOB_ASKED)
        return false;
    count = llmobs_link_table_find(l->table, key_of(l, LLMOBS_LINK_TOOL, id),
                                   &found);
    for (size_t i = 0; i < count; i++)
        if (found[i].span_id == own)
            return false;
    return count > 0;
}

/* -- subagents ------------------------------------------------------------- */

#define PROMPTS_MAX 32 /* texts that are looked up */

/* The words by which a tool that starts an agent sets its task: Claude Code's
 * Agent, OpenCode's task; Codex's spawn_agent. */
static const char *prompt_of(const struct llmobs_json *call)
{
    const struct llmobs_json *said = llmobs_json_get(call, "arguments");
    const char *name = llmobs_json_gets(call, "name"), *text;

    if (!name || !strstr(name, "spawn_agent")) /* behind a namespace, too */
        return llmobs_json_gets(said, "prompt");
    text = llmobs_json_gets(said, "message");
    said = llmobs_json_get(said, "items");
    return text ? text : llmobs_json_gets(llmobs_json_at(said, 0), "text");
}

/* Links the calls of an agent to the answer that started it. The task is what
 * the user says before the first answer. An agent of Codex, which names its
 * parent, may have the parent's history before it, and has the task from the
 * user or, as JSON, from the other agent; the last one counts. No call behind
 * the words may have them: that agent passes them on. */
static void link_to_starter(const struct llmobs_linking *l)
{
    const struct llmobs_json *named = l->span->said;
    const char *first =
        llmobs_json_gets(llmobs_json_at(l->input, 0), "content");
    bool child = llmobs_json_get(named, "parent_agent_id"), known = false;
    size_t left = PROMPTS_MAX, count = llmobs_json_len(l->input);
    struct llmobs_link_record record, starter;

    if (!llmobs_json_get(named, "agent_id") &&
        !(first && strstr(first, "cc_is_subagent=true")))
        return;
    for (size_t i = 0; i < count && left > 0 && llmobs_work_do(STEPS); i++) {
        const struct llmobs_json *one = llmobs_json_at(l->input, i);
        const char *text = llmobs_json_gets(one, "content");
        struct llmobs_json *letter = NULL;

        if (llmobs_linking_is_model(one)) {
            if (!child)
                break;
            if (!text || strncmp(text, "{\"author\":", 10) != 0)
                continue;
            (void)llmobs_json_parse(llmobs_text_of(text), &letter);
            text = llmobs_json_gets(letter, "content");
        } else if (!llmobs_json_says(one, "role", "user")) {
            continue;
        }
        left--;
        if (text && llmobs_linking_find(l, key_of(l, LLMOBS_LINK_AGENT, text),
                                        &record)) {
            bool passed_on = false;

            for (size_t k = i + 1; k < count && llmobs_work_do(STEPS); k++)
                LLMOBS_JSON_EACH (
                    call,
                    llmobs_json_get(llmobs_json_at(l->input, k), "tool_calls"),
                    true)
                    passed_on |=
                        prompt_of(call) && strcmp(prompt_of(call), text) == 0;
            if (!passed_on) {
                starter = record;
                known = true;
            }
        }
        llmobs_json_free(letter);
    }
    if (known)
        llmobs_linking_link(l, &starter, "output", "agent");
}

/* -- all of them ----------------------------------------------------------- */

/* Remembers the answer's calls, except of tools that the server has run. */
static void put_call(const struct llmobs_linking *l,
                     const struct llmobs_json *call)
{
    const char *id = llmobs_json_gets(call, "tool_id");

    if (id && find_tool(l->output, "tool_results", id))
        return;
    if (id && is_repeated(l, id))
        return;
    if (prompt_of(call))
        llmobs_linking_put(l, key_of(l, LLMOBS_LINK_AGENT, prompt_of(call)), 0);
    llmobs_link_runs_called(l, call);
    llmobs_link_inferred_called(l, call);
    if (llmobs_linker_is_unique(id, llmobs_json_gets(call, "name")))
        llmobs_linking_put(l, key_of(l, LLMOBS_LINK_TOOL, id),
                           check_of(l, llmobs_json_gets(call, "name")));
}

/* Links to the tool's own span, measured or inferred, else to the answer that
 * called it. */
static void link_to(const struct llmobs_linking *l,
                    const struct llmobs_link_record *answer,
                    const struct llmobs_json *call,
                    const struct llmobs_json *result)
{
    struct llmobs_link_record run;

    if (llmobs_link_measured(l, answer, call, &run))
        llmobs_linking_link(l, &run, "output", NULL);
    else if (!llmobs_link_inferred(l, answer, call, result))
        llmobs_linking_link(l, answer, "output", NULL);
    llmobs_link_runs_answered(l, call, answer);
}

/* `turn` is the answer that the history ends with, even if its calls have no
 * usable ids; NULL: not known. */
static void link_result(const struct llmobs_linking *l,
                        const struct llmobs_json *result,
                        const struct llmobs_link_record *turn)
{
    const char *id = llmobs_json_gets(result, "tool_id");
    struct llmobs_link_record record;
    const struct llmobs_json *call;
    bool known;

    if (!llmobs_has_text(id))
        return;
    known = llmobs_linking_find(l, key_of(l, LLMOBS_LINK_TOOL, id), &record);
    call = turn ? find_last_call(l->input, id)
                : find_tool(l->input, "tool_calls", id);
    if (turn && !known && call)
        link_to(l, turn, call, result);
    else if (!turn && known && /* both name the same tool */
             (!call ||
              record.check == check_of(l, llmobs_json_gets(call, "name"))))
        link_to(l, &record, call, result);
}

void llmobs_link_results(const struct llmobs_linking *l,
                         const struct llmobs_link_record *turn)
{
    const struct llmobs_json *messages = l->input;
    size_t first = up_to_answer(messages), count = 0;

    for (size_t at = llmobs_json_len(messages); at-- > first;) {
        const struct llmobs_json *results =
            llmobs_json_get(llmobs_json_at(messages, at), "tool_results");

        for (size_t k = 0; k < llmobs_json_len(results); k++)
            if (count++ < LLMOBS_LINKS_MAX && llmobs_work_do(STEPS))
                link_result(l, llmobs_json_at(results, k), turn);
    }
}

void llmobs_link_tools(const struct llmobs_linking *l)
{
    llmobs_link_results(l, NULL);
    link_to_starter(l);
    if (!l->span->failed) {
        const struct llmobs_json *messages = l->output;
        size_t count = 0;

        for (size_t i = 0; i < llmobs_json_len(messages); i++) {
            const struct llmobs_json *calls =
                llmobs_json_get(llmobs_json_at(messages, i), "tool_calls");

            for (size_t k = 0; k < llmobs_json_len(calls); k++)
                if (count++ < LLMOBS_LINKS_MAX && llmobs_work_do(STEPS))
                    put_call(l, llmobs_json_at(calls, k));
        }
    }
}
