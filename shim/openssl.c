/* openssl - the calls of OpenSSL by which a program sends and receives, and
 * what the core learns of them.
 *
 * The real function is always called first. A connection whose first bytes are
 * not a request of HTTP/1.1 costs one look-up per call from then on. Nothing is
 * written into the program's objects. OpenSSL frees most connections inside
 * itself, where no slot is used. So their end is seen through the data that
 * OpenSSL lets any library add to an object (ex_data).
 *
 * The calls and their numbers: ssl.h and crypto.h of OpenSSL 1.1.1 to 3.x. */
#include "shim/connections.h"
#include "shim/follow.h"
#include "shim/host.h"
#include "shim/lib_calls.h"
#include "shim/libc.h"

#define INDEX_OF_SSL 0 /* CRYPTO_EX_INDEX_SSL */
#define NAME_OF_HOST 0 /* TLSEXT_NAMETYPE_host_name */

/* Answers of SSL_get_error. */
#define ERROR_SSL 1
#define WANT_READ 2
#define WANT_WRITE 3
#define ERROR_SYSCALL 5
#define ZERO_RETURN 6

/* Declared for their types alone: the shim calls the library's own functions.
 */
int SSL_get_error(const void *ssl, int result);
const char *SSL_get_servername(const void *ssl, int type);
int SSL_is_server(const void *ssl);
int SSL_in_init(const void *ssl);

int SSL_read(void *ssl, void *bytes, int len);
int SSL_write(void *ssl, const void *bytes, int len);
int SSL_read_ex(void *ssl, void *bytes, size_t len, size_t *got);
int SSL_write_ex(void *ssl, const void *bytes, size_t len, size_t *put);
int SSL_clear(void *ssl);

#define REAL(name) LLMOBS_LIB_REAL_OF(copy, name)

typedef void free_fn(void *parent, void *pointer, void *data, int index,
                     long number, void *argument);
typedef int new_index_fn(int class, long number, void *argument, void *made,
                         void *copied, free_fn *freed);

/* Of each copy; set under the scan's lock. */
static new_index_fn *new_index[LLMOBS_LIB_COPIES];

/* Whether the library learns of the ends of a copy's connections: not yet
 * asked; yes; no, so no connection is followed. */
enum ends { UNASKED, KNOWN, UNKNOWN };
static int ends[LLMOBS_LIB_COPIES];

bool llmobs_lib_ssl_is_complete(unsigned copy)
{
    return __atomic_load_n(&new_index[copy], __ATOMIC_ACQUIRE) != NULL;
}

void llmobs_lib_ssl_complete(unsigned copy, void *address)
{
    __atomic_store_n(&ends[copy], UNASKED, __ATOMIC_RELEASE);
    __atomic_store_n(&new_index[copy], (new_index_fn *)address,
                     __ATOMIC_RELEASE);
}

static void on_free(void *ssl, void *pointer, void *data, int index,
                    long number, void *argument)
{
    (void)pointer, (void)data, (void)index, (void)number, (void)argument;
    llmobs_follow_forget(ssl);
}

/* Called at the program's first call, and not before: it initializes libcrypto,
 * and the program may want to do that in its own way. Threads that call at the
 * same time all ask, and so does a child that was forked meanwhile. So OpenSSL
 * may call on_free twice for one end, but no thread misses the first bytes of
 * its connection. */
static bool ends_are_known(unsigned copy)
{
    int now = __atomic_load_n(&ends[copy], __ATOMIC_ACQUIRE);
    new_index_fn *ask;

    if (__builtin_expect(now != UNASKED, 1))
        return now == KNOWN;
    ask = __atomic_load_n(&new_index[copy], __ATOMIC_ACQUIRE);
    if (!ask)
        return false;
    now =
        ask(INDEX_OF_SSL, 0, NULL, NULL, NULL, on_free) >= 0 ? KNOWN : UNKNOWN;
    __atomic_store_n(&ends[copy], now, __ATOMIC_RELEASE);
    return now == KNOWN;
}

static inline const char *name_in(unsigned copy, const void *ssl)
{
    return REAL(SSL_get_servername)(ssl, NAME_OF_HOST);
}

static const char *name_of_0(const void *ssl)
{
    return name_in(0, ssl);
}

static const char *name_of_1(const void *ssl)
{
    return name_in(1, ssl);
}

static void report_sent(unsigned copy, const void *ssl, const void *bytes,
                        size_t len, size_t accepted)
{
    llmobs_follow_sent(ssl, copy ? name_of_1 : name_of_0, bytes, len, accepted);
}

/* The program received nothing: the connection is over, or has nothing now. */
static void report_end(const void *ssl, int why)
{
    if (why == ZERO_RETURN)
        llmobs_follow_ended(ssl, LLMOBS_WIRE_CLOSED);
    else if (why == ERROR_SSL || why == ERROR_SYSCALL)
        llmobs_follow_ended(ssl, LLMOBS_WIRE_BROKEN);
}

/* A TLS server is not observed, on purpose: the calls of its clients are not
 * its own. */
static void report_received(unsigned copy, const void *ssl, const void *bytes,
                            size_t len)
{
    if (llmobs_follow_received(ssl, bytes, len) && REAL(SSL_is_server)(ssl))
        llmobs_host_stop_tls(LLMOBS_HOST_ACCEPTS);
}

static void after_read(unsigned copy, const void *ssl, const void *bytes,
                       int result, size_t got)
{
    int saved = llmobs_libc_errno();

    if (!ends_are_known(copy))
        ;
    else if (result > 0)
        report_received(copy, ssl, bytes, got);
    else if (llmobs_connections_find(ssl))
        report_end(ssl, REAL(SSL_get_error)(ssl, result));
    llmobs_libc_errno_restore(saved);
}

/* A write that could not be done now is tried again with the same bytes. They
 * count the first time, because the peer may answer before all of them were
 * sent, and also if the rest cannot be sent. Before the end of a handshake no
 * byte was sent. */
static void report_unsent(unsigned copy, const void *ssl, const void *bytes,
                          size_t len, int why)
{
    if (why == ZERO_RETURN) {
        report_end(ssl, why);
        return;
    }
    if ((why != WANT_READ && why != WANT_WRITE && why != ERROR_SSL &&
         why != ERROR_SYSCALL) ||
        REAL(SSL_in_init)(ssl))
        return;
    report_sent(copy, ssl, bytes, len, 0);
    if (why == ERROR_SSL || why == ERROR_SYSCALL)
        llmobs_follow_ended(ssl, LLMOBS_WIRE_UNSENT);
}

static void after_write(unsigned copy, const void *ssl, const void *bytes,
                        size_t len, int result, size_t put)
{
    int saved = llmobs_libc_errno();

    if (!ends_are_known(copy))
        ;
    else if (result > 0)
        report_sent(copy, ssl, bytes, len, put);
    else
        report_unsent(copy, ssl, bytes, len, REAL(SSL_get_error)(ssl, result));
    llmobs_libc_errno_restore(saved);
}

/* -- for the patched slots ------------------------------------------------- */

static inline int of_read(unsigned copy, void *ssl, void *bytes, int len)
{
    int got = REAL(SSL_read)(ssl, bytes, len);

    if (len > 0)
        after_read(copy, ssl, bytes, got, (size_t)got);
    return got;
}

static inline int of_write(unsigned copy, void *ssl, const void *bytes, int len)
{
    int put = REAL(SSL_write)(ssl, bytes, len);

    if (len > 0)
        after_write(copy, ssl, bytes, (size_t)len, put, (size_t)put);
    return put;
}

static inline int of_read_ex(unsigned copy, void *ssl, void *bytes, size_t len,
                             size_t *got)
{
    int result = REAL(SSL_read_ex)(ssl, bytes, len, got);

    if (len > 0)
        after_read(copy, ssl, bytes, result, result > 0 ? *got : 0);
    return result;
}

static inline int of_write_ex(unsigned copy, void *ssl, const void *bytes,
                              size_t len, size_t *put)
{
    int result = REAL(SSL_write_ex)(ssl, bytes, len, put);

    if (len > 0)
        after_write(copy, ssl, bytes, len, result, result > 0 ? *put : 0);
    return result;
}

/* The program makes the object ready for another connection. */
static inline int of_clear(unsigned copy, void *ssl)
{
    int result = REAL(SSL_clear)(ssl);

    llmobs_follow_forget(ssl);
    return result;
}

#define THUNKS(copy)                                                         \
    static int SSL_read_##copy(void *ssl, void *bytes, int len)              \
    {                                                                        \
        return of_read(copy, ssl, bytes, len);                               \
    }                                                                        \
    static int SSL_write_##copy(void *ssl, const void *bytes, int len)       \
    {                                                                        \
        return of_write(copy, ssl, bytes, len);                              \
    }                                                                        \
    static int SSL_read_ex_##copy(void *ssl, void *bytes, size_t len,        \
                                  size_t *got)                               \
    {                                                                        \
        return of_read_ex(copy, ssl, bytes, len, got);                       \
    }                                                                        \
    static int SSL_write_ex_##copy(void *ssl, const void *bytes, size_t len, \
                                   size_t *put)                              \
    {                                                                        \
        return of_write_ex(copy, ssl, bytes, len, put);                      \
    }                                                                        \
    static int SSL_clear_##copy(void *ssl)                                   \
    {                                                                        \
        return of_clear(copy, ssl);                                          \
    }
THUNKS(0)
THUNKS(1)

#define THUNK_OF(library, name)                             \
    case LLMOBS_LIB_##name:                                 \
        return copy ? llmobs_lib_opaque((void *)(name##_1)) \
                    : llmobs_lib_opaque((void *)(name##_0));

void *llmobs_lib_ssl(unsigned copy, enum llmobs_lib_call hook)
{
    switch (hook) {
        LLMOBS_LIB_SSL_HOOKS(THUNK_OF)
    default:
        return NULL;
    }
}
