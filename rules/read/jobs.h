/* jobs - calls that begin what the provider works on behind them, and those
 * that ask for it: a response in the background, an interaction, a prediction,
 * a run.
 *
 * Such a call ends before the tokens are known, and each call that asks for the
 * job afterwards finds them again. A dialect says which call is which;
 * the linker, which remembers earlier calls, says which span counts them.
 *
 * A call that asks for a job is a task: its input is the job's id, its output
 * the model's text, or how far the job is.
 *
 * Owns:    nothing; the span owns what is set.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 */
#ifndef LLMOBS_READ_JOBS_H
#define LLMOBS_READ_JOBS_H

#include "rules/read/reading.h"

/* Notes that the call began the job `id`, which goes on. Nothing is noted where
 * the span has tokens, or the id is NULL or empty. */
int llmobs_job_begun(struct llmobs_span *span, const char *id);

/* Notes that the call asks for the job `id`; nothing where that is NULL or
 * empty. */
int llmobs_job_asks(struct llmobs_span *span, const char *id);

/* form->begin of a call that asks for a job: notes the id, which stands in the
 * place of the last star of the shape's path. It is the fact response_id, too,
 * for OpenTelemetry wants the id that was asked for, also where no answer has
 * it. */
int llmobs_job_asked(struct llmobs_reading *reading);

/* The end of reading such a call: makes the output messages of the span its
 * output, unless it has one, and takes the metrics out of it, which are the
 * job's, so that this span may not be the one to count them. `status`: how far
 * the job is, in the words of the API, or NULL; `ended`: it is at its end. */
int llmobs_job_settle(struct llmobs_reading *reading, const char *status,
                      bool ended);

#endif
