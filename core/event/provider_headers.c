/* Reads request ids, times and rate limits from response headers. */
#include "core/event/provider_headers.h"

#include <string.h>

#include "lib/span/mask.h"

/* Every reader of JSON reads numbers of at most this many digits exactly. */
#define DIGITS_MAX 15
#define MASKED_MAX (4 * LLMOBS_PROVIDER_HEADER_MAX)

enum form { ID, NUMBER, EITHER, TIME, SECONDS_OF_MS };

/* Where two headers have one key, the upper row counts. */
static const struct {
    const char *name;
    const char *key;
    enum form form;
} rows[] = {
    {"x-request-id", "request_id", ID},
    {"request-id", "request_id", ID},
    {"x-amzn-requestid", "request_id", ID},
    {"apim-request-id", "request_id", ID},
    {"cf-ray", "request_id", ID},
    {"openai-processing-ms", "processing_ms", NUMBER},
    {"x-amzn-bedrock-invocation-latency", "processing_ms", NUMBER},
    {"x-envoy-upstream-service-time", "processing_ms", NUMBER},
    {"retry-after-ms", "retry_after", SECONDS_OF_MS},
    {"retry-after", "retry_after", EITHER},
    {"x-ratelimit-limit-requests", "ratelimit_requests_limit", NUMBER},
    {"x-ratelimit-remaining-requests", "ratelimit_requests_remaining", NUMBER},
    {"x-ratelimit-reset-requests", "ratelimit_requests_reset", TIME},
    {"x-ratelimit-limit-tokens", "ratelimit_tokens_limit", NUMBER},
    {"x-ratelimit-remaining-tokens", "ratelimit_tokens_remaining", NUMBER},
    {"x-ratelimit-reset-tokens", "ratelimit_tokens_reset", TIME},
    {"anthropic-ratelimit-requests-limit", "ratelimit_requests_limit", NUMBER},
    {"anthropic-ratelimit-requests-remaining", "ratelimit_requests_remaining",
     NUMBER},
    {"anthropic-ratelimit-requests-reset", "ratelimit_requests_reset", TIME},
    {"anthropic-ratelimit-tokens-limit", "ratelimit_tokens_limit", NUMBER},
    {"anthropic-ratelimit-tokens-remaining", "ratelimit_tokens_remaining",
     NUMBER},
    {"anthropic-ratelimit-tokens-reset", "ratelimit_tokens_reset", TIME},
    {"anthropic-ratelimit-input-tokens-limit", "ratelimit_input_tokens_limit",
     NUMBER},
    {"anthropic-ratelimit-input-tokens-remaining",
     "ratelimit_input_tokens_remaining", NUMBER},
    {"anthropic-ratelimit-input-tokens-reset", "ratelimit_input_tokens_reset",
     TIME},
    {"anthropic-ratelimit-output-tokens-limit", "ratelimit_output_tokens_limit",
     NUMBER},
    {"anthropic-ratelimit-output-tokens-remaining",
     "ratelimit_output_tokens_remaining", NUMBER},
    {"anthropic-ratelimit-output-tokens-reset", "ratelimit_output_tokens_reset",
     TIME},
};

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define OF_IDS LETTERS DIGITS "-_.:=+/"

/* True where the text has only these characters, and is not too long. */
static bool is_made_of(const char *text, const char *characters)
{
    size_t len = strspn(text, characters);

    return len > 0 && len <= LLMOBS_PROVIDER_HEADER_MAX && text[len] == '\0';
}

/* True for a text with a secret: a server may send the request's key back. */
static bool has_secret(const char *text)
{
    struct llmobs_buf masked;
    bool same;

    llmobs_buf_init(&masked, MASKED_MAX);
    same = llmobs_mask_body(text, &masked) == 0 && masked.data &&
           strcmp(masked.data, text) == 0;
    llmobs_buf_fini(&masked);
    return !same;
}

static struct llmobs_json *number_of_header(const char *text, bool of_ms)
{
    size_t len = strlen(text);
    struct llmobs_json *number = NULL;
    double seconds;

    if (!is_made_of(text, DIGITS ".") || len > DIGITS_MAX ||
        llmobs_json_parse((struct llmobs_text){text, len}, &number) != 0 ||
        !of_ms)
        return number;
    seconds = llmobs_json_to_real(number) / 1000;
    llmobs_json_free(number);
    return llmobs_json_real(seconds);
}

static struct llmobs_json *text_of_header(const char *text,
                                          const char *characters)
{
    if (!is_made_of(text, characters) || has_secret(text))
        return NULL;
    return llmobs_json_string(text);
}

static struct llmobs_json *value_of_header(const char *text, enum form form)
{
    struct llmobs_json *number;

    switch (form) {
    case ID:
        return text_of_header(text, OF_IDS);
    case TIME:
        return text_of_header(text, LETTERS DIGITS "-.:+");
    case EITHER:
        number = number_of_header(text, false);
        return number ? number : text_of_header(text, LETTERS DIGITS " ,:");
    default:
        return number_of_header(text, form == SECONDS_OF_MS);
    }
}

static const char *find_header(const struct llmobs_headers *headers,
                               const char *name)
{
    for (size_t i = 0; i < headers->count; i++)
        if (strcmp(headers->list[i].name, name) == 0)
            return headers->list[i].value;
    return NULL;
}

void llmobs_provider_headers_add(const struct llmobs_headers *headers,
                                 struct llmobs_json *transfer)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *text = find_header(headers, rows[i].name);
        struct llmobs_json *value;

        if (!text || llmobs_json_get(transfer, rows[i].key))
            continue;
        value = value_of_header(text, rows[i].form);
        if (value)
            (void)llmobs_json_set(transfer, rows[i].key, value);
    }
}

const char *llmobs_provider_headers_gateway_id(
    const struct llmobs_headers *headers)
{
    static const char *const names[] = {
        "x-litellm-call-id", "x-portkey-trace-id", "x-kong-request-id",
        "cf-aig-log-id", "helicone-id"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const char *text = find_header(headers, names[i]);

        if (text && is_made_of(text, OF_IDS) && !has_secret(text))
            return text;
    }
    return NULL;
}
