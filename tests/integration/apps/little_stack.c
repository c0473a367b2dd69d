/* One transfer, from a handle's begin to its end, on a stack of so many bytes.
 *
 *   little_stack WHERE INIT BYTES WHAT URL [BODY]
 *
 * WHERE: thread or coroutine; INIT: global or lazy (the handle's);
 * WHAT: easy, multi; end, which takes libcurl down on that stack as well; exit,
 * which ends the process there. Prints what curl answered; 77: no such thread
 * can be had.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "multi.h"

#define GUARD 65536

static const char *what, *url, *body;
static CURLcode code;
static size_t answered;
static ucontext_t outside;

static size_t eat(char *data, size_t size, size_t count, void *arg)
{
    (void)data;
    (void)arg;
    answered += size * count;
    return size * count;
}

static void transfer(void)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *list =
        curl_slist_append(NULL, "Content-Type: application/json");

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, eat);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (body)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    code =
        strcmp(what, "multi") == 0 ? run_multi(curl) : curl_easy_perform(curl);
    curl_easy_cleanup(curl);
    curl_slist_free_all(list);
    if (strcmp(what, "end") == 0)
        curl_global_cleanup();
    if (strcmp(what, "exit") == 0) {
        if (write(1, "0 \n", code == CURLE_OK ? 3 : 0) < 0)
            _exit(3);
        exit(0);
    }
}

static void *run(void *arg)
{
    transfer();
    return arg;
}

static int in_thread(size_t bytes)
{
    pthread_attr_t attr;
    pthread_t thread;

    pthread_attr_init(&attr);
    if (pthread_attr_setstacksize(&attr, bytes) != 0 ||
        pthread_create(&thread, &attr, run, NULL) != 0)
        return 77;
    pthread_join(thread, NULL);
    return 0;
}

/* Below the stack nothing can be touched. */
static int in_coroutine(size_t bytes)
{
    char *at = mmap(NULL, GUARD + bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
                    -1, 0);
    ucontext_t inside;

    mprotect(at + GUARD, bytes, PROT_READ | PROT_WRITE);
    getcontext(&inside);
    inside.uc_stack.ss_sp = at + GUARD;
    inside.uc_stack.ss_size = bytes;
    inside.uc_link = &outside;
    makecontext(&inside, transfer, 0);
    swapcontext(&outside, &inside);
    return 0;
}

int main(int argc, char **argv)
{
    size_t bytes;
    int rc;

    if (argc < 6)
        return 2;
    bytes = strtoul(argv[3], NULL, 10);
    what = argv[4];
    url = argv[5];
    body = argv[6];
    if (strcmp(argv[2], "global") == 0)
        curl_global_init(CURL_GLOBAL_ALL);
    rc =
        strcmp(argv[1], "thread") == 0 ? in_thread(bytes) : in_coroutine(bytes);
    printf("%d %zu\n", (int)code, answered);
    return rc;
}
