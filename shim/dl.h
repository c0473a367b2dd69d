/* dl - the four exported functions of the loader.
 *
 * Owns:    nothing.
 * Threads: any, also before the constructor.
 * Errors:  those of the real functions.
 * Fork:    constant.
 *
 * The loader takes the return address for the caller: its RUNPATH, its
 * namespace, what RTLD_NEXT means. So each of the first three ends in a jump to
 * the function that route.h names, and scripts/check-exports proves that jump.
 * dlclose asks for no caller, and returns here: the shim has to know its end.
 */
#ifndef LLMOBS_DL_H
#define LLMOBS_DL_H

#include "shim/elf.h"

/* Our function of that name, whoever interposes it; NULL for another name. */
void *llmobs_dl_ours(const char *name);

/* True when the object's GNU hash table, which has to be there, may have one of
 * the four names, defined or not. */
bool llmobs_dl_hashed(const struct llmobs_elf *elf);

#endif
