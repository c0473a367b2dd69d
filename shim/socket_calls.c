/* Wraps libc's calls on sockets. */
#include "shim/socket_calls.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "lib/base/readable.h"
#include "shim/alone.h"
#include "shim/fds.h"
#include "shim/follow.h"
#include "shim/handlers.h"
#include "shim/host.h"
#include "shim/insert.h"
#include "shim/lib_calls.h"
#include "shim/libc.h"

#define VECTOR_MAX 1024 /* the kernel's own limit */

/* The bytes of a call, as the program passes them. */
struct bytes {
    const struct iovec *at;
    size_t count;
};

/* Asks what the program has not read, while the number is the connection. */
static void ask_unread(int fd, uint64_t id)
{
    llmobs_follow_unseen(llmobs_connections_find(llmobs_fds_key(id)), 0, fd);
}

static void end_number(int fd, uint64_t id)
{
    if (!llmobs_fds_end(fd, id))
        return;
    ask_unread(fd, id);
    llmobs_follow_forget(llmobs_fds_key(id));
}

/* As llmobs_handlers_begin. */
static bool begin_work(struct llmobs_work *work)
{
    bool whole = llmobs_handlers_begin(work, NULL);

    if (work->left)
        llmobs_follow_left(work->left, work->insertions);
    return whole;
}

/* True while the number is the socket that was connected. */
static bool is_current(int fd, uint64_t id)
{
    if (llmobs_fds_is(fd, id))
        return true;
    end_number(fd, id);
    return false;
}

/* -- connections begin and end --------------------------------------------- */

/* A handler leaves to the next use of the number what the core has to end. */
__attribute__((noinline)) static void end_at(int fd)
{
    uint64_t id = llmobs_fds_id(fd);
    struct llmobs_work work;

    if (begin_work(&work) || !llmobs_follow_follows(llmobs_fds_key(id)))
        end_number(fd, id);
    else if (!llmobs_fds_is_alone(id))
        (void)llmobs_fds_end(fd, id);
    llmobs_handlers_end(&work);
}

static void close_number(int fd)
{
    if (llmobs_fds_id(fd))
        end_at(fd);
}

/* Returns the id of the connection; 0: it is not followed. One that the number
 * had before has ended: a socket may be connected again after it failed, or to
 * AF_UNSPEC. */
__attribute__((noinline)) static uint64_t begin_connection(int fd)
{
    struct llmobs_work work;
    uint64_t id = 0;
    bool whole;

    close_number(fd);
    if (llmobs_host_listened())
        return 0;
    whole = begin_work(&work);
    if (!llmobs_fds_id(fd) && llmobs_fds_may_begin(fd)) {
        llmobs_handlers_own();
        if (whole)
            llmobs_libc_calls_patch(LLMOBS_LIBC_CONNECTED);
        if (llmobs_libc_calls_watched(LLMOBS_LIBC_CONNECTED))
            id = llmobs_fds_begin(fd);
    }
    llmobs_handlers_end(&work);
    return id;
}

/* A call made the number `to` a copy of `from`. */
static int duplicate(int from, int to)
{
    if (to == from || !(llmobs_fds_id(from) | llmobs_fds_id(to)))
        return to;
    close_number(to);
    if (!llmobs_fds_id(to))
        llmobs_fds_share(from, to);
    return to;
}

/* A call is about to make the number `to` a copy of `from`. Returns the id of
 * the connection that it is. */
static uint64_t before_replace(int from, int to)
{
    uint64_t id = from == to ? 0 : llmobs_fds_id(to);
    struct llmobs_work work;

    if (!id)
        return 0;
    if (begin_work(&work))
        ask_unread(to, id);
    else
        id = 0;
    llmobs_handlers_end(&work);
    return id;
}

static int after_replace(int from, int to, uint64_t id)
{
    struct llmobs_work work;

    if (to < 0 || !id)
        return duplicate(from, to);
    if (begin_work(&work) && llmobs_fds_end(to, id))
        llmobs_follow_forget(llmobs_fds_key(id));
    llmobs_handlers_end(&work);
    return duplicate(from, to);
}

/* A call made a new descriptor: what the number was before has ended. */
static int renew(int fd)
{
    close_number(fd);
    return fd;
}

/* -- bytes ----------------------------------------------------------------- */

/* The kernel refuses vectors that are too long, and memory that cannot be read;
 * a program may ask for that. Of the first `shown` bytes, which the core has,
 * only the beginning is read again (llmobs_connections_differ): a program may
 * pass the rest of a large body many times. */
static bool are_readable(struct bytes all, size_t shown)
{
    bool are = all.count <= VECTOR_MAX &&
               llmobs_readable(all.at, all.count * sizeof(*all.at));

    for (size_t i = 0; are && i < all.count; i++) {
        const char *bytes = all.at[i].iov_base;
        size_t len = all.at[i].iov_len, over = shown < len ? shown : len;

        shown -= over;
        are = llmobs_readable(bytes, over < LLMOBS_HTTP1_FIRST
                                         ? over
                                         : LLMOBS_HTTP1_FIRST) &&
              llmobs_readable(bytes + over, len - over);
    }
    return are;
}

static struct bytes of_message(const struct msghdr *message)
{
    return llmobs_readable(message, sizeof(*message))
               ? (struct bytes){message->msg_iov, message->msg_iovlen}
               : (struct bytes){NULL, 0};
}

static size_t length_of(struct bytes all)
{
    size_t len = 0;

    for (size_t i = 0; i < all.count; i++)
        len += all.at[i].iov_len;
    return len;
}

/* False where a send of a new request may fail, or be the end of the process by
 * SIGPIPE, before the kernel has taken a byte. */
static bool can_take_now(int fd)
{
    struct pollfd ready = {fd, POLLOUT, 0};
    long none[2] = {0, 0};

    return llmobs_sys(SYS_ppoll, &ready, 1, none, NULL, 0) < 0 ||
           (ready.revents & (POLLOUT | POLLERR | POLLHUP)) == POLLOUT;
}

/* A call that sends. */
struct sending {
    int fd, flags;
    struct bytes all;
    bool plain;  /* headers may go among its bytes */
    uint64_t id; /* of the connection; 0: the core saw no byte of the call, or
                  * they are of none */
    const void *key;                      /* of the connection; NULL: of none */
    struct llmobs_insertions *insertions; /* taken; NULL: there are none */
    uintptr_t frame;                      /* for handlers.h */
};

static bool is_plain(struct bytes all, int flags)
{
    return !(flags & ~(MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE)) &&
           all.count <= LLMOBS_INSERT_PIECES;
}

static bool is_plain_message(const struct msghdr *message, int flags)
{
    return llmobs_readable(message, sizeof(*message)) && !message->msg_name &&
           message->msg_controllen == 0 &&
           is_plain((struct bytes){NULL, message->msg_iovlen}, flags);
}

typedef ssize_t sendmsg_fn(int, const struct msghdr *, int);

/* A filter of system calls refuses sendmsg, which the program may never call,
 * by an error that no connection has. */
static bool refused;

/* False: nothing goes among the bytes, so that the program's own call must be
 * made. */
static bool send_mixed(struct sending *sending, ssize_t *put)
{
    struct llmobs_insertions *all = sending->insertions;
    int saved = llmobs_libc_errno(), error;
    size_t own = 0;
    ssize_t took;

    if (!all || all->count == 0)
        return false;
    do {
        const struct msghdr message = {
            .msg_iov = all->pieces,
            .msg_iovlen =
                llmobs_insert_mix(all, sending->all.at, sending->all.count)};

        took = ((sendmsg_fn *)llmobs_libc_calls_real[LLMOBS_LIBC_sendmsg])(
            sending->fd, &message, sending->flags);
        if (took > 0)
            own = llmobs_insert_took(all, (size_t)took);
    } while (took > 0 && own == 0 && (all->count > 0 || sending->plain));
    *put = took > 0 ? (ssize_t)own : took;
    error = llmobs_libc_errno();
    if (took >= 0 || all->torn ||
        (error != EPERM && error != EACCES && error != ENOSYS))
        return true;
    __atomic_store_n(&refused, true, __ATOMIC_RELAXED);
    llmobs_insert_check(all, NULL, 0, false);
    llmobs_libc_errno_restore(saved);
    return false;
}

/* Before bytes among which nothing can be put: sends the rest of headers of
 * which a part has gone. False: that fails now, and so does the call. */
static bool send_torn(int fd, int flags)
{
    uint64_t id = llmobs_fds_id(fd);
    const void *key = llmobs_fds_key(id);
    const struct llmobs_connection *known = llmobs_connections_find(key);
    struct sending rest = {.fd = fd, .flags = flags};
    struct llmobs_work work;
    ssize_t took = 0;
    bool whole;

    if (!known || !known->inserts || !llmobs_fds_is(fd, id))
        return true;
    whole = begin_work(&work);
    rest.insertions = llmobs_follow_take(key);
    if (whole)
        llmobs_handlers_sends(&work, &rest.frame, key, rest.insertions);
    llmobs_handlers_end(&work);
    if (!rest.insertions)
        return true;
    llmobs_insert_check(rest.insertions, NULL, 0, false);
    (void)send_mixed(&rest, &took);
    (void)llmobs_handlers_begin(&work, &rest.frame);
    llmobs_follow_give(key, rest.insertions);
    llmobs_handlers_end(&work);
    return took >= 0;
}

static void show(struct sending *sending)
{
    const struct bytes all = sending->all;
    const void *key = sending->key;
    struct llmobs_connection *known = llmobs_connections_find(key);
    bool asks =
        !known || __atomic_exchange_n(&known->got, false, __ATOMIC_RELAXED);
    bool readable = are_readable(all, known ? known->ahead : 0);

    sending->insertions = sending->plain ? llmobs_follow_take(key) : NULL;
    if (sending->insertions)
        llmobs_insert_check(sending->insertions, all.at, all.count,
                            readable && are_readable(all, 0));
    if (!readable)
        return;
    sending->id = llmobs_fds_id(sending->fd);
    if (sending->flags & MSG_OOB)
        llmobs_follow_skipped(key, LLMOBS_WIRE_OTHER_BYTES);
    else if (!llmobs_follow_sends(key, NULL, sending->fd, all.at, all.count,
                                  sending->plain ? &sending->insertions
                                                 : NULL) &&
             !sending->insertions)
        end_number(sending->fd, sending->id);
    else if (asks && !can_take_now(sending->fd))
        llmobs_follow_waits(key, length_of(all));
}

/* Another thread may have the answer before the real function returns, so the
 * core sees the bytes before they are sent, but for those of none, as in a
 * child that put a file in the connection's place. A server may read a byte of
 * MSG_OOB beside the others or among them. False: the call fails. */
static bool before_send(struct sending *sending)
{
    int fd = sending->fd;
    uint64_t id = llmobs_fds_id(fd);
    struct llmobs_work work;
    bool whole;

    sending->plain &= !__atomic_load_n(&refused, __ATOMIC_RELAXED);
    if (!sending->plain && !send_torn(fd, sending->flags))
        return false;
    whole = begin_work(&work);
    if (id && (whole ? is_current(fd, id) : llmobs_fds_is(fd, id))) {
        sending->key = llmobs_fds_key(id);
        if (whole) {
            show(sending);
            if (sending->id)
                llmobs_handlers_sends(&work, &sending->frame, sending->key,
                                      sending->insertions);
        } else {
            sending->insertions = llmobs_follow_take(sending->key);
            if (are_readable(sending->all, 0))
                llmobs_follow_disturbed(sending->key, sending->all.at,
                                        sending->all.count);
        }
    }
    llmobs_handlers_end(&work);
    return true;
}

/* The kernel says these errors of a call, whose connection goes on. */
static bool is_of_call(int error)
{
    return error == EAGAIN || error == EINTR || error == EFAULT ||
           error == EINPROGRESS || error == EINVAL || error == EMSGSIZE ||
           error == ENOBUFS || error == ENOMEM || error == EOPNOTSUPP;
}

/* The kernel sent bytes that nobody saw, such as those of a file. */
static ssize_t after_unseen(int fd, ssize_t put)
{
    uint64_t id = llmobs_fds_id(fd);
    struct llmobs_work work;
    bool whole = begin_work(&work);

    if (put > 0 && id && !whole)
        llmobs_follow_disturbed(llmobs_fds_key(id), NULL, 0);
    else if (put > 0 && id && is_current(fd, id))
        llmobs_follow_skipped(llmobs_fds_key(id), (uint64_t)put);
    llmobs_handlers_end(&work);
    return put;
}

static ssize_t after_send(struct sending *sending, ssize_t put)
{
    const struct bytes all = sending->all;
    const void *key = sending->key;
    size_t accepted = put > 0 ? (size_t)put : 0;
    struct llmobs_work work;

    if (sending->id || sending->insertions) {
        if (llmobs_handlers_begin(&work, &sending->frame) && sending->id &&
            llmobs_fds_id(sending->fd) == sending->id) {
            llmobs_follow_accepted(key, all.at, all.count, accepted);
            if (put < 0 && !is_of_call(work.error))
                llmobs_follow_ended(key, LLMOBS_WIRE_UNSENT);
        }
        if (sending->insertions) {
            llmobs_insert_show(sending->insertions, all.at, all.count, accepted,
                               sending->insertions->count > 0 &&
                                   are_readable(all, 0));
            llmobs_follow_give(key, sending->insertions);
        }
        llmobs_handlers_end(&work);
    }
    return sending->id ? put : after_unseen(sending->fd, put);
}

static void report_received(int fd, uint64_t id, struct bytes all, size_t left)
{
    struct llmobs_connection *connection;
    bool first;

    for (size_t i = 0; left > 0; i++) {
        size_t len = all.at[i].iov_len < left ? all.at[i].iov_len : left;

        left -= len;
        if (len == 0)
            continue;
        connection = llmobs_follow_received(llmobs_fds_key(id),
                                            all.at[i].iov_base, len, &first);
        if (!connection) {
            end_number(fd, id);
            return;
        }
        __atomic_store_n(&connection->got, true, __ATOMIC_RELAXED);
    }
}

/* A read says that the connection has ended. */
static void end_read(int fd, uint64_t id, enum llmobs_wire_end how)
{
    const struct llmobs_connection *known =
        llmobs_connections_find(llmobs_fds_key(id));

    if (known && __atomic_load_n(&known->shut, __ATOMIC_RELAXED))
        end_number(fd, id);
    else
        llmobs_follow_ended(llmobs_fds_key(id), how);
}

/* MSG_PEEK leaves the bytes for the next call; MSG_TRUNC throws them away. */
static ssize_t after_receive(int fd, uint64_t id, struct bytes all, ssize_t got,
                             int flags)
{
    const void *key = llmobs_fds_key(id);
    struct llmobs_work work;
    bool whole = begin_work(&work);

    if (flags & (MSG_PEEK | MSG_ERRQUEUE | MSG_OOB) || id == 0 ||
        llmobs_fds_id(fd) != id)
        ;
    else if (!whole && got > 0)
        llmobs_follow_disturbed(key, NULL, 0);
    else if (!whole || !is_current(fd, id))
        ;
    else if (got > 0 && flags & MSG_TRUNC)
        llmobs_follow_skipped(key, LLMOBS_WIRE_OTHER_BYTES);
    else if (got > 0)
        report_received(fd, id, all, (size_t)got);
    else if (got == 0 && length_of(all) > 0)
        end_read(fd, id, LLMOBS_WIRE_CLOSED);
    else if (got < 0 && !is_of_call(work.error))
        end_read(fd, id, LLMOBS_WIRE_BROKEN);
    llmobs_handlers_end(&work);
    return got;
}

/* -- for the patched slots ------------------------------------------------- */

#define NONE(id) __builtin_expect((id) == 0, 1)
#define REAL(name) ((name##_fn *)llmobs_libc_calls_real[LLMOBS_LIBC_##name])
#define ONE(bytes, len) \
    ((struct bytes){&(struct iovec){(void *)(uintptr_t)(bytes), (len)}, 1})
#define SEVERAL(vector, count) ((struct bytes){(vector), (size_t)(count)})

/* For a number without an id the function is one load and a jump, without a
 * frame: a program calls it for all that it reads and writes. */
#define UNLESS_OURS(name, parameters, ...)                               \
    typedef ssize_t name##_fn parameters;                                \
    __attribute__((noinline)) static ssize_t followed_##name parameters; \
    static ssize_t of_##name parameters                                  \
    {                                                                    \
        return NONE(llmobs_fds_id(fd)) ? REAL(name)(__VA_ARGS__)         \
                                       : followed_##name(__VA_ARGS__);   \
    }                                                                    \
    static ssize_t followed_##name parameters

#define SENDS(name, parameters, bytes_of, flags, plain, ...)    \
    UNLESS_OURS(name, parameters, __VA_ARGS__)                  \
    {                                                           \
        const struct bytes all = bytes_of;                      \
        struct sending sending = {.fd = fd, flags, all, plain}; \
        ssize_t put;                                            \
                                                                \
        if (!before_send(&sending))                             \
            return -1;                                          \
        if (!send_mixed(&sending, &put))                        \
            put = REAL(name)(__VA_ARGS__);                      \
        return after_send(&sending, put);                       \
    }
SENDS(send, (int fd, const void *bytes, size_t len, int flags), ONE(bytes, len),
      flags, is_plain(all, flags), fd, bytes, len, flags)
SENDS(write, (int fd, const void *bytes, size_t len), ONE(bytes, len), 0, true,
      fd, bytes, len)
SENDS(writev, (int fd, const struct iovec *vector, int count),
      SEVERAL(vector, count), 0, is_plain(all, 0), fd, vector, count)
SENDS(sendmsg, (int fd, const struct msghdr *message, int flags),
      of_message(message), flags, is_plain_message(message, flags), fd, message,
      flags)

#define RECEIVES(name, parameters, bytes_of, flags, ...)    \
    UNLESS_OURS(name, parameters, __VA_ARGS__)              \
    {                                                       \
        uint64_t id = llmobs_fds_id(fd);                    \
        ssize_t got = REAL(name)(__VA_ARGS__);              \
                                                            \
        return after_receive(fd, id, bytes_of, got, flags); \
    }
RECEIVES(read, (int fd, void *bytes, size_t len), ONE(bytes, len), 0, fd, bytes,
         len)
RECEIVES(__read_chk, (int fd, void *bytes, size_t len, size_t room),
         ONE(bytes, len), 0, fd, bytes, len, room)
RECEIVES(readv, (int fd, const struct iovec *vector, int count),
         SEVERAL(vector, count), 0, fd, vector, count)
RECEIVES(recv, (int fd, void *bytes, size_t len, int flags), ONE(bytes, len),
         flags, fd, bytes, len, flags)
RECEIVES(__recv_chk, (int fd, void *bytes, size_t len, size_t room, int flags),
         ONE(bytes, len), flags, fd, bytes, len, room, flags)
RECEIVES(recvfrom,
         (int fd, void *bytes, size_t len, int flags, void *from,
          socklen_t *size),
         ONE(bytes, len), flags, fd, bytes, len, flags, from, size)
RECEIVES(__recvfrom_chk,
         (int fd, void *bytes, size_t len, size_t room, int flags, void *from,
          socklen_t *size),
         ONE(bytes, len), flags, fd, bytes, len, room, flags, from, size)
RECEIVES(recvmsg, (int fd, struct msghdr *message, int flags),
         of_message(message), flags, fd, message, flags)

/* A connection may begin by its first bytes (TCP Fast Open). */
typedef ssize_t sendto_fn(int, const void *, size_t, int, const void *,
                          socklen_t);
__attribute__((noinline)) static ssize_t followed_sendto(int fd,
                                                         const void *bytes,
                                                         size_t len, int flags,
                                                         const void *to,
                                                         socklen_t size)
{
    const struct bytes all = ONE(bytes, len);
    struct sending sending = {
        .fd = fd, flags, all, !to && is_plain(all, flags)};
    ssize_t put;

    if (!before_send(&sending))
        return -1;
    if (!send_mixed(&sending, &put))
        put = REAL(sendto)(fd, bytes, len, flags, to, size);
    if (flags & MSG_FASTOPEN && !sending.id &&
        (put >= 0 || llmobs_libc_errno() == EINPROGRESS) &&
        begin_connection(fd) && put > 0) {
        sending.all = ONE(bytes, (size_t)put);
        sending.flags = 0;
        (void)before_send(&sending);
        sending.all = all;
    }
    return after_send(&sending, put);
}

static ssize_t of_sendto(int fd, const void *bytes, size_t len, int flags,
                         const void *to, socklen_t size)
{
    return NONE(llmobs_fds_id(fd)) && !(flags & MSG_FASTOPEN)
               ? REAL(sendto)(fd, bytes, len, flags, to, size)
               : followed_sendto(fd, bytes, len, flags, to, size);
}

/* The program may wait for a connection in progress, or ask again: then the
 * kernel says once that it is there, if bytes went over it or not. */
typedef int connect_fn(int, const struct sockaddr *, socklen_t);
static int of_connect(int fd, const struct sockaddr *to, socklen_t size)
{
    int result = REAL(connect)(fd, to, size), error = llmobs_libc_errno();
    bool goes_on = result != 0 && (error == EINPROGRESS || error == EINTR);

    if (result != 0 && error == EALREADY)
        return result;
    if ((result == 0 || goes_on) &&
        (to->sa_family == AF_INET || to->sa_family == AF_INET6 ||
         to->sa_family == AF_UNIX) &&
        !llmobs_fds_is_connecting(fd))
        (void)begin_connection(fd);
    llmobs_fds_set_connecting(fd, goes_on);
    llmobs_libc_errno_restore(error);
    return result;
}

/* After the real call another thread may have the number. */
typedef int close_fn(int);
static int of_close(int fd)
{
    close_number(fd);
    return REAL(close)(fd);
}

/* Another thread may wait for bytes, and the program may read what has come. */
typedef int shutdown_fn(int, int);
static int of_shutdown(int fd, int how)
{
    uint64_t id = llmobs_fds_id(fd);
    struct llmobs_connection *known =
        id && how != SHUT_WR ? llmobs_connections_find(llmobs_fds_key(id))
                             : NULL;

    if (known)
        __atomic_store_n(&known->shut, true, __ATOMIC_RELAXED);
    return REAL(shutdown)(fd, how);
}

/* A server is let go (llmobs_host_until), also one whose socket another program
 * made. A socket of Unix is for orders: the JVM listens there for its tools. */
static void hear(int fd)
{
    if (llmobs_host_until() && llmobs_fds_is_internet(fd))
        llmobs_host_listens();
}

/* The program closes the number by a system call of its own. */
static long of_syscall(long number, uintptr_t a, uintptr_t b, uintptr_t c,
                       uintptr_t d, uintptr_t e, uintptr_t f)
{
    if (number == SYS_close)
        close_number((int)a);
    else if (number == SYS_listen || number == SYS_accept ||
             number == SYS_accept4)
        hear((int)a);
    else if (number == SYS_rt_sigaction && b)
        llmobs_handlers_unknown();
    return llmobs_alone_syscall(number, a, b, c, d, e, f);
}

#define GIVES(name, parameters, before, what, ...) \
    typedef int name##_fn parameters;              \
    static int of_##name parameters                \
    {                                              \
        before;                                    \
        return what(REAL(name)(__VA_ARGS__));      \
    }
#define COPY(to) duplicate(fd, to)
GIVES(dup, (int fd), , COPY, fd)
GIVES(socket, (int domain, int type, int protocol), , renew, domain, type,
      protocol)
GIVES(listen, (int fd, int backlog), hear(fd), , fd, backlog)
GIVES(accept, (int fd, void *from, socklen_t *size), hear(fd), renew, fd, from,
      size)
GIVES(accept4, (int fd, void *from, socklen_t *size, int flags), hear(fd),
      renew, fd, from, size, flags)

#define REPLACES(name, parameters, ...)                        \
    typedef int name##_fn parameters;                          \
    static int of_##name parameters                            \
    {                                                          \
        uint64_t id = before_replace(fd, to);                  \
                                                               \
        return after_replace(fd, REAL(name)(__VA_ARGS__), id); \
    }
REPLACES(dup2, (int fd, int to), fd, to)
REPLACES(dup3, (int fd, int to, int flags), fd, to, flags)

/* libc declares it with "...": see alone.c. */
#define FCNTL(name)                                           \
    typedef int name##_fn(int, int, uintptr_t);               \
    static int of_##name(int fd, int command, uintptr_t more) \
    {                                                         \
        if (command != F_DUPFD && command != F_DUPFD_CLOEXEC) \
            return REAL(name)(fd, command, more);             \
        return duplicate(fd, REAL(name)(fd, command, more));  \
    }
FCNTL(fcntl)
FCNTL(fcntl64)

#define SENDFILE(name)                                                        \
    UNLESS_OURS(name, (int fd, int from, void *offset, size_t len), fd, from, \
                offset, len)                                                  \
    {                                                                         \
        return send_torn(fd, 0)                                               \
                   ? after_unseen(fd, REAL(name)(fd, from, offset, len))      \
                   : -1;                                                      \
    }
SENDFILE(sendfile)
SENDFILE(sendfile64)

typedef ssize_t splice_fn(int, void *, int, void *, size_t, unsigned);
static ssize_t of_splice(int from, void *start, int to, void *offset,
                         size_t len, unsigned flags)
{
    ssize_t moved = send_torn(to, 0)
                        ? REAL(splice)(from, start, to, offset, len, flags)
                        : -1;
    uint64_t id = llmobs_fds_id(from);
    struct llmobs_work work;

    if (moved > 0 && id && begin_work(&work))
        llmobs_follow_skipped(llmobs_fds_key(id), LLMOBS_WIRE_OTHER_BYTES);
    if (moved > 0 && id)
        llmobs_handlers_end(&work);
    return after_unseen(to, moved);
}

#define THUNK_OF(name, sets) \
    case LLMOBS_LIBC_##name: \
        return llmobs_lib_opaque((void *)(of_##name));

void *llmobs_socket_calls_function(enum llmobs_libc_call call)
{
    switch (call) {
        LLMOBS_LIBC_SOCKET_CALLS(THUNK_OF)
    default:
        return NULL;
    }
}
