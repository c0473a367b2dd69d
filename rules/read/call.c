/* Finds a call's headers and times. */
#include "rules/read/call.h"

#include <string.h>

const char *llmobs_header_find(const struct llmobs_header *headers,
                               size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (headers[i].name && *headers[i].name == *name &&
            strcmp(headers[i].name, name) == 0)
            return headers[i].value;
    return NULL;
}

int64_t llmobs_call_time_at(const struct llmobs_call *call, uint64_t offset)
{
    size_t low = 0, high = call->mark_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (call->marks[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < call->mark_count ? call->marks[low].at_ns : 0;
}
