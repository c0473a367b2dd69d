/* Serves HTTP on loopback with bounded connections. */
#include "cli/shared/site.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"

#define OUT_MAX (4 * LLMOBS_SITE_PIECE)
#define BACKLOG 1024
/* A client whose request was refused may still send it: if the connection ended
 * at once, the client would not see the answer. */
#define LINGER_MS 2000
#define STEP_MS 1000

static int64_t in_ms(int64_t ms)
{
    return llmobs_clock_mono_ns() + ms * LLMOBS_NS_PER_MS;
}

/* -- the listener ---------------------------------------------------------- */

int llmobs_site_open(struct llmobs_site *site)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)site->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t len = sizeof(at);
    int on = 1, rc = 0;

    if (fd < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (struct sockaddr *)&at, len) != 0 ||
        listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        rc = -errno;
    else
        site->port = ntohs(at.sin_port);
    if (rc != 0 && fd >= 0)
        close(fd);
    site->listener = rc == 0 ? fd : -1;
    return rc;
}

static void site_end(struct llmobs_site_visit *one)
{
    if (one->answer && one->site->leave)
        one->site->leave(one);
    close(one->fd);
    llmobs_site_request_fini(&one->request);
    llmobs_buf_fini(&one->out);
    free(one);
}

void llmobs_site_close(struct llmobs_site *site)
{
    for (size_t i = 0; i < site->count; i++)
        site_end(site->list[i]);
    site->count = 0;
    if (site->listener >= 0)
        close(site->listener);
    site->listener = -1;
}

/* The connection to end when a new one comes and they are too many. Of those
 * that wait for a request, the one that has waited longest, however often a
 * byte of the request comes; else one whose client does not read; or NULL. */
static struct llmobs_site_visit **oldest(struct llmobs_site *site)
{
    struct llmobs_site_visit **found = NULL;

    for (size_t i = 0; i < site->count; i++) {
        struct llmobs_site_visit *one = site->list[i];
        bool better = found == NULL;

        if (one->state == LLMOBS_SITE_ANSWERING && one->sent == one->out.len)
            continue;
        if (found && (one->state == LLMOBS_SITE_ANSWERING) ==
                         ((*found)->state == LLMOBS_SITE_ANSWERING))
            better = one->since_ns < (*found)->since_ns;
        else if (found)
            better = one->state != LLMOBS_SITE_ANSWERING;
        if (better)
            found = &site->list[i];
    }
    return found;
}

static void parse(struct llmobs_site *site)
{
    int fd = accept4(site->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct llmobs_site_visit *one, **old;
    int on = 1;

    if (fd < 0)
        return;
    old = site->count < LLMOBS_SITE_VISITS ? NULL : oldest(site);
    if (old) {
        site_end(*old);
        *old = site->list[--site->count];
    }
    one = site->count < LLMOBS_SITE_VISITS ? calloc(1, sizeof(*one)) : NULL;
    if (!one) {
        close(fd);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    one->site = site;
    one->fd = fd;
    one->due_ns = in_ms(LLMOBS_SITE_HEAD_MS);
    one->since_ns = llmobs_clock_mono_ns();
    llmobs_site_request_init(&one->request, site->body_max);
    llmobs_buf_init(&one->out, OUT_MAX);
    site->list[site->count++] = one;
}

/* -- answers --------------------------------------------------------------- */

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {{200, "OK"},
                   {201, "Created"},
                   {202, "Accepted"},
                   {204, "No Content"},
                   {304, "Not Modified"},
                   {400, "Bad Request"},
                   {401, "Unauthorized"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {408, "Request Timeout"},
                   {413, "Content Too Large"},
                   {421, "Misdirected Request"},
                   {429, "Too Many Requests"},
                   {431, "Request Header Fields Too Large"},
                   {500, "Internal Server Error"},
                   {501, "Not Implemented"},
                   {503, "Service Unavailable"},
                   {505, "HTTP Version Not Supported"}};

    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Recorded";
}

/* True for a type without a line end: anybody may have edited the file. */
static bool is_clean(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

void llmobs_site_head(struct llmobs_site_visit *one, int status,
                      const char *type, size_t len)
{
    struct llmobs_buf *out = &one->out;

    (void)llmobs_buf_addf(out, "HTTP/1.1 %d %s\r\n", status, reason_of(status));
    if (type && is_clean(type))
        (void)llmobs_buf_addf(out, "Content-Type: %.1024s\r\n", type);
    if (one->chunked)
        (void)llmobs_buf_adds(out, "Transfer-Encoding: chunked\r\n");
    else if (status != 204 && status != 304 && !one->broken)
        (void)llmobs_buf_addf(out, "Content-Length: %zu\r\n", len);
    (void)llmobs_buf_addf(out, "%sConnection: %s\r\n\r\n",
                          one->site->headers ? one->site->headers : "",
                          one->last ? "close" : "keep-alive");
}

/* Refuses a request that cannot be read: nothing behind it can be read. */
static void site_refuse(struct llmobs_site_visit *one, int status)
{
    one->state = LLMOBS_SITE_ANSWERING;
    one->last = true;
    one->bodyless = false;
    one->site->refuse(one, status);
}

/* -- one connection -------------------------------------------------------- */

static bool is_sending(const struct llmobs_site_visit *one)
{
    return one->sent < one->out.len;
}

/* False: the connection is gone. */
static bool receive(struct llmobs_site_visit *one)
{
    bool begun = llmobs_site_request_is_begun(&one->request);
    int64_t head_ns = in_ms(LLMOBS_SITE_HEAD_MS);
    char data[16 * 1024];
    ssize_t n = recv(one->fd, data, sizeof(data), 0);
    int status;

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0 || one->state == LLMOBS_SITE_LINGERING)
        return n > 0;
    status = llmobs_site_request_add(&one->request, data, (size_t)n);
    if (status != 0)
        site_refuse(one, status);
    /* A head has one time limit for all of it, with the line ends before it. */
    if (!begun && head_ns < one->due_ns)
        one->due_ns = head_ns;
    return true;
}

/* Goes on as far as possible without a wait. False: the connection is gone. */
static bool site_advance(struct llmobs_site_visit *one)
{
    for (;;) {
        if (is_sending(one)) {
            ssize_t n = send(one->fd, one->out.data + one->sent,
                             one->out.len - one->sent, MSG_NOSIGNAL);

            if (n < 0)
                return errno == EAGAIN || errno == EINTR;
            one->sent += (size_t)n;
            one->due_ns = in_ms(LLMOBS_SITE_IDLE_MS);
            one->since_ns = llmobs_clock_mono_ns();
            if (is_sending(one))
                return true;
            llmobs_buf_cut(&one->out, 0);
            one->sent = 0;
        }
        if (one->state == LLMOBS_SITE_LINGERING)
            return true;
        if (one->state == LLMOBS_SITE_READING) {
            bool head = one->request.part == LLMOBS_SITE_HEAD;
            int status = llmobs_site_request_read(&one->request);

            if (head && one->request.part !=
                            LLMOBS_SITE_HEAD) /* the body's time begins */
                one->due_ns = in_ms(LLMOBS_SITE_IDLE_MS);
            if (status != 0)
                site_refuse(one, status);
            else if (one->request.part != LLMOBS_SITE_WHOLE) {
                /* Tells a client that waits with its body to send it. */
                const struct llmobs_site_request *http = &one->request;

                if (http->expects && !one->continued &&
                    http->part != LLMOBS_SITE_HEAD && http->body.len == 0) {
                    one->continued = true;
                    (void)llmobs_buf_adds(&one->out,
                                          "HTTP/1.1 100 Continue\r\n\r\n");
                }
            } else {
                one->state = LLMOBS_SITE_ANSWERING;
                one->began_ns = llmobs_clock_mono_ns();
                one->last = !one->request.keep_alive;
                one->bodyless = strcmp(one->request.method, "HEAD") == 0;
                one->site->answer(one);
            }
            if (one->state == LLMOBS_SITE_READING && !is_sending(one))
                return true;
            continue;
        }
        if (one->answer)
            one->site->feed(one);
        if (is_sending(one))
            continue;
        if (one->answer)
            return true;
        /* The answer is sent. */
        if (one->broken)
            return false;
        one->due_ns = in_ms(one->last ? LINGER_MS : LLMOBS_SITE_IDLE_MS);
        one->since_ns = llmobs_clock_mono_ns();
        if (one->last) {
            (void)shutdown(one->fd, SHUT_WR);
            one->state = LLMOBS_SITE_LINGERING;
        } else {
            llmobs_site_request_next(&one->request);
            one->continued = false;
            one->state = LLMOBS_SITE_READING;
        }
    }
}

/* -- the loop -------------------------------------------------------------- */

/* When the connection needs a look again. An answer that waits for its time
 * needs no other limit. */
static int64_t wake_of(const struct llmobs_site_visit *one)
{
    if (!one->answer || is_sending(one))
        return one->due_ns;
    return one->site->due_ns ? one->site->due_ns(one) : 0;
}

static bool site_one(struct llmobs_site_visit *one, short events)
{
    if ((events & POLLIN) != 0 && one->state != LLMOBS_SITE_ANSWERING &&
        !receive(one))
        return false;
    if ((events & (POLLERR | POLLNVAL)) != 0)
        return false;
    /* The client has closed both directions, and waits for nothing. */
    if ((events & POLLHUP) != 0 && (events & POLLIN) == 0)
        return false;
    if (!site_advance(one))
        return false;
    if (wake_of(one) > llmobs_clock_mono_ns())
        return true;
    /* The connection's time is over. */
    if (one->state != LLMOBS_SITE_READING || is_sending(one) ||
        !llmobs_site_request_is_begun(&one->request))
        return false;
    site_refuse(one, 408);
    return site_advance(one);
}

void llmobs_site_step(struct llmobs_site *site, const sigset_t *signals)
{
    struct pollfd fds[1 + LLMOBS_SITE_VISITS];
    int64_t now = llmobs_clock_mono_ns(), wake = in_ms(STEP_MS);
    struct timespec wait;
    size_t count = site->count, kept = 0;

    for (size_t i = 0; i < count; i++)
        if (wake_of(site->list[i]) < wake)
            wake = wake_of(site->list[i]);
    wait = llmobs_clock_wait(wake - now);
    /* ppoll ignores a negative descriptor. */
    fds[0] = (struct pollfd){
        count < LLMOBS_SITE_VISITS || oldest(site) ? site->listener : -1,
        POLLIN, 0};
    for (size_t i = 0; i < count; i++) {
        const struct llmobs_site_visit *one = site->list[i];

        fds[1 + i] =
            (struct pollfd){one->fd,
                            is_sending(one)                       ? POLLOUT
                            : one->state == LLMOBS_SITE_ANSWERING ? 0
                                                                  : POLLIN,
                            0};
    }
    if (ppoll(fds, 1 + count, &wait, signals) < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        struct llmobs_site_visit *one = site->list[i];

        if (site_one(one, fds[1 + i].revents))
            site->list[kept++] = one;
        else
            site_end(one);
    }
    site->count = kept;
    if (fds[0].revents != 0)
        parse(site);
}
