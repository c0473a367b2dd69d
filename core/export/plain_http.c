/* Makes requests to this host without libcurl. */
#include "core/export/plain_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/base/clock.h"
#include "lib/base/sys.h"
#include "core/export/curl_access.h"
#include "core/export/listener.h"
#include "core/export/resolve.h"
#include "llmobs.h"

#define SLICE_MS 20
#define PART 16384
#define LOOPBACK 127
#define UNIX "unix://"
/* The addresses of localhost, in the order of a request by libcurl. */
#define FIRST_LOCAL "127.0.0.1"
#define SECOND_LOCAL "::1"
/* The kernel connects to this host at once or, when the queue of the listener
 * is full, not soon. */
#define LOCAL_MS 20

union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    struct sockaddr_un local;
};

/* A request under way. */
struct plain {
    const struct llmobs_http_request *request;
    struct llmobs_http_reply *reply;
    int64_t until_ns;
    struct llmobs_sockets *sockets;
    int fd;
    struct llmobs_buf head; /* of the request */
    struct llmobs_buf text; /* the answer as it comes */
};

/* -- the peer ------------------------------------------------------------- */

/* Gives the address of a name of this host; 0: the name is another host's. */
static socklen_t address_of(const char *host, unsigned port, union address *to)
{
    memset(to, 0, sizeof(*to));
    if (llmobs_resolve_is_local(host))
        host = FIRST_LOCAL;
    if (inet_pton(AF_INET, host, &to->four.sin_addr) == 1) {
        to->four.sin_family = AF_INET;
        to->four.sin_port = htons((uint16_t)port);
        return ntohl(to->four.sin_addr.s_addr) >> 24 == LOOPBACK
                   ? sizeof(to->four)
                   : 0;
    }
    memset(to, 0, sizeof(*to));
    if (inet_pton(AF_INET6, host, &to->six.sin6_addr) != 1)
        return 0;
    to->six.sin6_family = AF_INET6;
    to->six.sin6_port = htons((uint16_t)port);
    return IN6_IS_ADDR_LOOPBACK(&to->six.sin6_addr) ? sizeof(to->six) : 0;
}

static socklen_t socket_address(const char *path, union address *to)
{
    memset(to, 0, sizeof(*to));
    if (strlen(path) >= sizeof(to->local.sun_path))
        return 0;
    to->local.sun_family = AF_UNIX;
    strcpy(to->local.sun_path, path);
    return sizeof(to->local);
}

/* The part between "//" and the path; false if it has a user's name. */
static bool find_authority(const char *url, const char **at, size_t *len)
{
    const char *slashes = strstr(url, "://");

    if (!slashes)
        return false;
    *at = slashes + 3;
    *len = strcspn(*at, "/?#");
    return memchr(*at, '@', *len) == NULL;
}

static bool is_plain_url(const char *url)
{
    struct llmobs_target target;
    union address to;
    const char *at;
    size_t len;

    if (!url)
        return false;
    if (strncasecmp(url, UNIX, strlen(UNIX)) == 0)
        return socket_address(url + strlen(UNIX), &to) != 0;
    return llmobs_target_parse(url, NULL, &target) == 0 &&
           strcmp(target.scheme, "http") == 0 &&
           find_authority(url, &at, &len) &&
           address_of(target.host, target.port, &to) != 0;
}

bool llmobs_plain_serves(const struct llmobs_config *config)
{
    const struct llmobs_otlp_signal *signals = config->otlp.signals;
    const char *name = config->exporter ? config->exporter : "";
    bool otlp = signals[LLMOBS_SIGNAL_TRACES].given;

    if (signals[LLMOBS_SIGNAL_LOGS].on || signals[LLMOBS_SIGNAL_METRICS].on)
        return false;
    if (strcmp(name, "store") == 0)
        return true;
    if (strcmp(name, "auto") == 0 &&
        (otlp || config->api_key || config->agentless > 0))
        return false;
    return (strcmp(name, "auto") == 0 || strcmp(name, "agent") == 0) &&
           is_plain_url(config->agent_url);
}

/* -- waiting -------------------------------------------------------------- */

/* Waits until the socket is ready, while other exporters go on. */
static int wait_ready(const struct plain *plain, short events, int64_t until_ns)
{
    struct pollfd one = {.fd = plain->fd, .events = events};
    int n;

    for (;;) {
        if (!llmobs_curl_access_goes_on(NULL))
            return -ECANCELED;
        if (llmobs_clock_mono_ns() >= until_ns)
            return -ETIMEDOUT;
        n = poll(&one, 1, SLICE_MS);
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return -errno;
        llmobs_tick_now(&plain->request->tick);
    }
}

/* Waits until the connection stands, or is refused. */
static int wait_connected(const struct plain *plain, int64_t until_ns)
{
    socklen_t len = sizeof(int);
    int error = 0, rc = wait_ready(plain, POLLOUT, until_ns);

    if (rc == 0 &&
        getsockopt(plain->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        rc = -errno;
    return rc != 0 ? rc : -error;
}

static int connect_to(struct plain *plain, const union address *to,
                      socklen_t size, int64_t until_ns)
{
    long rc;

    plain->fd = llmobs_sockets_open(plain->sockets, to->any.sa_family,
                                    SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (plain->fd < 0)
        return plain->fd;
    /* Past another preload that holds connect. */
    rc = llmobs_sys(SYS_connect, plain->fd, to, size);
    if (rc == -EINPROGRESS)
        return wait_connected(plain, until_ns);
    return rc == -EACCES || rc == -ENOENT ? -ECONNREFUSED : (int)rc;
}

static void close_connection(const struct plain *plain, int fd)
{
    if (fd >= 0)
        llmobs_sockets_close(plain->sockets, fd);
}

static int connect_peer(struct plain *plain, const struct llmobs_target *target)
{
    const char *path = plain->request->unix_socket;
    union address to;
    socklen_t size = path ? socket_address(path, &to)
                          : address_of(target->host, target->port, &to);

    if (size == 0)
        return -ENOTCONN;
    if (path == NULL && llmobs_resolve_is_local(target->host)) {
        /* Connects to the second address of localhost if nobody listens at the
         * first. If that fails too, goes on with the first: a host may have no
         * second. */
        int first, rc;

        size = address_of(FIRST_LOCAL, target->port, &to);
        rc = connect_to(plain, &to, size,
                        llmobs_clock_mono_ns() + LOCAL_MS * LLMOBS_NS_PER_MS);
        first = plain->fd;
        if (rc == 0 || rc == -ECANCELED)
            return rc;
        size = address_of(SECOND_LOCAL, target->port, &to);
        if (connect_to(plain, &to, size, plain->until_ns) == 0) {
            close_connection(plain, first);
            return 0;
        }
        close_connection(plain, plain->fd);
        plain->fd = first;
        return rc == -ETIMEDOUT ? wait_connected(plain, plain->until_ns) : rc;
    }
    return connect_to(plain, &to, size, plain->until_ns);
}

/* -- the request ----------------------------------------------------------- */

static int write_head(struct plain *plain)
{
    const struct llmobs_http_request *request = plain->request;
    struct llmobs_buf *head = &plain->head;
    const char *at, *agent = request->user_agent;
    size_t len;

    if (!find_authority(request->url, &at, &len))
        return -EINVAL;
    llmobs_buf_addf(head,
                    "%s %s%s HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: %s\r\n"
                    "Accept: */*\r\n",
                    request->method, at[len] == '/' ? "" : "/", at + len,
                    (int)len, at, agent ? agent : "llmobs/" LLMOBS_VERSION);
    for (size_t i = 0; request->headers && request->headers[i]; i++)
        llmobs_buf_addf(head, "%s\r\n", request->headers[i]);
    if (strcmp(request->method, "POST") == 0)
        llmobs_buf_addf(head, "Content-Length: %zu\r\n", request->body.len);
    llmobs_buf_adds(head, "\r\n");
    return head->error;
}

static int send_text(const struct plain *plain, struct llmobs_text text,
                     int flags)
{
    while (text.len > 0) {
        ssize_t n = send(plain->fd, text.data, text.len, MSG_NOSIGNAL | flags);
        int rc = 0;

        if (n < 0 && errno == EAGAIN)
            rc = wait_ready(plain, POLLOUT, plain->until_ns);
        else if (n < 0 && errno != EINTR)
            return -ECONNRESET;
        if (rc != 0)
            return rc;
        text.data += n > 0 ? n : 0;
        text.len -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* -- the answer ------------------------------------------------------------ */

/* The answer's body, as its head describes it. */
struct frame {
    long status;
    size_t head;   /* bytes, the empty line included */
    size_t length; /* SIZE_MAX: unknown */
    bool chunked;
};

/* Reads the head at the begin of `text`. 0: it is not all there yet. */
static int read_frame(struct plain *plain, struct frame *frame)
{
    const char *line = plain->text.data, *end;
    const char *last = line + plain->text.len;

    *frame = (struct frame){.length = SIZE_MAX};
    while (line < last && (end = memchr(line, '\n', (size_t)(last - line)))) {
        size_t len = (size_t)(end + 1 - line);

        if (line[0] == '\n' || line[0] == '\r') {
            frame->head = (size_t)(end + 1 - plain->text.data);
            /* Nobody asked for another protocol (101). */
            return frame->status > 0 && frame->status != 101 ? 1 : -EIO;
        }
        if (strncmp(line, "HTTP/1.", 7) == 0 && len > 12)
            frame->status = strtol(line + 9, NULL, 10);
        else if (strncasecmp(line, "Content-Length:", 15) == 0)
            frame->length = strtoul(line + 15, NULL, 10);
        else if (strncasecmp(line, "Transfer-Encoding:", 18) == 0)
            frame->chunked = true;
        llmobs_http_reply_header(plain->reply, line, len);
        line = end + 1;
    }
    return plain->text.len > LLMOBS_PLAIN_HEAD_MAX ? -EIO : 0;
}

/* Reads the chunks, with `copy` into the reply. 1: done; 0: not all chunks are
 * there yet. */
static int read_chunks(struct plain *plain, const char *at, size_t left,
                       bool copy)
{
    for (;;) {
        const char *end = memchr(at, '\n', left);
        size_t size;

        if (!end)
            return 0;
        size = strtoul(at, NULL, 16);
        left -= (size_t)(end + 1 - at);
        at = end + 1;
        if (size == 0)
            return 1;
        if (left < size || left - size < 2)
            return 0;
        if (copy)
            llmobs_http_reply_body(plain->reply, at, size);
        at += size + 2;
        left -= size + 2;
    }
}

/* Reads the answer's body. 1: done; 0: the body is not whole yet. */
static int read_answer(struct plain *plain, bool over)
{
    struct frame frame;
    const char *body;
    size_t len;
    int rc;

    do {
        rc = read_frame(plain, &frame);
        if (rc <= 0)
            return rc;
        body = plain->text.data + frame.head;
        len = plain->text.len - frame.head;
        if (frame.status >= 200)
            break;
        memmove(plain->text.data, body, len); /* "100 Continue" */
        llmobs_buf_cut(&plain->text, len);
    } while (true);
    plain->reply->status = frame.status;
    if (frame.status == 204)
        return 1;
    if (frame.chunked) {
        if (read_chunks(plain, body, len, false) == 0)
            return 0;
        return read_chunks(plain, body, len, true);
    }
    if (len < frame.length && !(over && frame.length == SIZE_MAX))
        return 0;
    llmobs_http_reply_body(plain->reply, body,
                           len < frame.length ? len : frame.length);
    return 1;
}

int llmobs_plain_send(struct llmobs_sockets *sockets,
                      const struct llmobs_http_request *request,
                      const struct llmobs_target *target,
                      struct llmobs_http_reply *reply)
{
    struct plain plain = {.sockets = sockets,
                          .request = request,
                          .reply = reply,
                          .until_ns = llmobs_clock_mono_ns() +
                                      request->timeout_ms * LLMOBS_NS_PER_MS,
                          .fd = -1};
    uint64_t mark = 0;
    int rc = 0;

    llmobs_buf_init(&plain.head, LLMOBS_PLAIN_HEAD_MAX);
    llmobs_buf_init(&plain.text, 2 * (reply->body.max + LLMOBS_PLAIN_HEAD_MAX));
    plain.text.raw = true;
    if (request->guard != NULL)
        rc = llmobs_listener_check(request->guard, &mark);
    if (rc == 0)
        rc = connect_peer(&plain, target);
    if (rc == 0 && request->guard != NULL)
        rc = llmobs_listener_check_again(request->guard, mark);
    if (rc == 0 && request->guard != NULL)
        rc = llmobs_listener_peer(plain.fd);
    if (rc == 0)
        rc = write_head(&plain);
    if (rc == 0)
        rc = send_text(&plain, llmobs_buf_text(&plain.head),
                       request->body.len > 0 ? MSG_MORE : 0);
    if (rc == 0)
        rc = send_text(&plain, request->body, 0);
    while (rc == 0 && (rc = llmobs_buf_reserve(&plain.text, PART)) == 0) {
        ssize_t n = recv(plain.fd, plain.text.data + plain.text.len, PART, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            rc = wait_ready(&plain, POLLIN, plain.until_ns);
            continue;
        }
        rc = -ECONNRESET;
        if (n < 0 || (n == 0 && plain.text.len == 0))
            break;
        plain.text.len += (size_t)n;
        plain.text.data[plain.text.len] = '\0';
        rc = read_answer(&plain, n == 0);
        if (rc == 0 && n == 0)
            rc = -EIO;
    }
    rc = rc < 0 ? rc : 0;
    close_connection(&plain, plain.fd);
    llmobs_buf_fini(&plain.head);
    llmobs_buf_fini(&plain.text);
    return rc;
}
