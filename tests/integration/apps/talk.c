/* Speaks over a websocket by libcurl's own functions, as its arguments say.
 *
 *   talk URL STEP...
 *
 *   send:TEXT     a frame
 *   parts:N:TEXT  one frame, in parts of N bytes (CURLWS_OFFSET)
 *   frags:N:TEXT  a message in frames of N bytes (CURLWS_CONT)
 *   until:TEXT    receives, ROOM bytes at a time, until TEXT has come, and the
 *                 rest of its message
 *   close         a close frame
 *   child:N       a fork; the child does the next N steps and ends, and the
 *                 parent waits for it and passes over them
 *   twin          duplicates the handle, and frees the duplicate
 *   reset         of the handle
 *   again         connects anew
 *   kill, exit    end the process, without a cleanup
 *
 * By MULTI=1 a multi connects. By THREADS=N so many threads do all of it, each
 * with a handle of its own, and print nothing.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <curl/curl.h>

#define ROOM 50

static char **steps;
static bool silent;

struct talk {
    CURL *curl;
    CURLM *multi;
    char *got;
    size_t len;
};

static void tell(const char *what, long a, long b)
{
    if (!silent)
        printf("%s %ld %ld\n", what, a, b);
}

static CURLcode connect_by_multi(struct talk *talk)
{
    CURLMsg *message;
    int running = 1, left;

    curl_multi_add_handle(talk->multi, talk->curl);
    while (running) {
        curl_multi_perform(talk->multi, &running);
        curl_multi_wait(talk->multi, NULL, 0, 20, NULL);
    }
    message = curl_multi_info_read(talk->multi, &left);
    return message ? message->data.result : CURLE_FAILED_INIT;
}

static void connect_now(struct talk *talk)
{
    CURLcode rc;

    curl_easy_setopt(talk->curl, CURLOPT_URL, steps[1]);
    curl_easy_setopt(talk->curl, CURLOPT_CONNECT_ONLY, 2L);
    rc = talk->multi ? connect_by_multi(talk) : curl_easy_perform(talk->curl);
    tell("connected", rc, 0);
    if (rc != CURLE_OK)
        exit(rc == CURLE_UNSUPPORTED_PROTOCOL ? 77 : 3);
}

#if LIBCURL_VERSION_NUM >= 0x075600
static size_t send_some(struct talk *talk, const char *data, size_t len,
                        long size, unsigned flags)
{
    size_t sent = 0;
    CURLcode rc = curl_ws_send(talk->curl, data, len, &sent, size, flags);

    tell("sent", (long)sent, rc);
    return rc == CURLE_OK ? sent : len;
}

static void send_all(struct talk *talk, const char *text)
{
    size_t len = strlen(text);

    while (len > 0) {
        size_t sent = send_some(talk, text, len, 0, CURLWS_TEXT);

        text += sent;
        len -= sent;
    }
}

static void send_parts(struct talk *talk, const char *arg, bool frames)
{
    size_t part = strtoul(arg, NULL, 10);
    const char *text = strchr(arg, ':') + 1;
    size_t len = strlen(text);
    long size = (long)len;

    while (len > 0) {
        size_t now = len < part ? len : part;
        unsigned more = now < len ? CURLWS_CONT : 0;

        send_some(talk, text, now, frames ? 0 : size,
                  CURLWS_TEXT | (frames ? more : CURLWS_OFFSET));
        text += now;
        len -= now;
        size = 0;
    }
}

static bool is_whole(const char *text)
{
    long open = 0;

    for (; *text; text++)
        open += (*text == '{') - (*text == '}');
    return open == 0;
}

static bool receive(struct talk *talk, curl_socket_t fd)
{
    struct pollfd wait = {fd, POLLIN, 0};
    struct curl_ws_frame *meta = NULL;
    char part[ROOM];
    size_t got = 0;
    CURLcode rc =
        curl_ws_recv(talk->curl, part, sizeof(part), &got, (void *)&meta);

    if (rc == CURLE_AGAIN)
        return poll(&wait, 1, 5000) > 0;
    if (rc != CURLE_OK) {
        tell("ended", rc, 0);
        return false;
    }
    talk->got = realloc(talk->got, talk->len + got + 1);
    memcpy(talk->got + talk->len, part, got);
    talk->len += got;
    talk->got[talk->len] = '\0';
    return !(meta->flags & CURLWS_CLOSE);
}

static void receive_until(struct talk *talk, const char *text)
{
    curl_socket_t fd = -1;

    curl_easy_getinfo(talk->curl, CURLINFO_ACTIVESOCKET, &fd);
    while (!(talk->got && strstr(talk->got, text) && is_whole(talk->got)) &&
           receive(talk, fd))
        continue;
    if (talk->got && !silent)
        printf("got %s\n", talk->got);
    talk->len = 0;
    if (talk->got)
        talk->got[0] = '\0';
}

static void close_it(struct talk *talk)
{
    size_t sent;

    (void)curl_ws_send(talk->curl, "", 0, &sent, 0, CURLWS_CLOSE);
}
#else
static void send_all(struct talk *talk, const char *text)
{
    (void)talk, (void)text;
}
static void send_parts(struct talk *talk, const char *arg, bool frames)
{
    (void)talk, (void)arg, (void)frames;
}
static void receive_until(struct talk *talk, const char *text)
{
    (void)talk, (void)text;
}
static void close_it(struct talk *talk)
{
    (void)talk;
}
#endif

static bool is(const char *step, const char *verb, const char **arg)
{
    size_t len = strlen(verb);

    *arg = step + len + 1;
    return strncmp(step, verb, len) == 0 &&
           (step[len] == ':' || step[len] == '\0');
}

static void end(bool killed)
{
    fflush(stdout);
    if (killed)
        raise(SIGKILL);
    exit(0);
}

static void do_steps(struct talk *talk, char **from, char **to);

static char **with_a_child(struct talk *talk, const char *arg, char **from)
{
    char **to = from + atoi(arg);
    int status = 0;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        do_steps(talk, from, to);
        curl_easy_cleanup(talk->curl);
        end(false);
    }
    waitpid(pid, &status, 0);
    tell("child", status, 0);
    return to;
}

static void do_steps(struct talk *talk, char **step, char **to)
{
    const char *arg;

    while (step != to && *step) {
        const char *now = *step++;

        if (is(now, "send", &arg))
            send_all(talk, arg);
        else if (is(now, "parts", &arg))
            send_parts(talk, arg, false);
        else if (is(now, "frags", &arg))
            send_parts(talk, arg, true);
        else if (is(now, "until", &arg))
            receive_until(talk, arg);
        else if (is(now, "child", &arg))
            step = with_a_child(talk, arg, step);
        else if (is(now, "twin", &arg))
            curl_easy_cleanup(curl_easy_duphandle(talk->curl));
        else if (is(now, "reset", &arg))
            curl_easy_reset(talk->curl);
        else if (is(now, "again", &arg))
            connect_now(talk);
        else if (is(now, "close", &arg))
            close_it(talk);
        else
            end(is(now, "kill", &arg));
    }
}

static void *run(void *arg)
{
    struct talk talk = {.curl = curl_easy_init()};

    if (getenv("MULTI"))
        talk.multi = curl_multi_init();
    connect_now(&talk);
    do_steps(&talk, steps + 2, NULL);
    if (talk.multi)
        curl_multi_remove_handle(talk.multi, talk.curl);
    curl_easy_cleanup(talk.curl);
    curl_multi_cleanup(talk.multi);
    free(talk.got);
    return arg;
}

int main(int argc, char **argv)
{
    const char *count = getenv("THREADS");
    int threads = count ? atoi(count) : 0;
    pthread_t list[16];

    steps = argv;
    silent = threads > 0;
    if (argc < 2)
        return 2;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (int i = 0; i < threads; i++)
        pthread_create(&list[i], NULL, run, NULL);
    for (int i = 0; i < threads; i++)
        pthread_join(list[i], NULL);
    if (threads == 0)
        run(NULL);
    curl_global_cleanup();
    return 0;
}
