/* LangGraph's server: runs of a graph, waited for or streamed. Code, since the
 * answer is the last of a list of messages, and its tokens are those of the
 * messages that this run has added.
 *
 * Source: npm's @langchain/langgraph-sdk 2.0.0, client.js and types.d.ts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/facts.h"
#include "rules/read/message_content.h"
#include "rules/read/usage.h"
#include "rules/read/values.h"
#include "rules/tables/interpreter.h"

/* Never `config`, in which programs pass keys. */
static const char keys[] = "assistant_id\0stream_mode\0";
static const char signs[] = "\"assistant_id\"\0";
static const char asks[] = "'assistant_id\0input|command\0";

static const struct llmobs_layout layout = {
    .places = "i/input|/command\n", /* LLMOBS_AT_INPUT */
    .asks = asks,
};

struct state {
    /* `value`: the last message that came as a whole; `text`: the text of the
     * last message that came in pieces. */
    struct llmobs_interpreter request;
    struct llmobs_json *known; /* ids of the messages before the run; NULL:
                                * nobody knows */
    struct llmobs_json *last;  /* state of the graph */
    char *id;                  /* of the message in pieces */
};

/* The thread is the conversation. */
static int langgraph_begin(struct llmobs_reading *reading)
{
    const char *star = strchr(reading->classified->shape->path, '*');
    int rc = star ? llmobs_fact_session(reading, llmobs_url_behind(star)) : 0;

    return rc < 0 ? rc : llmobs_interpreter_begin(reading);
}

/* -- the messages of a state ----------------------------------------------- */

static struct llmobs_json *last_of(const struct llmobs_json *list)
{
    return llmobs_json_at(list, llmobs_json_len(list) - 1);
}

static int set_ids(struct llmobs_json **known,
                   const struct llmobs_json *messages)
{
    int rc = 0;

    *known = llmobs_json_object();
    for (size_t i = 0; *known && rc == 0 && i < llmobs_json_len(messages);
         i++) {
        const char *id = llmobs_json_gets(llmobs_json_at(messages, i), "id");

        rc = llmobs_json_sets(*known, id ? id : "", "");
    }
    return *known ? rc : -ENOMEM;
}

/* Sets what a message says, unless it is the user's. */
static int put_message(struct llmobs_span *span,
                       const struct llmobs_json *message)
{
    const struct llmobs_json *content = llmobs_json_get(message, "content");
    struct llmobs_json *text;
    int rc;

    if (llmobs_json_says(message, "type", "human"))
        return 0;
    if (!llmobs_json_is_array(content))
        return llmobs_value_output(span, content);
    text = llmobs_value_lines(content, "text");
    rc = text ? llmobs_value_output(span, text) : -ENOMEM;
    llmobs_json_free(text);
    return rc;
}

static int put_state(struct llmobs_reading *reading,
                     const struct llmobs_json *graph,
                     const struct llmobs_json *known)
{
    const struct llmobs_json *list = llmobs_json_get(graph, "messages");

    if (known) {
        /* Adds up what the run's messages of models have counted; a sum that
         * lacks a part is not known, nor is one of messages without ids, of
         * which some may be from an earlier run. */
        static const char *const names[] = {"input_tokens", "output_tokens",
                                            "total_tokens"};

        for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
            int64_t sum = 0;
            bool any = false;

            LLMOBS_JSON_EACH (one, list, true) {
                const char *id = llmobs_json_gets(one, "id");
                const char *type = llmobs_json_gets(one, "type");
                int64_t count = llmobs_usage_count(
                    llmobs_json_get(one, "usage_metadata"), names[n]);

                if (!type || strcmp(type, "ai") != 0 ||
                    (id && llmobs_json_get(known, id)))
                    continue;
                if (!id && llmobs_json_get(known, ""))
                    count = -1;
                sum = sum < 0 || count < 0 ? -1 : llmobs_usage_add(sum, count);
                any = true;
            }
            llmobs_span_metric(reading->span, names[n], any ? sum : -1);
        }
    }
    return llmobs_json_is_array(list) && llmobs_json_len(list) > 0
               ? put_message(reading->span, last_of(list))
               : llmobs_value_output(reading->span, graph);
}

static int fail(struct llmobs_span *span, const struct llmobs_json *error)
{
    return llmobs_span_fail(span, llmobs_json_gets(error, "error"),
                            llmobs_json_gets(error, "message"));
}

/* A thread has messages of earlier runs; a run without one has none but those
 * of its input. */
static int langgraph_document(struct llmobs_reading *reading,
                              const struct llmobs_json *body)
{
    const struct llmobs_json *error = llmobs_json_get(body, "__error__");
    struct state *state = reading->state;
    int rc = 0;

    if (reading->classified->call->status >= 300)
        return 0;
    if (error)
        return fail(reading->span, error);
    if (!strchr(reading->classified->shape->path, '*'))
        rc = set_ids(&state->known,
                     llmobs_json_get(llmobs_json_get(reading->request, "input"),
                                     "messages"));
    return rc < 0 ? rc : put_state(reading, body, state->known);
}

/* -- a stream -------------------------------------------------------------- */

/* [piece, what it is of]: only the pieces of the last message count. A piece is
 * a text, or a list of blocks. */
static int langgraph_piece(struct state *state, const struct llmobs_json *piece)
{
    const struct llmobs_json *content = llmobs_json_get(piece, "content");
    const char *id = llmobs_json_gets(piece, "id");
    int rc = 0;

    if (id && (!state->id || strcmp(state->id, id) != 0)) {
        llmobs_buf_cut(&state->request.text, 0);
        rc = llmobs_span_set(&state->id, id);
    }
    LLMOBS_JSON_EACH (one, content, rc == 0)
        rc = llmobs_message_content_append(&state->request.text,
                                           llmobs_json_gets(one, "text"));
    return rc < 0 ? rc
                  : llmobs_message_content_append(&state->request.text,
                                                  llmobs_json_text(content));
}

static int langgraph_event(struct llmobs_reading *reading,
                           const struct llmobs_event *event)
{
    const struct llmobs_json *json = event->json;
    struct state *state = reading->state;

    state->request.any = true;
    if (event->failed && llmobs_json_gets(json, "message"))
        return fail(reading->span, json);
    if (llmobs_text_is(event->type, "metadata"))
        llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_RESPONSE_ID,
                         llmobs_json_gets(json, "run_id"));
    if (llmobs_text_is(event->type, "values")) {
        llmobs_json_replace(&state->last, event->json);
        return state->known
                   ? 0
                   : set_ids(&state->known, llmobs_json_get(json, "messages"));
    }
    if (llmobs_text_begins(event->type, "messages"))
        llmobs_reading_token(reading, event);
    if (llmobs_text_is(event->type, "messages"))
        return langgraph_piece(state, llmobs_json_at(json, 0));
    if (llmobs_text_begins(event->type, "messages/") &&
        llmobs_json_len(json) > 0 && llmobs_json_is_array(json))
        llmobs_json_replace(&state->request.value, last_of(json));
    return 0;
}

/* Not every server marks the end. */
static int langgraph_finish(struct llmobs_reading *reading)
{
    struct state *state = reading->state;

    reading->span->complete =
        state->request.any && reading->classified->call->transport_ok;
    if (state->last)
        return put_state(reading, state->last, state->known);
    if (state->request.value)
        return put_message(reading->span, state->request.value);
    return llmobs_interpreter_finish(reading);
}

static void fini(void *at)
{
    struct state *state = at;

    llmobs_interpreter_fini(&state->request);
    llmobs_json_free(state->known);
    llmobs_json_free(state->last);
    free(state->id);
}

const struct llmobs_form llmobs_form_langgraph = {
    .keys = keys,
    .signs = signs,
    .confirm = llmobs_interpreter_signed,
    .gated = true,
    .begin = langgraph_begin,
    .request = llmobs_interpreter_request,
    .document = langgraph_document,
    .event = langgraph_event,
    .finish = langgraph_finish,
    .ends = llmobs_reading_ends,
    LLMOBS_STATE(struct state, fini),
    .variant = &layout,
};
