/* handlers WHAT WHERE LIBRARY: signal handlers that use connections, as POSIX
 * lets them, each half millisecond, wherever the program is at that time. The
 * servers are threads of a child. It does not count what a handler does. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#define GOT                                                                \
    "{\"id\":\"a\",\"object\":\"chat.completion\",\"model\":\"gpt-test\"," \
    "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","       \
    "\"content\":\"hi\"},\"finish_reason\":\"stop\"}],\"usage\":"          \
    "{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}"

static const char text[] =
    "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
    "Content-Type: application/json\r\nContent-Length: 67\r\n\r\n"
    "{\"model\":\"gpt-test\",\"messages\":"
    "[{\"role\":\"user\",\"content\":\"hello\"}]}";
static const size_t length = sizeof(text) - 1;
static struct sockaddr_in to = {.sin_family = AF_INET};
static int slow; /* milliseconds before an answer */
static int its = -1;
static volatile sig_atomic_t ran, may_jump, jumps;
static sigjmp_buf back;
static const char *library;

static void *serve(void *link)
{
    int fd = (int)(intptr_t)link;
    char got[4096], answer[1000];
    int size = sprintf(answer, TEXT "Content-Length: %zu\r\n\r\n" GOT,
                       sizeof(GOT) - 1);
    ssize_t n;

    for (size_t have = 0; (n = recv(fd, got, sizeof(got), 0)) > 0;)
        for (have += (size_t)n; have >= length; have -= length) {
            usleep((unsigned)slow * 1000);
            if (send(fd, answer, (size_t)size, MSG_NOSIGNAL) < 0)
                n = 0;
        }
    close(fd);
    return NULL;
}

static pid_t start_server(void)
{
    socklen_t size = sizeof(to);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    pthread_attr_t detached;
    pthread_t thread;
    pid_t child;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&to, size) != 0 || listen(fd, 512) != 0 ||
        getsockname(fd, (struct sockaddr *)&to, &size) != 0)
        exit(3);
    child = fork();
    if (child) {
        close(fd);
        return child;
    }
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&detached, 65536);
    for (;;) {
        int link = accept(fd, NULL, NULL);

        if (pthread_create(&thread, &detached, serve, (void *)(intptr_t)link))
            close(link);
    }
}

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        exit(3);
    return fd;
}

static bool ask(int fd)
{
    char got[1000] = "";
    size_t have = 0;

    if (send(fd, text, length, MSG_NOSIGNAL) != (ssize_t)length)
        return false;
    while (!strstr(got, "}}")) {
        ssize_t n = recv(fd, got + have, sizeof(got) - 1 - have, 0);

        if (n <= 0)
            return false;
        have += (size_t)n;
    }
    return true;
}

/* ---- what handlers do ------------------------------------------------------
 */

static void sends(void)
{
    char got[4096];

    send(its, text, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    recv(its, got, sizeof(got), MSG_DONTWAIT);
}

static void writes(void)
{
    char got[4096];
    struct iovec part = {(char *)text, length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    struct pollfd one = {its, POLLIN | POLLOUT, 0};

    if (write(its, text, length) < 0 || poll(&one, 1, 0) < 0 ||
        sendmsg(its, &message, MSG_NOSIGNAL) < 0 ||
        read(its, got, sizeof(got)) < 0)
        return;
    part = (struct iovec){got, sizeof(got)};
    recvmsg(its, &message, MSG_DONTWAIT);
}

static void connects(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0) {
        send(fd, text, length, MSG_NOSIGNAL);
        shutdown(fd, SHUT_WR);
    }
    close(fd);
}

/* The program's connection itself goes, and comes again. */
static void copies(void)
{
    int one = dup(its), two = fcntl(its, F_DUPFD, 100);

    if (one >= 0 && send(one, text, length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        ran += 0;
    dup2(two, its);
    close(one);
    close(two);
}

static void tick(int us)
{
    struct itimerval often = {{0, us}, {0, us}};

    setitimer(ITIMER_REAL, &often, NULL);
}

/* The next alarm is counted from this one's end: a machine that takes longer to
 * fork than from one alarm to the next would run nothing but handlers. */
static void forks(void)
{
    pid_t child;

    tick(0);
    child = fork();

    if (child == 0) {
        sends();
        close(its);
        _exit(0);
    }
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    tick(50000);
}

static void (*act)(void);

static void on_alarm(int number)
{
    int before = errno;

    ran++;
    if (act)
        act();
    else if (may_jump) {
        jumps++;
        siglongjmp(back, number);
    }
    errno = before;
}

/* ---- where it finds the program --------------------------------------------
 */

static void allocates(void)
{
    void *kept[64] = {NULL};

    for (unsigned i = 0; i < 1000; i++) {
        unsigned at = i * 2654435761U >> 26;

        free(kept[at]);
        kept[at] = malloc(i * 40503U % 3000 + 1);
    }
    for (int i = 0; i < 64; i++)
        free(kept[i]);
}

static void loads(void)
{
    for (int i = 0; i < 20; i++) {
        void *object = dlopen(library, RTLD_NOW);

        if (object)
            dlclose(object);
    }
}

static void calls_on(void)
{
    int fd = dial();

    for (int i = 0; i < 20; i++)
        if (!ask(fd))
            printf("a call failed\n");
    close(fd);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Calls that a handler leaves, the first one included. */
static void jump_about(bool by_read, bool in_connect)
{
    double until = now() + 0.5;

    may_jump = 0;
    for (unsigned i = 0; i < 100 || now() < until; i++) {
        volatile int fd = -1;

        if (sigsetjmp(back, 1) == 0) {
            tick((int)(i * 7919 % 1500) + 50);
            if (in_connect) {
                fd = socket(AF_INET, SOCK_STREAM, 0);
                may_jump = 1;
                (void)connect(fd, (struct sockaddr *)&to, sizeof(to));
                may_jump = 0;
            } else {
                fd = dial();
            }
            if (by_read) {
                char got[1000];

                if (write(fd, text, length) < 0)
                    exit(4);
                may_jump = 1;
                while (read(fd, got, sizeof(got)) > 0)
                    ;
            } else {
                char got[1000];

                may_jump = 1;
                send(fd, text, length, MSG_NOSIGNAL);
                while (recv(fd, got, sizeof(got), 0) > 0)
                    ;
            }
        }
        may_jump = 0;
        tick(0);
        if (fd >= 0)
            close(fd);
    }
}

/* ---- what the program asks for, and is told ---------------------------------
 */

/* <signal.h> calls signal so in programs that ask for strict POSIX. */
void (*__sysv_signal(int, void (*)(int)))(int);

static volatile sig_atomic_t sum, pid_seen;

static void adds(int number, siginfo_t *info, void *unused)
{
    (void)number, (void)unused;
    sum += info->si_value.sival_int;
    pid_seen = info->si_pid;
}

static void show(int number)
{
    struct sigaction was;

    sigaction(number, NULL, &was);
    printf("%s, flags %x, blocks SIGUSR1: %d\n",
           was.sa_handler == on_alarm  ? "on_alarm"
           : was.sa_sigaction == adds  ? "adds"
           : was.sa_handler == SIG_DFL ? "default"
           : was.sa_handler == SIG_IGN ? "ignored"
                                       : "unknown",
           (unsigned)was.sa_flags, sigismember(&was.sa_mask, SIGUSR1));
}

static void set(void)
{
    struct sigaction action = {.sa_sigaction = adds,
                               .sa_flags = SA_SIGINFO | (int)SA_RESETHAND};

    sigaddset(&action.sa_mask, SIGUSR1);
    sigaction(SIGUSR2, &action, NULL);
    show(SIGUSR2);
    raise(SIGUSR2);
    show(SIGUSR2);
    printf("seen: %d\n", pid_seen == getpid());
    for (int i = 0; i < 2; i++) {
        siginterrupt(SIGUSR1, i);
        printf("was ours: %d\n", signal(SIGUSR1, on_alarm) == on_alarm);
        show(SIGUSR1);
    }
    raise(SIGUSR1);
    printf("was ours: %d\n", signal(SIGUSR1, SIG_IGN) == on_alarm);
    show(SIGUSR1);
    printf("refused: %d\n", signal(SIGKILL, on_alarm) == SIG_ERR);
    __sysv_signal(SIGHUP, on_alarm);
    show(SIGHUP);
    raise(SIGHUP);
    show(SIGHUP);
}

static void *queues(void *unused)
{
    for (int i = 1; i <= 500; i++) {
        union sigval value = {.sival_int = i};

        while (sigqueue(getpid(), SIGRTMIN, value) != 0)
            usleep(1000);
        usleep(50);
    }
    return unused;
}

/* Signals that come while the program makes calls: each once, with its value.
 */
static void queue(void)
{
    struct sigaction action = {.sa_sigaction = adds,
                               .sa_flags = SA_SIGINFO | SA_RESTART};
    sigset_t all;
    pthread_t thread;

    sigaction(SIGRTMIN, &action, NULL);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    pthread_create(&thread, NULL, queues, NULL);
    sigprocmask(SIG_UNBLOCK, &all, NULL);
    for (int i = 0; i < 10; i++)
        calls_on();
    pthread_join(thread, NULL);
    printf("sum: %d\n", (int)sum);
}

static void in_child(void)
{
    jumps = 1;
}

static void leaves(int number)
{
    (void)number;
    siglongjmp(back, 1);
}

__attribute__((noinline)) static void left_deep(void)
{
    volatile char deep[32768];

    deep[0] = 0;
    raise(SIGUSR1);
    deep[1] = 0;
}

/* The frame that a handler was jumped out of is still there, in memory that the
 * caller of fork has and does not write: the child is a program's own, not a
 * handler's. */
__attribute__((noinline)) static void forks_after(void)
{
    volatile char over[131072];
    pid_t child;
    int status = 0;

    over[0] = 0;
    child = fork();
    if (child == 0)
        _exit((int)jumps);
    waitpid(child, &status, 0);
    printf("told: %d\n", WEXITSTATUS(status));
}

static void jumped(void)
{
    calls_on();
    pthread_atfork(NULL, NULL, in_child);
    signal(SIGUSR1, leaves);
    if (sigsetjmp(back, 1) == 0)
        left_deep();
    forks_after();
}

/* ---- order ----------------------------------------------------------------
 */

#define VALUES 2000

static volatile sig_atomic_t last, wrong, came;
static volatile bool queued, full;
static pthread_t whose;
static volatile pid_t sender; /* its thread */

static void in_order(int number, siginfo_t *info, void *unused)
{
    int value = info->si_value.sival_int;

    (void)unused;
    wrong += value != last + 1 || info->si_pid != getpid();
    last = value;
    came++;
    if (may_jump && value % 3 == 0) {
        jumps++;
        siglongjmp(back, number);
    }
}

/* Leaves room for three signals beside those of the user's other processes. */
static void limit_queue(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[200];
    struct rlimit most;
    unsigned used = 0;

    while (file && fgets(line, sizeof(line), file))
        (void)sscanf(line, "SigQ: %u", &used);
    if (file)
        fclose(file);
    getrlimit(RLIMIT_SIGPENDING, &most);
    most.rlim_cur = used + 3;
    setrlimit(RLIMIT_SIGPENDING, &most);
}

/* As pthread_sigqueue, which not every libc has. */
static bool queue_one(int number)
{
    siginfo_t info = {.si_signo = SIGRTMIN + 1, .si_code = SI_QUEUE};

    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_int = number;
    return syscall(SYS_rt_tgsigqueueinfo, getpid(), sender, SIGRTMIN + 1,
                   &info) == 0;
}

static void *queues_to_one(void *unused)
{
    for (int i = 1; i <= VALUES; i++) {
        for (int tries = 0; !queue_one(i); tries++) {
            usleep(full ? 0 : 100);
            if (full && tries % 10000 == 9999)
                limit_queue();
        }
        if (i % 8 == 0)
            usleep(30);
    }
    queued = true;
    return unused;
}

/* Real-time signals of one number to one thread, which makes calls: they come
 * in the order in which they were queued, also where handlers leave calls. */
static void order_of(bool leaves)
{
    struct sigaction action = {.sa_sigaction = in_order,
                               .sa_flags = SA_SIGINFO | SA_RESTART};
    volatile int fd = dial();
    pthread_t thread;

    sender = (pid_t)syscall(SYS_gettid);
    sigaction(SIGRTMIN + 1, &action, NULL);
    if (!ask(fd))
        exit(4);
    pthread_create(&thread, NULL, queues_to_one, NULL);
    for (volatile int i = 0;
         i < 10 || (i < 100000 && (!queued || came < VALUES)); i++) {
        volatile bool asked = false;

        if (sigsetjmp(back, 1) == 0) {
            may_jump = leaves;
            asked = ask(fd);
        }
        may_jump = 0;
        if (!asked) {
            close(fd);
            fd = dial();
        }
    }
    pthread_join(thread, NULL);
    close(fd);
    printf("came: %d, not in order: %d\n", (int)came, (int)wrong);
}

static void order(void)
{
    order_of(false);
}

static void order_jumps(void)
{
    order_of(true);
}

/* The place that a signal had in the user's queue goes to another one. */
static void order_full(void)
{
    full = true;
    limit_queue();
    order_of(false);
}

static volatile sig_atomic_t values[8], draining;
static sigset_t its_set;
static const struct timespec no_time;

static void keeps(int number, siginfo_t *info, void *unused)
{
    (void)unused;
    values[came++ & 7] = info->si_value.sival_int;
    while (draining && sigtimedwait(&its_set, info, &no_time) > 0)
        values[came++ & 7] = info->si_value.sival_int;
    if (may_jump) {
        may_jump = 0;
        siglongjmp(back, number);
    }
}

static void *queues_three(void *unused)
{
    for (int i = 1; i <= 3; i++)
        queue_one(i);
    return unused;
}

static bool has(int count, int first)
{
    bool right = came == count;

    for (int i = 0; i < count; i++)
        right = right && values[i] == first + i;
    return right;
}

/* The handler leaves a call, and its signal stays blocked, so that others wait
 * in the thread: a child has none of them, and the thread has all. */
static void order_forks(void)
{
    struct sigaction action = {.sa_sigaction = keeps, .sa_flags = SA_SIGINFO};
    volatile int bad = 0;
    sigset_t all;

    sigemptyset(&all);
    sigaddset(&all, SIGRTMIN + 1);
    sender = (pid_t)syscall(SYS_gettid);
    sigaction(SIGRTMIN + 1, &action, NULL);
    for (volatile int i = 0; i < 60; i++) {
        volatile int fd = dial();
        int status = 1;
        pthread_t thread;
        pid_t child;

        came = 0;
        pthread_create(&thread, NULL, queues_three, NULL);
        if (sigsetjmp(back, 0) == 0) {
            may_jump = 1;
            while (came < 3 && ask(fd))
                ;
        }
        may_jump = 0;
        pthread_join(thread, NULL);
        close(fd);
        child = fork();
        if (child == 0) {
            came = 0;
            sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 9});
            sigprocmask(SIG_UNBLOCK, &all, NULL);
            _exit(!has(1, 9));
        }
        waitpid(child, &status, 0);
        sigprocmask(SIG_UNBLOCK, &all, NULL);
        bad += status != 0 || !has(3, 1);
    }
    printf("bad: %d\n", (int)bad);
}

/* As before, but the program takes by itself what waits, behind the jump or in
 * the handler: each signal comes to the one or the other. Or it ignores the
 * signal for a while: what waits does not come any more. */
static void order_waits(void)
{
    struct sigaction action = {.sa_sigaction = keeps, .sa_flags = SA_SIGINFO};
    volatile int bad = 0;

    sigemptyset(&its_set);
    sigaddset(&its_set, SIGRTMIN + 1);
    sender = (pid_t)syscall(SYS_gettid);
    sigaction(SIGRTMIN + 1, &action, NULL);
    for (volatile int i = 0; i < 120; i++) {
        volatile int fd = dial();
        pthread_t thread;
        siginfo_t info;
        int got = 0;

        came = 0;
        draining = i % 3 == 1;
        pthread_create(&thread, NULL, queues_three, NULL);
        if (sigsetjmp(back, 0) == 0) {
            may_jump = !draining;
            for (int k = 0; k < 1000 && came < 3 && ask(fd); k++)
                ;
        }
        may_jump = 0;
        pthread_join(thread, NULL);
        close(fd);
        if (i % 3 == 2) {
            came = 0;
            signal(SIGRTMIN + 1, SIG_IGN);
            sigaction(SIGRTMIN + 1, &action, NULL);
        }
        while (!draining && sigtimedwait(&its_set, &info, &no_time) > 0)
            got |= 1 << info.si_value.sival_int;
        if (!draining)
            queue_one(4);
        sigprocmask(SIG_UNBLOCK, &its_set, NULL);
        for (int k = 0; k < came && k < 8; k++)
            got |= 1 << values[k];
        bad += got != (draining ? 0xe : i % 3 ? 0x10 : 0x1e);
    }
    printf("bad: %d\n", (int)bad);
}

/* ---- many threads ---------------------------------------------------------
 */

#define MANY 1100
#define LONG 12000
#define LEAD                                \
    "{\"model\":\"gpt-test\",\"messages\":" \
    "[{\"role\":\"user\",\"content\":\""

static char longer[LONG + 300];
static size_t longer_length;

static int begun[2], go[2]; /* pipes */
static bool leaving;        /* its handlers leave the sends */
static __thread sigjmp_buf mine;
static pthread_rwlock_t wait_here = PTHREAD_RWLOCK_INITIALIZER;

/* A server that reads no request before all have begun, and it is told to. */
static pid_t start_slow_server(void)
{
    static struct pollfd all[MANY];
    char got[4096], answer[1000];
    int size = sprintf(answer, TEXT "Content-Length: %zu\r\n\r\n" GOT,
                       sizeof(GOT) - 1);
    int fd = socket(AF_INET, SOCK_STREAM, 0), little = 2048;
    socklen_t room = sizeof(to);
    pid_t child;

    to.sin_port = 0;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little));
    if (bind(fd, (struct sockaddr *)&to, room) != 0 || listen(fd, MANY) != 0 ||
        getsockname(fd, (struct sockaddr *)&to, &room) != 0)
        exit(3);
    child = fork();
    if (child) {
        close(fd);
        return child;
    }
    for (int i = 0; i < MANY; i++)
        all[i] = (struct pollfd){accept(fd, NULL, NULL), POLLIN, 0};
    for (int i = 0; i < MANY; i++)
        poll(&all[i], 1, -1);
    if (write(begun[1], got, 1) != 1 || read(go[0], got, 1) != 1)
        exit(6);
    for (int i = 0; i < MANY; i++) {
        size_t have = 0;
        ssize_t n;

        while (have < longer_length &&
               (n = recv(all[i].fd, got, sizeof(got), 0)) > 0)
            have += (size_t)n;
        send(all[i].fd, answer, (size_t)size, MSG_NOSIGNAL);
    }
    for (;;)
        pause();
}

static void *sends_long(void *fd)
{
    char got[1000] = "";
    size_t have = 0;

    pthread_rwlock_rdlock(&wait_here);
    pthread_rwlock_unlock(&wait_here);
    if (leaving && sigsetjmp(mine, 1) != 0) {
        close((int)(intptr_t)fd);
        return NULL;
    }
    for (size_t put = 0; put < longer_length;) {
        ssize_t n = send((int)(intptr_t)fd, longer + put, longer_length - put,
                         MSG_NOSIGNAL);

        if (n <= 0)
            return fd;
        put += (size_t)n;
    }
    while (!strstr(got, "}}")) {
        ssize_t n =
            recv((int)(intptr_t)fd, got + have, sizeof(got) - 1 - have, 0);

        if (n <= 0)
            return fd;
        have += (size_t)n;
    }
    return NULL;
}

static void counts(int number)
{
    (void)number;
    __atomic_add_fetch(&came, 1, __ATOMIC_RELAXED);
    if (leaving)
        siglongjmp(mine, 1);
}

/* The process gets `more` bytes beside those that it has; 0: as it likes. */
static void limit_memory(size_t more)
{
    struct rlimit most = {RLIM_INFINITY, RLIM_INFINITY};
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long pages = 0;

    if (!file || fscanf(file, "%lu", &pages) != 1)
        exit(3);
    fclose(file);
    if (more)
        most.rlim_cur = pages * (unsigned long)getpagesize() + more;
    setrlimit(RLIMIT_AS, &most);
}

/* All threads are in a send at once, and get a signal there. */
static void places(void)
{
    struct sigaction action = {.sa_handler = counts, .sa_flags = SA_RESTART};
    const struct sockaddr_in before = to;
    struct rlimit files;
    pthread_attr_t small;
    pthread_t threads[MANY];
    int fds[MANY], little = 4096, failed = 0, fd;
    pid_t server;
    char byte;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    longer_length = (size_t)sprintf(
        longer,
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n" LEAD
        "%0*d\"}]}",
        sizeof(LEAD "\"}]}") - 1 + LONG, LONG, 0);
    if (pipe(begun) != 0 || pipe(go) != 0)
        exit(3);
    server = start_slow_server();
    sigaction(SIGUSR1, &action, NULL);
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    for (int i = 0; i < MANY; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
        if (connect(fds[i], (struct sockaddr *)&to, sizeof(to)) != 0)
            exit(3);
    }
    pthread_rwlock_wrlock(&wait_here);
    for (int i = 0; i < MANY; i++)
        if (pthread_create(&threads[i], &small, sends_long,
                           (void *)(intptr_t)fds[i]) != 0)
            exit(5);
    if (leaving)
        limit_memory(4 << 20);
    pthread_rwlock_unlock(&wait_here);
    if (read(begun[0], &byte, 1) != 1)
        exit(6);
    for (int i = 0; i < MANY; i++) {
        pthread_kill(threads[i], SIGUSR1);
        while (came <= i && (leaving || i == MANY - 1))
            usleep(100);
    }
    limit_memory(0);
    if (write(go[1], &byte, 1) != 1)
        exit(6);
    for (int i = 0; i < MANY; i++) {
        void *how;

        pthread_join(threads[i], &how);
        failed += how != NULL;
        if (!leaving)
            close(fds[i]);
    }
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    to = before;
    fd = dial();
    for (int i = 0; i < 3; i++)
        failed += !ask(fd);
    close(fd);
    printf("signals: %d, failed: %d\n", (int)came, failed);
}

static void calls_of(int count)
{
    for (int i = 0; i < count; i++) {
        int fd = dial();

        if (!ask(fd))
            printf("failed\n");
        close(fd);
    }
}

/* There is no memory for the places of all, and the handlers leave the sends.
 */
static void unplaced(void)
{
    calls_of(1); /* the process's first call loads the core */
    leaving = true;
    places();
}

/* ---- a send that is left --------------------------------------------------
 */

/* Waits until the thread waits in the kernel, for its send, and signals it. */
static void *interrupts(void *unused)
{
    char path[64], got[512], *state;

    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)sender);
    for (int asleep = 0; asleep < 20;) {
        FILE *file = fopen(path, "r");
        size_t n = file ? fread(got, 1, sizeof(got) - 1, file) : 0;

        got[n] = '\0';
        state = strrchr(got, ')');
        asleep = may_jump && state && state[2] == 'S' ? asleep + 1 : 0;
        if (file)
            fclose(file);
        usleep(1000);
    }
    pthread_kill(whose, SIGUSR1);
    return unused;
}

static void leave_send(int fd, const char *bytes, size_t size)
{
    pthread_t thread;

    sender = (pid_t)syscall(SYS_gettid);
    may_jump = 0;
    pthread_create(&thread, NULL, interrupts, NULL);
    if (sigsetjmp(back, 1) == 0) {
        may_jump = 1;
        send(fd, bytes, size, MSG_NOSIGNAL);
        printf("sent\n");
    }
    may_jump = 0;
    pthread_join(thread, NULL);
}

/* Of a request that a handler leaves the kernel takes nothing, since nobody
 * accepts the connection; or a part, since nobody reads it; the same behind a
 * call. The last one is no call's. */
static void left(void)
{
    static char large[8 << 20];
    struct sockaddr_in there = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(there);
    int listens = socket(AF_INET, SOCK_STREAM, 0), fds[12], fd;
    int head = sprintf(large,
                       "POST /v1/chat/completions HTTP/1.1\r\n"
                       "Host: localhost\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\n\r\n" LEAD,
                       sizeof(large));

    memset(large + head, 'x', sizeof(large) - (size_t)head);
    signal(SIGUSR1, leaves);
    whose = pthread_self();
    if (bind(listens, (struct sockaddr *)&there, size) != 0 ||
        listen(listens, 5) != 0 ||
        getsockname(listens, (struct sockaddr *)&there, &size) != 0)
        exit(3);
    for (int i = 0; i < 12; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fds[i], (struct sockaddr *)&there, sizeof(there));
        fcntl(fds[i], F_SETFL, 0);
    }
    leave_send(fds[11], text, length);
    leave_send(fds[0], large, sizeof(large));
    for (int i = 0; i < 12; i++)
        close(fds[i]);
    slow = 0;
    fd = dial();
    printf("answered: %d\n", ask(fd));
    leave_send(fd, large, sizeof(large));
    close(fd);
    close(listens);
}

/* ---- children of threads, while others send ------------------------------
 */

static void *calls_amid(void *unused)
{
    calls_of(20);
    return unused;
}

static void *forks_amid(void *unused)
{
    for (int i = 0; i < 4; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            calls_of(3);
            exit(0);
        }
        waitpid(pid, NULL, 0);
    }
    return unused;
}

static void amid(void)
{
    pthread_t threads[48];

    fflush(stdout);
    slow = 0;
    calls_of(1); /* the process's first call loads the core */
    for (int i = 0; i < 48; i++)
        if (pthread_create(&threads[i], NULL, i < 32 ? calls_amid : forks_amid,
                           NULL) != 0)
            exit(5);
    for (int i = 0; i < 48; i++)
        pthread_join(threads[i], NULL);
}

static void *beside(void *unused)
{
    for (int i = 0; i < 3; i++) {
        calls_on();
        allocates();
    }
    return unused;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*act)(void);
    } acts[] = {{"sends", sends},
                {"writes", writes},
                {"connects", connects},
                {"copies", copies},
                {"forks", forks}},
      alone[] = {{"set", set},
                 {"queue", queue},
                 {"jumped", jumped},
                 {"order", order},
                 {"order_jumps", order_jumps},
                 {"order_forks", order_forks},
                 {"order_full", order_full},
                 {"order_waits", order_waits},
                 {"places", places},
                 {"unplaced", unplaced},
                 {"amid", amid},
                 {"left", left}};
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART},
                     was;
    const char *what = argc > 2 ? argv[1] : "",
               *where = argc > 2 ? argv[2] : "";
    bool jumping = strncmp(what, "jumps", 5) == 0;
    pthread_t others[3];
    pid_t server;
    int n = strcmp(where, "threads") == 0 ? 3 : 0, fd;
    double until;

    library = argc > 3 ? argv[3] : "libanl.so.1";
    slow = jumping ? 1 : 0;
    server = start_server();
    for (size_t i = 0; i < sizeof(alone) / sizeof(*alone); i++)
        if (strcmp(what, alone[i].name) == 0) {
            alone[i].act();
            kill(server, SIGKILL);
            return 0;
        }
    for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++)
        if (strcmp(what, acts[i].name) == 0)
            act = acts[i].act;
    if (!jumping && !act)
        return 2;
    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGALRM, NULL, &was);
    printf("its handler: %s\n",
           was.sa_handler == on_alarm &&
                   (was.sa_flags & (SA_RESTART | SA_SIGINFO)) == SA_RESTART
               ? "yes"
               : "no");
    if (act) {
        its = dial();
        /* "first": the handler makes the process's first call. */
        if (strcmp(where, "first") != 0 && !ask(its))
            printf("no answer\n");
        fcntl(its, F_SETFL, O_NONBLOCK);
    }
    for (int i = 0; i < n; i++)
        pthread_create(&others[i], NULL, beside, NULL);
    until = now() + 0.5;
    if (jumping)
        jump_about(strcmp(where, "read") == 0, strcmp(where, "connect") == 0);
    else
        tick(act == forks ? 50000 : 500);
    for (int i = 0; act && (i < 5 || ran < 3 || now() < until); i++)
        if (strcmp(where, "dlopen") == 0)
            loads();
        else if (strcmp(where, "calls") != 0)
            allocates();
        else if (i < 5)
            calls_on();
        else
            usleep(1000);
    tick(0);
    for (int i = 0; i < n; i++)
        pthread_join(others[i], NULL);
    act = NULL;
    may_jump = 0;
    fd = dial();
    for (int i = 0; i < 3; i++)
        printf("answered: %s\n", ask(fd) ? "yes" : "no");
    close(fd);
    if (its >= 0)
        close(its);
    printf("ran: %s\n", ran > 2 ? "yes" : "no");
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    return 0;
}
