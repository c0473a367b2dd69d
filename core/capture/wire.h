/* wire - calls that a program makes without libcurl, over a TLS library or
 * plain: which exchanges of HTTP/1.1 or HTTP/2 a connection has, and which of
 * them, or of the messages of a websocket behind them, are calls.
 *
 * Owns:    a record per connection, with the reader of its bytes (http1.h,
 *          h2.h, websocket.h) and the exchanges under way, until the connection
 *          is freed.
 * Threads: init before any connection exists. One connection is used by one
 *          thread at a time, or by one that sends and one that receives: a
 *          thread that finds the other at work leaves a copy of its bytes, up
 *          to 64 KiB, which the other one reads. The exit handler also claims
 *          exchanges.
 * Errors:  a connection that cannot be followed makes no span; an exchange that
 *          is lost because memory ran out is counted.
 * Fork:    an exchange belongs to the process that began it. A child follows no
 *          connection of HTTP/2 or websocket of its parent's.
 */
#ifndef LLMOBS_WIRE_H
#define LLMOBS_WIRE_H

#include "include/engine.h"
#include "core/deliver/worker.h"

/* Runs once; borrows both for ever. Where calls of libcurl are led to a mock,
 * these are not, which the log says. */
void llmobs_wire_init(const struct llmobs_config *config,
                      struct llmobs_worker *worker);

/* The operations of struct llmobs_wire_ops (engine.h). */
struct llmobs_wire *llmobs_wire_begin(const char *host, int fd, bool http2);
void llmobs_wire_event(struct llmobs_wire *wire,
                       const struct llmobs_wire_event *event);
void llmobs_wire_unfollowed(const char *host);
void llmobs_wire_disturbed(struct llmobs_wire *wire, unsigned count);

struct llmobs_insertions *llmobs_wire_take(struct llmobs_wire *wire);
void llmobs_wire_give(struct llmobs_wire *wire,
                      struct llmobs_insertions *insertions);

/* For a connection of another process that this one passes on, before its first
 * event: its calls are that process's. Borrows the texts until FREED. */
struct llmobs_wire_peer {
    const char *process; /* as `peer` of struct llmobs_exchange */
    const char *caller;  /* as its `caller`; NULL: unknown */
};
void llmobs_wire_set_peer(struct llmobs_wire *wire,
                          const struct llmobs_wire_peer *peer);

/* The process exits: passes on all exchanges that are under way. */
void llmobs_wire_abandon_all(void);

#endif
