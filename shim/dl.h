/* dl - the four exported functions of the loader.
 *
 * Threads: any, also before the constructor.
 * Errors:  those of the real functions.
 *
 * The loader takes the return address for the caller, by which it chooses
 * RUNPATH, namespace and the meaning of RTLD_NEXT. So each of the first three
 * functions ends in a jump to the function that route.h names, and
 * scripts/check-exports proves that jump. dlclose does not depend on its
 * caller, and returns here, since the shim has to know when it ends.
 */
#ifndef LLMOBS_DL_H
#define LLMOBS_DL_H

#include "shim/elf.h"

/* The shim's function of that name, even where another object interposes it;
 * NULL for another name. */
void *llmobs_dl_ours(const char *name);

/* True when the object's GNU hash table may have one of the four names, defined
 * or not. The object must have such a table. */
bool llmobs_dl_hashed(const struct llmobs_elf *elf);

#endif
