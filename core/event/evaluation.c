/* Checks and writes an evaluation, or a user's feedback. */
#include "core/event/evaluation.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
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

static bool text_fits(const char *text)
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

static bool is_feedback(const struct llmobs_evaluation *evaluation)
{
    return evaluation->submitter_id || evaluation->submitter_type ||
           evaluation->session_id || evaluation->join_key;
}

static const char *wrong_value(const struct llmobs_evaluation *evaluation)
{
    switch (evaluation->type) {
    case LLMOBS_EVALUATION_WORDS:
        if (!is_feedback(evaluation))
            return "no such type";
        /* fall through */
    case LLMOBS_EVALUATION_CATEGORICAL:
        if (!evaluation->value.categorical)
            return "without its text";
        return text_fits(evaluation->value.categorical)
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
                       text_fits(evaluation->tag_key) &&
                       text_fits(evaluation->tag_value)
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
        if (!*texts[i] || !text_fits(texts[i]))
            return "a target that is empty or too long";
    }
    if (count != 1 || evaluation->tag_key || evaluation->tag_value)
        return "feedback of more or less than one target";
    if (evaluation->span_id && !is_span_id(evaluation->span_id))
        return "a span id that is no decimal number";
    if (evaluation->trace_id && !is_trace_id(evaluation->trace_id))
        return "a trace id without 32 digits";
    if (!llmobs_has_text(evaluation->submitter_id) ||
        !text_fits(evaluation->submitter_id) ||
        !text_fits(evaluation->submitter_type))
        return "feedback of nobody";
    return evaluation->of_trace || evaluation->metadata
               ? "feedback with a scope or metadata"
               : NULL;
}

const char *llmobs_evaluation_wrong(const struct llmobs_evaluation *evaluation)
{
    const char *assessment = evaluation->assessment, *wrong;

    if (!llmobs_has_text(evaluation->label))
        return "without a label";
    if (strchr(evaluation->label, '.'))
        return "a dot in its label";
    if (!text_fits(evaluation->label))
        return "its label is too long";
    wrong = wrong_value(evaluation);
    if (!wrong)
        wrong = is_feedback(evaluation) ? wrong_target(evaluation)
                                        : wrong_join(evaluation);
    if (wrong)
        return wrong;
    if (evaluation->tag_count > LLMOBS_EVALUATION_TAGS)
        return "too many tags";
    if (evaluation->tag_count && !evaluation->tags)
        return "no tags where some are counted";
    for (size_t i = 0; i < evaluation->tag_count; i++) {
        if (!llmobs_has_text(evaluation->tags[i].key))
            return "a tag without a key";
        if (!text_fits(evaluation->tags[i].key) ||
            !text_fits(evaluation->tags[i].value))
            return "a tag that is too long";
    }
    if (evaluation->timestamp_ms < 0)
        return "a negative time";
    if (assessment && strcmp(assessment, "pass") != 0 &&
        strcmp(assessment, "fail") != 0)
        return "an assessment that is neither pass nor fail";
    if (evaluation->metadata && !llmobs_json_is_object(evaluation->metadata))
        return "metadata that is no object";
    return text_fits(evaluation->reasoning) && text_fits(evaluation->ml_app)
               ? NULL
               : "a text that is too long";
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

static struct llmobs_json *make_value(const struct llmobs_evaluation *e)
{
    int64_t whole = 0;

    switch (e->type) {
    case LLMOBS_EVALUATION_CATEGORICAL:
    case LLMOBS_EVALUATION_WORDS:
        return llmobs_json_string(e->value.categorical);
    case LLMOBS_EVALUATION_SCORE:
        if (e->value.score >= -WHOLE_MAX && e->value.score <= WHOLE_MAX)
            whole = (int64_t)e->value.score;
        return e->value.score >= (double)whole &&
                       e->value.score <= (double)whole
                   ? llmobs_json_int(whole)
                   : llmobs_json_real(e->value.score);
    case LLMOBS_EVALUATION_BOOLEAN:
        return llmobs_json_bool(e->value.boolean);
    case LLMOBS_EVALUATION_JSON:
        return llmobs_json_clone(e->value.json);
    }
    return NULL;
}

/* WIRE 9.1. The tags of an evaluation do not name the program's service. */
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

    (void)llmobs_json_set(facts, "pid", llmobs_json_int(llmobs_fork_pid()));
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        (void)llmobs_json_sets(facts, texts[i].key, texts[i].text);
    if (!llmobs_has_text(e->ml_app) && config->app != LLMOBS_APP_NAMED)
        (void)llmobs_json_set(facts, "flags",
                              llmobs_json_int(LLMOBS_FLAG_APP_FOUND));
    return facts;
}

/* NULL when memory runs out. */
static struct llmobs_json *make_metric(const struct llmobs_evaluation *e,
                                       const struct llmobs_config *config)
{
    struct llmobs_json *metric = llmobs_json_object();
    const char *ml_app =
        llmobs_has_text(e->ml_app) ? e->ml_app : config->ml_app;
    int64_t now_ms = llmobs_clock_wall_ns() / LLMOBS_NS_PER_MS;
    const char *type = llmobs_evaluation_type_name(e->type);
    char key[32];

    (void)llmobs_json_sets(metric, "event_kind",
                           is_feedback(e) ? "feedback" : "evaluation");
    (void)llmobs_json_sets(metric, "label", e->label);
    if (config->otlp.signals[LLMOBS_SIGNAL_LOGS].on)
        (void)llmobs_json_set(metric, LLMOBS_FACTS_KEY, make_facts(e, config));
    if (is_feedback(e)) {
        /* Sets who gives the feedback, and its target: one of the four is set.
         */
        struct llmobs_json *submitter = llmobs_json_object();

        (void)llmobs_json_set_texts(submitter, "id", e->submitter_id, "type",
                                    e->submitter_type, NULL);
        (void)llmobs_json_set(metric, "submitter", submitter);
        (void)llmobs_json_set_texts(metric, "span_id", e->span_id, "trace_id",
                                    e->trace_id, "session_id", e->session_id,
                                    "feedback_join_key", e->join_key, NULL);
    } else {
        /* Sets the span or trace of an evaluation, which is named by ids or by
         * a tag.
         */
        struct llmobs_json *join = llmobs_json_object();
        struct llmobs_json *pair = llmobs_json_object();

        if (e->span_id)
            (void)llmobs_json_set_texts(pair, "span_id", e->span_id, "trace_id",
                                        e->trace_id, NULL);
        else
            (void)llmobs_json_set_texts(pair, "key", e->tag_key, "value",
                                        e->tag_value, NULL);
        (void)llmobs_json_set(join, e->span_id ? "span" : "tag", pair);
        (void)llmobs_json_sets(metric, "eval_scope",
                               e->of_trace ? "trace" : "span");
        (void)llmobs_json_set(metric, "join_on", join);
    }
    snprintf(key, sizeof(key), "%s_value", type ? type : "");
    (void)llmobs_json_sets(metric, "metric_type", type);
    (void)llmobs_json_set(metric, key, make_value(e));
    (void)llmobs_json_set(
        metric, "timestamp_ms",
        llmobs_json_int(e->timestamp_ms ? e->timestamp_ms : now_ms));
    (void)llmobs_json_sets(metric, "ml_app", ml_app);
    (void)llmobs_json_set(
        metric, "tags",
        llmobs_tags_of_evaluation(e->tags, e->tag_count, ml_app));
    (void)llmobs_json_set_texts(metric, "assessment", e->assessment,
                                "reasoning", e->reasoning, NULL);
    if (e->metadata)
        (void)llmobs_json_set(metric, "metadata",
                              llmobs_json_clone(e->metadata));
    return llmobs_json_done(metric, llmobs_json_error(metric));
}

int llmobs_encode_evaluation(const struct llmobs_evaluation *evaluation,
                             const struct llmobs_config *config,
                             struct llmobs_buf *buf)
{
    llmobs_origin_find();
    return llmobs_encode_dump(make_metric(evaluation, config), config, buf);
}
