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

/* Tells of what is certain by now. `last`: the process exits, so that an object
 * which has not asked the loader for libcurl's functions never will. A handle's
 * end says so of the functions without which it makes no call. True when
 * this process has counted something here. */
bool llmobs_unseen_tell(bool last);

#endif
