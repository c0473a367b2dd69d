/* A core for the shim's own tests: it passes every operation on and counts it
 * for the libcurl copy that it came from. At exit the counts are appended to
 * the file named by LLMOBS_FAKE_OUT, one line a copy and operation:
 * "FLAVOUR operation count". LLMOBS_FAKE_ABI gives another number than ours,
 * LLMOBS_FAKE_REFUSE=1 answers NULL, LLMOBS_FAKE_SLOW takes that many ms. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim/copies.h"

#undef curl_easy_setopt
#undef curl_multi_setopt

#define COPIES 8

enum operation {
#define X(result, name, ...) OP_##name,
    LLMOBS_TRANSFER_HOOKS(X)
#undef X
        OP_COUNT
};

static const char *const names[OP_COUNT] = {
#define X(result, name, ...) #name,
    LLMOBS_TRANSFER_HOOKS(X)
#undef X
};

static const struct llmobs_real *copies[COPIES];
static unsigned long counts[COPIES][OP_COUNT];

static const struct llmobs_host *host;
static pid_t born;

static const char *variable(const char *name)
{
    size_t len = strlen(name);

    for (const char *const *e = host->env; *e; e++)
        if (!strncmp(*e, name, len) && (*e)[len] == '=')
            return *e + len + 1;
    return NULL;
}

static void count(const struct llmobs_real *real, enum operation op)
{
    for (int i = 0; i < COPIES; i++) {
        const struct llmobs_real *none = NULL;

        if (__atomic_load_n(&copies[i], __ATOMIC_ACQUIRE) != real &&
            !__atomic_compare_exchange_n(&copies[i], &none, real, 0,
                                         __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) &&
            none != real)
            continue;
        __atomic_add_fetch(&counts[i][op], 1, __ATOMIC_RELAXED);
        return;
    }
}

/* The file that the copy's functions are in. */
static void flavour(const struct llmobs_real *real, char *to, size_t cap)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[4200], path[4100];
    unsigned long from, end, at;

    memcpy(&at, &real->easy_perform, sizeof at);
    snprintf(to, cap, "unknown");
    while (maps && fgets(line, sizeof line, maps)) {
        path[0] = '\0';
        if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %4099s", &from, &end, path) >=
                2 &&
            at >= from && at < end && strrchr(path, '/'))
            snprintf(to, cap, "%.90s", strrchr(path, '/') + 1);
    }
    if (maps)
        fclose(maps);
}

static void report(void)
{
    const char *out = variable("LLMOBS_FAKE_OUT");
    FILE *file = out && getpid() == born ? fopen(out, "ae") : NULL;

    for (int i = 0; file && i < COPIES && copies[i]; i++) {
        char name[100];

        flavour(copies[i], name, sizeof name);
        for (int op = 0; op < OP_COUNT; op++)
            if (counts[i][op])
                fprintf(file, "%s %s %lu\n", name, names[op], counts[i][op]);
    }
    if (file)
        fclose(file);
}

static CURLcode global_init(const struct llmobs_real *r, long flags)
{
    count(r, OP_global_init);
    return r->global_init(flags);
}

static CURLcode global_init_mem(const struct llmobs_real *r, long flags,
                                curl_malloc_callback m, curl_free_callback f,
                                curl_realloc_callback re,
                                curl_strdup_callback s, curl_calloc_callback c)
{
    count(r, OP_global_init_mem);
    return r->global_init_mem(flags, m, f, re, s, c);
}

static void global_cleanup(const struct llmobs_real *r)
{
    count(r, OP_global_cleanup);
    r->global_cleanup();
}

static CURL *easy_init(const struct llmobs_real *r)
{
    count(r, OP_easy_init);
    return r->easy_init();
}

static CURLcode easy_setopt(const struct llmobs_real *r, CURL *handle,
                            CURLoption option, void *value)
{
    count(r, OP_easy_setopt);
    return r->easy_setopt(handle, option, value);
}

static CURLcode easy_perform(const struct llmobs_real *r, CURL *handle)
{
    count(r, OP_easy_perform);
    return r->easy_perform(handle);
}

static void easy_reset(const struct llmobs_real *r, CURL *handle)
{
    count(r, OP_easy_reset);
    r->easy_reset(handle);
}

static CURL *easy_duphandle(const struct llmobs_real *r, CURL *handle)
{
    count(r, OP_easy_duphandle);
    return r->easy_duphandle(handle);
}

static void easy_cleanup(const struct llmobs_real *r, CURL *handle)
{
    count(r, OP_easy_cleanup);
    r->easy_cleanup(handle);
}

static CURLMcode multi_add_handle(const struct llmobs_real *r, CURLM *multi,
                                  CURL *handle)
{
    count(r, OP_multi_add_handle);
    return r->multi_add_handle(multi, handle);
}

static CURLMcode multi_remove_handle(const struct llmobs_real *r, CURLM *multi,
                                     CURL *handle)
{
    count(r, OP_multi_remove_handle);
    return r->multi_remove_handle(multi, handle);
}

static CURLMcode multi_perform(const struct llmobs_real *r, CURLM *multi,
                               int *running)
{
    count(r, OP_multi_perform);
    return r->multi_perform(multi, running);
}

static CURLMcode multi_socket(const struct llmobs_real *r, CURLM *multi,
                              curl_socket_t socket, int *running)
{
    count(r, OP_multi_socket);
    return r->multi_socket(multi, socket, running);
}

static CURLMcode multi_socket_action(const struct llmobs_real *r, CURLM *multi,
                                     curl_socket_t socket, int events,
                                     int *running)
{
    count(r, OP_multi_socket_action);
    return r->multi_socket_action(multi, socket, events, running);
}

static CURLMcode multi_socket_all(const struct llmobs_real *r, CURLM *multi,
                                  int *running)
{
    count(r, OP_multi_socket_all);
    return r->multi_socket_all(multi, running);
}

static CURLMsg *multi_info_read(const struct llmobs_real *r, CURLM *multi,
                                int *left)
{
    count(r, OP_multi_info_read);
    return r->multi_info_read(multi, left);
}

static CURLMcode multi_cleanup(const struct llmobs_real *r, CURLM *multi)
{
    count(r, OP_multi_cleanup);
    return r->multi_cleanup(multi);
}

static CURLMcode multi_setopt(const struct llmobs_real *r, CURLM *multi,
                              CURLMoption option, void *value)
{
    count(r, OP_multi_setopt);
    return r->multi_setopt(multi, option, value);
}

/* Forms are made by calls that are not counted: curl frees one in each run. */
static curl_mime *mime_init(const struct llmobs_real *r, CURL *h)
{
    return r->mime_init(h);
}

static void mime_free(const struct llmobs_real *r, curl_mime *mime)
{
    r->mime_free(mime);
}

static curl_mimepart *mime_addpart(const struct llmobs_real *r, curl_mime *mime)
{
    return r->mime_addpart(mime);
}

static CURLcode mime_name(const struct llmobs_real *r, curl_mimepart *part,
                          const char *name)
{
    return r->mime_name(part, name);
}

static CURLcode mime_filename(const struct llmobs_real *r, curl_mimepart *part,
                              const char *name)
{
    return r->mime_filename(part, name);
}

static CURLcode mime_data(const struct llmobs_real *r, curl_mimepart *part,
                          const char *data, size_t size)
{
    return r->mime_data(part, data, size);
}

static CURLcode mime_filedata(const struct llmobs_real *r, curl_mimepart *part,
                              const char *path)
{
    return r->mime_filedata(part, path);
}

static CURLcode mime_data_cb(const struct llmobs_real *r, curl_mimepart *part,
                             curl_off_t size, curl_read_callback read,
                             curl_seek_callback seek, curl_free_callback end,
                             void *user)
{
    return r->mime_data_cb(part, size, read, seek, end, user);
}

static CURLcode mime_subparts(const struct llmobs_real *r, curl_mimepart *part,
                              curl_mime *within)
{
    return r->mime_subparts(part, within);
}

static CURLcode mime_type(const struct llmobs_real *r, curl_mimepart *part,
                          const char *type)
{
    return r->mime_type(part, type);
}

static CURLcode mime_encoder(const struct llmobs_real *r, curl_mimepart *part,
                             const char *coding)
{
    return r->mime_encoder(part, coding);
}

static CURLcode mime_headers(const struct llmobs_real *r, curl_mimepart *part,
                             struct curl_slist *headers, int owned)
{
    return r->mime_headers(part, headers, owned);
}

static struct llmobs_ops ops = {.abi = LLMOBS_ENGINE_ABI,
#define X(result, name, ...) .name = name,
                                LLMOBS_TRANSFER_HOOKS(X) LLMOBS_FORM_HOOKS(X)
#undef X
};

__attribute__((visibility("default"))) const struct llmobs_ops *
llmobs_core_attach(const struct llmobs_host *given);

const struct llmobs_ops *llmobs_core_attach(const struct llmobs_host *given)
{
    host = given;
    born = getpid();
    if (given->abi != LLMOBS_ENGINE_ABI || variable("LLMOBS_FAKE_REFUSE"))
        return NULL;
    if (variable("LLMOBS_FAKE_SLOW"))
        usleep((useconds_t)atoi(variable("LLMOBS_FAKE_SLOW")) * 1000);
    if (variable("LLMOBS_FAKE_ABI"))
        ops.abi = (unsigned)atoi(variable("LLMOBS_FAKE_ABI"));
    atexit(report);
    return &ops;
}
