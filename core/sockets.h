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
 * to nor closed once it is somebody else's.
 */
#ifndef LLMOBS_SOCKETS_H
#define LLMOBS_SOCKETS_H

#include <stdbool.h>
#include <sys/types.h>

#define LLMOBS_SOCKETS_MAX 16

struct llmobs_sockets {
    struct llmobs_socket {
        bool used;
        int fd;
        dev_t dev;
        ino_t ino;
    } list[LLMOBS_SOCKETS_MAX];
};

/* Gives a socket, closed at exec, out of the way of the app's numbers. */
int llmobs_sockets_open(struct llmobs_sockets *sockets, int family, int type,
                        int protocol);

/* Closes one, if it is still ours. */
void llmobs_sockets_close(struct llmobs_sockets *sockets, int fd);

/* True while all of them are still ours. */
bool llmobs_sockets_intact(const struct llmobs_sockets *sockets);

/* Closes what is still ours and forgets the rest. */
void llmobs_sockets_drop(struct llmobs_sockets *sockets);

#endif
