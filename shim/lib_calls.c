/* Collects the hooked functions of OpenSSL and GnuTLS. */
#include "shim/lib_calls.h"

#include "lib/base/cold.h"

static const unsigned char libraries[LLMOBS_LIB_FUNCTION_COUNT] = {
#define X(library, name) LLMOBS_LIB_##library,
    LLMOBS_LIB_HOOKS(X) LLMOBS_LIB_HELPERS(X)
#undef X
};

LLMOBS_COLD void
    *llmobs_lib_functions[LLMOBS_LIB_COPIES][LLMOBS_LIB_FUNCTION_COUNT];

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
    __atomic_store_n(&llmobs_lib_functions[copy][function], address,
                     __ATOMIC_RELEASE);
}
