/* A program that lives as long as it is told: one call for each line of stdin.
 *
 *   caller URL
 *
 * posts each line, prints "CODE STATUS BYTES", ends at the end of stdin. Lines
 * that are commands, answered by "-" : !exec (begins anew, the same process),
 * !close PATH (closes all descriptors from 3 on, libcurl's by libcurl, opens
 * PATH and writes to it),
 * !size N and !files N (the limits of a file's bytes and of descriptors),
 * !cancel LINE (a thread posts it, cancels itself as the answer comes, and
 * prints whether its call returned before that),
 * !user N and !root PATH (gives up its user, or its root, for that one), !as N
 * (takes that user on, and may return).
 *
 *   caller URL multi|pair
 *
 * the same by the multi interface; twice, over one connection.
 *
 *   caller URL prefork COUNT LINE
 *
 * is a master that initialises libcurl and makes one call, and COUNT children
 * that post LINE as often as they have a number (1, 2, ...), each ending by
 * exit; prints the sum of what went well.
 *
 *   caller URL soak THREADS WORKERS MS LINE
 *
 * is a master that makes a call, and then so many threads of it, and so many
 * children, that post LINE with pauses of MS between until the first line of
 * stdin; prints the pids of the children, then the sum of what went well; all
 * end at the end of stdin. LEAK in the environment has letters for what each
 * call leaks: f, a descriptor, m, 64 KiB, t, a thread, c, one call of the sum.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <curl/curl.h>

static size_t count_bytes(char *data, size_t size, size_t count, void *total)
{
    (void)data;
    *(size_t *)total += size * count;
    return size * count;
}

static CURL *handle_for(const char *url, struct curl_slist *headers,
                        size_t *total)
{
    CURL *curl = curl_easy_init();

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, count_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, total);
    return curl;
}

static int twice;

static CURLcode by_multi(CURL *curl)
{
    CURL *twin = twice ? curl_easy_duphandle(curl) : NULL;
    CURLM *multi = curl_multi_init();
    CURLcode code = CURLE_OK;
    int running = 1, left;
    CURLMsg *message;

    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 1L);
    curl_multi_add_handle(multi, curl);
    if (twin)
        curl_multi_add_handle(multi, twin);
    while (curl_multi_perform(multi, &running) == CURLM_OK && running)
        curl_multi_poll(multi, NULL, 0, 1000, NULL);
    while ((message = curl_multi_info_read(multi, &left)) != NULL)
        code = message->data.result;
    curl_multi_remove_handle(multi, curl);
    if (twin)
        curl_multi_remove_handle(multi, twin);
    curl_easy_cleanup(twin);
    curl_multi_cleanup(multi);
    return code;
}

static CURLcode (*perform)(CURL *) = curl_easy_perform;

static long post(CURL *curl, const char *body, size_t len, CURLcode *code)
{
    long status = 0;

    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
    *code = perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static char **self;

static void set_limit(int what, long value)
{
    struct rlimit limit;

    getrlimit((__rlimit_resource_t)what, &limit);
    limit.rlim_cur = (rlim_t)value;
    if (setrlimit((__rlimit_resource_t)what, &limit) != 0)
        perror("setrlimit");
}

static void close_all(const char *path)
{
    int fd;

    syscall(__NR_close_range, 3, ~0U, 0);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, "mine\n", 5) != 5)
        perror(path);
}

static void leave_user(long id)
{
    if (setresgid((gid_t)id, (gid_t)id, (gid_t)id) != 0 ||
        setresuid((uid_t)id, (uid_t)id, (uid_t)id) != 0)
        perror("setresuid");
}

static void take_on(long id)
{
    if (seteuid((uid_t)id) != 0)
        perror("seteuid");
}

static void leave_root(const char *path)
{
    if (chroot(path) != 0 || chdir("/") != 0)
        perror(path);
}

static size_t cancel_itself(char *data, size_t size, size_t count, void *total)
{
    pthread_cancel(pthread_self());
    return count_bytes(data, size, count, total);
}

struct cancelled {
    CURL *curl;
    char *body;
    int returned;
};

static void *post_cancelled(void *arg)
{
    struct cancelled *cancelled = arg;
    CURLcode code;

    (void)post(cancelled->curl, cancelled->body, strlen(cancelled->body),
               &code);
    cancelled->returned = 1;
    pthread_testcancel();
    return NULL;
}

static void cancel(CURL *curl, char *body)
{
    struct cancelled cancelled = {curl, body, 0};
    pthread_t thread;
    void *result;

    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, cancel_itself);
    pthread_create(&thread, NULL, post_cancelled, &cancelled);
    pthread_join(thread, &result);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, count_bytes);
    printf("cancelled=%d returned=%d\n", result == PTHREAD_CANCELED,
           cancelled.returned);
    fflush(stdout);
}

static int is_close(const char *line)
{
    return strncmp(line, "!close ", 7) == 0;
}

static void obey(char *line, CURL *curl)
{
    char *value = strchr(line, ' ');

    line[strcspn(line, "\n")] = '\0';
    value = value ? value + 1 : line;
    printf("-\n");
    fflush(stdout);
    if (strcmp(line, "!exec") == 0)
        execv("/proc/self/exe", self);
    else if (is_close(line))
        close_all(value);
    else if (strncmp(line, "!cancel ", 8) == 0)
        cancel(curl, value);
    else if (strncmp(line, "!size ", 6) == 0)
        set_limit(RLIMIT_FSIZE, atol(value));
    else if (strncmp(line, "!files ", 7) == 0)
        set_limit(RLIMIT_NOFILE, atol(value));
    else if (strncmp(line, "!user ", 6) == 0)
        leave_user(atol(value));
    else if (strncmp(line, "!as ", 4) == 0)
        take_on(atol(value));
    else if (strncmp(line, "!root ", 6) == 0)
        leave_root(value);
    else
        fprintf(stderr, "no such command: %s\n", line);
}

static int by_line(const char *url, struct curl_slist *headers)
{
    size_t total = 0, cap = 0;
    CURL *curl = handle_for(url, headers, &total);
    char *line = NULL;
    ssize_t len;

    while ((len = getline(&line, &cap, stdin)) > 0) {
        CURLcode code;
        long status;

        if (line[0] == '!') {
            /* A handle whose descriptors are closed behind its back waits on
             * their numbers, whoever has them then, and reads what comes. */
            if (is_close(line)) {
                curl_easy_cleanup(curl);
                curl = NULL;
            }
            obey(line, curl);
            curl = curl ? curl : handle_for(url, headers, &total);
            continue;
        }
        total = 0;
        status = post(curl, line, (size_t)len - (line[len - 1] == '\n'), &code);
        printf("%d %ld %zu\n", (int)code, status, total);
        fflush(stdout);
    }
    free(line);
    curl_easy_cleanup(curl);
    return 0;
}

static int child(const char *url, struct curl_slist *headers, const char *body,
                 int count)
{
    size_t total = 0;
    CURL *curl = handle_for(url, headers, &total);
    int well = 0;

    for (int i = 0; i < count; i++) {
        CURLcode code;

        well += post(curl, body, strlen(body), &code) == 200;
    }
    curl_easy_cleanup(curl);
    return well;
}

static int prefork(const char *url, struct curl_slist *headers, int count,
                   const char *body)
{
    int well;

    curl_global_init(CURL_GLOBAL_ALL);
    well = child(url, headers, body, 1);
    fflush(stdout);
    for (int i = 1; i <= count; i++) {
        pid_t pid = fork();

        if (pid == 0)
            exit(child(url, headers, body, i));
    }
    for (int i = 0, status; i < count; i++) {
        if (wait(&status) > 0 && WIFEXITED(status))
            well += WEXITSTATUS(status);
    }
    printf("%d\n", well);
    return 0;
}

/* -- soak ---------------------------------------------------------------- */

struct soak {
    const char *url, *body;
    struct curl_slist *headers;
    int pause_ms;
    /* Of each the children see the end when the master closes its own. */
    int stop[2], end[2], sums[2];
};

static void *sleeper(void *arg)
{
    pause();
    return arg;
}

#define LEAKED 65536

/* A test must see these. Gives those that are not counted. */
static int leak(void)
{
    const char *what = getenv("LEAK");
    volatile char *some;
    pthread_t id;

    if (!what)
        return 0;
    if (strchr(what, 'f') && open("/dev/null", O_RDONLY) < 0)
        perror("/dev/null");
    if (strchr(what, 'm') && (some = malloc(LEAKED)))
        for (size_t i = 0; i < LEAKED; i += 1024)
            some[i] = 1;
    if (strchr(what, 't'))
        (void)pthread_create(&id, NULL, sleeper, NULL);
    return strchr(what, 'c') != NULL;
}

/* Whether the master has closed it, at the latest after so long. */
static int closed(int fd, int ms)
{
    struct pollfd one = {.fd = fd};

    return poll(&one, 1, ms) > 0;
}

/* With a new handle now and then. */
static int soak_calls(const struct soak *soak)
{
    int well = 0;

    while (!closed(soak->stop[0], 0)) {
        size_t total = 0;
        CURL *curl = handle_for(soak->url, soak->headers, &total);
        CURLcode code;

        for (int i = 0; i < 32 && !closed(soak->stop[0], soak->pause_ms); i++) {
            well += post(curl, soak->body, strlen(soak->body), &code) == 200;
            well -= leak();
        }
        curl_easy_cleanup(curl);
    }
    return well;
}

static void *soak_thread(void *arg)
{
    return (void *)(intptr_t)soak_calls(arg);
}

static pid_t soak_worker(const struct soak *soak)
{
    pid_t pid = fork();
    int well;

    if (pid != 0)
        return pid;
    close(soak->stop[1]);
    close(soak->end[1]);
    well = soak_calls(soak);
    if (write(soak->sums[1], &well, sizeof(well)) != sizeof(well))
        perror("sum");
    (void)closed(soak->end[0], -1);
    exit(0);
}

static int soak_threads(struct soak *soak, int threads, int workers)
{
    pthread_t ids[64];
    char line[16];
    int well = 0, one;
    void *mine;

    for (int i = 0; i < threads; i++)
        if (pthread_create(&ids[i], NULL, soak_thread, soak) != 0)
            abort();
    if (!fgets(line, sizeof(line), stdin))
        perror("stdin");
    close(soak->stop[1]);
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], &mine);
        well += (int)(intptr_t)mine;
    }
    for (int i = 0; i < workers; i++)
        if (read(soak->sums[0], &one, sizeof(one)) == sizeof(one))
            well += one;
    return well;
}

static int soak_all(struct soak *soak, int threads, int workers)
{
    int well, status, rc = 0;

    if (threads > 64 || pipe(soak->stop) || pipe(soak->end) || pipe(soak->sums))
        return 2;
    curl_global_init(CURL_GLOBAL_ALL);
    well = child(soak->url, soak->headers, soak->body, 1);
    for (int i = 0; i < workers; i++) {
        printf("%d ", (int)soak_worker(soak));
        fflush(stdout); /* before a child inherits it */
    }
    printf("\n");
    fflush(stdout);
    well += soak_threads(soak, threads, workers);
    printf("%d\n", well);
    fflush(stdout);
    while (getchar() != EOF)
        ;
    close(soak->end[1]);
    for (int i = 0; i < workers; i++)
        if (wait(&status) < 0 || status != 0)
            rc = 1;
    return rc;
}

int main(int argc, char **argv)
{
    struct curl_slist *headers =
        curl_slist_append(NULL, "Content-Type: application/json");
    int rc = 2;

    self = argv;

    headers = curl_slist_append(headers,
                                "Authorization: Bearer sk-Zq7fUnspeakable9Xw2");
    twice = argc == 3 && strcmp(argv[2], "pair") == 0;
    if (twice || (argc == 3 && strcmp(argv[2], "multi") == 0))
        perform = by_multi;
    if (argc == 2 || perform == by_multi)
        rc = by_line(argv[1], headers);
    else if (argc == 5 && strcmp(argv[2], "prefork") == 0)
        rc = prefork(argv[1], headers, atoi(argv[3]), argv[4]);
    else if (argc == 7 && strcmp(argv[2], "soak") == 0)
        rc = soak_all(&(struct soak){.url = argv[1],
                                     .headers = headers,
                                     .pause_ms = atoi(argv[5]),
                                     .body = argv[6]},
                      atoi(argv[3]), atoi(argv[4]));
    else
        fprintf(stderr, "usage: see the head of tests/support/caller.c\n");
    curl_slist_free_all(headers);
    return rc;
}
