#include "core/event/link_calls.h"

#include <stdlib.h>
#include <string.h>

void llmobs_link_calls_reset(struct llmobs_link_calls *calls)
{
    memset(calls, 0, sizeof(*calls));
}

void llmobs_link_calls_put(struct llmobs_link_calls *calls,
                           struct llmobs_hash128 key,
                           const struct llmobs_json *call)
{
    char *text = llmobs_json_dumps(call, 0);
    struct llmobs_json *copy = text && strlen(text) <= LLMOBS_LINK_CALL_MAX
                                   ? llmobs_json_clone(call)
                                   : NULL;
    size_t at = calls->next;

    free(text);
    if (!copy)
        return;
    llmobs_json_free(calls->list[at].call);
    calls->list[at].call = copy;
    calls->list[at].key = key;
    calls->next = (at + 1) % LLMOBS_LINK_CALLS;
}

const struct llmobs_json *llmobs_link_calls_get(
    const struct llmobs_link_calls *calls, struct llmobs_hash128 key)
{
    for (size_t i = 0; i < LLMOBS_LINK_CALLS; i++)
        if (calls->list[i].call && calls->list[i].key.hi == key.hi &&
            calls->list[i].key.lo == key.lo)
            return calls->list[i].call;
    return NULL;
}
