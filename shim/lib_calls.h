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

/* CRYPTO: the libcrypto of an OpenSSL, which has no hooks. */
enum llmobs_lib {
    LLMOBS_LIB_SSL,
    LLMOBS_LIB_GNUTLS,
    LLMOBS_LIB_COUNT,
    LLMOBS_LIB_CRYPTO
};

/* X(library, name): the calls that are hooked. An object that defines all of
 * these and of the helpers is the library: a function of the shim may call
 * each. */
#define LLMOBS_LIB_SSL_HOOKS(X) \
    X(SSL, SSL_read)            \
    X(SSL, SSL_write)           \
    X(SSL, SSL_read_ex)         \
    X(SSL, SSL_write_ex)        \
    X(SSL, SSL_clear)           \
    X(SSL, SSL_free)
/* A GnuTLS may lack those from send2 on, up to gnutls_packet_get. */
#define LLMOBS_LIB_GNUTLS_HOOKS(X)      \
    X(GNUTLS, gnutls_record_send)       \
    X(GNUTLS, gnutls_record_recv)       \
    X(GNUTLS, gnutls_deinit)            \
    X(GNUTLS, gnutls_record_send2)      \
    X(GNUTLS, gnutls_record_send_range) \
    X(GNUTLS, gnutls_record_cork)       \
    X(GNUTLS, gnutls_record_recv_seq)   \
    X(GNUTLS, gnutls_record_recv_packet)
#define LLMOBS_LIB_HOOKS(X) \
    LLMOBS_LIB_SSL_HOOKS(X) \
    LLMOBS_LIB_GNUTLS_HOOKS(X)

/* X(library, name): the calls by which a function of the shim asks the library.
 * None asks SSL_waiting_for_async, which tells OpenSSL from its forks:
 * BoringSSL and AWS-LC want other arguments of CRYPTO_get_ex_new_index
 * (crypto/ex_data.c), and their SSL_read_ex calls SSL_read. */
#define LLMOBS_LIB_HELPERS(X)                    \
    X(GNUTLS, gnutls_alpn_get_selected_protocol) \
    X(GNUTLS, gnutls_packet_get)                 \
    X(GNUTLS, gnutls_certificate_get_peers)      \
    X(GNUTLS, gnutls_error_is_fatal)             \
    X(GNUTLS, gnutls_record_check_pending)       \
    X(GNUTLS, gnutls_transport_get_ptr)          \
    X(SSL, SSL_waiting_for_async)                \
    X(SSL, SSL_want)                             \
    X(SSL, SSL_get_shutdown)                     \
    X(SSL, SSL_get_rbio)                         \
    X(SSL, SSL_get_wbio)                         \
    X(SSL, SSL_get_rfd)                          \
    X(SSL, SSL_pending)                          \
    X(SSL, SSL_get_servername)                   \
    X(SSL, SSL_is_server)                        \
    X(SSL, SSL_in_init)                          \
    X(SSL, SSL_do_handshake)                     \
    X(SSL, SSL_get0_alpn_selected)               \
    X(SSL, SSL_get_peer_cert_chain)              \
    X(CRYPTO, CRYPTO_get_ex_new_index)           \
    X(CRYPTO, BIO_test_flags)                    \
    X(CRYPTO, BIO_number_read)                   \
    X(CRYPTO, BIO_method_type)                   \
    X(CRYPTO, BIO_up_ref)                        \
    X(CRYPTO, BIO_ctrl_pending)                  \
    X(CRYPTO, BIO_free)                          \
    X(CRYPTO, OPENSSL_sk_value)                  \
    X(CRYPTO, X509_get_issuer_name)              \
    X(CRYPTO, X509_NAME_get_text_by_NID)

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
