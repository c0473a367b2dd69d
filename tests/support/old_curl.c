/* A libcurl with the interface of 7.29: what is newer is not exported, and
 * options and infos of later releases are refused, as that release did.  The
 * work is done by the libcurl of this machine, whose symbols are read from its
 * own tables: dlsym would give what a preload puts there. */
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#undef curl_easy_getinfo
#undef curl_easy_setopt
#undef curl_multi_setopt

#define LAST_OPTION 217 /* CURLOPT_MAIL_AUTH, since 7.25 */
#define LAST_INFO 42    /* CURLINFO_LOCAL_PORT, since 7.21 */
#define LAST_MULTI 6    /* CURLMOPT_MAXCONNECTS, since 7.16.3 */
#define VERSION_NUMBER 0x071d00

static struct link_map *find_real(void)
{
    static struct link_map *map;
    const char *path = getenv("OLD_CURL_REAL");

    if (!map)
        map = dlopen(path ? path : "libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!map) {
        fprintf(stderr, "old_curl: %s\n", dlerror());
        abort();
    }
    return map;
}

static const void *table_at(const struct link_map *map, int64_t tag)
{
    const ElfW(Dyn) *dyn = map->l_ld;

    for (; dyn->d_tag != DT_NULL; dyn++)
        if (dyn->d_tag == tag)
            return (const void *)dyn->d_un.d_ptr;
    return NULL;
}

/* The symbols end where their names begin, as every linker lays them out. */
static void *real(const char *name)
{
    const struct link_map *map = find_real();
    const ElfW(Sym) *symbol = table_at(map, DT_SYMTAB);
    const char *names = table_at(map, DT_STRTAB);

    for (; (const char *)symbol < names; symbol++)
        if (symbol->st_shndx != SHN_UNDEF &&
            strcmp(names + symbol->st_name, name) == 0)
            return (void *)(map->l_addr + symbol->st_value);
    fprintf(stderr, "old_curl: no %s\n", name);
    abort();
}

#define EXPORT __attribute__((visibility("default")))
#define CALL(type, name) ((type)real(name))

EXPORT CURLcode curl_global_init(long flags)
{
    return CALL(CURLcode(*)(long), "curl_global_init")(flags);
}

EXPORT void curl_global_cleanup(void)
{
    CALL(void (*)(void), "curl_global_cleanup")();
}

EXPORT CURL *curl_easy_init(void)
{
    return CALL(CURL * (*)(void), "curl_easy_init")();
}

EXPORT CURLcode curl_easy_setopt(CURL *curl, CURLoption option, ...)
{
    void *value;
    va_list args;

    va_start(args, option);
    value = va_arg(args, void *);
    va_end(args);
    if (option % 10000 > LAST_OPTION)
        return (CURLcode)48; /* CURLE_UNKNOWN_OPTION */
    return CALL(CURLcode(*)(CURL *, CURLoption, ...),
                "curl_easy_setopt")(curl, option, value);
}

EXPORT CURLcode curl_easy_getinfo(CURL *curl, CURLINFO info, ...)
{
    void *value;
    va_list args;

    va_start(args, info);
    value = va_arg(args, void *);
    va_end(args);
    if ((info & CURLINFO_MASK) > LAST_INFO)
        return CURLE_BAD_FUNCTION_ARGUMENT;
    return CALL(CURLcode(*)(CURL *, CURLINFO, ...),
                "curl_easy_getinfo")(curl, info, value);
}

EXPORT CURLcode curl_easy_perform(CURL *curl)
{
    return CALL(CURLcode(*)(CURL *), "curl_easy_perform")(curl);
}

EXPORT void curl_easy_reset(CURL *curl)
{
    CALL(void (*)(CURL *), "curl_easy_reset")(curl);
}

EXPORT CURL *curl_easy_duphandle(CURL *curl)
{
    return CALL(CURL * (*)(CURL *), "curl_easy_duphandle")(curl);
}

EXPORT void curl_easy_cleanup(CURL *curl)
{
    CALL(void (*)(CURL *), "curl_easy_cleanup")(curl);
}

EXPORT const char *curl_easy_strerror(CURLcode code)
{
    return CALL(const char *(*)(CURLcode), "curl_easy_strerror")(code);
}

EXPORT struct curl_slist *curl_slist_append(struct curl_slist *list,
                                            const char *text)
{
    return CALL(struct curl_slist * (*)(struct curl_slist *, const char *),
                "curl_slist_append")(list, text);
}

EXPORT void curl_slist_free_all(struct curl_slist *list)
{
    CALL(void (*)(struct curl_slist *), "curl_slist_free_all")(list);
}

EXPORT void curl_free(void *memory)
{
    CALL(void (*)(void *), "curl_free")(memory);
}

EXPORT curl_version_info_data *curl_version_info(CURLversion age)
{
    static curl_version_info_data old;
    curl_version_info_data *data = CALL(
        curl_version_info_data * (*)(CURLversion), "curl_version_info")(age);

    old = *data;
    old.age = CURLVERSION_FOURTH;
    old.version = "7.29.0";
    old.version_num = VERSION_NUMBER;
    return &old;
}

EXPORT CURLM *curl_multi_init(void)
{
    return CALL(CURLM * (*)(void), "curl_multi_init")();
}

EXPORT CURLMcode curl_multi_add_handle(CURLM *multi, CURL *curl)
{
    return CALL(CURLMcode(*)(CURLM *, CURL *), "curl_multi_add_handle")(multi,
                                                                        curl);
}

EXPORT CURLMcode curl_multi_remove_handle(CURLM *multi, CURL *curl)
{
    return CALL(CURLMcode(*)(CURLM *, CURL *),
                "curl_multi_remove_handle")(multi, curl);
}

EXPORT CURLMcode curl_multi_perform(CURLM *multi, int *running)
{
    return CALL(CURLMcode(*)(CURLM *, int *), "curl_multi_perform")(multi,
                                                                    running);
}

EXPORT CURLMcode curl_multi_wait(CURLM *multi, struct curl_waitfd *fds,
                                 unsigned count, int ms, int *ready)
{
    return CALL(
        CURLMcode(*)(CURLM *, struct curl_waitfd *, unsigned, int, int *),
        "curl_multi_wait")(multi, fds, count, ms, ready);
}

EXPORT CURLMsg *curl_multi_info_read(CURLM *multi, int *left)
{
    return CALL(CURLMsg * (*)(CURLM *, int *), "curl_multi_info_read")(multi,
                                                                       left);
}

EXPORT CURLMcode curl_multi_setopt(CURLM *multi, CURLMoption option, ...)
{
    void *value;
    va_list args;

    va_start(args, option);
    value = va_arg(args, void *);
    va_end(args);
    if (option % 10000 > LAST_MULTI)
        return CURLM_UNKNOWN_OPTION;
    return CALL(CURLMcode(*)(CURLM *, CURLMoption, ...),
                "curl_multi_setopt")(multi, option, value);
}

EXPORT CURLMcode curl_multi_cleanup(CURLM *multi)
{
    return CALL(CURLMcode(*)(CURLM *), "curl_multi_cleanup")(multi);
}
