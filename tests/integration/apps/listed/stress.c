/* stress WAYS PORT COUNT [SNDBUF]: so many calls over one connection, up
 * to 40 without an answer, each sent by one of the ways: w write, s send, v
 * writev, m sendmsg, t sendto, l write of a line, y of a byte, up
 * to the empty line, f the body by
 * sendfile, a a call that is given up where none of it could go, for another
 * one; behind these b: the socket
 * blocks; I: a signal comes each millisecond; K: a child sends the rest of each
 * second call of which a part went, and the next call but one has a connection
 * of its own; C, D: two threads, one call after the other on one connection, or
 * on two. X-N numbers the calls, X-L is the length of what the body says.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static struct connection {
    int fd, asked, answers;
    size_t mark; /* bytes of it that came last */
    int ends;    /* behind so many calls more; 0: behind all */
    pthread_mutex_t lock;
} connections[2];
static const char *ways, *port;
static int file, count, room, threads = 1;
static _Thread_local unsigned seed;
static _Thread_local char request[16000];
static _Thread_local size_t head; /* its length, of the request */
/* Of the request in the file, whose pages the kernel sends. */
static _Thread_local off_t base;

static unsigned dice(void)
{
    seed = seed * 1103515245 + 12345;
    return seed >> 8;
}

static void fail(const char *what)
{
    perror(what);
    exit(3);
}

static void take(struct connection *to, int wait)
{
    static const char mark[] = "\"total_tokens\": 2}}";
    size_t at = to->mark;
    char in[65536];

    for (struct pollfd ready = {to->fd, POLLIN, 0}; poll(&ready, 1, wait) > 0;
         wait = 0) {
        ssize_t got = recv(to->fd, in, sizeof(in), MSG_DONTWAIT);

        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got <= 0)
            fail("recv");
        for (ssize_t i = 0; i < got; i++) {
            at = in[i] == mark[at] ? at + 1 : in[i] == mark[0];
            to->answers += !mark[at];
            at = mark[at] ? at : 0;
        }
        to->mark = at;
    }
}

static size_t make(int number)
{
    int len = (int)(dice() % (dice() % 8 ? 400 : 9000));

    head = (size_t)sprintf(
        request,
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:%s\r\n"
        "Content-Type: application/json\r\nX-N: %d\r\nX-L: %d\r\n"
        "Content-Length: %d\r\n\r\n",
        port, number, len, len + 55);
    sprintf(request + head,
            "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"");
    memset(request + head + 51, 'a' + number % 26, (size_t)len);
    memcpy(request + head + 51 + len, "\"}]}", 4);
    return head + 55 + (size_t)len;
}

static ssize_t put(int fd, char way, size_t done, size_t all)
{
    char *bytes = request + done;
    size_t len = all - done, third = len / 3;
    const char *line = memchr(bytes, '\n', len);
    struct iovec pieces[3] = {{bytes, third},
                              {bytes + third, third},
                              {bytes + 2 * third, len - 2 * third}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 3};
    off_t at = base + (off_t)done;

    switch (way) {
    case 's':
        return send(fd, bytes, len, MSG_NOSIGNAL);
    case 'v':
        return writev(fd, pieces, 3);
    case 'm':
        return sendmsg(fd, &message, MSG_NOSIGNAL);
    case 't':
        return sendto(fd, bytes, len, MSG_NOSIGNAL, NULL, 0);
    case 'l':
        return write(fd, bytes, line ? (size_t)(line + 1 - bytes) : len);
    case 'y':
        return write(fd, bytes, done + 2 < head ? 1 : len);
    case 'f':
        if (done < head)
            return write(fd, bytes, head - done);
        if (pwrite(file, request, all, base) != (ssize_t)all)
            fail("pwrite");
        return sendfile(fd, file, &at, len);
    default:
        return write(fd, bytes, len);
    }
}

/* Gives how many bytes went, maybe none. */
static size_t put_some(struct connection *to, char way, size_t done, size_t all)
{
    struct pollfd ready = {to->fd, POLLOUT | POLLIN, 0};
    ssize_t went = put(to->fd, way, done, all);

    if (went == 0)
        fail("a send of nothing");
    if (went < 0 && errno != EAGAIN && errno != EINTR)
        fail("send");
    if (went < 0 && errno == EAGAIN)
        poll(&ready, 1, 5000);
    return went > 0 ? (size_t)went : 0;
}

static void let_child(struct connection *to, char way, size_t done, size_t all)
{
    int status = 0;
    pid_t child = fork();

    while (child == 0 && done < all)
        done += put_some(to, way, done, all);
    if (child == 0)
        _exit(0);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (status)
        fail("child");
}

static void ask(struct connection *to, char way, int number)
{
    size_t len = make(number), done = 0;

    base += sizeof(request);
    while (done < len) {
        size_t went = put_some(to, way, done, len);

        if (went == 0)
            take(to, 0);
        if (went == 0 && done == 0 && way == 'a')
            len = make(number);
        done += went;
        if (went > 0 && done < len && strchr(ways, 'K') && dice() % 2) {
            let_child(to, way, done, len);
            to->ends = 3;
            return;
        }
    }
}

static void connect_to(struct connection *to)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)atoi(port))};
    struct pollfd ready;
    int on = 1;

    inet_pton(AF_INET, "127.0.0.1", &name.sin_addr);
    to->fd = socket(AF_INET,
                    SOCK_STREAM | (strchr(ways, 'b') ? 0 : SOCK_NONBLOCK), 0);
    setsockopt(to->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (room)
        setsockopt(to->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    if (connect(to->fd, (struct sockaddr *)&name, sizeof(name)) &&
        errno != EINPROGRESS)
        fail("connect");
    ready = (struct pollfd){to->fd, POLLOUT, 0};
    poll(&ready, 1, 5000);
}

/* Each thread makes every second call, if there are two. */
static void *run(void *number)
{
    int first = *(int *)number;
    struct connection *to = &connections[strchr(ways, 'D') ? first : 0];

    seed = 7 + (unsigned)first;
    base = (off_t)first << 32;
    for (int i = first; i < count; i += threads) {
        pthread_mutex_lock(&to->lock);
        ask(to, ways[dice() % strcspn(ways, "bIKCD")], i);
        to->asked++;
        take(to, 0);
        to->ends -= to->ends > 0;
        while (to->asked - to->answers > (to->ends == 1 ? 0 : 40))
            take(to, 1000);
        if (to->ends == 1) {
            close(to->fd);
            connect_to(to);
            to->ends = 0;
        }
        pthread_mutex_unlock(&to->lock);
    }
    return NULL;
}

static void on_signal(int signal)
{
    (void)signal;
}

int main(int argc, char **argv)
{
    const struct sigaction action = {.sa_handler = on_signal};
    const struct itimerval often = {{0, 1000}, {0, 1000}};
    int numbers[] = {0, 1};
    pthread_t other;

    ways = argv[1];
    port = argv[2];
    count = atoi(argv[3]);
    room = argc > 4 ? atoi(argv[4]) : 0;
    file = memfd_create("body", 0);
    threads = strchr(ways, 'C') || strchr(ways, 'D') ? 2 : 1;
    for (int i = 0; i < (strchr(ways, 'D') ? 2 : 1); i++)
        connect_to(&connections[i]);
    pthread_mutex_init(&connections[0].lock, NULL);
    pthread_mutex_init(&connections[1].lock, NULL);
    sigaction(SIGALRM, &action, NULL);
    if (strchr(ways, 'I'))
        setitimer(ITIMER_REAL, &often, NULL);
    if (threads == 2)
        pthread_create(&other, NULL, run, &numbers[1]);
    run(&numbers[0]);
    if (threads == 2)
        pthread_join(other, NULL);
    for (int i = 0; i < 2; i++)
        while (connections[i].answers < connections[i].asked)
            take(&connections[i], 1000);
    printf("%d answers\n", connections[0].answers + connections[1].answers);
    return 0;
}
