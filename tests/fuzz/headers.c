/* Lines of a response's head, as libcurl hands them on, and values that are
 * read in them; the last line is an agent's answer to /info. */
#include <string.h>

#include "core/event/exchange.h"
#include "core/event/provider_headers.h"
#include "core/export/agent.h"
#include "core/export/http_request.h"
#include "lib/span/allowlist.h"
#include "lib/text/inflate.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_kept(const struct llmobs_headers *headers)
{
    struct llmobs_json *transfer = llmobs_json_object();

    llmobs_provider_headers_add(headers, transfer);
    llmobs_json_free(transfer);
    FUZZ_CHECK(headers->count <= LLMOBS_HEADERS_MAX);
    for (size_t i = 0; i < headers->count; i++) {
        FUZZ_CHECK(headers->list[i].name != NULL);
        FUZZ_CHECK(strlen(headers->list[i].value) <= LLMOBS_HEADER_VALUE_MAX);
    }
}

static void check_coding(const char *value)
{
    struct llmobs_text in = {"body", 4};
    struct llmobs_body out;
    bool cut;

    llmobs_body_init(&out, 64);
    (void)llmobs_inflate_body(in, value, 64, &out, &cut);
    FUZZ_CHECK(out.total <= 64);
    llmobs_body_fini(&out);
}

static void check_value(const char *value)
{
    int64_t ms = llmobs_http_date_wait_ms(value, 1700000000);
    struct llmobs_endpoint place;
    struct llmobs_buf words;

    FUZZ_CHECK(ms <= LLMOBS_HTTP_DATE_MAX_MS);
    check_coding(value);
    (void)llmobs_endpoint_has_base(value);
    if (llmobs_endpoint_init(&place, value, "/info") == 0)
        llmobs_endpoint_fini(&place);
    llmobs_buf_init(&words, 1 << 20);
    (void)llmobs_allowlist_words(value, &words);
    (void)llmobs_allowlist_url(value, &words);
    llmobs_buf_fini(&words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llmobs_text in = {(const char *)data, size}, line = {"", 0};
    struct llmobs_headers headers = {.count = 0};

    while (in.len) {
        char *copy, *value;

        line = fuzz_take(&in, '\n');
        copy = fuzz_copy(line);
        llmobs_headers_add_answer(&headers, copy, line.len);
        value = fuzz_string(line);
        check_value(value);
        free(value);
        free(copy);
    }
    check_kept(&headers);
    llmobs_headers_clear(&headers);
    FUZZ_CHECK(llmobs_agent_info(line) >= 0);
    return 0;
}
