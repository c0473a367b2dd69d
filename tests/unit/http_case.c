/* Runs a server and a client for tests of HTTP. */
#include "tests/unit/http_case.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/unit.h"

struct llmobs_real real;

const struct llmobs_real *libcurl(void)
{
    const char *name = getenv("LLMOBS_TEST_LIBCURL");
    void *library = dlopen(name ? name : "libcurl.so.4", RTLD_NOW | RTLD_LOCAL);

    ck_assert_ptr_nonnull(library);
#define X(result, name, ...) \
    *(void **)&real.name = dlsym(library, "curl_" #name);
    LLMOBS_REAL_FUNCTIONS(X)
#undef X
    ck_assert_int_eq(real.global_init(CURL_GLOBAL_ALL), CURLE_OK);
    return &real;
}

static bool wait_for(struct server *server, int fd, int ms)
{
    struct pollfd p = {fd, POLLIN, 0};

    for (int i = 0; i < ms && !atomic_load(&server->stop); i += 10) {
        if (poll(&p, 1, 10) > 0)
            return true;
    }
    return false;
}

/* Reads one request, head and body; false at the end. */
static bool read_request(struct server *server, int fd)
{
    size_t from, want = 0;

    if (server->got_len > sizeof(server->got) / 2)
        server->got_len = 0;
    from = server->got_len;
    for (;;) {
        char *end;
        ssize_t n;

        if (!wait_for(server, fd, 30000))
            return false;
        n = recv(fd, server->got + server->got_len,
                 sizeof(server->got) - 1 - server->got_len, 0);
        if (n <= 0)
            return false;
        server->got_len += (size_t)n;
        server->got[server->got_len] = '\0';
        end = strstr(server->got + from, "\r\n\r\n");
        if (end && !want) {
            char *length = strcasestr(server->got + from, "content-length:");

            want = (size_t)(end + 4 - server->got);
            if (length && length < end)
                want += (size_t)atol(length + 15);
        }
        if (want && server->got_len >= want)
            return true;
    }
}

static void answer(struct server *server, int fd)
{
    struct timespec pause = {0, 10000000};
    size_t len = server->answer_len;

    for (int i = 0; i < server->delay_ms && !atomic_load(&server->stop);
         i += 10)
        nanosleep(&pause, NULL);
    if (!server->answer)
        return;
    if (!len)
        len = strlen(server->answer);
    for (size_t at = 0; at < len;) {
        ssize_t n = send(fd, server->answer + at, len - at, MSG_NOSIGNAL);

        if (n <= 0)
            return;
        at += (size_t)n;
    }
}

static void *serve(void *arg)
{
    struct server *server = arg;

    while (!atomic_load(&server->stop)) {
        int fd;

        if (!wait_for(server, server->fd, 10))
            continue;
        fd = accept(server->fd, NULL, NULL);
        if (fd < 0)
            continue;
        atomic_fetch_add(&server->connections, 1);
        while (read_request(server, fd)) {
            atomic_fetch_add(&server->requests, 1);
            answer(server, fd);
            if (server->close_after || !server->answer)
                break;
        }
        close(fd);
    }
    return NULL;
}

void server_start(struct server *server, const char *text)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);

    server->answer = text;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(server->fd, (struct sockaddr *)&at, len), 0);
    ck_assert_int_eq(listen(server->fd, 16), 0);
    getsockname(server->fd, (struct sockaddr *)&at, &len);
    server->port = ntohs(at.sin_port);
    pthread_create(&server->thread, NULL, serve, server);
}

void server_start_unix(struct server *server, const char *text)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    server->answer = text;
    snprintf(server->path, sizeof(server->path), "/tmp/llmobs-unit-%d",
             (int)getpid());
    unlink(server->path);
    strcpy(at.sun_path, server->path);
    server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(server->fd, (struct sockaddr *)&at, sizeof(at)), 0);
    ck_assert_int_eq(listen(server->fd, 16), 0);
    pthread_create(&server->thread, NULL, serve, server);
}

void server_stop(struct server *server)
{
    atomic_store(&server->stop, true);
    pthread_join(server->thread, NULL);
    close(server->fd);
    if (server->path[0])
        unlink(server->path);
}

struct server *server_new(void)
{
    struct server *server = calloc(1, sizeof(*server));

    ck_assert_ptr_nonnull(server);
    return server;
}

struct llmobs_config http_config = {.thread = true};

const char *url_at(const char *host, unsigned port, const char *path)
{
    static char url[512];

    snprintf(url, sizeof(url), "http://%s:%u%s", host, port, path);
    return url;
}

int post(struct llmobs_http *http, const char *url, const char *body,
         struct llmobs_http_reply *reply)
{
    static const char *const headers[] = {"Content-Type: application/json",
                                          "X-One: two", NULL};
    struct llmobs_http_request request = {.method = "POST",
                                          .url = url,
                                          .headers = headers,
                                          .body = {body, strlen(body)},
                                          .timeout_ms = 5000};

    return llmobs_http_send(http, &request, reply);
}

struct llmobs_http *client(void)
{
    struct llmobs_http *http;

    unsetenv("http_proxy");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
    llmobs_curl_access_set(libcurl(), LLMOBS_CURL_ALL_THREADS);
    llmobs_curl_access_deadline(INT64_MAX);
    http = llmobs_http_new(&http_config);
    ck_assert_ptr_nonnull(http);
    return http;
}
