#include "shim/follow.h"

#include "shim/connections.h"
#include "shim/host.h"
#include "shim/load.h"
#include "shim/say.h"

/* Stands for a connection that the core does not follow. */
static char unfollowed;
#define UNFOLLOWED ((void *)&unfollowed)

/* A TLS library did something impossible: from now on nothing is followed. */
static bool over;

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

/* The core's operations, if it follows the connection. */
static const struct llmobs_ops *follower_of(
    const struct llmobs_connection *connection)
{
    return connection->of_core && connection->of_core != UNFOLLOWED
               ? llmobs_load_core()
               : NULL;
}

/* Loads the core and returns it; NULL if the process is not followed. */
static const struct llmobs_ops *core_to_follow(void)
{
    return llmobs_host_tls_stopped() ? NULL : llmobs_load_without_copy(NULL);
}

__attribute__((noinline)) static void begin_to_follow(
    struct llmobs_connection *connection, const char *name)
{
    const char *why = llmobs_host_tls_stopped();
    const struct llmobs_ops *ops = core_to_follow();
    void *wire = ops ? ops->wire.begin(name) : NULL;

    if (why)
        llmobs_say(false, why, "");
    /* If the core cannot be loaded now, it may be loaded at the next request.
     */
    if (why || ops)
        connection->of_core = wire ? wire : UNFOLLOWED;
}

__attribute__((noinline)) void llmobs_follow_not(const char *name)
{
    const struct llmobs_ops *ops = name ? core_to_follow() : NULL;

    if (ops)
        ops->wire.unfollowed(name);
}

struct llmobs_connection *llmobs_follow_sent(const void *object,
                                             llmobs_follow_name_fn *name_of,
                                             const void *bytes, size_t len,
                                             size_t accepted)
{
    struct llmobs_sent sent;
    const struct llmobs_ops *ops;

    if (bytes && accepted > len)
        give_up();
    if (is_over())
        return NULL;
    sent = llmobs_connections_sent(object, bytes, len, accepted);
    if (sent.http2)
        llmobs_follow_not(name_of(object));
    if (!sent.connection)
        return NULL;
    if (!sent.connection->of_core)
        begin_to_follow(sent.connection, name_of(object));
    ops = follower_of(sent.connection);
    /* The first bytes may be the beginning of a head, which holds keys. */
    if (sent.connection->held) {
        if (ops)
            ops->wire.sent(sent.connection->of_core, sent.connection->first,
                           sent.connection->held);
        llmobs_connections_wipe(sent.connection);
    }
    if (ops && sent.len > 0)
        ops->wire.sent(sent.connection->of_core, sent.bytes, sent.len);
    return sent.connection;
}

struct llmobs_connection *llmobs_follow_received(const void *object,
                                                 const void *bytes, size_t len,
                                                 bool *first)
{
    struct llmobs_connection *connection =
        is_over() ? NULL : llmobs_connections_received(object, first);
    const struct llmobs_ops *ops = connection ? follower_of(connection) : NULL;

    if (ops)
        ops->wire.received(connection->of_core, bytes, len);
    return connection;
}

void llmobs_follow_unseen(const struct llmobs_connection *connection,
                          uint64_t bytes, int fd)
{
    const struct llmobs_ops *ops = follower_of(connection);

    if (ops)
        ops->wire.unseen(connection->of_core, bytes, fd);
}

void llmobs_follow_ended(const void *object, enum llmobs_wire_end how)
{
    const struct llmobs_connection *connection =
        llmobs_connections_find(object);
    const struct llmobs_ops *ops = connection ? follower_of(connection) : NULL;

    if (ops)
        ops->wire.ended(connection->of_core, how);
}

void llmobs_follow_forget(const void *object)
{
    struct llmobs_wire *wire = llmobs_connections_forget(object);
    const struct llmobs_ops *ops = llmobs_load_core();

    if (wire && wire != UNFOLLOWED && ops)
        ops->wire.ended(wire, LLMOBS_WIRE_FREED);
}
