/* Tests providers' response headers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/event/provider_headers.h"
#include "tests/unit/unit.h"

static struct llmobs_headers headers;

static void answer(const char *line)
{
    llmobs_headers_add_answer(&headers, line, strlen(line));
}

/* The text of what the headers tell; they are gone then. */
static void expect(const char *wanted)
{
    struct llmobs_json *transfer = llmobs_json_object();
    char *text;

    llmobs_provider_headers_add(&headers, transfer);
    text = llmobs_json_dumps(transfer, 0);
    ck_assert_str_eq(text, wanted);
    free(text);
    llmobs_json_free(transfer);
    llmobs_headers_clear(&headers);
}

/* As OpenAI, Anthropic, AWS and Azure answer. */
TEST(each_provider_tells_in_its_own_words)
{
    answer("x-request-id: req_0f3c\r\n");
    answer("OpenAI-Processing-MS: 412\r\n");
    answer("x-ratelimit-limit-requests: 10000\r\n");
    answer("x-ratelimit-remaining-requests: 9999\r\n");
    answer("x-ratelimit-reset-requests: 6ms\r\n");
    answer("x-ratelimit-remaining-tokens: 149984\r\n");
    answer("x-ratelimit-reset-tokens: 6m0.5s\r\n");
    answer("CF-RAY: 9a1b2c3d4e5f-FRA\r\n");
    expect("{\"processing_ms\": 412, \"ratelimit_requests_limit\": 10000, "
           "\"ratelimit_requests_remaining\": 9999, "
           "\"ratelimit_requests_reset\": \"6ms\", "
           "\"ratelimit_tokens_remaining\": 149984, "
           "\"ratelimit_tokens_reset\": \"6m0.5s\", "
           "\"request_id\": \"req_0f3c\"}");
    answer("request-id: req_018EeWyXxfu5pfWkrYcMdjWG\r\n");
    answer("anthropic-ratelimit-input-tokens-remaining: 39000\r\n");
    answer("anthropic-ratelimit-output-tokens-reset: 2026-11-22T10:00:00Z\r\n");
    expect("{\"ratelimit_input_tokens_remaining\": 39000, "
           "\"ratelimit_output_tokens_reset\": \"2026-11-22T10:00:00Z\", "
           "\"request_id\": \"req_018EeWyXxfu5pfWkrYcMdjWG\"}");
    answer("x-amzn-RequestId: 25e1ec0a-71a5-4b4b-b7d1-6b1dbb0f0e6d\r\n");
    answer("X-Amzn-Bedrock-Invocation-Latency: 733\r\n");
    expect("{\"processing_ms\": 733, \"request_id\": "
           "\"25e1ec0a-71a5-4b4b-b7d1-6b1dbb0f0e6d\"}");
    answer("apim-request-id: 7f2e\r\n");
    answer("x-envoy-upstream-service-time: 12.5\r\n");
    expect("{\"processing_ms\": 12.5, \"request_id\": \"7f2e\"}");
    expect("{}");
}

/* A gateway passes the provider's id on beside its own. */
TEST(a_gateway_has_an_id_of_its_own)
{
    static const char *const names[] = {
        "x-litellm-call-id", "X-Portkey-Trace-Id", "X-Kong-Request-Id",
        "cf-aig-log-id", "Helicone-Id"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char line[100];

        snprintf(line, sizeof(line), "%s: 01JADMCQQQBWH3NXZ5GCRN98DP\r\n",
                 names[i]);
        answer(line);
        answer("x-request-id: req_0f3c\r\n");
        ck_assert_str_eq(llmobs_provider_headers_gateway_id(&headers),
                         "01JADMCQQQBWH3NXZ5GCRN98DP");
        expect("{\"request_id\": \"req_0f3c\"}");
        snprintf(line, sizeof(line), "%s: two words\r\n", names[i]);
        answer(line);
        ck_assert_ptr_null(llmobs_provider_headers_gateway_id(&headers));
        expect("{}");
    }
}

TEST(it_tells_when_to_come_again)
{
    answer("Retry-After: 20");
    expect("{\"retry_after\": 20}");
    answer("Retry-After: 20");
    answer("retry-after-ms: 1500");
    expect("{\"retry_after\": 1.5}");
    answer("retry-after: Wed, 21 Oct 2026 07:28:00 GMT");
    expect("{\"retry_after\": \"Wed, 21 Oct 2026 07:28:00 GMT\"}");
}

/* A server must not bring these into a span. */
TEST(values_of_another_form_are_left_out)
{
    static const char *const lines[] = {
        "x-request-id: sk-proj-abcdefghijklmnopqrstuvwxyz0123456789",
        "x-request-id: two words",
        "x-request-id: \"quoted\"",
        "x-request-id: \x1b[31mred",
        "x-request-id: caf\xc3\xa9",
        "x-request-id:",
        "openai-processing-ms: fast",
        "openai-processing-ms: 1.2.3",
        "openai-processing-ms: .",
        "openai-processing-ms: -1",
        "openai-processing-ms: 1234567890123456",
        "openai-processing-ms: 1e9",
        "x-ratelimit-reset-tokens: 6 minutes",
        "retry-after: <script>",
        "authorization: Bearer abc",
        "openai-organization: acme",
        "set-cookie: a=b",
    };
    char long_one[400] = "x-request-id: ";

    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        answer(lines[i]);
        expect("{}");
    }
    memset(long_one + strlen(long_one), 'a', LLMOBS_PROVIDER_HEADER_MAX + 1);
    answer(long_one);
    expect("{}");
}

TEST(the_first_id_counts)
{
    answer("x-request-id: bad id");
    answer("cf-ray: r1");
    answer("x-amzn-requestid: a1");
    expect("{\"request_id\": \"a1\"}");
}

/* However much a server tells, the call can be read. */
TEST(needed_headers_have_room)
{
    for (int i = 0; i < 100; i++)
        answer("x-request-id: a");
    answer("content-type: text/event-stream");
    ck_assert_uint_eq(headers.count,
                      LLMOBS_HEADERS_MAX - LLMOBS_HEADERS_NEEDED + 1);
    expect("{\"request_id\": \"a\"}");
}

/* A request's own id is the program's. */
TEST(a_request_tells_nothing)
{
    static const char line[] = "x-request-id: mine";

    llmobs_headers_add(&headers, line, strcspn(line, ":"));
    ck_assert_uint_eq(headers.count, 0);
}
