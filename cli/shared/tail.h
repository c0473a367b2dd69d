/* tail - the trace of a span, read from the end of its line in the store.
 *
 * Threads: any.
 * Errors:  none; a line that the exporter has not written has no such end.
 *
 * The exporter sorts the keys, and trace_id is the last key of a span, behind
 * its tags; it is also the last key of feedback on a trace, behind a number. So
 * a store is searched for traces as fast as the ends of its lines are found.
 */
#ifndef LLMOBS_TAIL_H
#define LLMOBS_TAIL_H

#include "lib/base/buf.h"

/* The id of the trace; its data is NULL where only a parser can tell. */
struct llmobs_text llmobs_tail_trace(struct llmobs_text line);

#endif
