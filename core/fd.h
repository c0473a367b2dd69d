/* fd - descriptors that never stand where the app's standard streams may be:
 * an app that closed its stdout and prints must not write to a file of ours.
 *
 * Threads: any. Never fails: without another number the old one is closed.
 */
#ifndef LLMOBS_FD_H
#define LLMOBS_FD_H

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Takes `fd`, as open answered it; gives one above 2, or -1 with errno. */
static inline int llmobs_fd_lift(int fd)
{
    int lifted, saved;

    if (fd < 0 || fd > 2)
        return fd;
    lifted = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    saved = errno;
    close(fd);
    errno = saved;
    return lifted;
}

#endif
