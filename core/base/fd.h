/* fd - files of ours, on descriptors that stay out of the app's way.
 *
 * None ever stands where the app's standard streams may be: an app that closed
 * its stdout and prints must not write to a file of ours. What a thread of ours
 * opens stands high besides: an app that closes all descriptors and opens its
 * own gets low numbers, which we must neither use nor close then; and it counts
 * on the lowest number being free. A number that the app took between two steps
 * is known by what it stands for; in the last step, between that look and the
 * close, it is not.
 *
 * Nor does any take the last that the app may open: each is asked for first,
 * and refused where too few would be left.
 *
 * Threads: any. Errors: errno, as of open; EMFILE as well where too few are
 * left.
 */
#ifndef LLMOBS_FD_H
#define LLMOBS_FD_H

#include <dirent.h>
#include <stdbool.h>

/* Above what programs count on, and below 64: a number beyond the table of
 * descriptors makes it grow, and in a process with threads the kernel waits up
 * to 30 ms for that; hence on threads of ours only. */
#define LLMOBS_FD_HIGH 40

/* To be called by a thread of ours before it opens anything. */
void llmobs_fd_thread_of_ours(void);

/* To be called by a thread of ours where none of the app is left: it may take
 * the last descriptors. */
void llmobs_fd_alone(void);

/* From now on the process is an app's, which needs its last descriptors; when
 * it is ending, the thread that ends it may take them. */
void llmobs_fd_guest(bool ending);

/* True where `count` more would leave the app enough: a look of some
 * microseconds, for what is opened right after it. */
bool llmobs_fd_spare(int count);

/* As openat, for us alone (0600) where it makes a file, closed on exec: gives a
 * descriptor above 2, on a thread of ours one from LLMOBS_FD_HIGH on where
 * there are such; or -1. EBADF: the app closed it again and again. */
int llmobs_fd_open(int dir, const char *name, int flags);

/* To be called by the tool, before it has a thread: it opens files by names
 * that others chose, as root. From then on llmobs_fd_open opens regular files
 * and directories alone, EINVAL for all else: to open a device is enough for it
 * to do something. It costs three system calls more. */
void llmobs_fd_files_only(void);

/* Borrows `look`, opened by O_PATH; gives a descriptor of the same file, opened
 * with `flags`, or -1 with errno: EINVAL where it is neither a regular file nor
 * a directory, ENOENT where there is no /proc. */
int llmobs_fd_reopen(int look, int flags);

/* Takes `fd`, of a directory opened for reading, or -1 with errno; gives its
 * entries, for closedir, or NULL with errno. */
DIR *llmobs_fd_list(int fd);

/* Takes `fd`, a socket just made; gives one from LLMOBS_FD_HIGH on, or above 2
 * where there are no such; or -1. EBADF: the app closed it. A socket that the
 * app made in its place meanwhile is not told from it. */
int llmobs_fd_lift(int fd);

#endif
