/* Tests spans before they are encoded. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/span/mask.h"
#include "lib/span/span.h"
#include "tests/unit/unit.h"

TEST(begins_empty_and_ends_clean)
{
    UNIT_ENDS(llmobs_span) span;

    ck_assert_int_eq(llmobs_span_init(&span), 0);
    ck_assert(llmobs_json_is_object(span.metadata));
    ck_assert(llmobs_json_is_object(span.metrics));
    ck_assert_ptr_null(span.name);
    ck_assert(!span.failed && !span.complete);
    llmobs_span_fini(&span);
    ck_assert_ptr_null(span.metadata);
}

TEST(set_replaces_and_unsets)
{
    UNIT_ENDS(llmobs_span) span;

    llmobs_span_init(&span);
    ck_assert_int_eq(llmobs_span_set(&span.name, "first"), 0);
    ck_assert_int_eq(llmobs_span_set(&span.name, "second"), 0);
    ck_assert_str_eq(span.name, "second");
    ck_assert_int_eq(llmobs_span_set(&span.name, NULL), 0);
    ck_assert_ptr_null(span.name);
}

TEST(the_first_error_stays)
{
    UNIT_ENDS(llmobs_span) span;

    llmobs_span_init(&span);
    llmobs_span_fail(&span, "rate_limit_error", "slow down");
    llmobs_span_fail(&span, "CURLE_PARTIAL_FILE", "later");
    ck_assert(span.failed);
    ck_assert_str_eq(span.error_type, "rate_limit_error");
    ck_assert_str_eq(span.error_message, "slow down");
    llmobs_span_fini(&span);
    llmobs_span_init(&span);
    llmobs_span_fail(&span, NULL, NULL);
    ck_assert(span.failed);
    ck_assert_str_eq(span.error_type, "");
    ck_assert_str_eq(span.error_message, "");
}

static const struct {
    const char *text;
    const char *masked;
} masks[] = {
    {"Cookie: sid=abcdefgh; x=1\r\nHost: a", "Cookie: ***\r\nHost: a"},
    {"Set-Cookie: a=b", "Set-Cookie: ***"},
    {"{\"token\": \"abcdefgh12\"}", "{\"token\": \"***gh12\"}"},
    {"{\"password\":\"hunter2\"}", "{\"password\":\"***\"}"},
    {"\"client_secret\" : \"abcdefgh\"", "\"client_secret\" : \"***efgh\""},
    {"X-Api-Key:abc", "X-Api-Key:***"},
    {"api_key='abcdefgh'", "api_key='***efgh'"},
    {"{\\\"api_key\\\": \\\"abcdefgh\\\"}",
     "{\\\"api_key\\\": \\\"***efgh\\\"}"},
    {"Authorization: Token abcd", "Authorization: ***"},
    {"Authorization: ab", "Authorization: ***"},
    {"BEARER   abcdefgh", "BEARER   ***efgh"},
    {"Bearer:abcdefgh", "Bearer:***efgh"},
    {"Incorrect API key provided: abcdef1234567890.",
     "Incorrect API key provided: ***7890."},
    {"key%3Dabcdefgh", "key%3D***efgh"},
    {"xoxb-1234567890", "xoxb-***7890"},
    {"https://user:pa/ss@host/x", "https://***@host/x"},
    {"http://host:8080/a@b", "http://host:8080/a@b"},
    {"max_tokens: 5, tokens=7, keyboard: x",
     "max_tokens: 5, tokens=7, keyboard: x"},

    {"Invalid token a1b2c3d4.", "Invalid token ***c3d4."},
    {"Invalid token: \"a1b2c3d4e5\" (401)", "Invalid token: \"***d4e5\" (401)"},
    {"no key 12345678 and no token limit",
     "no key 12345678 and no token limit"},
    {"The key t0k3nA9bC8dE7fG6hI5jK4lM is unknown",
     "The key ***K4lM is unknown"},
    {"t0k3nA9bC8dE7fG6hI5jK4lM?", "***K4lM?"},
    {"gpt-4o-mini-2024-07-18 is overloaded (req_011CQabc9dEf8gHi7jKl6)",
     "gpt-4o-mini-2024-07-18 is overloaded (req_011CQabc9dEf8gHi7jKl6)"},
    {"request 3f2504e0-4f89-11d3-9a0c-0305e82c3301 failed",
     "request 3f2504e0-4f89-11d3-9a0c-0305e82c3301 failed"},
    {"The model `Mixtral-8x7B-Instruct-v0.1` does not exist",
     "The model `Mixtral-8x7B-Instruct-v0.1` does not exist"},
    {"Rate limit of org-A1bC2dE3fG4hI5jK6lM7nO8p",
     "Rate limit of org-A1bC2dE3fG4hI5jK6lM7nO8p"},
    {"a1b2-c3d4-e5f6-a7b8-c9d0 and A1-b2_C3-d4_E5-f6_G7 of none",
     "a1b2-c3d4-e5f6-a7b8-c9d0 and A1-b2_C3-d4_E5-f6_G7 of none"},
    {"Item 'rs_68c4a1b2c3d4e5f6a7b8c9d0' of type 'reasoning' lacks its item",
     "Item 'rs_68c4a1b2c3d4e5f6a7b8c9d0' of type 'reasoning' lacks its item"},
    {"key_68c4a1b2c3d4e5f6a7b8c9d0, invalid 68C4a1b2c3D4e5f6a7B8c9d0",
     "***c9d0, invalid ***c9d0"},
    {"INVALID 68C4a1b2c3D4e5f6a7B8c9d0 webhooks/68C4a1b2c3D4e5f6a7B8c9d0",
     "INVALID ***c9d0 webhooks/***c9d0"},
    {"The model name: gpt-4o-mini, field: messages",
     "The model name: gpt-4o-mini, field: messages"},
    {"", ""},
    {"nothing to hide", "nothing to hide"},
    {"Incorrect API key provided: sk-proj-abcdefgh1234wxyz. See docs.",
     "Incorrect API key provided: sk-***wxyz. See docs."},
    {"key sk-ant-api03-AAAABBBBCCCCDDDD!", "key sk-***DDDD!"},
    {"sk-abc********wxyz", "sk-***wxyz"},
    {"sk-short", "sk-***"},
    {"a sk- is no key", "a sk- is no key"},
    {"task-force disk-usage risk-free", "task-force disk-usage risk-free"},
    {"Authorization: Bearer abc.def-ghi_0123", "Authorization: Bearer ***0123"},
    {"authorization: bearer ABCDEFGHIJ.", "authorization: bearer ***GHIJ."},
    {"GET /v1?key=AIzaSyA1234567890abcd&alt=sse",
     "GET /v1?key=AIza***abcd&alt=sse"},
    {"?api_key=verysecretvalue ", "?api_key=***alue "},
    {"&access_token=0123456789&x=1", "&access_token=***6789&x=1"},
    {"X-Amz-Signature=0011223344556677", "X-Amz-Signature=***6677"},
    {"x-api-key: 0123456789abcdef", "x-api-key: ***cdef"},
    {"{\"api_key\": \"0123456789abcdef\"}", "{\"api_key\": \"***cdef\"}"},
    {"password=hunter2", "password=***"},
    {"password[confirmation]=abc&user[api_key]=abcdefgh&a[b]=c",
     "password[confirmation]=***&user[api_key]=***efgh&a[b]=c"},
    {"user%5Bpassword%5D%5B0%5D=abc&x=1", "user%5Bpassword%5D%5B0%5D=***&x=1"},
    {"the password[1] is long, password[x y]=z",
     "the password[1] is long, password[x y]=z"},
    {"https://user:hunter2@host/x", "https://***@host/x"},
    {"https://host/x@y", "https://host/x@y"},
    {"AIzaSyA1234567890abcdefgh bad", "AIza***efgh bad"},
    {"gsk_0123456789abcdefghij", "gsk_***ghij"},
    {"sk-aaaabbbbcccc,sk-ddddeeeeffff", "sk-***cccc,sk-***ffff"},
    {"monkey=banana", "monkey=***"},
    {"\xc3\xa9t\xc3\xa9 sk-0123456789 \xe2\x82\xac",
     "\xc3\xa9t\xc3\xa9 sk-***6789 \xe2\x82\xac"},
};

TEST(secrets_are_masked)
{
    for (size_t i = 0; i < sizeof(masks) / sizeof(*masks); i++) {
        UNIT_ENDS(llmobs_span) span;

        llmobs_span_init(&span);
        ck_assert_int_eq(llmobs_span_fail(&span, "t", masks[i].text), 0);
        ck_assert_str_eq(span.error_message, masks[i].masked);
    }
}

TEST(ids_in_errors_stay)
{
    static const char *const leads[] = {"rs_",
                                        "resp_",
                                        "msg_",
                                        "call_",
                                        "fc_",
                                        "chatcmpl-",
                                        "run_",
                                        "thread_",
                                        "batch_",
                                        "file-",
                                        "toolu_",
                                        "req_",
                                        "vs_",
                                        "asst_",
                                        "step_",
                                        "item_",
                                        "conv_",
                                        "ws_",
                                        "mcp_",
                                        "ci_",
                                        "ig_",
                                        "cntr_",
                                        "id ",
                                        "id: ",
                                        "wh_",
                                        "dpl_",
                                        "zz_",
                                        "trace_id=",
                                        "requestId: ",
                                        "x-id ",
                                        "cachedContents/",
                                        "operations/",
                                        "id=",
                                        "(id '",
                                        "file \"",
                                        "ftjob-",
                                        "gen-",
                                        "evt_"};
    static const char id[] = "68C4a1b2c3D4e5f6a7B8c9d0";
    char text[100];

    for (size_t i = 0; i < sizeof(leads) / sizeof(*leads); i++) {
        UNIT_ENDS(llmobs_buf) out;

        snprintf(text, sizeof(text), "No %s%s was found", leads[i], id);
        llmobs_buf_init(&out, 1000);
        ck_assert_int_eq(llmobs_mask_text(text, &out), 0);
        ck_assert_str_eq(out.data, text);
        llmobs_buf_cut(&out, 0);
        snprintf(text, sizeof(text), "No token %s%s", "", id);
        ck_assert_int_eq(llmobs_mask_text(text, &out), 0);
        ck_assert_str_eq(out.data, "No token ***c9d0");
    }
}

/* A sanitizer sees who reads on behind the end of the text. */
TEST(a_text_ends_behind_a_name)
{
    static const char *const texts[] = {"credential:",
                                        "api_key=",
                                        "password\":",
                                        "Bearer ",
                                        "sk-",
                                        "key: \"",
                                        "http://",
                                        "key provided: ",
                                        "://u",
                                        "cookie: ",
                                        "a"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        char *text = malloc(strlen(texts[i]) + 1);
        UNIT_ENDS(llmobs_buf) out;

        ck_assert_ptr_nonnull(text);
        strcpy(text, texts[i]);
        llmobs_buf_init(&out, strlen(text));
        ck_assert_int_eq(llmobs_mask_text(text, &out), 0);
        ck_assert_str_eq(out.data, texts[i]);
        free(text);
    }
}

/* Seconds that masking and finding take in so many bytes of one part. */
static double seconds_of(const char *part, size_t size)
{
    struct llmobs_buf text, masked;
    struct llmobs_mask_walk walk = {.kind = LLMOBS_MASK_REST};
    clock_t before;

    llmobs_buf_init(&text, 1 << 24);
    llmobs_buf_init(&masked, 1 << 25);
    while (text.len < size)
        ck_assert_int_eq(llmobs_buf_adds(&text, part), 0);
    before = clock();
    ck_assert_int_eq(llmobs_mask_text(text.data, &masked), 0);
    walk.text = (struct llmobs_text){text.data, text.len};
    while (llmobs_mask_next(&walk))
        ck_assert_uint_le(walk.done, text.len);
    llmobs_buf_fini(&masked);
    llmobs_buf_fini(&text);
    return (double)(clock() - before) / CLOCKS_PER_SEC;
}

/* Four times the text takes about four times the time; where each value's end
 * is looked for anew, sixteen times. */
TEST(hostile_texts_take_no_longer)
{
    static const char *const parts[] = {"://", "cookie: bearer abcd ",
                                        "password=bearer:abcd!", "http://u:p/"};

    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        double small = seconds_of(parts[i], 1 << 18);
        double big = seconds_of(parts[i], 1 << 20);

        ck_assert_msg(big < 8 * small + 0.2, "%s: %f, %f", parts[i], small,
                      big);
    }
}

/* An event has less of it (limits.h). */
TEST(a_huge_message_is_whole)
{
    UNIT_ENDS(llmobs_span) span;
    size_t len = 1 << 20;
    char *text = unit_own(malloc(len + 1));

    memset(text, 'x', len);
    text[len] = '\0';
    llmobs_span_init(&span);
    ck_assert_int_eq(llmobs_span_fail(&span, "t", text), 0);
    ck_assert_uint_eq(strlen(span.error_message), len);
}

TEST(metrics_are_counts_only)
{
    UNIT_ENDS(llmobs_span) span;

    llmobs_span_init(&span);
    llmobs_span_metric(&span, "zero", 0);
    llmobs_span_metric(&span, "most", INT64_C(1) << 53);
    llmobs_span_metric(&span, "minus", -1);
    llmobs_span_metric(&span, "beyond", (INT64_C(1) << 53) + 1);
    ck_assert_uint_eq(llmobs_json_len(span.metrics), 2);
    ck_assert(llmobs_json_is_int(llmobs_json_get(span.metrics, "zero")));
    ck_assert_int_eq(llmobs_json_to_int(llmobs_json_get(span.metrics, "most")),
                     INT64_C(1) << 53);
}

TEST(kinds_have_names)
{
    enum llmobs_kind read;

    ck_assert_str_eq(llmobs_kind_name(LLMOBS_KIND_LLM), "llm");
    ck_assert_str_eq(llmobs_kind_name(LLMOBS_KIND_EMBEDDING), "embedding");
    ck_assert_str_eq(llmobs_kind_name(LLMOBS_KIND_WORKFLOW), "workflow");
    ck_assert_str_eq(llmobs_kind_name(LLMOBS_KIND_RETRIEVAL), "retrieval");
    ck_assert_ptr_nonnull(llmobs_kind_name((enum llmobs_kind)99));
    for (int kind = LLMOBS_KIND_LLM; kind <= LLMOBS_KIND_RETRIEVAL; kind++) {
        ck_assert_int_eq(
            llmobs_kind_read(llmobs_kind_name((enum llmobs_kind)kind), &read),
            0);
        ck_assert_int_eq(read, kind);
    }
    ck_assert_int_eq(llmobs_kind_read("thought", &read), -EINVAL);
    ck_assert_int_eq(llmobs_kind_read(NULL, &read), -EINVAL);
}
