/* crash_point - a point at which a test can kill the process: there is one
 * before and after each change that the spool makes to the disk.
 *
 * In the product a crash point is empty. `make TEST=1` builds objects in which
 * each one counts, and the process dies at the one that the environment names
 * (tests/support/crash_point.c); likewise a reader of the calls that it names.
 */
#ifndef LLMOBS_CRASH_POINT_H
#define LLMOBS_CRASH_POINT_H

#include <sys/uio.h>

#include "lib/base/buf.h"

#ifdef LLMOBS_TEST
void llmobs_crash_point(const char *what);
/* A crash point before a write: the process may also die half-way through it.
 */
void llmobs_crash_point_write(const char *what, int fd,
                              const struct iovec *pieces, int count);
/* A crash point in the reading of a call of this dialect. */
void llmobs_crash_point_read(const char *dialect, struct llmobs_text request);
#else
static inline void llmobs_crash_point(const char *what)
{
    (void)what;
}

static inline void llmobs_crash_point_write(const char *what, int fd,
                                            const struct iovec *pieces,
                                            int count)
{
    (void)what;
    (void)fd;
    (void)pieces;
    (void)count;
}

static inline void llmobs_crash_point_read(const char *dialect,
                                           struct llmobs_text request)
{
    (void)dialect;
    (void)request;
}
#endif

#endif
