#include "shim/servers.h"

#include "lib/base/cold.h"
#include "shim/str.h"

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

enum llmobs_server_function llmobs_servers_find(const char *name)
{
    unsigned i = 0;

    if (!llmobs_servers_may(name))
        return LLMOBS_SERVER_HOOK_COUNT;
    while (i < LLMOBS_SERVER_HOOK_COUNT && !llmobs_str_same(name, names[i]))
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
