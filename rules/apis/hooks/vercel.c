/* Hooks of vercel.api: thoughts, and calls and results of tools, are parts of a
 * content there; they become members and messages of OpenAI's form. */
#include <errno.h>

#include "rules/read/hooks.h"
#include "rules/read/reading.h"
#include "rules/read/usage.h"
#include "rules/tables/interpreter.h"

static int copy(struct llmobs_json *to, const char *key,
                const struct llmobs_json *from, const char *name)
{
    struct llmobs_json *value = llmobs_json_get(from, name);

    return value ? llmobs_json_set(to, key, llmobs_json_share(value)) : 0;
}

static int add_call(struct llmobs_json *calls, const struct llmobs_json *part)
{
    struct llmobs_json *call = llmobs_json_object();
    struct llmobs_json *function = llmobs_json_object();
    int rc = copy(function, "name", part, "toolName");

    if (rc == 0)
        rc = copy(function, "arguments", part, "input");
    rc = llmobs_json_set_made(call, "function", function, rc);
    if (rc == 0)
        rc = copy(call, "id", part, "toolCallId");
    return llmobs_json_add_made(calls, call, rc);
}

/* The output is {"type": ..., "value": ...}. */
static int add_result(struct llmobs_json *list, const struct llmobs_json *part)
{
    struct llmobs_json *message = llmobs_json_object();
    int rc = llmobs_json_sets(message, "role", "tool");

    if (rc == 0)
        rc = copy(message, "name", part, "toolName");
    if (rc == 0)
        rc = copy(message, "tool_call_id", part, "toolCallId");
    if (rc == 0)
        rc = copy(message, "content", llmobs_json_get(part, "output"), "value");
    return llmobs_json_add_made(list, message, rc);
}

/* Adds the message in OpenAI's form, and its results behind it. */
static int add_message(struct llmobs_json *list, const struct llmobs_json *from)
{
    const struct llmobs_json *parts = llmobs_json_get(from, "content");
    struct llmobs_json *rest = llmobs_json_array();
    struct llmobs_json *calls = llmobs_json_array(), *message = NULL;
    struct llmobs_buf thoughts;
    int rc = rest && calls ? 0 : -ENOMEM;

    llmobs_buf_init(&thoughts, LLMOBS_MESSAGE_CONTENT_MAX);
    if (rc == 0 && !llmobs_json_says(from, "role", "tool"))
        rc = llmobs_json_add(list, message = llmobs_json_clone(from));
    LLMOBS_JSON_EACH (part, parts, rc == 0)
        if (llmobs_json_says(part, "type", "tool-call"))
            rc = add_call(calls, part);
        else if (llmobs_json_says(part, "type", "tool-result"))
            rc = add_result(list, part);
        else if (llmobs_json_says(part, "type", "reasoning"))
            rc = llmobs_message_content_append(&thoughts,
                                               llmobs_json_gets(part, "text"));
        else {
            struct llmobs_json *one = llmobs_json_clone(part);
            const char *media = llmobs_json_gets(part, "mediaType");

            if (llmobs_text_begins(llmobs_text_of(media), "image/"))
                rc = llmobs_json_sets(one, "type", "image_url");
            if (rc == 0)
                rc = copy(one, "image_url", part, "data");
            rc = llmobs_json_add_made(rest, one, rc);
        }
    if (rc == 0 && message && thoughts.len > 0)
        rc = llmobs_json_set(message, "reasoning_content",
                             llmobs_message_content_string(&thoughts));
    if (rc == 0 && message && llmobs_json_len(calls) > 0)
        rc = llmobs_json_set(message, "tool_calls", llmobs_json_share(calls));
    if (rc == 0 && message && llmobs_json_is_array(parts))
        rc = llmobs_json_set(message, "content", llmobs_json_share(rest));
    llmobs_buf_fini(&thoughts);
    llmobs_json_free(rest);
    llmobs_json_free(calls);
    return rc;
}

int llmobs_vercel_begin(struct llmobs_reading *reading)
{
    const struct llmobs_json *prompt =
        llmobs_json_get(reading->request, "prompt");
    struct llmobs_json *list;
    int rc = 0;

    if (!llmobs_json_is_array(prompt))
        return llmobs_interpreter_begin(reading);
    list = llmobs_json_array();
    LLMOBS_JSON_EACH (one, prompt, rc == 0)
        rc = add_message(list, one);
    rc = llmobs_json_set_made(reading->request, "prompt", list, rc);
    return rc < 0 ? rc : llmobs_interpreter_begin(reading);
}

/* Counts that the table of places has no word for. */
static void put_counts(struct llmobs_span *span, const struct llmobs_json *body)
{
    const struct llmobs_json *usage = llmobs_json_get(body, "usage");
    int64_t thought =
        llmobs_usage_count(llmobs_json_get(usage, "outputTokens"), "reasoning");

    llmobs_span_metric(span, "cache_write_input_tokens",
                       llmobs_usage_count(llmobs_json_get(usage, "inputTokens"),
                                          "cacheWrite"));
    llmobs_span_metric(
        span, "reasoning_output_tokens",
        thought < 0 ? llmobs_usage_count(usage, "reasoningTokens") : thought);
}

/* A failure has no content. */
int llmobs_vercel_document(struct llmobs_reading *reading,
                           const struct llmobs_json *body)
{
    struct llmobs_json *list = llmobs_json_array();
    struct llmobs_json *message;
    int rc = add_message(list, body);

    put_counts(reading->span, body);
    message = llmobs_json_at(list, 0);
    if (rc == 0 && llmobs_json_get(message, "content"))
        rc = llmobs_json_sets(message, "role", "assistant");
    if (rc == 0)
        rc = llmobs_interpreter_document(reading, message);
    llmobs_json_free(list);
    return rc;
}

int llmobs_vercel_event(struct llmobs_reading *reading,
                        const struct llmobs_event *event)
{
    struct llmobs_interpreter *state = reading->state;
    struct llmobs_json *calls;
    int rc;

    if (llmobs_json_says(event->json, "type", "reasoning-delta")) {
        rc = llmobs_stream_say(&state->stream,
                               llmobs_json_gets(event->json, "delta"), true);
    } else if (llmobs_json_says(event->json, "type", "tool-call")) {
        calls = llmobs_json_array();
        rc = add_call(calls, event->json);
        if (rc == 0)
            rc = llmobs_stream_next_call(&state->stream,
                                         llmobs_json_at(calls, 0));
        llmobs_json_free(calls);
    } else {
        put_counts(reading->span, event->json);
        return llmobs_interpreter_event(reading, event);
    }
    state->any = true;
    llmobs_reading_token(reading, event);
    return rc;
}
