/* leaves HOW PORT COUNT: so many calls, each over a connection of its own to a
 * server that does not read, so that a send waits, which the program leaves:
 * "jump" by siglongjmp out of a signal's handler, "cancel" by pthread_cancel;
 * with
 * "_tls" over OpenSSL. Prints by how many bytes a call the memory in use grew
 * in the second half.
 */
#include <arpa/inet.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/ssl.h>

static sigjmp_buf back;
static volatile sig_atomic_t sending;
static SSL_CTX *context;
static SSL *tls;
static int fd;
static char request[400000];

/* True once the socket has been full for three looks: the thread waits in the
 * kernel, and nowhere where no jump may leave. */
static int waits(void)
{
    static int full;
    struct pollfd ready = {fd, POLLOUT, 0};

    full = sending && poll(&ready, 1, 0) == 0 ? full + 1 : 0;
    return full >= 3;
}

static void on_alarm(int signal)
{
    (void)signal;
    if (waits())
        siglongjmp(back, 1);
}

static void connect_to(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port)};
    int room = 4608;

    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        perror("connect");
        exit(3);
    }
    if (!context)
        return;
    tls = SSL_new(context);
    SSL_set_tlsext_host_name(tls, "localhost");
    SSL_set_fd(tls, fd);
    if (SSL_connect(tls) != 1)
        exit(4);
}

static void *ask(void *nothing)
{
    sending = 1;
    if (tls)
        SSL_write(tls, request, (int)strlen(request));
    else if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
        perror("send");
    sending = 0;
    return nothing;
}

static void leave(int how)
{
    const struct itimerval often = {{0, 2000}, {0, 2000}},
                           never = {{0, 0}, {0, 0}};
    pthread_t thread;

    if (how == 'c') {
        pthread_create(&thread, NULL, ask, NULL);
        while (!waits())
            usleep(2000);
        pthread_cancel(thread);
        pthread_join(thread, NULL);
    } else if (sigsetjmp(back, 1) == 0) {
        setitimer(ITIMER_REAL, &often, NULL);
        ask(NULL);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    sending = 0;
}

int main(int argc, char **argv)
{
    int count = argc > 3 ? atoi(argv[3]) : 0, head;
    size_t before = 0;

    if (strstr(argv[1], "_tls"))
        context = SSL_CTX_new(TLS_client_method());
    signal(SIGALRM, on_alarm);
    head = sprintf(request,
                   "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost:%s"
                   "\r\nContent-Length: 390000\r\n\r\n{\"model\":\"m\",",
                   argv[2]);
    memset(request + head, ' ', 389000);
    for (int i = 0; i < count; i++) {
        if (i == count / 2)
            before = mallinfo2().uordblks;
        connect_to(atoi(argv[2]));
        leave(argv[1][0]);
        SSL_free(tls);
        tls = NULL;
        close(fd);
    }
    usleep(300000);
    printf("%ld\n",
           (long)(mallinfo2().uordblks - before) / (count - count / 2));
    return 0;
}
