/* A call that libcurl never sends, whose body is gone as soon as libcurl may
 * not read it any more.
 *
 *   unsent BODY WAY URL TEXT [PROXY|-] [BESIDE]
 *
 * BODY: string, fields (with a size), copy, read, file, mime, form (of which
 * TEXT is the model); WAY: easy; multi; beside, a multi that has another
 * transfer (of BESIDE) under way; abort, a callback that frees the body and
 * ends the transfer. Prints what libcurl answered, and what it has read.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ROOM ((size_t)4096)

static char *body;
static int reads;

static void free_body(void)
{
    if (body)
        munmap(body, ROOM);
    body = NULL;
}

static size_t give(char *to, size_t size, size_t count, void *arg)
{
    (void)to, (void)size, (void)count, (void)arg;
    reads++;
    return 0;
}

static int stop(void *arg, curl_off_t a, curl_off_t b, curl_off_t c,
                curl_off_t d)
{
    (void)arg, (void)a, (void)b, (void)c, (void)d;
    free_body();
    return 1;
}

static CURLcode in_multi(CURL *curl, const char *beside)
{
    CURLM *multi = curl_multi_init();
    CURL *other = beside ? curl_easy_init() : NULL;
    const int wanted = other != NULL;
    CURLcode code = CURLE_OK;
    CURLMsg *message;
    int running, left;

    if (other) {
        curl_easy_setopt(other, CURLOPT_URL, beside);
        curl_multi_add_handle(multi, other);
    }
    curl_multi_add_handle(multi, curl);
    while (curl_multi_perform(multi, &running) == CURLM_OK && running > wanted)
        curl_multi_wait(multi, NULL, 0, 50, NULL);
    free_body();
    while ((message = curl_multi_info_read(multi, &left)))
        code = message->data.result;
    curl_multi_remove_handle(multi, curl);
    if (other)
        curl_multi_remove_handle(multi, other);
    curl_easy_cleanup(other);
    curl_multi_cleanup(multi);
    return code;
}

static void set_form(CURL *curl, const char *how)
{
    static struct curl_httppost *first, *last;

    if (strcmp(how, "form") == 0) {
        curl_formadd(&first, &last, CURLFORM_PTRNAME, "model",
                     CURLFORM_PTRCONTENTS, body, CURLFORM_END);
        curl_easy_setopt(curl, CURLOPT_HTTPPOST, first);
    } else {
        curl_mime *mime = curl_mime_init(curl);
        curl_mimepart *part = curl_mime_addpart(mime);

        curl_mime_name(part, "model");
        curl_mime_data(part, body, CURL_ZERO_TERMINATED);
        part = curl_mime_addpart(mime);
        curl_mime_name(part, "file");
        curl_mime_data_cb(part, 100, give, NULL, NULL, NULL);
        curl_easy_setopt(curl, CURLOPT_MIMEPOST, mime);
    }
}

int main(int argc, char **argv)
{
    const char *how = argv[1], *way = argv[2];
    const size_t len = strlen(argv[4]);
    struct curl_slist *list =
        curl_slist_append(NULL, "Content-Type: application/json");
    FILE *file = tmpfile();
    CURL *curl = curl_easy_init();
    CURLcode code;

    /* A body with a size has no NUL, and ends where the page does. */
    body = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                -1, 0);
    memcpy(body, argv[4], len);
    fputs(argv[4], file);
    rewind(file);
    curl_easy_setopt(curl, CURLOPT_URL, argv[3]);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 1000L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
    if (argc > 5 && strcmp(argv[5], "-") != 0)
        curl_easy_setopt(curl, CURLOPT_PROXY, argv[5]);
    if (strcmp(how, "mime") == 0 || strcmp(how, "form") == 0) {
        set_form(curl, how);
    } else {
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
    }
    if (strcmp(how, "fields") == 0) {
        memmove(body + ROOM - len, body, len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body + ROOM - len);
    } else if (strcmp(how, "string") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    } else if (strcmp(how, "copy") == 0) {
        curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, body);
    } else if (strcmp(how, "read") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)len);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
    } else if (strcmp(how, "file") == 0) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "POST");
        curl_easy_setopt(curl, CURLOPT_READDATA, file);
    }
    if (strcmp(way, "abort") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, stop);
    }
    code = strcmp(way, "multi") == 0    ? in_multi(curl, NULL)
           : strcmp(way, "beside") == 0 ? in_multi(curl, argv[6])
                                        : curl_easy_perform(curl);
    free_body();
    printf("%d, %d reads, at %ld\n", (int)code, reads, ftell(file));
    curl_easy_cleanup(curl);
    curl_slist_free_all(list);
    return 0;
}
