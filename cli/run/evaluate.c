/* evaluate - sends an evaluation metric, or a user's feedback, for a script. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/shared/cli.h"
#include "cli/shared/deliver.h"
#include "cli/shared/options.h"
#include "cli/shared/tell.h"
#include "lib/base/log.h"
#include "core/config/origin.h"
#include "core/event/evaluation.h"
#include "lib/base/stats.h"
#include "core/sdk/evaluation_submit.h"
#include "lib/span/context.h"
#include "core/trace/carrier.h"

struct job {
    bool feedback;
    struct llmobs_evaluation evaluation;
    struct llmobs_evaluation_tag tags[LLMOBS_EVALUATION_TAGS];
    const char *type;
    const char *value;
    struct llmobs_config *config;
    struct llmobs_context context; /* of a span below the span around the script
                                    */
    char span_id[24];
    char trace_id[LLMOBS_TRACE_HEX_LEN + 1];
    char apm_trace_id[LLMOBS_TRACE_HEX_LEN + 1];
    struct llmobs_json *json; /* the value, if it is JSON */
    struct llmobs_json *metadata;
};

/* -- arguments ------------------------------------------------------------ */

/* Cuts the argument at the mark into a key and a value. Writes a NUL into it.
 */
static int split(const char *option, const char *text, char mark,
                 const char **key, const char **value)
{
    char *at = (char *)strchr(text, mark);

    if (!at || at == text)
        return llmobs_cli_refuse(option, NULL,
                                 mark == '=' ? "not of the form KEY=VALUE"
                                             : "not of the form KEY:VALUE");
    *at = '\0';
    *key = text;
    *value = at + 1;
    return 0;
}

static int set_tag(const struct llmobs_cli_option *option, const char *text)
{
    struct llmobs_evaluation *e = option->to;

    return split(option->name, text, '=', &e->tag_key, &e->tag_value);
}

static int add_tag(const struct llmobs_cli_option *option, const char *text)
{
    struct job *job = option->to;
    struct llmobs_evaluation *evaluation = &job->evaluation;
    struct llmobs_evaluation_tag *tag = &job->tags[evaluation->tag_count];

    if (evaluation->tag_count == LLMOBS_EVALUATION_TAGS)
        return llmobs_cli_refuse(option->name, NULL, "too many of them");
    evaluation->tags = job->tags;
    evaluation->tag_count++;
    return split(option->name, text, ':', &tag->key, &tag->value);
}

static int set_scope(const struct llmobs_cli_option *option, const char *text)
{
    bool *of_trace = option->to;

    *of_trace = strcmp(text, "trace") == 0;
    return *of_trace || strcmp(text, "span") == 0
               ? 0
               : llmobs_cli_refuse(option->name, NULL,
                                   "neither span nor trace");
}

static int set_time(const struct llmobs_cli_option *option, const char *text)
{
    char *end;

    errno = 0;
    *(int64_t *)option->to = strtoll(text, &end, 10);
    if (errno == 0 && *text >= '0' && *text <= '9' && *end == '\0')
        return 0;
    return llmobs_cli_refuse(option->name, NULL, "no number of milliseconds");
}

static int set_object(const struct llmobs_cli_option *option, const char *text)
{
    struct llmobs_json **out = option->to;

    llmobs_json_free(*out);
    *out = NULL;
    return llmobs_json_parse(llmobs_text_of(text), out) == 0 &&
                   llmobs_json_is_object(*out)
               ? 0
               : llmobs_cli_refuse(option->name, NULL, "no JSON object");
}

#define TEXT(name, to) LLMOBS_CLI_VALUE(name, llmobs_cli_text, &job->to)
#define COMMON                                                                 \
    TEXT("label", evaluation.label), TEXT("type", type), TEXT("value", value), \
        TEXT("span-id", evaluation.span_id),                                   \
        TEXT("trace-id", evaluation.trace_id),                                 \
        TEXT("assessment", evaluation.assessment),                             \
        TEXT("reasoning", evaluation.reasoning),                               \
        TEXT("agent-service", evaluation.ml_app),                              \
        TEXT("ml-app", evaluation.ml_app),                                     \
        LLMOBS_CLI_VALUE("timestamp", set_time,                                \
                         &job->evaluation.timestamp_ms),                       \
        LLMOBS_CLI_VALUE("tag-add", add_tag, job), LLMOBS_CLI_END

/* -- the value ------------------------------------------------------------ */

static int read_value(struct job *job)
{
    const struct llmobs_cli_option object =
        LLMOBS_CLI_VALUE("value", set_object, &job->json);
    struct llmobs_evaluation *e = &job->evaluation;
    const char *name;
    char *end;
    int rc = 0;

    if (!job->type || !job->value)
        return llmobs_cli_wrong(!job->type ? "--type" : "--value",
                                " is missing");
    while ((name = llmobs_evaluation_type_name(e->type)) &&
           strcasecmp(name, job->type) != 0)
        e->type++;
    if (!name)
        return llmobs_cli_refuse("type", job->type,
                                 "none of score, categorical, boolean, json, "
                                 "and text of feedback");
    switch (e->type) {
    case LLMOBS_EVALUATION_SCORE:
        e->value.score = strtod(job->value, &end);
        return end != job->value && *end == '\0' && *job->value > ' '
                   ? 0
                   : llmobs_cli_refuse("value", NULL,
                                       "no number, as a score is");
    case LLMOBS_EVALUATION_BOOLEAN:
        e->value.boolean = strcmp(job->value, "true") == 0;
        return e->value.boolean || strcmp(job->value, "false") == 0
                   ? 0
                   : llmobs_cli_refuse("value", NULL, "neither true nor false");
    case LLMOBS_EVALUATION_CATEGORICAL:
    case LLMOBS_EVALUATION_WORDS:
        e->value.categorical = job->value;
        return 0;
    case LLMOBS_EVALUATION_JSON:
        rc = set_object(&object, job->value);
        e->value.json = job->json;
    }
    return rc;
}

/* -- the span ------------------------------------------------------------- */

static int check(struct job *job)
{
    const char *wrong;

    if (read_value(job) != 0)
        return -EINVAL;
    job->evaluation.metadata = job->metadata;
    if (job->feedback && !job->evaluation.submitter_id)
        return llmobs_cli_wrong("--submitter", " is missing");
    if (!job->feedback) {
        /* If no other span is named, takes the span around the script. */
        struct llmobs_evaluation *e = &job->evaluation;
        struct llmobs_context *context = &job->context;

        if (!e->span_id && !e->trace_id && !e->tag_key &&
            llmobs_context_from_carrier(context, job->config,
                                        &job->config->carrier) &&
            context->parent_id != 0) {
            snprintf(job->span_id, sizeof(job->span_id), "%" PRIu64,
                     context->parent_id);
            llmobs_id128_hex(context->trace_id, job->trace_id);
            llmobs_id128_hex(context->apm_trace_id, job->apm_trace_id);
            if (!e->ml_app)
                e->ml_app = context->ml_app;
            e->span_id = job->span_id;
            e->trace_id = job->trace_id;
            e->apm_trace_id = job->apm_trace_id;
        }
    }
    wrong = llmobs_evaluation_wrong(&job->evaluation);
    return wrong ? llmobs_cli_wrong(wrong, "") : 0;
}

/* -- the command ---------------------------------------------------------- */

static int give(void *ctx, struct llmobs_worker *worker)
{
    const struct job *job = ctx;

    llmobs_evaluation_init(job->config, worker);
    return llmobs_evaluation_submit(&job->evaluation);
}

/* If OTLP's logs cannot express the metric, another exporter may have it: that
 * it is delivered, or is on the disk, is enough. */
static int submit(struct job *job, const char *command)
{
    static const enum llmobs_stat safe[] = {
        LLMOBS_STAT_delivered, LLMOBS_STAT_left, LLMOBS_STAT_sent_store,
        LLMOBS_STAT_sent_agent, LLMOBS_STAT_sent_agentless};
    const char *off = llmobs_cli_why_off(job->config);
    int rc;

    if (off) {
        llmobs_tell("%s: not submitted: switched off %s\n", command, off);
        return LLMOBS_CLI_FAILED;
    }
    rc = llmobs_cli_deliver(job->config, give, job);
    for (size_t i = 0; rc == 0 && i < sizeof(safe) / sizeof(*safe); i++)
        if (llmobs_stats_get(safe[i]) > 0)
            return LLMOBS_CLI_OK;
    llmobs_tell("%s: not submitted: %s\n", command,
                rc == -E2BIG ? "it is beyond DD_LLMOBS_EVENT_SIZE_BYTES"
                : rc != 0    ? strerror(-rc)
                : llmobs_stats_get(LLMOBS_STAT_dropped_unsaid) > 0
                    ? "OTLP has evaluations by a span's ids alone, and no "
                      "feedback"
                    : "neither delivered nor kept");
    return LLMOBS_CLI_FAILED;
}

static int run(int argc, char **argv, bool feedback)
{
    /* Static: the worker's thread may outlive this function. */
    static struct job state, *const job = &state;
    const struct llmobs_cli_option of_evaluate[] = {
        LLMOBS_CLI_VALUE("tag", set_tag, &job->evaluation),
        LLMOBS_CLI_VALUE("scope", set_scope, &job->evaluation.of_trace),
        LLMOBS_CLI_VALUE("metadata", set_object, &job->metadata), COMMON};
    const struct llmobs_cli_option of_feedback[] = {
        TEXT("session", evaluation.session_id),
        TEXT("key", evaluation.join_key),
        TEXT("submitter", evaluation.submitter_id),
        TEXT("submitter-type", evaluation.submitter_type), COMMON};
    int status =
        llmobs_cli_parse(argc, argv, feedback ? of_feedback : of_evaluate);

    job->feedback = feedback;
    if (status >= 0)
        goto out;
    status = LLMOBS_CLI_USAGE;
    job->config = llmobs_cli_config(NULL);
    if (!job->config) {
        llmobs_tell("%s: %s\n", argv[0], strerror(ENOMEM));
        return LLMOBS_CLI_FAILED;
    }
    llmobs_origin_defer(job->config);
    llmobs_log_init(job->config->log_path,
                    (enum llmobs_log_level)job->config->log_level);
    if (check(job) == 0)
        status = submit(job, argv[0]);
out:
    llmobs_json_free(job->json);
    llmobs_json_free(job->metadata);
    return status;
}

int llmobs_cmd_evaluate(int argc, char **argv)
{
    return run(argc, argv, false);
}

int llmobs_cmd_feedback(int argc, char **argv)
{
    return run(argc, argv, true);
}
