/* Chooses requests of known shapes for the fuzz targets. */
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

static const struct llmobs_dialect *const *const lists[] = {llmobs_dialects,
                                                            llmobs_observed};

/* The rule of shape `*n`, or without a shape, and *n is less by all of them. */
static struct llmobs_rule pick(const struct llmobs_dialect *const *list,
                               size_t *n)
{
    for (; *list; list++)
        LLMOBS_SHAPES_EACH (s, *list)
            if ((*n)-- == 0)
                return (struct llmobs_rule){.dialect = *list, .shape = s};
    return (struct llmobs_rule){.dialect = NULL};
}

size_t fuzz_shape_count(void)
{
    size_t left = SIZE_MAX;

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        (void)pick(lists[i], &left);
    return SIZE_MAX - left + 1;
}

struct llmobs_rule fuzz_shape(size_t n)
{
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct llmobs_rule rule = pick(lists[i], &n);

        if (rule.shape)
            return rule;
    }
    return (struct llmobs_rule){.dialect = &llmobs_dialect_generic,
                                .shape = llmobs_dialect_generic.shapes};
}
