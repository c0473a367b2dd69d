/* A program whose threads wait for their models, each in a function of its own
 * and by another system call.
 *
 *   waits URL BODY COUNT     COUNT threads: a call each, whose answer never
 *                            comes
 *   waits URL BODY blocked   a thread for each way to block, within the
 *                            callback that gets the first piece of the answer;
 *                            prints "ready" when all do, ends their waits at
 *                            the first line of stdin, prints how each ended
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#define APART __attribute__((noinline))
#define LONG_S 60
#define SHORT_S 3

static const char *url, *body;
static atomic_int blocked;
static int ends[2], pair[2], epoll_fd;
static sem_t semaphore;
static sigset_t user;

static long by_read(void)
{
    char byte;

    return read(ends[0], &byte, 1);
}

static long by_poll(void)
{
    struct pollfd ready = {ends[0], POLLIN, 0};

    return poll(&ready, 1, LONG_S * 1000);
}

static long by_epoll(void)
{
    struct epoll_event event;

    return epoll_wait(epoll_fd, &event, 1, LONG_S * 1000);
}

static long by_recv(void)
{
    char byte;

    return recv(pair[0], &byte, 1, 0);
}

static long by_sigwait(void)
{
    struct timespec limit = {LONG_S, 0};

    return sigtimedwait(&user, NULL, &limit) == SIGUSR1 ? 1 : -1;
}

static long by_semaphore(void)
{
    struct timespec limit;

    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += LONG_S;
    return sem_timedwait(&semaphore, &limit) + 1;
}

static long by_sleep(void)
{
    struct timespec limit = {SHORT_S, 0};

    return nanosleep(&limit, NULL) + 1;
}

/* Meanwhile the kernel lets nobody stop the thread. */
static long by_vfork(void)
{
    pid_t child = vfork();

    if (child == 0) {
        sleep(SHORT_S);
        _exit(0);
    }
    return waitpid(child, NULL, 0) == child;
}

static const struct way {
    const char *name;
    long (*wait)(void);
} ways[] = {{"read", by_read},           {"poll", by_poll},
            {"epoll", by_epoll},         {"recv", by_recv},
            {"sigwait", by_sigwait},     {"sleep", by_sleep},
            {"semaphore", by_semaphore}, {"vfork", by_vfork}};

#define WAYS (sizeof(ways) / sizeof(*ways))

/* Blocks at the first piece, and then ends the transfer. */
static size_t block(char *data, size_t size, size_t count, void *arg)
{
    const struct way *way = arg;
    long got;

    (void)data;
    (void)size;
    (void)count;
    atomic_fetch_add(&blocked, 1);
    got = way->wait();
    printf("%s %ld %s\n", way->name, got,
           got < 0 ? strerrorname_np(errno) : "-");
    return 0;
}

static APART CURLcode wait_for_model(curl_write_callback callback, void *arg)
{
    CURL *curl = curl_easy_init();
    CURLcode code;

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (callback) {
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, callback);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, arg);
    }
    code = curl_easy_perform(curl);
    curl_easy_cleanup(curl);
    return code;
}

static void *in_thread(void *arg)
{
    return (void *)(size_t)wait_for_model(arg ? block : NULL, arg);
}

static void prepare(void)
{
    struct timeval limit = {LONG_S, 0};
    struct epoll_event event = {.events = EPOLLIN};

    if (pipe(ends) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) ||
        (epoll_fd = epoll_create1(0)) < 0 ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, ends[0], &event) ||
        setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
        sem_init(&semaphore, 0, 0))
        exit(1);
    sigemptyset(&user);
    sigaddset(&user, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &user, NULL);
}

/* One of those that wait for the pipe reads a byte, so it gets many. */
static void end_waits(void)
{
    char bytes[64] = "";

    if (write(ends[1], bytes, sizeof(bytes)) < 0 ||
        write(pair[1], bytes, 1) < 0)
        exit(1);
    sem_post(&semaphore);
    kill(getpid(), SIGUSR1);
}

int main(int argc, char **argv)
{
    size_t count = argc == 4 ? (size_t)atol(argv[3]) : 0;
    bool ways_only = argc == 4 && strcmp(argv[3], "blocked") == 0;
    pthread_t threads[64];
    char line[16];

    if (argc != 4 || count > 64)
        return 2;
    url = argv[1];
    body = argv[2];
    prepare();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (ways_only)
        count = WAYS;
    for (size_t i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, in_thread,
                       ways_only ? (void *)(size_t)&ways[i] : NULL);
    while (ways_only && (size_t)atomic_load(&blocked) < WAYS)
        usleep(1000);
    puts("ready");
    fflush(stdout);
    if (!fgets(line, sizeof(line), stdin))
        return 1;
    if (!ways_only)
        return 0;
    end_waits();
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
