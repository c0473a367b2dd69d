/* fd - opens this library's files on descriptors that stay out of the app's
 * way.
 *
 * No descriptor is one of the standard numbers 0 to 2: an app that closed its
 * stdout and still prints must not write to a file of the library. On a thread
 * of the library (thread.h) a descriptor gets a high number besides. An app
 * that closes all descriptors and opens its own files gets low numbers, which
 * the library must not use or close any more; and an app may rely on the lowest
 * number being free. Before each step the library looks whether the number
 * still stands for its own file, as the app may have taken it in between. One
 * gap remains: between the last look and the close.
 *
 * Nor does the library take the last descriptors that the app may open: it
 * counts the free ones first, and opens nothing where too few would be left.
 *
 * Threads: any. Errors: errno, as of open; also EMFILE where too few are left.
 */
#ifndef LLMOBS_FD_H
#define LLMOBS_FD_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Above the numbers that programs rely on, and below 64: a number beyond the
 * kernel's table of descriptors makes the table grow. In a process with several
 * threads the kernel waits up to 30 ms for that, so only the library's threads
 * use high numbers. */
#define LLMOBS_FD_HIGH 40

/* Each thread of the library calls _begins before it opens a file, and _ends as
 * it ends: a later thread of the app may have the same address. */
void llmobs_fd_thread_begins(void);
void llmobs_fd_thread_ends(void);

/* A thread of the library calls this function when the app has no thread any
 * more. From then on the library may take also the descriptors that it leaves
 * free for a running app. */
void llmobs_fd_alone(void);

/* Says that the process is an app's, which needs its last descriptors; once it
 * is ending, the thread that ends it may take them. */
void llmobs_fd_guest(bool ending);

/* True where `count` more descriptors would leave the app enough. Takes a
 * microsecond once in a millisecond; the answer holds for descriptors opened
 * right after it. */
bool llmobs_fd_spare(int count);

/* Like openat. Only the owner may read a new file (0600). Gives a descriptor
 * that is closed on exec and above 2; on a thread of the library it is at least
 * LLMOBS_FD_HIGH where such a number is free. -1 on failure; EBADF: the app
 * closed it at each try. */
int llmobs_fd_open(int dir, const char *name, int flags);

/* True for /dev/null, by custom the name of an empty file. */
static inline bool llmobs_fd_is_null(const struct stat *file)
{
    return S_ISCHR(file->st_mode) && file->st_rdev == makedev(1, 3);
}

/* The llmobs command calls it before it has a second thread, as it may run as
 * root and open files by names that other users chose. From then on
 * llmobs_fd_open opens regular files, directories and /dev/null alone, and
 * answers EINVAL for all else: a device may act when it is opened. Costs three
 * more system calls. */
void llmobs_fd_files_only(void);

/* Borrows `look`, opened by O_PATH; gives a descriptor of the same file, opened
 * with `flags`, or -1 with errno: EINVAL where it is none of regular file,
 * directory and /dev/null, ENOENT where there is no /proc. */
int llmobs_fd_reopen(int look, int flags);

/* Where `fd` still stands for `file`, which _is_still tells: _copy gives a
 * copy, `high` from LLMOBS_FD_HIGH on, and _close closes `fd`. The program may
 * have taken the number for a file of its own: that file stays open, and the
 * copy is -1. */
bool llmobs_fd_is_still(int fd, const struct stat *file);
int llmobs_fd_copy(int fd, const struct stat *file, bool high);
void llmobs_fd_close(int fd, const struct stat *file);

/* Takes `fd`, a socket just made; gives its copy from LLMOBS_FD_HIGH on, or
 * above 2 where no such number is free; or -1. EBADF: the app closed the
 * socket. Where the app closed it and got the number for a socket of its own,
 * this function cannot tell the two sockets apart. */
int llmobs_fd_lift(int fd);

#endif
