/* Sessions of Claude's managed agents. A program sends events, and reads what
 * the agent does from a stream, which stays open when the agent is idle. Code,
 * since counts and texts stand in events of many types, each with an id.
 *
 * Source: anthropics/anthropic-sdk-typescript bfa9197f (2026-08),
 * resources/beta/sessions/{events,sessions}.ts and lib/sessions/accumulate.ts.
 * The counts by graders of outcomes are left out: nothing says whether they are
 * a part of the others. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/vendors/anthropic_message.h"
#include "rules/read/jobs.h"
#include "rules/read/message_content.h"
#include "rules/read/text.h"
#include "rules/read/usage.h"
#include "rules/read/values.h"

static const char counted[] =
    "input_tokens\0output_tokens\0cache_creation_input_tokens\0"
    "cache_read_input_tokens\0";
static const char create_keys[] = "agent\0environment_id\0";
static const char signs[] = "\"environment_id\"\0\"events\"\0";

struct state {
    struct llmobs_buf asked, said, pieces; /* `pieces`: of a text to come */
    struct llmobs_json *seen;              /* ids of events */
    struct llmobs_json *asking; /* ids of requests without their counts */
    struct llmobs_json *sum;    /* what the others counted */
};

/* Elsewhere than at Anthropic's hosts a header tells. A request with a body has
 * all members that its form names: others have such paths. */
static bool asks(const struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    const char *beta = llmobs_header_find(
        call->request_headers, call->request_header_count, "anthropic-beta");
    bool is = !reading->classified->confirm ||
              (beta && strstr(beta, "managed-agents-"));

    for (const char *key = reading->form->keys; is && key && *key;
         key = llmobs_words_next(key))
        is = llmobs_reading_has(reading, key);
    return is;
}

/* Adds the texts of an event, each on a line. */
static int say(struct llmobs_buf *text, const struct llmobs_json *event)
{
    const struct llmobs_json *content = llmobs_json_get(event, "content");
    struct llmobs_json *lines = llmobs_value_lines(content, "text");
    const char *words = llmobs_json_text(lines);
    int rc = lines ? 0 : -ENOMEM;

    if (!llmobs_has_text(words)) /* of an outcome that is wanted */
        words = llmobs_json_gets(event, "description");
    if (rc == 0 && llmobs_has_text(words) && text->len > 0)
        rc = llmobs_message_content_append(text, "\n");
    if (rc == 0)
        rc = llmobs_message_content_append(text, words);
    llmobs_json_free(lines);
    return rc;
}

/* -- requests -------------------------------------------------------------- */

/* The session in the path is the conversation. */
static int anthropic_sessions_begin(struct llmobs_reading *reading)
{
    bool streams = reading->classified->shape->streams;
    char *id =
        llmobs_url_segment(reading->classified->url->path, streams ? 2 : 1);
    int rc = id ? 0 : -ENOMEM;

    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_CONVERSATION_ID, id);
    if (rc == 0 && streams)
        rc = llmobs_job_asks(reading->span, id);
    if (rc == 0 && streams)
        rc = llmobs_span_set(&reading->span->input_value, id);
    free(id);
    return rc;
}

static int anthropic_sessions_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *events =
        llmobs_json_get(reading->request, "events");
    struct llmobs_buf text = {0};
    int rc = 0;

    if (reading->classified->call->request_truncated)
        return 0;
    if (!events)
        events = llmobs_json_get(reading->request, "initial_events");
    LLMOBS_JSON_EACH (one, events, rc == 0)
        rc = say(&text, one);
    if (rc == 0)
        rc = llmobs_value_words(&reading->span->input_value, &text);
    llmobs_buf_fini(&text);
    return rc;
}

/* A session has an agent and a status. */
static int created(struct llmobs_reading *reading,
                   const struct llmobs_json *session)
{
    const struct llmobs_json *agent = llmobs_json_get(session, "agent");
    const char *id = llmobs_json_gets(session, "id");
    int rc = llmobs_reading_model(
        reading, llmobs_json_gets(llmobs_json_get(agent, "model"), "id"));

    if (reading->classified->call->status >= 300)
        return 0;
    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_CONVERSATION_ID, id);
    if (rc == 0)
        rc = llmobs_json_sets(reading->span->metadata, "agent",
                              llmobs_json_gets(agent, "name"));
    if (rc == 0)
        rc = llmobs_value_output(reading->span,
                                 llmobs_json_get(session, "status"));
    return rc < 0 ? rc : llmobs_job_begun(reading->span, id, NULL);
}

/* The first event begins what the stream has from there on. */
static int sent(struct llmobs_reading *reading, const struct llmobs_json *body)
{
    const struct llmobs_json *data = llmobs_json_get(body, "data");

    return reading->classified->call->status >= 300
               ? 0
               : llmobs_job_begun(
                     reading->span,
                     llmobs_json_gets(llmobs_json_at(data, 0), "id"), NULL);
}

/* -- the stream ------------------------------------------------------------ */

static int note(struct llmobs_json **ids, const char *id)
{
    if (!*ids && !(*ids = llmobs_json_object()))
        return -ENOMEM;
    return llmobs_json_sets(*ids, id, "");
}

static int anthropic_sessions_agent(struct llmobs_reading *reading,
                                    const struct llmobs_event *event,
                                    struct llmobs_text type)
{
    struct state *state = reading->state;

    if (llmobs_text_is(type, "agent.message") ||
        llmobs_text_is(type, "agent.thinking"))
        llmobs_reading_token(reading, event);
    if (llmobs_text_is(type, "agent.message")) {
        llmobs_buf_cut(&state->pieces, 0);
        return say(&state->said, event->json);
    }
    return llmobs_text_ends(type, "tool_use")
               ? llmobs_value_step(reading->span, type.data,
                                   llmobs_json_gets(event->json, "name"))
               : 0;
}

static int anthropic_sessions_event(struct llmobs_reading *reading,
                                    const struct llmobs_event *event)
{
    struct llmobs_text type =
        llmobs_text_of(llmobs_json_gets(event->json, "type"));
    const struct llmobs_json *retry =
        llmobs_json_get(llmobs_json_get(event->json, "error"), "retry_status");
    const char *id = llmobs_json_gets(event->json, "id");
    struct state *state = reading->state;
    int rc;
    const struct llmobs_call *call;
    const struct llmobs_json *reason;
    int64_t at;

    if (llmobs_text_is(type, "event_delta")) {
        const struct llmobs_json *delta = llmobs_json_get(event->json, "delta");

        llmobs_reading_token(reading, event);
        return llmobs_message_content_append(
            &state->pieces,
            llmobs_json_gets(llmobs_json_get(delta, "content"), "text"));
    }
    if (!id || llmobs_json_get(state->seen, id))
        return 0;
    rc = note(&state->seen, id);
    if (rc < 0)
        return rc;
    if (llmobs_text_begins(type, "user.")) {
        rc = state->asked.len > 0 ? 0 : llmobs_job_asks(reading->span, id);
        return rc < 0 ? rc : say(&state->asked, event->json);
    }
    if (llmobs_text_begins(type, "agent."))
        return anthropic_sessions_agent(reading, event, type);
    if (llmobs_text_is(type, "span.model_request_start"))
        return note(&state->asking, id);
    if (llmobs_text_is(type, "span.model_request_end")) {
        const struct llmobs_json *usage =
            llmobs_json_get(event->json, "model_usage");

        id = llmobs_json_gets(event->json, "model_request_start_id");
        if (!llmobs_json_is_object(usage))
            return note(&state->asking, "");
        if (id)
            llmobs_json_unset(state->asking, id);
        return llmobs_usage_sum(&state->sum, usage, counted);
    }
    if (llmobs_text_is(type, "session.error"))
        return llmobs_json_says(retry, "type", "retrying")
                   ? 0 /* the server itself tries again */
                   : llmobs_error_read(event->json, event->data,
                                       reading->classified->call,
                                       reading->span);
    if (llmobs_text_is(type, "session.status_running"))
        reading->done = false;
    if (!llmobs_text_is(type, "session.status_idle") &&
        !llmobs_text_is(type, "session.status_terminated") &&
        !llmobs_text_is(type, "session.deleted"))
        return 0;
    /* Ends the answer where the agent begins to wait. The connection may stay
     * open.
     */
    call = reading->classified->call;
    reason = llmobs_json_get(event->json, "stop_reason");
    at = llmobs_call_time_at(call, event->end);
    reading->done = true;
    if (at > call->start_ns)
        reading->span->duration_ns = at - call->start_ns;
    return llmobs_json_sets(reading->span->metadata, "stop_reason",
                            llmobs_json_gets(reason, "type"));
}

static int anthropic_sessions_finish(struct llmobs_reading *reading)
{
    struct state *state = reading->state;
    struct llmobs_span *span = reading->span;
    int rc = 0;

    /* A sum is one only where no part of it is missing. */
    if (reading->done && llmobs_json_len(state->asking) == 0 &&
        !reading->classified->call->response_truncated)
        rc = llmobs_anthropic_usage(state->sum, NULL, span);

    if (!reading->done)
        span->duration_ns = 0;
    if (rc == 0 && state->pieces.len > 0)
        rc = llmobs_message_content_append(&state->said, state->pieces.data);
    if (rc == 0)
        rc = llmobs_value_words(&span->input_value, &state->asked);
    return rc < 0 ? rc : llmobs_value_words(&span->output_value, &state->said);
}

static void fini(void *at)
{
    struct state *state = at;

    llmobs_buf_fini(&state->asked);
    llmobs_buf_fini(&state->said);
    llmobs_buf_fini(&state->pieces);
    llmobs_json_free(state->seen);
    llmobs_json_free(state->asking);
    llmobs_json_free(state->sum);
}

/* -- the dialect ----------------------------------------------------------- */

#define SENDS                                                               \
    .signs = signs, .confirm = asks, .confirm_always = true, .gated = true, \
    .request = anthropic_sessions_request

const struct llmobs_form llmobs_form_anthropic_sessions_create = {
    SENDS, .keys = create_keys, .document = created};
const struct llmobs_form llmobs_form_anthropic_sessions_send = {
    SENDS, .keys = "events\0", .begin = anthropic_sessions_begin,
    .document = sent};

/* The stream needs no function for errors: an error of the session is an event
 * like others. */
const struct llmobs_form llmobs_form_anthropic_sessions_stream = {
    .confirm = asks,
    .begin = anthropic_sessions_begin,
    .event = anthropic_sessions_event,
    .finish = anthropic_sessions_finish,
    LLMOBS_STATE(struct state, fini),
    .texts = true,
};
