/* listener - which user's socket listens at an agent's usual place.
 *
 * Where nobody has named an agent, any user that is the first to listen at its
 * usual place would get prompts. So every socket that listens there must belong
 * to root, to dd-agent or to this process's user before we connect, and the
 * same sockets must listen once the connection stands. A socket whose user
 * cannot be told counts as a stranger's: where there is no /proc, or the user
 * is one of another namespace.
 *
 * Threads: those that send: it reads files.
 * Errors:  -ECONNREFUSED: nobody listens; -EPERM: a stranger listens, or a user
 *          that cannot be told.
 * Limits:  places on this machine: a port on loopback, a Unix socket.
 */
#ifndef LLMOBS_LISTENER_H
#define LLMOBS_LISTENER_H

#include <stdint.h>

#include "core/config/config.h"

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
