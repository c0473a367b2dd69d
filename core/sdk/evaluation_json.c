/* Reads an evaluation that a script describes in JSON. */
#include "core/sdk/evaluation_json.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/base/scratch.h"
#include "core/sdk/evaluation_submit.h"
#include "core/sdk/exported.h"
#include "core/sdk/own_span.h"

struct ids {
    char span[24];
    char trace[LLMOBS_TRACE_HEX_LEN + 1];
};

static int read_evaluation_value(const struct llmobs_json *value,
                                 struct llmobs_evaluation *evaluation)
{
    if (llmobs_json_is_true(value) || llmobs_json_is_false(value)) {
        evaluation->type = LLMOBS_EVALUATION_BOOLEAN;
        evaluation->value.boolean = llmobs_json_is_true(value);
    } else if (llmobs_json_is_number(value)) {
        evaluation->type = LLMOBS_EVALUATION_SCORE;
        evaluation->value.score = llmobs_json_to_real(value);
    } else if (llmobs_json_is_object(value)) {
        evaluation->type = LLMOBS_EVALUATION_JSON;
        evaluation->value.json = value;
    } else {
        evaluation->type = LLMOBS_EVALUATION_CATEGORICAL;
        evaluation->value.categorical = llmobs_json_text(value);
    }
    return llmobs_json_is_array(value) ? -EINVAL : 0;
}

/* An evaluation that names no span is about the current span. */
static int find_span(struct llmobs_evaluation *evaluation, struct ids *ids)
{
    struct llmobs_context *context;
    int rc;

    if (evaluation->span_id || evaluation->trace_id || evaluation->tag_key ||
        evaluation->session_id || evaluation->join_key)
        return 0;
    context = llmobs_scratch_alloc(sizeof(*context));
    rc = context ? llmobs_own_span_context(0, context) : -ENOMEM;
    if (rc == 0) {
        (void)llmobs_text_decimal(context->span_id, ids->span);
        llmobs_id128_hex(context->trace_id, ids->trace);
        llmobs_exported_add(context);
        evaluation->span_id = ids->span;
        evaluation->trace_id = evaluation->submitter_id ? NULL : ids->trace;
    }
    llmobs_scratch_free(context);
    return rc;
}

int llmobs_evaluation_submit_json(const struct llmobs_json *what)
{
    struct llmobs_evaluation evaluation = {
        .label = llmobs_json_gets(what, "label"),
        .submitter_id = llmobs_json_gets(what, "submitter_id"),
        .submitter_type = llmobs_json_gets(what, "submitter_type"),
        .session_id = llmobs_json_gets(what, "session_id"),
        .join_key = llmobs_json_gets(what, "join_key"),
        .span_id = llmobs_json_gets(what, "span_id"),
        .trace_id = llmobs_json_gets(what, "trace_id"),
        .tag_key = llmobs_json_gets(what, "tag_key"),
        .tag_value = llmobs_json_gets(what, "tag_value"),
        .of_trace = llmobs_json_says(what, "scope", "trace"),
        .ml_app = llmobs_json_gets(what, "ml_app"),
        .timestamp_ms =
            llmobs_json_to_int(llmobs_json_get(what, "timestamp_ms")),
        .assessment = llmobs_json_gets(what, "assessment"),
        .reasoning = llmobs_json_gets(what, "reasoning"),
        .metadata = llmobs_json_get(what, "metadata"),
    };
    const struct llmobs_json *tags = llmobs_json_get(what, "tags");
    struct llmobs_evaluation_tag *list = NULL;
    struct ids ids;
    size_t count = 0;
    int rc;

    if (!llmobs_own_span_is_on())
        return LLMOBS_OWN_SPAN_OFF;
    rc = read_evaluation_value(llmobs_json_get(what, "value"), &evaluation);
    if (rc == 0)
        rc = find_span(&evaluation, &ids);
    if (rc)
        return llmobs_own_span_complain(rc, "an evaluation that is none");
    if (llmobs_json_len(tags) > 0) {
        list = calloc(llmobs_json_len(tags), sizeof(*list));
        rc = list ? 0 : -ENOMEM;
    }
    /* The texts belong to `what`. */
    for (void *it = llmobs_json_iter(tags); it && rc == 0;
         it = llmobs_json_next(tags, it)) {
        const char *value = llmobs_json_text(llmobs_json_iter_value(it));

        if (value)
            list[count++] =
                (struct llmobs_evaluation_tag){llmobs_json_iter_key(it), value};
        else
            rc = -EINVAL;
    }
    evaluation.tags = list;
    evaluation.tag_count = llmobs_json_len(tags);
    if (rc == 0)
        rc = llmobs_evaluation_check(&evaluation);
    if (rc == 0)
        rc = llmobs_evaluation_submit(&evaluation);
    free(list);
    return rc;
}
