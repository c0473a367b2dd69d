/* connections - finds the connections of clients of HTTP: those of a TLS
 * library by the address of their SSL or session, plain ones by a number that
 * is no address (fds.h). Either is the key, a multiple of 4 and not 0.
 *
 * All that a program encrypts passes here, so a connection that is not followed
 * must cost almost nothing: it is one word, and a search begins at its line of
 * eight words. The words are in levels, each eight times as large as the one
 * before, and nothing moves when a level is added.
 *
 * Owns:    the levels, which are mapped when they are needed and which
 *          stay for good, and a record for each word of them, whose memory
 *          comes when a client of HTTP first uses it.
 * Threads: any; no lock, no wait. A connection belongs to the thread that uses
 *          it, by its library's own rule; another thread may free another
 *          connection at the same time. Of GnuTLS and plain ones one
 *          thread may send while another receives.
 * Errors:  without memory a connection is not followed.
 * Limits:  some 2 million connections at a time.
 * Fork:    a child has all of the parent's.
 */
#ifndef LLMOBS_CONNECTIONS_H
#define LLMOBS_CONNECTIONS_H

#include <stdint.h>
#include <sys/uio.h>

#include "lib/base/http1_first.h"

struct llmobs_connection {
    _Alignas(64) void *of_core; /* its record (follow.c); NULL: none yet */
    size_t ahead;       /* bytes that were seen, and that a call which ended
                         * had not made TLS library or kernel accept */
    uint64_t came;      /* bytes that OpenSSL had read at the last call */
    void *memory;       /* a BIO to which OpenSSL writes, held (openssl.c) */
    bool got, idle;     /* bytes came since the last read that had to wait, or
                         * of a plain one since the last send; that read had
                         * to wait without cause (openssl.c) */
    unsigned char held; /* length of first, while it has the first bytes */
    unsigned char next; /* length of first, while it has those that were shown
                         * and that the program must send next */
    bool http2;
    bool told;    /* the core knows that bytes are ahead */
    bool shut;    /* the program ended it by shutdown, and may read on */
    bool inserts; /* the core has insertions for it (insert.h) */
    char first[LLMOBS_HTTP1_FIRST];
};
_Static_assert(sizeof(struct llmobs_connection) == 64, "one cache line");

/* Bytes of a connection that no earlier attempt to send has shown. */
struct llmobs_sent {
    struct llmobs_connection *connection; /* NULL: not followed, or too few
                                           * bytes to judge by */
    const char *bytes;
    size_t len;
    bool foreign; /* the connection is never followed */
};

/* The program passes bytes to a connection. They count as sent from now on,
 * because the peer may answer before the TLS library or the kernel has taken
 * all of them. If the connection is a client's, the first `held` bytes were
 * sent before these; the caller passes them to the core, and wipes them. */
struct llmobs_sent llmobs_connections_sent(const void *key, const char *bytes,
                                           size_t len);

/* Of the pieces, which were passed to _sent, so many bytes were accepted. The
 * program must pass the rest again, but may not do that next, nor need it be
 * readable; a piece that is NULL has a length alone. More than all: a library
 * went on with what it has. NULL: not followed, or too few bytes to judge by.
 */
struct llmobs_connection *llmobs_connections_accepted(
    const void *key, const struct iovec *pieces, size_t n, size_t accepted);

/* True if the pieces begin with other bytes than those that were shown, and not
 * accepted. */
bool llmobs_connections_differ(const void *key, const struct iovec *pieces,
                               size_t n);

/* Forgets the first bytes, which may be a part of a secret. */
void llmobs_connections_wipe(struct llmobs_connection *connection);

/* The connection received bytes. NULL: not followed. If the peer sends first,
 * the program is not the client of the connection, which is then never
 * followed: *first becomes true. */
struct llmobs_connection *llmobs_connections_received(const void *key,
                                                      bool *first);

/* The connection, which received bytes first, is a client's of HTTP/2, whose
 * server speaks first. NULL: not followed. */
struct llmobs_connection *llmobs_connections_begin_http2(const void *key);

/* As _received, without bytes: NULL also for a connection that is not known. */
struct llmobs_connection *llmobs_connections_find(const void *key);

/* The connection's object is freed, or is made ready for another connection.
 * Gives the core's record; NULL: it has none. */
void *llmobs_connections_forget(const void *key);

#endif
