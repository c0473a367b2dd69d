#include "core/event/evaluation.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "core/base/log.h"

#define TRACE_HEX_LEN 32
#define SPAN_DIGITS_MAX 20

static const char *const type_names[] = {
    [LLMOBS_EVALUATION_CATEGORICAL] = "categorical",
    [LLMOBS_EVALUATION_SCORE] = "score",
    [LLMOBS_EVALUATION_BOOLEAN] = "boolean",
    [LLMOBS_EVALUATION_JSON] = "json",
};

const char *llmobs_evaluation_type_name(enum llmobs_evaluation_type type)
{
    size_t n = (size_t)type;

    return n < sizeof(type_names) / sizeof(*type_names) ? type_names[n] : NULL;
}

static bool given(const char *text)
{
    return text && *text;
}

static bool fits(const char *text)
{
    return !text ||
           strnlen(text, LLMOBS_EVALUATION_TEXT + 1) <= LLMOBS_EVALUATION_TEXT;
}

/* As export gives it: decimal, not 0, within 64 bits. */
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

static const char *wrong_label(const struct llmobs_evaluation *evaluation)
{
    if (!given(evaluation->label))
        return "without a label";
    if (strchr(evaluation->label, '.'))
        return "a dot in its label";
    return fits(evaluation->label) ? NULL : "its label is too long";
}

static const char *wrong_value(const struct llmobs_evaluation *evaluation)
{
    switch (evaluation->type) {
    case LLMOBS_EVALUATION_CATEGORICAL:
        if (!evaluation->value.categorical)
            return "categorical without a text";
        return fits(evaluation->value.categorical) ? NULL
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

/* Exactly one of the two ways. */
static const char *wrong_join(const struct llmobs_evaluation *evaluation)
{
    bool by_span = evaluation->span_id || evaluation->trace_id;
    bool by_tag = evaluation->tag_key || evaluation->tag_value;

    if (by_span == by_tag)
        return by_span ? "both a span and a tag" : "neither span nor tag";
    if (by_tag)
        return given(evaluation->tag_key) && given(evaluation->tag_value) &&
                       fits(evaluation->tag_key) && fits(evaluation->tag_value)
                   ? NULL
                   : "a tag without key or value";
    if (!evaluation->span_id || !evaluation->trace_id)
        return "a span without both its ids";
    if (!is_span_id(evaluation->span_id))
        return "a span id that is no decimal number";
    return is_trace_id(evaluation->trace_id) ? NULL
                                             : "a trace id without 32 digits";
}

static const char *wrong_tags(const struct llmobs_evaluation *evaluation)
{
    if (evaluation->tag_count > LLMOBS_EVALUATION_TAGS)
        return "too many tags";
    if (evaluation->tag_count && !evaluation->tags)
        return "no tags where some are counted";
    for (size_t i = 0; i < evaluation->tag_count; i++) {
        if (!given(evaluation->tags[i].key))
            return "a tag without a key";
        if (!fits(evaluation->tags[i].key) || !fits(evaluation->tags[i].value))
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
    return fits(evaluation->reasoning) && fits(evaluation->ml_app)
               ? NULL
               : "a text that is too long";
}

const char *llmobs_evaluation_wrong(const struct llmobs_evaluation *evaluation)
{
    const char *wrong = wrong_label(evaluation);

    if (!wrong)
        wrong = wrong_value(evaluation);
    if (!wrong)
        wrong = wrong_join(evaluation);
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
