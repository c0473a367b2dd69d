/* An agent: each call is made by fetch_reply, which plan calls, which think
 * calls; argv[1] says on which stack, and by which interface.
 *
 *   agent HOW URL BODY     HOW: easy, multi, nested; thread, small; given,
 *                          coroutine, signal; inside, outside; unmapped
 *
 * Prints what curl answered.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "multi.h"

#define APART __attribute__((noinline))
#define SMALL (96 * 1024) /* what libcurl needs, and little more */
#define CALLS 200         /* while another thread maps and unmaps */

static const char *how, *url, *body;
static int depth;
static char *stack_end; /* behind it is what others may map */
static atomic_bool done;
static volatile int after; /* no call is the last thing of its function */

static int think(int n);

/* Another call, from inside libcurl. */
static size_t eat(char *data, size_t size, size_t count, void *arg)
{
    (void)data;
    (void)arg;
    if (strcmp(how, "nested") == 0 && depth++ == 0)
        think(2);
    return size * count;
}

static APART CURLcode fetch_reply(const char *text)
{
    CURL *curl = curl_easy_init();
    CURLcode code;

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, eat);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (strcmp(how, "multi") == 0)
        code = run_multi(curl);
    else
        code = curl_easy_perform(curl);
    curl_easy_cleanup(curl);
    return code;
}

static APART int plan(int n)
{
    CURLcode code = fetch_reply(body);

    printf("%d: %s\n", n, curl_easy_strerror(code));
    after++;
    return n + (int)code;
}

static APART int think(int n)
{
    int rc = plan(n);

    after++;
    return rc;
}

static void think_once(void)
{
    think(1);
    after++;
}

static void *think_aside(void *arg)
{
    think(1);
    after++;
    return arg;
}

static void on_signal(int number)
{
    (void)number;
    think(1);
    after++;
}

/* Ends at a page that nobody may touch. */
static char *small_stack(void)
{
    char *at = mmap(NULL, SMALL + 4096, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    mprotect(at + SMALL, 4096, PROT_NONE);
    return at;
}

/* As libc makes them, or on memory that is the program's own. */
static void in_thread(void *(*run)(void *), char *given, size_t size)
{
    pthread_attr_t attr;
    pthread_t thread;

    pthread_attr_init(&attr);
    if (given)
        pthread_attr_setstack(&attr, given, size);
    else if (size)
        pthread_attr_setstacksize(&attr, size);
    if (pthread_create(&thread, &attr, run, NULL) == 0)
        pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
}

static void in_coroutine(char *stack, void (*run)(void))
{
    ucontext_t here, there;

    getcontext(&there);
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = SMALL;
    there.uc_link = &here;
    makecontext(&there, run, 0);
    swapcontext(&here, &there);
}

/* A coroutine on a piece of the thread's own stack. */
static void *think_inside(void *arg)
{
    char piece[SMALL];

    in_coroutine(piece, think_once);
    return arg;
}

static void *think_outside(void *arg)
{
    in_coroutine(small_stack(), think_once);
    return arg;
}

/* Maps what is behind the stack and takes it away again. */
static void *disturb(void *arg)
{
    while (!atomic_load(&done)) {
        void *at = mmap(stack_end, SMALL, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

        munmap(at, SMALL);
    }
    return arg;
}

static void think_often(void)
{
    for (int i = 0; i < CALLS; i++)
        think(i);
    after++;
}

static void in_unmapped(void)
{
    char *at = mmap(NULL, (size_t)2 * SMALL, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_t thread;

    stack_end = at + SMALL;
    if (pthread_create(&thread, NULL, disturb, NULL) != 0)
        return;
    in_coroutine(at, think_often);
    atomic_store(&done, true);
    pthread_join(thread, NULL);
}

static void in_signal(void)
{
    stack_t stack = {.ss_sp = small_stack(), .ss_size = SMALL};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};

    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    how = argv[1];
    url = argv[2];
    body = argv[3];
    curl_global_init(CURL_GLOBAL_ALL);
    if (strcmp(how, "thread") == 0)
        in_thread(think_aside, NULL, 0);
    else if (strcmp(how, "small") == 0)
        in_thread(think_aside, NULL, SMALL);
    else if (strcmp(how, "given") == 0)
        in_thread(think_aside, small_stack(), SMALL);
    else if (strcmp(how, "inside") == 0)
        in_thread(think_inside, NULL, 0);
    else if (strcmp(how, "outside") == 0)
        in_thread(think_outside, NULL, 0);
    else if (strcmp(how, "coroutine") == 0)
        in_coroutine(small_stack(), think_once);
    else if (strcmp(how, "signal") == 0)
        in_signal();
    else if (strcmp(how, "unmapped") == 0)
        in_unmapped();
    else
        think(1);
    curl_global_cleanup();
    return 0;
}
