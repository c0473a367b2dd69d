/* direct - connections past another preload that holds connect or the look-up
 * of names: an anonymiser, as a rule.
 *
 * Owns:    a flag, which is constant once the core is attached.
 * Threads: any.
 * Errors:  -errno of the kernel; -EACCES: the address is not on this machine.
 *
 * The user of such a preload may want to stay unseen, so no request leaves this
 * machine. No request uses the preload either, because it may write a line
 * about each connection to the app's stderr. Requests to this machine go to the
 * kernel; all others wait in the spool.
 */
#ifndef LLMOBS_DIRECT_H
#define LLMOBS_DIRECT_H

#include <stdbool.h>

#include "include/engine.h"
#include "core/export/sockets.h"
#include "core/export/target.h"

/* Sets whether another preload holds connect or the look-up of names in this
 * process. If so, requests only go to loopback and to Unix sockets, and all
 * others fail before any look-up. Called once, before the first request. */
void llmobs_direct_only(bool held);

bool llmobs_direct_is_on(void);

/* False for a request that has to wait for a process without that preload. */
bool llmobs_direct_may_go(const struct llmobs_target *target, bool unix_socket,
                          bool proxy);

/* Gives a socket for libcurl. The kernel may have connected a TCP socket: then
 * *connected is true, and `to` is changed so that libcurl's own connect through
 * the preload succeeds without effect. Waits at most 20 ms. */
int llmobs_direct_open(struct llmobs_sockets *sockets, struct curl_sockaddr *to,
                       bool *connected);

#endif
