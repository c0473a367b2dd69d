/* alone - ends the library's threads before some calls of the program. Some
 * calls are allowed only in a process with one thread (unshare, setns). Others
 * change only the calling thread, and would not reach the library's threads (a
 * filter of system calls, landlock, a drop of privileges).
 *
 * Owns:    nothing.
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
#include "shim/libc_calls.h"

/* Called before the other functions here. `core` returns the core's operations,
 * NULL where it is not loaded. */
void llmobs_alone_open(const struct llmobs_ops *(*core)(void));

/* Patches the slots of all objects, and from then on those of later ones. */
void llmobs_alone_watch(void);

/* Called when the core is loaded. Watches the calls if the program may enter a
 * sandbox. */
void llmobs_alone_look(void);

/* The program asks dlsym for that name. If the core is loaded, watches the
 * calls from now on. */
void llmobs_alone_asked(const char *name);

/* The function for the patched slots of a call of LLMOBS_LIBC_ALONE_CALLS. */
void *llmobs_alone_function(enum llmobs_libc_call call);

#endif
