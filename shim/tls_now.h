/* tls_now - the SSL in whose SSL_read or SSL_write a thread is, so that the
 * program can number the connection there (core/capture/command.h,
 * `connection`). The shim has no thread-local storage: so each thread has a
 * place by its address, and of two threads with one place the first is known.
 *
 * Owns:    nothing of the program's.
 * Threads: any; no lock, no wait.
 * Errors:  NULL: the thread is in none, or is not known.
 * Limits:  nothing is noted before the program's first command.
 * Fork:    a place of a thread that only the parent has stays taken.
 */
#ifndef LLMOBS_SHIM_TLS_NOW_H
#define LLMOBS_SHIM_TLS_NOW_H

#include <stdbool.h>
#include <stddef.h>

/* Begins to note. */
void llmobs_tls_now_watch(void);

/* enter gives what leave takes: the SSL outside of this one. */
extern bool llmobs_tls_now_watched;
const void *llmobs_tls_now_note(const void *ssl);
static inline const void *llmobs_tls_now_enter(const void *ssl)
{
    return __atomic_load_n(&llmobs_tls_now_watched, __ATOMIC_RELAXED)
               ? llmobs_tls_now_note(ssl)
               : NULL;
}
static inline void llmobs_tls_now_leave(const void *outer)
{
    if (__atomic_load_n(&llmobs_tls_now_watched, __ATOMIC_RELAXED))
        (void)llmobs_tls_now_note(outer);
}

const void *llmobs_tls_now(void);

#endif
