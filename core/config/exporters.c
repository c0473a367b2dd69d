#include "core/config/exporters.h"

#include <string.h>

/* 0: no exporter has this name. */
static unsigned exporters_bit_of(struct llmobs_text name)
{
    static const char names[][10] = {"auto", "agent", "agentless", "store",
                                     "otlp"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (llmobs_text_is(name, names[i]))
            return 1u << i;
    return 0;
}

unsigned llmobs_exporters_named(const char *list, struct llmobs_text *unknown)
{
    struct llmobs_text rest = llmobs_text_of(list), name;
    unsigned found = 0;

    if (unknown)
        *unknown = (struct llmobs_text){"", 0};
    while (llmobs_text_next(&rest, &name)) {
        unsigned bit = exporters_bit_of(name);

        found |= bit;
        if (!bit && unknown && unknown->len == 0)
            *unknown = name;
    }
    return found;
}
