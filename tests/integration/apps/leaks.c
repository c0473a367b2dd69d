/* Loses memory that libcurl was told of, in the way that argv[1] names, and
 * ends. It is built with LeakSanitizer. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#define ROUNDS 4

static const char *url;
static const char body[] =
    "{\"model\": \"gpt-test\", \"messages\": [{\"role\": \"user\", "
    "\"content\": \"hello there\"}]}";
static const char *how, *after;

static size_t drop(char *data, size_t size, size_t count, void *to)
{
    (void)data, (void)to;
    return size * count;
}

static size_t give(char *data, size_t size, size_t count, void *from)
{
    size_t len = strlen(from);

    if (len > size * count)
        len = size * count;
    memcpy(data, from, len);
    return len;
}

static int go_on(void *own, char *peer, char *local, int a, int b)
{
    (void)own, (void)peer, (void)local, (void)a, (void)b;
    return CURL_PREREQFUNC_OK;
}

static bool is(const char *name)
{
    return strcmp(how, name) == 0;
}

static CURL *asking(void)
{
    CURL *curl = curl_easy_init();

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
    return curl;
}

static curl_mime *form(CURL *curl)
{
    curl_mime *mime = curl_mime_init(curl);
    curl_mimepart *part = curl_mime_addpart(mime);

    curl_mime_name(part, "model");
    curl_mime_data(part, "whisper-1", CURL_ZERO_TERMINATED);
    return mime;
}

static struct curl_httppost *old_form(void)
{
    struct curl_httppost *first = NULL, *last = NULL;

    curl_formadd(&first, &last, CURLFORM_COPYNAME, "model",
                 CURLFORM_COPYCONTENTS, "whisper-1", CURLFORM_END);
    return first;
}

static void *lost(void)
{
    return strcpy(malloc(sizeof(body)), body);
}

/* Tells libcurl of memory that only it knows. */
static void set(CURL *curl)
{
    if (is("fields"))
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, lost());
    if (is("large")) { /* goes later than its request, if at all */
        char *large = malloc(2000001);

        memset(large, ' ', 2000000);
        memcpy(large, body, sizeof(body) - 1);
        large[2000000] = '\0';
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, large);
    }
    if (is("list"))
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER,
                         curl_slist_append(NULL, "A: b"));
    if (is("handle")) {
        CURLU *parts = curl_url();

        curl_url_set(parts, CURLUPART_URL, url, 0);
        curl_easy_setopt(curl, CURLOPT_CURLU, parts);
    }
    if (is("write"))
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, lost());
    if (is("header")) {
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, drop);
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, lost());
    }
    if (is("read")) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, NULL);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
        curl_easy_setopt(curl, CURLOPT_READDATA, lost());
    }
    if (is("seek"))
        curl_easy_setopt(curl, CURLOPT_SEEKDATA, lost());
    if (is("prereq")) {
        curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, go_on);
        curl_easy_setopt(curl, CURLOPT_PREREQDATA, lost());
    }
    if (is("error"))
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, malloc(CURL_ERROR_SIZE));
    if (is("private"))
        curl_easy_setopt(curl, CURLOPT_PRIVATE, lost());
    if (is("resolve"))
        curl_easy_setopt(curl, CURLOPT_RESOLVE,
                         curl_slist_append(NULL, "+a.test:80:127.0.0.1"));
    if (is("mime"))
        curl_easy_setopt(curl, CURLOPT_MIMEPOST, form(curl));
    if (is("form"))
        curl_easy_setopt(curl, CURLOPT_HTTPPOST, old_form());
}

static void perform(CURL *curl)
{
    CURLM *multi;
    int running = 1, left;

    if (!strstr(after, "multi")) {
        curl_easy_perform(curl);
        return;
    }
    multi = curl_multi_init();
    curl_multi_add_handle(multi, curl);
    while (running) {
        curl_multi_perform(multi, &running);
        if (running)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    if (!strstr(after, "unread"))
        curl_multi_info_read(multi, &left);
    if (strstr(after, "multi-lost"))
        return; /* with the handle in it */
    curl_multi_remove_handle(multi, curl);
    curl_multi_cleanup(multi);
}

static CURL *kept[ROUNDS];

static __attribute__((noinline)) void lose(int round)
{
    CURL *curl = asking();

    set(curl);
    perform(curl);
    if (strstr(after, "again"))
        perform(curl);
    if (strstr(after, "unset"))
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    if (strstr(after, "next")) {
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_CURLU, NULL);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, NULL);
        perform(curl);
    }
    if (strstr(after, "cleanup"))
        curl_easy_cleanup(curl);
    if (strstr(after, "reset"))
        curl_easy_reset(curl);
    if (strstr(after, "kept"))
        kept[round] = curl;
}

/* The frames of calls that have returned hold no address. */
static __attribute__((noinline)) void wipe(void)
{
    volatile char frame[64 * 1024];

    for (size_t i = 0; i < sizeof(frame); i++)
        frame[i] = 0;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    url = argv[1];
    how = argv[2];
    after = argv[3];
    curl_global_init(CURL_GLOBAL_ALL);
    for (int i = 0; i < ROUNDS; i++) {
        lose(i);
        wipe();
    }
    return 0;
}
