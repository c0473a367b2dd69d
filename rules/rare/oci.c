/* Oracle's generative AI: chats of two forms, texts, vectors, rerankers,
 * guardrails. Code has the chats, whose messages are named otherwise than those
 * of all others, in capital letters and one word.
 *
 * Source: npm's oci-generativeaiinference 2.142.0, types of lib/model and
 * client.js; of the streams langchain_community's and oracle/langchain-oracle's
 * chat_models, oci-python-sdk's stream_options.py (counts), and of pieces of
 * tools' calls BerriAI/litellm, llms/oci/chat/generic.py. */
#include <errno.h>

#include "rules/read/cut_json.h"
#include "rules/read/facts.h"
#include "rules/read/hooks.h"
#include "rules/read/media.h"
#include "rules/read/message_content.h"
#include "rules/read/request.h"
#include "rules/read/tools.h"
#include "rules/read/usage.h"
#include "rules/rare/history.h"
#include "rules/tables/interpreter.h"

static const char chat_settings[] =
    "maxTokens\0temperature\0topP\0topK\0isStream\0seed\0stop\0"
    "frequencyPenalty\0presencePenalty\0reasoningEffort\0numGenerations\0"
    "apiFormat\0";

/* -- messages -------------------------------------------------------------- */

static int add_part(struct llmobs_message_content *content,
                    const struct llmobs_json *part)
{
    const char *url =
        llmobs_json_gets(llmobs_json_get(part, "imageUrl"), "url");

    if (url)
        return llmobs_media_url(&content->text, "image", url);
    return llmobs_message_content_append(&content->text,
                                         llmobs_json_gets(part, "text"));
}

static const struct llmobs_message_form oci_form = {
    .add = add_part, .reasoning = "reasoningContent"};

/* A tool's result is what its message says. */
static int set_result(struct llmobs_json *message, const char *id)
{
    const char *text = llmobs_json_gets(message, "content");
    int rc = llmobs_message_set_one(
        message, "tool_results",
        llmobs_tools_result(NULL, id, "tool_result",
                            llmobs_json_string(text ? text : "")));

    return rc < 0 ? rc : llmobs_json_sets(message, "content", "");
}

static int add_message(struct llmobs_json *list,
                       const struct llmobs_json *message)
{
    const char *id = llmobs_json_gets(message, "toolCallId");
    int rc = llmobs_history_add(list, message, &oci_form);

    return rc == 0 && id
               ? set_result(llmobs_json_at(list, llmobs_json_len(list) - 1), id)
               : rc;
}

/* -- chats ----------------------------------------------------------------- */

int llmobs_oci_chat_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *from =
        llmobs_json_get(reading->request, "chatRequest");
    const struct llmobs_json *messages = llmobs_json_get(from, "messages");
    struct llmobs_span *span = reading->span;
    int rc = llmobs_request_metadata(from, chat_settings, span);

    if (rc == 0 && !messages)
        return llmobs_history_request(reading, from, "preambleOverride",
                                      "chatHistory");
    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    span->input_messages = llmobs_json_array();
    rc = span->input_messages ? 0 : -ENOMEM;
    LLMOBS_JSON_EACH (one, messages, rc == 0)
        if (llmobs_json_is_object(one))
            rc = add_message(span->input_messages, one);
    return rc < 0
               ? rc
               : llmobs_tools_read_definitions(from, &span->tool_definitions);
}

static void read_counts(struct llmobs_span *span,
                        const struct llmobs_json *usage)
{
    if (!usage)
        return;
    llmobs_span_metric(span, "input_tokens",
                       llmobs_usage_count(usage, "promptTokens"));
    llmobs_span_metric(span, "output_tokens",
                       llmobs_usage_count(usage, "completionTokens"));
    llmobs_span_metric(span, "total_tokens",
                       llmobs_usage_count(usage, "totalTokens"));
    llmobs_span_metric(
        span, "reasoning_output_tokens",
        llmobs_usage_count(llmobs_json_get(usage, "completionTokensDetails"),
                           "reasoningTokens"));
    llmobs_span_metric(
        span, "cache_read_input_tokens",
        llmobs_usage_count(llmobs_json_get(usage, "promptTokensDetails"),
                           "cachedTokens"));
}

static int set_model(struct llmobs_reading *reading,
                     const struct llmobs_json *body)
{
    const char *model = llmobs_json_gets(body, "modelId");

    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_RESPONSE_MODEL, model);
    return llmobs_reading_model(reading, model);
}

/* Reads an answer whose middle is missing. Its model is "modelId", and not
 * "modelVersion". */
int llmobs_oci_chat_ends(struct llmobs_reading *reading)
{
    static const char ends[] = "modelId\0";
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *body =
        llmobs_cut_json_object(call->response, call->response_tail, ends);
    int rc = body ? set_model(reading, body) : -ENOMEM;

    llmobs_json_free(body);
    return rc < 0 ? rc : llmobs_reading_ends(reading);
}

/* In Cohere's form the answer is itself the message. */
int llmobs_oci_chat_document(struct llmobs_reading *reading,
                             const struct llmobs_json *body)
{
    const struct llmobs_json *from = llmobs_json_get(body, "chatResponse");
    const struct llmobs_json *choices = llmobs_json_get(from, "choices");
    struct llmobs_json *list;
    int rc = set_model(reading, body);

    if (rc < 0 || reading->classified->call->status >= 300)
        return rc;
    read_counts(reading->span, llmobs_json_get(from, "usage"));
    list = reading->span->output_messages = llmobs_json_array();
    rc = list ? 0 : -ENOMEM;
    LLMOBS_JSON_EACH (one, choices, rc == 0) {
        llmobs_fact_finish(reading->span,
                           llmobs_json_gets(one, "finishReason"));
        read_counts(reading->span, llmobs_json_get(one, "usage"));
        if (llmobs_json_is_object(llmobs_json_get(one, "message")))
            rc = add_message(list, llmobs_json_get(one, "message"));
    }
    if (rc < 0 || choices || !from)
        return rc;
    llmobs_fact_finish(reading->span, llmobs_json_gets(from, "finishReason"));
    rc = llmobs_message_add_text(
        list, "assistant", llmobs_text_of(llmobs_json_gets(from, "text")));
    return rc < 0 ? rc : llmobs_history_calls(llmobs_json_at(list, 0), from);
}

/* The last event of Cohere's form has all of the text and of the calls again.
 */
static int chat_add(struct llmobs_interpreter *state,
                    const struct llmobs_json *event, const char *reason)
{
    const struct llmobs_json *message = llmobs_json_get(event, "message");
    const struct llmobs_json *parts = llmobs_json_get(message, "content");
    const struct llmobs_json *calls =
        llmobs_json_get(message ? message : event, "toolCalls");
    const char *text = llmobs_json_gets(event, "text");
    int rc = llmobs_stream_say(
        &state->stream, llmobs_json_gets(message, "reasoningContent"), true);

    if (rc == 0 && text && !(reason && state->said))
        rc = llmobs_stream_say(&state->stream, text, false);
    state->said = state->said || llmobs_has_text(text);
    LLMOBS_JSON_EACH (one, parts, rc == 0)
        rc = llmobs_stream_say(&state->stream, llmobs_json_gets(one, "text"),
                               false);
    if (!message && reason && state->calls > 0)
        calls = NULL;
    LLMOBS_JSON_EACH (call, calls, rc == 0) {
        rc = llmobs_stream_next_call(&state->stream, call);
        state->calls++;
    }
    if (rc == 0 && reason)
        rc = llmobs_stream_reason(&state->stream, reason);
    return rc < 0 || !(text || message || calls || reason)
               ? rc
               : llmobs_stream_role(&state->stream, "assistant");
}

int llmobs_oci_chat_event(struct llmobs_reading *reading,
                          const struct llmobs_event *event)
{
    const char *reason = llmobs_json_gets(event->json, "finishReason");
    int64_t index = llmobs_json_to_int(llmobs_json_get(event->json, "index"));
    struct llmobs_interpreter *state = reading->state;
    int rc = set_model(reading, event->json);

    read_counts(reading->span, llmobs_json_get(event->json, "usage"));
    if (rc < 0 || index < 0 || index >= LLMOBS_STREAM_CHOICES_MAX)
        return rc;
    state->stream.choice = index;
    rc = chat_add(state, event->json, reason);
    if (state->stream.begun)
        llmobs_reading_token(reading, event);
    reading->done = reading->done || reason;
    return rc;
}

int llmobs_oci_chat_finish(struct llmobs_reading *reading)
{
    struct llmobs_interpreter *state = reading->state;

    if (state->stream.choices.count == 0)
        return 0;
    state->stream.keep_space = true;
    llmobs_stream_reasons(&state->stream, reading->span);
    reading->span->output_messages =
        llmobs_stream_messages(&state->stream, NULL);
    return reading->span->output_messages ? 0 : -ENOMEM;
}
