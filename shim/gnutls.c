/* gnutls - the calls of GnuTLS by which a program sends and receives, as
 * openssl.c has those of OpenSSL.
 *
 * A program frees each session itself, by a call that has a slot. Only the
 * request names the host: GnuTLS gives the name to a server, but not to a
 * client.
 *
 * The calls and their numbers: gnutls.h of GnuTLS 3.0 to 3.8. */
#include <sys/types.h>

#include "shim/connections.h"
#include "shim/follow.h"
#include "shim/lib_calls.h"
#include "shim/libc.h"

/* The program asked for no bytes, or had none to send. */
#define INVALID_REQUEST (-50)

/* Declared for its type alone: the shim calls the library's own function. */
int gnutls_error_is_fatal(int error);

#define REAL(name) LLMOBS_LIB_REAL_OF(0, name)

static const char *no_name(const void *session)
{
    (void)session;
    return NULL;
}

static void report_failure(const void *session, ssize_t result,
                           enum llmobs_wire_end how)
{
    if (result != INVALID_REQUEST && llmobs_connections_find(session) &&
        REAL(gnutls_error_is_fatal)((int)result))
        llmobs_follow_ended(session, how);
}

/* GnuTLS allows another thread to receive the answer before the real function
 * returns. So the core sees the bytes before they are sent. */
static void report_before(const void *session, const void *bytes, size_t len)
{
    int saved = llmobs_libc_errno();

    if (bytes)
        llmobs_follow_sent(session, no_name, bytes, len, 0);
    llmobs_libc_errno_restore(saved);
}

static ssize_t gnutls_record_send(void *session, const void *bytes, size_t len)
{
    ssize_t put;
    int saved;

    report_before(session, bytes, len);
    put = REAL(gnutls_record_send)(session, bytes, len);
    saved = llmobs_libc_errno();
    if (put > 0)
        llmobs_follow_sent(session, no_name, bytes, len, (size_t)put);
    else if (put < 0)
        report_failure(session, put, LLMOBS_WIRE_UNSENT);
    llmobs_libc_errno_restore(saved);
    return put;
}

static ssize_t gnutls_record_recv(void *session, void *bytes, size_t len)
{
    ssize_t got = REAL(gnutls_record_recv)(session, bytes, len);
    int saved = llmobs_libc_errno();

    if (got > 0)
        (void)llmobs_follow_received(session, bytes, (size_t)got);
    else if (got == 0)
        llmobs_follow_ended(session, LLMOBS_WIRE_CLOSED);
    else
        report_failure(session, got, LLMOBS_WIRE_BROKEN);
    llmobs_libc_errno_restore(saved);
    return got;
}

/* The real function comes last here: once it has freed the session, another
 * thread may have one at its address. */
static void gnutls_deinit(void *session)
{
    llmobs_follow_forget(session);
    REAL(gnutls_deinit)(session);
}

#define THUNK_OF(library, name) \
    case LLMOBS_LIB_##name:     \
        return llmobs_lib_opaque((void *)(name));

void *llmobs_lib_gnutls(enum llmobs_lib_call hook)
{
    switch (hook) {
        LLMOBS_LIB_GNUTLS_HOOKS(THUNK_OF)
    default:
        return NULL;
    }
}
