/* library - finds the files of the libraries that a program's loader takes.
 *
 * Owns:    nothing.
 * Threads: one.
 * Errors:  -ENOENT; -ENOEXEC: the file is for another C library or machine.
 * Limits:  LLMOBS_LIBRARY_ANSWER bytes of the loader's answer, for which it has
 *          LLMOBS_LIBRARY_SECONDS.
 *
 * The loader itself lists them (--list, of glibc and musl), and runs no code of
 * theirs. It is asked only of a command, where the loader is root's and the
 * file is root's or this user's: it maps what it lists, and trusts that. Where
 * it may not be asked, or lists none, the usual directories are looked at.
 */
#ifndef LLMOBS_LIBRARY_H
#define LLMOBS_LIBRARY_H

#include "cli/doctor/object.h"
#include "lib/base/buf.h"

#define LLMOBS_LIBRARY_ANSWER (1u * 1024 * 1024)
#define LLMOBS_LIBRARY_SECONDS 10
/* Debian's name of this machine's folders. */
#if defined(__x86_64__)
#define LLMOBS_LIBRARY_TRIPLET "x86_64-linux-gnu"
#else
#define LLMOBS_LIBRARY_TRIPLET "aarch64-linux-gnu"
#endif

struct llmobs_library {
    int root;                           /* as of llmobs_object_at */
    struct llmobs_allowance *allowance; /* budget of all that is read; borrowed
                                         */
    const char *path;                   /* LD_LIBRARY_PATH, borrowed, or NULL */
    char loader[PATH_MAX];              /* that may be asked; "": none */
    bool musl;                          /* the program's loader is musl's */
};

/* Notes whether the loader of that path may be asked. */
void llmobs_library_set_loader(struct llmobs_library *library,
                               const char *loader);

/* Adds the loader's list for a file that is open, with a library that the file
 * opens later; NULL: none. Adds nothing where the loader may not be asked. */
void llmobs_library_list(const struct llmobs_library *library,
                         const struct llmobs_object *object, const char *path,
                         const char *later, struct llmobs_buf *list);

/* True where the loader says that it lacks a library: the program cannot start.
 * glibc's says so of the first, in the place of a list. */
bool llmobs_library_lacks(const struct llmobs_buf *list,
                          char name[LLMOBS_OBJECT_NAME]);

/* Finds a library in that list or, where it has none, in the usual directories.
 * Writes its path and opens it into `out`. */
int llmobs_library_find(const struct llmobs_library *library,
                        const struct llmobs_buf *list, const char *name,
                        char path[PATH_MAX], struct llmobs_object *out);

#endif
