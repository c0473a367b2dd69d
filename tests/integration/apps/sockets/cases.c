/* cases NAME PORT: a client of plain HTTP that uses its sockets as programs
 * may, though few do. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#ifdef __GLIBC__
#include <ucontext.h>
#endif

#include "plain.h"

#define LARGE 3000000
#define CLOSE_RANGE \
    436 /* the system call, which has no name in older headers */

static void read_answer(int fd)
{
    answer((void *)(intptr_t)fd);
}

static void call(int fd)
{
    send_model(fd, "gpt-test");
    read_answer(fd);
}

static void plain(void)
{
    int fd = dial();

    call(fd);
    call(fd);
    close(fd);
}

/* Reads to the end of an answer, by pieces of two buffers. */
static void read_vectors(int fd, bool by_message)
{
    char got[4096] = "", one[7], two[300];
    size_t len = 0;

    while (!strstr(got, "}}") && len + sizeof(one) + sizeof(two) < 4096) {
        struct iovec parts[] = {{one, sizeof(one)}, {two, sizeof(two)}};
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
        ssize_t n = by_message ? recvmsg(fd, &message, 0) : readv(fd, parts, 2);
        size_t first = n < (ssize_t)sizeof(one) ? (size_t)n : sizeof(one);

        if (n <= 0)
            break;
        memcpy(got + len, one, first);
        memcpy(got + len + first, two, (size_t)n - first);
        len += (size_t)n;
    }
    printf("%.12s\n", got);
}

/* Each call by other functions; the vectors have an empty piece, too. */
static void functions(void)
{
    int fd = dial();
    size_t len;
    char *text = request("gpt-test", 1, &len), got[4096] = "";
    struct iovec parts[] = {
        {text, 3}, {text + 3, 0}, {text + 3, 200}, {text + 203, len - 203}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 4};

    if (write(fd, text, 60) != 60 || write(fd, text + 60, len - 60) < 0)
        exit(4);
    for (int all = 0; !strstr(got, "}}");)
        all += (int)read(fd, got + all, 500);
    printf("%.12s\n", got);
    if (writev(fd, parts, 4) != (ssize_t)len)
        exit(4);
    read_vectors(fd, false);
    if (sendmsg(fd, &message, 0) != (ssize_t)len)
        exit(4);
    read_vectors(fd, true);
    if (sendto(fd, text, len, 0, NULL, 0) != (ssize_t)len)
        exit(4);
    memset(got, 0, sizeof(got));
    for (int all = 0; !strstr(got, "}}");)
        all += (int)recvfrom(fd, got + all, 1000, 0, NULL, NULL);
    printf("%.12s\n", got);
    free(text);
    close(fd);
}

/* Byte by byte, each of which it looks at before. */
static void bytes(void)
{
    int fd = dial();
    size_t len;
    char *text = request("gpt-test", 1, &len), got[4096] = "", next;

    for (size_t i = 0; i < len; i++)
        send(fd, text + i, 1, MSG_NOSIGNAL);
    for (int n = 0; !strstr(got, "}}"); n++)
        if (recv(fd, &next, 1, MSG_PEEK) != 1 || recv(fd, got + n, 1, 0) != 1 ||
            got[n] != next)
            exit(4);
    printf("%.12s\n", got);
    free(text);
    close(fd);
}

/* Of nothing, and of what cannot be: the connection goes on. */
static void of_nothing(void)
{
    int fd = dial();
    char byte;
    struct iovec parts[1025] = {{&byte, 1}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 1025};

    send(fd, "", 0, 0);
    send_model(fd, "gpt-test");
    send(fd, "", 0, 0);
    recv(fd, &byte, 0, 0);
    read(fd, &byte, 0);
    printf("%zd", send(fd, NULL, 10, 0));
    printf(" %d\n", errno);
    printf("%zd", recvmsg(fd, &message, 0));
    printf(" %d\n", errno);
    read_answer(fd);
    printf("%zd", recv(fd, &byte, 1, MSG_DONTWAIT));
    printf(" %d\n", errno);
    call(fd);
    close(fd);
}

/* A connect in progress fails, and the program connects the same descriptor
 * again, which the kernel refuses once; then it gives a connection up within a
 * request, and uses the descriptor for another. */
static void again(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons(1)};
    struct pollfd ready = {fd, POLLOUT, 0};

    printf("%d", connect(fd, (struct sockaddr *)&to, sizeof(to)));
    poll(&ready, 1, 2000);
    printf(" %zd %d\n", send(fd, "POST /v1/embeddings HTTP/1.1\r\n", 30, 0),
           errno);
    fcntl(fd, F_SETFL, 0);
    to.sin_port = htons((uint16_t)port);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        (void)connect(fd, (struct sockaddr *)&to, sizeof(to));
    call(fd);
    call(fd);
    send(fd, "POST /v1/embeddings HTTP/1.1\r\n", 30, 0);
    printf("%d\n", connect(fd, &(struct sockaddr){.sa_family = AF_UNSPEC},
                           sizeof(struct sockaddr)));
    (void)connect(fd, (struct sockaddr *)&to, sizeof(to));
    call(fd);
    close(fd);
}

/* The program asks once more for a connection in progress, after its request:
 * the kernel says that it is there, and then that it was. */
static void asked_again(void)
{
    for (int i = 0; i < 4; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), first;
        struct sockaddr_in to = {.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                 .sin_port = htons((uint16_t)port)};

        first = connect(fd, (struct sockaddr *)&to, sizeof(to));
        if (i % 2 && first != 0)
            (void)connect(fd, (struct sockaddr *)&to, sizeof(to));
        poll(&(struct pollfd){fd, POLLOUT, 0}, 1, 2000);
        send_model(fd, "gpt-test");
        for (int k = 0; k < 2 && i != 1; k++)
            first = connect(fd, (struct sockaddr *)&to, sizeof(to));
        printf("%d\n", i != 1 && first == -1 && errno == EISCONN);
        fcntl(fd, F_SETFL, 0);
        read_answer(fd);
        if (i == 3) { /* and then another one of the same socket */
            send(fd, "POST /v1/embeddings HTTP/1.1\r\n", 30, 0);
            (void)connect(fd, &(struct sockaddr){.sa_family = AF_UNSPEC},
                          sizeof(struct sockaddr));
            printf("%d\n", connect(fd, (struct sockaddr *)&to, sizeof(to)));
        }
        call(fd);
        close(fd);
    }
}

/* Memory that the kernel refuses, between calls and in the middle of one. */
static void of_place(int fd, void *nowhere)
{
    volatile int less = -1;
    volatile size_t most = SIZE_MAX;
    struct iovec parts[] = {{"POST", 4}, {nowhere, 10}};
    struct msghdr message = {.msg_iov = parts + 1, .msg_iovlen = 1};

    call(fd);
    for (int i = 0; i < 2; i++) {
        printf("%zd %zd", send(fd, nowhere, 10, 0), write(fd, parts, most));
        printf(" %zd %zd", sendmsg(fd, NULL, 0), sendmsg(fd, &message, 0));
        printf(" %zd %zd", writev(fd, parts, less), writev(fd, nowhere, 1));
        printf(" %zd %zd", writev(fd, parts, 2), sendmsg(fd, nowhere, 0));
        printf(" %zd %d\n", recvmsg(fd, nowhere, 0), errno);
        if (i == 0)
            send_model(fd, "gpt-test");
        poll(&(struct pollfd){fd, POLLIN, 0}, 1, 2000);
        printf("%zd %d", recv(fd, nowhere, 10, MSG_DONTWAIT), errno);
        printf(" %zd", readv(fd, parts + 1, 1));
        printf(" %zd %d\n", recvmsg(fd, &message, MSG_DONTWAIT), errno);
    }
    read_answer(fd);
}

/* The kernel takes the beginning of a request, whose rest is elsewhere: the
 * connection is followed no more. */
static void of_half(int fd, char *whole, size_t size)
{
    char *rest = request("gpt-test", 2 * LARGE, &(size_t){0});
    size_t len = strlen(rest);
    ssize_t put;

    memcpy(whole, rest, size);
    put = send(fd, whole, len, 0);
    printf("a part: %d\n", put > 0 && (size_t)put <= size);
    while (put >= 0 && (size_t)put < len)
        put += send(fd, rest + put, len - (size_t)put, 0);
    read_answer(fd);
    free(rest);
}

static void of_nowhere(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = LARGE / page * page;
    char *pages = mmap(NULL, size + 2 * page, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = dial();

    if (mprotect(pages + size, page, PROT_NONE) != 0 ||
        munmap(pages + size + page, page) != 0)
        exit(3);
    of_place(fd, (void *)8);
    of_place(fd, pages + size);
    of_place(fd, pages + size + page);
    of_half(fd, pages, size);
    call(fd);
    close(fd);
}

/* The bytes of an answer are thrown away; the next one is read. */
static void truncated(void)
{
    int fd = dial(), waits = 1;

    send_model(fd, "gpt-test");
    poll(&(struct pollfd){fd, POLLIN, 0}, 1, 2000);
    usleep(50000);
    waits = recv(fd, NULL, 100000, MSG_TRUNC | MSG_DONTWAIT) > 300;
    printf("thrown away: %d\n", waits);
    call(fd);
    close(fd);
}

/* An answer that came, and was only looked at. */
static void looked_at(void)
{
    int fd = dial();
    char got[100];

    send_model(fd, "gpt-test");
    for (int i = 0; i < 3; i++)
        printf("%d\n", (int)recv(fd, got, 12, MSG_PEEK));
    close(fd);
}

static void pipelined(void)
{
    int fd = dial();
    size_t len;
    char *text = request("gpt-test", 1, &len), *all = malloc(50 * len);

    for (size_t i = 0; i < 50; i++)
        memcpy(all + i * len, text, len);
    for (size_t off = 0; off < 50 * len;)
        off += (size_t)send(fd, all + off, 50 * len - off, 0);
    for (int i = 0; i < 50; i++)
        read_answer(fd);
    free(all);
    free(text);
    close(fd);
}

static void *reads_all(void *link)
{
    for (int i = 0; i < 24; i++)
        answer(link);
    return NULL;
}

/* One thread sends, another receives. */
static void both_at_work(bool before)
{
    int fd;
    void *link = open_link(&fd);
    pthread_t reader;

    if (!before)
        call(fd);
    pthread_create(&reader, NULL, reads_all, link);
    if (before)
        usleep(20000);
    for (int i = 0; i < 24; i++)
        send_one(link);
    pthread_join(reader, NULL);
    close(fd);
}

static void duplex(void)
{
    both_at_work(false);
}

/* The one that receives waits before the process has sent anything. */
static void waits_first(void)
{
    both_at_work(true);
}

/* As much as the kernel takes of a request that has no room. */
static void partial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), few = 8192, tries = 0;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    size_t len;
    char *text = request("gpt-test", LARGE, &len), got[4096] = "";

    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &few, sizeof(few));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 &&
        errno != EINPROGRESS)
        exit(3);
    for (size_t off = 0; off < len;) {
        ssize_t n = send(fd, text + off, len - off, 0);

        if (n < 0 && errno != EAGAIN)
            exit(4);
        off += n > 0 ? (size_t)n : 0;
        tries += n < 0;
        if (n < 0)
            poll(&(struct pollfd){fd, POLLOUT, 0}, 1, 2000);
    }
    for (int all = 0, n; !strstr(got, "}}"); all += n > 0 ? n : 0)
        if ((n = (int)recv(fd, got + all, 100, 0)) < 0)
            poll(&(struct pollfd){fd, POLLIN, 0}, 1, 2000);
    printf("waited: %s, %.12s\n", tries > 0 ? "yes" : "no", got);
    free(text);
    close(fd);
}

static void keeps_errno(void)
{
    int fd, copy;

    errno = 77;
    fd = dial();
    send_model(fd, "gpt-test");
    copy = dup(fd);
    printf("errno %d\n", errno);
    read_answer(fd);
    close(fd);
    close(copy);
    printf("errno %d\n", errno);
}

/* ---- who has the connection ------------------------------------------------
 */

/* A child uses its parent's connection; then one that is in a call. */
static void forks(void)
{
    int fd = dial();

    call(fd);
    fflush(stdout);
    if (fork() == 0) {
        call(fd);
        exit(0);
    }
    wait(NULL);
    close(fd);
    fd = dial();
    send_model(fd, "gpt-test");
    fflush(stdout);
    if (fork() == 0) {
        close(fd);
        exit(0);
    }
    wait(NULL);
    read_answer(fd);
    close(fd);
}

/* A child reads its parent's answer, and asks again. */
static void child_reads(void)
{
    int fd = dial();

    send_model(fd, "gpt-test");
    fflush(stdout);
    if (fork() == 0) {
        read_answer(fd);
        call(fd);
        exit(0);
    }
    wait(NULL);
    close(fd);
}

/* Children that share the memory close all, and put others in their place. */
static void vforks(void)
{
    int fd = dial(), null = open("/dev/null", O_RDWR);

    for (int i = 0; i < 4; i++) {
        pid_t child;

        send_model(fd, "gpt-test");
        child = vfork();
        if (child == 0) {
            if (i == 0)
                close(fd);
            else if (i == 1)
                dup2(null, fd);
            else if (i == 2)
                syscall(CLOSE_RANGE, 3U, 100U, 0);
            else
                execl("/bin/true", "true", NULL);
            _exit(0);
        }
        waitpid(child, NULL, 0);
        read_answer(fd);
    }
    close(fd);
}

/* Bytes of a request into a pipe that has this number. */
static void into_pipe(int number)
{
    int ends[2], from;
    size_t len;
    char *text = request("gpt-test", 1, &len), *got = malloc(len);

    if (pipe(ends) != 0)
        exit(3);
    from = fcntl(ends[0], F_DUPFD, 100);
    while (ends[1] != number && dup2(ends[1], number) != number)
        if (errno != EBUSY) /* another thread opens something there */
            exit(3);
    if (write(number, text, len) != (ssize_t)len ||
        read(from, got, len) != (ssize_t)len)
        printf("a pipe lost bytes\n");
    close(from);
    close(ends[0]);
    close(ends[1]);
    close(number);
    free(got);
    free(text);
}

/* The connection ends unseen, or by another that takes its number. */
static void ended_unseen(void)
{
    int fd;
    char byte;

    for (int i = 0; i < 4; i++) {
        fd = dial();
        call(fd);
        if (i == 0)
            syscall(CLOSE_RANGE, (unsigned)fd, (unsigned)fd, 0);
        else if (i == 1)
            syscall(SYS_close, fd);
        else if (i == 2)
            fclose(fdopen(fd, "r"));
        into_pipe(fd);
    }
    fd = dial();
    send_model(fd, "gpt-test");
    recv(fd, &byte, 1, 0);
    into_pipe(fd); /* in the middle of an answer */
}

static void copies(void)
{
    int fd = dial(), other = dup(fd);

    close(fd);
    call(other);
    fd = fcntl(other, F_DUPFD_CLOEXEC, 50);
    call(other);
    close(other);
    call(fd);
    other = dup2(fd, 60);
    close(fd);
    call(other);
    fd = dup3(other, 61, O_CLOEXEC);
    send_model(other, "gpt-test");
    close(other);
    read_answer(fd);
    printf("%d\n", dup2(fd, fd));
    call(fd);
    close(fd);
}

/* Another number gets the connection by a message. */
static int pass(int fd)
{
    int ends[2];
    char room[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = room,
                             .msg_controllen = sizeof(room)};
    struct cmsghdr *control = CMSG_FIRSTHDR(&message);

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        exit(3);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(control), &fd, sizeof(fd));
    if (sendmsg(ends[0], &message, 0) != 1)
        exit(4);
    message.msg_controllen = sizeof(room);
    if (recvmsg(ends[1], &message, 0) != 1)
        exit(4);
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
    close(ends[0]);
    close(ends[1]);
    return fd;
}

/* All that the other number sends is not seen. */
static void passed(void)
{
    int fd = dial(), other = pass(fd);

    close(fd);
    call(other);
    close(other);
}

/* Of eight threads: numbers are pipes', files' and connections' in turn, which
 * end in ways that are seen and that are not, and all get bytes of a request.
 */
static void *shares_numbers(void *unused)
{
    size_t len;
    char *text = request("gpt-test", 1, &len);

    for (int i = 0; i < 64; i++) {
        int ends[2] = {-1, -1}, fd;

        if (i % 8 == 7) {
            fd = dial();
            send_model(fd, "gpt-test");
            for (char got[4096] = ""; !strstr(got, "}}");)
                if (recv(fd, got + strlen(got), 1000, 0) <= 0)
                    exit(4);
            if (i % 3 == 0)
                close(fd);
            else if (i % 3 == 1)
                syscall(SYS_close, fd);
            else
                syscall(CLOSE_RANGE, (unsigned)fd, (unsigned)fd, 0);
            continue;
        }
        if (i % 3 == 0   ? pipe(ends)
            : i % 3 == 1 ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends)
                         : (ends[1] = memfd_create("f", 0)) < 0)
            exit(3);
        if ((i % 2 ? write(ends[1], text, len)
                   : writev(ends[1], &(struct iovec){text, len}, 1)) !=
            (ssize_t)len)
            exit(4);
        close(ends[1]);
        if (ends[0] >= 0)
            close(ends[0]);
    }
    free(text);
    return unused;
}

static void numbers(void)
{
    pthread_t all[8];

    for (int i = 0; i < 8; i++)
        pthread_create(&all[i], NULL, shares_numbers, NULL);
    for (int i = 0; i < 8; i++)
        pthread_join(all[i], NULL);
}

/* ---- what interrupts a call ------------------------------------------------
 */

static int written; /* a pipe that nobody empties */
static volatile sig_atomic_t alarms;

static void writes_in_handler(int number)
{
    static const char text[] = "POST /v1/chat/completions HTTP/1.1\r\n"
                               "Host: localhost\r\nContent-Length: 2\r\n\r\n{}";
    int before = errno;

    (void)number;
    alarms++;
    if (write(written, text, sizeof(text) - 1) < 0)
        errno = before;
}

static void signals(void)
{
    struct sigaction action = {.sa_handler = writes_in_handler,
                               .sa_flags = SA_RESTART};
    struct itimerval often = {{0, 300}, {0, 300}}, never = {{0, 0}, {0, 0}};
    int fd, ends[2];

    if (pipe2(ends, O_NONBLOCK) != 0)
        exit(3);
    written = ends[1];
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < 10; i++) {
        fd = dial();
        call(fd);
        send_model(fd, "gpt-test");
        read_answer(fd);
        close(fd);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    printf("signals: %s\n", alarms > 0 ? "yes" : "no");
}

static sigjmp_buf back;

static void jumps(int number)
{
    siglongjmp(back, number);
}

/* A handler leaves the call that waits: a limit of time as old programs have.
 */
static void jumped(void)
{
    struct sigaction action = {.sa_handler = jumps};
    struct itimerval soon = {{0, 0}, {0, 50000}};
    int fd = dial();
    char byte;

    call(fd);
    sigaction(SIGALRM, &action, NULL);
    if (sigsetjmp(back, 1) == 0) {
        setitimer(ITIMER_REAL, &soon, NULL);
        printf("%d\n", (int)recv(fd, &byte, 1, 0));
    }
    call(fd);
    close(fd);
}

static void *waits_for_ever(void *link)
{
    char byte;

    read_some(link, &byte, 1);
    return link;
}

/* A thread is cancelled while it waits; another goes on. */
static void cancelled(void)
{
    int fd;
    void *link = open_link(&fd), *got = NULL;
    pthread_t thread;

    call(fd);
    pthread_create(&thread, NULL, waits_for_ever, link);
    usleep(50000);
    pthread_cancel(thread);
    pthread_join(thread, &got);
    printf("cancelled: %s\n", got == PTHREAD_CANCELED ? "yes" : "no");
    call(fd);
    close(fd);
}

/* ---- a filter --------------------------------------------------------------
 */

#define STEP(...) steps[count++] = (struct sock_filter)__VA_ARGS__

/* Kills for what the program itself does not ask the kernel. */
static void filter(void)
{
    static const int denied[] = {SYS_fstat, SYS_getpid, SYS_getsockopt,
                                 SYS_newfstatat, SYS_statx};
    struct sock_filter steps[16];
    struct sock_fprog program = {0, steps};
    unsigned short count = 0;

    STEP(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
    for (size_t i = 0; i < sizeof(denied) / sizeof(*denied); i++) {
        STEP(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)denied[i], 0, 1));
        STEP(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
    }
    STEP(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    program.len = count;
    printf("filtered\n");
    fflush(stdout);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        exit(3);
}

static void filter_first(void)
{
    filter();
    plain();
    fflush(stdout);
    _exit(0);
}

/* In the middle of a call, on a connection that another follows. */
static void filter_between(void)
{
    int fd = dial();

    call(fd);
    send_model(fd, "gpt-test");
    filter();
    read_answer(fd);
    call(fd);
    close(fd);
    plain();
    fflush(stdout);
    _exit(0);
}

#include "ends.h"

/* ---- what is no call --------------------------------------------------------
 */

static void no_http(void)
{
    int fd = dial();
    size_t len;
    char *text = request("gpt-test", 1, &len);

    send(fd, "EHLO me\r\n", 9, MSG_NOSIGNAL);
    send(fd, text, len, MSG_NOSIGNAL);
    close(fd);
    free(text);
}

static void *serves(void *listens)
{
    int fd = accept(of(listens), NULL, NULL);
    char got[4096];

    if (recv(fd, got, sizeof(got), 0) > 0)
        send(fd, reply, sizeof(reply) - 1, 0);
    close(fd);
    return NULL;
}

/* A call to a server in the same process. */
static void accepts(void)
{
    struct sockaddr_in at;
    int listens = listener(&at), fd = socket(AF_INET, SOCK_STREAM, 0);
    pthread_t thread;

    pthread_create(&thread, NULL, serves, (void *)(intptr_t)listens);
    if (connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
        exit(3);
    call(fd);
    pthread_join(thread, NULL);
    close(fd);
    close(listens);
}

/* A datagram, a connection that nobody takes, a pair. */
static void others(void)
{
    struct sockaddr_in at;
    int closed = listener(&at), fd = socket(AF_INET, SOCK_DGRAM, 0), pair[2];
    size_t len;
    char *text = request("gpt-test", 1, &len);

    close(closed);
    printf("%d\n", connect(fd, (struct sockaddr *)&at, sizeof(at)));
    printf("%d\n", (int)send(fd, text, len, 0) > 0);
    close(fd);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    printf("%d", connect(fd, (struct sockaddr *)&at, sizeof(at)));
    printf(" %d", errno);
    printf(" %d", (int)send(fd, text, len, MSG_NOSIGNAL));
    printf(" %d\n", errno);
    close(fd);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        exit(3);
    printf("%d\n", (int)send(pair[0], text, len, 0) > 0);
    close(pair[0]);
    close(pair[1]);
    free(text);
}

/* ---- HTTP/2 ----------------------------------------------------------------
 */

static size_t add_frame(char *to, int kind, int flags, unsigned stream,
                        const char *bytes, size_t len)
{
    const char head[] = {
        0, (char)(len >> 8), (char)len, (char)kind, (char)flags, 0, 0,
        0, (char)stream};

    memcpy(to, head, sizeof(head));
    memcpy(to + sizeof(head), bytes, len);
    return sizeof(head) + len;
}

#define ASKED_ALL 30
static unsigned asked_now; /* atomic */

static void *opens_windows(void *link)
{
    char window[20];
    size_t len = add_frame(window, 8, 0, 0, "\0\0\0\1", 4);

    /* No more than the library keeps while the other thread does not run. */
    for (unsigned sent = 0, asked;
         (asked = __atomic_load_n(&asked_now, __ATOMIC_RELAXED)) < ASKED_ALL;)
        if (sent > (asked + 1) * 200)
            usleep(20);
        else if (sent++, send(of(link), window, len, 0) != (ssize_t)len)
            exit(4);
    return NULL;
}

/* Two threads send whole frames on one connection at once. */
static void frames_at_once(void)
{
    static const char block[] =
        "\x83\x86\x04\x14/v1/chat/completions\x01\x09localhost\x0f\x10\x10"
        "application/json";
    static const char body[] = "{\"model\": \"gpt-test\", \"messages\": "
                               "[{\"role\": \"user\", \"content\": \"hi\"}]}";
    char out[1000] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", head[9], got[70000];
    size_t len = 24;
    pthread_t thread;
    int fd = dial(), ended = 0;

    len += add_frame(out + len, 4, 0, 0, "", 0);
    send(fd, out, len, 0);
    pthread_create(&thread, NULL, opens_windows, (void *)(intptr_t)fd);
    for (unsigned i = 0; i < ASKED_ALL; i++) {
        len = add_frame(out, 1, 4, 2 * i + 1, block, sizeof(block) - 1);
        len += add_frame(out + len, 0, 1, 2 * i + 1, body, sizeof(body) - 1);
        if (send(fd, out, len, 0) != (ssize_t)len)
            exit(4);
        usleep(500);
        __atomic_store_n(&asked_now, i + 1, __ATOMIC_RELAXED);
    }
    pthread_join(thread, NULL);
    while (ended < ASKED_ALL && recv(fd, head, 9, MSG_WAITALL) == 9) {
        size_t size =
            (size_t)(unsigned char)head[1] << 8 | (unsigned char)head[2];

        if (size > 0 && recv(fd, got, size, MSG_WAITALL) != (ssize_t)size)
            exit(4);
        ended += head[3] <= 1 && head[4] & 1;
    }
    printf("%d\n", ended);
    close(fd);
}

/* ---- what goes past ---------------------------------------------------------
 */

/* The body is a file that the kernel sends. */
static void sent_file(void)
{
    int fd = dial(), file = memfd_create("body", 0);
    size_t len;
    char *text = request("gpt-test", 1, &len);
    char *body = strstr(text, "\r\n\r\n") + 4;
    off_t from = 0;

    if (write(file, body, (size_t)(text + len - body)) < 0)
        exit(3);
    send(fd, text, (size_t)(body - text), MSG_MORE);
    if (sendfile(fd, file, &from, (size_t)(text + len - body)) <= 0)
        exit(4);
    read_answer(fd);
    call(fd);
    close(fd);
    close(file);
    free(text);
}

static ssize_t read_in_message(int fd, char *to, size_t len)
{
    struct iovec part = {to, len};
    struct mmsghdr one = {{.msg_iov = &part, .msg_iovlen = 1}, 0};

    return recvmmsg(fd, &one, 1, 0, NULL) == 1 ? (ssize_t)one.msg_len : -1;
}

static ssize_t read_by_kernel(int fd, char *to, size_t len)
{
    return syscall(SYS_recvfrom, fd, to, len, 0, NULL, NULL);
}

static ssize_t read_by_stdio(int fd, char *to, size_t len)
{
    FILE *file = fdopen(dup(fd), "r");
    ssize_t got = fgets(to, (int)len, file) ? (ssize_t)strlen(to) : -1;

    fclose(file);
    return got;
}

static ssize_t read_by_pipe(int fd, char *to, size_t len)
{
    int ends[2];
    ssize_t got;

    if (pipe(ends) != 0 || splice(fd, NULL, ends[1], NULL, len, 0) <= 0)
        exit(3);
    got = read(ends[0], to, len);
    close(ends[0]);
    close(ends[1]);
    return got;
}

static ssize_t read_passed(int fd, char *to, size_t len)
{
    int other = pass(fd);
    ssize_t got = read(other, to, len);

    close(other);
    return got;
}

/* The program reads its answers by ways that are not seen: no call is aborted.
 * It ends without a close of the last connection. */
static void read_beside(void)
{
    ssize_t (*const ways[])(int, char *, size_t) = {
        read_in_message, read_by_kernel, read_by_pipe,
        read_passed,     read_by_stdio,  read_by_stdio};
    char got[4096];

    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        int fd = dial();

        send_model(fd, "gpt-test");
        poll(&(struct pollfd){fd, POLLIN, 0}, 1, 2000);
        usleep(20000);
        printf("%d %.12s\n", ways[i](fd, got, sizeof(got)) > 12, got);
        if (i == 4)
            fclose(fdopen(fd, "r"));
        else if (i < 4)
            close(fd);
    }
}

/* Of four calls: with flags that change nothing; a body with a byte out of
 * band, of which the server's stream has nothing, and another call behind it.
 */
static void flags(void)
{
    int fd = dial(), on = 1;
    size_t len;
    char *text = request("gpt-test", 1, &len), room[512];
    struct msghdr message = {.msg_control = room,
                             .msg_controllen = sizeof(room)};

    send(fd, text, 100, MSG_MORE);
    send(fd, text + 100, len - 100, MSG_DONTWAIT | MSG_NOSIGNAL);
    read_answer(fd);
    setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on));
    send(fd, text, len, MSG_ZEROCOPY | MSG_CONFIRM);
    poll(&(struct pollfd){fd, POLLIN, 0}, 1, 2000);
    printf("%zd\n", recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT));
    read_answer(fd);
    send(fd, text, len - 10, 0);
    send(fd, "!", 1, MSG_OOB);
    send(fd, text + len - 10, 10, 0);
    read_answer(fd);
    call(fd);
    close(fd);
    free(text);
}

/* The second of three requests is sent by a system call; so is, of two more,
 * the end of the first. */
static void sent_beside(void)
{
    int fd = dial();
    size_t len;
    char *text = request("gpt-test", 1, &len);
    char *body = strstr(text, "\r\n\r\n") + 4;
    size_t head = (size_t)(body - text);

    call(fd);
    syscall(SYS_sendto, fd, text, len, 0, NULL, 0);
    read_answer(fd);
    call(fd);
    close(fd);
    fd = dial();
    send(fd, text, head, 0);
    syscall(SYS_sendto, fd, body, len - head, 0, NULL, 0);
    read_answer(fd);
    call(fd);
    close(fd);
    free(text);
}

#ifdef __GLIBC__
static ucontext_t outside;

static void call_lean(void)
{
    static char text[1000], got[4096];
    size_t len = strlen(text);
    int fd;

    if (!len) { /* made outside */
        char *made = request("gpt-test", 1, &len);

        memcpy(text, made, len);
        free(made);
        return;
    }
    fd = dial();
    for (int i = 0; i < 2; i++) {
        send(fd, text, len, 0);
        memset(got, 0, sizeof(got));
        for (ssize_t all = 0, n; !strstr(got, "}}"); all += n)
            if ((n = recv(fd, got + all, 1000, 0)) <= 0)
                _exit(4);
    }
    close(fd);
}

/* On a stack of 8 KiB, below which nothing can be touched. */
static void little_stack(void)
{
    size_t size = 8192, guard = 65536;
    char *at =
        mmap(NULL, guard + size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ucontext_t inside;

    call_lean();
    mprotect(at + guard, size, PROT_READ | PROT_WRITE);
    getcontext(&inside);
    inside.uc_stack.ss_sp = at + guard;
    inside.uc_stack.ss_size = size;
    inside.uc_link = &outside;
    makecontext(&inside, call_lean, 0);
    swapcontext(&outside, &inside);
    printf("done\n");
}
#else
static void little_stack(void)
{
}
#endif

int main(int argc, char **argv)
{
    static const struct named_case all[] = {
        {"plain", plain},
        {"functions", functions},
        {"bytes", bytes},
        {"of_nothing", of_nothing},
        {"again", again},
        {"asked_again", asked_again},
        {"of_nowhere", of_nowhere},
        {"truncated", truncated},
        {"looked_at", looked_at},
        {"pipelined", pipelined},
        {"ahead", ahead},
        {"duplex", duplex},
        {"waits_first", waits_first},
        {"partial", partial},
        {"keeps_errno", keeps_errno},
        {"one_number", one_address},
        {"threads", threads},
        {"forks", forks},
        {"child_reads", child_reads},
        {"vforks", vforks},
        {"ended_unseen", ended_unseen},
        {"copies", copies},
        {"passed", passed},
        {"numbers", numbers},
        {"signals", signals},
        {"jumped", jumped},
        {"cancelled", cancelled},
        {"exits", exits},
        {"filter_first", filter_first},
        {"filter_between", filter_between},
        {"no_http", no_http},
        {"accepts", accepts},
        {"others", others},
        {"refused", refused},
        {"replaced", replaced},
        {"shut", shut},
        {"unsent_at_exit", unsent_at_exit},
        {"unsent_at_once", unsent_at_once},
        {"unsent_at_kill", unsent_at_kill},
        {"unsent_at_exec", unsent_at_exec},
        {"unsent_by_signal", unsent_by_signal},
        {"sent_later", sent_later},
        {"frames_at_once", frames_at_once},
        {"sent_file", sent_file},
        {"sent_beside", sent_beside},
        {"read_beside", read_beside},
        {"flags", flags},
        {"little_stack", little_stack},
    };

    if (argc != 3)
        return 2;
    port = atoi(argv[2]);
    return run_case(argv[1], all, sizeof(all) / sizeof(*all));
}
