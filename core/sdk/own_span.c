/* Starts, annotates and finishes the program's own spans. */
#include "core/sdk/own_span.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/cold.h"
#include "lib/base/filter.h"
#include "lib/base/fork.h"
#include "lib/base/log.h"
#include "lib/base/scratch.h"
#include "core/config/inbound.h"
#include "core/event/processor.h"
#include "lib/span/content_filter.h"
#include "core/sdk/exported.h"
#include "core/sdk/span_io.h"
#include "core/sdk/span_table.h"
#include "core/sdk/thread_state.h"
#include "core/trace/carrier.h"
#include "core/trace/propagate.h"
#include "lib/text/json.h"

/* -- an agent's description ------------------------------------------------ */

/* As Datadog's SDK sends it (dd-trace-py, ddtrace/llmobs/types.py,
 * AgentManifest, and _integrations/agent_manifest.py). Settings of the model
 * outside its list may hold keys (extra_headers): they never leave the process.
 */

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

/* Tools, servers, functions: anything else of them may hold keys. Parameters
 * are {NAME: {"type", "required"}}; an unreadable one is {}. */
static struct llmobs_json *named_of(const struct llmobs_json *from)
{
    struct llmobs_json *list = llmobs_json_array();

    LLMOBS_JSON_EACH (one, from, true) {
        const struct llmobs_json *specs = llmobs_json_get(one, "parameters");
        const char *name = llmobs_json_gets(one, "name");
        struct llmobs_json *tool, *parameters;

        if (!name || !*name)
            continue;
        tool = llmobs_json_object();
        (void)llmobs_json_sets(tool, "name", name);
        put_text(tool, one, "description");
        put_text(tool, one, "type");
        parameters = llmobs_json_object();
        for (void *it = llmobs_json_iter(specs); it;
             it = llmobs_json_next(specs, it)) {
            const struct llmobs_json *spec = llmobs_json_iter_value(it);
            struct llmobs_json *copy = llmobs_json_object();

            put_text(copy, spec, "type");
            if (llmobs_json_is_true(llmobs_json_get(spec, "required")))
                (void)llmobs_json_set(copy, "required", llmobs_json_bool(true));
            (void)llmobs_json_set(parameters, llmobs_json_iter_key(it), copy);
        }
        put_value(tool, "parameters", parameters);
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

/* Sets the part of the description that may be sent, if there is any. */
static int set_manifest(struct llmobs_span *span,
                        const struct llmobs_json *given)
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
    if (rc || llmobs_json_len(made) == 0) {
        llmobs_json_free(made);
        return rc;
    }
    if (!span->metadata_dd)
        span->metadata_dd = llmobs_json_object();
    return llmobs_json_set(span->metadata_dd, "agent_manifest", made);
}

/* -- the state ------------------------------------------------------------- */

#define CUSTOM "custom"

/* Constant after init. */
static const struct llmobs_config *config;
static struct llmobs_worker *worker;
static atomic_bool on;
/* The failures that the log has: the address of the cause, a literal, and the
 * number of the error. */
LLMOBS_COLD static _Atomic(uint64_t) complained[128];

void llmobs_own_span_init(const struct llmobs_config *the_config,
                          struct llmobs_worker *the_worker)
{
    config = the_config;
    worker = the_worker;
    atomic_store(&on, true);
}

bool llmobs_own_span_is_on(void)
{
    return atomic_load_explicit(&on, memory_order_acquire) &&
           !llmobs_filter_still();
}

void llmobs_own_span_switch(bool to)
{
    atomic_store(&on, to);
}

/* Logs the first call that fails in this way. llmobs_log_once is not enough: a
 * call may fail in several ways, and many wrong uses must not fill the places
 * for other causes. */
int llmobs_own_span_complain(int rc, const char *what)
{
    uint64_t failure = (uint64_t)(uintptr_t)what << 8 | (uint8_t)-rc, seen = 0;

    for (size_t i = 0; rc < 0 && seen != failure &&
                       i < sizeof(complained) / sizeof(*complained);
         i++) {
        seen = 0;
        if (atomic_compare_exchange_strong(&complained[i], &seen, failure)) {
            llmobs_log(LLMOBS_LOG_WARN, "API: %s: %s", what, strerror(-rc));
            break;
        }
    }
    return rc;
}

/* -- which span ----------------------------------------------------------- */

static int resolve(uint64_t *span)
{
    if (*span == LLMOBS_OWN_SPAN_NONE || !llmobs_own_span_is_on())
        return LLMOBS_OWN_SPAN_OFF;
    if (*span == 0)
        *span = llmobs_thread_state_top();
    return *span ? 0 : -ENOENT;
}

static int lock_span(uint64_t *span, struct llmobs_open_span **live)
{
    int rc = resolve(span);

    if (rc)
        return rc;
    *live = llmobs_span_table_lock(*span);
    if (!*live)
        return -EBADF;
    if ((*live)->process == llmobs_fork_process())
        return 0;
    llmobs_span_table_unlock(*span);
    return -ECHILD;
}

/* -- contexts ------------------------------------------------------------- */

/* Attributes a span below an agent's span to that agent (WIRE 1.4). The name
 * also goes into trace headers, so it is redacted here. */
static void attribute(struct llmobs_context *context,
                      const struct llmobs_span *agent)
{
    char *clean = NULL;
    const char *name = agent->name;

    if (agent->kind != LLMOBS_KIND_AGENT)
        return;
    if (config->privacy.redact) {
        clean = llmobs_content_filter_text(&config->privacy, name);
        name = clean ? clean : "";
    }
    context->pagent_span_id = agent->context.span_id;
    llmobs_context_text(context->pagent_name, sizeof(context->pagent_name),
                        llmobs_text_of(name));
    free(clean);
}

int llmobs_own_span_child(uint64_t span, struct llmobs_context *out)
{
    struct llmobs_open_span *live = llmobs_span_table_lock(span);

    if (!live)
        return -EBADF;
    llmobs_context_child(out, &live->span.context);
    attribute(out, &live->span);
    llmobs_span_table_unlock(span);
    return 0;
}

/* Gives the prompt that the program has annotated the span with; NULL: none. A
 * prompt that a span has from its parent does not go on (dd-trace-py). */
static struct llmobs_json *prompt_of(uint64_t span)
{
    struct llmobs_open_span *live = span ? llmobs_span_table_lock(span) : NULL;
    struct llmobs_json *prompt = NULL;

    if (!live)
        return NULL;
    if (live->span.input_prompt)
        prompt = llmobs_json_share(live->span.input_prompt);
    llmobs_span_table_unlock(span);
    return prompt;
}

char *llmobs_own_span_pack_prompt(uint64_t span, char *packed)
{
    struct llmobs_json *prompt = prompt_of(span), *all = NULL;
    char *text;

    if (!prompt)
        return packed;
    if (!packed || llmobs_json_parse(llmobs_text_of(packed), &all) != 0)
        all = llmobs_json_object();
    (void)llmobs_json_set(all, "parent_prompt", prompt);
    text = llmobs_json_error(all) ? NULL : llmobs_json_dumps(all, 0);
    llmobs_json_free(all);
    if (!text)
        return packed;
    free(packed);
    return text;
}

bool llmobs_own_span_child_of_current(struct llmobs_context *out)
{
    uint64_t top;

    if (!llmobs_thread_state_used())
        return false;
    while ((top = llmobs_thread_state_top()) != 0) {
        if (llmobs_own_span_child(top, out) == 0)
            return true;
        /* Another thread finished the span, or it is locked by a thread that
         * exists only in the parent process. */
        (void)llmobs_thread_state_remove(top);
    }
    top = llmobs_thread_state_entry();
    return top && llmobs_own_span_child(top, out) == 0;
}

/* A request without a context, of which the page may be known, leaves that of
 * the process in force. */
const struct llmobs_carrier *llmobs_own_span_carrier(
    struct llmobs_carrier *room)
{
    const struct llmobs_carrier *inbound =
        llmobs_thread_state_used() ? llmobs_thread_state_inbound() : NULL;
    const struct llmobs_carrier *process;

    if (inbound && !inbound->untraced)
        return inbound;
    process = llmobs_inbound_read(&config->carrier, room);
    if (inbound) {
        *room = *process;
        room->method = inbound->method;
        room->target = inbound->target;
    }
    return inbound ? room : process;
}

int llmobs_own_span_caller(const struct llmobs_header *headers, size_t count,
                           struct llmobs_caller **out)
{
    struct llmobs_context *context = llmobs_scratch_alloc(sizeof(*context));
    int rc = llmobs_caller_new(headers, count, out);

    if (*out)
        (*out)->carrier.untraced =
            !context ||
            !llmobs_context_from_carrier(context, config, &(*out)->carrier);
    llmobs_scratch_free(context);
    return rc;
}

int llmobs_own_span_activate(const struct llmobs_header *headers, size_t count)
{
    struct llmobs_caller *caller;
    int rc;

    if (!llmobs_own_span_is_on())
        return LLMOBS_OWN_SPAN_OFF;
    rc = llmobs_own_span_caller(headers, count, &caller);
    if (caller && caller->carrier.untraced) {
        llmobs_caller_leave(caller);
        caller = NULL;
    }
    if (llmobs_thread_state_activate(caller) != 0)
        rc = -ENOMEM;
    if (rc)
        return llmobs_own_span_complain(rc, "activate");
    return caller ? 0 : -ENOENT;
}

/* -- annotate ------------------------------------------------------------- */

void llmobs_annotation_json_free(struct llmobs_annotation_json *data)
{
    struct llmobs_json **values = &data->input; /* the first of all */

    for (size_t i = 0; i < sizeof(*data) / sizeof(*values); i++)
        llmobs_json_free(values[i]);
    memset(data, 0, sizeof(*data));
}

static bool are_numbers(const struct llmobs_json *metrics)
{
    if (!llmobs_json_is_object(metrics))
        return false;
    for (void *it = llmobs_json_iter(metrics); it;
         it = llmobs_json_next(metrics, it))
        if (!*llmobs_json_iter_key(it) ||
            !llmobs_json_is_number(llmobs_json_iter_value(it)))
            return false;
    return true;
}

/* Links as Datadog's SDK has them: {"span_id", "trace_id", "attributes"}. */
static bool are_links(const struct llmobs_json *links)
{
    for (size_t i = 0; i < llmobs_json_len(links); i++) {
        const struct llmobs_json *one = llmobs_json_at(links, i);
        const char *span = llmobs_json_gets(one, "span_id");
        const char *trace = llmobs_json_gets(one, "trace_id");
        struct llmobs_id128 parsed;
        uint64_t id;

        if (!span || !trace || llmobs_json_len(one) != 3 ||
            !llmobs_json_is_object(llmobs_json_get(one, "attributes")) ||
            !llmobs_id128_parse_decimal64(llmobs_text_of(span), &id) ||
            !llmobs_id128_parse(llmobs_text_of(trace), &parsed))
            return false;
    }
    return llmobs_json_is_array(links);
}

static int make_tags(const struct llmobs_json *tags, struct llmobs_json **out)
{
    struct llmobs_json *made;
    int rc = 0;

    if (!llmobs_json_is_object(tags))
        return -EINVAL;
    made = llmobs_json_object();
    for (void *it = llmobs_json_iter(tags); it && !rc;
         it = llmobs_json_next(tags, it)) {
        const char *key = llmobs_json_iter_key(it);
        char *text = llmobs_span_io_tag(llmobs_json_iter_value(it));

        rc = text ? llmobs_json_sets(made, key, text) : -ENOMEM;
        if (!*key || strchr(key, ':'))
            rc = -EINVAL;
        free(text);
    }
    *out = made;
    return made ? rc : -ENOMEM;
}

/* Puts the members of `from` into `*to`, which shares them with `from`. */
static int join_members(struct llmobs_json **to, const struct llmobs_json *from)
{
    int rc = 0;

    if (!*to)
        *to = llmobs_json_object();
    for (void *it = llmobs_json_iter(from); it && !rc;
         it = llmobs_json_next(from, it))
        rc = llmobs_json_set(*to, llmobs_json_iter_key(it),
                             llmobs_json_share(llmobs_json_iter_value(it)));
    return *to ? rc : -ENOMEM;
}

static int join_tags(struct llmobs_open_span *live,
                     const struct llmobs_json *tags)
{
    const char *session = llmobs_json_gets(tags, "session_id");

    if (session && *session)
        llmobs_context_text(live->span.context.session_id,
                            sizeof(live->span.context.session_id),
                            llmobs_text_of(session));
    return join_members(&live->tags, tags);
}

static int set_prompt(struct llmobs_open_span *live,
                      struct llmobs_json **prompt)
{
    llmobs_span_io_swap(&live->span.input_prompt, prompt);
    if (!live->tags)
        live->tags = llmobs_json_object();
    return llmobs_json_sets(
        live->tags, "prompt_tracking_instrumentation_method", "annotated");
}

/* Sets Datadog's tag of an agent's version; children do not get it. */
static int tag_version(struct llmobs_open_span *live, const char *version)
{
    if (!version || !*version || live->span.kind != LLMOBS_KIND_AGENT)
        return 0;
    if (!live->tags)
        live->tags = llmobs_json_object();
    return llmobs_json_sets(live->tags, "agent_version", version);
}

int llmobs_own_span_annotate(uint64_t span, struct llmobs_annotation_json *data)
{
    bool has_input = data->input && !llmobs_json_is_null(data->input);
    bool has_output = data->output && !llmobs_json_is_null(data->output);
    struct llmobs_json *tools = NULL, *prompt = NULL, *tags = NULL;
    struct llmobs_span_side input = {0}, output = {0};
    struct llmobs_open_span *live;
    struct llmobs_span *to;
    enum llmobs_kind kind;
    int rc = lock_span(&span, &live);

    if (rc) {
        llmobs_annotation_json_free(data);
        return llmobs_own_span_complain(rc, "annotate");
    }
    to = &live->span;
    kind = to->kind;
    if ((data->metadata && !llmobs_json_is_object(data->metadata)) ||
        (data->metrics && !are_numbers(data->metrics)) ||
        (data->cost_tags && !llmobs_span_io_are_texts(data->cost_tags)) ||
        (data->links && !are_links(data->links)) ||
        ((data->tools || data->prompt) && kind != LLMOBS_KIND_LLM) ||
        ((data->agent || data->manifest) && kind != LLMOBS_KIND_AGENT) ||
        (data->agent && !llmobs_json_gets(data->agent, "version")) ||
        (data->manifest && !llmobs_json_is_object(data->manifest)))
        rc = -EINVAL;
    /* All new values are made before the span changes, so that an error changes
     * nothing. */
    if (!rc && has_input)
        rc = llmobs_span_io_input(kind, data->input, &input);
    if (!rc && has_output)
        rc = llmobs_span_io_output(kind, data->output, &output);
    if (!rc && data->tools)
        rc = llmobs_span_io_tools(data->tools, &tools);
    if (!rc && data->prompt)
        rc = llmobs_span_io_prompt(data->prompt, &prompt);
    if (!rc && data->tags)
        rc = make_tags(data->tags, &tags);
    if (!rc && has_input)
        llmobs_span_side_swap(&input, &to->input_messages, &to->input_documents,
                              &to->input_value);
    if (!rc && has_output)
        llmobs_span_side_swap(&output, &to->output_messages,
                              &to->output_documents, &to->output_value);
    if (!rc && tools)
        llmobs_span_io_swap(&to->tool_definitions, &tools);
    if (!rc && prompt)
        rc = set_prompt(live, &prompt);
    if (!rc && tags)
        rc = join_tags(live, tags);
    if (!rc && data->metadata)
        rc = join_members(&to->metadata, data->metadata);
    if (!rc && data->metrics)
        rc = join_members(&to->metrics, data->metrics);
    if (!rc)
        rc = tag_version(live, llmobs_json_gets(data->agent, "version"));
    if (!rc)
        rc = llmobs_span_cost_tags(to, data->cost_tags, live->tags);
    if (!rc && data->manifest)
        rc = set_manifest(to, data->manifest);
    if (!rc && data->links && !to->links)
        to->links = llmobs_json_array();
    for (size_t i = 0; i < llmobs_json_len(data->links) && !rc; i++)
        rc = llmobs_json_add(to->links,
                             llmobs_json_clone(llmobs_json_at(data->links, i)));
    llmobs_span_side_free(&input);
    llmobs_span_side_free(&output);
    llmobs_json_free(tools);
    llmobs_json_free(prompt);
    llmobs_json_free(tags);
    llmobs_span_table_unlock(span);
    llmobs_annotation_json_free(data);
    return llmobs_own_span_complain(rc, "annotate");
}

int llmobs_own_span_annotate_json(uint64_t span,
                                  const struct llmobs_json *object)
{
    static const char *const keys[] = {
        "input", "output",           "metadata",  "metrics",
        "tags",  "tool_definitions", "prompt",    "cost_tags",
        "agent", "agent_manifest",   "span_links"};
    struct llmobs_annotation_json data = {0};
    struct llmobs_json **values = &data.input; /* the first, as its key is */
    size_t known = 0;

    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        const struct llmobs_json *value = llmobs_json_get(object, keys[i]);

        known += value != NULL;
        values[i] = value ? llmobs_json_clone(value) : NULL;
        if (value && !values[i]) {
            llmobs_annotation_json_free(&data);
            return -ENOMEM;
        }
    }
    if (llmobs_json_is_object(object) && known == llmobs_json_len(object))
        return llmobs_own_span_annotate(span, &data);
    llmobs_annotation_json_free(&data);
    return llmobs_own_span_complain(-EINVAL,
                                    "annotate by what is no annotation");
}

int llmobs_own_span_fail(uint64_t span, const char *type, const char *message,
                         const char *stack)
{
    struct llmobs_open_span *live;
    int rc = lock_span(&span, &live);

    if (rc)
        return llmobs_own_span_complain(rc, "error");
    if (!live->span.failed) {
        rc = llmobs_span_fail(&live->span, type, message);
        if (!rc)
            rc = llmobs_span_set_masked(&live->span.error_stack, stack);
    }
    llmobs_span_table_unlock(span);
    return llmobs_own_span_complain(rc, "error");
}

/* -- start ---------------------------------------------------------------- */

static int set_names(struct llmobs_span *span,
                     const struct llmobs_own_span_start *start)
{
    const char *name = start->name && *start->name
                           ? start->name
                           : llmobs_kind_name(start->kind);
    const char *model = start->model_name;
    const char *provider = start->model_provider;
    int rc;

    span->kind = start->kind;
    span->complete = true;
    if (start->session_id && *start->session_id)
        llmobs_context_text(span->context.session_id,
                            sizeof(span->context.session_id),
                            llmobs_text_of(start->session_id));
    if (start->ml_app && *start->ml_app) {
        span->context.app = LLMOBS_APP_NAMED;
        if (!llmobs_ml_app_normal(start->ml_app, span->context.ml_app))
            llmobs_log_once(LLMOBS_LOG_WARN, "api ml_app",
                            "API: an ml_app breaks the documented rules");
    }
    rc = llmobs_span_set(&span->name, name);
    if (rc || (start->kind != LLMOBS_KIND_LLM &&
               start->kind != LLMOBS_KIND_EMBEDDING))
        return rc;
    rc = llmobs_span_set(&span->model_name, model && *model ? model : CUSTOM);
    return rc ? rc
              : llmobs_span_set(&span->model_provider,
                                provider && *provider ? provider : CUSTOM);
}

/* Copies the tool's version from the llm span above, if that span names it. */
static int find_version(uint64_t above, struct llmobs_span *tool)
{
    struct llmobs_open_span *live = llmobs_span_table_lock(above);
    int rc = 0;

    if (!live)
        return 0;
    for (size_t i = 0; i < llmobs_json_len(live->span.tool_definitions); i++) {
        const struct llmobs_json *one =
            llmobs_json_at(live->span.tool_definitions, i);

        if (!rc && llmobs_json_says(one, "name", tool->name))
            rc = llmobs_span_set(&tool->tool_version,
                                 llmobs_json_gets(one, "version"));
    }
    llmobs_span_table_unlock(above);
    return rc;
}

static int make_span(const struct llmobs_own_span_start *start,
                     struct llmobs_open_span **out)
{
    struct llmobs_open_span *live = llmobs_open_span_new();
    struct llmobs_carrier room;
    int64_t now;
    int rc = 0;

    if (!live)
        return -ENOMEM;
    live->process = llmobs_fork_process();
    live->detached = start->detached;
    live->above = start->parent ? start->parent : llmobs_thread_state_top();
    live->prompt_above = prompt_of(live->above);
    /* The span that the caller names, else the thread's current span, else the
     * request's or the process's carrier. */
    if (start->parent && start->parent != LLMOBS_OWN_SPAN_NONE)
        rc = llmobs_own_span_child(start->parent, &live->span.context);
    else if (!llmobs_own_span_child_of_current(&live->span.context))
        (void)llmobs_context_from_carrier(&live->span.context, config,
                                          llmobs_own_span_carrier(&room));
    if (!rc)
        rc = set_names(&live->span, start);
    if (!rc) {
        const struct llmobs_annotation_context *context;
        for (size_t i = 0;
             !rc && (context = llmobs_annotation_context_at(i)) != NULL; i++) {
            struct llmobs_json *prompt;

            rc = context->name
                     ? llmobs_span_set(&live->span.name, context->name)
                     : 0;
            if (!rc && context->tags)
                rc = join_tags(live, context->tags);
            if (!rc)
                rc = tag_version(live, context->agent_version);
            if (!rc)
                rc = llmobs_span_cost_tags(&live->span, context->cost_tags,
                                           live->tags);
            if (!rc && context->prompt && live->span.kind == LLMOBS_KIND_LLM) {
                prompt = llmobs_json_share(context->prompt);
                rc = set_prompt(live, &prompt);
                llmobs_json_free(prompt);
            }
        }
    }
    if (!rc)
        rc = tag_version(live, start->agent_version);
    if (!rc && start->kind == LLMOBS_KIND_TOOL)
        rc = find_version(live->above, &live->span);
    now = llmobs_clock_mono_ns();
    live->start_mono_ns = start->since_mono_ns ? start->since_mono_ns : now;
    live->span.start_ns = llmobs_clock_wall_ns() - (now - live->start_mono_ns);
    if (rc)
        llmobs_open_span_free(live);
    else
        *out = live;
    return rc;
}

int llmobs_own_span_start(const struct llmobs_own_span_start *start,
                          uint64_t *out)
{
    struct llmobs_open_span *live;
    uint64_t number;
    int rc;

    *out = LLMOBS_OWN_SPAN_NONE;
    if (!llmobs_own_span_is_on())
        return LLMOBS_OWN_SPAN_OFF;
    if ((unsigned)start->kind > LLMOBS_KIND_RETRIEVAL)
        return llmobs_own_span_complain(-EINVAL,
                                        "start of a kind that is none");
    rc = make_span(start, &live);
    if (rc)
        return llmobs_own_span_complain(rc, "start");
    number = llmobs_span_table_add(live);
    if (!number) {
        llmobs_open_span_free(live);
        return llmobs_own_span_complain(-EMFILE, "start of too many spans");
    }
    rc = start->detached ? 0 : llmobs_thread_state_push(number);
    if (rc) {
        if (llmobs_span_table_lock(number))
            llmobs_open_span_free(llmobs_span_table_remove(number));
        return llmobs_own_span_complain(
            rc, "start of too many spans in one thread");
    }
    *out = number;
    return 0;
}

/* -- finish --------------------------------------------------------------- */

/* The disk has the span when the call returns. */
static int submit(struct llmobs_open_span *live)
{
    struct llmobs_buf pair;
    int rc = 0;

    /* Makes the array of "key:value" that an event has. */
    llmobs_buf_init(&pair, (size_t)config->event_max);
    if (live->tags && !(live->span.extra_tags = llmobs_json_array()))
        rc = -ENOMEM;
    for (void *it = llmobs_json_iter(live->tags); it && !rc;
         it = llmobs_json_next(live->tags, it)) {
        const char *text = llmobs_json_text(llmobs_json_iter_value(it));

        llmobs_buf_cut(&pair, 0);
        rc = llmobs_buf_addf(&pair, "%s:%s", llmobs_json_iter_key(it), text);
        if (rc == -EFBIG) /* no event has room for it */
            rc = 0;
        else if (!rc)
            rc = llmobs_json_add(live->span.extra_tags,
                                 llmobs_json_string(pair.data));
    }
    llmobs_buf_fini(&pair);
    if (live->span.kind == LLMOBS_KIND_LLM && !live->span.input_prompt) {
        live->span.input_prompt = prompt_of(live->above);
        if (!live->span.input_prompt)
            llmobs_span_io_swap(&live->span.input_prompt, &live->prompt_above);
    }
    live->span.duration_ns = llmobs_clock_mono_ns() - live->start_mono_ns;
    if (!rc)
        rc = llmobs_processor_run(&live->span);
    if (!rc)
        rc = llmobs_worker_submit_span(worker, &live->span);
    else
        llmobs_worker_count_lost(worker,
                                 rc == -ECANCELED ? LLMOBS_STAT_dropped_program
                                 : rc == -ENOMEM  ? LLMOBS_STAT_dropped_memory
                                                  : LLMOBS_STAT_dropped_export);
    llmobs_open_span_free(live);
    return rc == -ECANCELED ? 0 : rc;
}

int llmobs_own_span_finish(uint64_t span)
{
    struct llmobs_open_span *live;

    if (span == LLMOBS_OWN_SPAN_NONE)
        return LLMOBS_OWN_SPAN_OFF;
    if (llmobs_thread_state_used())
        (void)llmobs_thread_state_remove(span);
    if (!llmobs_span_table_lock(span))
        return llmobs_own_span_complain(-EBADF,
                                        "finish of a span that is not open");
    live = llmobs_span_table_remove(span);
    if (llmobs_own_span_is_on() && live->process == llmobs_fork_process())
        return llmobs_own_span_complain(submit(live), "finish");
    llmobs_open_span_free(live);
    return llmobs_own_span_is_on() ? 0 : LLMOBS_OWN_SPAN_OFF;
}

/* -- other uses ----------------------------------------------------------- */

int llmobs_own_span_context(uint64_t span, struct llmobs_context *out)
{
    struct llmobs_open_span *live;
    int rc = resolve(&span);

    if (rc)
        return llmobs_own_span_complain(rc, "a span's ids");
    live = llmobs_span_table_lock(span);
    if (!live)
        return llmobs_own_span_complain(-EBADF,
                                        "ids of a span that is not open");
    *out = live->span.context;
    attribute(out, &live->span);
    llmobs_span_table_unlock(span);
    return 0;
}

static char *append_text(char *at, const char *text)
{
    size_t len = strlen(text);

    memcpy(at, text, len + 1);
    return at + len;
}

#define VARIABLES                                          \
    (LLMOBS_TRACEPARENT_LEN + LLMOBS_TRACESTATE_LEN + 21 + \
     LLMOBS_TRACE_HEX_LEN +                                \
     sizeof("TRACEPARENT=\nTRACESTATE=\nspan_id=\ntrace_id=\nBAGGAGE="))

static char *write_variables(const struct llmobs_context *context)
{
    struct llmobs_text baggage = {NULL, 0};
    struct llmobs_carrier room;
    const struct llmobs_carrier *from = llmobs_own_span_carrier(&room);
    const char *passed = from->baggage ? from->baggage : context->experiment;
    char *text, *at;

    if (*passed && llmobs_carrier_is_trusted(config, from) &&
        !llmobs_context_baggage(config, passed, &baggage))
        baggage.len = 0;
    text = malloc(VARIABLES + baggage.len);

    if (!text)
        return NULL;
    at = append_text(text, "TRACEPARENT=");
    (void)llmobs_context_traceparent(context, at, LLMOBS_TRACEPARENT_LEN + 1);
    at = append_text(at + strlen(at), "\nTRACESTATE=");
    (void)llmobs_context_tracestate(context, at, LLMOBS_TRACESTATE_LEN + 1);
    at = append_text(at + strlen(at), "\nspan_id=");
    (void)llmobs_text_decimal(context->span_id, at);
    at = append_text(at + strlen(at), "\ntrace_id=");
    llmobs_id128_hex(context->trace_id, at);
    if (baggage.len == 0)
        return text;
    at = append_text(at + strlen(at), "\nBAGGAGE=");
    memcpy(at, baggage.data, baggage.len);
    at[baggage.len] = '\0';
    return text;
}

const char *llmobs_own_span_variables(uint64_t span)
{
    struct llmobs_context *context = llmobs_scratch_alloc(sizeof(*context));
    struct llmobs_open_span *live = NULL;
    const char *variables = NULL;

    if (context && resolve(&span) == 0 &&
        llmobs_own_span_context(span, context) == 0) {
        llmobs_exported_add(context);
        live = llmobs_span_table_lock(span);
    }
    if (live) {
        if (!live->variables)
            live->variables = write_variables(context);
        variables = live->variables;
        llmobs_span_table_unlock(span);
    }
    llmobs_scratch_free(context);
    return variables;
}

bool llmobs_own_span_is_detached(uint64_t span)
{
    struct llmobs_open_span *live = llmobs_span_table_lock(span);
    bool detached = live && live->detached;

    if (live)
        llmobs_span_table_unlock(span);
    return detached;
}

int llmobs_own_span_enter(uint64_t span)
{
    if (span == LLMOBS_OWN_SPAN_NONE || !llmobs_own_span_is_on())
        return LLMOBS_OWN_SPAN_OFF;
    if (!llmobs_span_table_has(span))
        return llmobs_own_span_complain(-EBADF,
                                        "enter of a span that is not open");
    return llmobs_own_span_complain(llmobs_thread_state_push(span), "enter");
}

int llmobs_own_span_leave(uint64_t span)
{
    if (span == LLMOBS_OWN_SPAN_NONE)
        return LLMOBS_OWN_SPAN_OFF;
    if (!llmobs_span_table_has(span))
        return llmobs_own_span_complain(-EBADF,
                                        "leave of a span that is not open");
    return llmobs_own_span_complain(llmobs_thread_state_remove(span), "leave");
}
