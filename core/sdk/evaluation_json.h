/* evaluation_json - an evaluation, or a user's feedback, that a script
 * describes in JSON.
 *
 * Owns:    nothing.
 * Threads: any, after llmobs_evaluation_init and llmobs_own_span_init.
 * Errors:  -EINVAL: not a valid evaluation, and the log says why; the errors of
 *          llmobs_evaluation_submit; LLMOBS_OWN_SPAN_OFF: nothing is observed.
 */
#ifndef LLMOBS_EVALUATION_JSON_H
#define LLMOBS_EVALUATION_JSON_H

#include "lib/text/json.h"

/* Submits an evaluation: {"label", "value": TEXT, NUMBER, true, false or
 * OBJECT, "assessment", "reasoning", "metadata", "tags": {KEY: TEXT}, "ml_app",
 * "timestamp_ms"}. Its span is named by "span_id" and "trace_id", or by
 * "tag_key" and "tag_value"; else it is this thread's current span. With
 * "scope": "trace" the evaluation is about the span's whole trace. With
 * "submitter_id" and "submitter_type" it is feedback, on the object that
 * "span_id", "trace_id", "session_id" or "join_key" names, else on the current
 * span. Borrows the object. */
int llmobs_evaluation_submit_json(const struct llmobs_json *what);

#endif
