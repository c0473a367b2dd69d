/* listens NAME PORT LIBRARY: a client of plain HTTP that also listens, as a
 * server does, and from then on is no client that anybody follows. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "plain.h"

static const char *program, *library;

static void ask(int fd)
{
    send_one((void *)(intptr_t)fd);
    answer((void *)(intptr_t)fd);
}

static void call(void)
{
    int fd = dial();

    ask(fd);
    close(fd);
}

/* A socket that has an address, and no backlog yet. */
static int bound(struct sockaddr_in *at)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t size = sizeof(*at);

    *at = (struct sockaddr_in){.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(fd, (struct sockaddr *)at, size) != 0 ||
        getsockname(fd, (struct sockaddr *)at, &size) != 0)
        exit(3);
    return fd;
}

static int hear(void)
{
    struct sockaddr_in at;
    int fd = bound(&at);

    printf("listen: %d\n", listen(fd, 5));
    return fd;
}

static void call_twice(void)
{
    call();
    call();
}

static void before(void)
{
    hear();
    call_twice();
}

static void after(void)
{
    call_twice();
    hear();
    call_twice();
}

static void in_mid_answer(void)
{
    int fd = dial();

    send_one((void *)(intptr_t)fd);
    recv(fd, (char[10]){0}, 10, MSG_WAITALL);
    hear();
    answer((void *)(intptr_t)fd);
    call();
    close(fd);
}

/* The listener is made between a request's head and its body. */
static void in_mid_request(void)
{
    int fd = dial();
    size_t len;
    char *text = request("gpt-test", 1, &len);
    size_t head = (size_t)(strstr(text, "\r\n\r\n") + 4 - text);

    send(fd, text, head, 0);
    hear();
    send(fd, text + head, len - head, 0);
    answer((void *)(intptr_t)fd);
    ask(fd);
    call();
    close(fd);
}

/* Over one connection, and one that has sent nothing before. */
static void on_one_connection(void)
{
    int fd = dial(), fresh = dial();

    ask(fd);
    hear();
    ask(fd);
    ask(fresh);
    call();
    close(fd);
    close(fresh);
}

static void *hear_there(void *unused)
{
    hear();
    return unused;
}

static void in_a_thread(void)
{
    pthread_t thread;

    call();
    pthread_create(&thread, NULL, hear_there, NULL);
    pthread_join(thread, NULL);
    call();
}

static void *call_often(void *unused)
{
    for (int i = 0; i < 50; i++)
        call();
    return unused;
}

/* Some calls come before, some after; each is whole or none. */
static void beside_threads(void)
{
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, call_often, NULL);
    usleep(*library ? 0 : 3000);
    for (int i = 0; i < 5; i++)
        listen(bound(&(struct sockaddr_in){0}), 5);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

/* They end by exit, which delivers: a call of a child that ends by _exit is in
 * the store only once a worker that lives has found it. */
static void in_children(void)
{
    fflush(stdout);
    for (int i = 0; i < 2; i++) {
        if (fork() == 0) {
            call();
            if (i == 0)
                before();
            exit(0);
        }
        wait(NULL);
    }
    call();
    hear();
    fflush(stdout);
    if (fork() == 0) {
        call();
        exit(0);
    }
    wait(NULL);
}

/* A program begins anew. */
static void then_executes(void)
{
    char text[12];

    hear();
    call();
    fflush(stdout);
    sprintf(text, "%d", port);
    execl(program, program, "twice", text, "", (char *)0);
}

/* Another process has called listen: the number comes by an exec. */
static void activated(void)
{
    int fd = 9;

    call();
    if (fork() == 0) {
        struct sockaddr_in to;
        socklen_t size = sizeof(to);
        int own = socket(AF_INET, SOCK_STREAM, 0);

        getsockname(fd, (struct sockaddr *)&to, &size);
        _exit(connect(own, (struct sockaddr *)&to, size) != 0 ||
              recv(own, (char[1]){0}, 1, 0) != 0);
    }
    close(accept(fd, NULL, NULL));
    wait(NULL);
    call_twice();
}

static void activates(void)
{
    char text[12];

    dup2(hear(), 9);
    fflush(stdout);
    sprintf(text, "%d", port);
    execl(program, program, "activated", text, "", (char *)0);
}

static void by_a_library(void)
{
    void *handle = dlopen(library, RTLD_NOW);
    int (*serve)(void) = (int (*)(void))dlsym(handle, "serve");

    call();
    printf("serve: %d\n", serve());
    call();
}

/* Its calls are seen whether it listens or not, as those of a worker of NGINX
 * Unit. */
static void then_php(void)
{
    hear();
    call();
    printf("PHP: %d\n", dlopen(library, RTLD_NOW) != NULL);
    call_twice();
}

static void by_a_pointer(void)
{
    int (*hears)(int, int) = (int (*)(int, int))dlsym(RTLD_DEFAULT, "listen");
    struct sockaddr_in at;

    call();
    printf("listen: %d\n", hears(bound(&at), 5));
    call();
}

static struct sockaddr_in of_handler;
static int of_signal;

static void hear_at(int signal)
{
    (void)signal;
    of_signal = listen(of_signal, 5);
}

static void in_a_handler(void)
{
    signal(SIGUSR1, hear_at);
    call();
    of_signal = bound(&of_handler);
    raise(SIGUSR1);
    printf("listen: %d\n", of_signal);
    call();
}

static void fails(void)
{
    call();
    printf("listen: %d\n", listen(-1, 5));
    call();
}

static volatile sig_atomic_t ran;

static void count_said(int signal, siginfo_t *info, void *context)
{
    (void)context;
    ran += info->si_signo == signal && info->si_pid == getpid() ? 1 : 100;
}

/* Its own handlers are what it reads, and run, before and after. */
static void with_handlers(void)
{
    struct sigaction to = {.sa_sigaction = count_said,
                           .sa_flags = SA_SIGINFO | SA_RESTART};
    struct sigaction was;

    sigaction(SIGUSR1, &to, NULL);
    call();
    hear();
    for (int i = 0; i < 2; i++) {
        sigaction(SIGUSR1, &to, &was);
        printf("the same: %d\n", was.sa_sigaction == count_said);
        raise(SIGUSR1);
    }
    printf("ran %d\n", (int)ran);
    call();
}

/* A JVM listens so for its tools. */
static void by_unix(void)
{
    const sa_family_t none = AF_UNIX; /* the kernel gives a name */
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    call();
    if (bind(fd, (const struct sockaddr *)&none, sizeof(none)) != 0)
        exit(3);
    printf("listen: %d\n", listen(fd, 5));
    call();
}

static void by_syscall(void)
{
    struct sockaddr_in at;

    call();
    printf("listen: %ld\n", syscall(SYS_listen, bound(&at), 5));
    call();
}

static sigjmp_buf to_main;

static void jump(int signal)
{
    (void)signal;
    siglongjmp(to_main, 1);
}

static void *load(void *unused)
{
    dlopen("libm.so.6", RTLD_NOW);
    return unused;
}

/* At each moment of its first listen, a child's handler leaves that for good.
 */
static void is_left(void)
{
    struct sockaddr_in at;
    int fd = bound(&at), status, bad = 0;
    pthread_t thread;

    signal(SIGALRM, jump);
    for (int us = 20; us < 1000; us += 5) {
        if (fork() == 0) {
            if (!sigsetjmp(to_main, 1)) {
                ualarm((useconds_t)us, 0);
                listen(fd, 5);
                for (;;)
                    pause();
            }
            signal(SIGALRM, SIG_DFL);
            alarm(20);
            pthread_create(&thread, NULL, load, NULL);
            pthread_join(thread, NULL);
            _exit(0);
        }
        wait(&status);
        bad += status != 0;
    }
    printf("%d hang\n", bad);
    call();
}

static void often(void)
{
    for (int i = 0; i < 2000; i++)
        close(dial());
    hear();
    for (int i = 0; i < 2000; i++)
        close(dial());
    call();
}

int main(int argc, char **argv)
{
    static const struct named_case all[] = {
        {"twice", call_twice},
        {"before", before},
        {"after", after},
        {"in_mid_answer", in_mid_answer},
        {"in_mid_request", in_mid_request},
        {"on_one_connection", on_one_connection},
        {"in_a_thread", in_a_thread},
        {"beside_threads", beside_threads},
        {"in_children", in_children},
        {"then_executes", then_executes},
        {"activated", activated},
        {"activates", activates},
        {"by_a_library", by_a_library},
        {"then_php", then_php},
        {"by_a_pointer", by_a_pointer},
        {"in_a_handler", in_a_handler},
        {"fails", fails},
        {"with_handlers", with_handlers},
        {"by_unix", by_unix},
        {"by_syscall", by_syscall},
        {"is_left", is_left},
        {"often", often},
        {"exits", exits},
    };

    if (argc != 4)
        return 2;
    program = argv[0];
    port = atoi(argv[2]);
    library = argv[3];
    return run_case(argv[1], all, sizeof(all) / sizeof(*all));
}
