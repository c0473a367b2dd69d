/* Hooks of batches.api. */
#include <errno.h>
#include <stdlib.h>

#include "rules/read/hooks.h"
#include "rules/read/jobs.h"
#include "rules/read/values.h"
#include "rules/tables/interpreter.h"

/* Many servers have batches. */
bool llmobs_batch_asks(const struct llmobs_reading *reading)
{
    return llmobs_reading_has(reading, "input_file_id");
}

int llmobs_batch_results(struct llmobs_reading *reading)
{
    int rc = llmobs_interpreter_begin(reading);

    return rc < 0 ? rc : llmobs_job_asked(reading);
}

/* A line is the answer to one request; their counts stay words. */
int llmobs_batch_result(struct llmobs_reading *reading,
                        const struct llmobs_event *event)
{
    struct llmobs_interpreter *state = reading->state;
    char *line = llmobs_value_text(event->json);
    int rc = line ? 0 : -ENOMEM;

    if (rc == 0 && state->any)
        rc = llmobs_message_content_append(&state->text, "\n");
    if (rc == 0)
        rc = llmobs_message_content_append(&state->text, line);
    state->any = true;
    free(line);
    return rc;
}
