/* Passes the bytes of a followed connection to the core. */
#include "shim/follow.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "shim/connections.h"
#include "shim/host.h"
#include "shim/insert.h"
#include "shim/libc.h"
#include "shim/load.h"
#include "shim/say.h"

/* Stands for a connection that the core does not follow. */
static char unfollowed;
#define UNFOLLOWED ((void *)&unfollowed)

#define PATH_AT offsetof(struct sockaddr_un, sun_path)

const char llmobs_follow_elsewhere;

/* A TLS library did something impossible: from now on nothing is followed. */
static bool over;

/* Connections by which handlers sent HTTP before there was a core. */
static unsigned disturbed;

static bool is_over(void)
{
    return __atomic_load_n(&over, __ATOMIC_ACQUIRE);
}

__attribute__((noinline)) static void give_up(void)
{
    const struct llmobs_ops *ops = llmobs_load_core();

    if (!__atomic_exchange_n(&over, true, __ATOMIC_ACQ_REL) && ops)
        ops->wire.unfollowed(NULL);
}

/* The core's record of a connection, which another thread may have set. */
static struct llmobs_wire *wire_of(const struct llmobs_connection *connection)
{
    return connection ? __atomic_load_n(&connection->of_core, __ATOMIC_ACQUIRE)
                      : NULL;
}

/* Pass an event on, if the core follows the connection. */
static void pass_event(struct llmobs_wire *wire,
                       const struct llmobs_wire_event *event)
{
    const struct llmobs_ops *ops =
        wire && wire != UNFOLLOWED ? llmobs_load_core() : NULL;

    if (ops)
        ops->wire.event(wire, event);
}

static void pass(struct llmobs_wire *wire, enum llmobs_wire_what what,
                 const void *bytes, uint64_t number, int fd)
{
    pass_event(wire,
               &(struct llmobs_wire_event){what, bytes, number, .fd = fd});
}

struct llmobs_insertions *llmobs_follow_take(const void *key)
{
    const struct llmobs_connection *connection = llmobs_connections_find(key);
    const struct llmobs_ops *ops =
        connection && connection->inserts ? llmobs_load_core() : NULL;

    return ops ? ops->wire.take(wire_of(connection)) : NULL;
}

void llmobs_follow_give(const void *key, struct llmobs_insertions *insertions)
{
    struct llmobs_connection *connection = llmobs_connections_find(key);
    struct llmobs_wire *wire = wire_of(connection);
    const struct llmobs_ops *ops = llmobs_load_core();

    if (connection)
        connection->inserts =
            insertions->count > 0 || insertions->room || insertions->done;
    if (ops)
        ops->wire.give(wire != UNFOLLOWED ? wire : NULL, insertions);
}

__attribute__((noinline)) static void begin_to_follow(
    struct llmobs_connection *connection, const char *name, int fd)
{
    const char *why = fd == LLMOBS_WIRE_TLS ? llmobs_host_tls_stopped()
                                            : llmobs_host_sockets_stopped();
    bool here = name != LLMOBS_FOLLOW_ELSEWHERE;
    const struct llmobs_ops *ops =
        why || !here ? NULL : llmobs_load_without_copy(NULL);
    struct llmobs_wire *wire =
        ops ? ops->wire.begin(name, fd, connection->http2) : NULL;
    void *none = NULL;

    if (why)
        llmobs_say(false, why, "");
    if (ops && __atomic_load_n(&disturbed, __ATOMIC_RELAXED))
        ops->wire.disturbed(
            NULL, __atomic_exchange_n(&disturbed, 0, __ATOMIC_RELAXED));
    /* If the core cannot be loaded now, it may be loaded at the next request.
     * Another thread may have begun at the same moment. */
    if ((why || ops || !here) &&
        !__atomic_compare_exchange_n(&connection->of_core, &none,
                                     wire ? wire : UNFOLLOWED, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        pass(wire, LLMOBS_WIRE_ENDED, NULL, LLMOBS_WIRE_FREED, -1);
}

__attribute__((noinline)) void llmobs_follow_not(const char *name)
{
    const struct llmobs_ops *ops =
        name && name != LLMOBS_FOLLOW_ELSEWHERE && !llmobs_host_tls_stopped()
            ? llmobs_load_without_copy(NULL)
            : NULL;

    if (ops)
        ops->wire.unfollowed(name);
}

void llmobs_follow_announce(int fd, const unsigned char *random)
{
    struct llmobs_follows what = {.inode = 0};
    struct sockaddr_un to = {.sun_family = AF_UNIX}, own = to;
    size_t len = llmobs_str_copy(to.sun_path + 1, sizeof(to.sun_path) - 1,
                                 LLMOBS_INTERCEPT_FOLLOWS);
    struct stat st;
    long end;

    if (is_over() || llmobs_host_tls_stopped())
        return;
    if (random)
        llmobs_bytes_copy(what.random, random, sizeof(what.random));
    else if (llmobs_sys(SYS_fstat, fd, &st) == 0)
        what.inode = st.st_ino;
    len += llmobs_str_copy(to.sun_path + len, sizeof(to.sun_path) - len,
                           llmobs_host_proxy()) -
           1;
    llmobs_bytes_copy(own.sun_path + 1, &what, sizeof(what));
    end = llmobs_sys(SYS_socket, AF_UNIX,
                     SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (end < 0)
        return;
    if (llmobs_sys(SYS_bind, end, &own, PATH_AT + 1 + sizeof(what)) == 0)
        llmobs_sys(SYS_connect, end, &to, PATH_AT + len);
    llmobs_sys(SYS_close, end);
}

/* Passes on to the core what no earlier attempt has shown. */
static void pass_on(const void *key, llmobs_follow_name_fn *name_of, int fd,
                    const struct llmobs_sent *sent, size_t before,
                    struct llmobs_insertions **insertions)
{
    struct llmobs_connection *connection = sent->connection;

    if (!connection)
        return;
    if (!wire_of(connection))
        begin_to_follow(connection, name_of ? name_of(key) : NULL, fd);
    /* The first bytes may be the beginning of a head, which holds secrets. */
    if (connection->held) {
        pass(wire_of(connection), LLMOBS_WIRE_SENT, connection->first,
             connection->held, -1);
        llmobs_connections_wipe(connection);
    }
    if (sent->len > 0)
        pass_event(wire_of(connection), &(struct llmobs_wire_event){
                                            LLMOBS_WIRE_SENT, sent->bytes,
                                            sent->len, -1, before, insertions});
    connection->inserts |= insertions && *insertions;
}

/* Tells the core which of the bytes nobody has taken yet: with them a request
 * may be none, however the connection ends, or the process. `more`: bytes of a
 * call that goes on. */
static void tell(struct llmobs_connection *connection, size_t more)
{
    size_t ahead =
        connection ? __atomic_load_n(&connection->ahead, __ATOMIC_ACQUIRE) : 0;

    if (connection && (__atomic_exchange_n(&connection->told, ahead + more > 0,
                                           __ATOMIC_ACQ_REL) ||
                       ahead + more > 0))
        pass(wire_of(connection), LLMOBS_WIRE_REFUSED, NULL, ahead + more, -1);
}

struct llmobs_connection *llmobs_follow_sent(const void *key,
                                             llmobs_follow_name_fn *name_of,
                                             const void *bytes, size_t len,
                                             size_t accepted)
{
    struct llmobs_sent sent;

    if (accepted > len)
        give_up();
    if (is_over())
        return NULL;
    sent = llmobs_connections_sent(key, bytes, accepted > 0 ? accepted : len);
    pass_on(key, name_of, LLMOBS_WIRE_TLS, &sent, 0, NULL);
    if (accepted == 0)
        (void)llmobs_connections_accepted(key, &(struct iovec){NULL, len}, 1,
                                          0);
    tell(sent.connection, 0);
    return sent.connection;
}

bool llmobs_follow_follows(const void *key)
{
    struct llmobs_wire *wire = wire_of(llmobs_connections_find(key));

    return wire && wire != UNFOLLOWED;
}

void llmobs_follow_disturbed(const void *key, const struct iovec *pieces,
                             size_t count)
{
    struct llmobs_connection *connection = llmobs_connections_find(key);
    const struct llmobs_ops *ops = llmobs_load_core();
    void *wire = NULL;

    for (size_t i = 0; !connection && i < count; i++)
        connection =
            llmobs_connections_sent(key, pieces[i].iov_base, pieces[i].iov_len)
                .connection;
    if (!connection)
        return;
    llmobs_say(false, "a signal handler uses a connection by HTTP: ",
               "not all of its calls are seen");
    connection->ahead = 0;
    (void)__atomic_compare_exchange_n(&connection->of_core, &wire, UNFOLLOWED,
                                      false, __ATOMIC_ACQ_REL,
                                      __ATOMIC_ACQUIRE);
    if (ops && wire != UNFOLLOWED)
        ops->wire.disturbed(wire, 1);
    else if (!wire)
        __atomic_fetch_add(&disturbed, 1, __ATOMIC_RELAXED);
}

/* Bytes that no client sends stand for what must come next. */
void llmobs_follow_left(const void *key, struct llmobs_insertions *insertions)
{
    struct llmobs_connection *connection = llmobs_connections_find(key);

    if (insertions)
        llmobs_load_core()->wire.give(NULL, insertions);
    if (!connection)
        return;
    llmobs_connections_wipe(connection);
    connection->ahead = 0;
    connection->next = 1;
    connection->told = false;
    pass(wire_of(connection), LLMOBS_WIRE_REFUSED, NULL, LLMOBS_WIRE_LEFT, -1);
}

bool llmobs_follow_sends(const void *key, llmobs_follow_name_fn *name_of,
                         int fd, const struct iovec *pieces, size_t count,
                         struct llmobs_insertions **insertions)
{
    struct llmobs_sent sent = {.foreign = false};
    size_t before = 0;

    if (is_over())
        return false;
    if (llmobs_connections_differ(key, pieces, count))
        llmobs_follow_skipped(key, LLMOBS_WIRE_OTHER_BYTES);
    for (size_t i = 0; i < count; i++) {
        sent =
            llmobs_connections_sent(key, pieces[i].iov_base, pieces[i].iov_len);
        before += pieces[i].iov_len;
        pass_on(key, name_of, fd, &sent, before - sent.len, insertions);
    }
    return !sent.foreign &&
           !(sent.connection && wire_of(sent.connection) == UNFOLLOWED);
}

struct llmobs_insertions *llmobs_follow_shows(const void *key,
                                              llmobs_follow_name_fn *name_of,
                                              const void *bytes, size_t len,
                                              bool adds)
{
    struct llmobs_insertions *all = llmobs_follow_take(key);
    size_t done = all && all->done < len ? all->done : 0;
    int saved = llmobs_libc_errno();
    struct iovec piece;

    if (!bytes)
        return all;
    piece = (struct iovec){(char *)(uintptr_t)bytes + done, len - done};
    if (all && !all->room && !all->done)
        llmobs_insert_check(all, &piece, 1, true);
    (void)llmobs_follow_sends(key, name_of, LLMOBS_WIRE_TLS, &piece, 1,
                              adds ? &all : NULL);
    llmobs_libc_errno_restore(saved);
    return all;
}

struct iovec llmobs_follow_join(struct llmobs_insertions *all,
                                const void *bytes, size_t len)
{
    struct iovec piece = {(void *)(uintptr_t)bytes, len};
    size_t count, i = 0;

    if (!all->room && all->count > 0 && all->given > 0 &&
        all->given <= all->list[0].at)
        return (struct iovec){piece.iov_base,
                              all->given < len ? all->given : len};
    if (!all->room && all->count > 0) {
        llmobs_load_core()->wire.join(all, llmobs_insert_mix(all, &piece, 1));
        all->given = len;
        if (!all->room)
            llmobs_insert_check(all, NULL, 0, false);
    }
    if (all->room)
        return (struct iovec){
            all->room, all->room_size -
                           (bytes && len < all->given ? all->given - len : 0)};
    for (count = llmobs_insert_mix(all, &piece, 1);
         i + 1 < count && all->pieces[i].iov_len == 0; i++)
        ;
    return all->pieces[i];
}

size_t llmobs_follow_joined(struct llmobs_insertions *all, const void *bytes,
                            size_t len, size_t took)
{
    struct iovec piece = {(void *)(uintptr_t)bytes, len};
    size_t own = llmobs_insert_took(all, took);

    llmobs_load_core()->wire.join(all, 0);
    all->given = 0;
    llmobs_insert_show(all, &piece, 1, own, bytes != NULL);
    return own;
}

bool llmobs_follow_inserts(void)
{
    const struct llmobs_ops *ops = llmobs_load_core();

    return !ops || *ops->wire.inserts;
}

void llmobs_follow_accepted(const void *key, const struct iovec *pieces,
                            size_t count, size_t accepted)
{
    if (!is_over())
        tell(llmobs_connections_accepted(key, pieces, count, accepted), 0);
}

void llmobs_follow_waits(const void *key, size_t len)
{
    tell(llmobs_connections_find(key), len);
}

void llmobs_follow_skipped(const void *key, uint64_t bytes)
{
    pass(wire_of(llmobs_connections_find(key)), LLMOBS_WIRE_SKIPPED, NULL,
         bytes, -1);
}

struct llmobs_connection *llmobs_follow_received(const void *key,
                                                 const void *bytes, size_t len,
                                                 bool *first)
{
    struct llmobs_connection *connection =
        is_over() ? NULL : llmobs_connections_received(key, first);

    pass(wire_of(connection), LLMOBS_WIRE_RECEIVED, bytes, len, -1);
    return connection;
}

bool llmobs_follow_http2(const void *key, llmobs_follow_name_fn *name_of,
                         const void *alpn, size_t alpn_len, const void *bytes,
                         size_t len)
{
    struct llmobs_connection *connection;
    bool first;

    /* A server receives the preface of its client. */
    if (alpn_len != 2 || llmobs_http1_same(alpn, 2, "h2") != 2 ||
        *(const char *)bytes == 'P')
        return false;
    connection = is_over() ? NULL : llmobs_connections_begin_http2(key);
    if (connection)
        begin_to_follow(connection, name_of(key), LLMOBS_WIRE_TLS);
    (void)llmobs_follow_received(key, bytes, len, &first);
    return true;
}

void llmobs_follow_unseen(const struct llmobs_connection *connection,
                          uint64_t bytes, int fd)
{
    pass(wire_of(connection), LLMOBS_WIRE_UNSEEN, NULL, bytes, fd);
}

void llmobs_follow_ended(const void *key, enum llmobs_wire_end how)
{
    pass(wire_of(llmobs_connections_find(key)), LLMOBS_WIRE_ENDED, NULL, how,
         -1);
}

void llmobs_follow_forget(const void *key)
{
    pass(llmobs_connections_forget(key), LLMOBS_WIRE_ENDED, NULL,
         LLMOBS_WIRE_FREED, -1);
}
