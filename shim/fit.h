/* fit - whether the loader can load the core here, and the program can spare
 * the memory.
 *
 * Owns:    nothing but buffers.
 * Threads: only the one that loads the core.
 * Errors:  a file that is not understood fits where the loader can refuse it
 *          without harm: from glibc 2.18 on.
 * Limits:  LLMOBS_FIT_SEGMENTS segments.
 * Fork:    constant.
 *
 * Trying can hurt: glibc 2.17, refused a version, leaves its loader in the
 * middle of a change, and ends the process at the next dlopen of anybody. So
 * the versions that the file needs are read from it first, and looked for in
 * what is loaded; of one that is not, nor a part of glibc, nothing is known.
 * The file is read and not mapped: it may be cut short meanwhile.
 */
#ifndef LLMOBS_FIT_H
#define LLMOBS_FIT_H

#include <stdbool.h>

#define LLMOBS_FIT_SEGMENTS 16
/* Bytes that the process's own limits of memory must leave: what the core takes
 * would be missing to the program. */
#define LLMOBS_FIT_ROOM (32 << 20)

/* True where the limits of memory leave room for the core, and the file's
 * versions are there. */
bool llmobs_fit(const char *path);

#endif
