/* sockets - descriptors of our own in a process that is not ours.
 *
 * Owns:    the descriptors in its list.
 * Threads: one at a time, as its http client.
 * Errors:  -errno; -EMFILE as well when the list is full.
 * Limits:  LLMOBS_SOCKETS_MAX at a time.
 * Fork:    a child drops its copies; the parent's connections live on.
 *
 * An app that closes all descriptors (a daemon) gets our numbers for files of
 * its own. Each of ours is known by its inode, so that it is neither written
 * to nor closed once it is somebody else's. Those that libcurl opens for us are
 * watched: libcurl closes them by number.
 */
#ifndef LLMOBS_SOCKETS_H
#define LLMOBS_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define LLMOBS_SOCKETS_MAX 16

struct llmobs_sockets {
    struct llmobs_socket {
        bool used;
        bool watched; /* libcurl's to close */
        int fd;
        mode_t type; /* 0: an event descriptor */
        dev_t dev;
        ino_t ino;
        uint64_t id; /* of an event descriptor: they share one inode */
    } list[LLMOBS_SOCKETS_MAX];
};

/* Gives a socket that the kernel makes, also where another preload holds libc's
 * function. It is closed at exec, and its number is out of the app's way. */
int llmobs_sockets_open(struct llmobs_sockets *sockets, int family, int type,
                        int protocol);

/* The lowest free numbers: what is opened next gets some of these. */
struct llmobs_sockets_probe {
    size_t count;
    int free[8];
};

/* Before and after a call that opens descriptors of its own. Before: holds
 * what is free of 0 to 2 meanwhile, which a program takes for its input and
 * output. After: watches what is new; -ENOENT when it cannot be told. */
int llmobs_sockets_probe(struct llmobs_sockets_probe *probe, int hold[3]);
int llmobs_sockets_watch(struct llmobs_sockets *sockets,
                         const struct llmobs_sockets_probe *probe,
                         const int hold[3]);

/* Closes one, if it is still ours. */
void llmobs_sockets_close(struct llmobs_sockets *sockets, int fd);

/* True while all of them are still ours. */
bool llmobs_sockets_intact(const struct llmobs_sockets *sockets);

/* Closes what is still ours and forgets the rest. */
void llmobs_sockets_drop(struct llmobs_sockets *sockets);

#endif
