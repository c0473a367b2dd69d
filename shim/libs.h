/* libs - finds the libraries of a process whose calls are hooked beside
 * libcurl's: OpenSSL and GnuTLS (LLMOBS_TLS).
 *
 * Owns:    the place of one object of GnuTLS, and of two of OpenSSL. Further
 *          objects of the same library are not hooked, nor is one that defines
 *          only some of its functions, such as an interposer or the double of a
 *          test.
 * Threads: changed only under the scan's lock; thunk, any.
 * Errors:  none: a library that is not found is not hooked.
 */
#ifndef LLMOBS_LIBS_H
#define LLMOBS_LIBS_H

#include "shim/elf.h"
#include "shim/copies.h"
#include "shim/lib_calls.h"

/* Looks at an object; true when it is such a library that was not known.
 * `program`: it is the program itself, whose definitions come before those of
 * any library. */
bool llmobs_libs_add(const struct llmobs_elf *elf, bool program, bool at_start);

/* For a walk over all objects, like llmobs_copies_unmark and _sweep. */
void llmobs_libs_unmark(bool but_at_start);
void llmobs_libs_sweep(void);

bool llmobs_libs_any(void);

/* After such a walk: finds what a library that is new needs of others. */
void llmobs_libs_complete(void);

/* The function to write into a slot of that hook, which holds `value`; NULL:
 * the slot stays. The library's own slots stay, because its functions call each
 * other. `unbound`: the loader has not looked the name up yet. */
void *llmobs_libs_target(const struct llmobs_elf *elf,
                         enum llmobs_lib_call hook, const void *value,
                         bool unbound);

/* The range of the real functions that are hooked. */
struct llmobs_range llmobs_libs_range(void);

/* The shim's function for the real one at `address`; NULL: none is there. */
void *llmobs_libs_thunk(const void *address);

/* True if only one object defines this hooked name, so that every look-up finds
 * that one. */
bool llmobs_libs_certain(const char *name);

#endif
