/* serving - the request that a thread serves, as its server's library shows it
 * (engine.h).
 *
 * Owns:    what thread_state.h keeps of it.
 * Threads: each function is about the calling thread.
 * Errors:  none: a request that cannot be kept is served without a context.
 * Fork:    the child's one thread serves the request of the thread that forked.
 *
 * A handler may leave by a longjmp or by an exception, past the frame that
 * called it. Its request is ended when the thread's next request begins, or
 * when the thread asks for its context.
 *
 * A request's span (LLMOBS_ENTRY) begins when the request did and ends with it.
 */
#ifndef LLMOBS_SERVING_H
#define LLMOBS_SERVING_H

#include "include/engine.h"

/* To be called once, before the other functions. `entry`: LLMOBS_ENTRY or NULL,
 * borrowed for ever. */
void llmobs_serving_init(const char *entry);

/* _begin: the thread begins to serve a request; the values are borrowed until
 * the call returns. _end: ends the request with that key, if the thread has it,
 * and each request that it began to serve since. */
void llmobs_serving_begin(const struct llmobs_served *served);
void llmobs_serving_end(const void *key);

/* Ends each request whose handler does not run any more. Then begins the span
 * of the newest request, if it shall have one. A request gets its span only
 * when it asks for something, since a library may call a handler several times
 * for it, or ask several handlers which of them serves it. */
void llmobs_serving_settle(void);

#endif
