/* A plugin that calls libcurl and names no library for it. */
#include "tests/preload/fetch.h"

int plugin_run(const char *url);

__attribute__((visibility("default"))) int plugin_run(const char *url)
{
    size_t got = 0;
    CURL *h = curl_easy_init();
    int r;

    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, fetch_count);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, &got);
    r = curl_easy_perform(h) != CURLE_OK || got == 0;
    curl_easy_cleanup(h);
    return r;
}
