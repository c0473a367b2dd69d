/* A program of the time of libcurl 7.29: a call by easy, two by multi, one that
 * is refused a later option.  Prints all that it sees.  usage: old_app URL BODY
 */
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

static size_t show(char *data, size_t size, size_t count, void *to)
{
    (void)to;
    fwrite(data, size, count, stdout);
    return size * count;
}

static CURL *make(const char *url, const char *body, struct curl_slist *list)
{
    CURL *curl = curl_easy_init();

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, show);
    return curl;
}

static void run_multi(CURL **curls, int count)
{
    CURLM *multi = curl_multi_init();
    int running = 1, left;

    for (int i = 0; i < count; i++)
        printf("add %d\n", curl_multi_add_handle(multi, curls[i]));
    while (running && curl_multi_perform(multi, &running) == CURLM_OK)
        curl_multi_wait(multi, NULL, 0, 200, NULL);
    while (curl_multi_info_read(multi, &left))
        printf("\nnews\n");
    for (int i = 0; i < count; i++)
        curl_multi_remove_handle(multi, curls[i]);
    curl_multi_cleanup(multi);
}

int main(int argc, char **argv)
{
    struct curl_slist *list;
    CURL *curls[2];
    long status = 0;

    if (argc != 3)
        return 2;
    curl_global_init(CURL_GLOBAL_ALL);
    list = curl_slist_append(NULL, "Content-Type: application/json");
    printf("%s\n", curl_version_info(CURLVERSION_NOW)->version);
    for (int i = 0; i < 2; i++)
        curls[i] = make(argv[1], argv[2], list);
    printf("late %d\n",
           curl_easy_setopt(curls[0], CURLOPT_UNIX_SOCKET_PATH, NULL));
    printf("\nperform %d\n", curl_easy_perform(curls[0]));
    curl_easy_getinfo(curls[0], CURLINFO_RESPONSE_CODE, &status);
    printf("status %ld\n", status);
    run_multi(curls, 2);
    for (int i = 0; i < 2; i++)
        curl_easy_cleanup(curls[i]);
    curl_slist_free_all(list);
    curl_global_cleanup();
    return 0;
}
