/* A program that lives as long as it is told: one call for each line of stdin.
 *
 *   caller URL                      posts each line, prints "CODE STATUS
 * BYTES", ends at the end of stdin caller URL prefork COUNT LINE   a master
 * that initialises libcurl and makes one call, COUNT children that post LINE as
 *                                   often as they have a number (1, 2, ...),
 *                                   each ending by exit; prints the sum of what
 *                                   went well
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static int by_line(const char *url, struct curl_slist *headers)
{
    size_t total = 0, cap = 0;
    CURL *curl = handle_for(url, headers, &total);
    char *line = NULL;
    ssize_t len;

    while ((len = getline(&line, &cap, stdin)) > 0) {
        CURLcode code;
        long status;

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

int main(int argc, char **argv)
{
    struct curl_slist *headers =
        curl_slist_append(NULL, "Content-Type: application/json");
    int rc = 2;

    headers = curl_slist_append(headers,
                                "Authorization: Bearer sk-Zq7fUnspeakable9Xw2");
    if (argc == 2)
        rc = by_line(argv[1], headers);
    else if (argc == 5 && strcmp(argv[2], "prefork") == 0)
        rc = prefork(argv[1], headers, atoi(argv[3]), argv[4]);
    else
        fprintf(stderr, "usage: see the head of tests/support/caller.c\n");
    curl_slist_free_all(headers);
    return rc;
}
