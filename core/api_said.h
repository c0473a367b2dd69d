/* api_said - what annotation contexts say of a call through libcurl, from the
 * thread that makes it to the span that is made of it later.
 *
 * Owns:    nothing; a text is its holder's.
 * Threads: said: about the calling thread; say: any.
 * Errors:  without memory a call has nothing said of it.
 * Limits:  those of api_thread.h.
 * Fork:    plain memory.
 */
#ifndef LLMOBS_API_SAID_H
#define LLMOBS_API_SAID_H

#include "core/span.h"

/* Gives the text of an object {"name", "tags", "prompt"} that holds what the
 * thread's contexts say, inner ones last; NULL: nothing. */
char *llmobs_api_said(void);

/* Says it of a span; NULL and what is no such text: nothing. */
void llmobs_api_say(const char *said, struct llmobs_span *span);

#endif
