#include "cli/run/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/run/choose.h"
#include "cli/run/http.h"
#include "cli/shared/escape.h"
#include "cli/shared/tell.h"
#include "lib/base/clock.h"
#include "lib/base/hazard.h"
#include "lib/text/inflate.h"

#define PIECE ((size_t)64 * 1024)
#define OUT_MAX (4 * PIECE)
#define WHY_MAX ((size_t)16 * 1024)
#define MESSAGE_COLUMNS 4000
#define BACKLOG 128
/* A client whose request was refused may still send it: if the connection ended
 * at once, the client would not see the answer. */
#define LINGER_MS 2000
/* A recording may have been edited: longer pauses are cut to this. */
#define PAUSE_MS 600000
#define STEP_MS 1000

enum state { READING, ANSWERING, LINGERING };

struct llmobs_serve_connection {
    int fd;
    enum state state;
    struct llmobs_mock_http http;
    struct llmobs_buf out;
    size_t sent;      /* bytes of `out` that were sent */
    int64_t due_ns;   /* when the connection ends */
    int64_t since_ns; /* since when it waits for a request, or for the client to
                       * read */
    int64_t began_ns; /* when the request was complete */
    const struct llmobs_cassette_item *item; /* being served; or NULL */
    size_t chunk;                            /* the item's next chunk */
    size_t at;                               /* in the item's answer */
    bool chunked;
    bool bodyless;  /* the answer has no body */
    bool last;      /* the connection ends after this answer */
    bool broken;    /* it ends before the end of the answer */
    bool continued; /* the client got a 100 */
};

static int64_t serve_in_ms(int64_t ms)
{
    return llmobs_clock_mono_ns() + ms * LLMOBS_NS_PER_MS;
}

/* -- the listener ---------------------------------------------------------- */

static int listen_at(int fd, unsigned *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)*port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int on = 1;

    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (struct sockaddr *)&at, len) != 0 ||
        listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        return -errno;
    *port = ntohs(at.sin_port);
    return 0;
}

int llmobs_serve_open(struct llmobs_serve *serve)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc = fd < 0 ? -errno : listen_at(fd, &serve->port);

    if (rc != 0 && fd >= 0)
        close(fd);
    serve->listener = rc == 0 ? fd : -1;
    return rc;
}

static void serve_end(struct llmobs_serve_connection *one)
{
    close(one->fd);
    llmobs_mock_http_fini(&one->http);
    llmobs_buf_fini(&one->out);
    free(one);
}

void llmobs_serve_close(struct llmobs_serve *serve)
{
    for (size_t i = 0; i < serve->count; i++)
        serve_end(serve->list[i]);
    serve->count = 0;
    if (serve->listener >= 0)
        close(serve->listener);
    serve->listener = -1;
}

/* The connection to end when a new one comes and they are too many. Of those
 * that wait for a request, the one that has waited longest, however often a
 * byte of the request comes; else one whose client does not read; or NULL. */
static struct llmobs_serve_connection **serve_oldest(struct llmobs_serve *serve)
{
    struct llmobs_serve_connection **found = NULL;

    for (size_t i = 0; i < serve->count; i++) {
        struct llmobs_serve_connection *one = serve->list[i];
        bool better = found == NULL;

        if (one->state == ANSWERING && one->sent == one->out.len)
            continue;
        if (found &&
            (one->state == ANSWERING) == ((*found)->state == ANSWERING))
            better = one->since_ns < (*found)->since_ns;
        else if (found)
            better = one->state != ANSWERING;
        if (better)
            found = &serve->list[i];
    }
    return found;
}

static bool serve_has_room(struct llmobs_serve *serve)
{
    return serve->count < LLMOBS_SERVE_CONNECTIONS ||
           LLMOBS_HAZARD(no_room_for_new_ones, serve_oldest(serve) != NULL,
                         false);
}

static void serve_make_room(struct llmobs_serve *serve)
{
    struct llmobs_serve_connection **old = serve_oldest(serve);

    if (serve->count < LLMOBS_SERVE_CONNECTIONS || !old)
        return;
    serve_end(*old);
    *old = serve->list[--serve->count];
}

static void serve_take(struct llmobs_serve *serve)
{
    int fd = accept4(serve->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct llmobs_serve_connection *one;
    int on = 1;

    if (fd < 0)
        return;
    serve_make_room(serve);
    one = serve->count < LLMOBS_SERVE_CONNECTIONS ? calloc(1, sizeof(*one))
                                                  : NULL;
    if (!one) {
        close(fd);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    one->fd = fd;
    one->due_ns = serve_in_ms(LLMOBS_SERVE_HEAD_MS);
    one->since_ns = llmobs_clock_mono_ns();
    llmobs_mock_http_init(&one->http);
    llmobs_buf_init(&one->out, OUT_MAX);
    serve->list[serve->count++] = one;
}

/* -- answers --------------------------------------------------------------- */

static const char *serve_reason_of(int status)
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
                   {413, "Content Too Large"},
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
static bool serve_is_clean(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

static void add_head(struct llmobs_serve_connection *one, int status,
                     const char *type, size_t len)
{
    struct llmobs_buf *out = &one->out;

    (void)llmobs_buf_addf(out, "HTTP/1.1 %d %s\r\n", status,
                          serve_reason_of(status));
    if (type && serve_is_clean(type))
        (void)llmobs_buf_addf(out, "Content-Type: %.1024s\r\n", type);
    if (one->chunked)
        (void)llmobs_buf_adds(out, "Transfer-Encoding: chunked\r\n");
    else if (status != 204 && status != 304 && !one->broken)
        (void)llmobs_buf_addf(out, "Content-Length: %zu\r\n", len);
    (void)llmobs_buf_addf(out, "Connection: %s\r\n\r\n",
                          one->last ? "close" : "keep-alive");
}

/* Answers in the form of OpenAI's errors, which most clients show. */
static void answer_error(struct llmobs_serve_connection *one, int status,
                         const char *code, const char *message)
{
    struct llmobs_json *body = llmobs_json_object();
    struct llmobs_json *error = llmobs_json_object();
    char *text = NULL;

    if (llmobs_json_sets(error, "message", message) == 0 &&
        llmobs_json_sets(error, "type", "invalid_request_error") == 0 &&
        llmobs_json_set(error, "param", llmobs_json_null()) == 0 &&
        llmobs_json_sets(error, "code", code) == 0 &&
        llmobs_json_set(body, "error", llmobs_json_share(error)) == 0)
        text = llmobs_json_dumps(body, LLMOBS_JSON_KEEP_ORDER);
    one->chunked = one->broken = false;
    add_head(one, status, "application/json", text ? strlen(text) : 0);
    if (text && !one->bodyless)
        (void)llmobs_buf_adds(&one->out, text);
    free(text);
    llmobs_json_free(error);
    llmobs_json_free(body);
}

/* Refuses a request that cannot be read: nothing behind it can be read. */
static void serve_refuse(struct llmobs_serve_connection *one, int status)
{
    one->state = ANSWERING;
    one->last = true;
    one->bodyless = false;
    answer_error(one, status, "bad_request",
                 status == 408 ? "the request did not come"
                               : "llmobs mock cannot read this request");
}

static void serve_tell_miss(struct llmobs_serve *serve, const char *why)
{
    struct llmobs_buf shown;

    serve->misses++;
    llmobs_buf_init(&shown, WHY_MAX);
    if (llmobs_escape_adds(&shown, why, MESSAGE_COLUMNS) == 0)
        llmobs_tell("%s: %s\n", serve->command, shown.data);
    llmobs_buf_fini(&shown);
}

static bool serve_is_stream(const char *type)
{
    return type &&
           (strcasestr(type, "event-stream") || strcasestr(type, "ndjson") ||
            strcasestr(type, "eventstream"));
}

/* Begins to serve a recording. If the recorded answer broke off, the answer has
 * no length, and its last chunk never comes. */
static void serve_begin(struct llmobs_serve *serve,
                        struct llmobs_serve_connection *one,
                        struct llmobs_cassette_item *item)
{
    bool in_pieces = item->faulty || serve_is_stream(item->type) ||
                     (serve->timed && item->chunk_count > 1);

    item->served++;
    one->broken = item->faulty;
    one->last = one->last || one->broken;
    if (item->status == 0)
        return;
    one->bodyless |= item->status == 204 || item->status == 304;
    one->chunked = in_pieces && !one->http.old && !one->bodyless;
    one->item = item;
    one->chunk = one->at = 0;
    add_head(one, item->status, item->type, item->answer.len);
}

/* Undoes the coding of a request, as the recording has no coding. */
static void serve_decode(struct llmobs_mock_http *http)
{
    struct llmobs_text text = {http->body.data, http->body.len};
    struct llmobs_body plain;
    bool cut;

    if (!llmobs_inflate_is_coded(text, http->coding))
        return;
    llmobs_body_init(&plain, LLMOBS_MOCK_BODY_MAX);
    plain.free = true;
    if (llmobs_inflate_body(text, http->coding, LLMOBS_MOCK_BODY_MAX, &plain,
                            &cut) == 0) {
        text = llmobs_body_head(&plain);
        llmobs_buf_cut(&http->body, 0);
        (void)llmobs_buf_add(&http->body, text.data, text.len);
    }
    llmobs_body_fini(&plain);
}

static void serve_answer(struct llmobs_serve *serve,
                         struct llmobs_serve_connection *one)
{
    struct llmobs_mock_http *http = &one->http;
    char *path = llmobs_cassette_path(http->target);
    struct llmobs_asked asked = {.method = http->method, .path = path};
    struct llmobs_cassette_item *item = NULL;
    struct llmobs_buf why;

    llmobs_buf_init(&why, WHY_MAX);
    one->state = ANSWERING;
    serve_decode(http);
    llmobs_cassette_read_body(&asked.body, &http->body);
    one->began_ns = llmobs_clock_mono_ns();
    one->last = !http->keep_alive;
    one->bodyless = strcmp(http->method, "HEAD") == 0;
    if (path)
        item = llmobs_choose(serve->cassette, &asked, serve->nearest, &why);
    if (item) {
        serve_begin(serve, one, item);
    } else {
        serve_tell_miss(serve, why.data ? why.data : "no memory");
        answer_error(one, 404, "no_recording",
                     why.data ? why.data : "no memory");
    }
    llmobs_cassette_free_body(&asked.body);
    llmobs_buf_fini(&why);
    free(path);
}

/* -- the body of an answer ------------------------------------------------- */

/* When the answer's next chunk is due. */
static int64_t due_of(const struct llmobs_serve *serve,
                      const struct llmobs_serve_connection *one)
{
    const struct llmobs_cassette_item *item = one->item;
    int64_t ms;

    if (!serve->timed || one->chunk >= item->chunk_count)
        return 0;
    ms = item->chunks[one->chunk].ms;
    return one->began_ns + (ms < PAUSE_MS ? ms : PAUSE_MS) * LLMOBS_NS_PER_MS;
}

static void serve_add_piece(struct llmobs_serve_connection *one, size_t len)
{
    if (one->chunked)
        (void)llmobs_buf_addf(&one->out, "%zx\r\n", len);
    (void)llmobs_buf_add(&one->out, one->item->answer.data + one->at, len);
    if (one->chunked)
        (void)llmobs_buf_adds(&one->out, "\r\n");
    one->at += len;
}

/* Adds the part of the answer that is due, as far as it fits; then its end. */
static void serve_feed(struct llmobs_serve *serve,
                       struct llmobs_serve_connection *one)
{
    const struct llmobs_cassette_item *item = one->item;

    while (!one->bodyless && one->at < item->answer.len &&
           one->out.len < PIECE) {
        size_t to =
            serve->timed ? item->chunks[one->chunk].end : item->answer.len;

        if (due_of(serve, one) > llmobs_clock_mono_ns())
            return;
        serve_add_piece(one, to - one->at < PIECE ? to - one->at : PIECE);
        one->chunk += one->at == to;
    }
    if (!one->bodyless && one->at < item->answer.len)
        return;
    if (one->chunked && !one->broken)
        (void)llmobs_buf_adds(&one->out, "0\r\n\r\n");
    one->item = NULL;
}

/* -- one connection -------------------------------------------------------- */

static bool is_sending(const struct llmobs_serve_connection *one)
{
    return one->sent < one->out.len;
}

/* Sends as much as possible. False: the connection is gone. */
static bool send_some(struct llmobs_serve_connection *one)
{
    ssize_t n = send(one->fd, one->out.data + one->sent,
                     one->out.len - one->sent, MSG_NOSIGNAL);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    one->sent += (size_t)n;
    one->due_ns = serve_in_ms(LLMOBS_SERVE_IDLE_MS);
    one->since_ns = llmobs_clock_mono_ns();
    if (!is_sending(one)) {
        llmobs_buf_cut(&one->out, 0);
        one->sent = 0;
    }
    return true;
}

/* False: the connection is gone. */
static bool receive(struct llmobs_serve_connection *one)
{
    bool begun = llmobs_mock_http_is_begun(&one->http);
    int64_t head_ns = serve_in_ms(LLMOBS_SERVE_HEAD_MS);
    char data[16 * 1024];
    ssize_t n = recv(one->fd, data, sizeof(data), 0);
    int status;

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0 || one->state == LINGERING)
        return n > 0;
    status = llmobs_mock_http_add(&one->http, data, (size_t)n);
    if (status != 0)
        serve_refuse(one, status);
    /* A head has one time limit for all of it, with the line ends before it. */
    if (!begun && head_ns < one->due_ns)
        one->due_ns = head_ns;
    return true;
}

/* Tells a client that waits with its body to send it. */
static void tell_continue(struct llmobs_serve_connection *one)
{
    const struct llmobs_mock_http *http = &one->http;

    if (!http->expects || one->continued || http->part == LLMOBS_MOCK_HEAD ||
        http->body.len > 0)
        return;
    one->continued = true;
    (void)llmobs_buf_adds(&one->out, "HTTP/1.1 100 Continue\r\n\r\n");
}

/* The answer is sent. False: the connection has ended. */
static bool end_answer(struct llmobs_serve_connection *one)
{
    if (one->broken)
        return false;
    one->due_ns = serve_in_ms(one->last ? LINGER_MS : LLMOBS_SERVE_IDLE_MS);
    one->since_ns = llmobs_clock_mono_ns();
    if (one->last) {
        (void)shutdown(one->fd, SHUT_WR);
        one->state = LINGERING;
        return true;
    }
    llmobs_mock_http_next(&one->http);
    one->continued = false;
    one->state = READING;
    return true;
}

/* Reads what has come. True: an answer can be sent. */
static bool read_on(struct llmobs_serve *serve,
                    struct llmobs_serve_connection *one)
{
    bool head = one->http.part == LLMOBS_MOCK_HEAD;
    int status = llmobs_mock_http_read(&one->http);

    if (head && one->http.part != LLMOBS_MOCK_HEAD) /* the body's time begins */
        one->due_ns = serve_in_ms(LLMOBS_SERVE_IDLE_MS);
    if (status != 0)
        serve_refuse(one, status);
    else if (one->http.part == LLMOBS_MOCK_WHOLE)
        serve_answer(serve, one);
    else
        tell_continue(one);
    return one->state != READING || is_sending(one);
}

/* Goes on as far as possible without a wait. False: the connection is gone. */
static bool serve_advance(struct llmobs_serve *serve,
                          struct llmobs_serve_connection *one)
{
    for (;;) {
        if (is_sending(one) && !send_some(one))
            return false;
        if (is_sending(one) || one->state == LINGERING)
            return true;
        if (one->state == READING) {
            if (!read_on(serve, one))
                return true;
            continue;
        }
        if (one->item)
            serve_feed(serve, one);
        if (is_sending(one))
            continue;
        if (one->item)
            return true;
        if (!end_answer(one))
            return false;
    }
}

/* The connection's time is over. False: the connection is closed. */
static bool expire(struct llmobs_serve *serve,
                   struct llmobs_serve_connection *one)
{
    if (one->state != READING || is_sending(one) ||
        !llmobs_mock_http_is_begun(&one->http))
        return false;
    serve_refuse(one, 408);
    return serve_advance(serve, one);
}

/* -- the loop -------------------------------------------------------------- */

/* When the connection needs a look again. An answer that waits for its time
 * needs no other limit. */
static int64_t wake_of(const struct llmobs_serve *serve,
                       const struct llmobs_serve_connection *one)
{
    return one->item && !is_sending(one) ? due_of(serve, one) : one->due_ns;
}

static short events_of(const struct llmobs_serve_connection *one)
{
    if (is_sending(one))
        return POLLOUT;
    return one->state == ANSWERING ? 0 : POLLIN;
}

static bool serve_one(struct llmobs_serve *serve,
                      struct llmobs_serve_connection *one, short events)
{
    if ((events & POLLIN) != 0 && one->state != ANSWERING && !receive(one))
        return false;
    if ((events & (POLLERR | POLLNVAL)) != 0)
        return false;
    /* The client has closed both directions, and waits for nothing. */
    if ((events & POLLHUP) != 0 && (events & POLLIN) == 0)
        return false;
    if (!serve_advance(serve, one))
        return false;
    return wake_of(serve, one) > llmobs_clock_mono_ns() || expire(serve, one);
}

static struct timespec wait_of(const struct llmobs_serve *serve)
{
    int64_t now = llmobs_clock_mono_ns(), wake = serve_in_ms(STEP_MS);

    for (size_t i = 0; i < serve->count; i++)
        if (wake_of(serve, serve->list[i]) < wake)
            wake = wake_of(serve, serve->list[i]);
    return llmobs_clock_wait(wake - now);
}

void llmobs_serve_step(struct llmobs_serve *serve, const sigset_t *signals)
{
    struct pollfd fds[1 + LLMOBS_SERVE_CONNECTIONS];
    struct timespec wait = wait_of(serve);
    size_t count = serve->count, kept = 0;

    /* ppoll ignores a negative descriptor. */
    fds[0] = (struct pollfd){serve_has_room(serve) ? serve->listener : -1,
                             POLLIN, 0};
    for (size_t i = 0; i < count; i++)
        fds[1 + i] =
            (struct pollfd){serve->list[i]->fd, events_of(serve->list[i]), 0};
    if (ppoll(fds, 1 + count, &wait, signals) < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        struct llmobs_serve_connection *one = serve->list[i];

        if (serve_one(serve, one, fds[1 + i].revents))
            serve->list[kept++] = one;
        else
            serve_end(one);
    }
    serve->count = kept;
    if (fds[0].revents != 0)
        serve_take(serve);
}
