/* filter - whether a filter of system calls (seccomp) lets this library work.
 *
 * Threads: any. _hinders changes errno.
 * Errors:  a program that cannot be read, which the kernel refuses as well, and
 *          one that is longer than the kernel takes, hinder nothing.
 * Limits:  knows the numbers of calls and, of prctl, the first argument: what a
 *          filter makes of other arguments is not seen.
 */
#ifndef LLMOBS_FILTER_H
#define LLMOBS_FILTER_H

#include <stdbool.h>

/* True where the filter answers a call that the library may make otherwise than
 * by letting it pass or fail. `program`: the app's struct sock_fprog, which
 * need not be valid. */
bool llmobs_filter_hinders(const void *program);

/* The app has taken on such a filter: from here on, in this process and its
 * children, the library makes no call of the system: no capture begins, nothing
 * is given, kept, delivered, closed or logged. What the spool has goes to
 * another process, as after a kill. */
void llmobs_filter_be_still(void);
bool llmobs_filter_still(void);

#endif
