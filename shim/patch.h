/* patch - point one object's slots at us.
 *
 * Owns:    nothing.
 * Threads: under the scan's lock and the loader's (a dl_iterate_phdr
 *          callback). Each slot is written once, atomically; other threads
 *          may be calling through it.
 * Errors:  a slot that cannot be written is left as it is.
 * Fork:    plain memory.
 *
 * Only words that hold the address of a function are written, never code.
 */
#ifndef LLMOBS_PATCH_H
#define LLMOBS_PATCH_H

#include "shim/elf.h"

struct llmobs_patch {
    bool late;        /* appeared after the start of the program */
    unsigned foreign; /* bits of the hooks that an unbound slot may be bound
                       * to somebody else's definition of */
};

/* False when the object is still being loaded by another thread and has to be
 * looked at again. */
bool llmobs_patch_object(const struct llmobs_elf *elf,
                         const struct llmobs_patch *how);

#endif
