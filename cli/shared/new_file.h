/* new_file - a file that gets its name when it is whole, so that a reader finds
 * the last one or this one, and no half.
 *
 * Owns:    the unfinished file, beside the other; an error, and a signal that
 *          ends the process, remove it.
 * Threads: one; one file at a time.
 * Errors:  negative errno, also that of `write`; a file of the name stays then.
 */
#ifndef LLMOBS_NEW_FILE_H
#define LLMOBS_NEW_FILE_H

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* Writes the text; 0, or -errno. */
typedef int llmobs_new_file_fn(void *ctx, FILE *out);

/* Makes the file `path`, or replaces it, with the rights `mode` less the umask.
 * -EEXIST: `path` is a link, a directory or a device; -EPERM: a link on the way
 * belongs neither to this user nor to root. */
int llmobs_new_file(const char *path, mode_t mode, llmobs_new_file_fn *write,
                    void *ctx);

/* The bytes that the disk of this path has for this user; UINT64_MAX where it
 * does not say. */
uint64_t llmobs_new_file_room(const char *path);

/* 0 where this user can make files in a directory, which may be missing itself;
 * else an errno. */
int llmobs_new_file_why_not(const char *path);

/* Prints to stdout; 0, or -errno. */
typedef int llmobs_new_file_print(void *ctx);

/* The same with what `print` prints: stdout is the file meanwhile. */
int llmobs_new_file_of_stdout(const char *path, mode_t mode,
                              llmobs_new_file_print *print, void *ctx);

/* Tells why there is no file, unless rc is 0 or -ECANCELED, which it returns;
 * else -ECANCELED. */
int llmobs_new_file_tell(const char *command, const char *path, int rc);

#endif
