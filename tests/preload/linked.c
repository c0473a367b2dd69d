/* linked URL: calls its libcurl directly, so that a lazily bound build has
 * unbound slots until then. With CLEARED, the environment is emptied first. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/preload/fetch.h"

static int direct(const char *url)
{
    size_t got = 0;
    CURL *h = curl_easy_init();
    CURLM *m = curl_multi_init();
    int left = 1, r;

    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, fetch_count);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, &got);
    r = curl_easy_perform(h) != CURLE_OK;
    r |= curl_multi_add_handle(m, h) != CURLM_OK;
    while (left && curl_multi_perform(m, &left) == CURLM_OK)
        continue;
    r |= !curl_multi_info_read(m, &left);
    curl_multi_remove_handle(m, h);
    curl_easy_cleanup(h);
    curl_multi_cleanup(m);
    printf("%zu bytes, %d\n", got, r);
    return r;
}

#ifdef PLUGIN
__attribute__((visibility("default"))) int plugin_run(const char *url)
{
    return direct(url);
}
#endif

int main(int argc, char **argv)
{
#ifdef CLEARED
    clearenv();
#endif
    return argc == 2 ? direct(argv[1]) : 64;
}
