/* gnutls - the calls of GnuTLS by which a program sends and receives, as
 * openssl.c has those of OpenSSL.
 *
 * A program frees each session itself, by a call that has a slot. Only the
 * request names the host: GnuTLS tells it to a server, and not to a client. The
 * calls and their numbers: gnutls.h of GnuTLS 3.0 to 3.8. */
#include <sys/types.h>

#include "shim/connections.h"
#include "shim/follow.h"
#include "shim/host.h"
#include "shim/lib_calls.h"
#include "shim/libc.h"
#include "shim/str.h"

/* The program asked for no bytes, or had none to send. */
#define INVALID_REQUEST (-50)

/* Descriptors are below it; a program's own transport may be an address. */
#define MOST_FD 1048576

struct datum {
    void *data;
    unsigned size;
};

/* Declared for their types alone: the shim calls the library's own functions.
 */
int gnutls_error_is_fatal(int error);
size_t gnutls_record_check_pending(void *session);
void *gnutls_transport_get_ptr(void *session);
int gnutls_alpn_get_selected_protocol(const void *session, struct datum *name);
const struct datum *gnutls_certificate_get_peers(const void *session,
                                                 unsigned *count);
void gnutls_packet_get(const void *packet, struct datum *data, void *sequence);

#define REAL(name) LLMOBS_LIB_REAL_OF(0, name)

/* No name; as in openssl.c, the proxy of the run may have the connection. */
static const char *no_name(const void *session)
{
    static const char ours[] = LLMOBS_INTERCEPT_ISSUER;
    const struct datum *leaf = NULL;
    unsigned count = 0;

    if (llmobs_host_is_intercepted() && REAL(gnutls_certificate_get_peers))
        leaf = REAL(gnutls_certificate_get_peers)(session, &count);
    for (size_t at = 0; count > 0 && at + sizeof(ours) < leaf->size; at++)
        if (llmobs_str_begins((const char *)leaf->data + at, ours))
            return LLMOBS_FOLLOW_ELSEWHERE;
    return NULL;
}

/* -1: the program moves the bytes itself. */
static int fd_of(const void *session)
{
    uintptr_t fd = (uintptr_t)REAL(gnutls_transport_get_ptr)((void *)session);

    return fd < MOST_FD ? (int)fd : -1;
}

static void report_failure(const void *session, ssize_t result,
                           enum llmobs_wire_end how)
{
    if (result != INVALID_REQUEST && llmobs_connections_find(session) &&
        REAL(gnutls_error_is_fatal)((int)result))
        llmobs_follow_ended(session, how);
}

/* The program corks a session, and may ask how much is in it: from now on none
 * gets trace headers. */
static bool corks;

static ssize_t report_sent(const void *session, const void *bytes, size_t len,
                           struct llmobs_insertions *all, ssize_t put)
{
    struct iovec piece = {(void *)bytes, bytes ? len : 0};
    int saved = llmobs_libc_errno();

    llmobs_follow_accepted(session, &piece, 1, put > 0 ? (size_t)put : 0);
    if (all)
        llmobs_follow_give(session, all);
    if (put < 0)
        report_failure(session, put, LLMOBS_WIRE_UNSENT);
    llmobs_libc_errno_restore(saved);
    return put;
}

static ssize_t report_received(const void *session, const void *bytes,
                               ssize_t got)
{
    int saved = llmobs_libc_errno();
    struct datum alpn = {NULL, 0};
    bool first = false;

    if (got > 0)
        (void)llmobs_follow_received(session, bytes, (size_t)got, &first);
    else if (got == 0)
        llmobs_follow_ended(session, LLMOBS_WIRE_CLOSED);
    else
        report_failure(session, got, LLMOBS_WIRE_BROKEN);
    if (first && REAL(gnutls_alpn_get_selected_protocol) &&
        REAL(gnutls_alpn_get_selected_protocol)(session, &alpn) == 0)
        (void)llmobs_follow_http2(session, no_name, alpn.data, alpn.size, bytes,
                                  (size_t)got);
    llmobs_libc_errno_restore(saved);
    return got;
}

/* -- for the patched slots ------------------------------------------------- */

/* GnuTLS allows another thread to receive the answer before the real function
 * returns. After GNUTLS_E_AGAIN the program may pass nothing, and GnuTLS goes
 * on with the bytes that it has. */
#define SEND(name, arguments, ...)                                             \
    static ssize_t name arguments                                              \
    {                                                                          \
        struct llmobs_insertions *all =                                        \
            llmobs_follow_shows(session, no_name, bytes, len,                  \
                                !__atomic_load_n(&corks, __ATOMIC_RELAXED));   \
        struct iovec now = {(void *)bytes, len};                               \
        ssize_t put;                                                           \
                                                                               \
        do {                                                                   \
            if (all)                                                           \
                now = llmobs_follow_join(all, bytes, len);                     \
            put =                                                              \
                REAL(name)(session, now.iov_base, now.iov_len, ##__VA_ARGS__); \
        } while (all && put > 0 &&                                             \
                 !(put = (ssize_t)llmobs_follow_joined(all, bytes, len,        \
                                                       (size_t)put)));         \
        return report_sent(session, bytes, len, all, put);                     \
    }
SEND(gnutls_record_send, (void *session, const void *bytes, size_t len))
SEND(gnutls_record_send2,
     (void *session, const void *bytes, size_t len, size_t pad, unsigned flags),
     pad, flags)
/* The length has to be within the range: both grow by what is added. */
SEND(gnutls_record_send_range,
     (void *session, const void *bytes, size_t len, const size_t *range),
     (size_t[]){range[0] + now.iov_len > len ? range[0] + now.iov_len - len : 0,
                range[1] + now.iov_len - len})

static void gnutls_record_cork(void *session)
{
    __atomic_store_n(&corks, true, __ATOMIC_RELAXED);
    REAL(gnutls_record_cork)(session);
}

static ssize_t gnutls_record_recv(void *session, void *bytes, size_t len)
{
    return report_received(session, bytes,
                           REAL(gnutls_record_recv)(session, bytes, len));
}

static ssize_t gnutls_record_recv_seq(void *session, void *bytes, size_t len,
                                      void *sequence)
{
    return report_received(
        session, bytes,
        REAL(gnutls_record_recv_seq)(session, bytes, len, sequence));
}

static ssize_t gnutls_record_recv_packet(void *session, void **packet)
{
    ssize_t got = REAL(gnutls_record_recv_packet)(session, packet);
    struct datum data = {NULL, 0};

    if (got > 0)
        REAL(gnutls_packet_get)(*packet, &data, NULL);
    (void)report_received(session, data.data, got > 0 ? data.size : got);
    return got;
}

/* A call that goes on with a handshake tells the same again. */
static int gnutls_handshake(void *session)
{
    llmobs_follow_announce(fd_of(session), NULL);
    return REAL(gnutls_handshake)(session);
}

/* The real function comes last here: once it has freed the session, another
 * thread may have one at its address. */
static void gnutls_deinit(void *session)
{
    struct llmobs_connection *connection = llmobs_connections_find(session);

    if (connection)
        llmobs_follow_unseen(connection,
                             REAL(gnutls_record_check_pending)(session),
                             fd_of(session));
    llmobs_follow_forget(session);
    REAL(gnutls_deinit)(session);
}

#define THUNK_OF(library, name) \
    case LLMOBS_LIB_##name:     \
        return llmobs_lib_opaque((void *)(name));

void *llmobs_lib_gnutls(enum llmobs_lib_call hook)
{
    if (hook == LLMOBS_LIB_gnutls_handshake && !llmobs_host_proxy())
        return NULL;
    switch (hook) {
        LLMOBS_LIB_GNUTLS_HOOKS(THUNK_OF)
    default:
        return NULL;
    }
}
