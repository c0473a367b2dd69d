/* stress WAYS PORT COUNT SEED [SNDBUF]: so many calls over one connection, up
 * to 40 without an answer, each sent by one of the ways: w write, s send, v
 * writev, m sendmsg, t sendto, l write of a line, y of a byte, up
 * to the empty line, f the body by
 * sendfile, a a call that is given up where none of it could go, for another
 * one; b: the socket blocks. X-N numbers the calls, X-L is the length of what
 * the body says.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static unsigned seed;
static int fd, file, answers;
static char request[16000];
static size_t head; /* its length, of the request */
static off_t
    base; /* of the request in the file, whose pages the kernel sends */

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

static void take(int wait)
{
    static const char mark[] = "\"total_tokens\": 2}}";
    static size_t at;
    char in[65536];

    for (struct pollfd ready = {fd, POLLIN, 0}; poll(&ready, 1, wait) > 0;
         wait = 0) {
        ssize_t got = recv(fd, in, sizeof(in), MSG_DONTWAIT);

        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got <= 0)
            fail("recv");
        for (ssize_t i = 0; i < got; i++) {
            at = in[i] == mark[at] ? at + 1 : in[i] == mark[0];
            answers += !mark[at];
            at = mark[at] ? at : 0;
        }
    }
}

static size_t make(const char *port, int number)
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

static ssize_t put(char way, size_t done, size_t all)
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

static void ask(char way, const char *port, int number)
{
    size_t len = make(port, number), done = 0;

    base += sizeof(request);
    while (done < len) {
        struct pollfd ready = {fd, POLLOUT | POLLIN, 0};
        ssize_t went = put(way, done, len);

        if (went == 0)
            fail("a send of nothing");
        if (went < 0 && errno != EAGAIN && errno != EINTR)
            fail("send");
        if (went < 0 && errno == EAGAIN) {
            poll(&ready, 1, 5000);
            take(0);
        }
        if (went < 0 && done == 0 && way == 'a')
            len = make(port, number);
        done += went > 0 ? (size_t)went : 0;
    }
}

int main(int argc, char **argv)
{
    const char *ways = argv[1];
    size_t kinds = strcspn(ways, "b");
    int count = atoi(argv[3]), on = 1, room = argc > 5 ? atoi(argv[5]) : 0;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(argv[2]))};
    struct pollfd ready;

    seed = (unsigned)atoi(argv[4]);
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    file = memfd_create("body", 0);
    fd = socket(AF_INET, SOCK_STREAM | (ways[kinds] ? 0 : SOCK_NONBLOCK), 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (room)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS)
        fail("connect");
    ready = (struct pollfd){fd, POLLOUT, 0};
    poll(&ready, 1, 5000);
    for (int i = 0; i < count; i++) {
        ask(ways[dice() % kinds], argv[2], i);
        take(0);
        while (i + 1 - answers > 40)
            take(1000);
    }
    while (answers < count)
        take(1000);
    printf("%d answers\n", answers);
    return 0;
}
