/* Handles whose making the library does not see: curl_easy_init is called at
 * the address that stands in libcurl's own tables, and so are the first
 * settings. */
#include "tests/clients/cases.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>

static const void *table_at(const struct link_map *map, int64_t tag)
{
    const ElfW(Dyn) *dyn = map->l_ld;

    for (; dyn->d_tag != DT_NULL; dyn++)
        if (dyn->d_tag == tag)
            return (const void *)dyn->d_un.d_ptr;
    exit(3);
}

/* The symbols end where their names begin, as every linker lays them out. */
static void *real(const char *name)
{
    struct link_map *map = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    const ElfW(Sym) * symbol;
    const char *names;

    if (!map)
        exit(3);
    symbol = table_at(map, DT_SYMTAB);
    names = table_at(map, DT_STRTAB);
    for (; (const char *)symbol < names; symbol++)
        if (symbol->st_shndx != SHN_UNDEF &&
            strcmp(names + symbol->st_name, name) == 0)
            return (void *)(map->l_addr + symbol->st_value);
    exit(3);
}

static CURL *(*unseen_init)(void);
static CURLcode (*unseen_setopt)(CURL *, CURLoption, ...);
static CURLMcode (*unseen_add)(CURLM *, CURL *);

static void find_real(void)
{
    unseen_init = (CURL * (*)(void)) real("curl_easy_init");
    unseen_setopt =
        (CURLcode(*)(CURL *, CURLoption, ...))real("curl_easy_setopt");
    unseen_add = (CURLMcode(*)(CURLM *, CURL *))real("curl_multi_add_handle");
}

/* Its URL, body and write function are as little known as the handle is. */
static CURL *unseen(const char *base, const char *path, struct text *text)
{
    char *url = url_of(base, path);
    CURL *curl;

    find_real();
    curl = unseen_init();
    unseen_setopt(curl, CURLOPT_URL, url);
    unseen_setopt(curl, CURLOPT_HTTPHEADER, json_headers);
    unseen_setopt(curl, CURLOPT_POSTFIELDS, hello);
    unseen_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    unseen_setopt(curl, CURLOPT_WRITEDATA, text);
    free(url);
    return curl;
}

static void performed(const char *base)
{
    struct text text = {0};
    CURL *curl = unseen(base, CHAT, &text);

    run_one("first", curl, &text);
    run_one("second", curl, &text);
    set_url(curl, base, "/v1/models");
    run_one("no call", curl, &text);
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    set_url(curl, base, CHAT);
    run_last("no body", curl, &text);
}

/* The size stays the one that nobody saw. */
static void set_later(const char *base)
{
    char *end = malloc(strlen(hello));
    struct text text = {0};
    CURL *curl = unseen(base, CHAT, &text);

    memcpy(end, hello, strlen(hello));
    unseen_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(hello));
    run_one("first", curl, &text);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, end);
    run_one("not a string", curl, &text);
    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, end);
    run_one("copied", curl, &text);
    free(end);
    curl_easy_cleanup(curl);
}

/* Headers go to the program's write function, with data that nobody saw. */
static void header_data(const char *base)
{
    struct text text = {0}, header = {0};
    char *url = url_of(base, CHAT);
    CURL *curl;

    find_real();
    curl = unseen_init();
    unseen_setopt(curl, CURLOPT_HEADERDATA, &header);
    for (int i = 0; i < 2; i++) {
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, json_headers);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, hello);
        write_to(curl, collect, &text);
        run_one("headers apart", curl, &text);
        printf("header %d\n", header.len > 0);
        header.len = 0;
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, i ? NULL : &header);
    }
    run_one("headers to nobody", curl, &text);
    free(url);
    curl_easy_cleanup(curl);
}

/* All that matters was set after the library came. */
static void set_whole(const char *base)
{
    struct text text = {0};
    CURL *curl;

    find_real();
    curl = unseen_init();
    make_ask(curl, base, CHAT, hello, &text);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, NULL);
    run_one("first", curl, &text);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(hello));
    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, hello);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &text);
    run_last("with a copy", curl, &text);
}

/* The address, the list and a method of its own are of before. */
static void set_partly(const char *base)
{
    struct text text[2] = {{0}};
    CURL *curl = unseen(base, CHAT, NULL);

    unseen_setopt(curl, CURLOPT_CUSTOMREQUEST, "POST");
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, NULL);
    for (int i = 0; i < 2; i++) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, hello);
        write_to(curl, collect, &text[i]);
        run_one("again", curl, &text[i]);
    }
    unseen_setopt(curl, CURLOPT_CUSTOMREQUEST, "DELETE");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, hello);
    run_one("another method", curl, &text[0]);
    unseen_setopt(curl, CURLOPT_CUSTOMREQUEST, NULL);
    unseen_setopt(curl, CURLOPT_NOBODY, 1L);
    run_one("no body", curl, &text[0]);
    curl_easy_cleanup(curl);
}

static size_t leave(char *data, size_t size, size_t count, void *user)
{
    (void)data;
    (void)size;
    (void)count;
    (void)user;
    fflush(stdout);
    _exit(0);
}

static void left(const char *base)
{
    CURL *curl = unseen(base, CHAT, NULL);

    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, hello);
    unseen_setopt(curl, CURLOPT_WRITEFUNCTION, leave);
    printf("leaves\n");
    curl_easy_perform(curl);
}

/* The add of one went unseen, and the making of both. */
static void added_unseen(const char *base)
{
    CURLM *multi = curl_multi_init();
    struct text text[2] = {{0}};
    CURL *curl[2];
    CURLMsg *message;
    int left;

    for (int i = 0; i < 2; i++) {
        curl[i] = unseen(base, i ? "/v1/models" : CHAT, &text[i]);
        printf("add: %d\n", (int)unseen_add(multi, curl[i]));
    }
    drive(multi);
    while ((message = curl_multi_info_read(multi, &left)) != NULL)
        printf("done: %d\n", (int)message->data.result);
    for (int i = 0; i < 2; i++) {
        curl_multi_remove_handle(multi, curl[i]);
        show("one", curl[i], CURLE_OK, &text[i]);
    }
    make_ask(curl[0], base, CHAT, hello, &text[0]);
    curl_easy_setopt(curl[0], CURLOPT_HEADERDATA, NULL);
    run_one("alone", curl[0], &text[0]);
    curl_easy_cleanup(curl[0]);
    curl_easy_cleanup(curl[1]);
    curl_multi_cleanup(multi);
}

/* All is known of a handle that was reset. */
static void reset(const char *base)
{
    struct text text = {0};
    CURL *curl = unseen(base, CHAT, &text);
    CURL *twin = curl_easy_duphandle(curl);

    run_one("unseen", curl, &text);
    run_one("copy", twin, &text);
    curl_easy_reset(curl);
    make_ask(curl, base, CHAT, hello, &text);
    run_last("seen", curl, &text);
    curl_easy_cleanup(twin);
}

static void added(const char *base)
{
    CURLM *multi = curl_multi_init();
    struct text text[3] = {{0}};
    CURL *curl[3];
    CURLMsg *message;
    int left;

    for (int i = 0; i < 3; i++) {
        curl[i] = unseen(base, i < 2 ? CHAT : "/v1/models", &text[i]);
        printf("add: %d\n", (int)curl_multi_add_handle(multi, curl[i]));
    }
    printf("again: %d\n", (int)curl_multi_add_handle(multi, curl[0]));
    printf("inside: %d\n", (int)curl_easy_perform(curl[0]));
    drive(multi);
    while ((message = curl_multi_info_read(multi, &left)) != NULL)
        printf("done: %d\n", (int)message->data.result);
    for (int i = 0; i < 3; i++) {
        curl_multi_remove_handle(multi, curl[i]);
        show("one", curl[i], CURLE_OK, &text[i]);
        curl_easy_cleanup(curl[i]);
    }
    curl_multi_cleanup(multi);
}

static size_t again(char *data, size_t size, size_t count, void *curl)
{
    (void)data;
    printf("within: %d\n", (int)curl_easy_perform(curl));
    return size * count;
}

static void within(const char *base)
{
    CURL *curl = unseen(base, CHAT, NULL);

    unseen_setopt(curl, CURLOPT_WRITEFUNCTION, again);
    unseen_setopt(curl, CURLOPT_WRITEDATA, curl);
    run_one("outside", curl, NULL);
    curl_easy_cleanup(curl);
}

static void failed(const char *base)
{
    CURL *curl = unseen("http://127.0.0.1:1", CHAT, NULL);

    (void)base;
    run_one("refused", curl, NULL);
    unseen_setopt(curl, CURLOPT_URL, NULL);
    run_one("no url", curl, NULL);
    curl_easy_cleanup(curl);
}

static const struct one_case cases[] = {
    {"performed", performed, 2, 0},
    {"set_later", set_later, 3, 0},
    {"set_whole", set_whole, 2, 0},
    {"set_partly", set_partly, 2, 0},
    {"header_data", header_data, 3, 0},
    {"left", left, 0, 0},
    {"added_unseen", added_unseen, 2, 0},
    {"reset", reset, 3, 0},
    {"added", added, 2, 0},
    {"within", within, 1, 0},
    {"failed", failed, 1, 1},
};

CASES_MAIN(cases)
