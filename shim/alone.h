/* alone - ends the library's threads before some calls of the program. Some
 * calls are allowed only in a process with one thread (unshare, setns). Others
 * change only the calling thread, and would not reach the library's threads (a
 * filter of system calls, landlock, a drop of privileges).
 *
 * Owns:    the addresses of libc's functions of these names.
 * Threads: any. Slots are changed once, before the library starts its first
 *          thread. They are changed as soon as the core is loaded if the
 *          program itself has such a name, asks the loader for it, or has a
 *          library for sandboxes. So the slots of other programs that call no
 *          model stay.
 * Errors:  those of the real functions. If a thread of the library does not end
 *          in time, the call is made nevertheless.
 *
 * seccomp and landlock have no wrapper in libc: libseccomp and other libraries
 * call them through libc's prctl and syscall. The shim does not see a system
 * call that a program makes by the processor's instruction.
 */
#ifndef LLMOBS_ALONE_H
#define LLMOBS_ALONE_H

#include "include/engine.h"
#include "shim/elf.h"

/* X(name): the functions whose slots are patched. */
#define LLMOBS_ALONE(X) X(unshare) X(setns) X(capset) X(prctl) X(syscall)

enum llmobs_alone {
#define X(name) LLMOBS_ALONE_##name,
    LLMOBS_ALONE(X)
#undef X
        LLMOBS_ALONE_COUNT
};

/* Called before the other functions here. `core` returns the core's operations,
 * NULL where it is not loaded; `scan_anew` patches the slots of all objects. */
void llmobs_alone_open(const struct llmobs_ops *(*core)(void),
                       void (*scan_anew)(void));

/* Patches the slots of all objects, and from then on those of later ones. */
void llmobs_alone_watch(void);

/* Called when the core is loaded. Watches the calls if the program may enter a
 * sandbox. */
void llmobs_alone_look(void);

/* The program asks dlsym for that name. If the core is loaded, watches the
 * calls from now on. Returns what llmobs_alone_is returns. */
bool llmobs_alone_asked(const char *name);

/* True for a name whose slots are to be patched now. */
bool llmobs_alone_is(const char *name);

/* True when the object's GNU hash table, or one of its first `count` symbols,
 * may have a name of LLMOBS_ALONE. */
bool llmobs_alone_may(const struct llmobs_elf *elf, size_t count);

/* The function to write into a slot of that name, which holds `value`; NULL:
 * the slot stays. `unbound`: the loader has not looked the name up yet. */
void *llmobs_alone_target(const char *name, const void *value, bool unbound);

/* The shim's function for the real one at `address`; NULL: none is there. */
void *llmobs_alone_thunk(const void *address);

#endif
