/* Recognizes calls that start or poll a job. */
#include "rules/read/jobs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/facts.h"
#include "rules/read/usage.h"
#include "rules/read/values.h"

#define SKEW 600 /* by which clocks may differ, in seconds */

static const char *const counts[] = {"input_tokens",
                                     "output_tokens",
                                     "total_tokens",
                                     "cache_read_input_tokens",
                                     "cache_write_input_tokens",
                                     "reasoning_output_tokens"};
#define COUNTS (sizeof(counts) / sizeof(counts[0]))

static int note(struct llmobs_span *span, enum llmobs_job_part part,
                const char *id)
{
    int rc = id && *id ? llmobs_span_set(&span->job.id, id) : 0;

    if (rc == 0 && span->job.id)
        span->job.part = part;
    return rc;
}

int llmobs_job_begun(struct llmobs_span *span, const char *id,
                     const char *status)
{
    int rc;

    for (size_t i = 0; i < COUNTS; i++)
        if (llmobs_json_to_int(llmobs_json_get(span->metrics, counts[i])) > 0)
            return 0;
    /* The counts of a job that goes on are not known: some servers write 0. */
    for (size_t i = 0; i < COUNTS; i++)
        llmobs_json_unset(span->metrics, counts[i]);
    rc = note(span, LLMOBS_JOB_BEGUN, id);
    return rc < 0 || !span->job.id || !status
               ? rc
               : llmobs_json_sets(span->metadata, "status", status);
}

int llmobs_job_done(struct llmobs_span *span, const char *id)
{
    return note(span, LLMOBS_JOB_DONE, id);
}

/* The times are seconds; others count as unknown. */
void llmobs_job_alone(struct llmobs_span *span, const struct llmobs_json *job)
{
    int64_t at = llmobs_usage_count(job, "completed_at");

    at = at > 0 ? at : llmobs_usage_count(job, "created_at");
    at = at > 0 ? at : llmobs_usage_count(job, "created");
    span->job.alone = true;
    if (at > SKEW && at < INT32_MAX)
        span->job.since_ns = (at - SKEW) * 1000000000;
}

int llmobs_job_streams(const struct llmobs_reading *reading)
{
    const struct llmobs_classified *classified = reading->classified;
    const struct llmobs_call *call = classified->call;
    struct llmobs_span *span = reading->span;
    const char *id = llmobs_header_find(
        call->request_headers, call->request_header_count, "x-conversation-id");

    /* On a listed host the header is no more than a program's own word. */
    if (!id || call->status >= 300 || span->job.part == LLMOBS_JOB_ASKED ||
        (span->job.id && !classified->confirm) ||
        !(span->streamed ||
          llmobs_json_is_true(llmobs_json_get(reading->request, "stream"))))
        return 0;
    return note(span, LLMOBS_JOB_STREAM, id);
}

int llmobs_job_asks(struct llmobs_span *span, const char *id)
{
    return note(span, LLMOBS_JOB_ASKED, id);
}

int llmobs_job_asked(struct llmobs_reading *reading)
{
    const struct llmobs_classified *classified = reading->classified;
    char *id = llmobs_url_segment(
        classified->url->path,
        llmobs_url_behind(strrchr(classified->shape->path, '*')));
    int rc = id ? note(reading->span, LLMOBS_JOB_ASKED, id) : -ENOMEM;

    if (rc == 0 && *id) {
        llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_RESPONSE_ID, id);
        rc = llmobs_span_set(&reading->span->input_value, id);
    }
    free(id);
    return rc;
}

int llmobs_job_settle(struct llmobs_reading *reading, const char *status,
                      bool ended)
{
    struct llmobs_span *span = reading->span;
    struct llmobs_json *none;
    struct llmobs_buf text;
    bool calls = false;
    int rc = 0;

    /* Joins the model's texts. */
    llmobs_buf_init(&text, LLMOBS_VALUE_MAX);
    LLMOBS_JSON_EACH (message, span->output_messages, true) {
        const char *said = llmobs_json_gets(message, "content");

        calls = calls || llmobs_json_get(message, "tool_calls");
        if (rc < 0 || !said || !*said ||
            llmobs_json_says(message, "role", "reasoning"))
            continue;
        if (text.len > 0)
            rc = llmobs_buf_addc(&text, '\n');
        if (rc == 0)
            rc = llmobs_buf_adds(&text, said);
    }
    rc = rc == -EFBIG ? 0 : rc;
    if (rc == 0 && text.len > 0)
        rc = llmobs_span_set(&span->output_value, text.data);
    if (rc == 0 && !span->output_value && status)
        rc = llmobs_span_set(&span->output_value, status);
    llmobs_buf_fini(&text);
    /* A later request may bring the results of tools that the messages call. */
    if (calls)
        span->output_behind = span->output_messages;
    else
        llmobs_json_free(span->output_messages);
    span->output_messages = NULL;

    llmobs_fact_refused(span);
    if (rc == 0 && status)
        rc = llmobs_json_sets(span->metadata, "status", status);
    if (rc < 0)
        return rc;
    /* Counts of a job that goes on are not its final counts. */
    if (llmobs_json_len(span->metrics) == 0)
        return 0;
    none = llmobs_json_object();
    if (!none)
        return -ENOMEM;
    if (ended && span->job.id && !span->job.metrics)
        span->job.metrics = span->metrics;
    else
        llmobs_json_free(span->metrics);
    span->metrics = none;
    return 0;
}
