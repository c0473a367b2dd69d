#include "rules/openai/responses_fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/openai/responses_items.h"
#include "rules/openai/responses_stream.h"
#include "rules/read/cut_json.h"
#include "rules/read/facts.h"
#include "rules/read/jobs.h"
#include "rules/read/text.h"
#include "rules/read/usage.h"
#include "rules/read/values.h"

static const char *const keys[] = {"id", "model", "status", "usage", NULL};

bool llmobs_responses_goes_on(const char *status)
{
    return status && (strcmp(status, "queued") == 0 ||
                      strcmp(status, "in_progress") == 0);
}

/* The segment behind "/responses/". */
static struct llmobs_text id_of(struct llmobs_text path)
{
    static const char mark[] = "/responses/";
    struct llmobs_text id = {NULL, 0};
    const char *at = path.data;

    while (at && (at = memmem(at, path.len - (size_t)(at - path.data), mark,
                              sizeof(mark) - 1))) {
        at += sizeof(mark) - 1;
        id.data = at;
        id.len = path.len - (size_t)(at - path.data);
    }
    at = id.data ? memchr(id.data, '/', id.len) : NULL;
    if (at)
        id.len = (size_t)(at - id.data);
    return id;
}

static int begin(struct llmobs_reading *reading)
{
    struct llmobs_text id = id_of(reading->classified->url->path);
    char *text = llmobs_url_decode(id);
    int rc = text ? 0 : -ENOMEM;

    if (rc == 0 && *text)
        rc = llmobs_span_set(&reading->span->input_value, text);
    if (rc == 0)
        rc = llmobs_job_asked(reading->span, text);
    free(text);
    return rc;
}

/* Joins the texts of the output's messages. */
static int join(const struct llmobs_json *messages, struct llmobs_buf *out)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < llmobs_json_len(messages); i++) {
        const struct llmobs_json *message = llmobs_json_at(messages, i);
        const char *text = llmobs_json_gets(message, "content");
        const char *role = llmobs_json_gets(message, "role");

        if (!text || !*text || (role && strcmp(role, "reasoning") == 0))
            continue;
        if (out->len > 0)
            rc = llmobs_buf_addc(out, '\n');
        if (rc == 0)
            rc = llmobs_buf_adds(out, text);
    }
    return rc == -EFBIG ? 0 : rc;
}

/* The output is the response's text, else how far it is. */
static int set_output(struct llmobs_reading *reading,
                      const struct llmobs_json *items, const char *status)
{
    struct llmobs_json *messages = llmobs_json_array();
    struct llmobs_buf text;
    int rc = messages ? 0 : -ENOMEM;

    llmobs_buf_init(&text, LLMOBS_VALUE_MAX);
    for (size_t i = 0;
         rc == 0 && llmobs_json_is_array(items) && i < llmobs_json_len(items);
         i++)
        rc = llmobs_responses_add_output(messages, llmobs_json_at(items, i));
    if (rc == 0)
        rc = join(messages, &text);
    if (rc == 0 && (text.len > 0 || status))
        rc = llmobs_span_set(&reading->span->output_value,
                             text.len > 0 ? text.data : status);
    llmobs_buf_fini(&text);
    llmobs_json_free(messages);
    return rc;
}

/* As long as the response is made, its counts are not those of its end. */
static int read_usage(struct llmobs_reading *reading,
                      const struct llmobs_json *response, const char *status)
{
    int rc;

    if (!status || llmobs_responses_goes_on(status))
        return 0;
    rc = llmobs_usage_read(llmobs_usage_find(response), reading->span);
    return rc < 0 ? rc : llmobs_job_ended(reading->span);
}

static int read_response(struct llmobs_reading *reading,
                         const struct llmobs_json *response,
                         const struct llmobs_json *items)
{
    const char *status = llmobs_json_gets(response, "status");
    int rc = llmobs_reading_model(reading, llmobs_json_gets(response, "model"));

    if (rc == 0)
        rc = llmobs_json_sets(reading->span->metadata, "status", status);
    if (rc == 0)
        rc = read_usage(reading, response, status);
    return rc < 0 ? rc : set_output(reading, items, status);
}

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    if (reading->classified->call->status >= 300)
        return 0;
    return read_response(reading, body, llmobs_json_get(body, "output"));
}

static int read_event(struct llmobs_reading *reading,
                      const struct llmobs_event *event)
{
    struct llmobs_responses_stream *stream = reading->state;
    const char *type = llmobs_json_gets(event->json, "type");
    int rc;

    if (!type)
        return 0;
    rc = llmobs_responses_stream_add(stream, type, event->json);
    reading->done = reading->done || stream->done;
    return rc;
}

static int finish(struct llmobs_reading *reading)
{
    const struct llmobs_responses_stream *stream = reading->state;
    struct llmobs_json *items = llmobs_responses_stream_items(stream);
    int rc = items ? read_response(reading, stream->response, items) : -ENOMEM;

    llmobs_fact_answer(reading, stream->response);
    llmobs_json_free(items);
    return rc;
}

static int read_ends(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *response =
        llmobs_cut_json_object(call->response, call->response_tail, keys);
    int rc = response ? read_response(reading, response, NULL) : -ENOMEM;

    reading->span->complete = llmobs_json_gets(response, "status") != NULL;
    llmobs_json_free(response);
    return rc;
}

static void free_state(void *state)
{
    llmobs_responses_stream_fini(state);
}

const struct llmobs_form llmobs_responses_fetch = {
    .begin = begin,
    .document = read_document,
    .event = read_event,
    .finish = finish,
    .ends = read_ends,
    .state_fini = free_state,
    .state_size = sizeof(struct llmobs_responses_stream),
};
