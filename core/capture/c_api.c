/* Implements the functions of llmobs.h on top of core/sdk. */
#include "core/capture/c_api.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/floats.h"
#include "lib/base/scratch.h"
#include "core/capture/judge.h"
#include "core/event/evaluation.h"
#include "core/event/processor.h"
#include "core/capture/global.h"
#include "core/sdk/exported.h"
#include "core/sdk/span_io.h"
#include "core/sdk/span_table.h"
#include "core/sdk/thread_state.h"
#include "core/sdk/values.h"
#include "core/sdk/evaluation_submit.h"
#include "core/trace/carrier.h"
#include "core/trace/inject.h"

_Static_assert((int)LLMOBS_LLM == (int)LLMOBS_KIND_LLM &&
                   (int)LLMOBS_EMBEDDING == (int)LLMOBS_KIND_EMBEDDING &&
                   (int)LLMOBS_WORKFLOW == (int)LLMOBS_KIND_WORKFLOW &&
                   (int)LLMOBS_AGENT == (int)LLMOBS_KIND_AGENT &&
                   (int)LLMOBS_TASK == (int)LLMOBS_KIND_TASK &&
                   (int)LLMOBS_TOOL == (int)LLMOBS_KIND_TOOL &&
                   (int)LLMOBS_RETRIEVAL == (int)LLMOBS_KIND_RETRIEVAL,
               "kinds have one number");
_Static_assert((int)LLMOBS_CATEGORICAL == (int)LLMOBS_EVALUATION_CATEGORICAL &&
                   (int)LLMOBS_SCORE == (int)LLMOBS_EVALUATION_SCORE &&
                   (int)LLMOBS_BOOLEAN == (int)LLMOBS_EVALUATION_BOOLEAN &&
                   (int)LLMOBS_JSON == (int)LLMOBS_EVALUATION_JSON &&
                   (int)LLMOBS_TEXT == (int)LLMOBS_EVALUATION_WORDS,
               "types of metrics, too");
_Static_assert((int)LLMOBS_PROXIED_BY_URL == (int)LLMOBS_PROXYING_BY_URL &&
                   (int)LLMOBS_PROXIED_YES == (int)LLMOBS_PROXYING_YES &&
                   (int)LLMOBS_PROXIED_NO == (int)LLMOBS_PROXYING_NO,
               "ways of proxying, too");
_Static_assert(LLMOBS_SPANS_MAX == LLMOBS_SPAN_TABLE_MAX &&
                   LLMOBS_DEPTH_MAX == LLMOBS_THREAD_STATE_DEPTH_MAX &&
                   LLMOBS_NOT_OBSERVING == LLMOBS_OWN_SPAN_OFF,
               "what the public header promises");

/* The size of a struct of the public header in its first version. */
#define FIRST(type, member) offsetof(struct type, member)

/* Constant after open. */
static const struct llmobs_config *config;
static struct llmobs_worker *worker;

/* The options with which the configuration was read, until the enable that has
 * them asks for its result. */
static _Atomic(const struct llmobs_enable_options *) applied;

void llmobs_c_api_open(const struct llmobs_config *the_config,
                       struct llmobs_worker *the_worker)
{
    config = the_config;
    worker = the_worker;
    llmobs_own_span_init(config, worker);
}

static uint64_t number_of(llmobs_span_t span)
{
    return (uint64_t)(uintptr_t)span;
}

static llmobs_span_t span_of(uint64_t number)
{
    return (llmobs_span_t)(uintptr_t)number;
}

/* -- the options of enable, as variables ----------------------------------- */

struct setting {
    const char *name;
    const char *value; /* NULL: not given */
};

#define SETTINGS 9

static void list_settings(const struct llmobs_enable_options *o,
                          struct setting out[SETTINGS])
{
    const char *agentless = o->agentless > 0 ? "1" : "0";
    const struct setting settings[SETTINGS] = {
        {"DD_LLMOBS_ENABLED", "1"},
        {"DD_LLMOBS_ML_APP", o->agent_service ? o->agent_service : o->ml_app},
        {"DD_SERVICE", o->service},
        {"DD_ENV", o->env},
        {"DD_SITE", o->site},
        {"DD_API_KEY", o->api_key},
        {"DD_LLMOBS_INSTRUMENTED_PROXY_URLS", o->instrumented_proxy_urls},
        {"DD_LLMOBS_AGENTLESS_ENABLED", o->agentless ? agentless : NULL},
        {"DD_LLMOBS_SAMPLE_RATE", o->sample_rate},
    };

    memcpy(out, settings, sizeof(settings));
}

/* Makes one block of the list and, behind it, the texts that are new. */
static const char **join(const char *const *env,
                         const struct setting settings[SETTINGS])
{
    size_t texts = 0, n = 0, count = 1 + SETTINGS;
    const char **list;
    char *at;

    for (size_t i = 0; env && env[i]; i++)
        count++;
    for (size_t i = 0; i < SETTINGS; i++)
        if (settings[i].value)
            texts += strlen(settings[i].name) + strlen(settings[i].value) + 2;
    list = malloc(count * sizeof(*list) + texts);
    at = (char *)(list + count);
    for (size_t i = 0; list && i < SETTINGS; i++) {
        if (!settings[i].value)
            continue;
        list[n++] = at;
        strcpy(at, settings[i].name);
        at += strlen(at);
        *at++ = '=';
        strcpy(at, settings[i].value);
        at += strlen(at) + 1;
    }
    for (; list && env && *env; env++)
        list[n++] = *env;
    if (list)
        list[n] = NULL;
    return list;
}

const char **llmobs_c_api_environment(
    const char *const *env, const struct llmobs_enable_options *options)
{
    struct llmobs_enable_options own;
    struct setting settings[SETTINGS];
    const char **list;

    if (llmobs_values_copy(&own, sizeof(own),
                           FIRST(llmobs_enable_options, agent_service),
                           options) != 0)
        return NULL;
    list_settings(&own, settings);
    list = join(env, settings);
    if (list)
        atomic_store(&applied, options);
    return list;
}

/* -- on and off ------------------------------------------------------------ */

static int enable(const struct llmobs_enable_options *options)
{
    const struct llmobs_enable_options *expected = options;
    struct llmobs_enable_options own;
    struct setting settings[SETTINGS];
    bool first;
    int rc = llmobs_values_copy(&own, sizeof(own),
                                FIRST(llmobs_enable_options, agent_service),
                                options);

    if (rc)
        return llmobs_own_span_complain(rc,
                                        "enable by options of a wrong size");
    first = atomic_compare_exchange_strong(&applied, &expected, NULL);
    if (own.integrations_enabled)
        llmobs_judge_integrate(own.integrations_enabled > 0);
    llmobs_own_span_switch(true);
    list_settings(&own, settings);
    for (size_t i = 1; i < SETTINGS && !first; i++)
        if (settings[i].value)
            return llmobs_own_span_complain(-EALREADY,
                                            "enable of what is on already");
    return 0;
}

static int disable(void)
{
    llmobs_own_span_switch(false);
    return llmobs_worker_flush(worker, llmobs_worker_wait_ms(worker, false));
}

/* -- spans ----------------------------------------------------------------- */

static int annotate_user(uint64_t span,
                         const struct llmobs_start_options *options)
{
    const struct llmobs_pair all[] = {{"user_id", options->user_id},
                                      {"user_handle", options->user_handle},
                                      {"user_name", options->user_name}};
    struct llmobs_pair given[3];
    struct llmobs_annotation_json data = {0};
    size_t count = 0;
    int rc;

    for (size_t i = 0; i < 3; i++)
        if (all[i].value)
            given[count++] = all[i];
    rc = llmobs_values_pairs(given, count, &data.tags);
    return rc || count == 0 ? rc : llmobs_own_span_annotate(span, &data);
}

static int start(const struct llmobs_start_options *options, llmobs_span_t *out)
{
    struct llmobs_start_options own;
    struct llmobs_own_span_start as = {0};
    uint64_t span;
    int rc = out ? llmobs_values_copy(
                       &own, sizeof(own),
                       FIRST(llmobs_start_options, agent_service), options)
                 : -EINVAL;

    if (rc)
        return llmobs_own_span_complain(rc, "start by options that are none");
    as.kind = (enum llmobs_kind)own.kind;
    as.name = own.name;
    as.model_name = own.model_name;
    as.model_provider = own.model_provider;
    as.session_id = own.session_id;
    as.ml_app = own.agent_service ? own.agent_service : own.ml_app;
    as.agent_version = own.agent_version;
    as.parent = number_of(own.parent);
    as.detached = own.detached != 0;
    llmobs_global_deliver_at_exit();
    rc = llmobs_own_span_start(&as, &span);
    *out = span_of(span);
    return rc ? rc : annotate_user(span, &own);
}

static int annotate(llmobs_span_t span,
                    const struct llmobs_annotation *annotation)
{
    struct llmobs_annotation own;
    struct llmobs_annotation_json data;
    int rc = llmobs_values_copy(
        &own, sizeof(own), FIRST(llmobs_annotation, cost_tags), annotation);
    if (!rc)
        rc = llmobs_values_annotation(&own, &data);
    if (rc)
        return llmobs_own_span_complain(rc,
                                        "annotate by what is no annotation");
    return llmobs_own_span_annotate(number_of(span), &data);
}

static llmobs_span_t current(void)
{
    uint64_t top = llmobs_own_span_is_on() && llmobs_thread_state_used()
                       ? llmobs_thread_state_top()
                       : 0;

    return top ? span_of(top) : LLMOBS_NO_SPAN;
}

static int export_span(llmobs_span_t span, struct llmobs_exported *out)
{
    struct llmobs_context *context;
    int rc;

    if (!out)
        return llmobs_own_span_complain(-EINVAL, "export to nowhere");
    out->span_id[0] = out->trace_id[0] = '\0';
    context = llmobs_scratch_alloc(sizeof(*context));
    rc = context ? llmobs_own_span_context(number_of(span), context) : -ENOMEM;
    if (!rc) {
        (void)llmobs_text_decimal(context->span_id, out->span_id);
        llmobs_id128_hex(context->trace_id, out->trace_id);
        llmobs_exported_add(context);
    }
    llmobs_scratch_free(context);
    return rc;
}

/* -- evaluations and feedback ---------------------------------------------- */

/* Members that an evaluation and a feedback both have. */
struct verdict {
    enum llmobs_metric_type type;
    const char *text;
    double number;
    int truth;
    const char *json;
    const char *metadata_json; /* or NULL */
    const struct llmobs_pair *tags;
    size_t tag_count;
};

/* Borrows the values of the verdict. */
static int submit_with(struct llmobs_evaluation *evaluation,
                       const struct verdict *verdict,
                       const struct llmobs_json *json)
{
    struct llmobs_evaluation_tag *tags = NULL;
    int rc;

    evaluation->type = (enum llmobs_evaluation_type)verdict->type;
    switch (verdict->type) {
    case LLMOBS_CATEGORICAL:
    case LLMOBS_TEXT:
        evaluation->value.categorical = verdict->text;
        break;
    case LLMOBS_SCORE:
        evaluation->value.score = verdict->number;
        break;
    case LLMOBS_BOOLEAN:
        evaluation->value.boolean = verdict->truth != 0;
        break;
    case LLMOBS_JSON:
        evaluation->value.json = json;
        break;
    }
    if (verdict->tags && verdict->tag_count <= LLMOBS_EVALUATION_TAGS)
        tags = calloc(verdict->tag_count + 1, sizeof(*tags));
    for (size_t i = 0; tags && i < verdict->tag_count; i++)
        tags[i] = (struct llmobs_evaluation_tag){verdict->tags[i].key,
                                                 verdict->tags[i].value};
    evaluation->tags = tags;
    evaluation->tag_count = verdict->tag_count;
    rc = llmobs_evaluation_check(evaluation);
    if (!rc) {
        llmobs_global_deliver_at_exit();
        rc = llmobs_evaluation_submit(evaluation);
    }
    free(tags);
    return rc;
}

static int submit(struct llmobs_evaluation *evaluation,
                  const struct verdict *verdict)
{
    struct llmobs_json *json = NULL, *metadata = NULL;
    int rc = 0;

    if (verdict->type == LLMOBS_JSON)
        rc = llmobs_values_parse(verdict->json, &json);
    if (!rc)
        rc = llmobs_values_parse(verdict->metadata_json, &metadata);
    evaluation->metadata = metadata;
    if (!rc)
        rc = submit_with(evaluation, verdict, json);
    else
        (void)llmobs_own_span_complain(rc, "an evaluation that is none");
    llmobs_json_free(json);
    llmobs_json_free(metadata);
    return rc;
}

static int evaluate(const struct llmobs_evaluation_options *options)
{
    struct llmobs_evaluation_options own;
    int rc = llmobs_values_copy(&own, sizeof(own),
                                FIRST(llmobs_evaluation_options, agent_service),
                                options);
    if (rc)
        return llmobs_own_span_complain(rc, "an evaluation that is none");
    return submit(
        &(struct llmobs_evaluation){
            .label = own.label,
            .span_id = own.span ? own.span->span_id : NULL,
            .trace_id = own.span ? own.span->trace_id : NULL,
            .tag_key = own.tag_key,
            .tag_value = own.tag_value,
            .of_trace = own.of_trace != 0,
            .ml_app = own.agent_service ? own.agent_service : own.ml_app,
            .timestamp_ms = own.timestamp_ms,
            .assessment = own.assessment,
            .reasoning = own.reasoning,
        },
        &(struct verdict){own.metric_type, own.text, own.number, own.truth,
                          own.json, own.metadata_json, own.tags,
                          own.tag_count});
}

static int feedback(const struct llmobs_feedback_options *options)
{
    struct llmobs_feedback_options own;
    int rc = llmobs_values_copy(&own, sizeof(own), sizeof(own), options);
    if (rc)
        return llmobs_own_span_complain(rc, "feedback that is none");
    return submit(
        &(struct llmobs_evaluation){
            .label = own.label,
            .submitter_id = own.submitter_id ? own.submitter_id : "",
            .submitter_type = own.submitter_type,
            .span_id = own.span ? own.span->span_id : NULL,
            .trace_id = own.trace_id,
            .session_id = own.session_id,
            .join_key = own.join_key,
            .ml_app = own.agent_service,
            .timestamp_ms = own.timestamp_ms,
            .assessment = own.assessment,
            .reasoning = own.reasoning,
        },
        &(struct verdict){own.metric_type, own.text, own.number, own.truth,
                          own.json, NULL, own.tags, own.tag_count});
}

/* -- other processes ------------------------------------------------------- */

/* `add` is the app's function: it may run for long, or end by longjmp. */
static int inject_as(const struct llmobs_context *context,
                     llmobs_header_fn *add, void *arg)
{
    const struct llmobs_own_headers none = {0};
    struct llmobs_inject_plan plan = {
        .config = config, .own = &none, .url = "http://localhost/"};
    struct llmobs_inject *headers = malloc(sizeof(*headers));
    const struct llmobs_carrier *carrier;
    struct llmobs_carrier room;
    int rc = 0;

    if (!headers)
        return -ENOMEM;
    plan.sender = llmobs_propagate_span(context);
    carrier = llmobs_own_span_carrier(&room);
    if (llmobs_carrier_is_trusted(config, carrier))
        plan.baggage = carrier->baggage;
    if (!plan.baggage && context->experiment[0])
        plan.baggage = context->experiment;
    if (llmobs_inject_fill(headers, &plan)) {
        /* Calls `add` for each header of the list, whose nodes are "name:
         * value". */
        char name[64];

        rc = 0;
        for (size_t i = 0; i < headers->count && !rc; i++) {
            const char *line = headers->nodes[i].data;
            size_t len = strcspn(line, ":");

            if (len >= sizeof(name) || !line[len])
                continue;
            memcpy(name, line, len);
            name[len] = '\0';
            line += len + 1;
            rc = add(arg, name, line + strspn(line, " "));
        }
    }
    free(headers);
    return rc;
}

static int inject(llmobs_span_t span, llmobs_header_fn *add, void *arg)
{
    struct llmobs_context *context;
    int rc;

    if (!add)
        return llmobs_own_span_complain(-EINVAL, "inject to nowhere");
    context = malloc(sizeof(*context));
    rc = context ? llmobs_own_span_context(number_of(span), context) : -ENOMEM;
    if (!rc)
        rc = inject_as(context, add, arg);
    free(context);
    return rc;
}

static int activate(const struct llmobs_pair *headers, size_t count)
{
    struct llmobs_header *list;
    int rc;

    if ((count && !headers) || count > LLMOBS_VALUES_LIST_MAX)
        return llmobs_own_span_complain(-EINVAL, "activate of no headers");
    list = calloc(count + 1, sizeof(*list));
    if (!list)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        list[i] = (struct llmobs_header){(char *)(uintptr_t)headers[i].key,
                                         (char *)(uintptr_t)headers[i].value};
    rc = llmobs_own_span_activate(list, count);
    free(list);
    return rc;
}

/* -- scopes ---------------------------------------------------------------- */

static int proxied_begin(enum llmobs_proxied proxied)
{
    if ((unsigned)proxied > LLMOBS_PROXIED_NO)
        return llmobs_own_span_complain(-EINVAL, "proxied that is none");
    return llmobs_own_span_complain(
        llmobs_thread_state_proxied_begin((enum llmobs_proxying)proxied),
        "proxied_begin");
}

static int proxied_end(void)
{
    return llmobs_own_span_complain(llmobs_thread_state_proxied_end(),
                                    "proxied_end");
}

static int copy_text(char **to, const char *text)
{
    if (!text || !*text)
        return 0;
    *to = strdup(text);
    return *to ? 0 : -ENOMEM;
}

static int context_begin(const struct llmobs_context_options *options)
{
    struct llmobs_annotation_context context = {0};
    struct llmobs_context_options own;
    struct llmobs_json *prompt = NULL;
    int rc = llmobs_values_copy(
        &own, sizeof(own), FIRST(llmobs_context_options, cost_tags), options);

    if (!rc)
        rc = llmobs_values_parse(own.prompt_json, &prompt);
    if (!rc && prompt)
        rc = llmobs_span_io_prompt(prompt, &context.prompt);
    llmobs_json_free(prompt);
    if (!rc)
        rc = llmobs_values_pairs(own.tags, own.tag_count, &context.tags);
    if (!rc)
        rc = llmobs_values_texts(own.cost_tags, own.cost_tag_count,
                                 &context.cost_tags);
    if (!rc)
        rc = copy_text(&context.name, own.name);
    if (!rc)
        rc = copy_text(&context.agent_version, own.agent_version);
    if (rc)
        llmobs_annotation_context_free(&context);
    else
        rc = llmobs_annotation_context_begin(&context);
    return llmobs_own_span_complain(rc, "context_begin");
}

static int context_end(void)
{
    return llmobs_own_span_complain(llmobs_annotation_context_end(),
                                    "context_end");
}

#define PARTS 3
_Static_assert(LLMOBS_INPUT == 0 && LLMOBS_OUTPUT == 1 && LLMOBS_METADATA == 2,
               "an element for each");

/* A span that the program's processor works on: the processor's changes, which
 * apply once it has returned without an error, and the texts that it has got.
 */
struct llmobs_finished {
    struct llmobs_span *span;
    bool replaced[PARTS];
    struct llmobs_span_side sides[2];
    struct llmobs_json *metadata;
    char *texts[PARTS]; /* the texts that the processor has got; owned */
};

/* -- a finished span: what there is ---------------------------------------- */

static char *text_of_side(const struct llmobs_json *messages,
                          const struct llmobs_json *documents,
                          const char *value)
{
    struct llmobs_json *string;
    char *text;

    if (messages || documents)
        return llmobs_json_dumps(messages ? messages : documents, 0);
    if (!value)
        return NULL;
    string = llmobs_json_string(value);
    text = llmobs_json_dumps(string, 0);
    llmobs_json_free(string);
    return text;
}

static char *text_of_part(const struct llmobs_finished *finished,
                          enum llmobs_part part)
{
    const struct llmobs_span *span = finished->span;
    const struct llmobs_json *metadata =
        finished->replaced[part] ? finished->metadata : span->metadata;

    if (part == LLMOBS_METADATA)
        return metadata ? llmobs_json_dumps(metadata, 0) : NULL;
    if (finished->replaced[part])
        return text_of_side(finished->sides[part].messages,
                            finished->sides[part].documents,
                            finished->sides[part].value);
    if (part == LLMOBS_INPUT)
        return text_of_side(span->input_messages, span->input_documents,
                            span->input_value);
    return text_of_side(span->output_messages, span->output_documents,
                        span->output_value);
}

static const char *finished_get(struct llmobs_finished *span,
                                enum llmobs_part part)
{
    int saved = errno;

    if (!span || (unsigned)part >= PARTS)
        return NULL;
    if (!span->texts[part])
        span->texts[part] = text_of_part(span, part);
    errno = saved;
    return span->texts[part];
}

static const char *finished_tag(struct llmobs_finished *span, const char *key)
{
    const struct llmobs_json *tags;
    size_t len;

    if (!span || !key)
        return NULL;
    if (strcmp(key, "span.kind") == 0)
        return llmobs_kind_name(span->span->kind);
    if (strcmp(key, "name") == 0)
        return span->span->name;
    /* The key's last tag is the valid one, as in an event. */
    tags = span->span->extra_tags;
    len = strlen(key);
    for (size_t i = llmobs_json_len(tags); i-- > 0;) {
        const char *tag = llmobs_json_text(llmobs_json_at(tags, i));

        if (tag && strncmp(tag, key, len) == 0 && tag[len] == ':')
            return tag + len + 1;
    }
    return NULL;
}

/* -- a finished span: what is to be ---------------------------------------- */

static int set_side(struct llmobs_finished *finished, enum llmobs_part part,
                    struct llmobs_json *json)
{
    const struct llmobs_span *span = finished->span;
    enum llmobs_kind kind = span->kind;
    struct llmobs_span_side side = {NULL, NULL, NULL};
    int rc = 0;

    /* A call through a gateway has messages and is written as a workflow. */
    if (span->proxied && span->input_messages)
        kind = LLMOBS_KIND_LLM;
    if (json && part == LLMOBS_INPUT)
        rc = llmobs_span_io_input(kind, json, &side);
    else if (json)
        rc = llmobs_span_io_output(kind, json, &side);
    if (rc)
        return rc;
    llmobs_span_side_free(&finished->sides[part]);
    finished->sides[part] = side;
    finished->replaced[part] = true;
    return 0;
}

static int set_metadata(struct llmobs_finished *finished,
                        struct llmobs_json *json)
{
    struct llmobs_json *object =
        json ? llmobs_json_share(json) : llmobs_json_object();

    if (!llmobs_json_is_object(object)) {
        llmobs_json_free(object);
        return json ? -EINVAL : -ENOMEM;
    }
    llmobs_json_free(finished->metadata);
    finished->metadata = object;
    finished->replaced[LLMOBS_METADATA] = true;
    return 0;
}

static int finished_set(struct llmobs_finished *span, enum llmobs_part part,
                        const char *json)
{
    struct llmobs_json *value = NULL;
    int rc = 0, saved = errno;

    if (!span || (unsigned)part >= PARTS)
        return -EINVAL;
    if (json)
        rc = llmobs_json_parse(llmobs_text_of(json), &value);
    if (!rc)
        rc = part == LLMOBS_METADATA ? set_metadata(span, value)
                                     : set_side(span, part, value);
    llmobs_json_free(value);
    if (!rc) {
        free(span->texts[part]);
        span->texts[part] = NULL;
    }
    errno = saved;
    return llmobs_own_span_complain(rc, "a processor sets what is no value");
}

/* -- the program's processor ----------------------------------------------- */

static int run_processor(const void *function, void *context,
                         struct llmobs_span *span)
{
    llmobs_processor_fn *processor;
    struct llmobs_finished finished = {.span = span};
    int rc, saved = errno;

    memcpy(&processor, &function, sizeof(processor));
    rc = processor(context, &finished);
    if (rc == 0 && finished.replaced[LLMOBS_INPUT])
        llmobs_span_side_swap(&finished.sides[LLMOBS_INPUT],
                              &span->input_messages, &span->input_documents,
                              &span->input_value);
    if (rc == 0 && finished.replaced[LLMOBS_OUTPUT])
        llmobs_span_side_swap(&finished.sides[LLMOBS_OUTPUT],
                              &span->output_messages, &span->output_documents,
                              &span->output_value);
    if (rc == 0 && finished.replaced[LLMOBS_METADATA]) {
        struct llmobs_json *was = span->metadata;

        span->metadata = finished.metadata;
        finished.metadata = was;
    }
    for (size_t i = 0; i < PARTS; i++)
        free(finished.texts[i]);
    llmobs_span_side_free(&finished.sides[LLMOBS_INPUT]);
    llmobs_span_side_free(&finished.sides[LLMOBS_OUTPUT]);
    llmobs_json_free(finished.metadata);
    errno = saved;
    if (rc == LLMOBS_DROP)
        return -ECANCELED;
    (void)llmobs_own_span_complain(rc < 0 ? rc : 0, "a processor failed");
    return 0;
}

static int set_processor(llmobs_processor_fn *processor, void *context)
{
    const void *function;

    memcpy(&function, &processor, sizeof(function));
    return llmobs_own_span_complain(
        llmobs_processor_set(run_processor, function, context),
        "set_processor");
}

/* -- the table ------------------------------------------------------------- */

static int flush(int64_t timeout_ms)
{
    if (timeout_ms < 0)
        return llmobs_own_span_complain(-EINVAL, "flush of a negative time");
    return llmobs_worker_flush(worker, timeout_ms);
}

/* No call changes the program's errno, or its floating-point flags. */
#define PRESERVING(name, parameters, call)                   \
    static int api_##name parameters                         \
    {                                                        \
        struct llmobs_floats floats = llmobs_floats_begin(); \
        int saved = errno;                                   \
        int rc = call;                                       \
                                                             \
        errno = saved;                                       \
        llmobs_floats_end(floats);                           \
        return rc;                                           \
    }

/* Calls that do nothing while the library is off. */
#define WHILE_ON(name, parameters, call) \
    PRESERVING(name, parameters,         \
               llmobs_own_span_is_on() ? call : LLMOBS_OWN_SPAN_OFF)

PRESERVING(enable, (const struct llmobs_enable_options *o), enable(o))
WHILE_ON(disable, (void), disable())
PRESERVING(enabled, (void), llmobs_own_span_is_on())
PRESERVING(start, (const struct llmobs_start_options *o, llmobs_span_t *out),
           start(o, out))
PRESERVING(finish, (llmobs_span_t span),
           llmobs_own_span_finish(number_of(span)))
PRESERVING(enter, (llmobs_span_t span), llmobs_own_span_enter(number_of(span)))
PRESERVING(leave, (llmobs_span_t span), llmobs_own_span_leave(number_of(span)))
WHILE_ON(annotate, (llmobs_span_t span, const struct llmobs_annotation *a),
         annotate(span, a))
PRESERVING(error,
           (llmobs_span_t span, const char *type, const char *message,
            const char *stack),
           llmobs_own_span_fail(number_of(span), type, message, stack))
PRESERVING(export_span, (llmobs_span_t span, struct llmobs_exported *out),
           export_span(span, out))
WHILE_ON(evaluate, (const struct llmobs_evaluation_options *o), evaluate(o))
WHILE_ON(feedback, (const struct llmobs_feedback_options *o), feedback(o))
PRESERVING(flush, (int64_t timeout_ms), flush(timeout_ms))
PRESERVING(inject, (llmobs_span_t span, llmobs_header_fn *add, void *context),
           inject(span, add, context))
WHILE_ON(activate, (const struct llmobs_pair *headers, size_t count),
         activate(headers, count))
WHILE_ON(proxied_begin, (enum llmobs_proxied proxied), proxied_begin(proxied))
PRESERVING(proxied_end, (void), proxied_end())
WHILE_ON(context_begin, (const struct llmobs_context_options *o),
         context_begin(o))
PRESERVING(context_end, (void), context_end())

WHILE_ON(set_processor, (llmobs_processor_fn * processor, void *context),
         set_processor(processor, context))

static const struct llmobs_api table = {
    .size = sizeof(table),
    .enable = api_enable,
    .disable = api_disable,
    .enabled = api_enabled,
    .start = api_start,
    .finish = api_finish,
    .enter = api_enter,
    .leave = api_leave,
    .current = current,
    .annotate = api_annotate,
    .error = api_error,
    .export_span = api_export_span,
    .evaluate = api_evaluate,
    .flush = api_flush,
    .inject = api_inject,
    .activate = api_activate,
    .proxied_begin = api_proxied_begin,
    .proxied_end = api_proxied_end,
    .context_begin = api_context_begin,
    .context_end = api_context_end,
    .feedback = api_feedback,
    .set_processor = api_set_processor,
    .finished_get = finished_get,
    .finished_set = finished_set,
    .finished_tag = finished_tag,
};

const struct llmobs_api *llmobs_c_api_table(unsigned version)
{
    return version == LLMOBS_API_VERSION ? &table : NULL;
}
