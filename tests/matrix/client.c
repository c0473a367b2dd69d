/* usage: client INTERFACE URL (MODE FILE)...
 *
 * Posts each FILE to URL through libcurl's easy or multi interface, and prints
 * what came of it. MODE: `timeout` gives up after 600 ms, `abort` at the first
 * byte of the answer, every other one is just a name.
 *
 * Built in many ways: linked; with LATE, which takes libcurl by dlopen (the
 * file's name and the flags are LATE and LATE_FLAGS); with PLUGIN, as a shared
 * object for opener.c, which defines ask() and no main(). */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#undef curl_easy_setopt
#undef curl_easy_getinfo

#ifdef LATE
#define FUNCTIONS(X)       \
    X(easy_init)           \
    X(easy_setopt)         \
    X(easy_perform)        \
    X(easy_getinfo)        \
    X(easy_cleanup)        \
    X(multi_init)          \
    X(multi_add_handle)    \
    X(multi_perform)       \
    X(multi_poll)          \
    X(multi_info_read)     \
    X(multi_remove_handle) \
    X(multi_cleanup)       \
    X(slist_append)        \
    X(slist_free_all)
#define X(name) static __typeof__(curl_##name) *late_##name;
FUNCTIONS(X)
#undef X
#define CALL(name) late_##name

static void resolve(void)
{
    void *handle = dlopen(LATE, RTLD_NOW | LATE_FLAGS);

    if (!handle) {
        fprintf(stderr, "%s\n", dlerror());
        exit(3);
    }
#define X(name) \
    late_##name = (__typeof__(late_##name))dlsym(handle, "curl_" #name);
    FUNCTIONS(X)
#undef X
}
#else
#define CALL(name) curl_##name
static void resolve(void)
{
}
#endif

struct answer {
    char data[65536];
    size_t len;
    int abort;
};

static size_t collect(char *data, size_t size, size_t count, void *to)
{
    struct answer *answer = to;
    size_t len = size * count;

    if (answer->abort || answer->len + len > sizeof(answer->data))
        return 0;
    memcpy(answer->data + answer->len, data, len);
    answer->len += len;
    return len;
}

static char *read_file(const char *path)
{
    static char text[65536];
    FILE *file = fopen(path, "r");
    size_t len = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

    if (file)
        fclose(file);
    text[len] = '\0';
    return text;
}

static CURLcode perform_multi(CURL *easy)
{
    CURLM *multi = CALL(multi_init)();
    CURLcode result = CURLE_FAILED_INIT;
    CURLMsg *message;
    int running = 1, left;

    CALL(multi_add_handle)(multi, easy);
    while (running && CALL(multi_perform)(multi, &running) == CURLM_OK)
        if (running)
            CALL(multi_poll)(multi, NULL, 0, 100, NULL);
    while ((message = CALL(multi_info_read)(multi, &left)))
        if (message->msg == CURLMSG_DONE)
            result = message->data.result;
    CALL(multi_remove_handle)(multi, easy);
    CALL(multi_cleanup)(multi);
    return result;
}

int ask(const char *interface, const char *url, const char *mode,
        const char *file);
int ask(const char *interface, const char *url, const char *mode,
        const char *file)
{
    static struct answer answer;
    struct curl_slist *headers;
    CURLcode result;
    CURL *easy;
    long status = 0;

    resolve();
    answer.len = 0;
    answer.abort = strcmp(mode, "abort") == 0;
    easy = CALL(easy_init)();
    headers = CALL(slist_append)(NULL, "Content-Type: application/json");
    CALL(easy_setopt)(easy, CURLOPT_URL, url);
    CALL(easy_setopt)(easy, CURLOPT_HTTPHEADER, headers);
    CALL(easy_setopt)(easy, CURLOPT_POSTFIELDS, read_file(file));
    CALL(easy_setopt)(easy, CURLOPT_WRITEFUNCTION, collect);
    CALL(easy_setopt)(easy, CURLOPT_WRITEDATA, &answer);
    if (strcmp(mode, "timeout") == 0)
        CALL(easy_setopt)(easy, CURLOPT_TIMEOUT_MS, 600L);
    result = strcmp(interface, "multi") == 0 ? perform_multi(easy)
                                             : CALL(easy_perform)(easy);
    CALL(easy_getinfo)(easy, CURLINFO_RESPONSE_CODE, &status);
    printf("%s %d %ld %.*s\n", mode, result, status, (int)answer.len,
           answer.data);
    CALL(easy_cleanup)(easy);
    CALL(slist_free_all)(headers);
    return result != CURLE_OK;
}

#ifndef PLUGIN
int main(int argc, char **argv)
{
    int failed = 0;

    for (int i = 3; i + 1 < argc; i += 2)
        failed += ask(argv[1], argv[2], argv[i], argv[i + 1]);
    return failed;
}
#endif
