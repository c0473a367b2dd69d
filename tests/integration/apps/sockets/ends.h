/* Cases of cases.c: how a connection ends whose request no server got, or whose
 * answer nobody reads. The server is in the same process. */

static int listener(struct sockaddr_in *at)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t size = sizeof(*at);

    *at = (struct sockaddr_in){.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(fd, (struct sockaddr *)at, size) != 0 || listen(fd, 5) != 0 ||
        getsockname(fd, (struct sockaddr *)at, &size) != 0)
        exit(3);
    return fd;
}

static const char reply[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
    "61\r\n\r\n{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":"
    "\"hi\"}}]}";

/* The first call over a connection that the server has not accepted yet. Gives
 * the server's end. */
static int answered(int fd, int listens)
{
    int peer = accept(listens, NULL, NULL);
    char got[4096];

    send_model(fd, "gpt-test");
    printf("%d\n", recv(peer, got, sizeof(got), 0) > 0 &&
                       send(peer, reply, sizeof(reply) - 1, 0) > 0);
    read_answer(fd);
    return peer;
}

/* A request that the kernel never takes is no call: over a connection that
 * nobody accepts yet, or refuses, and behind a call whose server reset it. */
static void refused(void)
{
    const struct linger at_once = {1, 0};
    struct sockaddr_in to[2];
    int listens = listener(&to[0]), fds[12], peer, closed = listener(&to[1]);

    close(closed);
    for (int i = 0; i < 12; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fds[i], (struct sockaddr *)&to[i == 11], sizeof(*to));
    }
    poll(&(struct pollfd){fds[11], POLLOUT, 0}, 1, 2000);
    send_model(fds[10], "gpt-test");
    send_model(fds[11], "gpt-test");
    fcntl(fds[0], F_SETFL, 0);
    peer = answered(fds[0], listens);
    setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(peer);
    send_model(fds[0], "gpt-test");
    for (int i = 0; i < 12; i++)
        close(fds[i]);
    close(listens);
}

/* The kernel takes no request of one connection, since nobody accepts it yet.
 */
static int unsent(void)
{
    struct sockaddr_in to;
    int listens = listener(&to), fds[12];

    for (int i = 0; i < 12; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fds[i], (struct sockaddr *)&to, sizeof(to));
    }
    fcntl(fds[0], F_SETFL, 0);
    (void)answered(fds[0], listens);
    send_model(fds[11], "gpt-test");
    fflush(stdout);
    return fds[11];
}

static void unsent_at_exit(void)
{
    (void)unsent();
    exit(0);
}

static void unsent_at_once(void)
{
    (void)unsent();
    _exit(0);
}

static void unsent_at_kill(void)
{
    (void)unsent();
    raise(SIGKILL);
}

static void unsent_at_exec(void)
{
    (void)unsent();
    execl("/bin/true", "true", (char *)NULL);
}

/* The server is gone: SIGPIPE, for which the program has nothing, is its end.
 */
static void unsent_by_signal(void)
{
    const struct linger at_once = {1, 0};
    struct sockaddr_in to;
    int listens = listener(&to), fd = socket(AF_INET, SOCK_STREAM, 0), peer;

    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        exit(3);
    peer = answered(fd, listens);
    setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    shutdown(peer, SHUT_WR);
    usleep(20000);
    close(peer);
    usleep(20000);
    fflush(stdout);
    signal(SIGPIPE, SIG_DFL);
    send_model(fd, "gpt-test");
    printf("no signal\n");
}

/* Requests that the kernel takes at the second attempt are calls, however the
 * process ends. Nobody accepts their connections before the first. */
static void sent_later(void)
{
    struct sockaddr_in to;
    size_t len, done[3] = {0};
    char *text = request("gpt-test", 1, &len);
    int listens = listener(&to), fds[11];

    for (int i = 0; i < 11; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fds[i], (struct sockaddr *)&to, sizeof(to));
    }
    for (int i = 0; i < 3; i++)
        printf("%zd\n",
               send(fds[8 + i], text, i == 2 ? 400 : len, MSG_NOSIGNAL));
    for (int i = 0; i < 6; i++)
        (void)accept(listens, NULL, NULL);
    for (int i = 0; i < 3; i++)
        while (done[i] < len) {
            size_t left = len - done[i],
                   part = i == 2 && left > 400 ? 400 : left;
            ssize_t put = send(fds[8 + i], text + done[i], part, MSG_NOSIGNAL);

            if (put > 0)
                done[i] += (size_t)put;
            else
                poll(&(struct pollfd){fds[8 + i], POLLOUT, 0}, 1, 2000);
        }
    fflush(stdout);
    raise(SIGKILL);
}

/* Another descriptor takes the place of a connection whose answer has not come,
 * or cannot. */
static void replaced(void)
{
    struct sockaddr_in to;
    int listens = listener(&to), other = open("/dev/null", O_RDONLY), peer;
    char got[4096];

    for (int i = 0; i < 4; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0), from = -1;

        if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
            exit(3);
        peer = accept(listens, NULL, NULL);
        send_model(fd, "gpt-test");
        if (i == 0)
            printf("%d\n", dup2(other, fd) == fd);
        if (i == 1)
            printf("%d\n", dup3(other, fd, O_CLOEXEC) == fd);
        if (i == 2) {
            printf("%d", dup2(from, fd));
            printf(" %d", dup3(fd, fd, O_CLOEXEC));
            printf(" %d\n", dup2(fd, fd) == fd);
            if (recv(peer, got, sizeof(got), 0) <= 0 ||
                send(peer, reply, sizeof(reply) - 1, 0) <= 0)
                exit(4);
            read_answer(fd);
        }
        if (i == 3) {
            from = dial();
            printf("%d\n", dup2(from, fd) == fd);
            call(fd);
            close(from);
        }
        close(peer);
        close(fd);
    }
    close(other);
    close(listens);
}

/* The program ends a connection, and reads on: without an answer, beside one
 * that comes, within one, and behind one. */
static void shut(void)
{
    static const int ways[] = {SHUT_RDWR, SHUT_RD, SHUT_WR, SHUT_RDWR,
                               SHUT_RDWR};
    struct sockaddr_in to;
    int listens = listener(&to);
    char got[4096];

    for (int i = 0; i < 5; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0), peer;

        if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
            exit(3);
        peer = accept(listens, NULL, NULL);
        send_model(fd, "gpt-test");
        if (recv(peer, got, sizeof(got), 0) <= 0)
            exit(4);
        if (i == 3 && send(peer, reply, 30, 0) > 0)
            printf("%zd\n", recv(fd, got, 9, 0));
        if (i == 4) {
            send(peer, reply, sizeof(reply) - 1, 0);
            read_answer(fd);
        }
        printf("%d\n", shutdown(fd, ways[i]));
        if (i == 2) {
            send(peer, reply, sizeof(reply) - 1, 0);
            read_answer(fd);
        }
        close(peer);
        while (recv(fd, got, sizeof(got), 0) > 0)
            ;
        close(fd);
    }
    close(listens);
}
