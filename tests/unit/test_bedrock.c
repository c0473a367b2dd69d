/* Tests Bedrock's token counts. */
#include "rules/vendors/anthropic_message.h"
#include "rules/vendors/bedrock.h"
#include "rules/vendors/bedrock_family.h"
#include "rules/read/text.h"
#include "tests/unit/first_token.h"
#include "tests/unit/frames.h"
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

TEST(families_are_found_by_the_model)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct llmobs_bedrock_family *family =
            llmobs_bedrock_family_find(rows[i].id);

        ck_assert_msg(llmobs_text_is(llmobs_text_of(family ? family->name : ""),
                                     rows[i].family),
                      "%s", rows[i].id);
    }
}

TEST(paths_lead_from_object_to_object)
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

#define HOST "https://bedrock-runtime.us-east-1.amazonaws.com/model/m"
#define BLOCK "{\"contentBlockIndex\":0,"
#define MESSAGE EVENT EVENT_TYPE("\x0c", "messageStart")
#define START EVENT EVENT_TYPE("\x11", "contentBlockStart")
#define DELTA EVENT EVENT_TYPE("\x11", "contentBlockDelta")
#define CHUNK EVENT EVENT_TYPE("\x05", "chunk")
#define CHOICE(delta) "{\"choices\":[{\"delta\":{" delta "}}]}"

struct framed {
    const char *headers;
    size_t len;
    const char *payload;
};

/* No token, then one, each the first of a stream. */
static const struct timed {
    const char *url;
    struct framed head, token;
} timed[] = {
    {HOST "/converse-stream",
     {BYTES(MESSAGE), "{\"role\":\"assistant\"}"},
     {BYTES(DELTA), BLOCK "\"delta\":{\"text\":\"x\"}}"}},
    {HOST "/converse-stream",
     {BYTES(DELTA), BLOCK "\"delta\":{\"text\":\"\"}}"},
     {BYTES(DELTA),
      BLOCK "\"delta\":{\"reasoningContent\":{\"text\":\"x\"}}}"}},
    {HOST "/converse-stream",
     {BYTES(START), BLOCK "\"start\":{}}"},
     {BYTES(START), BLOCK "\"start\":{\"toolUse\":{\"name\":\"f\"}}}"}},
    {HOST "/invoke-with-response-stream",
     {BYTES(CHUNK), CHOICE("\"role\":\"a\",\"content\":\"\"")},
     {BYTES(CHUNK), CHOICE("\"content\":\"x\"")}},
};

TEST(first_tokens_are_timed)
{
    for (size_t i = 0; i < sizeof(timed) / sizeof(timed[0]); i++) {
        const struct timed *t = &timed[i];
        struct llmobs_text all;
        UNIT_ENDS(llmobs_buf) buf;
        size_t end;

        llmobs_buf_init(&buf, 4096);
        frame_add(&buf, t->head.headers, t->head.len, t->head.payload, 0);
        all = (struct llmobs_text){buf.data, buf.len};
        ck_assert_double_lt(first_token(t->url, all), 0);
        frame_add(&buf, t->token.headers, t->token.len, t->token.payload, 0);
        end = buf.len;
        frame_add(&buf, t->token.headers, t->token.len, t->token.payload, 0);
        all = (struct llmobs_text){buf.data, buf.len};
        ck_assert_double_eq_tol(first_token(t->url, all), (double)end / 1000,
                                1e-9);
    }
}

#define MOST ((int64_t)1 << 53) /* of a count */

/* Gives {KEY: [ONE, ..., LAST]}, whose counts have no sum in 64 bits. */
static struct llmobs_json *many_counts(const char *key, const char *one,
                                       const char *last)
{
    struct llmobs_json *list = llmobs_json_array(), *all = llmobs_json_object();

    for (int i = 0; i <= 1024; i++) {
        struct llmobs_json *item = NULL;

        ck_assert_int_eq(
            llmobs_json_parse(llmobs_text_of(i < 1024 ? one : last), &item), 0);
        ck_assert_int_eq(llmobs_json_add(list, item), 0);
    }
    ck_assert_int_eq(llmobs_json_set(all, key, list), 0);
    return all;
}

TEST(sums_do_not_overflow)
{
    struct llmobs_counts tokens = LLMOBS_NO_COUNTS;
    struct llmobs_json *body = many_counts(
        "results", "{\"tokenCount\": 9007199254740992}", "{\"tokenCount\": 5}");
    struct llmobs_json *usage = many_counts(
        "iterations",
        "{\"type\": \"compaction\", \"output_tokens\": 9007199254740992}",
        "{\"type\": \"compaction\", \"output_tokens\": 5}");
    UNIT_ENDS(llmobs_span) span;

    llmobs_bedrock_body_counts(body, &tokens);
    ck_assert_int_gt(tokens.output, MOST);
    ck_assert_int_eq(llmobs_span_init(&span), 0);
    ck_assert_int_eq(llmobs_anthropic_usage(usage, NULL, &span), 0);
    ck_assert_ptr_null(llmobs_json_get(span.metrics, "output_tokens"));
    llmobs_json_free(usage);
    llmobs_json_free(body);
}
