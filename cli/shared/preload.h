/* preload - where our library and tool are, and what a command gets of them.
 *
 * Owns:    nothing.
 * Threads: one: it reads the environment.
 * Errors:  -errno, see below.
 * Limits:  paths of PATH_MAX.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_PRELOAD_H
#define LLMOBS_PRELOAD_H

#include <limits.h>

#define LLMOBS_PRELOAD_NAME "libllmobs_preload.so"

struct llmobs_environment;

struct llmobs_preload {
    char library[PATH_MAX];
    char tool[PATH_MAX]; /* whether it is there is not looked at */
};

/* LLMOBS_BUILD, or what lies beside this program or was installed with it.
 * -ENOTDIR: LLMOBS_BUILD is no directory, -ESRCH: this program cannot find
 * itself, -ENOENT: `library`, which is filled, cannot be read, -EINVAL: the
 * loader would take its path for another. */
int llmobs_preload_find(struct llmobs_preload *preload);

/* Puts the library behind what LD_PRELOAD has: an allocator or a sanitizer must
 * come first. Nothing to do for one that is there, or for NULL. */
int llmobs_preload_join(struct llmobs_environment *environment,
                        const char *library);

/* Switches observing on, where nobody has said anything about it. */
int llmobs_preload_enable(struct llmobs_environment *environment);

#endif
