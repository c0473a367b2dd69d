/* listener - whose socket listens at an agent's usual place.
 *
 * Where nobody has named an agent, whoever was first to listen at its usual
 * place would get prompts. So all that listens there must be root's, dd-agent's
 * or our own user's, before we connect, and be the same sockets once the
 * connection stands. What cannot be told is a stranger's: no /proc, a user of
 * another namespace.
 *
 * Owns:    nothing.
 * Threads: those that send: it reads files.
 * Errors:  -ECONNREFUSED: nobody listens, -EPERM: a stranger, or not to be
 * told. Limits:  places on this machine: a port on loopback, a Unix socket.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_LISTENER_H
#define LLMOBS_LISTENER_H

#include <stdint.h>

#include "core/config.h"

/* The place to look at before anything is sent to the agent; NULL: the user has
 * named the agent, or asked for it alone. Borrowed from the configuration. */
const char *llmobs_listener_guard(const struct llmobs_config *config);

/* 0 when all that listens at `place` may be sent to; `mark` tells those sockets
 * from others. */
int llmobs_listener_check(const char *place, uint64_t *mark);

/* 0 when the peer of a connected socket may be sent to; of another kind than a
 * Unix socket this says nothing. */
int llmobs_listener_peer(int fd);

#endif
