/* names - the functions of libcurl, of TLS libraries, of libc and of the loader
 * whose slots are patched, found by their names.
 *
 * Owns:    tables of the names' first letters, made at the first look-up.
 * Threads: any.
 * Errors:  none.
 */
#ifndef LLMOBS_SHIM_NAMES_H
#define LLMOBS_SHIM_NAMES_H

#include "include/engine.h"
#include "shim/elf.h"

/* -- libcurl --------------------------------------------------------------- */

enum llmobs_hook {
#define X(result, name, ...) LLMOBS_HOOK_##name,
    LLMOBS_HOOKS(X)
#undef X
        LLMOBS_HOOK_COUNT
};

/* -- other libraries ------------------------------------------------------- */

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
    X(SSL, SSL_free)            \
    X(SSL, SSL_connect)         \
    X(SSL, SSL_do_handshake)
/* A GnuTLS may lack those from send2 on, up to gnutls_packet_get. */
#define LLMOBS_LIB_GNUTLS_HOOKS(X)      \
    X(GNUTLS, gnutls_record_send)       \
    X(GNUTLS, gnutls_record_recv)       \
    X(GNUTLS, gnutls_deinit)            \
    X(GNUTLS, gnutls_handshake)         \
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
    X(SSL, SSL_get_state)                        \
    X(SSL, SSL_get_client_random)                \
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

/* -- libc ------------------------------------------------------------------ */

/* The sets of functions, in bits. CONNECTED are watched from the program's
 * first connection on; LISTENS where it ends by the first of them
 * (llmobs_host_until). */
enum {
    LLMOBS_LIBC_ALONE = 1,
    LLMOBS_LIBC_CONNECTS = 2,
    LLMOBS_LIBC_CONNECTED = 4,
    LLMOBS_LIBC_LEAVES = 8,
    LLMOBS_LIBC_LISTENS = 16,
    LLMOBS_LIBC_NODE = 256,
    LLMOBS_LIBC_SERVES = LLMOBS_LIBC_CONNECTED | LLMOBS_LIBC_LISTENS,
    LLMOBS_LIBC_SOCKETS = LLMOBS_LIBC_CONNECTS | LLMOBS_LIBC_CONNECTED,
    /* A filter may forbid the system calls of both. */
    LLMOBS_LIBC_FILTERS = LLMOBS_LIBC_ALONE | LLMOBS_LIBC_CONNECTS
};

/* X(name, sets) */
#define LLMOBS_LIBC_ALONE_CALLS(X)      \
    X(unshare, LLMOBS_LIBC_ALONE)       \
    X(setns, LLMOBS_LIBC_ALONE)         \
    X(capset, LLMOBS_LIBC_ALONE)        \
    X(pthread_exit, LLMOBS_LIBC_LEAVES) \
    X(prctl, LLMOBS_LIBC_FILTERS)
#define LLMOBS_LIBC_SOCKET_CALLS(X)      \
    X(syscall, LLMOBS_LIBC_FILTERS)      \
    X(connect, LLMOBS_LIBC_CONNECTS)     \
    X(sendto, LLMOBS_LIBC_CONNECTS)      \
    X(send, LLMOBS_LIBC_CONNECTED)       \
    X(sendmsg, LLMOBS_LIBC_CONNECTED)    \
    X(write, LLMOBS_LIBC_CONNECTED)      \
    X(writev, LLMOBS_LIBC_CONNECTED)     \
    X(sendfile, LLMOBS_LIBC_CONNECTED)   \
    X(sendfile64, LLMOBS_LIBC_CONNECTED) \
    X(splice, LLMOBS_LIBC_CONNECTED)     \
    X(close, LLMOBS_LIBC_CONNECTED)      \
    X(shutdown, LLMOBS_LIBC_CONNECTED)   \
    X(dup, LLMOBS_LIBC_CONNECTED)        \
    X(dup2, LLMOBS_LIBC_CONNECTED)       \
    X(dup3, LLMOBS_LIBC_CONNECTED)       \
    X(fcntl, LLMOBS_LIBC_CONNECTED)      \
    X(fcntl64, LLMOBS_LIBC_CONNECTED)    \
    X(socket, LLMOBS_LIBC_CONNECTED)     \
    X(listen, LLMOBS_LIBC_LISTENS)       \
    X(accept, LLMOBS_LIBC_SERVES)        \
    X(accept4, LLMOBS_LIBC_SERVES)       \
    X(recv, LLMOBS_LIBC_CONNECTED)       \
    X(recvfrom, LLMOBS_LIBC_CONNECTED)   \
    X(recvmsg, LLMOBS_LIBC_CONNECTED)    \
    X(read, LLMOBS_LIBC_CONNECTED)       \
    X(readv, LLMOBS_LIBC_CONNECTED)      \
    X(__read_chk, LLMOBS_LIBC_CONNECTED) \
    X(__recv_chk, LLMOBS_LIBC_CONNECTED) \
    X(__recvfrom_chk, LLMOBS_LIBC_CONNECTED)
/* They come with the connections: handlers.h. */
#define LLMOBS_LIBC_HANDLER_CALLS(X)       \
    X(sigaction, LLMOBS_LIBC_CONNECTS)     \
    X(signal, LLMOBS_LIBC_CONNECTS)        \
    X(__sysv_signal, LLMOBS_LIBC_CONNECTS) \
    X(sigset, LLMOBS_LIBC_CONNECTS)        \
    X(fork, LLMOBS_LIBC_CONNECTS)          \
    X(_Fork, LLMOBS_LIBC_CONNECTS)
/* node.h */
#define LLMOBS_LIBC_NODE_CALLS(X) \
    X(getenv, LLMOBS_LIBC_NODE)   \
    X(pwrite, LLMOBS_LIBC_NODE)   \
    X(pwrite64, LLMOBS_LIBC_NODE)
#define LLMOBS_LIBC_ALL_CALLS(X) \
    LLMOBS_LIBC_ALONE_CALLS(X)   \
    LLMOBS_LIBC_SOCKET_CALLS(X)  \
    LLMOBS_LIBC_HANDLER_CALLS(X) \
    LLMOBS_LIBC_NODE_CALLS(X)

enum llmobs_libc_call {
#define X(name, sets) LLMOBS_LIBC_##name,
    LLMOBS_LIBC_ALL_CALLS(X)
#undef X
        LLMOBS_LIBC_COUNT
};

/* -- all ------------------------------------------------------------------- */

/* X(name): the loader's, which the shim exports. */
#define LLMOBS_LOADER_NAMES(X) X(dlopen) X(dlsym) X(dlvsym) X(dlclose)

enum {
#define X(name) LLMOBS_LOADER_##name,
    LLMOBS_LOADER_NAMES(X)
#undef X
        LLMOBS_LOADER_COUNT
};

/* A name's number: those of each kind follow each other, in the order of their
 * own enumeration. From LLMOBS_NAMES on come the helpers of lib_calls.h, which
 * have no slots. */
enum {
    LLMOBS_NAME_NONE,
    LLMOBS_NAME_LIBC,
    LLMOBS_NAME_LOADER = LLMOBS_NAME_LIBC + LLMOBS_LIBC_COUNT,
    LLMOBS_NAME_CURL = LLMOBS_NAME_LOADER + LLMOBS_LOADER_COUNT,
    LLMOBS_NAME_LIB = LLMOBS_NAME_CURL + LLMOBS_HOOK_COUNT,
    LLMOBS_NAMES = LLMOBS_NAME_LIB + LLMOBS_LIB_HOOK_COUNT,
    LLMOBS_NAMES_ALL = LLMOBS_NAME_LIB + LLMOBS_LIB_FUNCTION_COUNT
};

const char *llmobs_name(unsigned number);

/* The number of a name; LLMOBS_NAME_NONE: of another function. */
unsigned llmobs_name_find(const char *name);

/* The number of a symbol's name that has one of the sets; LLMOBS_NAME_NONE:
 * there is none. One of libc's counts only where the object does not define
 * it. */
unsigned llmobs_name_of(const struct llmobs_elf *elf, const ElfW(Sym) * sym,
                        unsigned sets);

/* True where one of the symbols before those of the GNU hash table
 * (llmobs_elf_unhashed) has such a name. Marks all of these unless `marks` is
 * NULL. */
bool llmobs_names_mark(const struct llmobs_elf *elf, unsigned sets,
                       struct llmobs_elf_marks *marks);

/* The GNU hashes of all names before LLMOBS_NAMES, by number. */
const uint32_t *llmobs_name_hashes(void);

/* The sets of a name: those of libc's, or one of these. */
enum {
    LLMOBS_NAME_OF_LOADER = 32,
    LLMOBS_NAME_OF_CURL = 64,
    LLMOBS_NAME_OF_LIB = 128
};
extern const unsigned short llmobs_name_sets[LLMOBS_NAMES];

#endif
