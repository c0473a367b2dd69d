/* annotation_apply - puts the annotations of a call on the span that is made of
 * it.
 *
 * The thread that makes the call packs them into a text (thread_state.h);
 * the worker applies that text here.
 *
 * Owns:    nothing.
 * Threads: any.
 * Errors:  without memory the span is left as it was, or annotated in part.
 */
#ifndef LLMOBS_ANNOTATION_APPLY_H
#define LLMOBS_ANNOTATION_APPLY_H

#include "lib/span/span.h"

/* Applies the text of an object {"name", "tags", "cost_tags", "prompt"} to a
 * span; NULL, or a text of another form, changes nothing. */
void llmobs_annotation_apply(const char *packed, struct llmobs_span *span);

#endif
