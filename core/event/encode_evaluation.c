/* An evaluation as the metric object of the intake. */
#include <errno.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/event/encode.h"
#include "core/event/evaluation.h"
#include "core/event/tags.h"

/* Whole numbers up to here are the same as a double. */
#define WHOLE_MAX 9007199254740992.0

static int set_pair(struct llmobs_json *object, const char *how,
                    const char *const names[2], const char *const values[2])
{
    struct llmobs_json *pair = llmobs_json_object();
    int rc = llmobs_json_sets(pair, names[0], values[0]);

    if (!rc)
        rc = llmobs_json_sets(pair, names[1], values[1]);
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
        rc = set_pair(join, "span", ids,
                      (const char *const[2]){e->span_id, e->trace_id});
    else
        rc = set_pair(join, "tag", tag,
                      (const char *const[2]){e->tag_key, e->tag_value});
    if (!rc)
        return join;
    llmobs_json_free(join);
    return NULL;
}

static struct llmobs_json *make_score(double score)
{
    bool small = score >= -WHOLE_MAX && score <= WHOLE_MAX;
    int64_t whole = small ? (int64_t)score : 0;

    if (small && score >= (double)whole && score <= (double)whole)
        return llmobs_json_int(whole);
    return llmobs_json_real(score);
}

static struct llmobs_json *make_value(const struct llmobs_evaluation *e)
{
    switch (e->type) {
    case LLMOBS_EVALUATION_CATEGORICAL:
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

static int set_value(struct llmobs_json *metric,
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
        rc = llmobs_json_set(metric, key.data, make_value(e));
    llmobs_buf_fini(&key);
    return rc;
}

static int set_rest(struct llmobs_json *metric,
                    const struct llmobs_evaluation *e,
                    const struct llmobs_config *config)
{
    const char *ml_app = e->ml_app && *e->ml_app ? e->ml_app : config->ml_app;
    int64_t now = llmobs_clock_wall_ns() / LLMOBS_NS_PER_MS;
    int rc = llmobs_json_set(
        metric, "timestamp_ms",
        llmobs_json_int(e->timestamp_ms ? e->timestamp_ms : now));

    if (!rc)
        rc = llmobs_json_sets(metric, "ml_app", ml_app);
    if (!rc)
        rc = llmobs_json_set(metric, "tags",
                             llmobs_tags_of_evaluation(e, ml_app));
    if (!rc)
        rc = llmobs_json_sets(metric, "assessment", e->assessment);
    if (!rc)
        rc = llmobs_json_sets(metric, "reasoning", e->reasoning);
    if (!rc && e->metadata)
        rc =
            llmobs_json_set(metric, "metadata", llmobs_json_clone(e->metadata));
    return rc;
}

static struct llmobs_json *make_metric(const struct llmobs_evaluation *e,
                                       const struct llmobs_config *config)
{
    struct llmobs_json *metric = llmobs_json_object();
    int rc = llmobs_json_sets(metric, "event_kind", "evaluation");

    if (!rc)
        rc = llmobs_json_sets(metric, "eval_scope",
                              e->of_trace ? "trace" : "span");
    if (!rc)
        rc = llmobs_json_sets(metric, "label", e->label);
    if (!rc)
        rc = llmobs_json_set(metric, "join_on", make_join(e));
    if (!rc)
        rc = set_value(metric, e);
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
    return llmobs_encode_dump(make_metric(evaluation, config), config, buf);
}
