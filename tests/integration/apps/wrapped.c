/* wrapped URL: calls each function of libcurl that the library watches, over
 * all lives of a handle, and says how each ended. By names, or with TABLE
 * through a table of addresses that is made: 1 by relocations, 2 in a
 * constructor, 3 by dlsym; 4: the table is another library's, 5: it is made
 * there. With RUN the calls are in a library, whose user calls run. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#undef curl_easy_setopt
#undef curl_multi_setopt
#undef curl_multi_socket

#define NAMES(X)           \
    X(global_init)         \
    X(global_init_mem)     \
    X(global_cleanup)      \
    X(easy_init)           \
    X(easy_setopt)         \
    X(easy_perform)        \
    X(easy_reset)          \
    X(easy_duphandle)      \
    X(easy_cleanup)        \
    X(multi_add_handle)    \
    X(multi_remove_handle) \
    X(multi_perform)       \
    X(multi_socket)        \
    X(multi_socket_action) \
    X(multi_socket_all)    \
    X(multi_info_read)     \
    X(multi_cleanup)       \
    X(multi_setopt)        \
    X(easy_send)           \
    X(easy_recv)           \
    X(mime_init)           \
    X(mime_free)           \
    X(mime_addpart)        \
    X(mime_name)           \
    X(mime_filename)       \
    X(mime_data)           \
    X(mime_filedata)       \
    X(mime_data_cb)        \
    X(mime_subparts)       \
    X(mime_type)           \
    X(mime_encoder)        \
    X(mime_headers)

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#ifdef TABLE
#define MEMBER(name) __typeof__(&curl_##name) name;
#define VALUE(name) curl_##name,
#define COPY(name) table.name = curl_##name;
#define ASK(name) *(void **)&table.name = dlsym(RTLD_DEFAULT, "curl_" #name);
struct table {
    NAMES(MEMBER)
};
#ifdef VARIABLE
#define const /* the table is not */
#endif
#if TABLE == 4
extern const struct table table;
#elif TABLE == 5
extern const struct table table;
const struct table table = {NAMES(VALUE)};
#else
static struct table table
#if TABLE == 1
    = {NAMES(VALUE)}
#endif
;
#endif
#undef const
#if TABLE == 2
__attribute__((constructor)) static void fill(void)
{
    NAMES(COPY)
}
#endif
#define C(name) table.name
#else
#define C(name) curl_##name
#endif

static struct curl_slist *type;
static const char *url;

static size_t eat(char *data, size_t size, size_t n, void *ctx)
{
    (void)data;
    *(size_t *)ctx += size * n;
    return size * n;
}

static void set(CURL *h, size_t *got)
{
    C(easy_setopt)(h, CURLOPT_URL, url);
    C(easy_setopt)(h, CURLOPT_NOPROXY, "*");
    C(easy_setopt)(h, CURLOPT_HTTPHEADER, type);
    C(easy_setopt)
    (h, CURLOPT_POSTFIELDS,
     "{\"model\":\"gpt-test\",\"messages\":[{\"role\":\"user\","
     "\"content\":\"hello there\"}]}");
    C(easy_setopt)(h, CURLOPT_WRITEFUNCTION, eat);
    C(easy_setopt)(h, CURLOPT_WRITEDATA, got);
}

static void easy(void)
{
    size_t got = 0, some = 0;
    CURL *h = C(easy_init)(), *twin;
    char byte[1];

    set(h, &got);
    printf("easy %d\n", C(easy_perform)(h));
    C(easy_reset)(h);
    set(h, &got);
    printf("again %d\n", C(easy_perform)(h));
    printf("bytes %d %d\n", C(easy_send)(h, "x", 1, &some),
           C(easy_recv)(h, byte, 1, &some));
    twin = C(easy_duphandle)(h);
    C(easy_cleanup)(h);
    printf("twin %d\n", C(easy_perform)(twin));
    C(easy_cleanup)(twin);
    printf("got %zu\n", got);
}

static int pushed(CURL *a, CURL *b, size_t n, struct curl_pushheaders *h,
                  void *ctx)
{
    (void)a, (void)b, (void)n, (void)h, (void)ctx;
    return CURL_PUSH_DENY;
}

static CURLMcode drive(CURLM *m, int how, int *running)
{
    switch (how) {
    case 1:
        C(multi_socket)(m, CURL_SOCKET_TIMEOUT, running);
        return C(multi_socket_all)(m, running);
    case 2:
        C(multi_socket_action)(m, CURL_SOCKET_TIMEOUT, 0, running);
        return C(multi_socket_all)(m, running);
    default:
        return C(multi_perform)(m, running);
    }
}

static void finish(CURLM *m, int how)
{
    int running = 1, most = 10000;

    while (running && most-- && drive(m, how, &running) == CURLM_OK)
        curl_multi_wait(m, NULL, 0, 10, NULL);
    printf("running %d\n", running);
}

/* The order of the messages is that in which the server's answers came. */
static void read_all(CURLM *m, CURL **h, int n)
{
    CURLMsg *message;
    int left = 0, others = 0, results[4] = {-1, -1, -1, -1};

    while ((message = C(multi_info_read)(m, &left)) != NULL) {
        int at = 0;

        while (at < n && h[at] != message->easy_handle)
            at++;
        if (at < n)
            results[at] = message->data.result;
        others += at == n;
    }
    for (int i = 0; i < n; i++)
        printf("message of %d: %d\n", i, results[i]);
    printf("of others: %d, left: %d\n", others, left);
}

/* One handle is removed, and one is freed, before their messages are read. */
static void multi(int how)
{
    CURLM *m = curl_multi_init();
    size_t got = 0;
    CURL *h[4];

    C(multi_setopt)(m, CURLMOPT_PUSHFUNCTION, pushed);
    for (int i = 0; i < 4; i++) {
        set(h[i] = C(easy_init)(), &got);
        printf("add %d\n", C(multi_add_handle)(m, h[i]));
    }
    finish(m, how);
    printf("remove %d\n", C(multi_remove_handle)(m, h[0]));
    C(easy_cleanup)(h[1]);
    read_all(m, h, 4);
    printf("remove %d\n", C(multi_remove_handle)(m, h[2]));
    C(easy_cleanup)(h[2]);
    C(easy_cleanup)(h[0]);
    printf("end %d\n", C(multi_cleanup)(m));
    C(easy_cleanup)(h[3]);
    printf("got %zu\n", got);
}

/* Neither a message is read nor a handle removed before the multi ends. */
static void left(void)
{
    CURLM *m = curl_multi_init();
    size_t got = 0;
    CURL *h[2];

    for (int i = 0; i < 2; i++) {
        set(h[i] = C(easy_init)(), &got);
        C(multi_add_handle)(m, h[i]);
    }
    finish(m, 0);
    C(easy_cleanup)(h[0]);
    printf("end %d\n", C(multi_cleanup)(m));
    C(easy_cleanup)(h[1]);
}

static size_t no_more(char *to, size_t size, size_t n, void *ctx)
{
    (void)to, (void)size, (void)n, (void)ctx;
    return 0;
}

static void form(void)
{
    CURL *h = C(easy_init)();
    curl_mime *mime = C(mime_init)(h), *inner = C(mime_init)(h);
    curl_mimepart *part = C(mime_addpart)(mime);
    struct curl_slist *own = curl_slist_append(NULL, "X-Part: 1");
    size_t got = 0;

    set(h, &got);
    C(mime_name)(part, "model");
    C(mime_data)(part, "whisper-1", CURL_ZERO_TERMINATED);
    C(mime_type)(part, "text/plain");
    C(mime_encoder)(part, "8bit");
    C(mime_headers)(part, own, 1);
    C(mime_filename)(part, "a.txt");
    part = C(mime_addpart)(mime);
    C(mime_filedata)(part, "/dev/null");
    C(mime_data_cb)(part, 0, no_more, NULL, NULL, NULL);
    C(mime_data)(C(mime_addpart)(inner), "x", 1);
    printf("inner %d\n", C(mime_subparts)(C(mime_addpart)(mime), inner));
    C(easy_setopt)(h, CURLOPT_MIMEPOST, mime);
    printf("form %d\n", C(easy_perform)(h));
    C(easy_cleanup)(h);
    C(mime_free)(mime);
}

static int calls(int argc, char **argv)
{
    if (argc != 2)
        return 64;
#if defined(TABLE) && TABLE == 3
    NAMES(ASK)
#endif
    url = argv[1];
    type = curl_slist_append(NULL, "Content-Type: application/json");
    printf("init %d\n", C(global_init_mem)(CURL_GLOBAL_ALL, malloc, free,
                                           realloc, strdup, calloc));
    printf("init %d\n", C(global_init)(CURL_GLOBAL_ALL));
    easy();
    for (int how = 0; how < 3; how++)
        multi(how);
    left();
    form();
    curl_slist_free_all(type);
    C(global_cleanup)();
    C(global_cleanup)();
    return fflush(stdout) == 0 ? 0 : 1;
}

#ifdef RUN
int run(int argc, char **argv);
int run(int argc, char **argv)
{
    return calls(argc, argv);
}
#else
int main(int argc, char **argv)
{
    return calls(argc, argv);
}
#endif
