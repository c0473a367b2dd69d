#include "cli/shared/help.h"

#include <string.h>

#include "cli/shared/embed.h"

#define TEXTS(X)  \
    X(doctor)     \
    X(drain)      \
    X(entrypoint) \
    X(evaluate)   \
    X(feedback)   \
    X(intercept)  \
    X(limit)      \
    X(mock)       \
    X(ps)         \
    X(purge)      \
    X(relay)      \
    X(span)       \
    X(stats)      \
    X(view)       \
    X(workflow)

#define X(name) LLMOBS_EMBED(llmobs_help_##name, "cli/help/" #name ".txt");
TEXTS(X)
#undef X

const char *llmobs_help(const char *command)
{
    static const struct {
        const char *command, *text;
    } texts[] = {
#define X(name) {"llmobs " #name, llmobs_help_##name},
        TEXTS(X)
#undef X
    };
    size_t i = 0;

    while (strcmp(texts[i].command, command) != 0)
        i++;
    return texts[i].text;
}
