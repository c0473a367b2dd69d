/* The span of a tool that makes no call of its own: the time between the answer
 * that calls the tool and the request that first brings its result. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/work.h"
#include "core/event/linking.h"

#define CONVERSATION "conversation_id:"

/* A tool that a program measures itself begins at most this much before the end
 * of the answer that calls it. */
#define EARLY_NS INT64_C(1000000000)

/* -- ids ------------------------------------------------------------------- */

/* The hash has a key that all processes share: whichever process makes the span
 * gives it the same id. */
static uint64_t id_of_span(const struct llmobs_link_record *answer,
                           const char *id)
{
    static const uint64_t key[2] = {0x696e666572726564, 0x746f6f6c};
    struct llmobs_siphash hash;
    uint64_t number;

    llmobs_siphash_init(&hash, key);
    llmobs_siphash_add(&hash, &answer->span_id, sizeof(answer->span_id));
    llmobs_linking_add(&hash, id);
    number = llmobs_siphash_now(&hash).lo;
    return number ? number : 1;
}

/* Gives the key of the call with that id in the answer of that span. */
static struct llmobs_hash128 key_of_tool_call(const struct llmobs_linking *l,
                                              char kind, uint64_t answer,
                                              const char *id)
{
    struct llmobs_siphash hash;

    llmobs_linking_begin(l, kind, &hash);
    llmobs_siphash_add(&hash, &answer, sizeof(answer));
    llmobs_linking_add(&hash, id);
    return llmobs_siphash_now(&hash);
}

void llmobs_link_inferred_called(const struct llmobs_linking *l,
                                 const struct llmobs_json *call)
{
    const uint64_t self = l->span->context.span_id;
    const char *id = llmobs_json_gets(call, "tool_id");
    struct llmobs_link_calls *calls = l->calls;
    struct llmobs_hash128 key;
    struct llmobs_json *copy;
    char *text;

    if (!l->call->inferred || !llmobs_has_text(id))
        return;
    key = key_of_tool_call(l, LLMOBS_LINK_PARENT, self, id);
    llmobs_linking_put(l, key, l->span->context.parent_id);
    text = llmobs_json_dumps(call, 0);
    copy = text && strlen(text) <= LLMOBS_LINK_CALL_MAX
               ? llmobs_json_clone(call)
               : NULL;
    free(text);
    if (!copy)
        return;
    llmobs_json_free(calls->list[calls->next].call);
    calls->list[calls->next].call = copy;
    calls->list[calls->next].key = key;
    calls->next = (calls->next + 1) % LLMOBS_LINK_CALLS;
}

/* -- spans of the tool's own ----------------------------------------------- */

/* Gives a key for a run of a tool: of its name and arguments, or of its name
 * and the trace. The caller is not part of the key: the tool's server is not
 * the model's. */
static struct llmobs_hash128 key_of_run(struct llmobs_link_table *table,
                                        const char *name, const char *arguments)
{
    struct llmobs_siphash hash;

    llmobs_link_table_hash(table, LLMOBS_LINK_OWN, &hash);
    llmobs_linking_add(&hash, name);
    llmobs_linking_add(&hash, arguments);
    return llmobs_siphash_now(&hash);
}

static struct llmobs_hash128 key_of_trace(struct llmobs_link_table *table,
                                          const char *name,
                                          struct llmobs_id128 trace)
{
    char text[LLMOBS_TRACE_HEX_LEN + 1];

    llmobs_id128_hex(trace, text);
    return key_of_run(table, name, text);
}

void llmobs_link_inferred_measured(struct llmobs_link_table *table,
                                   const struct llmobs_link_run *run)
{
    struct llmobs_link_record record = {
        .span_id = run->span_id,
        .trace_id = run->trace_id,
        .at_ns = run->end_ns > 0 ? run->end_ns : 1,
        .check = (uint64_t)run->start_ns,
    };
    char *text = llmobs_json_is_object(run->arguments)
                     ? llmobs_json_dumps(run->arguments, 0)
                     : NULL;

    record.key = key_of_trace(table, run->name, run->trace_id);
    llmobs_link_table_put(table, &record);
    if (text) {
        record.key = key_of_run(table, run->name, text);
        llmobs_link_table_put(table, &record);
    }
    free(text);
}

/* True for such a span that began between the answer and this request. */
static bool is_between(const struct llmobs_linking *l,
                       const struct llmobs_link_record *run,
                       const struct llmobs_link_record *answer)
{
    return (int64_t)run->check >= answer->at_ns - EARLY_NS &&
           (int64_t)run->check <= l->span->start_ns;
}

static bool was_measured(const struct llmobs_linking *l,
                         struct llmobs_hash128 key,
                         const struct llmobs_link_record *answer)
{
    struct llmobs_link_record *found;
    size_t count = llmobs_link_table_find(l->table, key, &found);

    for (size_t i = 0; i < count; i++)
        if (is_between(l, &found[i], answer))
            return true;
    return false;
}

bool llmobs_link_measured(const struct llmobs_linking *l,
                          const struct llmobs_link_record *answer,
                          const struct llmobs_json *call,
                          struct llmobs_link_record *out)
{
    const struct llmobs_id128 traces[] = {answer->trace_id,
                                          l->span->context.trace_id};
    char *text =
        call ? llmobs_json_dumps(llmobs_json_get(call, "arguments"), 0) : NULL;
    struct llmobs_link_record *found;
    size_t count = 0, runs = 0;

    if (text)
        count = llmobs_link_table_find(
            l->table,
            key_of_run(l->table, llmobs_json_gets(call, "name"), text), &found);
    for (size_t i = 0; i < count; i++) {
        if (!is_between(l, &found[i], answer) ||
            (memcmp(&found[i].trace_id, &traces[0], sizeof(*traces)) != 0 &&
             memcmp(&found[i].trace_id, &traces[1], sizeof(*traces)) != 0))
            continue;
        *out = found[i];
        runs += 1 + found[i].crowded;
    }
    free(text);
    return runs == 1;
}

static bool has_span(const struct llmobs_linking *l, const char *name,
                     const struct llmobs_json *arguments,
                     const struct llmobs_link_record *answer)
{
    char *text = llmobs_json_dumps(arguments, 0);
    bool has =
        !text || was_measured(l, key_of_run(l->table, name, text), answer);

    free(text);
    return has ||
           was_measured(l, key_of_trace(l->table, name, answer->trace_id),
                        answer) ||
           was_measured(l,
                        key_of_trace(l->table, name, l->span->context.trace_id),
                        answer);
}

/* -- the span -------------------------------------------------------------- */

/* Gives the value as text, which the caller owns; NULL when memory runs out, or
 * without a value. */
static char *text_of_value(const struct llmobs_json *value)
{
    const char *text = llmobs_json_text(value);

    if (!value)
        return NULL;
    return text ? strdup(text) : llmobs_json_dumps(value, 0);
}

/* Places the span beside the answer's other children, in the answer's trace. If
 * that is not the request's trace, only the parent is known. */
static void place(const struct llmobs_linking *l, const char *id,
                  const struct llmobs_link_record *answer,
                  struct llmobs_context *context)
{
    struct llmobs_link_record parent;

    *context = l->span->context;
    context->span_id = id_of_span(answer, id);
    if (context->trace_id.hi == answer->trace_id.hi &&
        context->trace_id.lo == answer->trace_id.lo)
        return;
    context->parent_id = 0;
    context->apm_parent_id = 0;
    if (llmobs_linking_find(
            l, key_of_tool_call(l, LLMOBS_LINK_PARENT, answer->span_id, id),
            &parent) &&
        parent.span_id == answer->span_id)
        context->parent_id = parent.check;
    context->trace_id = context->apm_trace_id = answer->trace_id;
    (void)llmobs_linking_find_apm(l, answer->span_id, &context->apm_trace_id);
    if (context->sample_rate[0])
        llmobs_context_sample(context, strtod(context->sample_rate, NULL));
}

/* Copies what the tool does, as this request describes it to the model. */
static int describe(const struct llmobs_linking *l, struct llmobs_span *span)
{
    const struct llmobs_json *tools = l->span->tool_definitions;

    for (size_t i = 0; i < llmobs_json_len(tools) && llmobs_work_do(8); i++) {
        const struct llmobs_json *tool = llmobs_json_at(tools, i);
        const char *text = llmobs_json_gets(tool, "description");

        if (text && llmobs_json_says(tool, "name", span->name))
            return llmobs_json_sets(span->metadata, "tool_description", text);
    }
    return 0;
}

static int fill_inferred(const struct llmobs_linking *l,
                         const struct llmobs_json *call,
                         const struct llmobs_json *result,
                         struct llmobs_span *span)
{
    const struct llmobs_json *arguments = llmobs_json_get(call, "arguments");
    int rc = llmobs_span_set(&span->name, llmobs_json_gets(call, "name"));

    span->kind = LLMOBS_KIND_TOOL;
    span->complete = true;
    /* Arguments that were not an object became {"value": text} (WIRE 1.5). */
    if (llmobs_json_len(arguments) == 1 &&
        llmobs_json_is_string(llmobs_json_get(arguments, "value")))
        arguments = llmobs_json_get(arguments, "value");
    span->input_value = text_of_value(arguments);
    span->output_value = text_of_value(llmobs_json_get(result, "result"));
    if (!rc)
        rc = llmobs_json_sets(span->metadata, "tool_id",
                              llmobs_json_gets(result, "tool_id"));
    if (!rc)
        rc = describe(l, span);
    if (!rc)
        rc = llmobs_json_set(span->metadata, "duration_is_upper_bound",
                             llmobs_json_bool(true));
    span->extra_tags = llmobs_json_array();
    return rc ? rc
              : llmobs_json_add(span->extra_tags,
                                llmobs_json_string(LLMOBS_LINK_INFERRED_TAG));
}

/* Makes the span; makes none when memory runs out. */
static void make_inferred(const struct llmobs_linking *l,
                          const struct llmobs_link_record *answer,
                          const struct llmobs_json *call,
                          const struct llmobs_json *result)
{
    struct llmobs_inferred *out = l->call->inferred;
    struct llmobs_span *span =
        realloc(out->list, (out->count + 1) * sizeof(*span));
    const int64_t end = l->span->start_ns;
    struct llmobs_linking anew = *l;

    if (!span)
        return;
    out->list = span;
    span += out->count;
    if (llmobs_span_init(span))
        return;
    place(l, llmobs_json_gets(result, "tool_id"), answer, &span->context);
    span->start_ns = answer->at_ns < end ? answer->at_ns : end;
    span->duration_ns = end - span->start_ns;
    if (fill_inferred(l, call, result, span)) {
        llmobs_span_fini(span);
        return;
    }
    anew.span = span;
    llmobs_linking_put_apm(&anew);
    llmobs_linking_link(&anew, answer, "output", NULL);
    out->count++;
}

/* -- which request makes it ------------------------------------------------ */

/* The record of the first request that brought the result: the span id of that
 * request, and in `check` whether an inferred span exists. Where no request has
 * a record yet, this request is the first and puts one. */
static struct llmobs_link_record first_request_of(
    const struct llmobs_linking *l, const char *id,
    const struct llmobs_json *call, const struct llmobs_link_record *answer)
{
    const struct llmobs_hash128 key =
        key_of_tool_call(l, LLMOBS_LINK_BROUGHT, answer->span_id, id);
    const uint64_t self = l->span->context.span_id;
    struct llmobs_link_record *found, first = {.span_id = self};
    size_t count = llmobs_link_table_find(l->table, key, &found);

    for (size_t i = 0; i < count; i++)
        if (i == 0 || found[i].span_id == self)
            first = found[i];
    if (count > 0)
        return first;
    first.check = !has_span(l, llmobs_json_gets(call, "name"),
                            llmobs_json_get(call, "arguments"), answer);
    llmobs_linking_put(l, key, first.check);
    return first;
}

bool llmobs_link_inferred(const struct llmobs_linking *l,
                          const struct llmobs_link_record *answer,
                          const struct llmobs_json *call,
                          const struct llmobs_json *result)
{
    const char *id = llmobs_json_gets(result, "tool_id"), *name;
    struct llmobs_link_record first, tool = *answer;

    if (!l->call->inferred || !l->call->request.data)
        return false;
    if (!call) {
        struct llmobs_hash128 key =
            key_of_tool_call(l, LLMOBS_LINK_PARENT, answer->span_id, id);

        for (size_t i = 0; i < LLMOBS_LINK_CALLS && !call; i++)
            if (l->calls->list[i].key.hi == key.hi &&
                l->calls->list[i].key.lo == key.lo)
                call = l->calls->list[i].call;
    }
    name = llmobs_json_gets(call, "name");
    if (!name || !*name)
        return false;
    first = first_request_of(l, id, call, answer);
    if (!first.check)
        return false;
    tool.span_id = id_of_span(answer, id);
    if (first.span_id == l->span->context.span_id)
        make_inferred(l, answer, call, result);
    llmobs_linking_link(l, &tool, "output", NULL);
    return true;
}

/* -- what is known in the end ---------------------------------------------- */

void llmobs_link_inferred_end(const struct llmobs_linking *l)
{
    struct llmobs_inferred *inferred = l->call->inferred;

    for (size_t i = 0; inferred && i < inferred->count; i++) {
        struct llmobs_span *span = &inferred->list[i];

        memcpy(span->context.session_id, l->span->context.session_id,
               sizeof(span->context.session_id));
        LLMOBS_JSON_EACH (tag, l->span->extra_tags, true) {
            const char *text = llmobs_json_text(tag);

            if (text &&
                strncmp(text, CONVERSATION, sizeof(CONVERSATION) - 1) == 0)
                (void)llmobs_json_add(span->extra_tags,
                                      llmobs_json_string(text));
        }
    }
}

void llmobs_inferred_fini(struct llmobs_inferred *inferred)
{
    for (size_t i = 0; i < inferred->count; i++)
        llmobs_span_fini(&inferred->list[i]);
    free(inferred->list);
    *inferred = (struct llmobs_inferred){NULL, 0};
}
