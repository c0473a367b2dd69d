/* addon - a module of Node's that calls by libcurl, whose OpenSSL is then
 * Node's, and by OpenSSL itself (tls/cases.c).  URL, PORT and
 * NODE_EXTRA_CA_CERTS say where. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "multi.h"

int run_case_of(int argc, char **argv);
void *napi_register_module_v1(void *env, void *exports);

static void *ask(void *curl)
{
    printf(" %d\n", curl_easy_perform(curl));
    return NULL;
}

void *napi_register_module_v1(void *env, void *exports)
{
    CURL *curl = curl_easy_init();
    pthread_t thread;

    (void)env;
    curl_easy_setopt(curl, CURLOPT_URL, getenv("URL"));
    curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("NODE_EXTRA_CA_CERTS"));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
                     "{\"model\":\"gpt-test\",\"messages\":[{\"role\":\"user\","
                     "\"content\":\"hello there\"}]}");
    printf(" %d\n", run_multi(curl));
    ask(curl);
    /* The connection is now another thread's. */
    pthread_create(&thread, NULL, ask, curl);
    pthread_join(thread, NULL);
    curl_easy_cleanup(curl);
    run_case_of(3, (char *[]){"", "plain", getenv("PORT"), NULL});
    fflush(stdout);
    return exports;
}
