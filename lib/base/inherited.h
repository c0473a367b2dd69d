/* inherited - resets the properties that a thread of ours inherits from the
 * thread that made it and must not keep, since the app would notice.
 *
 * Threads: the new thread, about itself.
 * Errors:  none: a property that cannot be changed stays.
 *
 * A real-time policy would make the app's own threads wait for ours; a
 * priority, or processors that one thread of the app has for itself, were not
 * meant for ours either. The first thread of the process has the values that
 * were meant for all. Under a filter of system calls the thread reads /proc, as
 * it does anyway, and makes a call of another kind only where there is
 * something to change.
 */
#ifndef LLMOBS_INHERITED_H
#define LLMOBS_INHERITED_H

void llmobs_inherited_drop(void);

#endif
