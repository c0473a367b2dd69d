/* Submits an evaluation to the worker. */
#include "core/sdk/evaluation_submit.h"

#include <errno.h>
#include <string.h>

#include "lib/base/log.h"
#include "core/deliver/worker.h"
#include "core/sdk/exported.h"

/* No event reaches this length, because `event_max` is smaller. */
#define TEXT_MAX ((size_t)1 << 31)

static const struct llmobs_config *config;
static struct llmobs_worker *worker;

void llmobs_evaluation_init(const struct llmobs_config *the_config,
                            struct llmobs_worker *the_worker)
{
    config = the_config;
    worker = the_worker;
}

/* The trace in the span's traceparent; NULL: this process does not know it. */
static const char *apm_trace_of(const struct llmobs_evaluation *evaluation,
                                char room[LLMOBS_TRACE_HEX_LEN + 1])
{
    const char *text = evaluation->span_id;
    struct llmobs_id128 trace;
    uint64_t id;

    if (evaluation->apm_trace_id || !text ||
        !llmobs_id128_parse_decimal64(
            (struct llmobs_text){text, strnlen(text, 24)}, &id) ||
        !llmobs_exported_trace(id, &trace))
        return evaluation->apm_trace_id;
    llmobs_id128_hex(trace, room);
    return room;
}

int llmobs_evaluation_submit(const struct llmobs_evaluation *evaluation)
{
    struct llmobs_evaluation known = *evaluation;
    char trace[LLMOBS_TRACE_HEX_LEN + 1];
    struct llmobs_buf text;
    int rc, saved = errno;

    if (!worker)
        return -ENOTCONN;
    known.apm_trace_id = apm_trace_of(evaluation, trace);
    llmobs_buf_init(&text, TEXT_MAX);
    rc = llmobs_encode_evaluation(&known, config, &text);
    if (!rc)
        rc = llmobs_worker_submit_event(worker, LLMOBS_EVENT_EVALUATION,
                                        llmobs_buf_text(&text));
    llmobs_buf_fini(&text);
    if (rc)
        llmobs_log_once(LLMOBS_LOG_ERROR, "evaluation",
                        "an evaluation was not taken: %s", strerror(-rc));
    errno = saved;
    return rc;
}
