/* facts - what a dialect knows of a call, but Datadog's event has no place for
 * (WIRE 9.1): models, ids, reasons to stop, settings, under names that no
 * provider owns.
 *
 * The reader notes what all APIs have under the same keys. A dialect notes the
 * rest by these functions, or by llmobs_span_fact itself.
 *
 * Owns:    nothing.
 * Threads: any; no state.
 * Errors:  none: a fact is a detail, which is left out without memory; but
 *          -ENOMEM of _session, without the path's segment.
 * Limits:  those of span.h; LLMOBS_FACT_EVENTS events of a stream are
 *          searched for the answer's id and model.
 */
#ifndef LLMOBS_READ_FACTS_H
#define LLMOBS_READ_FACTS_H

#include "rules/read/reading.h"

#define LLMOBS_FACT_EVENTS 16

/* Notes the model that was asked for, if the path names it and not the body.
 * The reader itself looks at the body's "model", then at Azure's deployment. */
void llmobs_fact_asked(struct llmobs_reading *reading, const char *model);

/* Notes the id of a conversation, which is the path's segment that is `back`
 * places before its last. */
int llmobs_fact_session(struct llmobs_reading *reading, size_t back);

/* The reader calls these. _request notes the settings of reading->request. */
void llmobs_fact_request(struct llmobs_reading *reading);

/* Notes id, model and tier of an answer, who served it, how long that took, and
 * what a filter stopped. The first id and model stay, and the last of the
 * others. `body` may be NULL. */
void llmobs_fact_answer(struct llmobs_reading *reading,
                        const struct llmobs_json *body);

/* Like llmobs_fact_answer, but for an event of a stream: id, model and tier
 * while one is missing. */
void llmobs_fact_event(struct llmobs_reading *reading,
                       const struct llmobs_event *event);

/* Like llmobs_fact_answer, but for an answer whose middle is missing. */
void llmobs_fact_ends(struct llmobs_reading *reading);

/* Called when all is read: the tier that served, what the gateway's headers
 * say, no counts that are none. */
void llmobs_fact_end(struct llmobs_reading *reading);

/* Notes why the next choice of the answer ended, as APIs name it. NULL or "":
 * no reason came, which is an error. A reason that means a failure is the
 * span's error_type, if the answer tells no other error (reader.c). */
void llmobs_fact_finish(struct llmobs_span *span, const char *reason);

/* The call was refused: no choice has ended for a reason. */
void llmobs_fact_refused(struct llmobs_span *span);

/* Drops all facts except the word for the error. */
void llmobs_fact_drop(struct llmobs_span *span);

/* Notes that the input messages so far are system texts that the API has apart
 * from the messages. */
void llmobs_fact_apart(struct llmobs_span *span);

#endif
