/* The cost of a call on a descriptor that is no connection of the program's:
 *
 *   sockets CALL COUNT PORT     ns a call, of send, recv, read, write or close
 *
 * The program makes a call to the server at PORT first, so that all functions
 * of sockets are watched that ever are. It has a second thread, as the library
 * has then: the kernel counts who uses a descriptor once two threads might. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void ask(int port)
{
    static const char body[] = "{\"model\":\"m\",\"messages\":[{\"role\":"
                               "\"user\",\"content\":\"hi\"}]}";
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char text[1000];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int len =
        sprintf(text,
                "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                "Content-Type: application/json\r\nConnection: close\r\n"
                "Content-Length: %zu\r\n\r\n%s",
                sizeof(body) - 1, body);

    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 ||
        send(fd, text, (size_t)len, 0) != len || recv(fd, text, 12, 0) != 12)
        exit(3);
    close(fd);
}

static int pair[2], null, zero, copies[BATCH];

/* One call; `i`: of a batch. */
static void one(const char *call, int i)
{
    char byte = 'x';
    ssize_t done = 1;

    switch (call[0] + call[2]) {
    case 's' + 'n':
        done = send(pair[0], &byte, 1, 0);
        break;
    case 'r' + 'c':
        done = recv(pair[1], &byte, 1, 0);
        break;
    case 'r' + 'a':
        done = read(zero, &byte, 1);
        break;
    case 'w' + 'i':
        done = write(null, &byte, 1);
        break;
    default:
        done = 1 + close(copies[i]);
    }
    if (done != 1)
        exit(4);
}

static void *sleep_for_ever(void *unused)
{
    pause();
    return unused;
}

/* State that a batch needs, and leaves behind. */
static void around(const char *call, const char *with, const char *other)
{
    if (strcmp(call, with) == 0)
        for (int i = 0; i < BATCH; i++)
            one(other, i);
}

int main(int argc, char **argv)
{
    int count = argc > 3 ? atoi(argv[2]) / BATCH * BATCH : 0;
    double took = 0;
    pthread_t thread;

    if (count <= 0 ||
        pthread_create(&thread, NULL, sleep_for_ever, NULL) != 0 ||
        socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return 2;
    null = open("/dev/null", O_WRONLY);
    zero = open("/dev/zero", O_RDONLY);
    ask(atoi(argv[3]));
    for (int all = 0; all < count; all += BATCH) {
        double begun;

        around(argv[1], "recv", "send");
        for (int i = 0; i < BATCH && argv[1][0] == 'c'; i++)
            copies[i] = fcntl(null, F_DUPFD, 0);
        begun = now_ns();
        for (int i = 0; i < BATCH; i++)
            one(argv[1], i);
        took += now_ns() - begun;
        around(argv[1], "send", "recv");
    }
    printf("%.2f\n", took / count);
    return 0;
}
