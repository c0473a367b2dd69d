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

/* Reports the objects that are certain by now. `last`: the process exits, so
 * an object that has not asked the loader for libcurl's functions never will; a
 * handle's end shows it for the functions that every call needs. True when this
 * process has counted an object here. */
bool llmobs_unseen_report(bool last);

#endif
