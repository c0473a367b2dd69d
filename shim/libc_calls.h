/* libc_calls - finds the functions of libc whose slots are patched: those that
 * need a process without the library's threads, the one by which a thread ends
 * (alone.h), and those by which a program sends and receives over sockets
 * (socket_calls.h). thunks.h has the functions for the slots.
 *
 * Owns:    the addresses of these functions.
 * Threads: any. The addresses are found before the first slot is patched, and
 *          stay. A set that is watched stays watched.
 * Errors:  a function that the process lacks is not patched.
 *
 * Another preload, such as torsocks, may define a name before libc does. Then
 * the slots hold that function, and it is the real one.
 */
#ifndef LLMOBS_LIBC_CALLS_H
#define LLMOBS_LIBC_CALLS_H

#include "shim/copies.h"

/* The sets of functions, in bits. CONNECTED are watched from the program's
 * first connection on; LISTENS where it ends by the first of them
 * (llmobs_host_until). */
enum {
    LLMOBS_LIBC_ALONE = 1,
    LLMOBS_LIBC_CONNECTS = 2,
    LLMOBS_LIBC_CONNECTED = 4,
    LLMOBS_LIBC_LEAVES = 8,
    LLMOBS_LIBC_LISTENS = 16,
    LLMOBS_LIBC_SERVES = LLMOBS_LIBC_CONNECTED | LLMOBS_LIBC_LISTENS,
    LLMOBS_LIBC_SOCKETS = LLMOBS_LIBC_CONNECTS | LLMOBS_LIBC_CONNECTED,
    /* A filter may forbid the system calls of both. */
    LLMOBS_LIBC_FILTERS = LLMOBS_LIBC_ALONE | LLMOBS_LIBC_CONNECTS
};

/* X(name, sets) */
#define LLMOBS_LIBC_ALONE_CALLS(X)      \
    X(unshare, LLMOBS_LIBC_ALONE)       \
    X(setns, LLMOBS_LIBC_ALONE)         \
    X(capset, LLMOBS_LIBC_ALONE)        \
    X(pthread_exit, LLMOBS_LIBC_LEAVES) \
    X(prctl, LLMOBS_LIBC_FILTERS)
#define LLMOBS_LIBC_SOCKET_CALLS(X)      \
    X(syscall, LLMOBS_LIBC_FILTERS)      \
    X(connect, LLMOBS_LIBC_CONNECTS)     \
    X(sendto, LLMOBS_LIBC_CONNECTS)      \
    X(send, LLMOBS_LIBC_CONNECTED)       \
    X(sendmsg, LLMOBS_LIBC_CONNECTED)    \
    X(write, LLMOBS_LIBC_CONNECTED)      \
    X(writev, LLMOBS_LIBC_CONNECTED)     \
    X(sendfile, LLMOBS_LIBC_CONNECTED)   \
    X(sendfile64, LLMOBS_LIBC_CONNECTED) \
    X(splice, LLMOBS_LIBC_CONNECTED)     \
    X(close, LLMOBS_LIBC_CONNECTED)      \
    X(shutdown, LLMOBS_LIBC_CONNECTED)   \
    X(dup, LLMOBS_LIBC_CONNECTED)        \
    X(dup2, LLMOBS_LIBC_CONNECTED)       \
    X(dup3, LLMOBS_LIBC_CONNECTED)       \
    X(fcntl, LLMOBS_LIBC_CONNECTED)      \
    X(fcntl64, LLMOBS_LIBC_CONNECTED)    \
    X(socket, LLMOBS_LIBC_CONNECTED)     \
    X(listen, LLMOBS_LIBC_LISTENS)       \
    X(accept, LLMOBS_LIBC_SERVES)        \
    X(accept4, LLMOBS_LIBC_SERVES)       \
    X(recv, LLMOBS_LIBC_CONNECTED)       \
    X(recvfrom, LLMOBS_LIBC_CONNECTED)   \
    X(recvmsg, LLMOBS_LIBC_CONNECTED)    \
    X(read, LLMOBS_LIBC_CONNECTED)       \
    X(readv, LLMOBS_LIBC_CONNECTED)      \
    X(__read_chk, LLMOBS_LIBC_CONNECTED) \
    X(__recv_chk, LLMOBS_LIBC_CONNECTED) \
    X(__recvfrom_chk, LLMOBS_LIBC_CONNECTED)
/* They come with the connections: handlers.h. */
#define LLMOBS_LIBC_HANDLER_CALLS(X)       \
    X(sigaction, LLMOBS_LIBC_CONNECTS)     \
    X(signal, LLMOBS_LIBC_CONNECTS)        \
    X(__sysv_signal, LLMOBS_LIBC_CONNECTS) \
    X(sigset, LLMOBS_LIBC_CONNECTS)        \
    X(fork, LLMOBS_LIBC_CONNECTS)          \
    X(_Fork, LLMOBS_LIBC_CONNECTS)
#define LLMOBS_LIBC_ALL_CALLS(X) \
    LLMOBS_LIBC_ALONE_CALLS(X)   \
    LLMOBS_LIBC_SOCKET_CALLS(X)  \
    LLMOBS_LIBC_HANDLER_CALLS(X)

enum llmobs_libc_call {
#define X(name, sets) LLMOBS_LIBC_##name,
    LLMOBS_LIBC_ALL_CALLS(X)
#undef X
        LLMOBS_LIBC_COUNT
};

/* The real functions; NULL: the process lacks it. */
extern void *llmobs_libc_calls_real[LLMOBS_LIBC_COUNT];

/* Called before _patch. `scan_anew`: patches the slots of all objects. */
void llmobs_libc_calls_open(void (*scan_anew)(void));

/* Watches these sets from now on. The slots of objects that are loaded already
 * stay until a scan, which _patch makes unless a scan of all objects has ended
 * since, as that says by _patched. Another thread that asks for the same waits
 * until they are patched. */
void llmobs_libc_calls_watch(unsigned sets);
void llmobs_libc_calls_patch(unsigned sets);
void llmobs_libc_calls_patched(unsigned sets);

/* Those of the sets that are watched. */
unsigned llmobs_libc_calls_watched(unsigned sets);

/* This runs for every name of every object. Two letters rule out most names,
 * and a mix of three, whose factors fit these names, and the fourth most of the
 * others. */
static inline bool llmobs_libc_calls_may_be(const char *name)
{
#define FIRST(name, sets) | UINT64_C(1) << (#name[0] & 63)
#define SECOND(name, sets) | UINT64_C(1) << (#name[1] & 63)
    const uint64_t first = 0 LLMOBS_LIBC_ALL_CALLS(FIRST);
    const uint64_t second = 0 LLMOBS_LIBC_ALL_CALLS(SECOND);

#define MIX(name) (((name)[0] + (name)[1] * 28 + (name)[2] * 3) & 63)
#define ALL(name, sets) | UINT64_C(1) << MIX(#name)
    const uint64_t all = 0 LLMOBS_LIBC_ALL_CALLS(ALL);

#define FOURTH(name, sets) | UINT64_C(1) << (#name[3] & 63)
    const uint64_t fourth = 0 LLMOBS_LIBC_ALL_CALLS(FOURTH);

    return (first >> (name[0] & 63) & 1) && (second >> (name[1] & 63) & 1) &&
           (all >> MIX(name) & 1) && name[2] && (fourth >> (name[3] & 63) & 1);
}

/* The sets of a name; 0: of another function. */
unsigned llmobs_libc_calls_sets(const char *name);

/* True when one of the object's first `count` symbols has a name of the sets.
 */
bool llmobs_libc_calls_names(const struct llmobs_elf *elf, size_t count,
                             unsigned sets);

/* True when the object's GNU hash table may have a name of the sets. */
bool llmobs_libc_calls_hashed(const struct llmobs_elf *elf, unsigned sets);

/* True where the object calls connect for the program, as the parts of libc, a
 * libcurl and a TLS library do not. */
bool llmobs_libc_calls_connects(const struct llmobs_elf *elf);

/* The sets that are watched in this object: no sockets in these. */
unsigned llmobs_libc_calls_in(const struct llmobs_elf *elf);

/* The function that a slot of that name calls, which holds `value`;
 * LLMOBS_LIBC_COUNT: the slot stays. `unbound`: the loader has not looked the
 * name up yet. `late`: the object came after the program's start. */
enum llmobs_libc_call llmobs_libc_calls_of(const char *name, const void *value,
                                           bool unbound, bool late);

/* The real function at `address`; LLMOBS_LIBC_COUNT: none is there, or it is
 * not watched. */
enum llmobs_libc_call llmobs_libc_calls_at(const void *address);

#endif
