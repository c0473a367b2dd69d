/* step - where a test can kill the process: before and after each thing that
 * the spool does to the disk.
 *
 * In the product there is nothing of it: only `make TEST=1` builds objects in
 * which llmobs_step counts, and dies where the environment says
 * (tests/support/step.c).
 */
#ifndef LLMOBS_STEP_H
#define LLMOBS_STEP_H

#include <sys/uio.h>

#ifdef LLMOBS_TEST
void llmobs_step(const char *what);
/* The same before a write, which may come half-way. */
void llmobs_step_write(const char *what, int fd, const struct iovec *pieces,
                       int count);
#else
static inline void llmobs_step(const char *what)
{
    (void)what;
}

static inline void llmobs_step_write(const char *what, int fd,
                                     const struct iovec *pieces, int count)
{
    (void)what;
    (void)fd;
    (void)pieces;
    (void)count;
}
#endif

#endif
