/* stored - the facts of an event as the store has it.
 *
 * Owns:    nothing; what a function gives is borrowed from the event or from
 *          the caller's room.
 * Threads: any.
 * Errors:  NULL where the event has no such fact.
 */
#ifndef LLMOBS_STORED_H
#define LLMOBS_STORED_H

#include "lib/text/json.h"

/* Room for a text that is made of an event; longer ones are cut. */
#define LLMOBS_STORED_ROOM 2112

/* The event's kind, such as "llm". Reads both forms of the field (WIRE 1.4). */
const char *llmobs_stored_kind(const struct llmobs_json *event);

/* The value of the tag `key`. */
const char *llmobs_stored_tag(const struct llmobs_json *event, const char *key);

/* The session, a member of the event or a tag. */
const char *llmobs_stored_session(const struct llmobs_json *event);

/* The fact `name` of the call (WIRE 9.1). */
const struct llmobs_json *llmobs_stored_call(const struct llmobs_json *event,
                                             const char *name);

/* The model that was asked for, where no other is known the one that answered:
 * calls that failed have no other, and would be groups of their own. A span
 * that is billed beside the calls may have it in its metadata; a task that only
 * asked for a job has the job's model there, which is not the task's. */
const char *llmobs_stored_model(const struct llmobs_json *event);

/* The model that answered, as the answer names it. */
const char *llmobs_stored_response_model(const struct llmobs_json *event);

/* True for a span that is no call of a model, but that alone has its tokens or
 * its cost. A workflow never is: it stands around calls, or for a call that a
 * gateway makes. */
bool llmobs_stored_billed(const struct llmobs_json *event);

/* The code that made the call: an object of metadata. */
const struct llmobs_json *llmobs_stored_caller(const struct llmobs_json *event);

/* The path of the script that runs. */
const char *llmobs_stored_script(const struct llmobs_json *event);

/* The outermost of the runs that stand in one another. NULL also where a
 * pattern of LLMOBS_REDACT has replaced the id, as no run can then be told from
 * another. */
const char *llmobs_stored_run(const struct llmobs_json *event,
                              char room[LLMOBS_STORED_ROOM]);

/* The longer end of a path behind `end`, or its last member where `end` is
 * NULL; NULL: `end` is the whole path. */
const char *llmobs_stored_path_end(const char *path, const char *end);

#endif
