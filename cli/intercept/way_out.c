/* Connects to a server, directly or through the user's own proxy. */
#include "cli/intercept/way_out.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rules/read/url.h"

/* RFC 8305, 5: after so long a silence the next address is tried as well. */
#define SILENCE_MS 250
#define ADDRESSES_MAX 16
#define IDLE_S 60

#define STANDS "HTTP/1.1 200 Connection established\r\n\r\n"

/* -- the user's proxy ------------------------------------------------------ */

/* Reads "http://user:pass%20word@host:port". Without a port some programs take
 * 80, and others 1080. */
static bool read_way(struct llmobs_way *way)
{
    static const char base64[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *from = strstr(way->url, "://"), *end;
    size_t len, digits = 0, more, n = 0;
    unsigned bits = 0;
    char *plain;

    if (llmobs_target_parse(way->url, "http", &way->via) != 0 ||
        strcmp(way->via.scheme, "http") != 0)
        return false;
    from = from ? from + 3 : way->url;
    len = strcspn(from, "/?#");
    while (digits < len && llmobs_is_digit(from[len - 1 - digits]))
        digits++;
    if (digits == 0 || digits == len || from[len - 1 - digits] != ':')
        return false;
    end = memrchr(from, '@', len);
    if (!end)
        return true;
    plain = llmobs_url_decode((struct llmobs_text){from, (size_t)(end - from)});
    len = plain ? strlen(plain) : LLMOBS_LOGIN_MAX;
    more = (3 - len % 3) % 3;
    if (len < LLMOBS_LOGIN_MAX / 2)
        way->login = calloc(1, (len + more) / 3 * 4 + 1);
    for (size_t i = 0; way->login && i < len + more; i++) {
        bits = bits << 8 | (i < len ? (unsigned char)plain[i] : 0u);
        for (int low = 18; i % 3 == 2 && low >= 0; low -= 6)
            way->login[n++] = base64[bits >> low & 63];
    }
    if (way->login)
        memset(way->login + n - more, '=', more);
    free(plain);
    return way->login != NULL;
}

/* A program that asks this run's proxy for a URL of http takes the proxy for
 * https where there is one, as most have one setting for both. */
const char *llmobs_way_out_read(struct llmobs_way_out *way)
{
    static const char *const names[] = {"https_proxy", "HTTPS_PROXY",
                                        "all_proxy",   "ALL_PROXY",
                                        "http_proxy",  "HTTP_PROXY"};

    /* Programs differ in which one goes first. */
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const char *value = getenv(names[i]);

        if (!llmobs_has_text(value))
            continue;
        way->any = true;
        if (i < 4 && way->tls.url && strcmp(way->tls.url, value) != 0)
            return "https_proxy, HTTPS_PROXY and ALL_PROXY name several "
                   "proxies";
        if (i < 4)
            way->tls.url = value;
        else if (!way->plain.url)
            way->plain.url = value;
    }
    if (way->tls.url && !read_way(&way->tls))
        return "the proxy of https_proxy or ALL_PROXY is not one of plain http "
               "with a port";
    if (way->tls.url)
        way->plain = way->tls;
    else if (way->plain.url && !read_way(&way->plain))
        way->plain.via.host[0] = '\0'; /* nobody is there */
    return NULL;
}

/* -- heads ----------------------------------------------------------------- */

bool llmobs_way_out_asked(const char *text, struct llmobs_http1_head *head,
                          struct llmobs_target *to)
{
    char where[LLMOBS_TARGET_HOST_MAX + sizeof("https://[]:65535")];
    struct llmobs_text url;
    bool connects;

    if (!llmobs_http1_head_request(llmobs_text_of(text), head))
        return false;
    url = head->target;
    connects = llmobs_text_is(head->method, "CONNECT");
    if (!connects) {
        const char *host = memmem(url.data, url.len, "://", 3);

        if (!host || memchr(url.data, '/', (size_t)(host - url.data)) ||
            !llmobs_http1_head_framing(head, LLMOBS_HTTP1_BODILESS))
            return false;
        url.len = (size_t)(host - url.data) + 3;
        url.len += strcspn(host + 3, "/?# ");
    }
    if (url.len >= sizeof(where))
        return false;
    memcpy(where, url.data, url.len);
    where[url.len] = '\0';
    return !strpbrk(where, connects ? "/@?#" : "@") &&
           llmobs_target_parse(where, connects ? "https" : NULL, to) == 0 &&
           (connects || strcmp(to->scheme, "http") == 0 ||
            strcmp(to->scheme, "https") == 0);
}

size_t llmobs_way_out_request(const struct llmobs_way *way, const char *text,
                              const struct llmobs_http1_head *head, char *out)
{
    const char *login = way->login ? way->login : "", *path;
    struct llmobs_text line;
    char *to;

    if (way->url)
        return (size_t)sprintf(out, "%.*s%s%s%s\r\n", (int)strlen(text) - 2,
                               text,
                               *login ? "Proxy-Authorization: Basic " : "",
                               login, *login ? "\r\n" : "");
    path = strstr(head->target.data, "://") + 3;
    path += strcspn(path, "/? ");
    to = out + sprintf(out, "%.*s %s%.*s", (int)head->method.len,
                       head->method.data,
                       *path == '/'                              ? ""
                       : llmobs_text_is(head->method, "OPTIONS") ? "*"
                                                                 : "/",
                       (int)(head->headers.data - path), path);
    for (struct llmobs_text rest = head->headers;
         llmobs_text_split(&rest, '\n', &line);)
        if (strncasecmp(line.data, "Proxy-", 6) != 0)
            to = mempcpy(to, line.data, line.len + 1);
    return (size_t)(to - out);
}

size_t llmobs_way_out_head(int fd, char head[LLMOBS_HEAD_MAX])
{
    size_t len = 0;

    while (len + 1 < LLMOBS_HEAD_MAX) {
        struct pollfd one = {fd, POLLIN, 0};
        ssize_t n = recv(fd, head + len, LLMOBS_HEAD_MAX - 1 - len, MSG_PEEK);
        size_t from = len > 3 ? len - 3 : 0;
        char *end;

        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            (void)poll(&one, 1, -1);
            continue;
        }
        if (n <= 0)
            return 0;
        end = memmem(head + from, len + (size_t)n - from, "\r\n\r\n", 4);
        if (end)
            n = end + 4 - (head + len);
        if (recv(fd, head + len, (size_t)n, 0) != n)
            return 0;
        len += (size_t)n;
        head[len] = '\0';
        if (end)
            return len;
    }
    return 0;
}

bool llmobs_way_out_send(int fd, const char *text, size_t len)
{
    while (len > 0) {
        struct pollfd one = {fd, POLLOUT, 0};
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN)
            (void)poll(&one, 1, -1);
        else if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            text += n;
            len -= (size_t)n;
        }
    }
    return true;
}

/* -- the connection -------------------------------------------------------- */

/* The first address that answers has it. */
int llmobs_way_out_dial(const struct llmobs_way *way,
                        const struct llmobs_target *to, int client,
                        char answer[LLMOBS_HEAD_MAX])
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list, *next;
    struct pollfd tries[1 + ADDRESSES_MAX] = {{client, POLLRDHUP, 0}};
    int fd = -1, on = 1, idle = IDLE_S, error;
    size_t count = 1, under_way = 0;
    socklen_t len = sizeof(error);
    char port[8];

    to = way->url ? &way->via : to;
    snprintf(port, sizeof(port), "%u", to->port);
    if (getaddrinfo(to->host, port, &hints, &list) != 0)
        return -1;
    for (next = list; fd < 0 && (next || under_way > 0);) {
        if (next) {
            const struct addrinfo *at = next;
            int one = socket(at->ai_family,
                             SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

            next = count < ADDRESSES_MAX ? at->ai_next : NULL;
            /* A program that keeps a connection open for long asks the kernel
             * to keep it alive, and now reaches the proxy alone by that. */
            setsockopt(one, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
            setsockopt(one, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
            setsockopt(one, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
            if (connect(one, at->ai_addr, at->ai_addrlen) != 0 &&
                errno != EINPROGRESS) {
                close(one);
                continue;
            }
            tries[count++] = (struct pollfd){one, POLLOUT, 0};
            under_way++;
        }
        (void)poll(tries, (nfds_t)count, next ? SILENCE_MS : -1);
        if (tries[0].revents)
            break;
        for (size_t i = 1; i < count && fd < 0; i++) {
            if (tries[i].fd < 0 || !tries[i].revents)
                continue;
            fd = tries[i].fd;
            tries[i].fd = -1;
            under_way--;
            if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
                error == 0)
                break;
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    for (size_t i = 1; i < count; i++)
        if (tries[i].fd >= 0)
            close(tries[i].fd);
    if (fd >= 0)
        strcpy(answer, STANDS);
    return fd;
}

int llmobs_way_out_connect(const struct llmobs_way *way, const char *asked,
                           const struct llmobs_target *to, int client,
                           char answer[LLMOBS_REQUEST_MAX])
{
    int fd = llmobs_way_out_dial(way, to, client, answer);

    if (fd < 0 || !way->url ||
        (llmobs_way_out_send(
             fd, answer, llmobs_way_out_request(way, asked, NULL, answer)) &&
         llmobs_way_out_head(fd, answer) > 0))
        return fd;
    close(fd);
    return -1;
}

bool llmobs_way_out_stands(const char *answer)
{
    return strncmp(answer, "HTTP/1.", 7) == 0 &&
           strncmp(answer + strcspn(answer, " "), " 2", 2) == 0;
}
