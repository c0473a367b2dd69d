#include "shim/thunks.h"

#include "shim/load.h"

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

static void *const thunks[LLMOBS_COPIES][LLMOBS_HOOK_COUNT] = {
#define X(name) (void *)name##_0,
    {LLMOBS_HOOKS(X)},
#undef X
#define X(name) (void *)name##_1,
    {LLMOBS_HOOKS(X)},
#undef X
#define X(name) (void *)name##_2,
    {LLMOBS_HOOKS(X)},
#undef X
#define X(name) (void *)name##_3,
    {LLMOBS_HOOKS(X)},
#undef X
};

void *llmobs_thunk(unsigned copy, enum llmobs_hook hook)
{
    return thunks[copy][hook];
}
