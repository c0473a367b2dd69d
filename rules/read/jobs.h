/* jobs - calls that begin what the provider works on behind them, and those
 * that ask for it: a response in the background, an interaction, a prediction,
 * a run.
 *
 * Such a call ends before the tokens are known, and each call that asks for the
 * job afterwards finds them again. A dialect says which call is which;
 * core/links, which remembers earlier calls, says which span counts them.
 *
 * Owns:    nothing; the span owns what is set.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 */
#ifndef LLMOBS_READ_JOBS_H
#define LLMOBS_READ_JOBS_H

#include "core/span/span.h"

/* Notes that the call began the job `id`, which goes on. Nothing is noted where
 * the span has tokens, or the id is NULL or empty. */
int llmobs_job_begun(struct llmobs_span *span, const char *id);

/* Notes that the call asks for the job `id`, likewise. */
int llmobs_job_asked(struct llmobs_span *span, const char *id);

/* The job that the call asks for has ended, and the metrics of the span are the
 * job's: takes them out of the span, which may not be the one to count them. */
int llmobs_job_ended(struct llmobs_span *span);

#endif
