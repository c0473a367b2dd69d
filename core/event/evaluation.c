#include "core/event/evaluation.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/fork.h"
#include "lib/base/log.h"
#include "lib/base/machine.h"
#include "lib/base/program.h"
#include "core/config/origin.h"
#include "core/event/encode.h"
#include "core/event/facts.h"

#define TRACE_HEX_LEN 32
#define SPAN_DIGITS_MAX 20
/* A double holds each whole number up to here (2^53) exactly. */
#define WHOLE_MAX 9007199254740992.0

/* -- check ---------------------------------------------------------------- */

static const char *const type_names[] = {
    [LLMOBS_EVALUATION_CATEGORICAL] = "categorical",
    [LLMOBS_EVALUATION_SCORE] = "score",
    [LLMOBS_EVALUATION_BOOLEAN] = "boolean",
    [LLMOBS_EVALUATION_JSON] = "json",
    [LLMOBS_EVALUATION_WORDS] = "text",
};

const char *llmobs_evaluation_type_name(enum llmobs_evaluation_type type)
{
    size_t n = (size_t)type;

    return n < sizeof(type_names) / sizeof(*type_names) ? type_names[n] : NULL;
}

static bool evaluation_fits(const char *text)
{
    return !text ||
           strnlen(text, LLMOBS_EVALUATION_TEXT + 1) <= LLMOBS_EVALUATION_TEXT;
}

/* True for a span id as export gives it: decimal, not 0, within 64 bits. */
static bool is_span_id(const char *text)
{
    size_t len = strspn(text, "0123456789");

    if (len == 0 || len > SPAN_DIGITS_MAX || text[len] || text[0] == '0')
        return false;
    return len < SPAN_DIGITS_MAX || strcmp(text, "18446744073709551615") <= 0;
}

static bool is_trace_id(const char *text)
{
    return strlen(text) == TRACE_HEX_LEN &&
           strspn(text, "0123456789abcdef") == TRACE_HEX_LEN;
}

static bool evaluation_is_feedback(const struct llmobs_evaluation *evaluation)
{
    return evaluation->submitter_id || evaluation->submitter_type ||
           evaluation->session_id || evaluation->join_key;
}

static const char *wrong_label(const struct llmobs_evaluation *evaluation)
{
    if (!llmobs_has_text(evaluation->label))
        return "without a label";
    if (strchr(evaluation->label, '.'))
        return "a dot in its label";
    return evaluation_fits(evaluation->label) ? NULL : "its label is too long";
}

static const char *wrong_value(const struct llmobs_evaluation *evaluation)
{
    switch (evaluation->type) {
    case LLMOBS_EVALUATION_WORDS:
        if (!evaluation_is_feedback(evaluation))
            return "no such type";
        /* fall through */
    case LLMOBS_EVALUATION_CATEGORICAL:
        if (!evaluation->value.categorical)
            return "without its text";
        return evaluation_fits(evaluation->value.categorical)
                   ? NULL
                   : "its value is too long";
    case LLMOBS_EVALUATION_SCORE:
        return isfinite(evaluation->value.score) ? NULL : "no finite score";
    case LLMOBS_EVALUATION_BOOLEAN:
        return NULL;
    case LLMOBS_EVALUATION_JSON:
        return llmobs_json_is_object(evaluation->value.json)
                   ? NULL
                   : "json that is no object";
    }
    return "no such type";
}

/* An evaluation names its span in exactly one of two ways. */
static const char *wrong_join(const struct llmobs_evaluation *evaluation)
{
    bool by_span = evaluation->span_id || evaluation->trace_id;
    bool by_tag = evaluation->tag_key || evaluation->tag_value;

    if (by_span == by_tag)
        return by_span ? "both a span and a tag" : "neither span nor tag";
    if (by_tag)
        return llmobs_has_text(evaluation->tag_key) &&
                       llmobs_has_text(evaluation->tag_value) &&
                       evaluation_fits(evaluation->tag_key) &&
                       evaluation_fits(evaluation->tag_value)
                   ? NULL
                   : "a tag without key or value";
    if (!evaluation->span_id || !evaluation->trace_id)
        return "a span without both its ids";
    if (!is_span_id(evaluation->span_id))
        return "a span id that is no decimal number";
    return is_trace_id(evaluation->trace_id) ? NULL
                                             : "a trace id without 32 digits";
}

/* Feedback names one target: a span or a trace without the other's id, a
 * session, or a key. */
static const char *wrong_target(const struct llmobs_evaluation *evaluation)
{
    const char *const texts[] = {evaluation->span_id, evaluation->trace_id,
                                 evaluation->session_id, evaluation->join_key};
    size_t count = 0;

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        if (!texts[i])
            continue;
        count++;
        if (!*texts[i] || !evaluation_fits(texts[i]))
            return "a target that is empty or too long";
    }
    if (count != 1 || evaluation->tag_key || evaluation->tag_value)
        return "feedback of more or less than one target";
    if (evaluation->span_id && !is_span_id(evaluation->span_id))
        return "a span id that is no decimal number";
    if (evaluation->trace_id && !is_trace_id(evaluation->trace_id))
        return "a trace id without 32 digits";
    if (!llmobs_has_text(evaluation->submitter_id) ||
        !evaluation_fits(evaluation->submitter_id) ||
        !evaluation_fits(evaluation->submitter_type))
        return "feedback of nobody";
    return evaluation->of_trace || evaluation->metadata
               ? "feedback with a scope or metadata"
               : NULL;
}

static const char *wrong_tags(const struct llmobs_evaluation *evaluation)
{
    if (evaluation->tag_count > LLMOBS_EVALUATION_TAGS)
        return "too many tags";
    if (evaluation->tag_count && !evaluation->tags)
        return "no tags where some are counted";
    for (size_t i = 0; i < evaluation->tag_count; i++) {
        if (!llmobs_has_text(evaluation->tags[i].key))
            return "a tag without a key";
        if (!evaluation_fits(evaluation->tags[i].key) ||
            !evaluation_fits(evaluation->tags[i].value))
            return "a tag that is too long";
    }
    return NULL;
}

static const char *wrong_rest(const struct llmobs_evaluation *evaluation)
{
    const char *assessment = evaluation->assessment;

    if (evaluation->timestamp_ms < 0)
        return "a negative time";
    if (assessment && strcmp(assessment, "pass") != 0 &&
        strcmp(assessment, "fail") != 0)
        return "an assessment that is neither pass nor fail";
    if (evaluation->metadata && !llmobs_json_is_object(evaluation->metadata))
        return "metadata that is no object";
    return evaluation_fits(evaluation->reasoning) &&
                   evaluation_fits(evaluation->ml_app)
               ? NULL
               : "a text that is too long";
}

const char *llmobs_evaluation_wrong(const struct llmobs_evaluation *evaluation)
{
    const char *wrong = wrong_label(evaluation);

    if (!wrong)
        wrong = wrong_value(evaluation);
    if (!wrong)
        wrong = evaluation_is_feedback(evaluation) ? wrong_target(evaluation)
                                                   : wrong_join(evaluation);
    if (!wrong)
        wrong = wrong_tags(evaluation);
    return wrong ? wrong : wrong_rest(evaluation);
}

int llmobs_evaluation_check(const struct llmobs_evaluation *evaluation)
{
    const char *wrong = llmobs_evaluation_wrong(evaluation);

    if (!wrong)
        return 0;
    llmobs_log(LLMOBS_LOG_WARN, "evaluation not submitted: %s", wrong);
    return -EINVAL;
}

/* -- the metric object of the intake --------------------------------------- */

static int evaluation_set_pair(struct llmobs_json *object, const char *how,
                               const char *const names[2],
                               const char *const values[2])
{
    struct llmobs_json *pair = llmobs_json_object();
    int rc = llmobs_json_set_texts(pair, names[0], values[0], names[1],
                                   values[1], NULL);

    if (!rc)
        return llmobs_json_set(object, how, pair);
    llmobs_json_free(pair);
    return rc;
}

static struct llmobs_json *make_join(const struct llmobs_evaluation *e)
{
    static const char *const ids[2] = {"span_id", "trace_id"};
    static const char *const tag[2] = {"key", "value"};
    struct llmobs_json *join = llmobs_json_object();
    int rc;

    if (e->span_id)
        rc = evaluation_set_pair(
            join, "span", ids, (const char *const[2]){e->span_id, e->trace_id});
    else
        rc = evaluation_set_pair(
            join, "tag", tag, (const char *const[2]){e->tag_key, e->tag_value});
    if (!rc)
        return join;
    llmobs_json_free(join);
    return NULL;
}

/* Sets who gives the feedback, and its target: one of the four is set. */
static int set_feedback(struct llmobs_json *metric,
                        const struct llmobs_evaluation *e)
{
    struct llmobs_json *submitter = llmobs_json_object();
    int rc = llmobs_json_set_texts(submitter, "id", e->submitter_id, "type",
                                   e->submitter_type, NULL);

    if (!rc)
        rc = llmobs_json_set(metric, "submitter", llmobs_json_share(submitter));
    llmobs_json_free(submitter);
    return rc ? rc
              : llmobs_json_set_texts(metric, "span_id", e->span_id, "trace_id",
                                      e->trace_id, "session_id", e->session_id,
                                      "feedback_join_key", e->join_key, NULL);
}

static int set_subject(struct llmobs_json *metric,
                       const struct llmobs_evaluation *e)
{
    int rc;

    if (evaluation_is_feedback(e))
        return set_feedback(metric, e);
    rc = llmobs_json_sets(metric, "eval_scope", e->of_trace ? "trace" : "span");
    return rc ? rc : llmobs_json_set(metric, "join_on", make_join(e));
}

static struct llmobs_json *make_score(double score)
{
    bool small = score >= -WHOLE_MAX && score <= WHOLE_MAX;
    int64_t whole = small ? (int64_t)score : 0;

    if (small && score >= (double)whole && score <= (double)whole)
        return llmobs_json_int(whole);
    return llmobs_json_real(score);
}

static struct llmobs_json *evaluation_make_value(
    const struct llmobs_evaluation *e)
{
    switch (e->type) {
    case LLMOBS_EVALUATION_CATEGORICAL:
    case LLMOBS_EVALUATION_WORDS:
        return llmobs_json_string(e->value.categorical);
    case LLMOBS_EVALUATION_SCORE:
        return make_score(e->value.score);
    case LLMOBS_EVALUATION_BOOLEAN:
        return llmobs_json_bool(e->value.boolean);
    case LLMOBS_EVALUATION_JSON:
        return llmobs_json_clone(e->value.json);
    }
    return NULL;
}

static int evaluation_set_value(struct llmobs_json *metric,
                                const struct llmobs_evaluation *e)
{
    const char *type = llmobs_evaluation_type_name(e->type);
    struct llmobs_buf key;
    int rc;

    if (!type)
        return -EINVAL;
    llmobs_buf_init(&key, 64);
    rc = llmobs_buf_addf(&key, "%s_value", type);
    if (!rc)
        rc = llmobs_json_sets(metric, "metric_type", type);
    if (!rc)
        rc = llmobs_json_set(metric, key.data, evaluation_make_value(e));
    llmobs_buf_fini(&key);
    return rc;
}

static int set_rest(struct llmobs_json *metric,
                    const struct llmobs_evaluation *e,
                    const struct llmobs_config *config)
{
    const char *ml_app =
        llmobs_has_text(e->ml_app) ? e->ml_app : config->ml_app;
    int64_t now = llmobs_clock_wall_ns() / LLMOBS_NS_PER_MS;
    int rc = llmobs_json_set(
        metric, "timestamp_ms",
        llmobs_json_int(e->timestamp_ms ? e->timestamp_ms : now));

    if (!rc)
        rc = llmobs_json_sets(metric, "ml_app", ml_app);
    if (!rc)
        rc = llmobs_json_set(
            metric, "tags",
            llmobs_tags_of_evaluation(e->tags, e->tag_count, ml_app));
    if (!rc)
        rc = llmobs_json_set_texts(metric, "assessment", e->assessment,
                                   "reasoning", e->reasoning, NULL);
    if (!rc && e->metadata)
        rc =
            llmobs_json_set(metric, "metadata", llmobs_json_clone(e->metadata));
    return rc;
}

/* WIRE 9.1. The tags of an evaluation do not say the program's service. */
static struct llmobs_json *make_facts(const struct llmobs_evaluation *e,
                                      const struct llmobs_config *config)
{
    const struct {
        const char *key, *text;
    } texts[] = {
        {"apm_trace", e->apm_trace_id},
        {"dd_service", config->service},
        {"env", config->env},
        {"version", config->version},
        {"service", config->otlp.service},
        {"resource", config->otlp.resource},
        {"executable", llmobs_program_name()},
        {"hostname", llmobs_machine_name()},
    };
    struct llmobs_json *facts = llmobs_json_object();
    int rc = llmobs_json_set(facts, "pid", llmobs_json_int(llmobs_fork_pid()));

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts) && !rc; i++)
        rc = llmobs_json_sets(facts, texts[i].key, texts[i].text);
    if (!rc && !llmobs_has_text(e->ml_app) && config->app != LLMOBS_APP_NAMED)
        rc = llmobs_json_set(facts, "flags",
                             llmobs_json_int(LLMOBS_FLAG_APP_FOUND));
    if (!rc)
        return facts;
    llmobs_json_free(facts);
    return NULL;
}

static struct llmobs_json *make_metric(const struct llmobs_evaluation *e,
                                       const struct llmobs_config *config)
{
    struct llmobs_json *metric = llmobs_json_object();
    int rc =
        llmobs_json_sets(metric, "event_kind",
                         evaluation_is_feedback(e) ? "feedback" : "evaluation");

    if (!rc)
        rc = llmobs_json_sets(metric, "label", e->label);
    if (!rc && config->otlp.signals[LLMOBS_SIGNAL_LOGS].on)
        rc = llmobs_json_set(metric, LLMOBS_FACTS_KEY, make_facts(e, config));
    if (!rc)
        rc = set_subject(metric, e);
    if (!rc)
        rc = evaluation_set_value(metric, e);
    if (!rc)
        rc = set_rest(metric, e, config);
    if (!rc)
        return metric;
    llmobs_json_free(metric);
    return NULL;
}

int llmobs_encode_evaluation(const struct llmobs_evaluation *evaluation,
                             const struct llmobs_config *config,
                             struct llmobs_buf *buf)
{
    llmobs_origin_find();
    return llmobs_encode_dump(make_metric(evaluation, config), config, buf);
}
