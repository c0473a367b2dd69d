/* listener - checks which user listens at an agent's usual port or socket.
 *
 * Where the configuration names no agent, the first user that listens at the
 * agent's usual port or socket could get prompts. So before the library
 * connects, every socket that listens there must belong to root, to dd-agent or
 * to this process's user, and the same sockets must listen once the connection
 * stands. A socket of an unknown user counts as a stranger's. Users are unknown
 * without /proc, or if they belong to another namespace.
 *
 * Threads: the threads that send requests, as it reads files.
 * Errors:  -ECONNREFUSED: no socket listens; -EPERM: a stranger or an unknown
 *          user listens.
 * Limits:  knows ports on loopback and Unix sockets of this machine.
 */
#ifndef LLMOBS_LISTENER_H
#define LLMOBS_LISTENER_H

#include <stdint.h>

#include "core/config/config.h"

/* The URL to check before a request goes to the agent; NULL: no check, because
 * the user has named the agent or chosen it as the exporter. Borrowed from the
 * configuration. */
const char *llmobs_listener_guard(const struct llmobs_config *config);

/* 0 when requests may go to every socket that listens at the URL `listener`;
 * `mark` identifies this set of sockets. */
int llmobs_listener_check(const char *listener, uint64_t *mark);

/* 0 when the same set of sockets, `before`, still listens; looks several times.
 */
int llmobs_listener_check_again(const char *listener, uint64_t before);

/* 0 when requests may go to the peer of a connected Unix socket; 0 for every
 * other kind of socket. */
int llmobs_listener_peer(int fd);

#endif
