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
#include "core/base/log.h"
#include "core/event/evaluation.h"
#include "core/ledger/stats.h"
#include "core/sdk/evaluation_submit.h"
#include "core/span/context.h"
#include "core/trace/carrier.h"

struct job {
    char **argv;
    bool feedback;
    struct llmobs_evaluation evaluation;
    struct llmobs_evaluation_tag tags[LLMOBS_EVALUATION_TAGS];
    const char *type;
    const char *value;
    bool help;
    struct llmobs_config *config;
    struct llmobs_context context; /* of a span below the one around the script
                                    */
    char span_id[24];
    char trace_id[LLMOBS_TRACE_HEX_LEN + 1];
    char apm_trace_id[LLMOBS_TRACE_HEX_LEN + 1];
    struct llmobs_json *json; /* the value, where it is JSON */
    struct llmobs_json *metadata;
};

#define STATUS_TEXT                                                        \
    "Exit status: 0 when it is delivered or waits in the spool, or when\n" \
    "observing is switched off; 1 when it is lost.\n"

static const char help_text[] =
    "usage: llmobs evaluate --label NAME --type TYPE --value VALUE [OPTIONS]\n"
    "\n"
    "Submits an evaluation of a span, which goes where spans go. Without ids "
    "or\n"
    "a tag it is of the span that the script runs in (`llmobs span`,\n"
    "`llmobs-run --workflow`).\n"
    "\n"
    "  --label NAME         what was evaluated; no dot in it\n"
    "  --type TYPE          score, categorical, boolean or json\n"
    "  --value VALUE        a number; a text; true or false; a JSON object\n"
    "  --span-id ID --trace-id ID\n"
    "                       the span, as `llmobs view --json` has its ids\n"
    "  --tag KEY=VALUE      the span that has this tag\n"
    "  --scope span|trace   of the span alone, or of its whole trace (span)\n"
    "  --assessment pass|fail\n"
    "  --reasoning TEXT     why\n"
    "  --metadata JSON      an object\n"
    "  --agent-service NAME, --ml-app NAME\n"
    "                       default: the environment's\n"
    "  --timestamp MS       since 1970; default: now\n"
    "  --tag-add KEY:VALUE  a tag of the evaluation itself; may be repeated\n"
    "\n" STATUS_TEXT;

static const char feedback_text[] =
    "usage: llmobs feedback --label NAME --type TYPE --value VALUE\n"
    "                       --submitter ID TARGET [OPTIONS]\n"
    "\n"
    "Submits what a user says of an answer; it goes where spans go. TARGET is\n"
    "exactly one of\n"
    "\n"
    "  --span-id ID         a span, as `llmobs view --json` has its id\n"
    "  --trace-id ID        a trace\n"
    "  --session ID         a session\n"
    "  --key TEXT           something that the program knows by a key of its "
    "own\n"
    "\n"
    "  --label NAME         what it is about; no dot in it\n"
    "  --type TYPE          score, categorical, boolean, json or text\n"
    "  --value VALUE        a number; a text; true or false; a JSON object\n"
    "  --submitter ID       who says it\n"
    "  --submitter-type TYPE\n"
    "                       what that is: user, ...\n"
    "  --assessment pass|fail\n"
    "  --reasoning TEXT     why\n"
    "  --agent-service NAME, --ml-app NAME\n"
    "                       default: the environment's\n"
    "  --timestamp MS       since 1970; default: now\n"
    "  --tag-add KEY:VALUE  a tag of the feedback itself; may be repeated\n"
    "\n" STATUS_TEXT;

enum option_code {
    OPTION_LABEL = 256,
    OPTION_TYPE,
    OPTION_VALUE,
    OPTION_SPAN,
    OPTION_TRACE,
    OPTION_TAG,
    OPTION_SCOPE,
    OPTION_ASSESSMENT,
    OPTION_REASONING,
    OPTION_METADATA,
    OPTION_ML_APP,
    OPTION_TIMESTAMP,
    OPTION_TAG_ADD,
    OPTION_SESSION,
    OPTION_KEY,
    OPTION_SUBMITTER,
    OPTION_SUBMITTER_TYPE
};

#define COMMON_OPTIONS                                              \
    {"label", required_argument, NULL, OPTION_LABEL},               \
        {"type", required_argument, NULL, OPTION_TYPE},             \
        {"value", required_argument, NULL, OPTION_VALUE},           \
        {"span-id", required_argument, NULL, OPTION_SPAN},          \
        {"trace-id", required_argument, NULL, OPTION_TRACE},        \
        {"assessment", required_argument, NULL, OPTION_ASSESSMENT}, \
        {"reasoning", required_argument, NULL, OPTION_REASONING},   \
        {"agent-service", required_argument, NULL, OPTION_ML_APP},  \
        {"ml-app", required_argument, NULL, OPTION_ML_APP},         \
        {"timestamp", required_argument, NULL, OPTION_TIMESTAMP},   \
        {"tag-add", required_argument, NULL, OPTION_TAG_ADD},       \
        {"help", no_argument, NULL, 'h'},                           \
    {                                                               \
        NULL, 0, NULL, 0                                            \
    }

static const struct option options[] = {
    {"tag", required_argument, NULL, OPTION_TAG},
    {"scope", required_argument, NULL, OPTION_SCOPE},
    {"metadata", required_argument, NULL, OPTION_METADATA},
    COMMON_OPTIONS,
};

static const struct option feedback_options[] = {
    {"session", required_argument, NULL, OPTION_SESSION},
    {"key", required_argument, NULL, OPTION_KEY},
    {"submitter", required_argument, NULL, OPTION_SUBMITTER},
    {"submitter-type", required_argument, NULL, OPTION_SUBMITTER_TYPE},
    COMMON_OPTIONS,
};

/* "llmobs evaluate"; set before the options are read. */
static const char *command;

static int refuse(const char *option, const char *why)
{
    fprintf(stderr, "%s: --%s: %s\n", command, option, why);
    return -EINVAL;
}

/* -- arguments ------------------------------------------------------------ */

/* Cuts the argument in two, in its own place. */
static int split(const char *option, const char *text, char mark,
                 const char **key, const char **value)
{
    char *at = (char *)strchr(text, mark);

    if (at == NULL || at == text)
        return refuse(option, mark == '=' ? "not of the form KEY=VALUE"
                                          : "not of the form KEY:VALUE");
    *at = '\0';
    *key = text;
    *value = at + 1;
    return 0;
}

static int add_tag(struct llmobs_evaluation *evaluation,
                   struct llmobs_evaluation_tag *tags, const char *text)
{
    struct llmobs_evaluation_tag *tag = &tags[evaluation->tag_count];

    if (evaluation->tag_count == LLMOBS_EVALUATION_TAGS)
        return refuse("tag-add", "too many of them");
    evaluation->tags = tags;
    evaluation->tag_count++;
    return split("tag-add", text, ':', &tag->key, &tag->value);
}

static int read_scope(struct llmobs_evaluation *evaluation, const char *text)
{
    evaluation->of_trace = strcmp(text, "trace") == 0;
    return evaluation->of_trace || strcmp(text, "span") == 0
               ? 0
               : refuse("scope", "span or trace");
}

static int read_time(struct llmobs_evaluation *evaluation, const char *text)
{
    char *end;

    errno = 0;
    evaluation->timestamp_ms = strtoll(text, &end, 10);
    if (errno == 0 && *text >= '0' && *text <= '9' && *end == '\0')
        return 0;
    return refuse("timestamp", "no number of milliseconds");
}

static int read_object(const char *option, const char *text,
                       struct llmobs_json **out)
{
    struct llmobs_text whole = {text, strlen(text)};

    llmobs_json_free(*out);
    *out = NULL;
    return llmobs_json_parse(whole, out) == 0 && llmobs_json_is_object(*out)
               ? 0
               : refuse(option, "no JSON object");
}

static int apply(void *ctx, int code, const char *value)
{
    struct job *job = ctx;
    struct llmobs_evaluation *e = &job->evaluation;

    switch (code) {
    case OPTION_LABEL:
        e->label = value;
        return 0;
    case OPTION_TYPE:
        job->type = value;
        return 0;
    case OPTION_VALUE:
        job->value = value;
        return 0;
    case OPTION_SPAN:
        e->span_id = value;
        return 0;
    case OPTION_TRACE:
        e->trace_id = value;
        return 0;
    case OPTION_TAG:
        return split("tag", value, '=', &e->tag_key, &e->tag_value);
    case OPTION_SCOPE:
        return read_scope(e, value);
    case OPTION_ASSESSMENT:
        e->assessment = value;
        return 0;
    case OPTION_REASONING:
        e->reasoning = value;
        return 0;
    case OPTION_METADATA:
        return read_object("metadata", value, &job->metadata);
    case OPTION_ML_APP:
        e->ml_app = value;
        return 0;
    case OPTION_TIMESTAMP:
        return read_time(e, value);
    case OPTION_TAG_ADD:
        return add_tag(e, job->tags, value);
    case OPTION_SESSION:
        e->session_id = value;
        return 0;
    case OPTION_KEY:
        e->join_key = value;
        return 0;
    case OPTION_SUBMITTER:
        e->submitter_id = value;
        return 0;
    case OPTION_SUBMITTER_TYPE:
        e->submitter_type = value;
        return 0;
    case 'h':
        job->help = true;
        return 0;
    default: /* llmobs_cli_parse prints the fault */
        return -EINVAL;
    }
}

/* -- the value ------------------------------------------------------------ */

static int read_score(struct llmobs_evaluation *e, const char *text)
{
    char *end;

    e->value.score = strtod(text, &end);
    return end != text && *end == '\0' && *text > ' '
               ? 0
               : refuse("value", "no number");
}

static int read_boolean(struct llmobs_evaluation *e, const char *text)
{
    e->value.boolean = strcmp(text, "true") == 0;
    return e->value.boolean || strcmp(text, "false") == 0
               ? 0
               : refuse("value", "true or false");
}

static int find_type(struct llmobs_evaluation *e, const char *text)
{
    const char *name;

    for (int i = 0;
         (name = llmobs_evaluation_type_name((enum llmobs_evaluation_type)i)) !=
         NULL;
         i++) {
        if (strcasecmp(name, text) == 0) {
            e->type = (enum llmobs_evaluation_type)i;
            return 0;
        }
    }
    return refuse("type",
                  "score, categorical, boolean, json, or text of feedback");
}

static int read_value(struct job *job)
{
    struct llmobs_evaluation *e = &job->evaluation;
    int rc;

    if (job->type == NULL || job->value == NULL)
        return refuse(job->type == NULL ? "type" : "value", "is missing");
    rc = find_type(e, job->type);
    if (rc != 0)
        return rc;
    switch (e->type) {
    case LLMOBS_EVALUATION_SCORE:
        return read_score(e, job->value);
    case LLMOBS_EVALUATION_BOOLEAN:
        return read_boolean(e, job->value);
    case LLMOBS_EVALUATION_CATEGORICAL:
    case LLMOBS_EVALUATION_WORDS:
        e->value.categorical = job->value;
        return 0;
    case LLMOBS_EVALUATION_JSON:
        rc = read_object("value", job->value, &job->json);
        e->value.json = job->json;
    }
    return rc;
}

/* -- the span ------------------------------------------------------------- */

/* Takes the span around the script where no other is named. */
static void join_around(struct job *job)
{
    struct llmobs_evaluation *e = &job->evaluation;
    struct llmobs_context *context = &job->context;

    if (e->span_id != NULL || e->trace_id != NULL || e->tag_key != NULL ||
        !llmobs_context_from_carrier(context, job->config,
                                     &job->config->carrier) ||
        context->parent_id == 0)
        return;
    snprintf(job->span_id, sizeof job->span_id, "%" PRIu64, context->parent_id);
    llmobs_id128_hex(context->trace_id, job->trace_id);
    llmobs_id128_hex(context->apm_trace_id, job->apm_trace_id);
    if (e->ml_app == NULL)
        e->ml_app = context->ml_app;
    e->span_id = job->span_id;
    e->trace_id = job->trace_id;
    e->apm_trace_id = job->apm_trace_id;
}

static int check(struct job *job)
{
    const char *wrong;

    if (read_value(job) != 0)
        return -EINVAL;
    job->evaluation.metadata = job->metadata;
    if (job->feedback && job->evaluation.submitter_id == NULL)
        return refuse("submitter", "is missing");
    if (!job->feedback)
        join_around(job);
    wrong = llmobs_evaluation_wrong(&job->evaluation);
    if (wrong == NULL)
        return 0;
    fprintf(stderr, "%s: %s\n", job->argv[0], wrong);
    return -EINVAL;
}

/* -- the command ---------------------------------------------------------- */

static int give(void *ctx, struct llmobs_worker *worker, bool relayed)
{
    const struct job *job = ctx;

    (void)relayed;
    llmobs_evaluation_init(job->config, worker);
    return llmobs_evaluation_submit(&job->evaluation);
}

/* True when the metric is delivered, or stands on the disk. Where OTLP's logs
 * cannot say it, another exporter may have it. */
static bool is_safe(void)
{
    static const enum llmobs_stat safe[] = {
        LLMOBS_STAT_delivered, LLMOBS_STAT_left, LLMOBS_STAT_sent_store,
        LLMOBS_STAT_sent_agent, LLMOBS_STAT_sent_agentless};

    for (size_t i = 0; i < sizeof safe / sizeof *safe; i++)
        if (llmobs_stats_get(safe[i]) > 0)
            return true;
    return false;
}

static const char *why_not(int rc)
{
    if (rc == -E2BIG)
        return "it is beyond DD_LLMOBS_EVENT_SIZE_BYTES";
    if (rc == 0 && llmobs_stats_get(LLMOBS_STAT_dropped_unsaid) > 0)
        return "OTLP has evaluations by a span's ids alone, since 1.41, and "
               "no feedback";
    return rc != 0 ? strerror(-rc) : "neither delivered nor kept";
}

static int submit(struct job *job)
{
    int rc;

    if (!llmobs_cli_observing(job->config)) {
        fprintf(stderr, "%s: switched off: nothing is submitted\n",
                job->argv[0]);
        return LLMOBS_CLI_OK;
    }
    rc = llmobs_cli_deliver(job->config, give, job);
    if (rc == 0 && is_safe())
        return LLMOBS_CLI_OK;
    fprintf(stderr, "%s: not submitted: %s\n", job->argv[0], why_not(rc));
    return LLMOBS_CLI_FAILED;
}

static int run(int argc, char **argv, bool feedback)
{
    /* Static: the worker's thread may outlive this function. */
    static struct job job;
    int status = LLMOBS_CLI_USAGE;

    job.argv = argv;
    job.feedback = feedback;
    command = argv[0];
    if (llmobs_cli_parse(argc, argv, "", feedback ? feedback_options : options,
                         apply, &job) != 0)
        goto out;
    if (job.help) {
        fputs(feedback ? feedback_text : help_text, stdout);
        status = LLMOBS_CLI_OK;
        goto out;
    }
    job.config = llmobs_cli_config(NULL);
    if (job.config == NULL) {
        fprintf(stderr, "%s: %s\n", argv[0], strerror(ENOMEM));
        return LLMOBS_CLI_FAILED;
    }
    llmobs_log_init(job.config->log_path,
                    (enum llmobs_log_level)job.config->log_level);
    if (check(&job) == 0)
        status = submit(&job);
out:
    llmobs_json_free(job.json);
    llmobs_json_free(job.metadata);
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
