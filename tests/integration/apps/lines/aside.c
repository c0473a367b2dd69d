/* A library that calls for a script: in the script's thread, or in a thread of
 * its own. */
#include <curl/curl.h>
#include <pthread.h>
#include <stddef.h>

struct asked {
    const char *url, *body;
};

static void *ask(void *arg)
{
    const struct asked *asked = arg;
    CURL *easy = curl_easy_init();
    struct curl_slist *lines =
        curl_slist_append(NULL, "Content-Type: application/json");

    curl_easy_setopt(easy, CURLOPT_URL, asked->url);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, asked->body);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lines);
    curl_easy_perform(easy);
    curl_easy_cleanup(easy);
    curl_slist_free_all(lines);
    return NULL;
}

void here(const char *url, const char *body);
void aside(const char *url, const char *body);

void here(const char *url, const char *body)
{
    struct asked asked = {url, body};

    ask(&asked);
}

void aside(const char *url, const char *body)
{
    struct asked asked = {url, body};
    pthread_t thread;

    if (pthread_create(&thread, NULL, ask, &asked) == 0)
        pthread_join(thread, NULL);
}
