/* filter - whether a filter of system calls (seccomp) lets this library work.
 *
 * Threads: any.
 * Errors:  a program that the kernel refuses, as it cannot be read or is too
 *          long, hinders nothing.
 * Limits:  knows the numbers of calls and the first argument of prctl: a filter
 *          that judges other arguments is not seen through.
 */
#ifndef LLMOBS_FILTER_H
#define LLMOBS_FILTER_H

#include <stdbool.h>

/* True where the filter answers a call of the library in another way than to
 * let it pass or fail, such as by a kill. `program`: the app's struct
 * sock_fprog, which need not be valid. */
bool llmobs_filter_hinders(const void *program);

/* The app has installed such a filter. From here on, in this process and its
 * children, the library makes no system call: no capture begins, nothing is
 * given, kept, delivered, closed or logged. Another process takes over the
 * calls in the spool, as after a kill. */
void llmobs_filter_be_still(void);
bool llmobs_filter_still(void);

#endif
