/* Tests evaluations and feedback. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/event/evaluation.h"
#include "tests/unit/unit.h"

#define TRACE "6affe73a00000000c3d1e2f3a4b5c6d7"

static struct llmobs_evaluation good(void)
{
    return (struct llmobs_evaluation){
        .label = "harmfulness",
        .type = LLMOBS_EVALUATION_SCORE,
        .value.score = 10,
        .span_id = "7310458811263470123",
        .trace_id = TRACE,
    };
}

TEST(passes_what_is_right)
{
    struct llmobs_evaluation_tag tags[] = {{"k", "v"}, {"empty", NULL}};
    struct llmobs_json *object = llmobs_json_object();
    struct llmobs_evaluation e = good();

    ck_assert_int_eq(llmobs_evaluation_check(&e), 0);
    e.span_id = "18446744073709551615";
    e.assessment = "fail";
    e.reasoning = "";
    e.timestamp_ms = 1795155770999;
    e.tags = tags;
    e.tag_count = 2;
    e.metadata = object;
    ck_assert_int_eq(llmobs_evaluation_check(&e), 0);
    e.span_id = e.trace_id = NULL;
    e.tag_key = "msg_id";
    e.tag_value = "1";
    e.type = LLMOBS_EVALUATION_CATEGORICAL;
    e.value.categorical = "";
    ck_assert_int_eq(llmobs_evaluation_check(&e), 0);
    e.type = LLMOBS_EVALUATION_JSON;
    e.value.json = object;
    ck_assert_int_eq(llmobs_evaluation_check(&e), 0);
    e.type = LLMOBS_EVALUATION_BOOLEAN;
    e.value.boolean = false;
    ck_assert_int_eq(llmobs_evaluation_check(&e), 0);
    llmobs_json_free(object);
}

TEST(refuses_a_label)
{
    static const char *const labels[] = {NULL, "", "a.b", "."};
    struct llmobs_evaluation e = good();
    char *longest = unit_own(malloc(LLMOBS_EVALUATION_TEXT + 2));

    for (size_t i = 0; i < sizeof(labels) / sizeof(*labels); i++) {
        e.label = labels[i];
        ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
    }
    memset(longest, 'x', LLMOBS_EVALUATION_TEXT + 1);
    longest[LLMOBS_EVALUATION_TEXT + 1] = '\0';
    e.label = longest;
    ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
    longest[LLMOBS_EVALUATION_TEXT] = '\0';
    ck_assert_int_eq(llmobs_evaluation_check(&e), 0);
}

TEST(refuses_a_value)
{
    struct llmobs_json *array = llmobs_json_array();
    struct llmobs_evaluation e = good();

    e.value.score = NAN;
    ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
    e.value.score = -INFINITY;
    ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
    e.type = LLMOBS_EVALUATION_CATEGORICAL;
    e.value.categorical = NULL;
    ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
    e.type = LLMOBS_EVALUATION_JSON;
    e.value.json = NULL;
    ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
    e.value.json = array;
    ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
    e.type = (enum llmobs_evaluation_type)77;
    ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
    ck_assert_ptr_null(llmobs_evaluation_type_name(e.type));
    llmobs_json_free(array);
}

static const struct {
    const char *span_id, *trace_id, *tag_key, *tag_value;
} joins[] = {
    {NULL, NULL, NULL, NULL},
    {"1", TRACE, "k", "v"},
    {"1", NULL, NULL, NULL},
    {NULL, TRACE, NULL, NULL},
    {"", TRACE, NULL, NULL},
    {"0", TRACE, NULL, NULL},
    {"01", TRACE, NULL, NULL},
    {"-1", TRACE, NULL, NULL},
    {"undefined", TRACE, NULL, NULL},
    {"18446744073709551616", TRACE, NULL, NULL},
    {"1", "", NULL, NULL},
    {"1", "6AFFE73a00000000c3d1e2f3a4b5c6d7", NULL, NULL},
    {"1", TRACE "0", NULL, NULL},
    {NULL, NULL, "k", NULL},
    {NULL, NULL, NULL, "v"},
    {NULL, NULL, "", "v"},
    {NULL, NULL, "k", ""},
};

TEST(refuses_a_join)
{
    struct llmobs_evaluation e = good();

    for (size_t i = 0; i < sizeof(joins) / sizeof(*joins); i++) {
        e.span_id = joins[i].span_id;
        e.trace_id = joins[i].trace_id;
        e.tag_key = joins[i].tag_key;
        e.tag_value = joins[i].tag_value;
        ck_assert_msg(llmobs_evaluation_check(&e) == -EINVAL, "row %zu", i);
    }
}

TEST(refuses_the_rest)
{
    struct llmobs_evaluation_tag tags[] = {{"", "v"}};
    struct llmobs_json *array = llmobs_json_array();
    struct llmobs_evaluation e = good();

    e.timestamp_ms = -1;
    ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
    e = good();
    e.assessment = "maybe";
    ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
    e = good();
    e.metadata = array;
    ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
    e = good();
    e.tags = tags;
    e.tag_count = 1;
    ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
    e.tags = NULL;
    ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
    e.tags = tags;
    e.tag_count = LLMOBS_EVALUATION_TAGS + 1;
    ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
    llmobs_json_free(array);
}

static struct llmobs_evaluation feedback(void)
{
    return (struct llmobs_evaluation){
        .label = "stars",
        .type = LLMOBS_EVALUATION_WORDS,
        .value.categorical = "so so",
        .submitter_id = "u7",
        .session_id = "s1",
    };
}

TEST(passes_feedback_on_one_target)
{
    struct llmobs_evaluation e = feedback();

    ck_assert_int_eq(llmobs_evaluation_check(&e), 0);
    e.session_id = NULL;
    ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
    e.span_id = "7";
    ck_assert_int_eq(llmobs_evaluation_check(&e), 0);
    e.trace_id = TRACE;
    ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
    e.span_id = NULL;
    ck_assert_int_eq(llmobs_evaluation_check(&e), 0);
    e.join_key = "order 9";
    ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
    e.trace_id = NULL;
    ck_assert_int_eq(llmobs_evaluation_check(&e), 0);
    e.join_key = "";
    ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
}

TEST(refuses_feedback)
{
    struct llmobs_json *object = llmobs_json_object();
    struct llmobs_evaluation e = feedback();

    e.submitter_id = NULL;
    ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
    e.submitter_id = "";
    ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
    e = feedback();
    e.tag_key = "k";
    e.tag_value = "v";
    ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
    e = feedback();
    e.metadata = object;
    ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
    e = feedback();
    e.of_trace = true;
    ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
    e = feedback();
    e.value.categorical = NULL;
    ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
    /* A text is of feedback alone. */
    e = good();
    e.type = LLMOBS_EVALUATION_WORDS;
    e.value.categorical = "x";
    ck_assert_int_eq(llmobs_evaluation_check(&e), -EINVAL);
    llmobs_json_free(object);
}
