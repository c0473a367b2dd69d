#include "rules/providers.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_types[FUZZ_TYPES] = {
    [FUZZ_SSE] = "text/event-stream",
    [FUZZ_JSON] = "application/json",
    [FUZZ_EVENTSTREAM] = "application/vnd.amazon.eventstream",
    [FUZZ_LINES] = "application/x-ndjson",
    [FUZZ_TEXT] = "text/plain",
    [FUZZ_EVENTSTREAM_RAW] = "application/vnd.amazon.eventstream",
};

size_t fuzz_shape_count(void)
{
    size_t count = 1;

    for (size_t i = 0; llmobs_dialects[i]; i++)
        for (const struct llmobs_shape *s = llmobs_dialects[i]->shapes; s->path;
             s++)
            count++;
    return count;
}

struct llmobs_rule fuzz_shape(size_t n)
{
    for (size_t i = 0; llmobs_dialects[i]; i++)
        for (const struct llmobs_shape *s = llmobs_dialects[i]->shapes; s->path;
             s++)
            if (n-- == 0)
                return (struct llmobs_rule){.dialect = llmobs_dialects[i],
                                            .shape = s};
    return (struct llmobs_rule){.dialect = &llmobs_dialect_generic,
                                .shape = llmobs_dialect_generic.shapes};
}
