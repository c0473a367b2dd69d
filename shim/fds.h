/* fds - which descriptor numbers are connections that the program made, and
 * that may be followed (socket_calls.h).
 *
 * Almost all numbers are files, pipes, or connections of others. For them a
 * function of the shim reads one word, which is 0.
 *
 * Owns:    a table that is mapped at the program's first connection and stays:
 *          a word for each number, and a record for each connection.
 * Threads: any; no lock, no wait. Words and counts change by one atomic step.
 *          A word names a connection by an id that no other one gets, so a
 *          thread that still has an old id changes nothing.
 * Errors:  without memory, or beyond the limit, nothing is followed.
 * Limits:  numbers below LLMOBS_FDS.
 * Fork:    a child has a copy of the table, and ends for itself what numbers of
 *          its parent's stand for. A child of vfork, which closes most numbers,
 *          shares the memory: it ends only what it has begun; or, where it
 *          is the first that asks in the memory of a child of the bare clone,
 *          all that it closes.
 */
#ifndef LLMOBS_FDS_H
#define LLMOBS_FDS_H

#include <stdbool.h>
#include <stdint.h>

#define LLMOBS_FDS 65536

extern uint64_t *llmobs_fds_words; /* NULL: nothing is followed */

/* The id of the connection that has the number; 0: it is none. */
static inline uint64_t llmobs_fds_id(int fd)
{
    const uint64_t *words =
        __atomic_load_n(&llmobs_fds_words, __ATOMIC_RELAXED);

    return (unsigned)fd < LLMOBS_FDS && words
               ? __atomic_load_n(&words[fd], __ATOMIC_ACQUIRE)
               : 0;
}

/* Stands for the connection where others are known by the addresses of their
 * objects: no object is there. */
static inline const void *llmobs_fds_key(uint64_t id)
{
    return (const void *)(uintptr_t)(UINT64_C(1) << 63 | id << 2);
}

/* True where the number may be followed: a socket of a stream. Asks the kernel.
 */
bool llmobs_fds_may_begin(int fd);

/* True where the number is a socket of the internet. Asks the kernel. */
bool llmobs_fds_is_internet(int fd);

/* The number, which has no id, is a new connection of this process. Returns its
 * id; 0: it is not followed. Asks the kernel which socket it is. */
uint64_t llmobs_fds_begin(int fd);

/* True while the number still is the socket that got the id: the program may
 * have closed it by a call that is not seen. Asks the kernel. */
bool llmobs_fds_is(int fd, uint64_t id);

/* Whether the program has begun to connect the number, and the kernel has not
 * said to it how that ended. _is asks the kernel which socket it is. */
void llmobs_fds_set_connecting(int fd, bool is);
bool llmobs_fds_is_connecting(int fd);

/* `to`, which has no id, is the same connection as `from` from now on. */
void llmobs_fds_share(int from, int to);

/* True where no other number stands for the connection. */
bool llmobs_fds_is_alone(uint64_t id);

/* The number does not stand for the connection any more. True when no other
 * number does: the caller forgets the connection. */
bool llmobs_fds_end(int fd, uint64_t id);

/* The process is a child by fork: the table is its own. */
void llmobs_fds_own(void);

/* A filter of the program may forbid these questions: from now on nothing is
 * asked, and no connection is followed. */
void llmobs_fds_stop(void);

#endif
