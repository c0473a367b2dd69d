/* alone - ends the library's threads before some calls of the program. Some
 * calls are allowed only in a process with one thread (unshare, setns). Others
 * change only the calling thread, and would not reach the library's threads (a
 * filter of system calls, landlock, a drop of privileges). Also tells them of a
 * pthread_exit: a process ends with the app's last thread.
 *
 * Owns:    nothing.
 * Threads: any. Slots are changed once: where sockets are watched with theirs,
 *          else before the library starts its first thread, or as soon as the
 *          core is loaded if the program itself has such a name, asks the
 *          loader for it, or has a library for sandboxes.
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

/* The core is loaded: its operations. Called before it starts a thread for the
 * program's calls. */
void llmobs_alone_open(const struct llmobs_ops *ops);

/* Patches the slots of all objects, and from then on those of later ones. */
void llmobs_alone_watch(void);

/* Watches the calls if the program may enter a sandbox. */
void llmobs_alone_look(void);

/* The program asks dlsym for a name of these sets. If the core is loaded,
 * watches the calls from now on. */
void llmobs_alone_asked(unsigned sets);

/* The function for the patched slots of a call of LLMOBS_LIBC_ALONE_CALLS. */
void *llmobs_alone_function(enum llmobs_libc_call call);

/* Calls libc's syscall as the function for a patched slot calls its own: this
 * slot is that of socket_calls.h. */
long llmobs_alone_syscall(long number, uintptr_t a, uintptr_t b, uintptr_t c,
                          uintptr_t d, uintptr_t e, uintptr_t f);

#endif
