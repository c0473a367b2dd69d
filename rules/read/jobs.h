/* jobs - calls that begin a job, which the provider goes on with after the
 * call, and calls that ask for its result: a response in the background, an
 * interaction, a prediction, a run.
 *
 * The first call ends before the tokens are known, and each later call that
 * asks for the job is told the job's tokens. A dialect knows which call is
 * which; the linker, which remembers calls, decides which span counts the
 * tokens.
 *
 * A call that asks for a job is a task: its input is the job's id, its output
 * the model's text, or the job's state.
 *
 * Owns:    nothing; the span owns what is set.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 */
#ifndef LLMOBS_READ_JOBS_H
#define LLMOBS_READ_JOBS_H

#include "rules/read/reading.h"

/* Notes that the call began the job `id`, which goes on; `status`: how far it
 * is, for the metadata, or NULL. Notes nothing if the span has tokens, or the
 * id is NULL or empty. */
int llmobs_job_begun(struct llmobs_span *span, const char *id,
                     const char *status);

/* Notes that the answer has the result of the job `id`, or NULL. */
int llmobs_job_done(struct llmobs_span *span, const char *id);

/* Notes that the span may count the tokens even if nobody saw the job begin:
 * the call that began it had none, or was llmobs_job_done. `job` may say when
 * the job ended. */
void llmobs_job_alone(struct llmobs_span *span, const struct llmobs_json *job);

/* Notes the id by which llama.cpp's server keeps the call's stream: it goes on
 * where its client is gone, and later requests read it (tools/server/README.md,
 * "X-Conversation-Id"). Changes nothing where there is no such stream. */
int llmobs_job_streams(const struct llmobs_reading *reading);

/* Notes that the call asks for the job `id`; nothing if the id is NULL or
 * empty. */
int llmobs_job_asks(struct llmobs_span *span, const char *id);

/* form->begin of a call that asks for a job: notes the id, which stands in the
 * place of the last star of the shape's path. The id is also the fact
 * response_id, as OpenTelemetry wants the id that was asked for, even if no
 * answer has it. */
int llmobs_job_asked(struct llmobs_reading *reading);

/* Ends the reading of such a call: makes the output messages of the span its
 * output, unless it has an output, and takes the metrics out of the span. They
 * are the job's, and another span may be the one to count them. `status`: the
 * job's state, as the API names it, or NULL; `ended`: the job has ended. */
int llmobs_job_settle(struct llmobs_reading *reading, const char *status,
                      bool ended);

#endif
