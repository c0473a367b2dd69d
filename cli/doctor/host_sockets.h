/* host_sockets - the TCP connections of a process, as /proc shows them.
 *
 * Owns:    the tables of the network namespaces that it has read, from init to
 *          fini.
 * Threads: one.
 * Errors:  -EACCES: the process is another user's; else -errno.
 * Limits:  LLMOBS_SOCKET_TABLES namespaces are kept, LLMOBS_SOCKET_TEXT bytes
 *          of a table, LLMOBS_SOCKETS connections of a process.
 */
#ifndef LLMOBS_HOST_SOCKETS_H
#define LLMOBS_HOST_SOCKETS_H

#include <sys/types.h>

#include "cli/doctor/host_names.h"

#define LLMOBS_SOCKET_TABLES 64
#define LLMOBS_SOCKET_TEXT (64u * 1024 * 1024)
#define LLMOBS_SOCKETS 256

struct llmobs_socket {
    uint64_t inode;
    struct llmobs_host_address peer;
};

struct llmobs_socket_table {
    char space[64];                /* "net:[4026531840]" */
    struct llmobs_socket *sockets; /* by their inodes */
    size_t count;
};

struct llmobs_socket_tables {
    struct llmobs_socket_table tables[LLMOBS_SOCKET_TABLES];
    size_t count;
};

/* All zero at first. */
void llmobs_sockets_fini(struct llmobs_socket_tables *tables);

/* Writes the other ends of the connections that the process holds open. */
int llmobs_sockets_of(struct llmobs_socket_tables *tables, pid_t pid,
                      struct llmobs_host_address *out, size_t *count);

#endif
