#include "lib/base/cold.h"
#include "shim/servers.h"

#include "shim/library.h"

#define NAME_MAX_LEN 26

static const char names[LLMOBS_SERVER_FUNCTION_COUNT][NAME_MAX_LEN] = {
#define X(library, name) #name,
    LLMOBS_SERVER_HOOKS(X) LLMOBS_SERVER_HELPERS(X)
#undef X
};

static const unsigned char libraries[LLMOBS_SERVER_FUNCTION_COUNT] = {
#define X(library, name) LLMOBS_SERVER_##library,
    LLMOBS_SERVER_HOOKS(X) LLMOBS_SERVER_HELPERS(X)
#undef X
};

LLMOBS_COLD static void *functions[LLMOBS_SERVER_FUNCTION_COUNT];
static llmobs_servers_core_fn *core;
static bool every; /* the core is to hear of each request */
/* A request has had a caller: before, none hides another one, and the core
 * knows of none that could end. True where it hears of each. */
static bool called_once;

void llmobs_servers_open(llmobs_servers_core_fn *the_core, bool each)
{
    every = each;
    if (each)
        __atomic_store_n(&called_once, true, __ATOMIC_RELAXED);
    __atomic_store_n(&core, the_core, __ATOMIC_RELEASE);
}

static bool servers_is_same(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

enum llmobs_server_function llmobs_servers_find(const char *name)
{
    unsigned i = 0;

    /* Every symbol of an object is asked. */
    if (name[0] != 'F' && name[0] != 'M')
        return LLMOBS_SERVER_HOOK_COUNT;
    while (i < LLMOBS_SERVER_HOOK_COUNT && !servers_is_same(name, names[i]))
        i++;
    return (enum llmobs_server_function)i;
}

const char *llmobs_servers_name(enum llmobs_server_function function)
{
    return names[function];
}

enum llmobs_server llmobs_servers_library(enum llmobs_server_function function)
{
    return (enum llmobs_server)libraries[function];
}

void llmobs_servers_set(enum llmobs_server_function function, void *address)
{
    __atomic_store_n(&functions[function], address, __ATOMIC_RELEASE);
}

void *llmobs_servers_real(enum llmobs_server_function function)
{
    return __atomic_load_n(&functions[function], __ATOMIC_ACQUIRE);
}

void *llmobs_servers_thunk(enum llmobs_server_function hook)
{
    switch (llmobs_servers_library(hook)) {
    case LLMOBS_SERVER_FCGI:
        return llmobs_server_fcgi(hook);
    case LLMOBS_SERVER_MHD:
        return llmobs_server_mhd(hook);
    case LLMOBS_SERVER_COUNT:
        break;
    }
    return NULL;
}

/* -- a request ------------------------------------------------------------ */

static const struct llmobs_ops *get_core(bool load)
{
    llmobs_servers_core_fn *get = __atomic_load_n(&core, __ATOMIC_ACQUIRE);

    return get ? get(load) : NULL;
}

/* The core is loaded by the first request that has a caller, or where each is a
 * span by the first one. */
void llmobs_server_begin(const void *key, uintptr_t mark,
                         const struct llmobs_server_fields *fields)
{
    bool called = fields && !fields->full;
    struct llmobs_served served = {key, mark, called ? fields->list : NULL,
                                   called ? fields->count : 0};
    const struct llmobs_ops *ops;

    if (called)
        __atomic_store_n(&called_once, true, __ATOMIC_RELAXED);
    else if (!__atomic_load_n(&called_once, __ATOMIC_RELAXED))
        return;
    ops = get_core(called || every);
    if (ops)
        ops->serve(&served);
}

void llmobs_server_end(const void *key)
{
    const struct llmobs_ops *ops;

    if (!__atomic_load_n(&called_once, __ATOMIC_RELAXED))
        return;
    ops = get_core(false);
    if (ops)
        ops->unserve(key);
}
