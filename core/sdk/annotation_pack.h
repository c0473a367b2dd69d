/* annotation_pack - packs a thread's annotation contexts into a text, which a
 * call through libcurl carries until its span is made (annotation_apply.h).
 *
 * Owns:    nothing; the caller owns the text.
 * Threads: about the calling thread.
 * Errors:  without memory the call has no annotations, or only some.
 * Limits:  those of thread_state.h.
 */
#ifndef LLMOBS_ANNOTATION_PACK_H
#define LLMOBS_ANNOTATION_PACK_H

/* Gives the text of an object {"name", "tags", "cost_tags", "prompt"} of the
 * thread's contexts, where an inner context wins over an outer one; NULL: the
 * thread has no context. */
char *llmobs_annotation_pack(void);

#endif
