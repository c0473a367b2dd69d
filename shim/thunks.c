/* Gives the thunk for each function of each libcurl. */
#include "shim/thunks.h"

#include "shim/alone.h"
#include "shim/handlers.h"
#include "shim/load.h"
#include "shim/node.h"
#include "shim/socket_calls.h"

/* curl's headers define these names as macros that check types. */
#undef curl_easy_setopt
#undef curl_multi_setopt

#define COPY 0
#include "shim/thunk_set.h"
#undef COPY
#define COPY 1
#include "shim/thunk_set.h"
#undef COPY
#define COPY 2
#include "shim/thunk_set.h"
#undef COPY
#define COPY 3
#include "shim/thunk_set.h"
#undef COPY

#define CASE(copy, name)                                \
    case (copy)*LLMOBS_HOOK_COUNT + LLMOBS_HOOK_##name: \
        return (void *)name##_##copy;

/* A table of addresses would have to be relocated in every process. */
void *llmobs_thunk(const struct llmobs_copy *copy, enum llmobs_hook hook)
{
    switch ((copy - llmobs_copies) * LLMOBS_HOOK_COUNT + hook) {
#define X(result, name, ...) CASE(0, name)
        LLMOBS_HOOKS(X)
#undef X
#define X(result, name, ...) CASE(1, name)
        LLMOBS_HOOKS(X)
#undef X
#define X(result, name, ...) CASE(2, name)
        LLMOBS_HOOKS(X)
#undef X
#define X(result, name, ...) CASE(3, name)
        LLMOBS_HOOKS(X)
#undef X
    default:
        return NULL;
    }
}

void *llmobs_thunk_of(const void *address)
{
    enum llmobs_hook hook;
    const struct llmobs_copy *copy = llmobs_copies_of(address, &hook);

    return copy ? llmobs_thunk(copy, hook) : NULL;
}

void *llmobs_thunk_libc(enum llmobs_libc_call call)
{
    return call <= LLMOBS_LIBC_prctl      ? llmobs_alone_function(call)
           : call < LLMOBS_LIBC_sigaction ? llmobs_socket_calls_function(call)
           : call < LLMOBS_LIBC_getenv    ? llmobs_handlers_function(call)
                                          : llmobs_node_function(call);
}

void *llmobs_thunk_of_libc(const void *address)
{
    return llmobs_thunk_libc(llmobs_libc_calls_at(address));
}
