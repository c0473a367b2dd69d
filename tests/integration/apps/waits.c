/* A program whose threads wait for their models.
 *
 *   waits URL BODY COUNT     COUNT threads: a call each, which does not end;
 *                            prints "ready" when all run, and ends at the
 *                            first line of stdin
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <curl/curl.h>

static const char *url, *body;

static size_t drop(char *data, size_t size, size_t count, void *arg)
{
    (void)data;
    (void)arg;
    return size * count;
}

static void *wait_for_model(void *arg)
{
    CURL *curl = curl_easy_init();

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_perform(curl);
    curl_easy_cleanup(curl);
    return arg;
}

int main(int argc, char **argv)
{
    size_t count = argc == 4 ? (size_t)atol(argv[3]) : 0;
    pthread_t thread;
    char line[16];

    if (argc != 4)
        return 2;
    url = argv[1];
    body = argv[2];
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (size_t i = 0; i < count; i++)
        pthread_create(&thread, NULL, wait_for_model, NULL);
    puts("ready");
    fflush(stdout);
    return fgets(line, sizeof(line), stdin) ? 0 : 1;
}
