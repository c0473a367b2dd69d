/* A loopback server that costs little beside what is measured: one thread,
 * epoll, canned answers. Prints its port, serves until killed.
 *
 *   POST .../chat/completions   2 KB of JSON; 1000 events when the body has
 *                               "stream", 200 when it has "short", too, or 200
 *                               with all that OpenAI's have when it has
 *                               "usual"; 8 MB of JSON when it has "big", or
 *                               "lines", with line feeds; one when it has
 *                               "mega";
 *                               all of it 700 ms late when it has "late"
 *   POST /evp_proxy/...         202, as an Agent answers; counted
 *   POST /v1/traces             the same, as a receiver of OTLP
 *   GET /info, GET /taken       an Agent's list; how many it took
 *   anything else               2 bytes
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_MAX (64 * 1024)
#define CONNECTIONS_MAX 16384
#define EVENTS 1000
#define BIG (8 * 1024 * 1024)
#define LATE_US 700000

struct connection {
    char head[HEAD_MAX];
    size_t len;     /* bytes in head */
    size_t skip;    /* body bytes still to be read */
    size_t skipped; /* body bytes of this request beyond head */
};

static struct connection *connections[CONNECTIONS_MAX];
static char *chat, *stream, *shorter, *usual, *big, *lines, *mega;
static size_t chat_len, stream_len, shorter_len, usual_len, big_len, lines_len,
    mega_len;

static char *answer(const char *type, const char *body, size_t len,
                    size_t *total)
{
    char *text = malloc(len + 200);
    int head = sprintf(text,
                       "HTTP/1.1 200 OK\r\nContent-Type: %s\r\n"
                       "Content-Length: %zu\r\n\r\n",
                       type, len);

    memcpy(text + head, body, len);
    *total = (size_t)head + len;
    return text;
}

/* `escapes`: each 64 letters end in one. */
static char *json_answer(size_t content, bool escapes, size_t *total)
{
    char *body = malloc(content + 500);
    char *text;
    int at =
        sprintf(body, "{\"id\":\"c1\",\"object\":\"chat.completion\",\"model\":"
                      "\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"message\":"
                      "{\"role\":\"assistant\",\"content\":\"");

    for (size_t i = 0; i < content; i++)
        body[(size_t)at + i] = !escapes || i % 64 < 62 ? i % 8 ? 'w' : ' '
                               : i % 64 == 62          ? '\\'
                                                       : 'n';
    at += (int)content;
    at += sprintf(body + at,
                  "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens"
                  "\":9,\"completion_tokens\":7,\"total_tokens\":16}}");
    text = answer("application/json", body, (size_t)at, total);
    free(body);
    return text;
}

#define SHORT_EVENT                                                          \
    "data: {\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{" \
    "\"content\":\"%s \"}}]}\n\n"
#define USUAL_EVENT                                                        \
    "data: {\"id\":\"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG\",\"object\":" \
    "\"chat.completion.chunk\",\"created\":1741570283,\"model\":"          \
    "\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\","             \
    "\"system_fingerprint\":\"fp_06737a9306\",\"choices\":[{\"index\":0,"  \
    "\"delta\":{\"content\":\" %s\"},\"logprobs\":null,"                   \
    "\"finish_reason\":null}],\"usage\":null}\n\n"

static char *events(const char *event, int count, size_t *len)
{
    static const char *const words[] = {"word", "a",      "river", "flows",
                                        "by",   "bridge", "and"};
    char *body = malloc((size_t)count * (strlen(event) + 8)), *text;
    size_t at = 0;

    for (int i = 0; i < count; i++)
        at += (size_t)sprintf(body + at, event,
                              words[event[7] == 'm' ? 0 : i * 5 % 7]);
    at += (size_t)sprintf(body + at, "data: [DONE]\n\n");
    text = answer("text/event-stream", body, at, len);
    free(body);
    return text;
}

static void make_answers(void)
{
    chat = json_answer(2048, false, &chat_len);
    big = json_answer(BIG, false, &big_len);
    lines = json_answer(BIG, true, &lines_len);
    mega = json_answer(BIG / 8, false, &mega_len);
    stream = events(SHORT_EVENT, EVENTS, &stream_len);
    shorter = events(SHORT_EVENT, EVENTS / 5, &shorter_len);
    usual = events(USUAL_EVENT, EVENTS / 5, &usual_len);
}

static int send_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);

        if (sent <= 0)
            return -1;
        data += sent;
        len -= (size_t)sent;
    }
    return 0;
}

/* Every event by itself, so that a client meets as many callbacks. */
static int send_events(int fd, const char *at, size_t all)
{
    const char *end = at + all;

    while (at < end) {
        const char *next = strstr(at, "\n\n");
        size_t len = next ? (size_t)(next + 2 - at) : (size_t)(end - at);

        if (send_all(fd, at, len))
            return -1;
        at += len;
    }
    return 0;
}

static bool begins(const struct connection *c, const char *with)
{
    return strncmp(c->head, with, strlen(with)) == 0;
}

static int send_json(int fd, const char *status, const char *body)
{
    char text[512];
    int len = snprintf(text, sizeof(text),
                       "HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\n\r\n%s",
                       status, strlen(body), body);

    return send_all(fd, text, (size_t)len);
}

static int respond(int fd, const struct connection *c)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    static unsigned long taken;
    char number[24];

    if (begins(c, "POST /evp_proxy/v2/") || begins(c, "POST /v1/traces ")) {
        taken++;
        return send_json(fd, "202 Accepted", "{}");
    }
    if (begins(c, "GET /info "))
        return send_json(fd, "200 OK", "{\"endpoints\":[\"/evp_proxy/v2/\"]}");
    if (begins(c, "GET /taken ")) {
        snprintf(number, sizeof(number), "%lu", taken);
        return send_json(fd, "200 OK", number);
    }
    if (!strstr(c->head, "/chat/completions "))
        return send_all(fd, ok, sizeof(ok) - 1);
    if (strstr(c->head, "\"late\""))
        usleep(LATE_US); /* no other client waits */
    if (strstr(c->head, "\"stream\"") && strstr(c->head, "\"short\""))
        return send_events(fd, shorter, shorter_len);
    if (strstr(c->head, "\"stream\"") && strstr(c->head, "\"usual\""))
        return send_events(fd, usual, usual_len);
    if (strstr(c->head, "\"stream\""))
        return send_events(fd, stream, stream_len);
    if (strstr(c->head, "\"big\""))
        return send_all(fd, big, big_len);
    if (strstr(c->head, "\"lines\""))
        return send_all(fd, lines, lines_len);
    if (strstr(c->head, "\"mega\""))
        return send_all(fd, mega, mega_len);
    return send_all(fd, chat, chat_len);
}

static size_t body_len(const char *head)
{
    const char *at = strcasestr(head, "\r\ncontent-length:");

    return at ? strtoul(at + 17, NULL, 10) : 0;
}

/* -1: close. Bodies beyond the room of head are read and thrown away. */
static int serve(int fd, struct connection *c)
{
    static char bin[1 << 20];
    size_t want;
    ssize_t got;
    char *end;

    if (c->skip) {
        got = recv(fd, bin, c->skip < sizeof(bin) ? c->skip : sizeof(bin), 0);
        if (got <= 0)
            return -1;
        c->skip -= (size_t)got;
        if (c->skip)
            return 0;
    } else {
        got = recv(fd, c->head + c->len, HEAD_MAX - 1 - c->len, 0);
        if (got <= 0)
            return -1;
        c->len += (size_t)got;
        c->head[c->len] = '\0';
        end = strstr(c->head, "\r\n\r\n");
        if (!end)
            return c->len < HEAD_MAX - 1 ? 0 : -1;
        if (strcasestr(c->head, "\r\nexpect: 100") && !c->skipped) {
            c->skipped = 1;
            send_all(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25);
        }
        want = (size_t)(end + 4 - c->head) + body_len(c->head);
        if (c->len < want && c->len < HEAD_MAX - 1)
            return 0;
        c->skip = want > c->len ? want - c->len : 0;
        if (c->skip)
            return 0;
    }
    if (respond(fd, c))
        return -1;
    c->len = c->skipped = 0;
    return 0;
}

static void take_in(int listener, int poll)
{
    int fd = accept(listener, NULL, NULL);
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};

    if (fd < 0 || fd >= CONNECTIONS_MAX) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    connections[fd] = calloc(1, sizeof(struct connection));
    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
}

int main(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM, 0), poll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = listener}};

    if (bind(listener, (struct sockaddr *)&at, len) || listen(listener, 4096) ||
        getsockname(listener, (struct sockaddr *)&at, &len))
        return 1;
    signal(SIGPIPE, SIG_IGN);
    make_answers();
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    for (;;) {
        struct epoll_event events[64];
        int count = epoll_wait(poll, events, 64, -1);

        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;

            if (fd == listener)
                take_in(listener, poll);
            else if (serve(fd, connections[fd])) {
                free(connections[fd]);
                close(fd);
            }
        }
    }
}
