/* libc_calls - finds the functions of libc whose slots are patched: those that
 * need a process without the library's threads, the one by which a thread ends
 * (alone.h), and those by which a program sends and receives over sockets
 * (socket_calls.h). thunks.h has the functions for the slots.
 *
 * Owns:    the addresses of these functions.
 * Threads: any. The addresses are found before the first slot is patched, and
 *          stay. A set that is watched stays watched.
 * Errors:  a function that the process lacks is not patched.
 *
 * Another preload, such as torsocks, may define a name before libc does. Then
 * the slots hold that function, and it is the real one.
 */
#ifndef LLMOBS_LIBC_CALLS_H
#define LLMOBS_LIBC_CALLS_H

#include "shim/copies.h"

/* The real functions; NULL: the process lacks it. */
extern void *llmobs_libc_calls_real[LLMOBS_LIBC_COUNT];

/* Called before _patch. `scan_anew`: patches the slots of all objects. */
void llmobs_libc_calls_open(void (*scan_anew)(void));

/* Watches these sets from now on. The slots of objects that are loaded already
 * stay until a scan, which _patch makes unless a scan of all objects has ended
 * since, as that says by _patched. Another thread that asks for the same waits
 * until they are patched. */
void llmobs_libc_calls_watch(unsigned sets);
void llmobs_libc_calls_patch(unsigned sets);
void llmobs_libc_calls_patched(unsigned sets);

/* Those of the sets that are watched. */
unsigned llmobs_libc_calls_watched(unsigned sets);

/* True where the object calls connect for the program, as the parts of libc, a
 * libcurl and a TLS library do not. */
bool llmobs_libc_calls_connects(const struct llmobs_elf *elf);

/* Those of the sets that are watched in this object: no sockets in these. */
unsigned llmobs_libc_calls_in(const struct llmobs_elf *elf, unsigned sets);

/* The function that a slot of that call has, which holds `value`;
 * LLMOBS_LIBC_COUNT: the slot stays. `unbound`: the loader has not looked the
 * name up yet. `late`: the object came after the program's start. */
enum llmobs_libc_call llmobs_libc_calls_of(enum llmobs_libc_call call,
                                           const void *value, bool unbound,
                                           bool late);

/* The real function at `address`; LLMOBS_LIBC_COUNT: none is there, or it is
 * not watched. */
enum llmobs_libc_call llmobs_libc_calls_at(const void *address);

#endif
