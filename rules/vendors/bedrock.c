/* Reads what all Bedrock calls share. */
#include "rules/vendors/bedrock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/cut_json.h"
#include "rules/read/facts.h"
#include "rules/read/match.h"
#include "rules/read/text.h"
#include "rules/read/values.h"

#define HEADER(name) "x-amzn-bedrock-" name "-token-count"

char *llmobs_bedrock_model(const struct llmobs_reading *reading)
{
    return llmobs_url_decode(llmobs_match_rest(reading->classified->shape,
                                               reading->classified->url->path));
}

static int64_t header_count(const struct llmobs_call *call, const char *name)
{
    return llmobs_usage_text(llmobs_header_find(
        call->response_headers, call->response_header_count, name));
}

int llmobs_bedrock_begin(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_counts tokens = LLMOBS_NO_COUNTS;
    char *model;
    int rc;

    if (reading->classified->proxied)
        return 0;
    model = llmobs_bedrock_model(reading);
    rc = model ? llmobs_reading_model(reading, model) : -ENOMEM;
    llmobs_fact_asked(reading, model);
    free(model);
    if (rc < 0)
        return rc;
    /* InvokeModel puts the counts into its answer's headers. */
    tokens.input = header_count(call, HEADER("input"));
    tokens.output = header_count(call, HEADER("output"));
    tokens.cache_read = header_count(call, HEADER("cache-read-input"));
    tokens.cache_write = header_count(call, HEADER("cache-write-input"));
    llmobs_bedrock_count(&tokens, reading->span);
    return 0;
}

/* Looks for the reason under the names that the bodies of all makers have. */
static void set_reason(struct llmobs_reading *reading)
{
    static const char *const keys[] = {"stop_reason", "stopReason",
                                       "finish_reason", "completionReason"};
    const struct llmobs_call *call = reading->classified->call;

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct llmobs_json *reason =
            llmobs_cut_json_last(call->response_tail, keys[i]);
        bool found = llmobs_json_is_string(reason);

        if (found)
            llmobs_fact_finish(reading->span, llmobs_json_text(reason));
        llmobs_json_free(reason);
        if (found)
            return;
    }
}

int llmobs_bedrock_ends(struct llmobs_reading *reading)
{
    if (reading->classified->shape->kind == LLMOBS_KIND_LLM)
        set_reason(reading);
    return llmobs_reading_ends(reading);
}

int llmobs_bedrock_settings(struct llmobs_span *span,
                            const struct llmobs_json *temperature,
                            const struct llmobs_json *max_tokens)
{
    double real = llmobs_json_to_real(max_tokens);
    struct llmobs_json *number;
    int rc = 0;

    if (llmobs_json_is_number(temperature))
        rc =
            llmobs_json_set(span->metadata, "temperature",
                            llmobs_json_real(llmobs_json_to_real(temperature)));
    if (rc < 0 || !llmobs_json_is_number(max_tokens))
        return rc;
    if (llmobs_json_is_int(max_tokens))
        number = llmobs_json_int(llmobs_json_to_int(max_tokens));
    else if (real > -1e15 && real < 1e15)
        number = llmobs_json_int((int64_t)real);
    else
        return 0;
    return llmobs_json_set(span->metadata, "max_tokens", number);
}

/* Tokens that were read from the cache or written to it are input too (WIRE
 * 6.9). */
void llmobs_bedrock_count(const struct llmobs_counts *tokens,
                          struct llmobs_span *span)
{
    struct llmobs_counts all = *tokens;

    if (all.input >= 0)
        all.input = llmobs_usage_add(
            llmobs_usage_add(all.input, all.cache_read), all.cache_write);
    if (all.input >= 0 && all.output >= 0 && all.total < all.input + all.output)
        all.total = all.input + all.output;
    llmobs_usage_put(&all, span->metrics);
}

void llmobs_bedrock_invocation(const struct llmobs_json *metrics,
                               struct llmobs_counts *tokens)
{
    *tokens = (struct llmobs_counts)LLMOBS_NO_COUNTS;
    tokens->input = llmobs_usage_count(metrics, "inputTokenCount");
    tokens->output = llmobs_usage_count(metrics, "outputTokenCount");
    tokens->cache_read =
        llmobs_usage_count(metrics, "cacheReadInputTokenCount");
    tokens->cache_write =
        llmobs_usage_count(metrics, "cacheWriteInputTokenCount");
}

/* Takes the first of the named counts; gives how many it took. */
static unsigned read_count(const struct llmobs_json *from, const char *names,
                           int64_t *count)
{
    LLMOBS_WORDS_EACH (word, names) {
        int64_t number = llmobs_usage_count(from, word);

        if (number < 0)
            continue;
        *count = number;
        return 1;
    }
    return 0;
}

/* Titan's whole answer has a count for each of its results. */
static unsigned read_results(const struct llmobs_json *results,
                             struct llmobs_counts *tokens)
{
    int64_t sum = -1;

    LLMOBS_JSON_EACH (one, results, true)
        sum = llmobs_usage_add(sum, llmobs_usage_count(one, "tokenCount"));
    if (sum >= 0)
        tokens->output = sum;
    return sum >= 0;
}

bool llmobs_bedrock_body_counts(const struct llmobs_json *body,
                                struct llmobs_counts *tokens)
{
    const struct llmobs_json *usage = llmobs_json_get(body, "usage");
    unsigned taken = 0;

    if (!usage)
        usage = llmobs_json_get(llmobs_json_get(body, "metadata"), "usage");
    taken += read_count(usage, "input_tokens\0prompt_tokens\0inputTokens\0",
                        &tokens->input);
    taken +=
        read_count(usage, "output_tokens\0completion_tokens\0outputTokens\0",
                   &tokens->output);
    taken += read_count(usage, "total_tokens\0totalTokens\0", &tokens->total);
    taken += read_count(usage,
                        "cache_read_input_tokens\0cacheReadInputTokens\0"
                        "cacheReadInputTokenCount\0",
                        &tokens->cache_read);
    taken += read_count(usage,
                        "cache_creation_input_tokens\0cacheWriteInputTokens\0"
                        "cacheWriteInputTokenCount\0",
                        &tokens->cache_write);
    taken += read_count(body, "inputTextTokenCount\0prompt_token_count\0",
                        &tokens->input);
    taken +=
        read_count(body, "totalOutputTextTokenCount\0generation_token_count\0",
                   &tokens->output);
    taken += read_results(llmobs_json_get(body, "results"), tokens);
    return taken > 0;
}

void llmobs_bedrock_stream_fini(void *state)
{
    struct llmobs_bedrock_stream *stream = state;

    llmobs_buf_fini(&stream->text);
}

int llmobs_bedrock_stream_text(struct llmobs_reading *reading,
                               const struct llmobs_event *event,
                               struct llmobs_text piece)
{
    struct llmobs_bedrock_stream *stream = reading->state;

    if (piece.len == 0)
        return 0;
    if (stream->text.max == 0)
        llmobs_buf_init(&stream->text, LLMOBS_VALUE_MAX);
    llmobs_reading_token(reading, event);
    if (piece.len > LLMOBS_VALUE_MAX - stream->text.len)
        piece.len = LLMOBS_VALUE_MAX - stream->text.len;
    return llmobs_buf_add(&stream->text, piece.data, piece.len);
}

void llmobs_bedrock_stream_at(struct llmobs_reading *reading,
                              const struct llmobs_event *event)
{
    struct llmobs_bedrock_stream *stream = reading->state;

    stream->whole = event->end == reading->classified->call->response.len;
}

int llmobs_bedrock_stream_finish(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    const struct llmobs_bedrock_stream *stream = reading->state;
    struct llmobs_text text = {stream->text.data, stream->text.len};
    struct llmobs_span *span = reading->span;

    if (call->transport_ok && (stream->whole || call->response_truncated))
        span->complete = true;
    /* Sets no counts for a stream that was cut: they would be too low. */
    if (!call->response_truncated && stream->counted && !stream->partly &&
        span->complete) {
        llmobs_span_metric(span, "input_tokens", stream->input);
        llmobs_span_metric(span, "output_tokens", stream->output);
        llmobs_span_metric(span, "total_tokens",
                           stream->input + stream->output);
    }
    if (text.len == 0)
        return 0;
    text = llmobs_text_cut(text, LLMOBS_VALUE_MAX);
    free(span->output_value);
    span->output_value = strndup(text.data, text.len);
    return span->output_value ? 0 : -ENOMEM;
}
