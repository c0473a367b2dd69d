/* peer - whose process has the other end of a connection on loopback: the
 * kernel's list of sockets says it (sock_diag(7)), and no program can lie.
 *
 * Threads: any. Errors: false where the kernel does not say it.
 */
#ifndef LLMOBS_INTERCEPT_PEER_H
#define LLMOBS_INTERCEPT_PEER_H

#include <stdbool.h>
#include <sys/types.h>

struct llmobs_peer {
    uid_t uid;
    unsigned long inode; /* of its socket; 0: no process has it any more */
};

/* `fd`: an accepted connection over IPv4. */
bool llmobs_peer_find(int fd, struct llmobs_peer *peer);

#endif
