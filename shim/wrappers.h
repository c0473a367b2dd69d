/* wrappers - finds the objects between the program and libcurl's functions, and
 * which of their calls the thunks may not see.
 *
 * An object before libcurl that defines a hooked function gets the program's
 * calls of it. Usually it then calls the address that the loader returns. That
 * is a thunk (exports.h), so nothing is lost. But before it has asked the
 * loader, or if it finds libcurl without the loader, its calls may bypass the
 * thunks.
 *
 * Owns:    llmobs_wrappers, which the core reads.
 * Threads: any.
 * Errors:  an object beyond the limit is not named; its functions count.
 * Limits:  LLMOBS_WRAPPERS objects.
 */
#ifndef LLMOBS_SHIM_WRAPPERS_H
#define LLMOBS_SHIM_WRAPPERS_H

#include "include/engine.h"
#include "shim/copies.h"
#include "shim/elf.h"

const struct llmobs_wrappers *llmobs_wrappers_table(void);

/* The object defines these hooks, and comes before libcurl in load order. */
void llmobs_wrappers_define(const struct llmobs_elf *elf,
                            llmobs_hook_set hooks);

/* The object that covers `caller` got the function that follows in the order of
 * look-up: a thunk, or that of another wrapper. */
void llmobs_wrappers_reach(const void *caller, unsigned hook);

/* The object `caller` got a function that may be libcurl's own. */
void llmobs_wrappers_stray(const struct llmobs_elf *caller, unsigned hook);

/* The object held the address of a libcurl function when it was opened: its
 * constructors may have copied it to memory that the scan does not search. */
void llmobs_wrappers_copy(const struct llmobs_elf *elf);

/* At the end of a process that never loaded the core: names, in the log, an
 * object that may have hidden every call. */
void llmobs_wrappers_report(void);

#endif
