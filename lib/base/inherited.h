/* inherited - what a thread of ours has from the thread that made it, and must
 * not keep: the app would notice it.
 *
 * Threads: the new thread, about itself.
 * Errors:  none: what cannot be changed stays.
 *
 * A real-time policy would make the app's own threads wait for ours; a
 * priority, or processors that one thread of the app has for itself, were not
 * meant for ours either. The process's first thread says what was meant for
 * all. Under a filter of system calls the thread reads /proc, as it does
 * anyway, and makes a call of another kind only where there is something to
 * change.
 */
#ifndef LLMOBS_INHERITED_H
#define LLMOBS_INHERITED_H

void llmobs_inherited_drop(void);

#endif
