/* The owner of a listening socket, and whether it is still the same socket. */
#include "core/export/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static char url[64];

/* Gives a socket that is bound to this address and does not listen; port 0:
 * any, which `url` then names. Another one of these may be bound to the same.
 */
static int bind_at(const char *address, unsigned port)
{
    struct sockaddr_in place = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port)};
    socklen_t len = sizeof(place);
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    ck_assert_int_eq(inet_pton(AF_INET, address, &place.sin_addr), 1);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)),
                     0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&place, len), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&place, &len), 0);
    snprintf(url, sizeof(url), "http://localhost:%u", ntohs(place.sin_port));
    return fd;
}

static int listen_at(const char *address, unsigned port)
{
    int fd = bind_at(address, port);

    ck_assert_int_eq(listen(fd, 1), 0);
    return fd;
}

static unsigned port_of_url(void)
{
    unsigned port;

    ck_assert_int_eq(sscanf(url, "http://localhost:%u", &port), 1);
    return port;
}

/* Keeps any port for the test: other programs, which run beside it, are given
 * other ones, and none of them listens where the test's listener is gone or is
 * at another address. */
static int keep_port(void)
{
    return bind_at("0.0.0.0", 0);
}

TEST_EACH(ours, 0, 2)
{
    static const char *const places[] = {"127.0.0.1", "0.0.0.0"};
    uint64_t mark, again;
    int kept = keep_port(), fd = listen_at(places[_i], port_of_url());

    ck_assert_int_eq(llmobs_listener_check(url, &mark), 0);
    ck_assert_int_eq(llmobs_listener_check(url, &again), 0);
    ck_assert_uint_eq(mark, again);
    close(fd);
    ck_assert_int_eq(llmobs_listener_check(url, &mark), -ECONNREFUSED);
    close(kept);
}

TEST(another_one_has_another_mark)
{
    uint64_t mark, again;
    int kept = keep_port(), fd = listen_at("127.0.0.1", port_of_url());

    ck_assert_int_eq(llmobs_listener_check(url, &mark), 0);
    close(fd);
    fd = listen_at("127.0.0.1", port_of_url());
    ck_assert_int_eq(llmobs_listener_check(url, &again), 0);
    ck_assert_uint_ne(mark, again);
    close(fd);
    close(kept);
}

/* A listener on another address says nothing of localhost. */
TEST(another_address)
{
    uint64_t mark;
    int kept = keep_port(), fd = listen_at("127.0.0.9", port_of_url());

    ck_assert_int_eq(llmobs_listener_check(url, &mark), -ECONNREFUSED);
    close(fd);
    close(kept);
}

/* A table of more lines than are read at a time. */
TEST(among_many)
{
    enum { MANY = 200 };
    uint64_t mark;
    int fds[MANY];

    for (int i = 0; i < MANY; i++)
        fds[i] = listen_at("127.0.0.1", 0);
    ck_assert_int_eq(llmobs_listener_check(url, &mark), 0);
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
}

TEST(a_path)
{
    struct sockaddr_un place = {.sun_family = AF_UNIX};
    char base[UNIT_DIRECTORY], name[sizeof(base) + 32];
    uint64_t mark;
    int pair[2], fd = socket(AF_UNIX, SOCK_STREAM, 0);

    unit_directory(base);
    snprintf(name, sizeof(name), "unix://%s/socket", base);
    ck_assert_int_eq(llmobs_listener_check(name, &mark), -ECONNREFUSED);
    snprintf(place.sun_path, sizeof(place.sun_path), "%s/socket", base);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&place, sizeof(place)), 0);
    ck_assert_int_eq(llmobs_listener_check(name, &mark), 0);
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(place.sun_path, 12345, 12345), 0);
        ck_assert_int_eq(llmobs_listener_check(name, &mark), -EPERM);
    }
    snprintf(name, sizeof(name), "unix://%s", base);
    ck_assert_int_eq(llmobs_listener_check(name, &mark), -EPERM);
    close(fd);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ck_assert_int_eq(llmobs_listener_peer(pair[0]), 0);
    ck_assert_int_eq(llmobs_listener_peer(-1), -EPERM);
    close(pair[0]);
    close(pair[1]);
    unit_remove(base);
}

TEST(what_was_named)
{
    struct llmobs_config config = {.exporter = (char[]){"auto"},
                                   .agent_url = (char[]){"http://localhost:1"}};

    ck_assert_ptr_eq(llmobs_listener_guard(&config), config.agent_url);
    config.agent_named = true;
    ck_assert_ptr_null(llmobs_listener_guard(&config));
    config.agent_named = false;
    config.exporter = (char[]){"agent"};
    ck_assert_ptr_null(llmobs_listener_guard(&config));
}
