/* wire_socket - what the kernel says of the socket of a plain connection.
 *
 * Owns:    nothing: the number may be another file's by now.
 * Threads: any. Asks the kernel by at most three system calls.
 * Errors:  none: what is not known counts as nothing.
 */
#ifndef LLMOBS_WIRE_SOCKET_H
#define LLMOBS_WIRE_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct llmobs_wire_socket {
    int fd;      /* when the connection began; < 0: unknown */
    ino_t inode; /* of that; 0: unknown */
    /* The peer's, ":4000"; "": the usual one, or unknown. Some programs, such
     * as wget2, name a host without it. */
    char port[8];
    bool loopback; /* the peer is 127.0.0.1 */
};

/* A connection begins at the number; < 0: nothing is known. */
void llmobs_wire_socket_init(struct llmobs_wire_socket *socket, int fd);

/* Of the bytes that came to `fd`, which is the connection's own number or that
 * of TLS, those that the program has not read. `came`: those that it was seen
 * to read. LLMOBS_WIRE_READ_BESIDE: of a plain connection it read some by
 * functions that are not watched, or closed it so, and nobody knows. The end of
 * a connection counts as a byte. */
uint64_t llmobs_wire_socket_unread(const struct llmobs_wire_socket *socket,
                                   int fd, uint64_t came);

/* How many bytes the kernel has taken from the program, at most, and one more
 * where it has ended the connection; UINT64_MAX: unknown. */
uint64_t llmobs_wire_socket_taken(const struct llmobs_wire_socket *socket);

#endif
