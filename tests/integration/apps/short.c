/* As many calls as are wanted, each by a handle and, with `multi`, a multi that
 * are new: in the first none fails, as it has allocations that no other has; in
 * the n-th after it the n-th allocation of the core fails, if there are so many
 * (tests/support/bad_memory.c). Prints what libcurl answers.
 *
 *   short COUNT easy|multi URL BODY
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

__attribute__((weak)) void bad_memory(long n);

static size_t eat(char *data, size_t size, size_t count, void *arg)
{
    (void)data;
    (void)arg;
    return size * count;
}

static int run_multi(CURL *curl)
{
    CURLM *multi = curl_multi_init(); /* kept: the next one is another */
    CURLMsg *message;
    int running = 1, left, code = -1;

    curl_multi_add_handle(multi, curl);
    while (running) {
        curl_multi_perform(multi, &running);
        if (running)
            curl_multi_wait(multi, NULL, 0, 1000, NULL);
    }
    while ((message = curl_multi_info_read(multi, &left)))
        code = (int)message->data.result;
    curl_multi_remove_handle(multi, curl);
    return code;
}

int main(int argc, char **argv)
{
    struct curl_slist *list =
        curl_slist_append(NULL, "Content-Type: application/json");

    if (argc != 5)
        return 2;
    for (long n = 0; n < atol(argv[1]); n++) {
        CURL *curl = curl_easy_init();

        curl_easy_setopt(curl, CURLOPT_URL, argv[3]);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, argv[4]);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, eat);
        if (bad_memory)
            bad_memory(n);
        printf("%d\n", strcmp(argv[2], "multi") == 0
                           ? run_multi(curl)
                           : (int)curl_easy_perform(curl));
        if (bad_memory)
            bad_memory(0);
        curl_easy_cleanup(curl);
    }
    curl_slist_free_all(list);
    return 0;
}
