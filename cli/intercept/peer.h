/* peer - which process has the other end of a connection on loopback: the
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

#define LLMOBS_PEER_PROGRAM 64

/* `fd`: an accepted connection over IPv4. */
bool llmobs_peer_find(int fd, struct llmobs_peer *peer);

/* Gives a process that has the peer's socket, and its program's name; -1: this
 * process may not see it. Looks through the files of all processes. */
pid_t llmobs_peer_process(const struct llmobs_peer *peer,
                          char program[LLMOBS_PEER_PROGRAM]);

#endif
