/* Tests when a stream's first token came. */
#include "tests/unit/first_token.h"

#include <string.h>

#include "tests/unit/rule_case.h"
#include "tests/unit/unit.h"

double first_token(const char *url, struct llmobs_text body)
{
    static struct llmobs_mark marks[4096];
    struct llmobs_rules_config config = {.proxy_urls = RULE_CASE_PROXY};
    struct llmobs_rules *rules = llmobs_rules_new(&config);
    const char *ask = "{\"model\":\"m\",\"messages\":[],\"stream\":true}";
    struct llmobs_request request = {
        .method = "POST", .url = url, .body = {ask, strlen(ask)}};
    struct llmobs_call call = {.method = "POST",
                               .url = url,
                               .request = request.body,
                               .response = body,
                               .status = 200,
                               .transport_ok = true,
                               .start_ns = 5000000000,
                               .marks = marks,
                               .mark_count = body.len};
    struct llmobs_match match;
    struct llmobs_json *value;
    struct llmobs_span span;
    double seconds;

    ck_assert_uint_le(body.len, sizeof(marks) / sizeof(marks[0]));
    for (size_t i = 0; i < call.mark_count; i++) {
        marks[i].offset = i + 1;
        marks[i].at_ns = call.start_ns + (int64_t)(i + 1) * 1000000;
    }
    ck_assert(llmobs_rules_match(rules, &request, &match));
    ck_assert_int_eq(llmobs_span_init(&span), 0);
    ck_assert_int_eq(llmobs_rules_read(&match, &call, &span), 0);
    value = llmobs_json_get(span.metrics, "time_to_first_token");
    seconds = value ? llmobs_json_to_real(value) : -1;
    llmobs_span_fini(&span);
    llmobs_rules_free(rules);
    return seconds;
}
