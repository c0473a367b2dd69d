/* responses_fetch - a stored response of OpenAI's Responses API that is fetched
 * or cancelled: a task, whose input is the response's id.
 *
 * Owns:    the form is constant; its state frees itself.
 * Threads: one reading at a time.
 * Errors:  -ENOMEM.
 * Limits:  those of responses_stream.h and values.h.
 *
 * Source:  the paths /responses/{response_id} and /responses/{response_id}/
 *          cancel of openai/openai-openapi; OpenTelemetry's gen_ai operation
 *          fetch_response, which has no usage.
 *
 * The tokens are those of the call that made the response. Where that ended
 * before they were known, they become the job's (jobs.h), once the
 * response has ended.
 */
#ifndef LLMOBS_RESPONSES_FETCH_H
#define LLMOBS_RESPONSES_FETCH_H

#include "rules/read/reading.h"

/* True for the status of a response that is not at its end. */
bool llmobs_responses_goes_on(const char *status);

extern const struct llmobs_form llmobs_form_openai_responses_fetch;

#endif
