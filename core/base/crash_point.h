/* crash_point - where a test can kill the process: before and after each thing
 * that the spool does to the disk.
 *
 * In the product there is nothing of it: only `make TEST=1` builds objects in
 * which llmobs_crash_point counts, and dies where the environment says
 * (tests/support/crash_point.c).
 */
#ifndef LLMOBS_CRASH_POINT_H
#define LLMOBS_CRASH_POINT_H

#include <sys/uio.h>

#ifdef LLMOBS_TEST
void llmobs_crash_point(const char *what);
/* The same before a write, which may come half-way. */
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
