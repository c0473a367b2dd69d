#include "core/sdk/evaluation_submit.h"

#include <errno.h>
#include <string.h>

#include "lib/base/log.h"
#include "core/deliver/worker.h"

/* No event may be as long: `event_max` decides. */
#define TEXT_MAX ((size_t)1 << 31)

static const struct llmobs_config *config;
static struct llmobs_worker *worker;

void llmobs_evaluation_init(const struct llmobs_config *the_config,
                            struct llmobs_worker *the_worker)
{
    config = the_config;
    worker = the_worker;
}

int llmobs_evaluation_submit(const struct llmobs_evaluation *evaluation)
{
    struct llmobs_buf text;
    int rc, saved = errno;

    if (!worker)
        return -ENOTCONN;
    llmobs_buf_init(&text, TEXT_MAX);
    rc = llmobs_encode_evaluation(evaluation, config, &text);
    if (!rc)
        rc =
            llmobs_worker_give_event(worker, LLMOBS_EVENT_EVALUATION,
                                     (struct llmobs_text){text.data, text.len});
    llmobs_buf_fini(&text);
    if (rc)
        llmobs_log_once(LLMOBS_LOG_ERROR, "evaluation",
                        "an evaluation was not taken: %s", strerror(-rc));
    errno = saved;
    return rc;
}
