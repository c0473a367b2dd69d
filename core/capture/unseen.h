/* unseen - reports the objects that may call libcurl past the library
 * (engine.h): a log line and a count of each.
 *
 * Threads: any.
 * Errors:  none.
 * Fork:    a child does not report them again.
 */
#ifndef LLMOBS_UNSEEN_H
#define LLMOBS_UNSEEN_H

#include <stdbool.h>

#include "include/engine.h"

/* Called once, before all others. */
void llmobs_unseen_watch(const struct llmobs_wrappers *wrappers);

/* True where some object may call libcurl past the library. No system call. */
bool llmobs_unseen_any(void);

/* Reports the objects that certainly hide calls. An object that defines a
 * function of libcurl may still ask the loader for libcurl's own: until a
 * handle ends, for the functions that every call needs, and until the process
 * exits (`last`) for the others. */
void llmobs_unseen_report(bool last);

#endif
