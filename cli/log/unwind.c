#include "cli/log/unwind.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

/* The interface of libunwind 1.x, whose headers a build does not need: a cursor
 * is opaque, and smaller than CURSOR_SIZE on every machine. */
#define CURSOR_SIZE 65536
#if defined(__x86_64__)
#define MACHINE "x86_64"
#define REG_IP 16
#else
#define MACHINE "aarch64"
#define REG_IP 32
#endif
#define GENERIC "libunwind-" MACHINE ".so.8"
#define REMOTE "libunwind-ptrace.so.0"

static struct {
    void *(*create_space)(void *accessors, int byte_order);
    void (*destroy_space)(void *space);
    int (*init_remote)(void *cursor, void *space, void *of);
    int (*step)(void *cursor);
    int (*get_reg)(void *cursor, int reg, uintptr_t *value);
    void *(*create)(pid_t thread);
    void (*destroy)(void *of);
    void *accessors;
} unwinder;

static int unwind_find(void *library, const char *name, void *out)
{
    void *found = dlsym(library, name);

    *(void **)out = found;
    return found ? 0 : -ENOENT;
}

static int unwind_find_all(void *generic, void *remote)
{
    const struct {
        void *library;
        const char *name;
        void *out;
    } wanted[] = {
        {generic, "_U" MACHINE "_create_addr_space", &unwinder.create_space},
        {generic, "_U" MACHINE "_destroy_addr_space", &unwinder.destroy_space},
        {generic, "_U" MACHINE "_init_remote", &unwinder.init_remote},
        {generic, "_U" MACHINE "_step", &unwinder.step},
        {generic, "_U" MACHINE "_get_reg", &unwinder.get_reg},
        {remote, "_UPT_create", &unwinder.create},
        {remote, "_UPT_destroy", &unwinder.destroy},
        {remote, "_UPT_accessors", &unwinder.accessors}};
    int rc = 0;

    for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted) && rc == 0; i++)
        rc = unwind_find(wanted[i].library, wanted[i].name, wanted[i].out);
    return rc;
}

/* The second library needs the first, but has no DT_NEEDED: so RTLD_GLOBAL. */
int llmobs_unwind_open(void)
{
    void *generic = dlopen(GENERIC, RTLD_NOW | RTLD_GLOBAL);
    void *remote = generic ? dlopen(REMOTE, RTLD_NOW) : NULL;

    return remote ? unwind_find_all(generic, remote) : -ENOENT;
}

static size_t unwind_walk(void *cursor, uintptr_t frames[LLMOBS_UNWIND_FRAMES])
{
    size_t count = 0;

    do {
        uintptr_t at = 0;

        if (unwinder.get_reg(cursor, REG_IP, &at) < 0 || at == 0)
            break;
        frames[count++] = at;
    } while (count < LLMOBS_UNWIND_FRAMES && unwinder.step(cursor) > 0);
    return count;
}

size_t llmobs_unwind_read(pid_t thread, uintptr_t frames[LLMOBS_UNWIND_FRAMES])
{
    void *space = unwinder.create_space(unwinder.accessors, 0);
    void *of = space ? unwinder.create(thread) : NULL;
    void *cursor = of ? calloc(1, CURSOR_SIZE) : NULL;
    size_t count = 0;

    if (cursor && unwinder.init_remote(cursor, space, of) == 0)
        count = unwind_walk(cursor, frames);
    free(cursor);
    if (of)
        unwinder.destroy(of);
    if (space)
        unwinder.destroy_space(space);
    return count;
}
