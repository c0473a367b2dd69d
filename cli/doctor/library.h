/* library - finds the file that the loader would take for a library's name.
 *
 * Owns:    nothing but a copy of the loader's cache, from init to fini.
 * Threads: one.
 * Errors:  -ENOENT.
 * Limits:  LLMOBS_LIBRARY_CACHE bytes of /etc/ld.so.cache; none of a bigger
 *          one.
 *
 * It looks in glibc's order: RPATH, LD_LIBRARY_PATH, RUNPATH, the cache, the
 * standard directories, and passes over files of another class or machine. It
 * does not look at the directories for certain processors (glibc-hwcaps). For a
 * program of musl the order is musl's: LD_LIBRARY_PATH, RUNPATH or RPATH, also
 * the program's, and the directories of /etc/ld-musl-ARCH.path or the standard
 * ones; an object that needs glibc is passed over.
 */
#ifndef LLMOBS_LIBRARY_H
#define LLMOBS_LIBRARY_H

#include "cli/doctor/object.h"
#include "core/base/buf.h"

#define LLMOBS_LIBRARY_CACHE (16u * 1024 * 1024)

struct llmobs_library {
    int root;                           /* as of llmobs_object_at */
    struct llmobs_allowance *allowance; /* budget of all that is read; borrowed
                                         */
    const char *path;                   /* LD_LIBRARY_PATH, borrowed, or NULL */
    struct llmobs_buf cache;            /* of glibc */
    struct llmobs_buf dirs;             /* of musl; "": the standard ones */
    bool musl;                          /* the program's loader is musl's */
};

void llmobs_library_init(struct llmobs_library *library, int root,
                         const char *path, struct llmobs_allowance *allowance);
void llmobs_library_fini(struct llmobs_library *library);

/* Finds the file that `by`, the object at `by_path`, gets for a name; the RPATH
 * of `program` counts too. Writes its path and opens it into `out`. */
int llmobs_library_find(const struct llmobs_library *library,
                        const struct llmobs_object *program,
                        const char *program_path,
                        const struct llmobs_object *by, const char *by_path,
                        const char *name, char path[PATH_MAX],
                        struct llmobs_object *out);

#endif
