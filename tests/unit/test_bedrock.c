#include "rules/bedrock_family.h"
#include "rules/text.h"
#include "tests/unit/unit.h"

static const struct {
    const char *id;
    const char *family; /* "": unknown */
} rows[] = {
    {"anthropic.claude-v2:1", "anthropic"},
    {"us.anthropic.claude-sonnet-4-20250514-v1:0", "anthropic"},
    {"deepseek.v3.2-v1:0", "deepseek"},
    {"arn:aws:bedrock:us-east-1::foundation-model/cohere.command-r-v1:0",
     "cohere"},
    {"arn:aws:bedrock:us-east-1:1:custom-model/amazon.titan:0:4k/x", "amazon"},
    {"arn:aws:bedrock:us-east-1:1:inference-profile/eu.mistral.x", "mistral"},
    {"arn:aws:bedrock:us-east-1:1:application-inference-profile/a1", ""},
    {"arn:aws:sagemaker:us-east-1:1:endpoint/my-Meta-llama", "meta"},
    {"stability.sdxl", ""},
    {"writer.palmyra-meta", ""},
    {"meta", ""},
    {"", ""},
    {".", ""},
    {"..meta..", "meta"},
};

START_TEST(families_are_found_by_the_model)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct llmobs_bedrock_family *family =
            llmobs_bedrock_family_find(rows[i].id);

        ck_assert_msg(llmobs_text_is(llmobs_text_of(family ? family->name : ""),
                                     rows[i].family),
                      "%s", rows[i].id);
    }
}
END_TEST

START_TEST(paths_lead_from_object_to_object)
{
    static const char text[] = "{\"a\":{\"b\":{\"c\":\"x\"},\"s\":\"t\"}}";
    struct llmobs_json *json;

    ck_assert_int_eq(llmobs_json_parse(llmobs_text_of(text), &json), 0);
    ck_assert_str_eq(llmobs_json_text(llmobs_bedrock_family_get(json, "a.b.c")),
                     "x");
    ck_assert_ptr_null(llmobs_bedrock_family_get(json, "a.x.c"));
    ck_assert_ptr_null(llmobs_bedrock_family_get(json, "a.s.c"));
    ck_assert_ptr_null(llmobs_bedrock_family_get(json, "b"));
    ck_assert_ptr_null(llmobs_bedrock_family_get(NULL, "a"));
    llmobs_json_free(json);
}
END_TEST

UNIT_SUITE(bedrock)
{
    Suite *s = suite_create("bedrock");

    UNIT_TEST(s, families_are_found_by_the_model);
    UNIT_TEST(s, paths_lead_from_object_to_object);
    return s;
}
