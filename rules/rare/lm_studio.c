/* LM Studio's own API: chats whose tools the server runs. Code, since an answer
 * is a list of items of several types, and a stream has them in pieces.
 *
 * Source: LM Studio's documentation, developer/2_rest/chat.md and
 * streaming-events.md (2026-04). */
#include <errno.h>

#include "rules/read/cut_json.h"
#include "rules/read/facts.h"
#include "rules/read/media.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"
#include "rules/read/reading.h"
#include "rules/read/request.h"
#include "rules/read/text.h"
#include "rules/read/tools.h"
#include "rules/read/usage.h"

#define PORT 1234 /* unless it is told another one */

/* Left out: members that may hold a key of a tool's server. */
static const char keys[] =
    "stream\0temperature\0top_p\0top_k\0min_p\0repeat_penalty\0"
    "max_output_tokens\0reasoning\0context_length\0store\0";
static const char stats_keys[] =
    "tokens_per_second\0time_to_first_token_seconds\0"
    "model_load_time_seconds\0";
static const char signs[] = "\"input\"\0";
static const char fails[] = "\"error\"\0";
static const char says[] = "\"model_instance_id\"\0";

/* A stream until its last event, which has all of the answer. */
struct state {
    struct llmobs_json *items;
    struct llmobs_buf text; /* of the item that goes on */
    bool thinks;            /* which is reasoning */
    struct llmobs_json *result;
};

/* True for a chat of LM Studio's own API. An error, or a missing answer, does
 * not show which server it is: then the port decides. */
static bool lm_studio_chats(const struct llmobs_reading *reading)
{
    const struct llmobs_classified *classified = reading->classified;
    const struct llmobs_call *call = classified->call;
    bool mute = call->status >= 300 || call->response.len == 0 ||
                llmobs_text_has_any(call->response, fails);

    return llmobs_json_gets(reading->request, "model") &&
           llmobs_reading_has(reading, "input") &&
           ((mute && classified->url->port == PORT) ||
            llmobs_text_has_any(call->response, says));
}

/* -- the request ----------------------------------------------------------- */

static int append(struct llmobs_buf *text, const struct llmobs_json *part)
{
    const char *url = llmobs_json_gets(part, "data_url");
    int rc = 0;

    if (url)
        return llmobs_media_url(text, "image", url);
    if (text->len > 0)
        rc = llmobs_message_content_append(text, "\n");
    return rc < 0 ? rc
                  : llmobs_message_content_append(
                        text, llmobs_json_gets(part, "content"));
}

static int lm_studio_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *input =
        llmobs_json_get(reading->request, "input");
    const char *system = llmobs_json_gets(reading->request, "system_prompt");
    struct llmobs_json *list;
    struct llmobs_buf text;
    int rc = llmobs_request_metadata(reading->request, keys, reading->span);

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    list = reading->span->input_messages = llmobs_json_array();
    if (system && list)
        rc = llmobs_message_add_text(list, "system", llmobs_text_of(system));
    llmobs_fact_apart(reading->span);
    llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
    if (rc == 0 && llmobs_json_is_string(input))
        rc = llmobs_message_content_append(&text, llmobs_json_text(input));
    LLMOBS_JSON_EACH (one, input, rc == 0)
        rc = append(&text, one);
    if (rc == 0)
        rc = llmobs_message_add_text(list, "user", llmobs_buf_text(&text));
    llmobs_buf_fini(&text);
    return list ? rc : -ENOMEM;
}

/* -- the answer ------------------------------------------------------------ */

static int add_item(struct llmobs_json *list, const struct llmobs_json *item)
{
    const char *content = llmobs_json_gets(item, "content");

    if (llmobs_json_says(item, "type", "tool_call") ||
        llmobs_json_says(item, "type", "invalid_tool_call")) {
        /* A tool that the server ran: the call with its result, or why it did
         * not run.
         */
        const struct llmobs_json *told = llmobs_json_get(item, "metadata");
        const char *name =
            llmobs_json_gets(told ? told : item, told ? "tool_name" : "tool");
        const char *result = llmobs_json_gets(item, told ? "reason" : "output");
        struct llmobs_json *message =
            llmobs_message_new("assistant", (struct llmobs_text){"", 0});
        int rc = llmobs_message_set_one(
            message, "tool_calls",
            llmobs_tools_call(name, NULL, "tool_call",
                              llmobs_tools_arguments(llmobs_json_get(
                                  told ? told : item, "arguments"))));

        if (rc == 0 && result)
            rc = llmobs_message_set_one(
                message, "tool_results",
                llmobs_tools_result(name, NULL, "tool_call",
                                    llmobs_json_string(result)));
        return llmobs_json_add_made(list, message, rc);
    }
    return content
               ? llmobs_message_add_text(
                     list,
                     llmobs_json_says(item, "type", "reasoning") ? "reasoning"
                                                                 : "assistant",
                     llmobs_text_of(content))
               : 0;
}

static int put_items(struct llmobs_reading *reading,
                     const struct llmobs_json *items)
{
    struct llmobs_json *list;
    int rc = 0;

    if (!llmobs_json_is_array(items))
        return 0;
    list = reading->span->output_messages = llmobs_json_array();
    LLMOBS_JSON_EACH (one, items, list && rc == 0)
        rc = add_item(list, one);
    return list ? rc : -ENOMEM;
}

static int read_stats(struct llmobs_reading *reading,
                      const struct llmobs_json *stats)
{
    int64_t in = llmobs_usage_count(stats, "input_tokens");
    int64_t out = llmobs_usage_count(stats, "total_output_tokens");
    struct llmobs_span *span = reading->span;

    llmobs_span_metric(span, "input_tokens", in);
    llmobs_span_metric(span, "output_tokens", out);
    llmobs_span_metric(span, "total_tokens", in < 0 || out < 0 ? -1 : in + out);
    llmobs_span_metric(span, "reasoning_output_tokens",
                       llmobs_usage_count(stats, "reasoning_output_tokens"));
    return stats ? llmobs_request_metadata(stats, stats_keys, span) : 0;
}

static int lm_studio_document(struct llmobs_reading *reading,
                              const struct llmobs_json *body)
{
    struct llmobs_facts *facts = &reading->span->facts;
    int rc;

    if (reading->classified->call->status >= 300)
        return 0;
    llmobs_span_fact(facts, LLMOBS_FACT_RESPONSE_ID,
                     llmobs_json_gets(body, "response_id"));
    llmobs_span_fact(facts, LLMOBS_FACT_RESPONSE_MODEL,
                     llmobs_json_gets(body, "model_instance_id"));
    rc = read_stats(reading, llmobs_json_get(body, "stats"));
    return rc < 0 ? rc : put_items(reading, llmobs_json_get(body, "output"));
}

static int lm_studio_ends(struct llmobs_reading *reading)
{
    static const char ends[] = "model_instance_id\0stats\0response_id\0";
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *body =
        llmobs_cut_json_object(call->response, call->response_tail, ends);
    int rc = body ? lm_studio_document(reading, body) : -ENOMEM;

    llmobs_json_free(body);
    return rc < 0 ? rc : llmobs_reading_ends(reading);
}

/* -- a stream -------------------------------------------------------------- */

/* Ends the item that goes on. */
static int end_item(struct state *state)
{
    struct llmobs_json *item;
    int rc;

    if (state->text.len == 0)
        return 0;
    item = llmobs_json_object();
    rc =
        llmobs_json_sets(item, "type", state->thinks ? "reasoning" : "message");
    if (rc == 0)
        rc = llmobs_json_set(item, "content",
                             llmobs_message_content_string(&state->text));
    llmobs_buf_cut(&state->text, 0);
    return llmobs_json_add_made(state->items, item, rc);
}

static int piece(struct llmobs_reading *reading,
                 const struct llmobs_event *event, bool thinks)
{
    struct state *state = reading->state;
    int rc = thinks == state->thinks ? 0 : end_item(state);

    state->thinks = thinks;
    llmobs_reading_token(reading, event);
    return rc < 0 ? rc
                  : llmobs_message_content_append(
                        &state->text, llmobs_json_gets(event->json, "content"));
}

static int lm_studio_event(struct llmobs_reading *reading,
                           const struct llmobs_event *event)
{
    const struct llmobs_json *json = event->json;
    const struct llmobs_json *result = llmobs_json_get(json, "result");
    struct state *state = reading->state;

    if (!state->items && !(state->items = llmobs_json_array()))
        return -ENOMEM;
    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_RESPONSE_MODEL,
                     llmobs_json_gets(json, "model_instance_id"));
    if (llmobs_json_says(json, "type", "message.delta") ||
        llmobs_json_says(json, "type", "reasoning.delta"))
        return piece(reading, event,
                     llmobs_json_says(json, "type", "reasoning.delta"));
    if (llmobs_json_says(json, "type", "tool_call.success") ||
        llmobs_json_says(json, "type", "tool_call.failure")) {
        /* The event of a tool's end has the members of its item. */
        struct llmobs_json *item = llmobs_json_clone(json);
        int rc = item ? end_item(state) : -ENOMEM;

        if (rc == 0)
            rc = llmobs_json_sets(item, "type", "tool_call");
        return llmobs_json_add_made(state->items, item, rc);
    }
    if (!llmobs_json_says(json, "type", "chat.end") || state->result || !result)
        return 0;
    reading->done = true;
    state->result = llmobs_json_clone(result);
    return state->result ? 0 : -ENOMEM;
}

static int lm_studio_finish(struct llmobs_reading *reading)
{
    struct state *state = reading->state;
    int rc = state->items ? end_item(state) : 0;

    if (rc == 0 && state->result)
        return lm_studio_document(reading, state->result);
    return rc < 0 || llmobs_json_len(state->items) == 0
               ? rc
               : put_items(reading, state->items);
}

static void fini(void *at)
{
    struct state *state = at;

    llmobs_json_free(state->items);
    llmobs_json_free(state->result);
    llmobs_buf_fini(&state->text);
}

const struct llmobs_form llmobs_form_lmstudio = {
    .keys = keys,
    .signs = signs,
    .confirm = lm_studio_chats,
    .gated = true,
    .request = lm_studio_request,
    .document = lm_studio_document,
    .event = lm_studio_event,
    .finish = lm_studio_finish,
    .ends = lm_studio_ends,
    LLMOBS_STATE(struct state, fini),
};
