/* Calls OpenSSL for both ends of a connection, and makes certificates. */
#include "cli/intercept/tls.h"

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "include/engine.h"
#include "lib/base/clock.h"

/* The numbers are those of OpenSSL 1.1.1 to 3.x: ssl.h, obj_mac.h. */
#define CURVE_P256 415
#define BASIC_CONSTRAINTS 87
#define KEY_USAGE 83
#define EXTENDED_KEY_USAGE 126
#define SUBJECT_KEY 82
#define AUTHORITY_KEY 90
#define ALTERNATIVE_NAME 85
#define NAME_CONSTRAINTS 666
#define LATIN 0x1001
#define NOT_CLEANED_AT_EXIT (1UL << 19) /* threads may still use it */
#define VERIFY_PEER 1
#define PROTOCOL_NOT_SAID 3
#define IGNORES_BARE_END (1UL << 7)
#define NO_RENEGOTIATION (1UL << 30)
#define SET_MODE 33
#define PARTS_FROM_ANYWHERE 0x13 /* and idle connections keep no buffers */
#define READ_AHEAD 41
#define READ_ALERT 0x4004
#define CLOSE_NOTIFY 0
#define AHEAD ((size_t)64 * 1024) /* as much at once */
#define SET_CACHE 44
#define SET_NAME 55
#define WANTS_READ 2
#define WANTS_WRITE 3
#define SYSTEM_FAILED 5
#define ALERT 1000u
#define BAD_CERTIFICATE 42
#define CERTIFICATE_UNKNOWN 46
#define UNKNOWN_CA 48

#define HANDSHAKE_MS 60000
#define HOUR 3600L
#define DAY (24 * HOUR)

/* The functions of OpenSSL, by what they give and take; a pointer to an object
 * of its is plain here. */
typedef int choose_fn(void *ssl, const unsigned char **out,
                      unsigned char *out_len, const unsigned char *in,
                      unsigned in_len, void *user);
typedef int asked_fn(void *ssl, void **cert, void **key);
typedef void told_fn(void *ssl, int where, int value);
#define FUNCTIONS(X)                                                       \
    X(void *, (void), TLS_client_method)                                   \
    X(void *, (void), TLS_server_method)                                   \
    X(void *, (void), EVP_PKEY_new)                                        \
    X(void *, (void), EVP_sha256)                                          \
    X(void *, (void), BIO_s_mem)                                           \
    X(void *, (void *), BIO_new)                                           \
    X(int, (void *, const void *, int), BIO_write)                         \
    X(int, (void *, void *, int), BIO_read)                                \
    X(void, (void *, void *, void *), SSL_set_bio)                         \
    X(void *, (void), X509_new)                                            \
    X(void *, (int), EC_KEY_new_by_curve_name)                             \
    X(unsigned long, (void), ERR_get_error)                                \
    X(void, (void), ERR_clear_error)                                       \
    X(int, (uint64_t, const void *), OPENSSL_init_crypto)                  \
    X(void *, (void *), SSL_CTX_new)                                       \
    X(void *, (void *), SSL_new)                                           \
    X(int, (void *), SSL_CTX_set_default_verify_paths)                     \
    X(int, (void *), SSL_connect)                                          \
    X(int, (void *), SSL_accept)                                           \
    X(int, (void *), SSL_shutdown)                                         \
    X(int, (void *), EC_KEY_generate_key)                                  \
    X(void, (void *), SSL_free)                                            \
    X(void, (void *), EC_KEY_free)                                         \
    X(void, (void *), X509_free)                                           \
    X(void, (void *), X509_EXTENSION_free)                                 \
    X(void *, (void *), X509_get_serialNumber)                             \
    X(void *, (void *), X509_getm_notBefore)                               \
    X(void *, (void *), X509_getm_notAfter)                                \
    X(void *, (void *), X509_get_subject_name)                             \
    X(int, (const void *), SSL_get_fd)                                     \
    X(int, (const void *), SSL_has_pending)                                \
    X(int, (void *, void *), SSL_use_certificate)                          \
    X(int, (void *, void *), SSL_use_PrivateKey)                           \
    X(int, (void *, void *), EVP_PKEY_set1_EC_KEY)                         \
    X(int, (void *, void *), X509_set_pubkey)                              \
    X(int, (void *, void *), X509_set_issuer_name)                         \
    X(int, (void *, int), SSL_set_fd)                                      \
    X(int, (const void *, int), SSL_get_error)                             \
    X(void *, (const void *, int), SSL_get_ex_data)                        \
    X(int, (void *, int, void *), SSL_set_ex_data)                         \
    X(int, (void *, void *, int), SSL_read)                                \
    X(int, (void *, const void *, int), SSL_write)                         \
    X(int, (void *, void *, int), X509_add_ext)                            \
    X(int, (void *, void *, void *), X509_sign)                            \
    X(long, (void *, int, long, const void *), SSL_CTX_ctrl)               \
    X(long, (void *, int, long, const void *), SSL_ctrl)                   \
    X(unsigned long, (void *, unsigned long), SSL_CTX_set_options)         \
    X(void, (void *, size_t), SSL_CTX_set_default_read_buffer_len)         \
    X(int, (void *, size_t), SSL_CTX_set_num_tickets)                      \
    X(int, (void *, const char *, void *), SSL_CTX_load_verify_locations)  \
    X(void, (void *, int, void *), SSL_CTX_set_verify)                     \
    X(void, (void *, int, void *), SSL_set_verify)                         \
    X(void, (void *, asked_fn *), SSL_CTX_set_client_cert_cb)              \
    X(void, (void *, told_fn *), SSL_CTX_set_info_callback)                \
    X(void, (void *, choose_fn *, void *), SSL_CTX_set_alpn_select_cb)     \
    X(int, (void *, const char *), SSL_set1_host)                          \
    X(int, (void *, const void *, unsigned), SSL_set_alpn_protos)          \
    X(void, (const void *, const unsigned char **, unsigned *),            \
      SSL_get0_alpn_selected)                                              \
    X(int, (void *, long), X509_set_version)                               \
    X(void *, (void *, long), X509_gmtime_adj)                             \
    X(int, (void *, uint64_t), ASN1_INTEGER_set_uint64)                    \
    X(int, (void *, const char *, int, const char *, int, int, int),       \
      X509_NAME_add_entry_by_txt)                                          \
    X(void, (void *, void *, void *, void *, void *, int), X509V3_set_ctx) \
    X(void *, (void *, void *, int, const char *), X509V3_EXT_conf_nid)    \
    X(int, (FILE *, void *), PEM_write_X509)

static struct {
#define X(result, arguments, name) result(*name) arguments;
    FUNCTIONS(X)
#undef X
} lib;

static void *authority, *authority_key, *leaf_key, *to_server, *to_client;
static const char *more_trusted;
static int64_t authority_s; /* when it was made, by the wall clock */

/* -- certificates ---------------------------------------------------------- */

static void *new_key(void)
{
    void *ec = lib.EC_KEY_new_by_curve_name(CURVE_P256),
         *key = lib.EVP_PKEY_new();
    bool made = ec && key && lib.EC_KEY_generate_key(ec) == 1 &&
                lib.EVP_PKEY_set1_EC_KEY(key, ec) == 1;

    lib.EC_KEY_free(ec);
    return made ? key : NULL;
}

/* The issuer is the authority; NULL: the certificate is the authority's. */
static bool add(void *cert, void *issuer, int what, const char *value)
{
    uint64_t context[64] = {0}; /* X509V3_CTX has up to 80 bytes */
    void *extension;
    bool added;

    lib.X509V3_set_ctx(context, issuer ? issuer : cert, cert, NULL, NULL, 0);
    extension = lib.X509V3_EXT_conf_nid(NULL, context, what, value);
    added = extension && lib.X509_add_ext(cert, extension, -1) == 1;
    lib.X509_EXTENSION_free(extension);
    return added;
}

/* Makes the part that all certificates have. Programs' clocks may be slow. */
static void *new_cert(const char *name, void *key, void *issuer)
{
    void *cert = lib.X509_new(), *subject;
    uint64_t serial = 0;

    if (!cert || getrandom(&serial, sizeof(serial), 0) != sizeof(serial))
        return NULL;
    subject = lib.X509_get_subject_name(cert);
    lib.X509_set_version(cert, 2);
    lib.ASN1_INTEGER_set_uint64(lib.X509_get_serialNumber(cert),
                                serial >> 1 | 1);
    lib.X509_gmtime_adj(lib.X509_getm_notBefore(cert), issuer ? -HOUR : -DAY);
    lib.X509_gmtime_adj(lib.X509_getm_notAfter(cert),
                        issuer ? DAY : LLMOBS_TLS_S);
    lib.X509_set_pubkey(cert, key);
    lib.X509_NAME_add_entry_by_txt(subject, "CN", LATIN, name, -1, -1, 0);
    lib.X509_set_issuer_name(cert, issuer ? lib.X509_get_subject_name(issuer)
                                          : subject);
    return cert;
}

bool llmobs_tls_write_authority(FILE *out)
{
    return lib.PEM_write_X509(out, authority) == 1;
}

static int64_t wall_s(void)
{
    return llmobs_clock_wall_ns() / LLMOBS_NS_PER_MS / 1000;
}

bool llmobs_tls_is_valid(void)
{
    int64_t age = wall_s() - authority_s;

    return age > HOUR - DAY && age < LLMOBS_TLS_S - DAY;
}

/* -- settings -------------------------------------------------------------- */

/* The server wants a certificate of the client, whose key is not here. */
static int on_asked(void *ssl, void **cert, void **key)
{
    bool *asked = lib.SSL_get_ex_data(ssl, 0);

    *cert = *key = NULL;
    if (asked)
        *asked = true;
    return 0;
}

/* Notes that the peer has said that it sends no more: OpenSSL takes an end of
 * the connection alone, be it amid a record, for the same. */
static void on_told(void *ssl, int where, int value)
{
    if (where == READ_ALERT && (value & 255) == CLOSE_NOTIFY)
        lib.SSL_set_ex_data(ssl, 1, ssl);
}

/* The server's choice is the client's; `user`: none. */
static int choose(void *ssl, const unsigned char **out, unsigned char *out_len,
                  const unsigned char *in, unsigned in_len, void *user)
{
    const unsigned char *chosen = NULL;
    unsigned len = 0;

    (void)user;
    lib.SSL_get0_alpn_selected(lib.SSL_get_ex_data(ssl, 0), &chosen, &len);
    for (unsigned at = 0; len > 0 && at < in_len; at += in[at] + 1u)
        if (in[at] == len && memcmp(in + at + 1, chosen, len) == 0) {
            *out = in + at + 1;
            *out_len = in[at];
            return 0;
        }
    return PROTOCOL_NOT_SAID;
}

/* A look in libssl is one in libcrypto, too, which libssl needs. A session that
 * is taken up again would show its client no certificate, by which the library
 * knows that its calls are read here. */
bool llmobs_tls_open(const char *more, const char *names)
{
    void *ssl = dlopen("libssl.so.3", RTLD_NOW | RTLD_LOCAL);
    char name[64];
    uint64_t id = 0;

    if (!ssl)
        ssl = dlopen("libssl.so.1.1", RTLD_NOW | RTLD_LOCAL);
#define X(result, arguments, name)                        \
    *(void **)&lib.name = ssl ? dlsym(ssl, #name) : NULL; \
    if (!lib.name)                                        \
        return false;
    FUNCTIONS(X)
#undef X
    if (lib.OPENSSL_init_crypto(NOT_CLEANED_AT_EXIT, NULL) != 1 ||
        getrandom(&id, sizeof(id), 0) != sizeof(id))
        return false;
    snprintf(name, sizeof(name), LLMOBS_INTERCEPT_ISSUER "%016" PRIx64, id);
    authority_key = new_key();
    authority_s = wall_s();
    authority = authority_key ? new_cert(name, authority_key, NULL) : NULL;
    more_trusted = more;
    return authority &&
           add(authority, NULL, BASIC_CONSTRAINTS,
               "critical,CA:TRUE,pathlen:0") &&
           add(authority, NULL, KEY_USAGE, "critical,keyCertSign,cRLSign") &&
           add(authority, NULL, SUBJECT_KEY, "hash") &&
           (!names || add(authority, NULL, NAME_CONSTRAINTS, names)) &&
           lib.X509_sign(authority, authority_key, lib.EVP_sha256()) > 0;
}

/* Makes ready what the first connection needs, and many a run does not: the
 * system's store may be a file of 140 certificates. */
static void open_first(void)
{
    leaf_key = new_key();
    to_server = lib.SSL_CTX_new(lib.TLS_client_method());
    to_client = leaf_key ? lib.SSL_CTX_new(lib.TLS_server_method()) : NULL;
    if (!to_server || !to_client)
        return;
    for (int i = 0; i < 2; i++) {
        void *context = i ? to_client : to_server;

        lib.SSL_CTX_set_options(context, IGNORES_BARE_END | NO_RENEGOTIATION);
        lib.SSL_CTX_ctrl(context, SET_MODE, PARTS_FROM_ANYWHERE, NULL);
        lib.SSL_CTX_ctrl(context, READ_AHEAD, 1, NULL);
        lib.SSL_CTX_set_info_callback(context, on_told);
        lib.SSL_CTX_set_default_read_buffer_len(context, AHEAD);
    }
    lib.SSL_CTX_ctrl(to_client, SET_CACHE, 0, NULL);
    lib.SSL_CTX_set_num_tickets(to_client, 0);
    lib.SSL_CTX_set_verify(to_server, VERIFY_PEER, NULL);
    lib.SSL_CTX_set_client_cert_cb(to_server, on_asked);
    lib.SSL_CTX_set_alpn_select_cb(to_client, choose, NULL);
    lib.SSL_CTX_set_default_verify_paths(to_server);
    if (more_trusted)
        lib.SSL_CTX_load_verify_locations(to_server, more_trusted, NULL);
    lib.ERR_clear_error();
}

/* -- an end ---------------------------------------------------------------- */

static bool shake(void *ssl, int (*step)(void *))
{
    for (;;) {
        struct pollfd one = {lib.SSL_get_fd(ssl), 0, 0};
        int result, why;

        lib.ERR_clear_error();
        result = step(ssl);
        if (result == 1)
            return true;
        why = lib.SSL_get_error(ssl, result);
        one.events = why == WANTS_WRITE ? POLLOUT : POLLIN;
        if ((why != WANTS_READ && why != WANTS_WRITE) ||
            poll(&one, 1, HANDSHAKE_MS) == 0)
            return false;
    }
}

void *llmobs_tls_reach(int fd, const struct llmobs_hello *hello, bool proves)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    bool asked = false;
    void *ssl;

    pthread_once(&once, open_first);
    ssl = to_client ? lib.SSL_new(to_server) : NULL;
    if (ssl && !proves)
        lib.SSL_set_verify(ssl, 0, NULL);
    if (ssl && lib.SSL_set_fd(ssl, fd) == 1 &&
        lib.SSL_set_ex_data(ssl, 0, &asked) == 1 &&
        lib.SSL_ctrl(ssl, SET_NAME, 0, hello->name) == 1 &&
        lib.SSL_set1_host(ssl, hello->name) == 1 &&
        (hello->alpn_len == 0 ||
         lib.SSL_set_alpn_protos(ssl, hello->alpn, (unsigned)hello->alpn_len) ==
             0) &&
        shake(ssl, lib.SSL_connect) && !asked) {
        lib.SSL_set_ex_data(ssl, 0, NULL);
        return ssl;
    }
    lib.SSL_free(ssl);
    return NULL;
}

void *llmobs_tls_take(int fd, const struct llmobs_hello *hello, void *server,
                      enum llmobs_tls_why *why)
{
    /* It takes 0.1 ms: so each connection has its own. */
    void *ssl = lib.SSL_new(to_client),
         *leaf = new_cert("llmobs", leaf_key, authority), *in, *out;
    char names[sizeof("DNS:") + sizeof(hello->name)];
    char bytes[LLMOBS_HELLO_MAX];
    ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_PEEK);
    bool taken = false;
    unsigned long error;

    snprintf(names, sizeof(names), "DNS:%s", hello->name);
    taken = ssl && leaf &&
            add(leaf, authority, BASIC_CONSTRAINTS, "critical,CA:FALSE") &&
            add(leaf, authority, KEY_USAGE, "critical,digitalSignature") &&
            add(leaf, authority, EXTENDED_KEY_USAGE, "serverAuth") &&
            add(leaf, authority, SUBJECT_KEY, "hash") &&
            add(leaf, authority, AUTHORITY_KEY, "keyid") &&
            add(leaf, authority, ALTERNATIVE_NAME, names) &&
            lib.X509_sign(leaf, authority_key, lib.EVP_sha256()) > 0 &&
            lib.SSL_set_ex_data(ssl, 0, server) == 1 &&
            lib.SSL_use_certificate(ssl, leaf) == 1 &&
            lib.SSL_use_PrivateKey(ssl, leaf_key) == 1;
    lib.X509_free(leaf);
    *why = LLMOBS_TLS_UNABLE;
    if (taken) {
        in = lib.BIO_new(lib.BIO_s_mem());
        out = lib.BIO_new(lib.BIO_s_mem());
        taken = lib.BIO_write(in, bytes, (int)n) == n;
        lib.SSL_set_bio(ssl, in, out);
    }
    lib.ERR_clear_error();
    if (taken && lib.SSL_get_error(ssl, lib.SSL_accept(ssl)) == WANTS_READ) {
        *why = LLMOBS_TLS_LEFT;
        (void)!recv(fd, bytes, (size_t)n, 0);
        n = lib.BIO_read(out, bytes, sizeof(bytes));
        if (n > 0 && send(fd, bytes, (size_t)n, MSG_NOSIGNAL) == n &&
            lib.SSL_set_fd(ssl, fd) == 1 && shake(ssl, lib.SSL_accept))
            return ssl;
        /* Alerts that say: not by this certificate. */
        error = lib.ERR_get_error() & 4095;
        if (error == ALERT + BAD_CERTIFICATE ||
            error == ALERT + CERTIFICATE_UNKNOWN || error == ALERT + UNKNOWN_CA)
            *why = LLMOBS_TLS_REFUSED;
    }
    lib.SSL_free(ssl);
    return NULL;
}

bool llmobs_tls_is_http2(const void *tls)
{
    const unsigned char *name = NULL;
    unsigned len = 0;

    lib.SSL_get0_alpn_selected(tls, &name, &len);
    return len == 2 && memcmp(name, "h2", 2) == 0;
}

/* Of a call that gave no bytes: -1 and errno, or 0 for an end. */
static ssize_t result_of(const void *tls, int result, short *waits)
{
    int failed = errno, why = lib.SSL_get_error(tls, result);

    *waits = why == WANTS_WRITE ? POLLOUT : POLLIN;
    errno = EAGAIN;
    if (why == WANTS_READ || why == WANTS_WRITE)
        return -1;
    errno = failed;
    return why == SYSTEM_FAILED && failed != 0 ? -1 : 0;
}

ssize_t llmobs_tls_receive(void *tls, char *bytes, size_t len, short *waits,
                           bool *told)
{
    int got;

    lib.ERR_clear_error();
    errno = 0;
    got = lib.SSL_read(tls, bytes, (int)len);
    *told = lib.SSL_get_ex_data(tls, 1);
    if (got <= 0)
        return result_of(tls, got, waits);
    *waits = lib.SSL_has_pending(tls) ? 0 : POLLIN;
    return got;
}

ssize_t llmobs_tls_send(void *tls, const char *bytes, size_t len, short *waits)
{
    int put;

    lib.ERR_clear_error();
    errno = 0;
    put = lib.SSL_write(tls, bytes, (int)len);
    if (put > 0)
        return put;
    if (result_of(tls, put, waits) == 0)
        errno = EPIPE;
    return -1;
}

bool llmobs_tls_end(void *tls)
{
    int result;

    lib.ERR_clear_error();
    result = lib.SSL_shutdown(tls);
    return result >= 0 || lib.SSL_get_error(tls, result) != WANTS_WRITE;
}

void llmobs_tls_free(void *tls)
{
    if (tls)
        lib.SSL_free(tls);
}
