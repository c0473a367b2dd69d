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

#include "lib/base/buf.h"
#include "rules/read/url.h"

/* RFC 8305, 5: after so long a silence the next address is tried as well. */
#define SILENCE_MS 250
#define ADDRESSES_MAX 16
#define IDLE_S 60
#define LOGIN_MAX 1024

#define STANDS "HTTP/1.1 200 Connection established\r\n\r\n"
#define DOWN                                            \
    "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n" \
    "connection: close\r\n\r\n"

/* -- the user's proxy ------------------------------------------------------ */

static char *to_base64(const char *text)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = strlen(text), more = (3 - len % 3) % 3, n = 0;
    char *out = calloc(1, (len + more) / 3 * 4 + 1);
    unsigned bits = 0;

    for (size_t i = 0; out && i < len + more; i++) {
        bits = bits << 8 | (i < len ? (unsigned char)text[i] : 0u);
        for (int low = 18; i % 3 == 2 && low >= 0; low -= 6)
            out[n++] = digits[bits >> low & 63];
    }
    return out ? memset(out + n - more, '=', more), out : NULL;
}

/* "http://user:pass%20word@host:port". Without a port some programs take 80,
 * and others 1080. */
static bool read_login(struct llmobs_way_out *way)
{
    const char *from = strstr(way->url, "://"), *end;
    size_t len, digits = 0;
    char *plain;

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
    way->login = plain && strlen(plain) < LOGIN_MAX ? to_base64(plain) : NULL;
    free(plain);
    return way->login != NULL;
}

const char *llmobs_way_out_read(struct llmobs_way_out *way)
{
    static const char *const names[] = {"https_proxy", "HTTPS_PROXY",
                                        "all_proxy", "ALL_PROXY"};

    /* Programs differ in which one goes first. */
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const char *value = getenv(names[i]);

        if (!llmobs_has_text(value))
            continue;
        if (way->url && strcmp(way->url, value) != 0)
            return "https_proxy, HTTPS_PROXY and ALL_PROXY name several "
                   "proxies";
        way->url = value;
    }
    way->any = way->url || llmobs_proxies_named() ||
               llmobs_has_text(getenv("HTTP_PROXY"));
    if (!way->url)
        return NULL;
    if (llmobs_target_parse(way->url, "http", &way->via) != 0 ||
        strcmp(way->via.scheme, "http") != 0 || !read_login(way))
        return "the proxy of https_proxy or ALL_PROXY is not one of plain http "
               "with a port";
    return NULL;
}

/* -- heads ----------------------------------------------------------------- */

bool llmobs_way_out_asked(const char *head, struct llmobs_target *to)
{
    static const char verb[] = "CONNECT ";
    char where[LLMOBS_TARGET_HOST_MAX + sizeof("[]:65535")];
    size_t len;

    if (strncmp(head, verb, sizeof(verb) - 1) != 0)
        return false;
    head += sizeof(verb) - 1;
    len = strcspn(head, " \r\n");
    if (head[len] != ' ' || len >= sizeof(where))
        return false;
    memcpy(where, head, len);
    where[len] = '\0';
    return !strpbrk(where, "/@?#") &&
           llmobs_target_parse(where, "https", to) == 0;
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

/* A program that keeps a connection open for long asks the kernel to keep it
 * alive, and now reaches the proxy alone by that. */
static int begin(const struct addrinfo *address)
{
    int fd = socket(address->ai_family,
                    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1, idle = IDLE_S;

    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0 ||
        errno == EINPROGRESS)
        return fd;
    close(fd);
    return -1;
}

/* Gives the first that stands, and closes those that failed. */
static int first_of(struct pollfd *tries, size_t count, size_t *under_way)
{
    for (size_t i = 0; i < count; i++) {
        int fd = tries[i].fd, error = 0;
        socklen_t len = sizeof(error);

        if (fd < 0 || !tries[i].revents)
            continue;
        tries[i].fd = -1;
        --*under_way;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
            error == 0)
            return fd;
        close(fd);
    }
    return -1;
}

/* Connects to the first address that answers. */
static int dial(const struct llmobs_target *to, int client)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list, *next;
    struct pollfd tries[1 + ADDRESSES_MAX] = {{client, POLLRDHUP, 0}};
    size_t count = 1, under_way = 0;
    char port[8];
    int fd = -1;

    snprintf(port, sizeof(port), "%u", to->port);
    if (getaddrinfo(to->host, port, &hints, &list) != 0)
        return -1;
    next = list;
    while (fd < 0 && (next || under_way > 0)) {
        if (next) {
            int one = count <= ADDRESSES_MAX ? begin(next) : -1;

            next = next->ai_next;
            if (one < 0)
                continue;
            tries[count++] = (struct pollfd){one, POLLOUT, 0};
            under_way++;
        }
        (void)poll(tries, (nfds_t)count, next ? SILENCE_MS : -1);
        if (tries[0].revents)
            break;
        fd = first_of(tries + 1, count - 1, &under_way);
    }
    freeaddrinfo(list);
    for (size_t i = 1; i < count; i++)
        if (tries[i].fd >= 0)
            close(tries[i].fd);
    return fd;
}

int llmobs_way_out_connect(const struct llmobs_way_out *way, const char *asked,
                           const struct llmobs_target *to, int client,
                           char answer[LLMOBS_HEAD_MAX])
{
    static const char field[] = "Proxy-Authorization: Basic ";
    int fd = dial(way->url ? &way->via : to, client);

    strcpy(answer, fd < 0 ? DOWN : STANDS);
    if (fd < 0 || !way->url)
        return fd;
    /* The head of the program, with the name and password that its own variable
     * would have given it. */
    if (llmobs_way_out_send(fd, asked, strlen(asked) - 2) &&
        (!way->login ||
         (llmobs_way_out_send(fd, field, sizeof(field) - 1) &&
          llmobs_way_out_send(fd, way->login, strlen(way->login)) &&
          llmobs_way_out_send(fd, "\r\n", 2))) &&
        llmobs_way_out_send(fd, "\r\n", 2) &&
        llmobs_way_out_head(fd, answer) > 0)
        return fd;
    strcpy(answer, DOWN);
    close(fd);
    return -1;
}

bool llmobs_way_out_stands(const char *answer)
{
    return strncmp(answer, "HTTP/1.", 7) == 0 &&
           strncmp(answer + strcspn(answer, " "), " 2", 2) == 0;
}
