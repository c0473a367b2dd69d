/* patch - writes the addresses of thunks into one object's slots.
 *
 * Threads: under the scan's lock and the loader's (a dl_iterate_phdr callback).
 *          Each slot is written once, atomically; other threads may be calling
 *          through it.
 * Errors:  a slot that cannot be written stays as it is.
 *
 * Only words that hold the address of a function are written, never code.
 */
#ifndef LLMOBS_PATCH_H
#define LLMOBS_PATCH_H

#include "shim/copies.h"

struct llmobs_patch {
    bool program;     /* the object is the program itself */
    bool late;        /* loaded after the start of the program */
    bool constructed; /* loaded at the start; constructors may have run */
    bool named;       /* its hash table has a name of libcurl's or of a TLS
                       * library's, or it has no such table */
    llmobs_hook_set foreign; /* bits of the hooks that another object defines,
                              * to which the loader may bind an unbound slot */
    size_t start; /* the number of objects that came with the program */
    void *(*find_export)(const char *name); /* llmobs_dl_find */
};

/* Writes thunks for the addresses of hooked functions among the variables that
 * the program has from its libraries by COPY relocations: the loader copied
 * their values before a scan. */
void llmobs_patch_copied(const struct llmobs_elf *program,
                         const struct llmobs_patch *how);

/* False when another thread is still loading the object, so that it has to be
 * looked at again. */
bool llmobs_patch_object(const struct llmobs_elf *elf,
                         const struct llmobs_patch *how);

#endif
