#include "rules/vendors/responses_fetch.h"

#include <errno.h>
#include <string.h>

#include "rules/vendors/responses_items.h"
#include "rules/vendors/responses_stream.h"
#include "rules/read/cut_json.h"
#include "rules/read/facts.h"
#include "rules/read/jobs.h"
#include "rules/read/usage.h"

static const char keys[] = "id\0model\0status\0usage\0";

bool llmobs_responses_goes_on(const char *status)
{
    return status && (strcmp(status, "queued") == 0 ||
                      strcmp(status, "in_progress") == 0);
}

static int read_response(struct llmobs_reading *reading,
                         const struct llmobs_json *response,
                         const struct llmobs_json *items)
{
    const char *status = llmobs_json_gets(response, "status");
    int rc = llmobs_reading_model(reading, llmobs_json_gets(response, "model"));

    if (rc == 0)
        rc = llmobs_usage_read(llmobs_usage_find(response), reading->span);
    if (rc == 0)
        rc = llmobs_responses_output(reading->span, items);
    return rc < 0
               ? rc
               : llmobs_job_settle(reading, status,
                                   status && !llmobs_responses_goes_on(status));
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

static int responses_fetch_finish(struct llmobs_reading *reading)
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

/* A stream that is taken up again may lack the response itself. */
static bool is_stored(const struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;

    return llmobs_answer_says(call, "object", "response\"") ||
           llmobs_answer_says(call, "type", "response.");
}

const struct llmobs_form llmobs_form_openai_responses_fetch = {
    .signs = "\"response\"\0",
    .confirm = is_stored,
    .begin = llmobs_job_asked,
    .document = read_document,
    .event = read_event,
    .finish = responses_fetch_finish,
    .ends = read_ends,
    LLMOBS_STATE(struct llmobs_responses_stream, llmobs_responses_stream_fini),
};
