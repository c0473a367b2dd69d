#include "rules/read/jobs.h"

#include <errno.h>

static bool has_tokens(const struct llmobs_span *span)
{
    static const char *const keys[] = {"input_tokens", "output_tokens",
                                       "total_tokens"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (llmobs_json_to_int(llmobs_json_get(span->metrics, keys[i])) > 0)
            return true;
    return false;
}

static int note(struct llmobs_span *span, enum llmobs_job_part part,
                const char *id)
{
    int rc = id && *id ? llmobs_span_set(&span->job.id, id) : 0;

    if (rc == 0 && span->job.id)
        span->job.part = part;
    return rc;
}

int llmobs_job_begun(struct llmobs_span *span, const char *id)
{
    return has_tokens(span) ? 0 : note(span, LLMOBS_JOB_BEGUN, id);
}

int llmobs_job_asked(struct llmobs_span *span, const char *id)
{
    return note(span, LLMOBS_JOB_ASKED, id);
}

int llmobs_job_ended(struct llmobs_span *span)
{
    struct llmobs_json *none;

    if (llmobs_json_len(span->metrics) == 0)
        return 0;
    none = llmobs_json_object();
    if (!none)
        return -ENOMEM;
    llmobs_json_free(span->job.metrics);
    span->job.metrics = span->metrics;
    span->metrics = none;
    return 0;
}
