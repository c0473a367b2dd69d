/* sockets - the descriptors of this library's requests, in the app's process.
 *
 * Owns:    the descriptors in its list.
 * Threads: one thread at a time, as its http client.
 * Errors:  -errno; also -EMFILE when the list is full.
 * Limits:  LLMOBS_SOCKETS_MAX at a time.
 * Fork:    a child drops its copies; the parent's connections live on.
 *
 * An app that closes all descriptors, as a daemon does, gets the same numbers
 * for its own files. So the list knows each descriptor by its inode, and the
 * library neither writes to it nor closes it once the number stands for another
 * file. Descriptors that libcurl opens by itself are watched: libcurl would
 * close them by number.
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
        bool watched; /* libcurl opens and closes it */
        int fd;
        mode_t type; /* 0: an event descriptor */
        dev_t dev;
        ino_t ino;
        uint64_t id; /* an event descriptor's: all of them share one inode */
    } list[LLMOBS_SOCKETS_MAX];
};

/* Gives a socket, which the kernel makes even if another preload holds libc's
 * function. It is closed at exec, and its number is out of the app's way. */
int llmobs_sockets_open(struct llmobs_sockets *sockets, int family, int type,
                        int protocol);

/* The lowest free numbers, some of which the next descriptors will get. */
struct llmobs_sockets_probe {
    size_t count;
    int free[8];
};

/* To be called before and after a call in which libcurl opens the descriptors
 * that wake it. _probe takes the free numbers of 0 to 2, which a program uses
 * for input and output, so that libcurl does not get them. _watch gives them
 * back, and watches the new descriptors of libcurl's kinds: a pair of sockets,
 * a pipe, an event descriptor. -ENOENT: libcurl's descriptors cannot be told
 * apart, as other threads opened files meanwhile. */
int llmobs_sockets_probe(struct llmobs_sockets_probe *probe, int hold[3]);
int llmobs_sockets_watch(struct llmobs_sockets *sockets,
                         const struct llmobs_sockets_probe *probe,
                         const int hold[3]);

/* Closes a socket unless its number now stands for another file. */
void llmobs_sockets_close(struct llmobs_sockets *sockets, int fd);

/* True while every number still stands for its own file. */
bool llmobs_sockets_intact(const struct llmobs_sockets *sockets);

/* Closes each descriptor whose number still stands for it, and forgets all.
 */
void llmobs_sockets_drop(struct llmobs_sockets *sockets);

#endif
