/* fit - decides whether the loader can load the core in this process, and
 * whether the process's limits leave memory for it.
 *
 * Owns:    static buffers.
 * Threads: only the one that loads the core.
 * Errors:  a file that cannot be understood fits from glibc 2.18 on, where the
 *          loader can refuse it without harm.
 * Limits:  LLMOBS_FIT_SEGMENTS segments.
 *
 * Just trying can do harm: where a version is missing, the loader of glibc 2.17
 * stops in the middle of a change, and the next dlopen of any object ends the
 * process. So the shim first reads the needed versions from the file and looks
 * for them in the loaded objects. Of a file that is neither loaded nor a part
 * of glibc the answer is unknown. The file is read and not mapped, since it may
 * be truncated meanwhile.
 */
#ifndef LLMOBS_FIT_H
#define LLMOBS_FIT_H

#include <stdbool.h>

#define LLMOBS_FIT_SEGMENTS 16
/* Bytes that the process's own limits of memory must leave free, so that the
 * program does not lack the memory which the core takes. */
#define LLMOBS_FIT_ROOM (32 << 20)

/* True where the limits of memory leave enough for the core, the file is not
 * cut short, and the versions that it needs exist. */
bool llmobs_fit(const char *path);

#endif
