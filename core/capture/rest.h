/* rest - ends the library's threads before a call of the program that a process
 * of one thread alone may make, or that concerns its own thread alone, and lets
 * them start again after it (shim/alone.h says which calls).
 *
 * Threads: any; begin and end are called before and after the program's call.
 *          They preserve errno.
 * Errors:  none: if a thread does not end in time, the program continues.
 * Limits:  LLMOBS_REST_MS, once for the same threads, and as long again where
 *          the program's call has failed because of a thread of the library;
 *          LLMOBS_HURRY_MS more before a filter. A worker that is idle, or
 *          delivers to this host, needs some tenths of a millisecond.
 */
#ifndef LLMOBS_REST_H
#define LLMOBS_REST_H

#include <stdbool.h>

#include "include/engine.h"

#define LLMOBS_REST_MS 50
#define LLMOBS_HURRY_MS 25

struct llmobs_worker;

void llmobs_rest_init(struct llmobs_worker *worker);

/* Called before the program enters a sandbox, which may forbid system calls.
 * Sends at once as much as it can of what waits, and holds the spool's file
 * open. `filter`: the program of a seccomp filter, or NULL; _HINDERED: this
 * library cannot work under that filter, as the log says. _NOT in a child that
 * shares its parent's memory (vfork): it has no thread of the library, and the
 * parent's stay. After _NOT nobody calls the two functions below. */
enum llmobs_rest llmobs_rest_begin(enum llmobs_confined how,
                                   const void *filter);

/* Ends the request that a thread of the library waits for. True where the
 * library has no thread then. Called between begin and end. */
bool llmobs_rest_longer(void);

/* Goes on with what waits for delivery, if the process is not confined. _STILL:
 * the library makes no system call any more, and captures no call of the
 * program; the spool has the calls that were under way. */
void llmobs_rest_end(enum llmobs_confined how);

/* Called by a thread that is about to end by pthread_exit. */
void llmobs_rest_leaves(void);

#endif
