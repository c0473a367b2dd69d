/* guard - notes which entry of the spool a reader dies of (core/log/try.h).
 *
 * A fault or an abort of the process's own counts, and a stack that overflows.
 * A signal that another process sends, and a kill, do not.
 *
 * Threads: one, before others run.
 */
#ifndef LLMOBS_GUARD_H
#define LLMOBS_GUARD_H

#include <stdbool.h>

/* Sets handlers for the rest of the process's life. */
void llmobs_guard_begin(void);

/* True where a process of this status, from waitpid, has died of such a
 * signal. */
bool llmobs_guard_fell(int status);

#endif
