/* lib_calls - the calls of libraries beside libcurl that are hooked, and the
 * functions that patched slots of those calls point at: by which server
 * libraries give a program its requests, and by which a program sends and
 * receives over OpenSSL (openssl.c) or GnuTLS (gnutls.c).
 *
 * FastCGI (libfcgi): a request lasts from an accept to its finish, to the
 * thread's next accept, or to the end of the thread. libmicrohttpd calls a
 * handler of the program: the request lasts while that runs, in its thread. The
 * library's own functions show the headers.
 *
 * Owns:    the addresses of the libraries' functions, and
 *          LLMOBS_SERVER_HANDLERS pairs of a handler and its argument. A pair
 *          stays for good, so that a handler may come at any time.
 * Threads: any. The addresses are written under the scan's lock.
 * Errors:  those of the real function, whose result each function returns.
 * Limits:  beyond so many pairs a handler goes to the library as it is, and its
 *          requests have no context.
 *
 * libs.h finds the libraries, and patch.h patches the slots.
 */
#ifndef LLMOBS_LIB_CALLS_H
#define LLMOBS_LIB_CALLS_H

#include "include/engine.h"

#define LLMOBS_SERVER_HANDLERS 1024

/* A wheel, or another tree of packages, may have a libssl of its own beside the
 * system's. Of the other libraries the first one counts. */
#define LLMOBS_LIB_COPIES 2

enum llmobs_lib {
    LLMOBS_LIB_FCGI,
    LLMOBS_LIB_MHD,
    LLMOBS_LIB_SSL,
    LLMOBS_LIB_GNUTLS,
    LLMOBS_LIB_COUNT
};

/* X(library, name): the calls that are hooked. An object that defines all of
 * these and of the helpers is the library: a function of ours may call each. */
#define LLMOBS_LIB_FCGI_HOOKS(X) \
    X(FCGI, FCGX_Accept_r)       \
    X(FCGI, FCGX_Accept)         \
    X(FCGI, FCGI_Accept)         \
    X(FCGI, FCGX_Finish_r)       \
    X(FCGI, FCGX_Finish)         \
    X(FCGI, FCGI_Finish)         \
    X(FCGI, FCGX_Free)
#define LLMOBS_LIB_MHD_HOOKS(X) \
    X(MHD, MHD_start_daemon)    \
    X(MHD, MHD_start_daemon_va)
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
#define LLMOBS_LIB_HOOKS(X)  \
    LLMOBS_LIB_FCGI_HOOKS(X) \
    LLMOBS_LIB_MHD_HOOKS(X)  \
    LLMOBS_LIB_SSL_HOOKS(X)  \
    LLMOBS_LIB_GNUTLS_HOOKS(X)

/* X(library, name): the calls by which a function of ours asks the library. */
#define LLMOBS_LIB_HELPERS(X)         \
    X(MHD, MHD_get_connection_values) \
    X(MHD, MHD_get_connection_info)   \
    X(SSL, SSL_get_error)             \
    X(SSL, SSL_get_servername)        \
    X(SSL, SSL_is_server)             \
    X(SSL, SSL_in_init)               \
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

/* False for nearly each name of another function: a scan asks for each symbol
 * of an object. */
static inline bool llmobs_lib_calls_may(const char *name)
{
    return (name[0] == 'S' && name[1] == 'S' && name[2] == 'L') ||
           (name[0] == 'F' && name[1] == 'C' && name[2] == 'G') ||
           (name[0] == 'M' && name[1] == 'H' && name[2] == 'D') ||
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

#endif
