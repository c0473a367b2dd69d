#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
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

#include "core/clock.h"
#include "core/http.h"
#include "core/http_date.h"
#include "core/place.h"
#include "core/sockets.h"
#include "tests/unit/unit.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ASAN 1
#endif

#define OK_ANSWER "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}"

/* A server of one thread: keeps what it received, answers as told. */
struct server {
    int fd;
    unsigned port;
    char path[108];
    const char *answer; /* NULL: none */
    size_t answer_len;  /* 0: of the text */
    int delay_ms;
    bool close_after;
    pthread_t thread;
    atomic_bool stop;
    atomic_int connections;
    atomic_int requests;
    char got[128 * 1024];
    size_t got_len;
};

static struct llmobs_real real;

static const struct llmobs_real *libcurl(void)
{
    const char *name = getenv("LLMOBS_TEST_LIBCURL");
    void *library = dlopen(name ? name : "libcurl.so.4", RTLD_NOW | RTLD_LOCAL);

    ck_assert_ptr_nonnull(library);
#define X(result, name, args) \
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

static void start(struct server *server, const char *text)
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

static void start_unix(struct server *server, const char *text)
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

static void stop(struct server *server)
{
    atomic_store(&server->stop, true);
    pthread_join(server->thread, NULL);
    close(server->fd);
    if (server->path[0])
        unlink(server->path);
}

static struct server *server_new(void)
{
    struct server *server = calloc(1, sizeof(*server));

    ck_assert_ptr_nonnull(server);
    return server;
}

static struct llmobs_config config = {.thread = true};

static const char *url_at(const char *host, unsigned port, const char *path)
{
    static char url[512];

    snprintf(url, sizeof(url), "http://%s:%u%s", host, port, path);
    return url;
}

static int post(struct llmobs_http *http, const char *url, const char *body,
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

static struct llmobs_http *client(void)
{
    struct llmobs_http *http;

    unsetenv("http_proxy");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
    llmobs_http_use(libcurl(), LLMOBS_HTTP_ALL);
    llmobs_http_deadline(INT64_MAX);
    http = llmobs_http_new(&config);
    ck_assert_ptr_nonnull(http);
    return http;
}

static void check_post(const char *host)
{
    struct llmobs_http *http = client();
    struct server *server = server_new();
    struct llmobs_http_reply reply;

    start(server, OK_ANSWER);
    for (int i = 0; i < 3; i++) {
        int rc = post(http, url_at(host, server->port, "/api/x?y=1"),
                      "{\"a\": 1}", &reply);

        ck_assert_int_eq(rc, 0);
        ck_assert_int_eq(reply.code, 0);
        ck_assert_int_eq(reply.status, 202);
        ck_assert_int_eq(reply.retry_after_ms, -1);
        ck_assert_str_eq(reply.body.data, "{}");
        llmobs_http_reply_fini(&reply);
    }
    ck_assert_int_eq(atomic_load(&server->connections), 1);
    ck_assert_int_eq(atomic_load(&server->requests), 3);
    stop(server);
    ck_assert_ptr_nonnull(strstr(server->got, "POST /api/x?y=1 HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(server->got, "\r\nX-One: two\r\n"));
    ck_assert_ptr_nonnull(strstr(server->got, "\r\nUser-Agent: llmobs/"));
    ck_assert_ptr_null(strcasestr(server->got, "expect"));
    ck_assert_ptr_null(strcasestr(server->got, "accept-encoding"));
    ck_assert_ptr_nonnull(strstr(server->got, "\r\n\r\n{\"a\": 1}"));
    llmobs_http_free(http);
    free(server);
}

/* The variables are read at the first use: hence the first test, and the names
 * of all others in no_proxy. */
START_TEST(goes_by_a_proxy)
{
    struct server *server = server_new();
    struct llmobs_http_request request = {
        .method = "POST", .url = "http://intake.invalid/x", .timeout_ms = 5000};
    struct llmobs_http_reply reply;
    struct llmobs_http *http;
    char text[512], name[256] = "";

    start(server, OK_ANSWER);
    gethostname(name, sizeof(name) - 1);
    snprintf(text, sizeof(text), "localhost,127.0.0.1,nowhere.invalid,%s",
             name);
    setenv("no_proxy", text, 1);
    snprintf(text, sizeof(text), "http://user:word@localhost.:%u",
             server->port);
    setenv("http_proxy", text, 1);
    llmobs_http_use(libcurl(), LLMOBS_HTTP_ALL);
    http = llmobs_http_new(&config);
    ck_assert_int_eq(llmobs_http_send(http, &request, &reply), 0);
    ck_assert_int_eq(reply.status, 202);
    llmobs_http_reply_fini(&reply);
    /* Never to an agent. */
    request.local = true;
    ck_assert_int_eq(llmobs_http_send(http, &request, &reply), -EHOSTUNREACH);
    llmobs_http_reply_fini(&reply);
    /* Nor libcurl by itself, whatever the environment says. */
    setenv("all_proxy", text, 1);
    request.url = "http://127.0.0.1:1/";
    ck_assert_int_eq(llmobs_http_send(http, &request, &reply), -ECONNREFUSED);
    llmobs_http_reply_fini(&reply);
    request.local = false;
    ck_assert_int_eq(llmobs_http_send(http, &request, &reply), -ECONNREFUSED);
    llmobs_http_reply_fini(&reply);
    llmobs_http_free(http);
    stop(server);
    ck_assert_int_eq(atomic_load(&server->requests), 1);
    ck_assert_ptr_nonnull(
        strstr(server->got, "POST http://intake.invalid/x HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(server->got, "Proxy-Authorization: Basic "));
    free(server);
}
END_TEST

/* As before libcurl 7.42.1: a tunnel's proxy gets all headers by default. */
static struct llmobs_real newer;
static bool before_7_37;

static void unified_reset(CURL *curl)
{
    newer.easy_reset(curl);
    newer.easy_setopt(curl, CURLOPT_HEADEROPT, CURLHEADER_UNIFIED);
}

static CURLcode older_setopt(CURL *curl, CURLoption option, ...)
{
    va_list list;
    void *arg;

    va_start(list, option);
    arg = va_arg(list, void *);
    va_end(list);
    if (before_7_37 && option == CURLOPT_HEADEROPT)
        return CURLE_UNKNOWN_OPTION;
    return newer.easy_setopt(curl, option, arg);
}

/* What is for the intake alone is not for the proxy on the way to it. */
static void check_tunnel(bool sent)
{
    struct server *proxy = server_new();
    struct llmobs_http_reply reply;
    struct llmobs_http *http;
    char text[64];
    int rc;

    start(proxy, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    snprintf(text, sizeof(text), "http://127.0.0.1:%u", proxy->port);
    setenv("https_proxy", text, 1);
    setenv("no_proxy", "", 1);
    unsetenv("NO_PROXY");
    http = client();
    newer = real;
    before_7_37 = !sent;
    real.easy_reset = unified_reset;
    real.easy_setopt = older_setopt;
    rc = post(http, "https://intake.test/x", "{}", &reply);
    ck_assert_int_eq(reply.status, 0);
    llmobs_http_reply_fini(&reply);
    ck_assert_int_eq(rc, sent ? -ECONNRESET : -EPROTONOSUPPORT);
    stop(proxy);
    ck_assert_int_eq(proxy->requests, sent);
    if (sent)
        ck_assert_ptr_nonnull(strstr(proxy->got, "CONNECT intake.test:443 "));
    ck_assert_ptr_null(strstr(proxy->got, "X-One"));
    llmobs_http_free(http);
    free(proxy);
}

/* Where tests share a process the variables were read by the first of them. */
START_TEST(tells_a_tunnel_nothing)
{
    if (!getenv("CK_FORK"))
        check_tunnel(true);
}
END_TEST

START_TEST(avoids_a_tunnel)
{
    if (!getenv("CK_FORK"))
        check_tunnel(false);
}
END_TEST

START_TEST(posts_to_numbers)
{
    check_post("127.0.0.1");
}
END_TEST

START_TEST(posts_to_localhost)
{
    check_post("localhost");
    check_post("LOCALHOST.");
}
END_TEST

START_TEST(posts_to_a_name)
{
    char name[256];

    if (gethostname(name, sizeof(name)) != 0 || strchr(name, '_'))
        return;
    /* Whatever the host's own name leads to: the look-up must be ours. */
    {
        struct llmobs_http *http = client();
        struct llmobs_http_reply reply;
        int rc = post(http, url_at(name, 9, "/"), "{}", &reply);

        ck_assert_int_lt(rc, 0);
        ck_assert_int_ne(rc, -ENOTCONN);
        ck_assert_int_ne(rc, -ECANCELED);
        llmobs_http_reply_fini(&reply);
        llmobs_http_free(http);
    }
}
END_TEST

START_TEST(posts_to_a_unix_socket)
{
    struct llmobs_http *http = client();
    struct server *server = server_new();
    struct llmobs_http_reply reply;
    struct llmobs_http_request request = {.method = "GET",
                                          .url = "http://localhost/info",
                                          .local = true,
                                          .timeout_ms = 5000};

    start_unix(server, OK_ANSWER);
    request.unix_socket = server->path;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(llmobs_http_send(http, &request, &reply), 0);
        ck_assert_int_eq(reply.status, 202);
        llmobs_http_reply_fini(&reply);
    }
    ck_assert_int_eq(atomic_load(&server->connections), 1);
    stop(server);
    ck_assert_ptr_nonnull(strstr(server->got, "GET /info HTTP/1.1\r\n"));
    llmobs_http_free(http);
    free(server);
}
END_TEST

START_TEST(reads_answers)
{
    static const struct {
        const char *answer;
        int rc;
        long status;
        int64_t retry;
        const char *body;
    } rows[] = {
        {"HTTP/1.1 429 No\r\nRetry-After: 7\r\nContent-Length: 1\r\n\r\nx", 0,
         429, 7000, "x"},
        {"HTTP/1.1 503 No\r\nretry-after:  0 \r\nContent-Length: 0\r\n\r\n", 0,
         503, 0, NULL},
        {"HTTP/1.1 500 No\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n", 0,
         500, -1, NULL},
        {"HTTP/1.1 503 No\r\nRetry-After: Thu, 01 Jan 2015 00:00:00 GMT\r\n"
         "Content-Length: 0\r\n\r\n",
         0, 503, 0, NULL},
        /* A redirect is an answer like any other. */
        {"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:9/\r\n"
         "Content-Length: 0\r\n\r\n",
         0, 307, -1, NULL},
        {"HTTP/1.1 100 Continue\r\nRetry-After: 9\r\n\r\n" OK_ANSWER, 0, 202,
         -1, "{}"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         "2\r\nab\r\n0\r\n\r\n",
         0, 200, -1, "ab"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", -EIO, 200, -1,
         "short"},
        {"garbage\r\n\r\n", -EIO, 0, -1, NULL},
        {NULL, -ECONNRESET, 0, -1, NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct llmobs_http *http = client();
        struct server *server = server_new();
        struct llmobs_http_reply reply;
        int rc;

        server->close_after = true;
        start(server, rows[i].answer);
        rc = post(http, url_at("127.0.0.1", server->port, "/"), "[]", &reply);
        ck_assert_msg(rc == rows[i].rc, "row %zu: %d, CURLcode %d", i, rc,
                      reply.code);
        ck_assert_int_eq(reply.status, rows[i].status);
        ck_assert_int_eq(reply.retry_after_ms, rows[i].retry);
        if (rows[i].body)
            ck_assert_str_eq(reply.body.data, rows[i].body);
        else
            ck_assert_uint_eq(reply.body.len, 0);
        ck_assert_int_le(atomic_load(&server->requests), 1);
        llmobs_http_reply_fini(&reply);
        llmobs_http_free(http);
        stop(server);
        free(server);
    }
}
END_TEST

START_TEST(keeps_a_bounded_answer)
{
    struct llmobs_http *http = client();
    struct server *server = server_new();
    struct llmobs_http_reply reply;
    size_t size = 3 * LLMOBS_HTTP_BODY_MAX + 5;
    char *text = malloc(size + 200);
    int head =
        sprintf(text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);

    memset(text + head, 'z', size);
    server->answer_len = (size_t)head + size;
    start(server, text);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(
            post(http, url_at("127.0.0.1", server->port, "/"), "[]", &reply),
            0);
        ck_assert_uint_eq(reply.body.len, LLMOBS_HTTP_BODY_MAX);
        llmobs_http_reply_fini(&reply);
    }
    /* Read to its end all the same: the connection is still good. */
    ck_assert_int_eq(atomic_load(&server->connections), 1);
    llmobs_http_free(http);
    stop(server);
    free(server);
    free(text);
}
END_TEST

static void count_tick(void *ctx)
{
    int *count = ctx;

    (*count)++;
}

START_TEST(waits_are_used)
{
    struct llmobs_http *http = client();
    struct server *server = server_new();
    struct llmobs_http_reply reply;
    int ticks = 0;
    struct llmobs_http_request request = {
        .method = "GET", .timeout_ms = 300, .tick = {count_tick, &ticks}};

    server->delay_ms = 3000;
    start(server, OK_ANSWER);
    request.url = url_at("127.0.0.1", server->port, "/");
    ck_assert_int_eq(llmobs_http_send(http, &request, &reply), -ETIMEDOUT);
    ck_assert_int_ge(ticks, 10);
    llmobs_http_reply_fini(&reply);
    llmobs_http_free(http);
    stop(server);
    free(server);
}
END_TEST

START_TEST(ends_in_time)
{
    struct llmobs_http *http = client();
    struct server *server = server_new();
    struct llmobs_http_reply reply;
    struct llmobs_http_request request = {.method = "GET", .timeout_ms = 200};
    int64_t began = llmobs_clock_mono_ns();

    server->delay_ms = 20000;
    start(server, OK_ANSWER);
    request.url = url_at("127.0.0.1", server->port, "/");
    ck_assert_int_eq(llmobs_http_send(http, &request, &reply), -ETIMEDOUT);
    ck_assert_int_eq(reply.code, CURLE_OPERATION_TIMEDOUT);
    ck_assert_int_ge(unit_ms_since(began), 150);
    ck_assert_int_lt(unit_ms_since(began), 10000);
    llmobs_http_reply_fini(&reply);
    /* The deadline of the process comes first. */
    began = llmobs_clock_mono_ns();
    llmobs_http_deadline(began + 100 * 1000000);
    request.timeout_ms = 20000;
    ck_assert_int_eq(llmobs_http_send(http, &request, &reply), -ECANCELED);
    ck_assert_int_lt(unit_ms_since(began), 10000);
    llmobs_http_reply_fini(&reply);
    /* And holds for each later request. */
    ck_assert_int_eq(llmobs_http_send(http, &request, &reply), -ECANCELED);
    llmobs_http_reply_fini(&reply);
    llmobs_http_free(http);
    stop(server);
    free(server);
}
END_TEST

START_TEST(refuses)
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
END_TEST

static void *send_beside(void *arg)
{
    struct llmobs_http_reply reply;

    ck_assert(llmobs_http_exit_thread_only());
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

/* What libcurl opens for itself is known again, event descriptors as well,
 * which have one inode all together. */
START_TEST(watches)
{
    for (int kind = 0; kind < 2; kind++) {
        struct llmobs_sockets sockets = {0};
        struct llmobs_sockets_probe probe;
        int hold[3], fd, other;

        ck_assert_int_eq(llmobs_sockets_probe(&probe, hold), 0);
        fd = kind ? eventfd(0, EFD_CLOEXEC) : socket(AF_UNIX, SOCK_STREAM, 0);
        ck_assert_int_eq(llmobs_sockets_watch(&sockets, &probe, hold), 0);
        ck_assert(sockets.list[0].used && sockets.list[0].fd == fd);
        ck_assert(!sockets.list[1].used);
        ck_assert(llmobs_sockets_intact(&sockets));
        llmobs_sockets_close(&sockets, fd);
        ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
        other = kind ? eventfd(0, EFD_CLOEXEC) : open("/dev/null", O_RDWR);
        ck_assert_int_eq(dup2(other, fd), fd);
        ck_assert(!llmobs_sockets_intact(&sockets));
        llmobs_sockets_drop(&sockets);
        ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
        close(fd);
        close(other);
    }
}
END_TEST

/* 0 to 2 are held while libcurl opens its own, and free again then. */
START_TEST(spares_low_numbers)
{
    struct llmobs_sockets_probe probe;
    struct llmobs_sockets sockets = {0};
    int kept = dup(0), hold[3], fd;

    close(0);
    ck_assert_int_eq(llmobs_sockets_probe(&probe, hold), 0);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(llmobs_sockets_watch(&sockets, &probe, hold), 0);
    ck_assert_int_gt(fd, 2);
    ck_assert_int_lt(fcntl(0, F_GETFD), 0);
    if (kept >= 0) {
        dup2(kept, 0);
        close(kept);
    }
    close(fd);
}
END_TEST

START_TEST(without_libcurl)
{
    struct llmobs_http *http = client();
    struct llmobs_http_reply reply;
    struct llmobs_real poor = real;

    poor.multi_wait = NULL;
    llmobs_http_use(&poor, LLMOBS_HTTP_ALL);
    ck_assert_int_eq(post(http, "http://127.0.0.1:1/", "", &reply), -ENOTCONN);
    llmobs_http_use(NULL, LLMOBS_HTTP_NOTHING);
    ck_assert_int_eq(post(http, "http://127.0.0.1:1/", "", &reply), -ENOTCONN);
    llmobs_http_use(&real, LLMOBS_HTTP_PLAIN);
    ck_assert_int_eq(post(http, "http://127.0.0.1:1/", "", &reply),
                     -ECONNREFUSED);
    llmobs_http_reply_fini(&reply);
    /* The app's allocator: all by the thread that exits only. */
    llmobs_http_use(&real, LLMOBS_HTTP_NOTHING);
    ck_assert_int_eq(post(http, "http://127.0.0.1:1/", "", &reply), -ENOTCONN);
    ck_assert_int_eq(llmobs_http_close_all(10), -EBUSY);
    llmobs_http_use(&real, LLMOBS_HTTP_PLAIN);
    ck_assert_int_eq(post(http, "https://127.0.0.1:1/", "", &reply), -ENOTCONN);
    ck_assert(!llmobs_http_exit_thread_only());
    llmobs_http_exiting();
    ck_assert(!llmobs_http_exit_thread_only());
    check_other_thread(http);
    ck_assert_int_eq(post(http, "https://127.0.0.1:1/", "", &reply),
                     -ECONNREFUSED);
    llmobs_http_reply_fini(&reply);
    ck_assert_int_eq(llmobs_http_exited(10), 0);
    ck_assert_int_eq(post(http, "https://127.0.0.1:1/", "", &reply), -ENOTCONN);
    ck_assert_int_eq(post(http, "http://127.0.0.1:1/", "", &reply),
                     -ECONNREFUSED);
    llmobs_http_reply_fini(&reply);
    llmobs_http_free(http);
}
END_TEST

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
        struct llmobs_http_reply reply;
        int rc = post(sender->http, sender->url, "{}", &reply);
        int kind = rc == 0 ? 0 : rc == -ENOTCONN || rc == -ECANCELED ? 1 : 2;

        atomic_fetch_add(&sender->answers[kind], 1);
        llmobs_http_reply_fini(&reply);
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
    start(server, OK_ANSWER);
    sender.url = url_at("localhost", server->port, "/");
    pthread_create(&thread, NULL, send_on, &sender);
    for (int i = 0; i < rounds; i++) {
        struct timespec pause = {0, 20000000 + i * 1000000 % 7000000};
        int64_t began;

        nanosleep(&pause, NULL);
        began = llmobs_clock_mono_ns();
        llmobs_http_use(NULL, LLMOBS_HTTP_NOTHING);
        ck_assert_int_eq(llmobs_http_close_all(20000), 0);
        ck_assert_int_le(unit_ms_since(began), 2500);
        real.global_cleanup();
        ck_assert_int_eq(real.global_init(CURL_GLOBAL_ALL), CURLE_OK);
        llmobs_http_use(&real, LLMOBS_HTTP_ALL);
    }
    atomic_store(&sender.stop, true);
    llmobs_http_use(NULL, LLMOBS_HTTP_NOTHING);
    pthread_join(thread, NULL);
    ck_assert_int_eq(llmobs_http_close_all(100), 0);
    ck_assert_int_eq(atomic_load(&sender.answers[2]), 0);
    ck_assert_int_gt(atomic_load(&sender.answers[1]), 0);
    if (delay_ms == 0)
        ck_assert_int_gt(atomic_load(&sender.answers[0]), 0);
    llmobs_http_free(http);
    stop(server);
    free(server);
}

START_TEST(taken_down_between)
{
    check_take_down(0, 40);
}
END_TEST

START_TEST(taken_down_in_flight)
{
    check_take_down(20000, 10);
}
END_TEST

#ifndef ASAN
/* An app that closes all descriptors opens files with our numbers: they are
 * neither written nor closed. */
START_TEST(descriptors_taken)
{
    struct server *server = server_new();
    struct llmobs_http_reply reply;
    struct llmobs_http *http;
    char names[64][32];
    int count = 0, fds[64];
    bool others[600];

    start(server, OK_ANSWER);
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
    llmobs_http_use(NULL, LLMOBS_HTTP_NOTHING);
    ck_assert_int_eq(llmobs_http_close_all(100), 0);
    llmobs_http_free(http);
    for (int i = 0; i < count; i++) {
        ck_assert_int_ge(fcntl(fds[i], F_GETFD), 0);
        ck_assert_int_eq(lseek(fds[i], 0, SEEK_END), 0);
        close(fds[i]);
        unlink(names[i]);
    }
    stop(server);
    free(server);
}
END_TEST

#endif

/* A child sends on connections of its own, and the parent's lives on. */
START_TEST(forked)
{
    struct llmobs_http *http = client();
    struct server *server = server_new();
    struct llmobs_http_reply reply;

    server->close_after = false;
    start(server, OK_ANSWER);
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
    stop(server);
    free(server);
}
END_TEST

START_TEST(warms)
{
    const struct llmobs_tick no_tick = {0};
    struct llmobs_http *http = client();
    struct server *server = server_new();
    struct llmobs_http_reply reply;

    start(server, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
    ck_assert_int_eq(llmobs_http_warm(http,
                                      url_at("user:secret@127.0.0.1",
                                             server->port, "/api?k=1"),
                                      false, 1000, &no_tick),
                     0);
    ck_assert_int_eq(
        post(http, url_at("127.0.0.1", server->port, "/"), "2", &reply), 0);
    llmobs_http_reply_fini(&reply);
    ck_assert_int_eq(atomic_load(&server->connections), 1);
    llmobs_http_free(http);
    stop(server);
    ck_assert_ptr_nonnull(strstr(server->got, "HEAD / HTTP/1.1\r\n"));
    ck_assert_ptr_null(strstr(server->got, "Authorization"));
    free(server);
}
END_TEST

START_TEST(dates)
{
    static const struct {
        const char *value;
        int64_t want;
    } rows[] = {
        {"0", 0},
        {" 120", 120000},
        {"120\r\n", 120000},
        {"86400", 86400000},
        {"86401", 86400000},
        {"99999999999999999999", 86400000},
        {"1.5", -1},
        {"-5", -1},
        {"", -1},
        {"soon", -1},
        {"Wed, 21 Oct 2015 07:28:00 GMT", 60000},
        {"Wed, 21 Oct 2015 07:26:59 GMT\r\n", 0},
        {"Thu, 22 Oct 2015 07:27:00 GMT", 86400000},
        {"Wed, 21 Oct 2099 07:28:00 GMT", 86400000},
        {"Mon, 29 Feb 2016 00:00:00 GMT", 86400000},
        {"Wed, 21 Oct 2015 07:28:00", -1},
        {"Wed, 21 Oct 2015 07:28:00 CET", -1},
        {"Wed, 21 Okt 2015 07:28:00 GMT", -1},
        {"Wed, 21 Oct 2015", -1},
        {"Wed, 1 Oct 2015 07:28:00 GMT", -1},
        {"Wed, 21 Oct 2015 27:28:00 GMT", -1},
        {",", -1},
        {"Wed,", -1},
    };

    /* 2015-10-21 07:27:00 */
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t got = llmobs_http_date_wait_ms(rows[i].value, 1445412420);

        ck_assert_msg(got == rows[i].want, "\"%s\": %lld", rows[i].value,
                      (long long)got);
    }
}
END_TEST

START_TEST(days)
{
    /* Every day of a few centuries against the C library. */
    for (int64_t day = 0; day < 150000; day++) {
        static const char *const months[] = {"Jan", "Feb", "Mar", "Apr",
                                             "May", "Jun", "Jul", "Aug",
                                             "Sep", "Oct", "Nov", "Dec"};
        time_t at = (time_t)(day * 86400);
        char text[64];
        struct tm tm;

        gmtime_r(&at, &tm);
        snprintf(text, sizeof(text), "Xxx, %02d %s %d 00:00:07 GMT", tm.tm_mday,
                 months[tm.tm_mon], tm.tm_year + 1900);
        ck_assert_int_eq(llmobs_http_date_wait_ms(text, day * 86400), 7000);
    }
}
END_TEST

UNIT_SUITE(http)
{
    Suite *suite = suite_create("http");

    UNIT_TEST(suite, goes_by_a_proxy);
    UNIT_TEST(suite, tells_a_tunnel_nothing);
    UNIT_TEST(suite, avoids_a_tunnel);
    UNIT_TEST(suite, posts_to_numbers);
    UNIT_TEST(suite, posts_to_localhost);
    UNIT_TEST(suite, posts_to_a_name);
    UNIT_TEST(suite, posts_to_a_unix_socket);
    UNIT_TEST(suite, reads_answers);
    UNIT_TEST(suite, keeps_a_bounded_answer);
    UNIT_TEST(suite, waits_are_used);
    UNIT_TEST(suite, ends_in_time);
    UNIT_TEST(suite, refuses);
    UNIT_TEST(suite, taken_down_between);
    UNIT_TEST(suite, taken_down_in_flight);
#ifndef ASAN /* what is left behind on purpose is a leak to it */
    UNIT_TEST(suite, descriptors_taken);
#endif
    UNIT_TEST(suite, watches);
    UNIT_TEST(suite, spares_low_numbers);
    UNIT_TEST(suite, forked);
    UNIT_TEST(suite, warms);
    UNIT_TEST(suite, dates);
    UNIT_TEST(suite, days);
    /* Last: it ends the process's life as far as requests go. */
    UNIT_TEST(suite, without_libcurl);
    return suite;
}
