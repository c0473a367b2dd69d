/* Measures one libcurl program, one number a run.
 *
 *   client get URL THREADS COUNT [BODY]
 *                                  transfers a second
 *   client aside URL THREADS COUNT BODY
 *                                  us of CPU a transfer that other threads
 *                                  than those of the transfers take, exit
 *                                  included
 *   client setopt MODE COUNT       ns a call (MODE: other, url, data)
 *   client ask URL BODY COUNT      median us of thread CPU in one perform
 *   client headers URL BODY COUNT  the same, with headers of the program's own,
 *                                  as long as those of a trace
 *   client least URL BODY COUNT FILE
 *                                  the same, with these headers and two entries
 *                                  for each call, of 2.5 and 5 KB
 *   client entries FILE COUNT      the same in what the spool can do no
 *                                  cheaper: three entries, of 0.5, 2.5
 *                                  and 5 KB
 *   client body FILE BYTES COUNT   us of process CPU in the least that a body
 *                                  costs: copied as it comes, written, escaped
 *                                  byte by byte, written
 *   client relay URL FOLDER        us of process CPU in the least that a relay
 *                                  needs for a directory of FOLDER: its file
 *                                  read, posted, removed with the directory
 *   client first URL               us from curl_global_init to the end of the
 *                                  first call, thread CPU
 *   client cpu URL BODY COUNT      us of process CPU a call, exit included
 *   client pieces URL BODY COUNT   the same, an answer in pieces of 1 KB
 *   client rest URL BODY COUNT     the same, a call each 100 ms; prints
 *                                  "rests" behind the last call, and goes on
 *                                  for two seconds
 *   client rss URL BODY COUNT      KiB of peak resident memory, a call each
 *                                  PAUSE_US
 *   client upload URL MBYTES       KiB of peak resident memory
 *   client live HANDLES COUNT      ns a call of setopt, on each of so many live
 *                                  handles in turn
 *   client multi URL BODY WIDTH COUNT
 *                                  us of process CPU a transfer, exit included,
 *                                  WIDTH at once in one multi
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

static double now_us(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static size_t discard(char *data, size_t size, size_t count, void *to)
{
    (void)data, (void)to;
    return size * count;
}

static CURL *handle_for(const char *url, const char *body)
{
    CURL *curl = curl_easy_init();

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, discard);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (body)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    return curl;
}

struct work {
    const char *url, *body;
    int count;
    double took; /* us of the thread's CPU */
};

static double aside;
static int count_calls;

static void print_aside(void)
{
    printf("%.3f\n", (now_us(CLOCK_PROCESS_CPUTIME_ID) - aside) / count_calls);
}

static void *get_often(void *arg)
{
    struct work *work = arg;
    CURL *curl = handle_for(work->url, work->body);

    for (int i = 0; i < work->count; i++) {
        if (curl_easy_perform(curl) != CURLE_OK)
            exit(1);
    }
    curl_easy_cleanup(curl);
    work->took = now_us(CLOCK_THREAD_CPUTIME_ID);
    return NULL;
}

static int get(const char *url, int threads, int count, const char *body,
               bool rate)
{
    struct work work[256];
    pthread_t list[256];
    double start = now_us(CLOCK_MONOTONIC);

    count_calls = count / threads * threads;
    if (!rate)
        atexit(print_aside);
    aside = now_us(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < threads; i++) {
        work[i] = (struct work){url, body, count / threads, 0};
        pthread_create(&list[i], NULL, get_often, &work[i]);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(list[i], NULL);
        aside += work[i].took;
    }
    if (rate)
        printf("%.1f\n",
               count_calls / ((now_us(CLOCK_MONOTONIC) - start) / 1e6));
    /* Until the others rest, as an exit leaves what it has no time for. */
    for (double was = 0;
         !rate && now_us(CLOCK_PROCESS_CPUTIME_ID) - was > 2e3;) {
        was = now_us(CLOCK_PROCESS_CPUTIME_ID);
        usleep(500000);
    }
    return 0;
}

static int setopt(const char *mode, int count)
{
    CURL *curl = curl_easy_init();
    double start;

    curl_easy_setopt(curl, CURLOPT_URL, "http://127.0.0.1/warm");
    start = now_us(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < count; i++) {
        if (mode[0] == 'o')
            curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        else if (mode[0] == 'u')
            curl_easy_setopt(curl, CURLOPT_URL, "http://127.0.0.1/a/url");
        else
            curl_easy_setopt(curl, CURLOPT_WRITEDATA, curl);
    }
    printf("%.3f\n", (now_us(CLOCK_THREAD_CPUTIME_ID) - start) * 1e3 / count);
    curl_easy_cleanup(curl);
    return 0;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void ask_once(void *curl)
{
    if (curl_easy_perform(curl) != CURLE_OK)
        exit(1);
}

static void print_median(void (*once)(void *), void *what, int count)
{
    double *took = calloc((size_t)count, sizeof(double));

    for (int i = 0; i < count; i++) {
        double start = now_us(CLOCK_THREAD_CPUTIME_ID);

        once(what);
        took[i] = now_us(CLOCK_THREAD_CPUTIME_ID) - start;
    }
    qsort(took, (size_t)count, sizeof(double), by_value);
    printf("%.3f\n", took[count / 2]);
    free(took);
}

static int ask(const char *url, const char *body, int count,
               struct curl_slist *headers)
{
    CURL *curl = handle_for(url, body);

    if (headers)
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    print_median(ask_once, curl, count);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    return 0;
}

static struct curl_slist *traced_headers(void)
{
    static const char *const lines[] = {
        "x-datadog-trace-id: 9157590305162704948",
        "x-datadog-parent-id: 13386637617555732845",
        "x-datadog-sampling-priority: 1",
        "x-datadog-tags: _dd.p.tid=6b0116b700000000,"
        "_dd.p.llmobs_parent_id=13386637617555732845,"
        "_dd.p.llmobs_trace_id=142233048557609553684616582709559998516,"
        "_dd.p.llmobs_sd=1,_dd.p.llmobs_sr=1,_dd.p.llmobs_ml_app=bench",
        "traceparent: 00-6b0116b7000000007f164bdd11c8b834-b9c6e3fcdb4a796d-01",
        "tracestate: dd=p:b9c6e3fcdb4a796d;s:1;t.tid:6b0116b700000000;"
        "t.llmobs_parent_id:13386637617555732845;"
        "t.llmobs_trace_id:142233048557609553684616582709559998516;"
        "t.llmobs_sd:1;t.llmobs_sr:1;t.llmobs_ml_app:bench"};
    struct curl_slist *list = NULL;

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        list = curl_slist_append(list, lines[i]);
    return list;
}

static void append(const char *path, size_t size)
{
    static const char entry[8192];
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, entry, size) != (ssize_t)size)
        exit(1);
    close(fd);
}

static void append_two(const char *path)
{
    append(path, 2500);
    append(path, 5000);
}

static void append_three(void *path)
{
    append(path, 500);
    append_two(path);
}

struct least {
    CURL *curl;
    const char *path;
};

static void ask_at_least(void *arg)
{
    const struct least *least = arg;

    ask_once(least->curl);
    append_two(least->path);
}

static int least(const char *url, const char *body, int count, const char *path)
{
    struct curl_slist *headers = traced_headers();
    struct least what = {handle_for(url, body), path};

    curl_easy_setopt(what.curl, CURLOPT_HTTPHEADER, headers);
    print_median(ask_at_least, &what, count);
    curl_easy_cleanup(what.curl);
    curl_slist_free_all(headers);
    return unlink(path);
}

static int entries(char *path, int count)
{
    print_median(append_three, path, count);
    unlink(path);
    return 0;
}

static int first(const char *url)
{
    double start = now_us(CLOCK_THREAD_CPUTIME_ID);
    CURL *curl;

    curl_global_init(CURL_GLOBAL_ALL);
    curl = handle_for(url, "{\"model\":\"m\",\"messages\":[]}");
    ask_once(curl);
    printf("%.3f\n", now_us(CLOCK_THREAD_CPUTIME_ID) - start);
    curl_easy_cleanup(curl);
    return 0;
}

#define PIECE 16384

static void write_whole(int fd, const char *data, size_t len)
{
    if (pwrite(fd, data, len, 0) != (ssize_t)len)
        exit(1);
}

static size_t escape(const char *data, size_t len, char *out)
{
    size_t at = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)data[i];

        if (c == '"' || c == '\\' || c < ' ')
            out[at++] = '\\';
        out[at++] = (char)c;
    }
    return at;
}

static int body(const char *path, size_t len, int count)
{
    int fd = open(path, O_CREAT | O_RDWR, 0600);
    char *copy = malloc(len), *text = malloc(2 * len), piece[PIECE];
    double start = now_us(CLOCK_PROCESS_CPUTIME_ID);

    memset(piece, 'w', sizeof(piece));
    for (int i = 0; i < count; i++) {
        for (size_t at = 0; at < len; at += PIECE)
            memcpy(copy + at, piece, len - at < PIECE ? len - at : PIECE);
        write_whole(fd, copy, len);
        write_whole(fd, text, escape(copy, len, text));
    }
    printf("%.3f\n", (now_us(CLOCK_PROCESS_CPUTIME_ID) - start) / count);
    free(copy);
    free(text);
    return close(fd);
}

/* -- the floor of a relay ------------------------------------------------- */

static void post_file(CURL *curl, const char *path)
{
    static char text[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text));

    if (len < 0)
        exit(1);
    close(fd);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)len);
    ask_once(curl);
    unlink(path);
}

static int relay_all(const char *url, const char *folder)
{
    CURL *curl = handle_for(url, "");
    DIR *list = opendir(folder);
    struct dirent *entry;
    char path[4200];
    double start;
    int count = 0;

    ask_once(curl);
    start = now_us(CLOCK_PROCESS_CPUTIME_ID);
    while ((entry = readdir(list)) != NULL) {
        if (strchr(entry->d_name, '-') == NULL)
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        post_file(curl, path);
        count++;
    }
    printf("%.3f\n", (now_us(CLOCK_PROCESS_CPUTIME_ID) - start) / count);
    closedir(list);
    curl_easy_cleanup(curl);
    return 0;
}

#define PAUSE_US 1000

static void print_cpu(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    printf("%.3f\n",
           ((double)used.ru_utime.tv_sec * 1e6 + (double)used.ru_utime.tv_usec +
            (double)used.ru_stime.tv_sec * 1e6 +
            (double)used.ru_stime.tv_usec) /
               count_calls);
}

/* Not of getrusage: that peak begins with what the parent had at the exec. */
static void print_rss(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long kib = 0;

    while (file && fgets(line, sizeof(line), file))
        sscanf(line, "VmHWM: %ld", &kib);
    if (file)
        fclose(file);
    printf("%ld\n", kib);
}

static int rest_after(int rc)
{
    if (puts("rests") >= 0 && fflush(stdout) == 0)
        sleep(2);
    return rc;
}

static int ask_many(const char *url, const char *body, int count, long piece,
                    useconds_t pause, void (*print)(void))
{
    CURL *curl;

    count_calls = count;
    /* Registered before libcurl's first init: it runs after our exit flush. */
    atexit(print);
    curl = handle_for(url, body);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, piece);
    for (int i = 0; i < count; i++) {
        ask_once(curl);
        if (pause)
            usleep(pause);
    }
    curl_easy_cleanup(curl);
    return 0;
}

static int upload(const char *url, int mbytes)
{
    size_t len = (size_t)mbytes << 20;
    char *body = malloc(len);
    CURL *curl = handle_for(url, NULL);

    memset(body, 'x', len);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, body);
    free(body);
    ask_once(curl);
    curl_easy_cleanup(curl);
    print_rss();
    return 0;
}

/* -- many handles --------------------------------------------------------- */

static int set_in_turn(int handles, int count)
{
    CURL **list = calloc((size_t)handles, sizeof(CURL *));
    double start;

    for (int i = 0; i < handles; i++)
        list[i] = curl_easy_init();
    start = now_us(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < count; i++)
        curl_easy_setopt(list[i % handles], CURLOPT_WRITEDATA, stdout);
    printf("%.3f\n", (now_us(CLOCK_THREAD_CPUTIME_ID) - start) * 1e3 / count);
    for (int i = 0; i < handles; i++)
        curl_easy_cleanup(list[i]);
    free(list);
    return 0;
}

static int watch(CURL *curl, curl_socket_t fd, int events, void *poll,
                 void *known)
{
    struct epoll_event event = {.data = {.fd = fd}};

    (void)curl, (void)known;
    if (events == CURL_POLL_REMOVE)
        return epoll_ctl(*(int *)poll, EPOLL_CTL_DEL, fd, NULL), 0;
    event.events = (events & CURL_POLL_IN ? EPOLLIN : 0) |
                   (events & CURL_POLL_OUT ? EPOLLOUT : 0);
    if (epoll_ctl(*(int *)poll, EPOLL_CTL_MOD, fd, &event))
        epoll_ctl(*(int *)poll, EPOLL_CTL_ADD, fd, &event);
    return 0;
}

static int set_timer(CURLM *multi, long ms, void *timer)
{
    (void)multi;
    *(long *)timer = ms;
    return 0;
}

static int drive(CURLM *multi, int poll, const long *timer)
{
    struct epoll_event events[256];
    int running = 0;
    int count = epoll_wait(poll, events, 256, (int)*timer);

    if (count == 0)
        curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    for (int i = 0; i < count; i++) {
        int bits = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                   (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0);

        curl_multi_socket_action(multi, events[i].data.fd, bits, &running);
    }
    return running;
}

/* All of them begin before the first one ends. */
static void ask_all(CURLM *multi, CURL **list, int width, int poll, long *timer)
{
    CURLMsg *message;
    int left, done = 0;

    for (int i = 0; i < width; i++)
        curl_multi_add_handle(multi, list[i]);
    while (drive(multi, poll, timer) > 0)
        ;
    while ((message = curl_multi_info_read(multi, &left)) != NULL)
        done += message->data.result == CURLE_OK;
    for (int i = 0; i < width; i++)
        curl_multi_remove_handle(multi, list[i]);
    if (done != width)
        exit(1);
}

static int ask_at_once(const char *url, const char *body, int width, int count)
{
    CURL **list = calloc((size_t)width, sizeof(CURL *));
    int poll = epoll_create1(EPOLL_CLOEXEC);
    long timer = 0;
    CURLM *multi;

    count_calls = count;
    atexit(print_cpu);
    multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, &poll);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, &timer);
    for (int i = 0; i < width; i++) {
        list[i] = handle_for(url, body);
        /* libcurl looks for a connection to reuse among all that it has. */
        curl_easy_setopt(list[i], CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(list[i], CURLOPT_FORBID_REUSE, 1L);
    }
    for (int i = 0; i < count; i += width)
        ask_all(multi, list, width, poll, &timer);
    for (int i = 0; i < width; i++)
        curl_easy_cleanup(list[i]);
    curl_multi_cleanup(multi);
    free(list);
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";

    if (strcmp(what, "get") == 0 && (argc == 5 || argc == 6))
        return get(argv[2], atoi(argv[3]), atoi(argv[4]), argv[5], true);
    if (strcmp(what, "aside") == 0 && argc == 6)
        return get(argv[2], atoi(argv[3]), atoi(argv[4]), argv[5], false);
    if (strcmp(what, "setopt") == 0 && argc == 4)
        return setopt(argv[2], atoi(argv[3]));
    if (strcmp(what, "ask") == 0 && argc == 5)
        return ask(argv[2], argv[3], atoi(argv[4]), NULL);
    if (strcmp(what, "headers") == 0 && argc == 5)
        return ask(argv[2], argv[3], atoi(argv[4]), traced_headers());
    if (strcmp(what, "least") == 0 && argc == 6)
        return least(argv[2], argv[3], atoi(argv[4]), argv[5]);
    if (strcmp(what, "entries") == 0 && argc == 4)
        return entries(argv[2], atoi(argv[3]));
    if (strcmp(what, "body") == 0 && argc == 5)
        return body(argv[2], strtoul(argv[3], NULL, 10), atoi(argv[4]));
    if (strcmp(what, "relay") == 0 && argc == 4)
        return relay_all(argv[2], argv[3]);
    if (strcmp(what, "first") == 0)
        return first(argv[2]);
    if (strcmp(what, "cpu") == 0 && argc == 5)
        return ask_many(argv[2], argv[3], atoi(argv[4]), PIECE, 0, print_cpu);
    if (strcmp(what, "pieces") == 0 && argc == 5)
        return ask_many(argv[2], argv[3], atoi(argv[4]), 1024, 0, print_cpu);
    if (strcmp(what, "rest") == 0 && argc == 5)
        return rest_after(ask_many(argv[2], argv[3], atoi(argv[4]), PIECE,
                                   100 * PAUSE_US, print_cpu));
    if (strcmp(what, "rss") == 0 && argc == 5)
        return ask_many(argv[2], argv[3], atoi(argv[4]), PIECE, PAUSE_US,
                        print_rss);
    if (strcmp(what, "upload") == 0 && argc == 4)
        return upload(argv[2], atoi(argv[3]));
    if (strcmp(what, "live") == 0 && argc == 4)
        return set_in_turn(atoi(argv[2]), atoi(argv[3]));
    if (strcmp(what, "multi") == 0 && argc == 6)
        return ask_at_once(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]));
    fprintf(stderr, "usage: see the head of tests/bench/client.c\n");
    return 2;
}
