/* follow - shows the core the bytes that a program sends and receives without
 * libcurl, over a TLS library or by plain HTTP.
 *
 * The first request of a client in the process loads the core. The key of a
 * connection is that of connections.h.
 *
 * Where two threads may use a connection at once, one to send and one to
 * receive, the caller shows what it sends before the real call, because the
 * answer may come before that returns; and it says after the call how much was
 * accepted. Elsewhere one call says both, after the real one.
 *
 * Threads: those of connections.h.
 * Errors:  none: a connection that cannot be followed is not observed.
 */
#ifndef LLMOBS_FOLLOW_H
#define LLMOBS_FOLLOW_H

#include "include/engine.h"
#include "shim/connections.h"

/* Returns the name of the host that the connection is for; NULL: the library
 * does not know it. _ELSEWHERE: the proxy of the run makes the spans of it. */
#define LLMOBS_FOLLOW_ELSEWHERE ((const char *)&llmobs_follow_elsewhere)
extern const char llmobs_follow_elsewhere;
typedef const char *llmobs_follow_name_fn(const void *key);

/* The library was given so many bytes, and accepted so many of them; 0: none
 * yet. The core gets those that no earlier call has shown. */
struct llmobs_connection *llmobs_follow_sent(const void *key,
                                             llmobs_follow_name_fn *name_of,
                                             const void *bytes, size_t len,
                                             size_t accepted);

/* The program is about to send the pieces, which are read now. `fd`: of a plain
 * connection, which has no name, or LLMOBS_WIRE_TLS. False: the connection will
 * never be followed, so that the caller may forget it. The core may add to
 * *insertions; NULL: this call can have none. */
bool llmobs_follow_sends(const void *key, llmobs_follow_name_fn *name_of,
                         int fd, const struct iovec *pieces, size_t count,
                         struct llmobs_insertions **insertions);

/* As _sends, for a TLS library; gives what must go among the bytes of the call,
 * taken; NULL: nothing. `adds`: the core may add to that. Without bytes the
 * library goes on with those it has. */
struct llmobs_insertions *llmobs_follow_shows(const void *key,
                                              llmobs_follow_name_fn *name_of,
                                              const void *bytes, size_t len,
                                              bool adds);

/* For a TLS library: gives the bytes that it must be given in place of these.
 * _joined: it took so many; see llmobs_insert_took. _inserts: false where no
 * connection ever has any. */
struct iovec llmobs_follow_join(struct llmobs_insertions *all,
                                const void *bytes, size_t len);
size_t llmobs_follow_joined(struct llmobs_insertions *all, const void *bytes,
                            size_t len, size_t took);
bool llmobs_follow_inserts(void);

/* Takes what the connection has left of insertions, for a call that sends;
 * NULL: nothing. _give: gives them back, or frees them if the connection has
 * been forgotten. Both keep to what a handler may call while it is known. */
struct llmobs_insertions *llmobs_follow_take(const void *key);
void llmobs_follow_give(const void *key, struct llmobs_insertions *insertions);

/* It sent so many bytes of these pieces; 0 also where the call failed and may
 * be tried again. If the program goes on with other bytes than the rest, the
 * core follows the connection no more. */
void llmobs_follow_accepted(const void *key, const struct iovec *pieces,
                            size_t count, size_t accepted);

/* The connection may not take the `len` bytes of the call that is about to send
 * what was shown last. */
void llmobs_follow_waits(const void *key, size_t len);

/* The connection sent bytes that nobody saw (LLMOBS_WIRE_SKIPPED). */
void llmobs_follow_skipped(const void *key, uint64_t bytes);

/* A signal handler of the program's used the connection, to send the pieces if
 * there are any. The core follows it no more, and counts it. Calls nothing that
 * a handler may not call. */
void llmobs_follow_disturbed(const void *key, const struct iovec *pieces,
                             size_t count);

/* A handler left a send for good: if the kernel took nothing, there is no call.
 * Else the answer may come. If the program sends again, the core follows no
 * more. Frees what
 * was taken for the send, or NULL. */
void llmobs_follow_left(const void *key, struct llmobs_insertions *insertions);

/* True where the core follows the connection. */
bool llmobs_follow_follows(const void *key);

/* As llmobs_connections_received; the core gets the bytes. For a key that was
 * shown to llmobs_follow_sends, NULL means that it is never followed. */
struct llmobs_connection *llmobs_follow_received(const void *key,
                                                 const void *bytes, size_t len,
                                                 bool *first);

/* These are the first bytes of a connection, and the program received them.
 * False if its protocol, of `alpn_len` bytes by ALPN, is not HTTP/2, whose
 * server may speak first: the core gets no bytes. */
bool llmobs_follow_http2(const void *key, llmobs_follow_name_fn *name_of,
                         const void *alpn, size_t alpn_len, const void *bytes,
                         size_t len);

/* Tells the proxy of the run, if there is one, that the connection of which the
 * first message of TLS follows will be followed: by the socket, or the
 * message's random number. _announce waits for nothing. */
void llmobs_follow_announce(int fd, const unsigned char *random);

/* A connection whose requests are not seen (`unfollowed` of struct
 * llmobs_wire_ops); NULL: to an unknown host, which is no matter. */
void llmobs_follow_not(const char *name);

/* The connection has bytes that the core was not given (LLMOBS_WIRE_UNSEEN).
 * NULL is allowed. */
void llmobs_follow_unseen(const struct llmobs_connection *connection,
                          uint64_t bytes, int fd);

/* The peer, or the network, ended the connection. */
void llmobs_follow_ended(const void *key, enum llmobs_wire_end how);

/* The object is freed, or is made ready for another connection. */
void llmobs_follow_forget(const void *key);

#endif
