/* provider_headers - what the provider's own headers say about a call: the id
 * that its support asks for, its time, how much its limits still allow.
 *
 * The names are those of allowlist.h; the values are copied as they came,
 * except that numbers become JSON numbers. Sources:
 * platform.openai.com/docs/guides/rate-limits and
 * /api-reference/debugging-requests; docs.anthropic.com/en/api/rate-limits and
 * /errors; AWS API request ids (x-amzn-RequestId); RFC 9110, 10.2.3
 * (Retry-After); of gateways docs.litellm.ai/docs/proxy/response_headers,
 * portkey.ai/docs, developer.konghq.com/gateway, developers.cloudflare.com
 * /ai-gateway, docs.helicone.ai.
 *
 * Owns:    nothing.
 * Threads: any.
 * Errors:  a value of another form, or with a secret in it, is left out, as is
 *          any value when memory runs out.
 * Limits:  LLMOBS_PROVIDER_HEADER_MAX bytes of a value.
 */
#ifndef LLMOBS_PROVIDER_HEADERS_H
#define LLMOBS_PROVIDER_HEADERS_H

#include "core/event/exchange.h"
#include "lib/text/json.h"

#define LLMOBS_PROVIDER_HEADER_MAX 128

/* Adds to the object `transfer`:
 *   request_id            text: of the first of the headers that have one
 *   processing_ms         number of milliseconds
 *   retry_after           number of seconds, or a date as text
 *   ratelimit_WHAT_limit, ratelimit_WHAT_remaining    numbers
 *   ratelimit_WHAT_reset  text: a duration or a time, as the provider has it
 * where WHAT is requests, tokens, input_tokens or output_tokens. */
void llmobs_provider_headers_add(const struct llmobs_headers *headers,
                                 struct llmobs_json *transfer);

/* The id by which a gateway finds its own span, of the first of the headers
 * that have one. NULL: none. Borrowed from the headers. */
const char *llmobs_provider_headers_gateway_id(
    const struct llmobs_headers *headers);

#endif
