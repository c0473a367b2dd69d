/* usage: client INTERFACE URL (MODE FILE)...
 *
 * Posts each FILE to URL through libcurl's interface easy, multi or socket (a
 * multi that the program's own loop drives), and prints what came of it. MODE:
 * `timeout` gives up after 600 ms, `abort` at the first byte of the answer,
 * every other one is just a name.
 *
 * Built in many ways: linked; with LATE, which takes libcurl by dlopen (the
 * file's name and the flags are LATE and LATE_FLAGS; odd.h has more of it);
 * with PLUGIN, as a shared object for opener.c, which defines ask() and no
 * main(). */
#define _GNU_SOURCE /* dlmopen, memfd_create */
#include <dlfcn.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

#ifdef LATE
#include "odd.h"

#define FUNCTIONS(X)       \
    X(easy_init)           \
    X(easy_setopt)         \
    X(easy_perform)        \
    X(easy_getinfo)        \
    X(easy_cleanup)        \
    X(multi_init)          \
    X(multi_setopt)        \
    X(multi_add_handle)    \
    X(multi_perform)       \
    X(multi_socket_action) \
    X(multi_poll)          \
    X(multi_info_read)     \
    X(multi_remove_handle) \
    X(multi_cleanup)       \
    X(slist_append)        \
    X(slist_free_all)
#define X(name) static __typeof__(curl_##name) *late_##name;
FUNCTIONS(X)
#undef X
#define CALL(name) late_##name

static void *handle;

static void resolve(void)
{
    handle = open_libcurl(LATE, RTLD_NOW | LATE_FLAGS);
    if (!handle) {
        fprintf(stderr, "%s\n", dlerror());
        exit(3);
    }
#define X(name) \
    late_##name = (__typeof__(late_##name))dlsym(handle, "curl_" #name);
    FUNCTIONS(X)
#undef X
}

static void let_go(void)
{
    close_libcurl(handle);
}
#else
#define CALL(name) curl_##name
static void resolve(void)
{
}

static void let_go(void)
{
}
#endif

struct answer {
    char data[65536];
    size_t len;
    int abort;
};

static size_t collect(char *data, size_t size, size_t count, void *to)
{
    struct answer *answer = to;
    size_t len = size * count;

    if (answer->abort || answer->len + len > sizeof(answer->data))
        return 0;
    memcpy(answer->data + answer->len, data, len);
    answer->len += len;
    return len;
}

static char *read_file(const char *path)
{
    static char text[65536];
    FILE *file = fopen(path, "r");
    size_t len = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

    if (file)
        fclose(file);
    text[len] = '\0';
    return text;
}

#define SOCKETS 8

struct loop {
    struct pollfd sockets[SOCKETS];
    double until; /* of the timer, in ms; below 0: there is none */
};

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int on_timer(CURLM *multi, long ms, void *to)
{
    struct loop *loop = to;

    (void)multi;
    loop->until = ms < 0 ? -1 : now_ms() + (double)ms;
    return 0;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *to, void *at)
{
    struct loop *loop = to;
    struct pollfd *one = NULL;

    (void)easy, (void)at;
    for (int i = 0; i < SOCKETS && !one; i++)
        if (loop->sockets[i].fd == fd)
            one = &loop->sockets[i];
    for (int i = 0; i < SOCKETS && !one; i++)
        if (loop->sockets[i].fd < 0)
            one = &loop->sockets[i];
    if (!one)
        return -1;
    one->fd = what == CURL_POLL_REMOVE ? -1 : fd;
    one->revents = 0;
    one->events = (short)((what & CURL_POLL_IN ? POLLIN : 0) |
                          (what & CURL_POLL_OUT ? POLLOUT : 0));
    return 0;
}

static curl_socket_t open_socket(void *to, curlsocktype purpose,
                                 struct curl_sockaddr *at)
{
    (void)to, (void)purpose;
    return socket(at->family, at->socktype, at->protocol);
}

static int close_socket(void *to, curl_socket_t fd)
{
    (void)to;
    return close(fd);
}

/* Waits for one thing to happen, and tells libcurl of it. */
static int turn(CURLM *multi, struct loop *loop)
{
    double wait = loop->until < 0 ? 100 : loop->until - now_ms();
    int running = 1;

    if (wait > 0 && poll(loop->sockets, SOCKETS, (int)wait + 1) > 0) {
        for (int i = 0; i < SOCKETS; i++) {
            struct pollfd one = loop->sockets[i];
            int what = (one.revents & POLLIN ? CURL_CSELECT_IN : 0) |
                       (one.revents & POLLOUT ? CURL_CSELECT_OUT : 0);

            if (one.fd >= 0 && one.revents)
                CALL(multi_socket_action)(multi, one.fd, what, &running);
        }
        return running;
    }
    loop->until = -1;
    CALL(multi_socket_action)(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    return running;
}

static void drive(CURLM *multi, CURL *easy)
{
    struct loop loop = {.until = 0};

    for (int i = 0; i < SOCKETS; i++)
        loop.sockets[i].fd = -1;
    CALL(multi_setopt)(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    CALL(multi_setopt)(multi, CURLMOPT_SOCKETDATA, &loop);
    CALL(multi_setopt)(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    CALL(multi_setopt)(multi, CURLMOPT_TIMERDATA, &loop);
    CALL(easy_setopt)(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    CALL(easy_setopt)(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    CALL(multi_add_handle)(multi, easy);
    while (turn(multi, &loop))
        continue;
    CALL(multi_setopt)(multi, CURLMOPT_SOCKETFUNCTION, NULL);
    CALL(multi_setopt)(multi, CURLMOPT_TIMERFUNCTION, NULL);
}

static CURLcode perform_multi(CURL *easy, int own_loop)
{
    CURLM *multi = CALL(multi_init)();
    CURLcode result = CURLE_FAILED_INIT;
    CURLMsg *message;
    int running = !own_loop, left;

    if (own_loop)
        drive(multi, easy);
    else
        CALL(multi_add_handle)(multi, easy);
    while (running && CALL(multi_perform)(multi, &running) == CURLM_OK)
        if (running)
            CALL(multi_poll)(multi, NULL, 0, 100, NULL);
    while ((message = CALL(multi_info_read)(multi, &left)))
        if (message->msg == CURLMSG_DONE)
            result = message->data.result;
    CALL(multi_remove_handle)(multi, easy);
    CALL(multi_cleanup)(multi);
    return result;
}

int ask(const char *interface, const char *url, const char *mode,
        const char *file);
int ask(const char *interface, const char *url, const char *mode,
        const char *file)
{
    static struct answer answer;
    struct curl_slist *headers;
    CURLcode result;
    CURL *easy;
    long status = 0;

    resolve();
    answer.len = 0;
    answer.abort = strcmp(mode, "abort") == 0;
    easy = CALL(easy_init)();
    headers = CALL(slist_append)(NULL, "Content-Type: application/json");
    CALL(easy_setopt)(easy, CURLOPT_URL, url);
    CALL(easy_setopt)(easy, CURLOPT_HTTPHEADER, headers);
    CALL(easy_setopt)(easy, CURLOPT_POSTFIELDS, read_file(file));
    CALL(easy_setopt)(easy, CURLOPT_WRITEFUNCTION, collect);
    CALL(easy_setopt)(easy, CURLOPT_WRITEDATA, &answer);
    if (strcmp(mode, "timeout") == 0)
        CALL(easy_setopt)(easy, CURLOPT_TIMEOUT_MS, 600L);
    result = strcmp(interface, "easy") == 0
                 ? CALL(easy_perform)(easy)
                 : perform_multi(easy, strcmp(interface, "socket") == 0);
    CALL(easy_getinfo)(easy, CURLINFO_RESPONSE_CODE, &status);
    printf("%s %d %ld %.*s\n", mode, result, status, (int)answer.len,
           answer.data);
    CALL(easy_cleanup)(easy);
    CALL(slist_free_all)(headers);
    let_go();
    return result != CURLE_OK;
}

#ifndef PLUGIN
int main(int argc, char **argv)
{
    int failed = 0;

    for (int i = 3; i + 1 < argc; i += 2)
        failed += ask(argv[1], argv[2], argv[i], argv[i + 1]);
    return failed;
}
#endif
