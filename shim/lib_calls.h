/* lib_calls - the hooked calls of libraries other than libcurl, by which a
 * program sends and receives over OpenSSL (openssl.c) or GnuTLS (gnutls.c), and
 * the functions that the patched slots of those calls point at.
 *
 * Owns:    the addresses of the libraries' functions.
 * Threads: any. The addresses are written under the scan's lock.
 * Errors:  those of the real function, whose result each function returns.
 *
 * libs.h finds the libraries, and patch.h patches the slots.
 */
#ifndef LLMOBS_LIB_CALLS_H
#define LLMOBS_LIB_CALLS_H

#include "include/engine.h"

/* A wheel, or another tree of packages, may have its own libssl beside the
 * system's. Only the first GnuTLS counts. */
#define LLMOBS_LIB_COPIES 2

enum llmobs_lib { LLMOBS_LIB_SSL, LLMOBS_LIB_GNUTLS, LLMOBS_LIB_COUNT };

/* X(library, name): the calls that are hooked. An object that defines all of
 * these and of the helpers is the library: a function of the shim may call
 * each. */
#define LLMOBS_LIB_SSL_HOOKS(X) \
    X(SSL, SSL_read)            \
    X(SSL, SSL_write)           \
    X(SSL, SSL_read_ex)         \
    X(SSL, SSL_write_ex)        \
    X(SSL, SSL_clear)
#define LLMOBS_LIB_GNUTLS_HOOKS(X) \
    X(GNUTLS, gnutls_record_send)  \
    X(GNUTLS, gnutls_record_recv)  \
    X(GNUTLS, gnutls_deinit)
#define LLMOBS_LIB_HOOKS(X) \
    LLMOBS_LIB_SSL_HOOKS(X) \
    LLMOBS_LIB_GNUTLS_HOOKS(X)

/* X(library, name): the calls by which a function of the shim asks the library.
 */
#define LLMOBS_LIB_HELPERS(X)  \
    X(SSL, SSL_get_error)      \
    X(SSL, SSL_get_servername) \
    X(SSL, SSL_is_server)      \
    X(SSL, SSL_in_init)        \
    X(GNUTLS, gnutls_error_is_fatal)

enum llmobs_lib_call {
#define X(library, name) LLMOBS_LIB_##name,
    LLMOBS_LIB_HOOKS(X)
#undef X
        LLMOBS_LIB_HOOK_COUNT,
    LLMOBS_LIB_BEFORE_HELPERS = LLMOBS_LIB_HOOK_COUNT - 1,
#define X(library, name) LLMOBS_LIB_##name,
    LLMOBS_LIB_HELPERS(X)
#undef X
        LLMOBS_LIB_FUNCTION_COUNT
};

/* False for almost every name of another function. A scan asks this for each
 * symbol of an object. */
static inline bool llmobs_lib_calls_may(const char *name)
{
    return (name[0] == 'S' && name[1] == 'S' && name[2] == 'L') ||
           (name[0] == 'g' && name[1] == 'n' && name[2] == 'u');
}

/* The hook of that name; LLMOBS_LIB_HOOK_COUNT: none. */
enum llmobs_lib_call llmobs_lib_calls_find(const char *name);

/* The name and the library of a function. */
const char *llmobs_lib_calls_name(enum llmobs_lib_call function);
enum llmobs_lib llmobs_lib_calls_library(enum llmobs_lib_call function);

/* The real address of a function in that copy of its library. */
void llmobs_lib_calls_set(unsigned copy, enum llmobs_lib_call function,
                          void *address);
void *llmobs_lib_calls_real(unsigned copy, enum llmobs_lib_call function);

/* The library's own function of a name that the file declares. If the library
 * has several copies, the function of that copy. */
#define LLMOBS_LIB_REAL_OF(copy, name) \
    ((__typeof__(&(name)))llmobs_lib_calls_real(copy, LLMOBS_LIB_##name))

/* The functions for the patched slots of each library. */
void *llmobs_lib_ssl(unsigned copy, enum llmobs_lib_call hook);
void *llmobs_lib_gnutls(enum llmobs_lib_call hook);

/* The function of the copy's libcrypto that shows the end of a connection;
 * NULL: there is none, and no connection is followed. Called under the scan's
 * lock. */
#define LLMOBS_SSL_NEW_INDEX "CRYPTO_get_ex_new_index"
bool llmobs_lib_ssl_is_complete(unsigned copy);
void llmobs_lib_ssl_complete(unsigned copy, void *new_index);

/* Keeps the compiler from making a table of addresses, which the loader would
 * relocate in every process. */
static inline void *llmobs_lib_opaque(void *function)
{
    __asm__("" : "+r"(function));
    return function;
}

#endif
