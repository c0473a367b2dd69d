/* follow - shows the core the bytes that a program sends and receives over a
 * TLS library without libcurl.
 *
 * A connection is known by the address of the library's object (connections.h).
 * The first request of a client in the process loads the core.
 *
 * Threads: those of connections.h.
 * Errors:  none: a connection that cannot be followed is not observed.
 */
#ifndef LLMOBS_FOLLOW_H
#define LLMOBS_FOLLOW_H

#include "include/engine.h"
#include "shim/connections.h"

/* Returns the name of the host that the object's connection is for; NULL: the
 * library does not know it. */
typedef const char *llmobs_follow_name_fn(const void *object);

/* As llmobs_connections_sent; the core gets the new bytes. */
struct llmobs_connection *llmobs_follow_sent(const void *object,
                                             llmobs_follow_name_fn *name_of,
                                             const void *bytes, size_t len,
                                             size_t accepted);
/* As llmobs_connections_received; the core gets the bytes. */
struct llmobs_connection *llmobs_follow_received(const void *object,
                                                 const void *bytes, size_t len,
                                                 bool *first);

/* A connection whose requests are not seen (`unfollowed` of struct
 * llmobs_wire_ops); NULL: to an unknown host, which is no matter. */
void llmobs_follow_not(const char *name);

/* As `unseen` of struct llmobs_wire_ops. */
void llmobs_follow_unseen(const struct llmobs_connection *connection,
                          uint64_t bytes, int fd);

/* The peer, or the network, ended the connection. */
void llmobs_follow_ended(const void *object, enum llmobs_wire_end how);

/* The object is freed, or is made ready for another connection. */
void llmobs_follow_forget(const void *object);

#endif
