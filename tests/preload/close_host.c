/* close_host HOW CLOSER URL LIBRARY PLUGIN [OTHER]: loads the plugin
 * (parting.c), tells it HOW, and closes it: by CLOSER 'h' the host itself, 'p'
 * OTHER, which is loaded with DEEPBIND, 'a' the address that libc has for
 * dlclose, 'v' the same by its version, 'e' nobody, so that the exit does, 't'
 * a thread, beside which the host fetches, 'k' one, beside which it forks, and
 * the child fetches. 'n' of HOW has the plugin close OTHER, whose destructor
 * fetches. A '+' behind the CLOSER: the host fetches afterwards. A system call
 * that nobody else makes stands before and behind what 'h' does. While the
 * plugin is being opened, HOW 'c' has its constructor wait for a thread that
 * fetches, 'd' opens it in a thread, beside which the host fetches. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/preload/fetch.h"

typedef void part_fn(const char *, const char *, void *, int);

static void *plugin, *other;
static const char *how, *closer, *url;
static struct fetch functions; /* of the library, where they are needed early */
static int said[2];

void host_opening(void);

static void tell(void *handle, const char *as, void *given)
{
    void *found = dlsym(handle, "plugin_part");
    part_fn *part;

    memcpy(&part, &found, sizeof part);
    part(as, url, given, said[1]);
}

static int close_by(void *found)
{
    int (*by)(void *);

    memcpy(&by, &found, sizeof by);
    return by ? by(plugin) : 30;
}

static void *close_in_thread(void *result)
{
    *(int *)result = dlclose(plugin);
    return NULL;
}

static bool find(struct fetch *f, const char *library)
{
    void *handle = dlopen(library, RTLD_NOW);

    if (handle)
        fetch_find(f, handle);
    return handle != NULL;
}

static int fetch(const char *library)
{
    struct fetch f;

    return find(&f, library) ? fetch_both(&f, url) : 31;
}

/* Nobody is there whom the child could wait for. */
static int fetch_in_child(const struct fetch *f)
{
    struct timespec begin, end;
    pid_t child = fork();
    int status = -1;

    if (child == 0)
        exit(fetch_both(f, url));
    clock_gettime(CLOCK_MONOTONIC, &begin);
    if (child > 0)
        waitpid(child, &status, 0);
    clock_gettime(CLOCK_MONOTONIC, &end);
    if ((end.tv_sec - begin.tv_sec) * 10 +
            (end.tv_nsec - begin.tv_nsec) / 100000000 >=
        8)
        return 35;
    return status;
}

static int fetch_beside(const struct fetch *f)
{
    return closer[0] == 'k' ? fetch_in_child(f) : fetch_both(f, url);
}

static int close_beside(const char *library)
{
    struct fetch f;
    pthread_t thread;
    int r = 32, fetched;
    char byte;

    if (!find(&f, library) ||
        pthread_create(&thread, NULL, close_in_thread, &r) != 0 ||
        read(said[0], &byte, 1) != 1)
        return 33;
    fetched = fetch_beside(&f);
    pthread_join(thread, NULL);
    return fetched ? fetched : r;
}

static void *fetch_in_thread(void *result)
{
    *(int *)result = fetch_both(&functions, url);
    return NULL;
}

/* Called by the plugin's constructor. */
__attribute__((visibility("default"))) void host_opening(void)
{
    pthread_t thread;
    int r = 34;

    if (strchr(how, 'c') &&
        pthread_create(&thread, NULL, fetch_in_thread, &r) == 0) {
        pthread_join(thread, NULL);
        printf("opening %d\n", r);
    }
    if (strchr(how, 'd') && write(said[1], "", 1) == 1)
        usleep(strchr(how, 'l') ? 300000 : 10000);
}

static void *open_in_thread(void *path)
{
    return dlopen(path, RTLD_NOW);
}

static void *open_beside(char *path)
{
    pthread_t thread;
    void *handle = NULL;
    char byte;

    if (pthread_create(&thread, NULL, open_in_thread, path) == 0 &&
        read(said[0], &byte, 1) == 1) {
        printf("beside %d\n", fetch_beside(&functions));
        pthread_join(thread, &handle);
    }
    return handle;
}

static void *open_plugin(char *path)
{
    if (strchr(how, 'd'))
        return open_beside(path);
    return dlopen(path, RTLD_NOW | (strchr(how, 's') ? RTLD_GLOBAL : 0));
}

static int close_marked(void)
{
    int r;

    getsid(0);
    r = dlclose(plugin);
    getsid(0);
    return r;
}

static int close_it(const char *library)
{
    void *libc = dlopen("libdl.so.2", RTLD_NOW);
    void *old = dlvsym(libc, "dlclose", "GLIBC_2.2.5");

    switch (closer[0]) {
    case 'h':
        return close_marked();
    case 'p':
        return close_by(dlsym(other, "plugin_close"));
    case 'a':
        return close_by(dlsym(libc, "dlclose"));
    case 'v':
        return close_by(old ? old : dlvsym(libc, "dlclose", "GLIBC_2.17"));
    case 't':
    case 'k':
        return close_beside(library);
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *library;
    int r;

    if (argc < 6 || pipe(said) != 0)
        return 64;
    how = argv[1];
    closer = argv[2];
    url = argv[3];
    library = argv[4];
    if (strpbrk(how, "cd") && !find(&functions, library))
        return 66;
    plugin = open_plugin(argv[5]);
    if (argc > 6)
        other = dlopen(argv[6], RTLD_NOW | RTLD_DEEPBIND);
    if (!plugin || (argc > 6 && !other))
        return 65;
    if (strchr(how, 'n'))
        tell(other, "f", NULL);
    tell(plugin, how, other);
    r = close_it(library);
    printf("closed %d\n", r);
    fflush(stdout);
    if (r == 0 && closer[1] == '+')
        r = fetch(library);
    return r;
}
