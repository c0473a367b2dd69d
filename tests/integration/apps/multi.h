/* multi - one transfer by a multi handle, as a program waits for it. */
#ifndef LLMOBS_APPS_MULTI_H
#define LLMOBS_APPS_MULTI_H

#include <curl/curl.h>

static inline CURLcode run_multi(CURL *curl)
{
    CURLM *multi = curl_multi_init();
    CURLcode code = CURLE_OK;
    CURLMsg *message;
    int running, left;

    curl_multi_add_handle(multi, curl);
    do {
        curl_multi_perform(multi, &running);
        if (running)
            curl_multi_wait(multi, NULL, 0, 1000, NULL);
    } while (running);
    while ((message = curl_multi_info_read(multi, &left)))
        code = message->data.result;
    curl_multi_remove_handle(multi, curl);
    curl_multi_cleanup(multi);
    return code;
}

#endif
