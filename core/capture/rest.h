/* rest - the calls before and after which the shim wants the process without a
 * thread of the library (shim/alone.h).
 *
 * Threads: any; a call of each before and after what the program does. They
 *          preserve errno.
 * Errors:  none: where a thread does not end in time the program goes on.
 * Limits:  LLMOBS_REST_MS, once for the same threads, and as long again where
 *          the program's call has failed because of a thread of the library;
 *          LLMOBS_HURRY_MS more before a filter. A worker that is idle, or
 *          delivers to this host, needs a tenth of a millisecond to some.
 */
#ifndef LLMOBS_REST_H
#define LLMOBS_REST_H

#include <stdbool.h>

#include "include/engine.h"

#define LLMOBS_REST_MS 50
#define LLMOBS_HURRY_MS 25

struct llmobs_worker;

void llmobs_rest_init(struct llmobs_worker *worker);

/* Before the program takes on a sandbox, which may forbid system calls: sends
 * at once what waits, as far as it can, and holds the spool's file open.
 * `filter`: the program of a seccomp filter, or NULL; _HINDERED: this library
 * cannot work under that filter, as the log says. _NOT in a child that shares
 * its parent's memory (vfork): it has no thread of the library, and
 * the parent's stay.
 * After _NOT nobody calls the two functions below. */
enum llmobs_rest llmobs_rest_begin(enum llmobs_confined how,
                                   const void *filter);

/* Cuts the request that our thread waits for; true where the library has no
 * thread any more. Between begin and end. */
bool llmobs_rest_longer(void);

/* Goes on with what waits for delivery, if the process is not confined. _STILL:
 * the library makes no system call any more, and captures no call of the
 * program; the spool has the calls that were under way. */
void llmobs_rest_end(enum llmobs_confined how);

#endif
