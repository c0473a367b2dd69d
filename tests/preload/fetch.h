/* fetch - one easy and one multi transfer of a URL, through a table of
 * functions that each test program fills in its own way.
 *
 * Owns:    what it makes, and frees it.
 * Threads: any.
 * Errors:  0, or the number of the step that failed.
 * Fork:    nothing to do.
 */
#ifndef TESTS_PRELOAD_FETCH_H
#define TESTS_PRELOAD_FETCH_H

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#include <curl/curl.h>

#undef curl_easy_setopt

#define FETCH_FUNCTIONS(X)                               \
    X(CURL *, easy_init, (void))                         \
    X(CURLcode, easy_setopt, (CURL *, CURLoption, ...))  \
    X(CURLcode, easy_perform, (CURL *))                  \
    X(void, easy_cleanup, (CURL *))                      \
    X(CURLM *, multi_init, (void))                       \
    X(CURLMcode, multi_add_handle, (CURLM *, CURL *))    \
    X(CURLMcode, multi_perform, (CURLM *, int *))        \
    X(CURLMsg *, multi_info_read, (CURLM *, int *))      \
    X(CURLMcode, multi_remove_handle, (CURLM *, CURL *)) \
    X(CURLMcode, multi_cleanup, (CURLM *))

struct fetch {
#define X(result, name, args) result(*name) args;
    FETCH_FUNCTIONS(X)
#undef X
};

static size_t fetch_count(char *data, size_t size, size_t n, void *to)
{
    (void)data;
    *(size_t *)to += size * n;
    return size * n;
}

static CURL *fetch_handle(const struct fetch *f, const char *url, size_t *got)
{
    CURL *h = f->easy_init();

    if (!h || f->easy_setopt(h, CURLOPT_URL, url) != CURLE_OK ||
        f->easy_setopt(h, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
        f->easy_setopt(h, CURLOPT_WRITEFUNCTION, fetch_count) != CURLE_OK ||
        f->easy_setopt(h, CURLOPT_WRITEDATA, got) != CURLE_OK)
        return NULL;
    return h;
}

static inline int fetch_easy(const struct fetch *f, const char *url)
{
    size_t got = 0;
    CURL *h = fetch_handle(f, url, &got);

    if (!h)
        return 1;
    if (f->easy_perform(h) != CURLE_OK || got == 0)
        return 2;
    f->easy_cleanup(h);
    return 0;
}

static inline int fetch_multi(const struct fetch *f, const char *url)
{
    size_t got = 0;
    CURL *h = fetch_handle(f, url, &got);
    CURLM *m = f->multi_init();
    CURLMsg *message = NULL;
    int left = 1;

    if (!h || !m || f->multi_add_handle(m, h) != CURLM_OK)
        return 3;
    while (left && f->multi_perform(m, &left) == CURLM_OK)
        continue;
    message = f->multi_info_read(m, &left);
    if (!message || message->data.result != CURLE_OK || got == 0)
        return 4;
    f->multi_remove_handle(m, h);
    f->easy_cleanup(h);
    f->multi_cleanup(m);
    return 0;
}

static inline int fetch_both(const struct fetch *f, const char *url)
{
    int r = fetch_easy(f, url);

    return r ? r : fetch_multi(f, url);
}

/* Fills the table with what dlsym finds. */
static inline void fetch_find(struct fetch *f, void *handle)
{
#define X(result, name, args)                       \
    {                                               \
        void *found = dlsym(handle, "curl_" #name); \
        memcpy(&f->name, &found, sizeof found);     \
    }
    FETCH_FUNCTIONS(X)
#undef X
}

/* A table of the functions that the file is linked with. */
#define FETCH_LINKED(table)                              \
    static const struct fetch table = {                  \
        .easy_init = curl_easy_init,                     \
        .easy_setopt = curl_easy_setopt,                 \
        .easy_perform = curl_easy_perform,               \
        .easy_cleanup = curl_easy_cleanup,               \
        .multi_init = curl_multi_init,                   \
        .multi_add_handle = curl_multi_add_handle,       \
        .multi_perform = curl_multi_perform,             \
        .multi_info_read = curl_multi_info_read,         \
        .multi_remove_handle = curl_multi_remove_handle, \
        .multi_cleanup = curl_multi_cleanup,             \
    }

#endif
