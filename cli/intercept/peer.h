/* peer - which process has the other end of a connection on loopback, and
 * whether it belongs to a run: the kernel's list of sockets says whose socket
 * it is (sock_diag(7)), and /proc who has it. Of that no program can lie.
 * Whether the library in it follows the connection, the library says.
 *
 * Owns:    a thread that listens to that. Threads: any. Errors: what the kernel
 * does not tell is a stranger's.
 */
#ifndef LLMOBS_INTERCEPT_PEER_H
#define LLMOBS_INTERCEPT_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A run: its processes descend from the launcher, or have a variable of it. */
struct llmobs_peer_run {
    pid_t launcher;
    uint64_t begun; /* as llmobs_process_start gives it */
    char mark[64];  /* "NAME=VALUE" */
};

struct llmobs_peer {
    uid_t uid;
    unsigned long inode; /* of its socket */
    pid_t pid;           /* of a process of the run that has it */
};

enum llmobs_peer_whose {
    LLMOBS_PEER_STRANGER, /* of no process of the run, as far as is known */
    LLMOBS_PEER_OTHER,    /* of one that runs as another user */
    LLMOBS_PEER_OURS
};

/* `fd`: an accepted connection over IPv4. Looks through the files of the run's
 * processes alone. */
enum llmobs_peer_whose llmobs_peer_find(const struct llmobs_peer_run *run,
                                        int fd, struct llmobs_peer *peer);

/* True where the process, a name in /proc, began with the variable,
 * "NAME=VALUE". */
bool llmobs_peer_has(const char *pid, const char *variable);

/* Listens to what the library in programs says of connections that it follows
 * (struct llmobs_follows); `where`: the value of LLMOBS_INTERCEPT. Once, before
 * _follows, which is true of one of them, by its socket or its hello. */
void llmobs_peer_listen(const char *where);
bool llmobs_peer_follows(const struct llmobs_peer *peer,
                         const unsigned char random[32]);

#define LLMOBS_PEER_PROGRAM 64

/* Gives the name of the process's program; "": this process may not see it.
 * Returns a number of its file. */
uint64_t llmobs_peer_program(pid_t pid, char program[LLMOBS_PEER_PROGRAM]);

#endif
