/* annotation_pack - what annotation contexts say of a call through libcurl,
 * from the thread that makes it to the span that is made of it later.
 *
 * Owns:    nothing; a text is its holder's.
 * Threads: about the calling thread.
 * Errors:  without memory a call has nothing said of it.
 * Limits:  those of thread_state.h.
 * Fork:    plain memory.
 */
#ifndef LLMOBS_ANNOTATION_PACK_H
#define LLMOBS_ANNOTATION_PACK_H

/* Gives the text of an object {"name", "tags", "prompt"} that holds what the
 * thread's contexts say, inner ones last; NULL: nothing. */
char *llmobs_annotation_pack(void);

#endif
