/* A program that lives as long as it is told: one call for each line of stdin.
 *
 *   caller URL                      posts each line, prints "CODE STATUS
 * BYTES", ends at the end of stdin caller URL prefork COUNT LINE   a master
 * that initialises libcurl and makes one call, COUNT children that post LINE as
 *                                   often as they have a number (1, 2, ...),
 *                                   each ending by exit; prints the sum of what
 *                                   went well
 *   caller URL threads COUNT TIMES LINE   COUNT threads that post LINE as
 * often; prints the sum of what went well
 *
 * Lines that are commands, answered by "-" : !exec (begins anew, the same
 * process), !close PATH (closes all descriptors from 3 on, opens PATH and
 * writes to it), !size N and !files N (the limits of a file's bytes and of
 * descriptors).
 */
#include <fcntl.h>
#include <pthread.h>
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

static long post(CURL *curl, const char *body, size_t len, CURLcode *code)
{
    long status = 0;

    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
    *code = curl_easy_perform(curl);
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

    syscall(SYS_close_range, 3, ~0U, 0);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, "mine\n", 5) != 5)
        perror(path);
}

static void obey(char *line)
{
    char *value = strchr(line, ' ');

    line[strcspn(line, "\n")] = '\0';
    value = value ? value + 1 : line;
    printf("-\n");
    fflush(stdout);
    if (strcmp(line, "!exec") == 0)
        execv("/proc/self/exe", self);
    else if (strncmp(line, "!close ", 7) == 0)
        close_all(value);
    else if (strncmp(line, "!size ", 6) == 0)
        set_limit(RLIMIT_FSIZE, atol(value));
    else if (strncmp(line, "!files ", 7) == 0)
        set_limit(RLIMIT_NOFILE, atol(value));
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
            obey(line);
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

struct work {
    const char *url;
    struct curl_slist *headers;
    const char *body;
    int count, well;
};

static void *work(void *arg)
{
    struct work *mine = arg;

    mine->well = child(mine->url, mine->headers, mine->body, mine->count);
    return NULL;
}

static int threads(struct work *each, int count)
{
    pthread_t ids[64];
    struct work all[64];
    int well = 0;

    curl_global_init(CURL_GLOBAL_ALL);
    for (int i = 0; i < count && i < 64; i++) {
        all[i] = *each;
        if (pthread_create(&ids[i], NULL, work, &all[i]) != 0)
            abort();
    }
    for (int i = 0; i < count && i < 64; i++) {
        pthread_join(ids[i], NULL);
        well += all[i].well;
    }
    printf("%d\n", well);
    return 0;
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

int main(int argc, char **argv)
{
    struct curl_slist *headers =
        curl_slist_append(NULL, "Content-Type: application/json");
    int rc = 2;

    self = argv;

    headers = curl_slist_append(headers,
                                "Authorization: Bearer sk-Zq7fUnspeakable9Xw2");
    if (argc == 2)
        rc = by_line(argv[1], headers);
    else if (argc == 5 && strcmp(argv[2], "prefork") == 0)
        rc = prefork(argv[1], headers, atoi(argv[3]), argv[4]);
    else if (argc == 6 && strcmp(argv[2], "threads") == 0)
        rc = threads(&(struct work){.url = argv[1],
                                    .headers = headers,
                                    .body = argv[5],
                                    .count = atoi(argv[4])},
                     atoi(argv[3]));
    else
        fprintf(stderr, "usage: see the head of tests/support/caller.c\n");
    curl_slist_free_all(headers);
    return rc;
}
