/* Functions that stand before libcurl's of the same names, those of WRAPPED(X),
 * which the test defines: each calls on to libcurl's own. WRAPPER_FINDS tells
 * how it is found: next, version, handle; walk: without the loader; early: as
 * next, for all names in a constructor. */
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CURL "libcurl.so.4"

typedef void *function(void *, void *, void *, void *, void *, void *);

static void *in_tables(const struct link_map *of, const char *name)
{
    const ElfW(Sym) *symbol = NULL;
    const char *strings = NULL;

    for (const ElfW(Dyn) *d = of->l_ld; d->d_tag != DT_NULL; d++) {
        if (d->d_tag == DT_SYMTAB)
            symbol = (const void *)d->d_un.d_ptr;
        if (d->d_tag == DT_STRTAB)
            strings = (const void *)d->d_un.d_ptr;
    }
    for (; (const char *)symbol < strings; symbol++)
        if (symbol->st_value && !strcmp(strings + symbol->st_name, name))
            return (void *)(of->l_addr + symbol->st_value);
    return NULL;
}

static void *walk(const char *name)
{
    for (const struct link_map *at = _r_debug.r_map; at; at = at->l_next)
        if (strstr(at->l_name, CURL))
            return in_tables(at, name);
    return NULL;
}

static void *found(const char *how, const char *name)
{
    if (!strcmp(how, "walk"))
        return walk(name);
    if (!strcmp(how, "handle"))
        return dlsym(dlopen(CURL, RTLD_NOW), name);
    if (!strcmp(how, "version"))
        return dlvsym(RTLD_NEXT, name, "CURL_OPENSSL_4");
    return dlsym(RTLD_NEXT, name);
}

static function *find(const char *name)
{
    const char *how = getenv("WRAPPER_FINDS");
    void *real = found(how ? how : "next", name);

    if (!real) {
        dprintf(2, "no %s\n", name);
        _exit(70);
    }
    return (function *)real;
}

#define WRAP(name)                                            \
    static function *real_##name;                             \
    __attribute__((visibility("default"))) void *curl_##name( \
        void *a, void *b, void *c, void *d, void *e, void *f) \
    {                                                         \
        if (!real_##name)                                     \
            real_##name = find("curl_" #name);                \
        return real_##name(a, b, c, d, e, f);                 \
    }
WRAPPED(WRAP)

#define EARLY(name) real_##name = find("curl_" #name);
__attribute__((constructor)) static void early(void)
{
    const char *how = getenv("WRAPPER_FINDS");

    if (how && !strcmp(how, "early")) {
        WRAPPED(EARLY)
    }
}
