/* lib_calls - the hooked calls of libraries other than libcurl, by which a
 * program sends and receives over OpenSSL (openssl.c) or GnuTLS (gnutls.c), and
 * the functions that the patched slots of those calls point at.
 *
 * Owns:    the addresses of the libraries' functions.
 * Threads: any. The addresses are written under the scan's lock.
 * Errors:  those of the real function, whose result each function returns.
 *
 * libs.h finds the libraries, and scan.h patches the slots.
 */
#ifndef LLMOBS_LIB_CALLS_H
#define LLMOBS_LIB_CALLS_H

#include "shim/names.h"

/* A wheel, or another tree of packages, may have its own libssl beside the
 * system's. Only the first GnuTLS counts. */
#define LLMOBS_LIB_COPIES 2

/* The name and the library of a function. */
const char *llmobs_lib_calls_name(enum llmobs_lib_call function);
enum llmobs_lib llmobs_lib_calls_library(enum llmobs_lib_call function);

/* The real address of a function in that copy of its library. */
void llmobs_lib_calls_set(unsigned copy, enum llmobs_lib_call function,
                          void *address);
extern void *llmobs_lib_functions[LLMOBS_LIB_COPIES][LLMOBS_LIB_FUNCTION_COUNT];
static inline void *llmobs_lib_calls_real(unsigned copy,
                                          enum llmobs_lib_call function)
{
    return __atomic_load_n(&llmobs_lib_functions[copy][function],
                           __ATOMIC_ACQUIRE);
}

/* The library's own function of a name that the file declares. If the library
 * has several copies, the function of that copy. */
#define LLMOBS_LIB_REAL_OF(copy, name) \
    ((__typeof__(&(name)))llmobs_lib_calls_real(copy, LLMOBS_LIB_##name))

/* The functions for the patched slots of each library. */
void *llmobs_lib_ssl(unsigned copy, enum llmobs_lib_call hook);
void *llmobs_lib_gnutls(enum llmobs_lib_call hook);

/* Without the functions of its libcrypto no connection of a copy is followed.
 * Called under the scan's lock. */
bool llmobs_lib_ssl_is_complete(unsigned copy);
/* The copy is another one, whose connections end in another way. */
void llmobs_lib_ssl_reset(unsigned copy);

/* Keeps the compiler from making a table of addresses, which the loader would
 * relocate in every process. */
static inline void *llmobs_lib_opaque(void *function)
{
    __asm__("" : "+r"(function));
    return function;
}

#endif
