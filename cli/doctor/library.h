/* library - finds the file that the loader would take for a library's name.
 *
 * Owns:    nothing but a copy of the loader's cache, from init to fini.
 * Threads: one.
 * Errors:  -ENOENT.
 * Limits:  LLMOBS_LIBRARY_CACHE bytes of /etc/ld.so.cache; none of a bigger
 *          one.
 *
 * A name with a slash is the path of the file. For others it looks in glibc's
 * order: RPATH of the needer and of those that brought it, LD_LIBRARY_PATH,
 * RUNPATH, the cache, the standard directories, in each first those for certain
 * processors (glibc-hwcaps), and passes over files of another class or machine.
 * For a program of musl the order is musl's: LD_LIBRARY_PATH, RUNPATH or RPATH
 * likewise, and the directories of /etc/ld-musl-ARCH.path or the standard ones;
 * an object that needs glibc is passed over. A name that is relative, or empty,
 * is meant from the working directory, of which nothing is known of a process.
 */
#ifndef LLMOBS_LIBRARY_H
#define LLMOBS_LIBRARY_H

#include "cli/doctor/object.h"
#include "lib/base/buf.h"

#define LLMOBS_LIBRARY_CACHE (16u * 1024 * 1024)
/* Debian's name of this machine's folders. */
#if defined(__x86_64__)
#define LLMOBS_LIBRARY_TRIPLET "x86_64-linux-gnu"
#else
#define LLMOBS_LIBRARY_TRIPLET "aarch64-linux-gnu"
#endif

/* An object that needs others, and what brought it. */
struct llmobs_needer {
    const struct llmobs_object *object;
    const char *path;
    const struct llmobs_needer *by; /* NULL: no object needs this one: it is the
                                     * program, or the program opens it */
};

struct llmobs_library {
    int root;                           /* as of llmobs_object_at */
    struct llmobs_allowance *allowance; /* budget of all that is read; borrowed
                                         */
    const char *path;                   /* LD_LIBRARY_PATH, borrowed, or NULL */
    char directory[PATH_MAX];           /* the working one; "": not known */
    struct llmobs_buf cache;            /* of glibc */
    struct llmobs_buf dirs;             /* of musl; "": the standard ones */
    bool musl;                          /* the program's loader is musl's */
};

void llmobs_library_init(struct llmobs_library *library, int root,
                         const char *path, struct llmobs_allowance *allowance);
void llmobs_library_fini(struct llmobs_library *library);

/* Finds the file that `by` gets for a name. Writes its path and opens it into
 * `out`. */
int llmobs_library_find(const struct llmobs_library *library,
                        const struct llmobs_needer *by, const char *name,
                        char path[PATH_MAX], struct llmobs_object *out);

#endif
