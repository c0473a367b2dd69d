/* Threads, forks and ends of processes around LLM calls. A count of -1 means:
 * how many spans arrive depends on who is faster, but the output does not. */
#include "tests/clients/cases.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void *ask_often(void *count)
{
    for (int i = 0; i < *(int *)count; i++) {
        if (ask_once(hello) != 200)
            return count;
    }
    return NULL;
}

static void threads(const char *base)
{
    pthread_t list[8];
    int count = 10, failed = 0;

    the_base = base;
    for (int i = 0; i < 8; i++)
        pthread_create(&list[i], NULL, ask_often, &count);
    for (int i = 0; i < 8; i++) {
        void *result;

        pthread_join(list[i], &result);
        failed += result != NULL;
    }
    printf("failed=%d\n", failed);
}

/* -- thousands of handles -------------------------------------------------- */

#define LIVE 6000
#define MAKERS 4

static CURL *handles[LIVE];

static void *make_some(void *from)
{
    CURL **list = from;

    for (int i = 0; i < LIVE / MAKERS; i++)
        list[i] = asking(the_base, CHAT, hello, NULL);
    return NULL;
}

static void *free_every_second(void *none)
{
    for (int i = 1; i < LIVE; i += 2)
        curl_easy_cleanup(handles[i]);
    return none;
}

static void make_all(void)
{
    pthread_t makers[MAKERS];

    for (int i = 0; i < MAKERS; i++)
        pthread_create(&makers[i], NULL, make_some,
                       &handles[i * (LIVE / MAKERS)]);
    for (int i = 0; i < MAKERS; i++)
        pthread_join(makers[i], NULL);
}

static void ask_by(CURL *curl)
{
    struct text text = {0};

    write_to(curl, collect, &text);
    run_one("one of many", curl, &text);
}

/* Made by several threads, freed by another one, copied, reset and used. */
static void many_handles(const char *base)
{
    pthread_t thread;
    CURL *twin;

    the_base = base;
    make_all();
    for (int i = 0; i < LIVE; i += 600)
        ask_by(handles[i]);
    pthread_create(&thread, NULL, free_every_second, NULL);
    pthread_join(thread, NULL);
    for (int i = 0; i < LIVE; i += 1500)
        ask_by(handles[i]);
    twin = curl_easy_duphandle(handles[100]);
    curl_easy_reset(handles[100]);
    ask_by(twin);
    curl_easy_cleanup(twin);
    for (int i = 1; i < LIVE; i += 2)
        handles[i] = asking(the_base, CHAT, hello, NULL);
    for (int i = 1; i < LIVE; i += 1500)
        ask_by(handles[i]);
    for (int i = 0; i < LIVE; i++)
        curl_easy_cleanup(handles[i]);
}

static void reap(pid_t child)
{
    int status;

    waitpid(child, &status, 0);
    printf("child: exited=%d status=%d\n", WIFEXITED(status),
           WEXITSTATUS(status));
}

static void prefork(const char *base)
{
    the_base = base;
    printf("parent: %ld\n", ask_once(hello));
    for (int i = 0; i < 4; i++) {
        pid_t child;

        fflush(stdout);
        child = fork();
        if (child == 0)
            exit(ask_once(hello) == 200 && ask_once(hello) == 200 ? 0 : 1);
        reap(child);
    }
    printf("parent: %ld\n", ask_once(hello));
}

static size_t fork_inside(char *data, size_t size, size_t count, void *to)
{
    static int forked;
    struct text *text = to;

    text_add(text, data, size * count);
    if (!forked++) {
        pid_t child;

        fflush(stdout);
        child = fork();
        if (child == 0)
            exit(7);
        reap(child);
    }
    return size * count;
}

static void fork_in_transfer(const char *base)
{
    struct text text = {0};
    CURL *curl = asking(base, CHAT, hello, &text);

    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, fork_inside);
    show("forked", curl, curl_easy_perform(curl), &text);
    curl_easy_cleanup(curl);
}

/* Each process drives its copy of the transfers that one of them has added. */
static void fork_before_transfer(const char *base)
{
    struct text texts[2] = {{0}};
    CURL *curls[2];
    CURLM *multi = curl_multi_init();
    pid_t children[2] = {0};

    for (int i = 0; i < 2; i++) {
        curls[i] = asking(base, CHAT, hello, &texts[i]);
        curl_multi_add_handle(multi, curls[i]);
    }
    fflush(stdout);
    for (int i = 0; i < 2 && (i == 0 || children[0]); i++)
        children[i] = fork();
    drive(multi);
    for (int i = 0; i < 2; i++) {
        curl_multi_remove_handle(multi, curls[i]);
        if (!children[0] || !children[1]) {
            if (texts[i].len == 0)
                exit(1);
        } else {
            reap(children[i]);
            show("parent", curls[i], CURLE_OK, &texts[i]);
        }
        curl_easy_cleanup(curls[i]);
    }
    curl_multi_cleanup(multi);
}

static size_t exit_inside(char *data, size_t size, size_t count, void *to)
{
    (void)data, (void)size, (void)count, (void)to;
    printf("leaving\n");
    exit(5);
}

static void exit_in_callback(const char *base)
{
    CURL *curl = asking(base, CHAT, slow, NULL);

    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, exit_inside);
    curl_easy_perform(curl);
}

static void *ask_slowly(void *unused)
{
    (void)unused;
    ask_noted(the_base, slow);
    return NULL;
}

static void exit_beside(const char *base)
{
    pthread_t thread;

    the_base = base;
    pthread_create(&thread, NULL, ask_slowly, NULL);
    wait_sent(1);
    usleep(150000);
    printf("leaving\n");
    exit(6);
}

static void exit_at_once(const char *base)
{
    first_call(base);
    exit(4);
}

static void exit_hard(const char *base)
{
    first_call(base);
    _exit(4);
}

static void killed(const char *base)
{
    first_call(base);
    raise(SIGKILL);
}

static void executed(const char *base)
{
    first_call(base);
    execl("/bin/echo", "echo", "replaced", (char *)NULL);
}

static void ask_at_exit(void)
{
    printf("at exit: %ld\n", ask_once(hello));
}

static void called_at_exit(const char *base)
{
    the_base = base;
    atexit(ask_at_exit);
    printf("before: %ld\n", ask_once(hello));
}

static void after_cleanup(const char *base)
{
    first_call(base);
    curl_global_cleanup();
    curl_global_init(CURL_GLOBAL_ALL);
    printf("%ld\n", ask_once(hello));
}

/* The descriptors that we might hold are closed, and their numbers taken by a
 * file of the app's own: nothing of ours may ever land in it. */
static void descriptors_taken(const char *base)
{
    FILE *file;
    int fd;

    first_call(base);
    usleep(500000); /* what is open for the one write is closed again */
    syscall(__NR_close_range, 3u, ~0u, 0u);
    file = tmpfile();
    for (int i = 0; i < 5; i++)
        printf("%ld\n", ask_once(hello));
    usleep(50000);
    fd = fileno(file);
    printf("size=%ld\n", (long)lseek(fd, 0, SEEK_END));
}

/* The same while our thread may be at work: no number is used or closed by us
 * that is the app's by now. All are closed, or those that programs count on.
 * By system calls that a thread sanitizer does not see: it would call it a race
 * that two threads have had one number, which is the case here. */
static void descriptors_busy(const char *base)
{
    enum { TAKEN = 32 };
    struct stat before[TAKEN], after;
    int list[TAKEN], mine;

    the_base = base;
    for (unsigned round = 0; round < 12; round++) {
        printf("%ld\n", ask_once(hello));
        usleep(1000 * (round / 2));
        syscall(__NR_close_range, 3u, round % 2 ? ~0u : TAKEN + 2u, 0u);
        for (int i = 0; i < TAKEN; i++) {
            list[i] = (int)syscall(__NR_memfd_create, "mine", 0u);
            syscall(__NR_fstat, list[i], &before[i]);
        }
        usleep(20000);
        mine = 0;
        for (int i = 0; i < TAKEN; i++)
            mine += syscall(__NR_fstat, list[i], &after) == 0 &&
                    after.st_size == 0 && after.st_ino == before[i].st_ino &&
                    syscall(__NR_close, list[i]) == 0;
        printf("mine: %d\n", mine);
    }
}

static void *ask_for_ever(void *unused)
{
    (void)unused;
    ask_noted(the_base, ASK("hang", ""));
    return NULL;
}

static void cancelled(const char *base)
{
    pthread_t thread;
    void *result;

    the_base = base;
    pthread_create(&thread, NULL, ask_for_ever, NULL);
    wait_sent(1);
    usleep(150000);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    printf("cancelled=%d\n", result == PTHREAD_CANCELED);
    printf("%ld\n", ask_once(hello));
}

static volatile sig_atomic_t rang;

static void ring(int number)
{
    (void)number;
    rang = rang + 1;
}

/* Signals must keep going to the app's threads, never to ours. */
static void signalled(const char *base)
{
    struct sigaction action = {.sa_handler = ring};
    sigset_t mask, before;

    the_base = base;
    sigaction(SIGUSR1, &action, NULL);
    printf("%ld\n", ask_once(hello));
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &mask, &before);
    kill(getpid(), SIGUSR1);
    usleep(50000);
    printf("while blocked: %d\n", (int)rang);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    printf("after: %d\n", (int)rang);
}

static void stack_of_handles(const char *base)
{
    enum { HANDLES = 3000 };
    static CURL *list[HANDLES];
    struct text text = {0};

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < HANDLES; i++)
            list[i] = asking(base, CHAT, hello, &text);
        show("last", list[HANDLES - 1], curl_easy_perform(list[HANDLES - 1]),
             &text);
        for (int i = 0; i < HANDLES; i++)
            curl_easy_cleanup(list[i]);
    }
}

static const struct one_case cases[] = {
    {"threads", threads, 80, 0},
    {"many_handles", many_handles, 19, 0},
    {"prefork", prefork, 10, 0},
    {"fork_in_transfer", fork_in_transfer, 1, 0},
    {"fork_before_transfer", fork_before_transfer, 6, 0},
    {"exit_in_callback", exit_in_callback, 1, 1},
    {"exit_beside", exit_beside, 1, 1},
    {"exit_at_once", exit_at_once, 1, 0},
    {"exit_hard", exit_hard, -1, 0},
    {"killed", killed, -1, 0},
    {"executed", executed, -1, 0},
    {"called_at_exit", called_at_exit, 2, 0},
    {"after_cleanup", after_cleanup, 2, 0},
    {"descriptors_taken", descriptors_taken, 6, 0},
    {"descriptors_busy", descriptors_busy, 12, 0},
    {"cancelled", cancelled, 2, 1},
    {"signalled", signalled, 1, 0},
    {"stack_of_handles", stack_of_handles, 2, 0},
};

CASES_MAIN(cases)
