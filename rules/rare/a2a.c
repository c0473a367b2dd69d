/* A2A: one agent asks another, by JSON-RPC or by paths of their own, in the
 * words of version 1.0 and of those before it.
 *
 * Source: A2A docs/specification.md 3.2.6, 5.3, 9, 11 and
 * specification/a2a.proto (v1.0.1, 2026-08); of version 0.3
 * specification/json/a2a.json (v0.3.0), and of its header a2a-python,
 * compat/v0_3. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/jobs.h"
#include "rules/read/media.h"
#include "rules/read/message_content.h"
#include "rules/read/values.h"

#define STATE_LEN 32

static const char keys[] = "method\0id\0jsonrpc\0";
static const char body_signs[] = "\"message\"\0\"params\"\0";

/* The words of the agent so far. */
struct state {
    struct llmobs_buf done;   /* of artifacts that are whole */
    struct llmobs_buf text;   /* of the one that goes on */
    struct llmobs_buf status; /* of the last message */
    char *artifact;           /* the id of that one */
    char word[STATE_LEN];     /* the state of the task */
};

static const struct {
    const char *method, *name;
    bool sends;
} methods[] = {
    {"SendMessage", "A2A Client SendMessage", true},
    {"message/send", "A2A Client SendMessage", true},
    {"SendStreamingMessage", "A2A Client SendMessage", true},
    {"message/stream", "A2A Client SendMessage", true},
    {"GetTask", "A2A Client GetTask", false},
    {"tasks/get", "A2A Client GetTask", false},
    {"CancelTask", "A2A Client CancelTask", false},
    {"tasks/cancel", "A2A Client CancelTask", false},
    {"SubscribeToTask", "A2A Client SubscribeToTask", false},
    {"tasks/resubscribe", "A2A Client SubscribeToTask", false},
};

static bool is_rpc(const struct llmobs_reading *reading)
{
    return reading->classified->shape->signs ||
           llmobs_json_get(reading->request, "jsonrpc");
}

/* The row of the call; a path of its own sends a message. -1: it is another
 * method. */
static int row_of(const struct llmobs_reading *reading)
{
    const char *method = llmobs_json_gets(reading->request, "method");

    if (!is_rpc(reading))
        return 0;
    for (size_t i = 0; method && i < sizeof(methods) / sizeof(methods[0]); i++)
        if (strcmp(method, methods[i].method) == 0)
            return (int)i;
    return -1;
}

static const struct llmobs_json *params_of(const struct llmobs_reading *reading)
{
    return is_rpc(reading) ? llmobs_json_get(reading->request, "params")
                           : reading->request;
}

static bool a2a_asks(const struct llmobs_reading *reading)
{
    const struct llmobs_json *params = params_of(reading);
    int row = row_of(reading);

    if (reading->classified->call->request_truncated)
        return row >= 0 &&
               (is_rpc(reading) || llmobs_reading_has(reading, "message"));
    return row >= 0 && (methods[row].sends
                            ? llmobs_json_is_array(llmobs_json_get(
                                  llmobs_json_get(params, "message"), "parts"))
                            : llmobs_json_gets(params, "id") != NULL);
}

/* -- parts ----------------------------------------------------------------- */

static int append_part(struct llmobs_buf *text, const struct llmobs_json *part)
{
    const struct llmobs_json *file = llmobs_json_get(part, "file");
    const struct llmobs_json *data = llmobs_json_get(part, "data");
    const char *words = llmobs_json_gets(part, "text"), *type, *bytes;
    char *dump;
    int rc;

    if (words)
        return llmobs_message_content_append(text, words);
    if (data) {
        dump = llmobs_value_text(data);
        rc = dump ? llmobs_message_content_append(text, dump) : -ENOMEM;
        free(dump);
        return rc;
    }
    type = file ? llmobs_json_gets(file, "mimeType")
                : llmobs_json_gets(part, "mediaType");
    bytes =
        file ? llmobs_json_gets(file, "bytes") : llmobs_json_gets(part, "raw");
    return llmobs_media_mark(text, "file", type,
                             bytes ? llmobs_media_base64(llmobs_text_of(bytes))
                                   : 0);
}

static int append_parts(struct llmobs_buf *text,
                        const struct llmobs_json *parts)
{
    int rc = 0;

    text->max = LLMOBS_MESSAGE_CONTENT_MAX;
    LLMOBS_JSON_EACH (one, parts, rc == 0)
        rc = llmobs_json_is_object(one) ? append_part(text, one) : 0;
    return rc;
}

/* -- the request ----------------------------------------------------------- */

static int a2a_begin(struct llmobs_reading *reading)
{
    int row = row_of(reading);

    if (row < 0)
        return 0;
    if (!methods[row].sends)
        reading->span->kind = LLMOBS_KIND_TASK;
    return llmobs_span_set(&reading->span->name, methods[row].name);
}

static int a2a_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *params = params_of(reading);
    const struct llmobs_json *message = llmobs_json_get(params, "message");
    const char *id = llmobs_json_gets(params, "id");
    struct llmobs_buf text;
    int row = row_of(reading), rc;

    if (row < 0 || reading->classified->call->request_truncated)
        return 0;
    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_CONVERSATION_ID,
                     llmobs_json_gets(message, "contextId"));
    if (!methods[row].sends) {
        rc = llmobs_job_asks(reading->span, id);
        return rc < 0 || !id ? rc
                             : llmobs_span_set(&reading->span->input_value, id);
    }
    llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
    rc = append_parts(&text, llmobs_json_get(message, "parts"));
    if (rc == 0)
        rc = llmobs_value_words(&reading->span->input_value, &text);
    llmobs_buf_fini(&text);
    return rc;
}

/* -- the answer ------------------------------------------------------------ */

/* "TASK_STATE_INPUT_REQUIRED" and "input-required" are one. */
static void set_state(struct state *state, const struct llmobs_json *status)
{
    static const char prefix[] = "TASK_STATE_";
    const char *word = llmobs_json_gets(status, "state");

    if (!word)
        return;
    if (strncmp(word, prefix, sizeof(prefix) - 1) == 0)
        word += sizeof(prefix) - 1;
    for (size_t i = 0; i < sizeof(state->word); i++) {
        state->word[i] = word[i] == '_' ? '-'
                         : word[i] >= 'A' && word[i] <= 'Z'
                             ? (char)(word[i] + 32)
                             : word[i];
        if (!word[i])
            return;
    }
    state->word[sizeof(state->word) - 1] = '\0';
}

static bool goes_on(const struct state *state)
{
    return strcmp(state->word, "working") == 0 ||
           strcmp(state->word, "submitted") == 0;
}

static int set_ids(struct llmobs_reading *reading,
                   const struct llmobs_json *from, const char *id)
{
    struct llmobs_span *span = reading->span;
    const char *context = llmobs_json_gets(from, "contextId");
    int rc = id ? llmobs_json_sets(span->metadata, "task_id", id) : 0;

    if (span->kind == LLMOBS_KIND_AGENT)
        llmobs_span_fact(&span->facts, LLMOBS_FACT_RESPONSE_ID, id);
    llmobs_span_fact(&span->facts, LLMOBS_FACT_CONVERSATION_ID, context);
    return rc;
}

static int add_status(struct state *state, const struct llmobs_json *status)
{
    const struct llmobs_json *parts =
        llmobs_json_get(llmobs_json_get(status, "message"), "parts");

    set_state(state, status);
    if (!parts)
        return 0;
    llmobs_buf_cut(&state->status, 0);
    return append_parts(&state->status, parts);
}

/* Another artifact ends the one before it; one that does not append begins
 * anew. */
static int add_artifact(struct state *state, const struct llmobs_json *artifact,
                        bool append)
{
    const char *id = llmobs_json_gets(artifact, "artifactId");
    bool same = id && state->artifact && strcmp(id, state->artifact) == 0;
    int rc = 0;

    if (!same && state->text.len > 0) {
        if (state->done.len > 0)
            rc = llmobs_message_content_append(&state->done, "\n");
        if (rc == 0)
            rc = llmobs_message_content_append(&state->done, state->text.data);
    }
    if (!same || !append)
        llmobs_buf_cut(&state->text, 0);
    if (rc == 0 && id)
        rc = llmobs_span_set(&state->artifact, id);
    return rc < 0
               ? rc
               : append_parts(&state->text, llmobs_json_get(artifact, "parts"));
}

/* A task has all of its artifacts so far, also those that came before. */
static int add_task(struct llmobs_reading *reading,
                    const struct llmobs_json *task)
{
    const struct llmobs_json *list = llmobs_json_get(task, "artifacts");
    struct state *state = reading->state;
    int rc = set_ids(reading, task, llmobs_json_gets(task, "id"));

    if (rc == 0)
        rc = add_status(state, llmobs_json_get(task, "status"));
    if (llmobs_json_is_array(list) && llmobs_json_len(list) > 0) {
        llmobs_buf_cut(&state->done, 0);
        llmobs_buf_cut(&state->text, 0);
    }
    LLMOBS_JSON_EACH (one, list, rc == 0)
        rc = add_artifact(state, one, false);
    return rc;
}

/* The member of this name, or the object itself where its kind says so. */
static const struct llmobs_json *member_or_self(
    const struct llmobs_json *result, const char *name, const char *kind)
{
    const char *own = llmobs_json_gets(result, "kind");

    if (own)
        return strcmp(own, kind) == 0 ? result : NULL;
    return llmobs_json_get(result, name);
}

static int add_result(struct llmobs_reading *reading,
                      const struct llmobs_json *body)
{
    const struct llmobs_json *inner = llmobs_json_get(body, "result"), *one;
    const struct llmobs_json *result = inner ? inner : body;
    struct state *state = reading->state;

    if (inner) /* the id beside it is that of the request */
        llmobs_span_fact_unset(&reading->span->facts, LLMOBS_FACT_RESPONSE_ID);
    if ((one = member_or_self(result, "task", "task")))
        return add_task(reading, one);
    if ((one = member_or_self(result, "statusUpdate", "status-update"))) {
        int rc = set_ids(reading, one, llmobs_json_gets(one, "taskId"));

        return rc < 0 ? rc : add_status(state, llmobs_json_get(one, "status"));
    }
    if ((one = member_or_self(result, "artifactUpdate", "artifact-update")))
        return add_artifact(
            state, llmobs_json_get(one, "artifact"),
            llmobs_json_is_true(llmobs_json_get(one, "append")));
    if ((one = member_or_self(result, "message", "message"))) {
        int rc = set_ids(reading, one, llmobs_json_gets(one, "taskId"));

        return rc < 0 ? rc
                      : append_parts(&state->status,
                                     llmobs_json_get(one, "parts"));
    }
    return llmobs_json_get(result, "status") ? add_task(reading, result) : 0;
}

/* Artifacts are the answer, else what the last message says. */
static int a2a_finish(struct llmobs_reading *reading)
{
    struct state *state = reading->state;
    struct llmobs_span *span = reading->span;
    const char *id = llmobs_json_gets(span->metadata, "task_id");
    int rc = add_artifact(state, NULL, false);

    if (rc == 0)
        rc = llmobs_value_words(&span->output_value, state->done.len > 0
                                                         ? &state->done
                                                         : &state->status);
    if (rc < 0 || !*state->word)
        return rc;
    rc = llmobs_json_sets(span->metadata, "state", state->word);
    if (rc == 0 && (strcmp(state->word, "failed") == 0 ||
                    strcmp(state->word, "rejected") == 0))
        rc = llmobs_span_fail(span, state->word, state->status.data);
    return rc == 0 && span->kind == LLMOBS_KIND_AGENT && goes_on(state)
               ? llmobs_job_begun(span, id, NULL)
               : rc;
}

static int a2a_document(struct llmobs_reading *reading,
                        const struct llmobs_json *body)
{
    int rc;

    if (reading->classified->call->status >= 300 || reading->span->failed)
        return 0;
    rc = add_result(reading, body);
    return rc < 0 ? rc : a2a_finish(reading);
}

static int a2a_event(struct llmobs_reading *reading,
                     const struct llmobs_event *event)
{
    struct state *state = reading->state;
    int rc = add_result(reading, event->json);

    if (state->text.len > 0 || state->status.len > 0)
        llmobs_reading_token(reading, event);
    reading->done = *state->word ? !goes_on(state) : state->status.len > 0;
    return rc;
}

static void fini(void *at)
{
    struct state *state = at;

    llmobs_buf_fini(&state->done);
    llmobs_buf_fini(&state->text);
    llmobs_buf_fini(&state->status);
    free(state->artifact);
}

const struct llmobs_form llmobs_form_a2a = {
    .keys = keys,
    .signs = body_signs,
    .confirm = a2a_asks,
    .gated = true,
    .confirm_always = true,
    .begin = a2a_begin,
    .request = a2a_request,
    .document = a2a_document,
    .event = a2a_event,
    .finish = a2a_finish,
    .ends = llmobs_reading_ends,
    LLMOBS_STATE(struct state, fini),
};

const struct llmobs_sign llmobs_signs_a2a_header[] = {
    {.name = "a2a-version:"},
    {.name = NULL},
};
