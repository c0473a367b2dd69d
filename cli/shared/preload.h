/* preload - finds the library and the tool, and preloads the library into a
 * command.
 *
 * Threads: one: it reads the environment.
 * Errors:  -errno, see below.
 * Limits:  paths of PATH_MAX.
 */
#ifndef LLMOBS_PRELOAD_H
#define LLMOBS_PRELOAD_H

#include <limits.h>

#define LLMOBS_PRELOAD_NAME "libllmobs_preload.so"

struct llmobs_environment;

struct llmobs_preload {
    char library[PATH_MAX];
    char listed[PATH_MAX]; /* as LD_PRELOAD is to name it (shim/places) */
    char tool[PATH_MAX]; /* as users start it; not checked: it may be absent */
};

/* Notes the path of this program's file. Needed where the user started the
 * dynamic loader with this program as argument: the kernel then knows only the
 * loader's path. Borrows the path. */
void llmobs_preload_own(const char *path);

/* Finds the files in LLMOBS_BUILD, beside this program, or in its installation.
 * -ENOTDIR: LLMOBS_BUILD is no directory, -ESRCH: this program cannot find
 * itself, -ENOENT: `library`, which is filled, cannot be read, -EINVAL: the
 * loader would take its path for another. */
int llmobs_preload_find(struct llmobs_preload *preload);

/* Gives the path of the tool proper, of the same build or installation as this
 * program; it is not checked. */
int llmobs_preload_tool(char path[PATH_MAX]);

/* Gives the path of a file of that name that ships with the tool: in
 * LLMOBS_BUILD, beside this program, or in share/llmobs of its installation. */
int llmobs_preload_share(const char *name, char path[PATH_MAX]);

/* The words behind the path of one of these files that is missing: in an
 * installation, or an unpacked archive, nobody can build it. */
const char *llmobs_preload_remedy(const char *path);

/* Puts the library after the others in LD_PRELOAD, since an allocator or a
 * sanitizer must come first. Does nothing where the library is in the list
 * already, or is NULL. */
int llmobs_preload_join(struct llmobs_environment *environment,
                        const char *library);

/* Switches observing on, unless the environment says something about it. */
int llmobs_preload_enable(struct llmobs_environment *environment);

#endif
