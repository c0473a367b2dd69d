/* usage: opener HOW PLUGINS INTERFACE URL (MODE FILE)...
 *
 * Calls ask() of plugins built from client.c, of PLUGINS (with colons between
 * them) in turn. HOW: letters; g and d are for RTLD_GLOBAL and RTLD_DEEPBIND, l
 * for RTLD_LAZY, c closes the plugin after each call and opens it again. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef RTLD_DEEPBIND /* musl has none */
#define RTLD_DEEPBIND 0
#endif

typedef int ask_fn(const char *, const char *, const char *, const char *);

static const char *nth(char *list, int n)
{
    static char path[4096];
    int count = 1;

    for (const char *c = list; *c; c++)
        count += *c == ':';
    for (n %= count; n > 0; n--)
        list = strchr(list, ':') + 1;
    snprintf(path, sizeof(path), "%.*s", (int)strcspn(list, ":"), list);
    return path;
}

static int flags(const char *how)
{
    return (strchr(how, 'l') ? RTLD_LAZY : RTLD_NOW) |
           (strchr(how, 'g') ? RTLD_GLOBAL : RTLD_LOCAL) |
           (strchr(how, 'd') ? RTLD_DEEPBIND : 0);
}

int main(int argc, char **argv)
{
    int failed = 0;

    for (int i = 5; i + 1 < argc; i += 2) {
        void *plugin = dlopen(nth(argv[2], (i - 5) / 2), flags(argv[1]));
        ask_fn *ask = plugin ? (ask_fn *)dlsym(plugin, "ask") : NULL;

        if (!ask) {
            fprintf(stderr, "%s\n", dlerror());
            return 100;
        }
        failed += ask(argv[3], argv[4], argv[i], argv[i + 1]);
        if (strchr(argv[1], 'c'))
            dlclose(plugin);
    }
    return failed;
}
