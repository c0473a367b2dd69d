/* crash_point - a point at which a test can kill the process: there is one
 * before and after each change that the spool makes to the disk.
 *
 * In the product a crash point is empty. `make TEST=1` builds objects in which
 * each one counts, and the process dies at the one that the environment names
 * (tests/support/crash_point.c).
 */
#ifndef LLMOBS_CRASH_POINT_H
#define LLMOBS_CRASH_POINT_H

#include <sys/uio.h>

#ifdef LLMOBS_TEST
void llmobs_crash_point(const char *what);
/* A crash point before a write: the process may also die half-way through it.
 */
void llmobs_crash_point_write(const char *what, int fd,
                              const struct iovec *pieces, int count);
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
#endif

#endif
