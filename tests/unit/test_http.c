/* How requests go and what of their answers is read. */
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/export/direct.h"
#include "core/export/http.h"
#include "tests/unit/http_case.h"
#include "tests/unit/unit.h"

static unsigned libcurl_number(void)
{
    return real.version_info(CURLVERSION_NOW)->version_num;
}

static void check_post(const char *host)
{
    struct llmobs_http *http = client();
    struct server *server = server_new();
    struct llmobs_http_reply reply;

    server_start(server, OK_ANSWER);
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
    server_stop(server);
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
TEST(goes_by_a_proxy)
{
    struct server *server = server_new();
    struct llmobs_http_request request = {
        .method = "POST", .url = "http://intake.invalid/x", .timeout_ms = 5000};
    struct llmobs_http_reply reply;
    struct llmobs_http *http;
    char text[512], name[256] = "";

    server_start(server, OK_ANSWER);
    gethostname(name, sizeof(name) - 1);
    snprintf(text, sizeof(text),
             "localhost,127.0.0.1,127.9.9.9,nowhere.invalid,%s", name);
    setenv("no_proxy", text, 1);
    snprintf(text, sizeof(text), "http://user:word@localhost.:%u",
             server->port);
    setenv("http_proxy", text, 1);
    llmobs_curl_access_set(libcurl(), LLMOBS_CURL_ALL_THREADS);
    http = llmobs_http_new(&http_config);
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
    server_stop(server);
    ck_assert_int_eq(atomic_load(&server->requests), 1);
    ck_assert_ptr_nonnull(
        strstr(server->got, "POST http://intake.invalid/x HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(server->got, "Proxy-Authorization: Basic "));
    free(server);
}

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

/* A header for the intake alone does not go to the proxy on the way to it. */
static void check_tunnel(bool sent)
{
    struct server *proxy = server_new();
    struct llmobs_http_reply reply;
    struct llmobs_http *http;
    char text[64];
    int rc;

    server_start(proxy, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
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
    /* After 8.14 a proxy that will not is one that was not reached. */
    if (sent && libcurl_number() > 0x080eff)
        ck_assert(rc == -ECONNRESET || rc == -ECONNREFUSED);
    else if (sent)
        ck_assert_int_eq(rc, -ECONNRESET);
    else
        ck_assert_int_eq(rc, -EPROTONOSUPPORT);
    server_stop(proxy);
    ck_assert_int_eq(proxy->requests, sent);
    if (sent)
        ck_assert_ptr_nonnull(strstr(proxy->got, "CONNECT intake.test:443 "));
    ck_assert_ptr_null(strstr(proxy->got, "X-One"));
    llmobs_http_free(http);
    free(proxy);
}

/* Where tests share a process the variables were read by the first of them. */
TEST(tells_a_tunnel_nothing)
{
    if (!getenv("CK_FORK"))
        check_tunnel(true);
}

TEST(avoids_a_tunnel)
{
    if (!getenv("CK_FORK"))
        check_tunnel(false);
}

TEST(posts_to_numbers)
{
    check_post("127.0.0.1");
}

TEST(posts_to_localhost)
{
    check_post("localhost");
    /* 7.74 makes a new connection each time to a name with a dot at its end. */
    if (libcurl_number() >= 0x075800)
        check_post("LOCALHOST.");
}

TEST(posts_to_a_name)
{
    char name[256];

    if (gethostname(name, sizeof(name)) != 0 || strchr(name, '_'))
        return;
    /* The host's own name may lead anywhere: the look-up must be ours. */
    {
        struct llmobs_http *http = client();
        UNIT_ENDS(llmobs_http_reply) reply;
        int rc = post(http, url_at(name, 9, "/"), "{}", &reply);

        ck_assert_int_lt(rc, 0);
        ck_assert_int_ne(rc, -ENOTCONN);
        ck_assert_int_ne(rc, -ECANCELED);
        llmobs_http_free(http);
    }
}

TEST(posts_to_a_unix_socket)
{
    struct llmobs_http *http = client();
    struct server *server = server_new();
    struct llmobs_http_reply reply;
    struct llmobs_http_request request = {.method = "GET",
                                          .url = "http://localhost/info",
                                          .local = true,
                                          .timeout_ms = 5000};

    server_start_unix(server, OK_ANSWER);
    request.unix_socket = server->path;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(llmobs_http_send(http, &request, &reply), 0);
        ck_assert_int_eq(reply.status, 202);
        llmobs_http_reply_fini(&reply);
    }
    ck_assert_int_eq(atomic_load(&server->connections), 1);
    server_stop(server);
    ck_assert_ptr_nonnull(strstr(server->got, "GET /info HTTP/1.1\r\n"));
    llmobs_http_free(http);
    free(server);
}

static int post_to(const char *host, struct llmobs_http_reply *reply)
{
    struct llmobs_http *http = client();
    int rc = post(http, url_at(host, 9, "/"), "{}", reply);

    llmobs_http_reply_fini(reply);
    llmobs_http_free(http);
    return rc;
}

TEST(passes_a_holder_by)
{
    static const char *const elsewhere[] = {
        "192.0.2.1", "agent.example", "[2001:db8::1]",
        "0.0.0.0",   "[::]",          "localhost.example"};
    struct llmobs_http_reply reply;

    llmobs_direct_only(true);
    check_post("127.0.0.1");
    check_post("localhost");
    ck_assert_int_eq(post_to("127.0.0.1", &reply), -ECONNREFUSED);
    ck_assert_int_eq(post_to("127.9.9.9", &reply), -ECONNREFUSED);
    for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
        ck_assert_int_eq(post_to(elsewhere[i], &reply), -ENOTCONN);
    llmobs_direct_only(false);
}

/* The listener that the guard looks at: another one while libcurl connects. */
static int guarded = -1;
static struct sockaddr_in guarded_at;
static CURLMcode (*plain_perform)(CURLM *multi, int *running);

static void listen_again(void)
{
    socklen_t len = sizeof(guarded_at);

    if (guarded >= 0)
        close(guarded);
    guarded_at.sin_family = AF_INET;
    guarded_at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    guarded = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(guarded, (struct sockaddr *)&guarded_at, len), 0);
    ck_assert_int_eq(listen(guarded, 1), 0);
    getsockname(guarded, (struct sockaddr *)&guarded_at, &len);
}

static CURLMcode swapped_perform(CURLM *multi, int *running)
{
    real.multi_perform = plain_perform;
    listen_again();
    return plain_perform(multi, running);
}

static int ask(struct llmobs_http *http, unsigned port, const char *guard)
{
    struct llmobs_http_request request = {
        .method = "GET", .local = true, .guard = guard, .timeout_ms = 5000};
    struct llmobs_http_reply reply;
    int rc;

    request.url = url_at("127.0.0.1", port, "/secret");
    rc = llmobs_http_send(http, &request, &reply);
    llmobs_http_reply_fini(&reply);
    return rc;
}

/* Another one that listens by the time the connection stands gets nothing. */
TEST(sends_nothing_to_strangers)
{
    struct llmobs_http *http = client();
    struct server *server = unit_own(server_new());
    char guard[64];
    bool asks = libcurl_number() >= 0x075000;

    server_start(server, OK_ANSWER);
    listen_again();
    snprintf(guard, sizeof(guard), "http://localhost:%u",
             ntohs(guarded_at.sin_port));
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(ask(http, server->port, guard), 0);
    plain_perform = real.multi_perform;
    real.multi_perform = swapped_perform;
    ck_assert_int_eq(ask(http, server->port, guard), asks ? -EPERM : 0);
    ck_assert_int_eq(ask(http, server->port, guard), 0);
    close(guarded);
    ck_assert_int_eq(ask(http, server->port, guard), -ECONNREFUSED);
    server_stop(server);
    ck_assert_int_eq(server->requests, asks ? 3 : 4);
    llmobs_http_free(http);
}

TEST(reads_answers)
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
        server_start(server, rows[i].answer);
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
        server_stop(server);
        free(server);
    }
}

TEST(keeps_a_bounded_answer)
{
    struct llmobs_http *http = client();
    struct server *server = server_new();
    struct llmobs_http_reply reply;
    size_t size = 3 * LLMOBS_HTTP_BODY_MAX + 5;
    char *text = unit_own(malloc(size + 200));
    int head =
        sprintf(text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);

    memset(text + head, 'z', size);
    server->answer_len = (size_t)head + size;
    server_start(server, text);
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
    server_stop(server);
    free(server);
}
