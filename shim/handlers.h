/* handlers - keeps the program's signal handlers out of the library's work on
 * connections, and knows where one runs.
 *
 * A handler may use a connection, or leave a call by siglongjmp, wherever it
 * has interrupted its thread. So the handlers that a program sets have a
 * function of the shim's before them. A signal that meets the library at work
 * waits for the end of that work, and is then raised anew, with all that it
 * says; real-time signals of one number keep their order. A handler that
 * interrupted the program itself, maybe inside malloc or the loader, runs at
 * once; what it does with connections is not looked at.
 *
 * Owns:    a place for each handler, for good, and one for each thread that is
 *          at work, in a handler, or about to send.
 * Threads: any, also handlers; no lock, no wait. A system call only where a
 *          signal waits, or a thread has a handler under way.
 * Errors:  without a free place nothing is followed from then on (a handler's,
 *          or a thread's in a handler), or this one call is not (a thread's).
 * Limits:  128 handlers; some 20,000 threads at once, and then 8 that are in a
 *          handler. Not known are handlers that are set by the bare
 *          instruction, or by bsd_signal, sysv_signal and sigvec.
 * Fork:    in a child, no signal waits for work that the parent had begun, and
 *          none comes that the parent had taken.
 */
#ifndef LLMOBS_HANDLERS_H
#define LLMOBS_HANDLERS_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/libc_calls.h"

struct llmobs_thread;
struct llmobs_insertions;

/* Work of this thread, in a frame of its own. */
struct llmobs_work {
    uintptr_t self; /* its address, hidden: others have it by chance only */
    struct llmobs_thread *thread; /* NULL: the work was not begun */
    const void *left; /* the connection to which the thread was sending as it
                       * left the send by a jump; NULL: none */
    struct llmobs_insertions *insertions; /* that it had for that; NULL: none */
    int error;                            /* errno at the begin */
    int signal;                           /* that waits; 0: none */
    uint64_t mask;    /* of signals, before all were blocked */
    uint64_t info[6]; /* of siginfo_t all that the kernel has */
};

/* Begins work. False: a signal handler of the program's runs, so that only
 * those functions may be called that a handler may call. `ends`: the frame of a
 * send that has come to its end; NULL: of none. */
bool llmobs_handlers_begin(struct llmobs_work *work, uintptr_t *ends);

/* The thread is about to send to that connection, with what it took for that,
 * or NULL. Between _begin and _end. Work that finds the caller's `frame` gone
 * tells of it (left). */
void llmobs_handlers_sends(struct llmobs_work *work, uintptr_t *frame,
                           const void *key,
                           struct llmobs_insertions *insertions);

/* Also after a false begin. Restores errno, then lets the signal come that
 * waits: its handler may leave for good from here. */
void llmobs_handlers_end(struct llmobs_work *work);

/* The process, maybe a child by fork, makes a connection of its own. */
void llmobs_handlers_own(void);

/* From now on the program's handlers are known: those of before, too. */
void llmobs_handlers_watch(void);

/* The program sets a handler by a system call that nobody translates. */
void llmobs_handlers_unknown(void);

/* For the patched slots (thunks.h). */
void *llmobs_handlers_function(enum llmobs_libc_call call);

#endif
