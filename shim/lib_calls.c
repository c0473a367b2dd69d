#include "shim/lib_calls.h"

#include "lib/base/cold.h"

static const unsigned char libraries[LLMOBS_LIB_FUNCTION_COUNT] = {
#define X(library, name) LLMOBS_LIB_##library,
    LLMOBS_LIB_HOOKS(X) LLMOBS_LIB_HELPERS(X)
#undef X
};

LLMOBS_COLD static void
    *functions[LLMOBS_LIB_COPIES][LLMOBS_LIB_FUNCTION_COUNT];

enum llmobs_lib_call llmobs_lib_calls_find(const char *name)
{
    unsigned hook = llmobs_name_find(name) - LLMOBS_NAME_LIB;

    return hook < LLMOBS_LIB_HOOK_COUNT ? hook : LLMOBS_LIB_HOOK_COUNT;
}

const char *llmobs_lib_calls_name(enum llmobs_lib_call function)
{
    return llmobs_name(LLMOBS_NAME_LIB + function);
}

enum llmobs_lib llmobs_lib_calls_library(enum llmobs_lib_call function)
{
    return (enum llmobs_lib)libraries[function];
}

void llmobs_lib_calls_set(unsigned copy, enum llmobs_lib_call function,
                          void *address)
{
    __atomic_store_n(&functions[copy][function], address, __ATOMIC_RELEASE);
}

void *llmobs_lib_calls_real(unsigned copy, enum llmobs_lib_call function)
{
    return __atomic_load_n(&functions[copy][function], __ATOMIC_ACQUIRE);
}
