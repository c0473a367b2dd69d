#include "core/config/exporters.h"

#include <string.h>

/* 0: no exporter has this name. */
static unsigned exporters_bit_of(struct llmobs_text name)
{
    static const char names[][10] = {"auto", "agent", "agentless", "store",
                                     "otlp"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strlen(names[i]) == name.len &&
            memcmp(names[i], name.data, name.len) == 0)
            return 1u << i;
    return 0;
}

unsigned llmobs_exporters_named(const char *list, struct llmobs_text *unknown)
{
    unsigned found = 0;

    if (unknown)
        *unknown = (struct llmobs_text){"", 0};
    while (list && *list) {
        size_t len = strcspn(list, ",");
        struct llmobs_text name =
            llmobs_text_trim((struct llmobs_text){list, len});
        unsigned bit = exporters_bit_of(name);

        found |= bit;
        if (!bit && unknown && unknown->len == 0)
            *unknown = name;
        list += len + (list[len] == ',');
    }
    return found;
}
