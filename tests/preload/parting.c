/* A plugin whose constructor tells the program, if that wants to know, and
 * whose destructor makes the calls, once it is told to. HOW: 'f' by itself, 't'
 * in a thread that it waits for, 's' with the functions that dlsym finds by
 * default, 'n' by closing the other plugin, 'w' says so and takes its time, and
 * makes none, 'l' takes longer, 'b' looks for the program on its stack. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>
#include <unwind.h>

#include "tests/preload/fetch.h"

FETCH_LINKED(linked);

#define SHOWN __attribute__((visibility("default")))

static const char *how = "", *url;
static void *other; /* a handle, given */
static int told;    /* a descriptor */

void plugin_part(const char *as, const char *of, void *given, int tell);
int plugin_close(void *handle);

SHOWN void plugin_part(const char *as, const char *of, void *given, int tell)
{
    how = as;
    url = of;
    other = given;
    told = tell;
}

/* A caller of dlclose of its own. */
SHOWN int plugin_close(void *handle)
{
    int r = dlclose(handle);

    return r ? r + 1 : 0;
}

static void *fetch_in_thread(void *result)
{
    *(int *)result = fetch_both(&linked, url);
    return NULL;
}

static int fetch_beside(void)
{
    pthread_t thread;
    int r = 9;

    if (pthread_create(&thread, NULL, fetch_in_thread, &r) == 0)
        pthread_join(thread, NULL);
    return r;
}

static int fetch_asked(void)
{
    struct fetch f;

    fetch_find(&f, RTLD_DEFAULT);
    return fetch_both(&f, url);
}

static void *object_of(unsigned long address)
{
    void *at;
    Dl_info info;

    memcpy(&at, &address, sizeof at);
    return dladdr(at, &info) ? info.dli_fbase : NULL;
}

static _Unwind_Reason_Code see(struct _Unwind_Context *frame, void *found)
{
    *(int *)found +=
        object_of(_Unwind_GetIP(frame)) == object_of(getauxval(AT_ENTRY));
    return _URC_NO_REASON;
}

static int frames_of_program(void)
{
    int found = 0;

    _Unwind_Backtrace(see, &found);
    return found;
}

static void say(int r)
{
    printf("parted %s: %d\n", how, r);
    fflush(stdout);
}

__attribute__((constructor)) static void arrive(void)
{
    void *found = dlsym(RTLD_DEFAULT, "host_opening");
    void (*opening)(void);

    memcpy(&opening, &found, sizeof found);
    if (opening)
        opening();
}

__attribute__((destructor)) static void part(void)
{
    if (strchr(how, 'f'))
        say(fetch_both(&linked, url));
    if (strchr(how, 't'))
        say(fetch_beside());
    if (strchr(how, 's'))
        say(fetch_asked());
    if (strchr(how, 'n'))
        say(dlclose(other));
    if (strchr(how, 'b'))
        say(frames_of_program());
    if (strchr(how, 'w') && write(told, "", 1) == 1)
        usleep(strchr(how, 'l') ? 300000 : 10000);
}
