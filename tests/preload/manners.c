/* manners LIBRARY: what a program may rely on around dl* calls; prints what
 * it sees, to be compared with and without the preload. */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static void say_error(const char *when)
{
    const char *text = dlerror();

    printf("%s: %s\n", when, text ? text : "none");
}

int main(int argc, char **argv)
{
    void *handle;

    if (argc != 2)
        return 64;
    say_error("at start");
    dlopen("/nonexistent/x.so", RTLD_NOW);
    say_error("missing file");
    say_error("asked twice");
    dlopen("nonexistent.so", RTLD_NOW | RTLD_GLOBAL);
    dlsym(RTLD_DEFAULT, "strlen");
    say_error("after a success");
    printf("%d\n", dlsym(RTLD_NEXT, "strlen") == dlsym(RTLD_DEFAULT, "strlen"));
    dlsym(RTLD_DEFAULT, "curl_easy_perform");
    say_error("no such symbol");
    errno = 77;
    handle = dlopen(argv[1], RTLD_NOW);
    printf("%d %d\n", handle != NULL, errno);
    dlsym(handle, "curl_no_such_function");
    say_error("no such function");
    errno = 78;
    printf("%d ", dlsym(handle, "curl_easy_init") != NULL);
    printf("%d\n", errno);
    dlsym(RTLD_NEXT, "curl_easy_perform");
    say_error("next");
    dlvsym(handle, "curl_easy_init", "NO_VERSION");
    say_error("no such version");
    printf("%d\n", dlopen(NULL, RTLD_NOW) == dlopen("", RTLD_NOW));
    printf("%d\n", dlopen("libnot_loaded.so", RTLD_NOW | RTLD_NOLOAD) == NULL);
    return 0;
}
