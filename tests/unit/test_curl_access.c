/* Requests in time: limits, ends, forks, and a libcurl that is taken away. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "core/export/http.h"
#include "core/export/sockets.h"
#include "tests/unit/http_case.h"
#include "tests/unit/unit.h"

static void count_tick(void *ctx)
{
    int *count = ctx;

    (*count)++;
}

TEST(waits_are_used)
{
    struct llmobs_http *http = client();
    struct server *server = unit_own(server_new());
    struct llmobs_http_reply reply;
    int ticks = 0;
    struct llmobs_http_request request = {
        .method = "GET", .timeout_ms = 1000, .tick = {count_tick, &ticks}};

    server->delay_ms = 3000;
    server_start(server, OK_ANSWER);
    request.url = url_at("127.0.0.1", server->port, "/");
    ck_assert_int_eq(llmobs_http_send(http, &request, &reply), -ETIMEDOUT);
    ck_assert_int_ge(ticks, 10);
    llmobs_http_reply_fini(&reply);
    llmobs_http_free(http);
    server_stop(server);
}

TEST(ends_in_time)
{
    struct llmobs_http *http = client();
    struct server *server = unit_own(server_new());
    struct llmobs_http_reply reply;
    struct llmobs_http_request request = {.method = "GET", .timeout_ms = 200};
    int64_t began = llmobs_clock_mono_ns();

    server->delay_ms = 20000;
    server_start(server, OK_ANSWER);
    request.url = url_at("127.0.0.1", server->port, "/");
    ck_assert_int_eq(llmobs_http_send(http, &request, &reply), -ETIMEDOUT);
    ck_assert_int_eq(reply.code, CURLE_OPERATION_TIMEDOUT);
    ck_assert_int_ge(unit_ms_since(began), 150);
    ck_assert_int_lt(unit_ms_since(began), 10000);
    llmobs_http_reply_fini(&reply);
    /* The deadline of the process comes first. */
    began = llmobs_clock_mono_ns();
    llmobs_curl_access_deadline(began + 100 * 1000000);
    request.timeout_ms = 20000;
    ck_assert_int_eq(llmobs_http_send(http, &request, &reply), -ECANCELED);
    ck_assert_int_lt(unit_ms_since(began), 10000);
    llmobs_http_reply_fini(&reply);
    /* And holds for each later request. */
    ck_assert_int_eq(llmobs_http_send(http, &request, &reply), -ECANCELED);
    llmobs_http_reply_fini(&reply);
    llmobs_http_free(http);
    server_stop(server);
}

TEST(refuses)
{
    struct llmobs_http *http = client();
    struct llmobs_http_reply reply;

    ck_assert_int_eq(post(http, "http://127.0.0.1:1/", "", &reply),
                     -ECONNREFUSED);
    ck_assert_int_eq(reply.code, CURLE_COULDNT_CONNECT);
    llmobs_http_reply_fini(&reply);
    ck_assert_int_eq(post(http, "ftp://127.0.0.1/", "", &reply), -EINVAL);
    ck_assert_int_eq(post(http, "file:///etc/passwd", "", &reply), -EINVAL);
    ck_assert_int_eq(post(http, "http:///", "", &reply), -EINVAL);
    ck_assert_int_eq(post(http, "http://f\xc3\xbcr.example/", "", &reply),
                     -EINVAL);
    ck_assert_int_eq(post(http, "http://nowhere.invalid/", "", &reply),
                     -EHOSTUNREACH);
    ck_assert_int_eq(reply.code, CURLE_COULDNT_RESOLVE_HOST);
    llmobs_http_free(http);
}

/* Tells of a libcurl whose OpenSSL is for one thread. */
static curl_version_info_data *tell_old(CURLversion age)
{
    static curl_version_info_data data;

    data = *real.version_info(age);
    data.ssl_version = "OpenSSL/1.0.2k";
    return &data;
}

static void *send_beside(void *arg)
{
    struct llmobs_http_reply reply;

    ck_assert(llmobs_curl_access_exit_thread_only());
    ck_assert_int_eq(post(arg, "https://127.0.0.1:1/", "", &reply), -ENOTCONN);
    return arg;
}

static void check_other_thread(struct llmobs_http *http)
{
    pthread_t thread;
    void *result = NULL;

    pthread_create(&thread, NULL, send_beside, http);
    pthread_join(thread, &result);
    ck_assert_ptr_eq(result, http);
}

/* Opens what libcurl does to be woken: an event descriptor, which has no other
 * end, or a pair of sockets. */
static void open_pair(int kind, int pair[2])
{
    pair[1] = -1;
    if (kind)
        pair[0] = eventfd(0, EFD_CLOEXEC);
    else
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
}

static int connected_to(int server)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un name;
    socklen_t len = sizeof name;

    ck_assert_int_eq(getsockname(server, (struct sockaddr *)&name, &len), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&name, len), 0);
    return fd;
}

/* The core knows again what libcurl opens for itself, event descriptors as
 * well, which have one inode all together. */
TEST(watches)
{
    for (int kind = 0; kind < 2; kind++) {
        struct llmobs_sockets sockets = {0};
        struct llmobs_sockets_probe probe;
        int hold[3], pair[2], fd, other;

        ck_assert_int_eq(llmobs_sockets_probe(&probe, hold), 0);
        open_pair(kind, pair);
        fd = pair[0];
        ck_assert_int_eq(llmobs_sockets_watch(&sockets, &probe, hold), 0);
        ck_assert(sockets.list[0].used && sockets.list[0].fd == fd);
        ck_assert(sockets.list[1].used == (pair[1] >= 0));
        ck_assert(llmobs_sockets_intact(&sockets));
        llmobs_sockets_close(&sockets, fd);
        ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
        other = kind ? eventfd(0, EFD_CLOEXEC) : open("/dev/null", O_RDWR);
        ck_assert_int_eq(dup2(other, fd), fd);
        ck_assert(!llmobs_sockets_intact(&sockets));
        llmobs_sockets_drop(&sockets);
        ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
        close(fd);
        close(pair[1]);
        close(other);
    }
}

/* A thread of the app opens files, listens and connects while libcurl opens its
 * pair: the pair alone is watched, and a pair that is hidden is told of. */
TEST(watches_the_pair_alone)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct llmobs_sockets sockets = {0};
    struct llmobs_sockets_probe probe;
    int hold[3], pair[2], fds[4];

    for (int hidden = 0; hidden < 2; hidden++) {
        ck_assert_int_eq(llmobs_sockets_probe(&probe, hold), 0);
        fds[0] = open("/", O_PATH);
        fds[1] = socket(AF_UNIX, SOCK_STREAM, 0);
        ck_assert_int_eq(
            bind(fds[1], (struct sockaddr *)&name, sizeof name.sun_family), 0);
        ck_assert_int_eq(listen(fds[1], 1), 0);
        fds[2] = connected_to(fds[1]);
        fds[3] = accept(fds[1], NULL, NULL);
        if (!hidden)
            open_pair(0, pair);
        ck_assert_int_eq(llmobs_sockets_watch(&sockets, &probe, hold),
                         hidden ? -ENOENT : 0);
        for (int i = 0; i < 4; i++)
            close(fds[i]);
        ck_assert(llmobs_sockets_intact(&sockets));
        ck_assert(hidden ||
                  (sockets.list[0].fd == pair[0] &&
                   sockets.list[1].fd == pair[1] && !sockets.list[2].used));
        if (!hidden) {
            close(pair[0]);
            close(pair[1]);
        }
        llmobs_sockets_drop(&sockets);
    }
}

/* 0 to 2 are held while libcurl opens its own, and free again then. */
TEST(spares_low_numbers)
{
    struct llmobs_sockets_probe probe;
    struct llmobs_sockets sockets = {0};
    int kept = dup(0), hold[3], pair[2];

    close(0);
    ck_assert_int_eq(llmobs_sockets_probe(&probe, hold), 0);
    open_pair(0, pair);
    ck_assert_int_eq(llmobs_sockets_watch(&sockets, &probe, hold), 0);
    ck_assert_int_gt(pair[0], 2);
    ck_assert_int_lt(fcntl(0, F_GETFD), 0);
    if (kept >= 0) {
        dup2(kept, 0);
        close(kept);
    }
    close(pair[0]);
    close(pair[1]);
}

TEST(without_libcurl)
{
    struct llmobs_http *http = client();
    UNIT_ENDS(llmobs_http_reply) reply;
    struct llmobs_real poor = real, old = real;

    poor.multi_wait = NULL;
    old.version_info = tell_old;
    llmobs_curl_access_set(&poor, LLMOBS_CURL_ALL_THREADS);
    ck_assert_int_eq(post(http, "http://127.0.0.1:1/", "", &reply), -ENOTCONN);
    llmobs_curl_access_set(NULL, LLMOBS_CURL_APP_THREADS);
    ck_assert_int_eq(post(http, "http://127.0.0.1:1/", "", &reply), -ENOTCONN);
    llmobs_curl_access_set(&old, LLMOBS_CURL_ALL_THREADS);
    ck_assert_int_eq(post(http, "http://127.0.0.1:1/", "", &reply),
                     -ECONNREFUSED);
    llmobs_http_reply_fini(&reply);
    /* The app's allocator: all by the thread that exits only. */
    llmobs_curl_access_set(&real, LLMOBS_CURL_APP_THREADS);
    ck_assert_int_eq(post(http, "http://127.0.0.1:1/", "", &reply), -ENOTCONN);
    ck_assert_int_eq(llmobs_http_close_all(10), -EBUSY);
    /* A process without an app. */
    llmobs_curl_access_set(&old, LLMOBS_CURL_NO_APP);
    ck_assert_int_eq(post(http, "https://127.0.0.1:1/", "", &reply),
                     -ECONNREFUSED);
    llmobs_http_reply_fini(&reply);
    llmobs_curl_access_set(&old, LLMOBS_CURL_ALL_THREADS);
    ck_assert_int_eq(post(http, "https://127.0.0.1:1/", "", &reply), -ENOTCONN);
    ck_assert(!llmobs_curl_access_exit_thread_only());
    llmobs_curl_access_exiting();
    ck_assert(!llmobs_curl_access_exit_thread_only());
    check_other_thread(http);
    ck_assert_int_eq(post(http, "https://127.0.0.1:1/", "", &reply),
                     -ECONNREFUSED);
    llmobs_http_reply_fini(&reply);
    ck_assert_int_eq(llmobs_curl_access_exited(10), 0);
    ck_assert_int_eq(post(http, "https://127.0.0.1:1/", "", &reply), -ENOTCONN);
    ck_assert_int_eq(post(http, "http://127.0.0.1:1/", "", &reply),
                     -ECONNREFUSED);
    llmobs_http_free(http);
}

struct sender {
    struct llmobs_http *http;
    const char *url;
    atomic_bool stop;
    atomic_int answers[3]; /* accepted, without libcurl or cancelled, else */
};

static void *send_on(void *arg)
{
    struct sender *sender = arg;

    while (!atomic_load(&sender->stop)) {
        UNIT_ENDS(llmobs_http_reply) reply;
        int rc = post(sender->http, sender->url, "{}", &reply);
        int kind = rc == 0 ? 0 : rc == -ENOTCONN || rc == -ECANCELED ? 1 : 2;

        atomic_fetch_add(&sender->answers[kind], 1);
    }
    return NULL;
}

/* The app takes libcurl down and up again while we send. */
static void check_take_down(int delay_ms, int rounds)
{
    struct llmobs_http *http = client();
    struct server *server = server_new();
    struct sender sender = {.http = http};
    pthread_t thread;

    server->delay_ms = delay_ms;
    server_start(server, OK_ANSWER);
    sender.url = url_at("localhost", server->port, "/");
    pthread_create(&thread, NULL, send_on, &sender);
    for (int i = 0; i < rounds; i++) {
        struct timespec pause = {0, 20000000 + i * 1000000 % 7000000};
        int64_t began;

        nanosleep(&pause, NULL);
        began = llmobs_clock_mono_ns();
        llmobs_curl_access_set(NULL, LLMOBS_CURL_APP_THREADS);
        ck_assert_int_eq(llmobs_http_close_all(20000), 0);
        ck_assert_int_le(unit_ms_since(began), 2500);
        real.global_cleanup();
        ck_assert_int_eq(real.global_init(CURL_GLOBAL_ALL), CURLE_OK);
        llmobs_curl_access_set(&real, LLMOBS_CURL_ALL_THREADS);
    }
    atomic_store(&sender.stop, true);
    llmobs_curl_access_set(NULL, LLMOBS_CURL_APP_THREADS);
    pthread_join(thread, NULL);
    ck_assert_int_eq(llmobs_http_close_all(100), 0);
    ck_assert_int_eq(atomic_load(&sender.answers[2]), 0);
    ck_assert_int_gt(atomic_load(&sender.answers[1]), 0);
    if (delay_ms == 0)
        ck_assert_int_gt(atomic_load(&sender.answers[0]), 0);
    llmobs_http_free(http);
    server_stop(server);
    free(server);
}

TEST(taken_down_between)
{
    check_take_down(0, 40);
}

TEST(taken_down_in_flight)
{
    check_take_down(20000, 10);
}

/* An app that closes all descriptors opens files with our numbers: they are
 * neither written nor closed. */
TEST(descriptors_taken)
{
    struct server *server = unit_own(server_new());
    struct llmobs_http_reply reply;
    struct llmobs_http *http;
    char names[64][32];
    int count = 0, fds[64];
    bool others[600];

    server_start(server, OK_ANSWER);
    for (int fd = 3; fd < 600; fd++)
        others[fd] = fcntl(fd, F_GETFD) >= 0;
    http = client();
    ck_assert_int_eq(
        post(http, url_at("127.0.0.1", server->port, "/"), "1", &reply), 0);
    llmobs_http_reply_fini(&reply);
    for (int fd = 3; fd < 600; fd++) {
        struct sockaddr_storage at;
        socklen_t len = sizeof(at);

        /* All but the server's own ends. */
        if (getsockname(fd, (struct sockaddr *)&at, &len) == 0 &&
            at.ss_family == AF_INET &&
            ntohs(((struct sockaddr_in *)&at)->sin_port) == server->port)
            continue;
        if (others[fd] || fcntl(fd, F_GETFD) < 0)
            continue;
        close(fd);
        snprintf(names[count], sizeof(names[0]), "/tmp/llmobs-fd-%d", fd);
        fds[count] = open(names[count], O_RDWR | O_CREAT | O_TRUNC, 0600);
        if (fds[count] != fd) {
            dup2(fds[count], fd);
            close(fds[count]);
            fds[count] = fd;
        }
        count++;
    }
    ck_assert_int_gt(count, 1);
    ck_assert_int_eq(
        post(http, url_at("127.0.0.1", server->port, "/"), "2", &reply), 0);
    llmobs_http_reply_fini(&reply);
    llmobs_curl_access_set(NULL, LLMOBS_CURL_APP_THREADS);
    ck_assert_int_eq(llmobs_http_close_all(100), 0);
    llmobs_http_free(http);
    for (int i = 0; i < count; i++) {
        ck_assert_int_ge(fcntl(fds[i], F_GETFD), 0);
        ck_assert_int_eq(lseek(fds[i], 0, SEEK_END), 0);
        close(fds[i]);
        unlink(names[i]);
    }
    server_stop(server);
}

/* A child sends on connections of its own, and the parent's lives on. */
TEST(forked)
{
    struct llmobs_http *http = client();
    struct server *server = server_new();
    struct llmobs_http_reply reply;

    server->close_after = false;
    server_start(server, OK_ANSWER);
    ck_assert_int_eq(
        post(http, url_at("127.0.0.1", server->port, "/"), "1", &reply), 0);
    llmobs_http_reply_fini(&reply);
    for (int i = 0; i < 5; i++) {
        int status = -1;
        pid_t child = fork();

        if (child == 0) {
            llmobs_http_forget(http);
            _exit(post(http, "http://127.0.0.1:1/", "1", &reply) ==
                          -ECONNREFUSED
                      ? 0
                      : 1);
        }
        waitpid(child, &status, 0);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_int_eq(
        post(http, url_at("127.0.0.1", server->port, "/"), "2", &reply), 0);
    llmobs_http_reply_fini(&reply);
    ck_assert_int_eq(atomic_load(&server->connections), 1);
    llmobs_http_free(http);
    server_stop(server);
    free(server);
}

TEST(warms)
{
    static const char *const headers[] = {"Authorization: secret", NULL};
    struct llmobs_http_request like = {
        .method = "POST",
        .headers = headers,
        .body = {"body", 4},
        .timeout_ms = 1000,
    };
    struct llmobs_http *http = client();
    struct server *server = server_new();
    struct llmobs_http_reply reply;

    server_start(server, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
    like.url = url_at("user:secret@127.0.0.1", server->port, "/api?k=1");
    ck_assert_int_eq(llmobs_http_warm(http, &like), 0);
    ck_assert_int_eq(
        post(http, url_at("127.0.0.1", server->port, "/"), "2", &reply), 0);
    llmobs_http_reply_fini(&reply);
    ck_assert_int_eq(atomic_load(&server->connections), 1);
    llmobs_http_free(http);
    server_stop(server);
    ck_assert_ptr_nonnull(strstr(server->got, "HEAD / HTTP/1.1\r\n"));
    ck_assert_ptr_null(strstr(server->got, "Authorization"));
    free(server);
}
