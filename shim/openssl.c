/* openssl - the calls of OpenSSL by which a program sends and receives, and
 * what the core learns of them.
 *
 * A read or a write is reported behind the real function, but a write by HTTP/2
 * before it. A connection whose first bytes begin no HTTP costs one look-up per
 * call from then on. Nothing is written into the program's objects. OpenSSL
 * frees most connections inside itself, where no slot is used. So their end is
 * seen through the data that OpenSSL lets any library add to an object
 * (ex_data).
 *
 * The calls and their numbers: ssl.h and crypto.h of OpenSSL 1.1.1 to 3.x. */
#include "shim/connections.h"
#include "shim/copies.h"
#include "shim/follow.h"
#include "shim/host.h"
#include "shim/lib_calls.h"
#include "shim/libc.h"
#include "shim/str.h"
#include "shim/tls_now.h"

#define INDEX_OF_SSL 0 /* CRYPTO_EX_INDEX_SSL */
#define NAME_OF_HOST 0 /* TLSEXT_NAMETYPE_host_name */

/* Answers of SSL_want and of SSL_get_shutdown; flags of a BIO, which says what
 * it waits for. */
#define WANTS_NOTHING 1
#define WANTS_TO_WRITE 2
#define WANTS_TO_READ 3
#define OWN_CLOSED 1
#define PEER_CLOSED 2
#define BIO_WAITS 7
#define BIO_MEMORY 1025
#define COMMON_NAME 13 /* obj_mac.h */
#define STATE_BEFORE 0 /* of a handshake (TLS_ST_BEFORE) */

/* Declared for their types alone: the shim calls the library's own functions.
 */
int SSL_want(const void *ssl);
int SSL_get_shutdown(const void *ssl);
void *SSL_get_rbio(const void *ssl);
void *SSL_get_wbio(const void *ssl);
int SSL_get_rfd(const void *ssl);
int SSL_pending(const void *ssl);
const char *SSL_get_servername(const void *ssl, int type);
int SSL_is_server(const void *ssl);
int SSL_in_init(const void *ssl);
int SSL_connect(void *ssl);
int SSL_do_handshake(void *ssl);
int SSL_get_state(const void *ssl);
size_t SSL_get_client_random(const void *ssl, unsigned char *out, size_t len);
void SSL_get0_alpn_selected(const void *ssl, const unsigned char **name,
                            unsigned *len);
void *SSL_get_peer_cert_chain(const void *ssl);

int SSL_read(void *ssl, void *bytes, int len);
int SSL_write(void *ssl, const void *bytes, int len);
int SSL_read_ex(void *ssl, void *bytes, size_t len, size_t *got);
int SSL_write_ex(void *ssl, const void *bytes, size_t len, size_t *put);
int SSL_clear(void *ssl);
void SSL_free(void *ssl);

#define REAL(name) LLMOBS_LIB_REAL_OF(copy, name)

typedef void free_fn(void *parent, void *pointer, void *data, int index,
                     long number, void *argument);
int CRYPTO_get_ex_new_index(int class, long number, void *argument, void *made,
                            void *copied, free_fn *freed);
int BIO_test_flags(const void *bio, int flags);
uint64_t BIO_number_read(void *bio);
int BIO_method_type(const void *bio);
int BIO_up_ref(void *bio);
size_t BIO_ctrl_pending(void *bio);
int BIO_free(void *bio);
void *OPENSSL_sk_value(const void *stack, int at);
void *X509_get_issuer_name(const void *cert);
int X509_NAME_get_text_by_NID(const void *name, int nid, char *text, int room);

/* A function for each copy, whose number has no room in the call. */
#define THUNKS(result, name, arguments, ...) \
    static result name##_0 arguments         \
    {                                        \
        return of_##name(0, __VA_ARGS__);    \
    }                                        \
    static result name##_1 arguments         \
    {                                        \
        return of_##name(1, __VA_ARGS__);    \
    }

/* True: the library learns of the ends of the copy's connections. */
static bool known[LLMOBS_LIB_COPIES];

bool llmobs_lib_ssl_is_complete(unsigned copy)
{
    return REAL(CRYPTO_get_ex_new_index) && REAL(BIO_test_flags) &&
           REAL(BIO_number_read) && REAL(BIO_method_type) && REAL(BIO_up_ref) &&
           REAL(BIO_ctrl_pending) && REAL(BIO_free);
}

void llmobs_lib_ssl_reset(unsigned copy)
{
    __atomic_store_n(&known[copy], false, __ATOMIC_RELEASE);
}

/* Bytes that OpenSSL reads between two calls that are seen, the program
 * receives by a function that is not, if they are not OpenSSL's own. */
static uint64_t came_beside(unsigned copy, struct llmobs_connection *connection,
                            const void *ssl)
{
    uint64_t before = connection->came;

    connection->came = REAL(BIO_number_read)(REAL(SSL_get_rbio)(ssl));
    connection->got |= connection->came != before;
    connection->idle &= connection->came == before;
    return before ? connection->came - before : 0;
}

/* Node lets OpenSSL write to memory, from which it sends. If it refuses the
 * peer's certificate, it sends no request that it has written before: what is
 * there at the end has not left. OpenSSL 3.2 and later free the memory before
 * they tell of the end, so it is held. */
static void hold_memory(unsigned copy, struct llmobs_connection *connection,
                        const void *ssl)
{
    void *bio = connection->memory ? NULL : REAL(SSL_get_wbio)(ssl);

    if (bio && REAL(BIO_method_type)(bio) == BIO_MEMORY &&
        REAL(BIO_up_ref)(bio))
        connection->memory = bio;
}

/* The program frees the object, or uses it for another connection. */
static void before_end(unsigned copy, const void *ssl)
{
    struct llmobs_connection *connection = llmobs_connections_find(ssl);
    void *bio = connection ? connection->memory : NULL;

    if (connection && REAL(SSL_get_rbio)(ssl))
        llmobs_follow_unseen(connection,
                             came_beside(copy, connection, ssl) +
                                 (uint64_t)REAL(SSL_pending)(ssl),
                             REAL(SSL_get_rfd)(ssl));
    if (bio) {
        connection->memory = NULL;
        llmobs_follow_waits(ssl, REAL(BIO_ctrl_pending)(bio));
        REAL(BIO_free)(bio);
    }
    if (connection && connection->idle)
        llmobs_follow_ended(ssl, LLMOBS_WIRE_BROKEN);
}

/* OpenSSL 3.2 and later have freed the BIO by now. */
static void on_free(void *ssl, void *pointer, void *data, int index, long copy,
                    void *argument)
{
    (void)pointer, (void)data, (void)index, (void)argument;
    before_end((unsigned)copy, ssl);
    llmobs_follow_forget(ssl);
}

/* Called at the program's first call, and not before: it initializes libcrypto,
 * and the program may want to do that in its own way. Threads that call at the
 * same time all ask, and so does a child that was forked meanwhile. So OpenSSL
 * may call on_free twice for one end, but no thread misses the first bytes of
 * its connection. */
static bool ends_are_known(unsigned copy)
{
    bool is = __atomic_load_n(&known[copy], __ATOMIC_ACQUIRE);

    if (__builtin_expect(!is, 0) && llmobs_lib_ssl_is_complete(copy)) {
        is = REAL(CRYPTO_get_ex_new_index)(INDEX_OF_SSL, (long)copy, NULL, NULL,
                                           NULL, on_free) >= 0;
        __atomic_store_n(&known[copy], is, __ATOMIC_RELEASE);
    }
    return is;
}

/* The proxy of the run has made the peer's certificate, and reads the
 * connection: whatever ignores it, or passes it unread, is followed here. */
static bool is_read_elsewhere(unsigned copy, const void *ssl)
{
    char text[sizeof(LLMOBS_INTERCEPT_ISSUER) + 16];
    const void *chain, *leaf, *issuer;

    if (!llmobs_host_is_intercepted() || !REAL(SSL_get_peer_cert_chain) ||
        !REAL(OPENSSL_sk_value) || !REAL(X509_get_issuer_name) ||
        !REAL(X509_NAME_get_text_by_NID))
        return false;
    chain = REAL(SSL_get_peer_cert_chain)(ssl);
    leaf = chain ? REAL(OPENSSL_sk_value)(chain, 0) : NULL;
    issuer = leaf ? REAL(X509_get_issuer_name)(leaf) : NULL;
    return issuer &&
           REAL(X509_NAME_get_text_by_NID)(issuer, COMMON_NAME, text,
                                           sizeof(text)) > 0 &&
           llmobs_str_begins(text, LLMOBS_INTERCEPT_ISSUER);
}

static inline const char *of_name(unsigned copy, const void *ssl)
{
    if (is_read_elsewhere(copy, ssl))
        return LLMOBS_FOLLOW_ELSEWHERE;
    return REAL(SSL_get_servername)(ssl, NAME_OF_HOST);
}
THUNKS(const char *, name, (const void *ssl), ssl)

/* `shown`: the core has seen the bytes. */
static void report_sent(unsigned copy, const void *ssl, const void *bytes,
                        size_t len, size_t accepted, bool shown)
{
    struct llmobs_connection *connection =
        shown ? llmobs_connections_find(ssl)
              : llmobs_follow_sent(ssl, copy ? name_1 : name_0, bytes, len,
                                   accepted);

    if (connection && !connection->came)
        hold_memory(copy, connection, ssl);
    /* One thread may read HTTP/2 by functions that are watched. */
    if (connection && !connection->http2 && came_beside(copy, connection, ssl))
        llmobs_follow_unseen(connection, LLMOBS_WIRE_READ_BESIDE, -1);
}

/* The call did nothing, since it has to wait. SSL_get_error says so only where
 * the program has left no older error in the thread's queue. */
static bool waits(unsigned copy, const void *ssl)
{
    int want = REAL(SSL_want)(ssl);
    void *bio = want == WANTS_TO_READ    ? REAL(SSL_get_rbio)(ssl)
                : want == WANTS_TO_WRITE ? REAL(SSL_get_wbio)(ssl)
                                         : NULL;

    return bio ? REAL(BIO_test_flags)(bio, BIO_WAITS) != 0
               : want != WANTS_NOTHING;
}

/* How the connection ended, as a call that did not wait has found. After an
 * alert of the peer's, or an error of the library's own, OpenSSL is where a
 * handshake begins. */
static enum llmobs_wire_end end_of(unsigned copy, const void *ssl)
{
    return (REAL(SSL_get_shutdown)(ssl) & PEER_CLOSED) &&
                   !REAL(SSL_in_init)(ssl)
               ? LLMOBS_WIRE_CLOSED
               : LLMOBS_WIRE_BROKEN;
}

/* A TLS server is not observed, on purpose: the calls of its clients are not
 * its own. */
static void report_received(unsigned copy, const void *ssl, const void *bytes,
                            size_t len)
{
    bool first = false;
    const unsigned char *alpn = NULL;
    unsigned alpn_len = 0;
    struct llmobs_connection *connection =
        llmobs_follow_received(ssl, bytes, len, &first);

    if (connection)
        (void)came_beside(copy, connection, ssl);
    if (!first)
        return;
    REAL(SSL_get0_alpn_selected)(ssl, &alpn, &alpn_len);
    if (REAL(SSL_is_server)(ssl))
        llmobs_host_accepts_tls();
    else if (!llmobs_follow_http2(ssl, copy ? name_1 : name_0, alpn, alpn_len,
                                  bytes, len) &&
             llmobs_http1_same(bytes, len, "HTTP/1.") == 7)
        llmobs_follow_not(of_name(copy, ssl));
}

/* An end of HTTP/2 behind the program's own end is the program's. Node reads
 * its sockets itself, and calls OpenSSL when bytes have come, and once more at
 * the end, of which OpenSSL does not learn: then none have come since the last
 * read that had to wait. */
static void after_read(unsigned copy, const void *ssl, const void *bytes,
                       int result, size_t got)
{
    int saved = llmobs_libc_errno();
    struct llmobs_connection *connection;

    if (!ends_are_known(copy))
        ;
    else if (result > 0)
        report_received(copy, ssl, bytes, got);
    else if ((connection = llmobs_connections_find(ssl)) &&
             !(connection->http2 && REAL(SSL_get_shutdown)(ssl) & OWN_CLOSED)) {
        (void)came_beside(copy, connection, ssl);
        connection->idle =
            !REAL(SSL_free) && !connection->got && REAL(SSL_get_rfd)(ssl) < 0;
        connection->got = false;
        if (!waits(copy, ssl))
            llmobs_follow_ended(ssl, end_of(copy, ssl));
    }
    llmobs_libc_errno_restore(saved);
}

/* A write that could not be done now is tried again with the same bytes. They
 * count the first time, because the peer may answer before all of them were
 * sent, and also if the rest cannot be sent. Before the end of a handshake no
 * byte was sent. */
static void report_unsent(unsigned copy, const void *ssl, const void *bytes,
                          size_t len, bool shown)
{
    bool waiting = waits(copy, ssl);
    bool closed = !waiting && end_of(copy, ssl) == LLMOBS_WIRE_CLOSED;

    if (!closed && REAL(SSL_in_init)(ssl))
        return;
    if (!closed && !shown)
        report_sent(copy, ssl, bytes, len, 0, false);
    if (!waiting)
        llmobs_follow_ended(ssl,
                            closed ? LLMOBS_WIRE_CLOSED : LLMOBS_WIRE_UNSENT);
}

static void after_write(unsigned copy, const void *ssl, const void *bytes,
                        size_t len, int result, size_t put, bool shown,
                        struct llmobs_insertions *all)
{
    int saved = llmobs_libc_errno();

    if (shown)
        llmobs_follow_accepted(ssl, &(struct iovec){NULL, len}, 1, put);
    if (all)
        llmobs_follow_give(ssl, all);
    if (!ends_are_known(copy))
        ;
    else if (result <= 0)
        report_unsent(copy, ssl, bytes, len, shown);
    else
        report_sent(copy, ssl, bytes, len, put, shown);
    llmobs_libc_errno_restore(saved);
}

/* A write does what is left of a client's handshake first. Here that is done
 * before the core sees the bytes, which do not go if it fails: gives its
 * result, as SSL_write would. Programs use a connection of HTTP/2 by several
 * threads: one may receive the answer before the write of another returns; and
 * trace headers may have to go among the bytes, of which a part may have gone
 * before a new handshake or update of keys. `shown`: the core has seen the
 * bytes. */
static int before_write(unsigned copy, void *ssl, const char *bytes, size_t len,
                        bool *shown, struct llmobs_insertions **all)
{
    const struct llmobs_connection *connection = llmobs_connections_find(ssl);
    bool may = ends_are_known(copy) && llmobs_follow_inserts();
    int result = 1;

    if (may && *bytes == 'P' && REAL(SSL_in_init)(ssl) &&
        !REAL(SSL_is_server)(ssl))
        result = REAL(SSL_do_handshake)(ssl);
    *shown = result > 0 && (may || (connection && connection->http2)) &&
             ((connection && connection->inserts) || !REAL(SSL_in_init)(ssl));
    if (*shown)
        *all =
            llmobs_follow_shows(ssl, copy ? name_1 : name_0, bytes, len, true);
    return result ? result : -1;
}

/* `ex`: by SSL_write_ex, else by SSL_write. Where a call is tried again with
 * more bytes, those follow that OpenSSL has been given, whose address it knows.
 * Of one that a new handshake holds up it has none: others may come instead. */
static int write_own(unsigned copy, void *ssl, const char *bytes, size_t len,
                     bool ex, size_t *put)
{
    struct iovec now = {(void *)(uintptr_t)bytes, len};
    struct llmobs_insertions *all = NULL;
    bool shown;
    int result = before_write(copy, ssl, bytes, len, &shown, &all);
    size_t done = all ? all->done : 0;

    result = ex && result < 0 ? 0 : result;
    for (bool goes_on = result > 0; goes_on;) {
        size_t left = len > done ? len - done : 0, took = 0;
        bool had = all && all->room;

        if (all)
            now = llmobs_follow_join(all, bytes + done, left);
        if (ex)
            result = REAL(SSL_write_ex)(ssl, now.iov_base, now.iov_len, &took);
        else
            result = REAL(SSL_write)(ssl, now.iov_base, (int)now.iov_len);
        took = !ex && result > 0 ? (size_t)result : took;
        if (result > 0 || (!had && all && all->room && REAL(SSL_in_init)(ssl)))
            done += all ? llmobs_follow_joined(all, bytes + done, left, took)
                        : took;
        goes_on = all && result > 0 && done < len &&
                  (done == 0 || took == now.iov_len);
    }
    if (result > 0)
        *put = done;
    if (all)
        all->done = result > 0 ? 0 : done;
    after_write(copy, ssl, bytes, len, result, done, shown, all);
    return result;
}

/* Before a call that may begin the handshake of a client, and behind it: tells
 * the proxy of the run by the socket, or where OpenSSL has none, by the message
 * that the program is yet to send. True: that is to be done behind the call. */
static bool before_hello(unsigned copy, const void *ssl, bool client)
{
    int fd;

    if (!llmobs_host_proxy() || REAL(SSL_get_state)(ssl) != STATE_BEFORE ||
        (!client && REAL(SSL_is_server)(ssl)) || !ends_are_known(copy))
        return false;
    fd = REAL(SSL_get_rfd)(ssl);
    if (fd >= 0)
        llmobs_follow_announce(fd, NULL);
    return fd < 0;
}

static void after_hello(unsigned copy, const void *ssl)
{
    unsigned char random[sizeof(((struct llmobs_follows *)NULL)->random)];

    if (REAL(SSL_get_client_random)(ssl, random, sizeof(random)) ==
        sizeof(random))
        llmobs_follow_announce(-1, random);
}

/* -- for the patched slots ------------------------------------------------- */

/* Always inlined, so that the return address is the thunk's. */
#define OF static inline __attribute__((always_inline)) int

/* False for the calls of a libcurl whose transfers are seen. Its slots are not
 * patched, but where it uses the OpenSSL inside a program, the entries of the
 * functions meet the calls of all objects (entry.h). */
#define IS_OWN(len) \
    ((len) > 0 && !llmobs_copies_observe(__builtin_return_address(0)))

OF of_SSL_read(unsigned copy, void *ssl, void *bytes, int len)
{
    const void *outer = llmobs_tls_now_enter(ssl);
    bool own = IS_OWN(len), begins = own && before_hello(copy, ssl, false);
    int got = REAL(SSL_read)(ssl, bytes, len);

    if (begins)
        after_hello(copy, ssl);
    if (own)
        after_read(copy, ssl, bytes, got, (size_t)got);
    llmobs_tls_now_leave(outer);
    return got;
}

OF of_SSL_write(unsigned copy, void *ssl, const void *bytes, int len)
{
    const void *outer = llmobs_tls_now_enter(ssl);
    size_t put = 0;
    int result = IS_OWN(len)
                     ? write_own(copy, ssl, bytes, (size_t)len, false, &put)
                     : REAL(SSL_write)(ssl, bytes, len);

    llmobs_tls_now_leave(outer);
    return put ? (int)put : result;
}

OF of_SSL_read_ex(unsigned copy, void *ssl, void *bytes, size_t len,
                  size_t *got)
{
    int result = REAL(SSL_read_ex)(ssl, bytes, len, got);

    if (IS_OWN(len))
        after_read(copy, ssl, bytes, result, result > 0 ? *got : 0);
    return result;
}

OF of_SSL_write_ex(unsigned copy, void *ssl, const void *bytes, size_t len,
                   size_t *put)
{
    return IS_OWN(len) ? write_own(copy, ssl, bytes, len, true, put)
                       : REAL(SSL_write_ex)(ssl, bytes, len, put);
}

/* The program makes the object ready for another connection. */
static inline int of_SSL_clear(unsigned copy, void *ssl)
{
    before_end(copy, ssl);
    llmobs_follow_forget(ssl);
    return REAL(SSL_clear)(ssl);
}

static inline void of_SSL_free(unsigned copy, void *ssl)
{
    before_end(copy, ssl);
    REAL(SSL_free)(ssl);
}

#define HANDSHAKE(name, client)                           \
    static inline int of_##name(unsigned copy, void *ssl) \
    {                                                     \
        bool begins = before_hello(copy, ssl, client);    \
        int result = REAL(name)(ssl);                     \
                                                          \
        if (begins)                                       \
            after_hello(copy, ssl);                       \
        return result;                                    \
    }                                                     \
    THUNKS(int, name, (void *ssl), ssl)
HANDSHAKE(SSL_connect, true)
HANDSHAKE(SSL_do_handshake, false)

THUNKS(int, SSL_read, (void *ssl, void *bytes, int len), ssl, bytes, len)
THUNKS(int, SSL_write, (void *ssl, const void *bytes, int len), ssl, bytes, len)
THUNKS(int, SSL_read_ex, (void *ssl, void *bytes, size_t len, size_t *got), ssl,
       bytes, len, got)
THUNKS(int, SSL_write_ex,
       (void *ssl, const void *bytes, size_t len, size_t *put), ssl, bytes, len,
       put)
THUNKS(int, SSL_clear, (void *ssl), ssl)
THUNKS(void, SSL_free, (void *ssl), ssl)

#define THUNK_OF(library, name)                             \
    case LLMOBS_LIB_##name:                                 \
        return copy ? llmobs_lib_opaque((void *)(name##_1)) \
                    : llmobs_lib_opaque((void *)(name##_0));

void *llmobs_lib_ssl(unsigned copy, enum llmobs_lib_call hook)
{
    if (hook >= LLMOBS_LIB_SSL_connect && !llmobs_host_proxy())
        return NULL;
    switch (hook) {
        LLMOBS_LIB_SSL_HOOKS(THUNK_OF)
    default:
        return NULL;
    }
}
