/* tls - both ends of a connection that is read inside, by the system's OpenSSL,
 * and the certificates of one run.
 *
 * Owns:    an authority and two keys, which are in this process's memory alone,
 *          for LLMOBS_TLS_S seconds.
 * Threads: open: one, before the rest; an end has one thread at a time.
 * Errors:  false, or NULL: the caller passes the bytes on as they are.
 */
#ifndef LLMOBS_TLS_H
#define LLMOBS_TLS_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "cli/intercept/hello.h"

/* No run is that long; the certificates of hosts are made for a day, at each
 * connection. */
#define LLMOBS_TLS_S (400 * 86400L)

/* Opens the library, which a program may lack, and makes the authority. `more`:
 * a file of certificates that programs of the run trust beside the system's
 * store, or NULL. `names`: what the authority may sign, as nameConstraints of
 * x509v3_config(5) says it; NULL: any name. */
bool llmobs_tls_open(const char *more, const char *names);

bool llmobs_tls_write_authority(FILE *out);

/* True while programs take what the authority signs, by the clock that they
 * compare with: the wall clock, which counts a suspend, and may be set. */
bool llmobs_tls_is_valid(void);

/* Shakes hands on a socket that does not block, as the client of `hello` would.
 * NULL: the server does not prove its name by a certificate that the system and
 * the user trust, though it `proves` it; or wants one of the client, or speaks
 * otherwise. */
void *llmobs_tls_reach(int fd, const struct llmobs_hello *hello, bool proves);

/* Shakes hands with the client, by a leaf for the name that `server` has
 * proved, and the protocol that it has chosen. NULL: the client wants another
 * certificate, or has left; or is unable to take one of this kind: then its
 * first message waits as before. */
enum llmobs_tls_why { LLMOBS_TLS_UNABLE, LLMOBS_TLS_LEFT, LLMOBS_TLS_REFUSED };
void *llmobs_tls_take(int fd, const struct llmobs_hello *hello, void *server,
                      enum llmobs_tls_why *why);

bool llmobs_tls_is_http2(const void *tls);

/* As recv and send. *waits has the event of poll to wait for before the next; 0
 * where more is here. 0: the peer sends no more; *told: it has said so within
 * TLS. */
ssize_t llmobs_tls_receive(void *tls, char *bytes, size_t len, short *waits,
                           bool *told);
ssize_t llmobs_tls_send(void *tls, const char *bytes, size_t len, short *waits);

/* Says within TLS that nothing more will be sent; false: there is no room for
 * it yet. */
bool llmobs_tls_end(void *tls);

void llmobs_tls_free(void *tls);

#endif
