#include "lib/base/cold.h"
#include "shim/library.h"

/* A handler's function is written last. */
LLMOBS_COLD static struct llmobs_server_handler
    handlers[LLMOBS_SERVER_HANDLERS];
static unsigned used;

static const struct llmobs_server_handler *handlers_find(const void *function,
                                                         const void *argument,
                                                         unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (__atomic_load_n(&handlers[i].function, __ATOMIC_ACQUIRE) ==
                function &&
            handlers[i].argument == argument)
            return &handlers[i];
    return NULL;
}

static unsigned handlers_count(void)
{
    unsigned now = __atomic_load_n(&used, __ATOMIC_ACQUIRE);

    return now < LLMOBS_SERVER_HANDLERS ? now : LLMOBS_SERVER_HANDLERS;
}

const struct llmobs_server_handler *llmobs_server_handler(void *function,
                                                          void *argument)
{
    const struct llmobs_server_handler *known =
        function ? handlers_find(function, argument, handlers_count()) : NULL;
    unsigned i;

    if (!function || known || handlers_count() == LLMOBS_SERVER_HANDLERS)
        return known;
    i = __atomic_fetch_add(&used, 1, __ATOMIC_ACQ_REL);
    if (i >= LLMOBS_SERVER_HANDLERS)
        return NULL;
    handlers[i].argument = argument;
    __atomic_store_n(&handlers[i].function, function, __ATOMIC_RELEASE);
    return &handlers[i];
}
