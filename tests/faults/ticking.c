/* ticking WHAT, in the environment BASE=http://HOST:PORT: calls of two threads
 * by plain HTTP while a timer's handler uses a connection of its own, wherever
 * the program is at that time: in the allocator, in a call, in a lock. The
 * output does not depend on when that is.
 *
 * sends, writes: the handler makes calls by send and recv, or write and read.
 * pieces: likewise, some bytes at a time. dials: each on a new connection.
 * jumps: there is a time-out that leaves the call of the first thread. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define CALLS 60

static const char *what;
static struct sockaddr_in to;
static int its = -1;
static char request[600], answer[4000];
static size_t sent, length, got;
static volatile sig_atomic_t number, may_jump;
static sigjmp_buf back;

/* A handler may not format: `who` has four letters, the number six digits. */
static size_t put_request(char *text, const char *who, int n, bool slow)
{
    static const char body[] = "{\"model\":\"m\",\"messages\":[{\"role\":"
                               "\"user\",\"content\":\"from ";
    char digits[8] = "000000", *at = text;

    for (int i = 5; n > 0; n /= 10)
        digits[i--] = (char)('0' + n % 10);
    at = stpcpy(at, "POST /v1/chat/completions?case=");
    at = stpcpy(at, slow ? "slow" : "json");
    at = stpcpy(stpcpy(stpcpy(at, "&i="), who), digits);
    at = stpcpy(at, " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/"
                    "json\r\nContent-Length: 70\r\n\r\n");
    at = stpcpy(stpcpy(stpcpy(at, body), who), digits);
    return (size_t)(stpcpy(at, "\"}]}") - text);
}

static bool whole(const char *text, size_t n)
{
    const char *head = memmem(text, n, "\r\n\r\n", 4), *size;

    if (!head)
        return false;
    size = memmem(text, n, "Content-Length: ", 16);
    return size && n >= (size_t)(head + 4 - text) + (size_t)atoi(size + 16);
}

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    errno = 0;
    while (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 &&
           errno == EINTR)
        ;
    if (errno == ECONNREFUSED)
        _exit(3);
    return fd;
}

/* One step of the call that is under way, which never waits. */
static void step(void)
{
    bool by_write = strcmp(what, "writes") == 0;
    size_t most = strcmp(what, "pieces") == 0 ? 37 : sizeof(request);
    ssize_t n;

    if (sent == length && (got == 0 ? length == 0 : whole(answer, got))) {
        if (strcmp(what, "dials") == 0) {
            close(its);
            its = dial();
        }
        length = put_request(request, "tick", ++number, false);
        sent = got = 0;
    }
    if (sent < length) {
        size_t left = length - sent < most ? length - sent : most;

        n = by_write
                ? write(its, request + sent, left)
                : send(its, request + sent, left, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            sent += (size_t)n;
        return;
    }
    if (by_write) {
        struct pollfd there = {its, POLLIN, 0};

        if (poll(&there, 1, 0) != 1)
            return;
        n = read(its, answer + got, sizeof(answer) - got);
    } else {
        n = recv(its, answer + got, sizeof(answer) - got, MSG_DONTWAIT);
    }
    if (n > 0)
        got += (size_t)n;
}

/* The other thread may have a signal of its own meanwhile. */
static void on_alarm(int signal)
{
    static atomic_flag busy = ATOMIC_FLAG_INIT;
    int kept = errno;

    (void)signal;
    if (strcmp(what, "jumps") == 0) {
        if (may_jump)
            siglongjmp(back, 1);
    } else if (!atomic_flag_test_and_set(&busy)) {
        step();
        atomic_flag_clear(&busy);
    }
    errno = kept;
}

static void tick(int first, int then)
{
    struct itimerval often = {{0, then}, {0, first}};

    setitimer(ITIMER_REAL, &often, NULL);
}

/* The status of a call, 0 where the connection ended. */
static int call(int fd, const char *who, int n, bool slow)
{
    char text[600], had[4000];
    size_t size = put_request(text, who, n, slow), have = 0;

    for (size_t at = 0; at < size;) {
        ssize_t put = send(fd, text + at, size - at, MSG_NOSIGNAL);

        if (put < 0 && errno != EINTR)
            return 0;
        at += put > 0 ? (size_t)put : 0;
    }
    while (!whole(had, have)) {
        ssize_t more = recv(fd, had + have, sizeof(had) - have, 0);

        if (more == 0 || (more < 0 && errno != EINTR))
            return 0;
        have += more > 0 ? (size_t)more : 0;
    }
    return atoi(had + 9);
}

static void churn(unsigned seed)
{
    void *kept[64] = {NULL};

    for (unsigned i = 0; i < 3000; i++) {
        free(kept[i % 64]);
        kept[i % 64] = malloc((seed = seed * 1103515245u + 12345u) >> 20);
    }
    for (unsigned i = 0; i < 64; i++)
        free(kept[i]);
}

/* Gives how many were answered well. */
static void *calls(void *who)
{
    int well = 0, fd = -1;

    for (int i = 1; i <= CALLS; i++) {
        if (i % 10 == 1) {
            if (fd >= 0)
                close(fd);
            fd = dial();
        }
        churn((unsigned)i);
        well += call(fd, who, i, false) == 200;
    }
    close(fd);
    return (void *)(intptr_t)well;
}

static void time_outs(void)
{
    for (volatile int i = 1; i <= CALLS / 2; i++) {
        volatile int fd = dial();

        if (sigsetjmp(back, 1) == 0) {
            may_jump = 1;
            tick(i * 397 % 4000 + 100, 0);
            call(fd, "late", i, true);
        }
        may_jump = 0;
        tick(0, 0);
        close(fd);
    }
    printf("timed out\n");
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    const char *colon = strrchr(getenv("BASE"), ':');
    pthread_t other;
    void *well;

    what = argc > 1 ? argv[1] : "sends";
    to = (struct sockaddr_in){.sin_family = AF_INET,
                              .sin_port = htons((uint16_t)atoi(colon + 1)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    sigaction(SIGALRM, &action, NULL);
    if (strcmp(what, "jumps") == 0) {
        time_outs();
    } else {
        its = dial();
        tick(700, 700);
        pthread_create(&other, NULL, calls, "next");
        printf("%d\n", (int)(intptr_t)calls("main"));
        pthread_join(other, &well);
        printf("%d of %d\n", (int)(intptr_t)well, CALLS);
        tick(0, 0);
        while (sent < length || !whole(answer, got)) {
            step();
            usleep(1000);
        }
    }
    if (its >= 0)
        close(its);
    printf("done\n");
    return 0;
}
