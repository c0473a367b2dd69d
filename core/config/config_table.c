/* Holds the table of variables, made of config_table.h. */
#include "core/config/config_table.h"

/* One text without pointers, so the loader has nothing to relocate. A row has
 * the lengths of its parts in the text. */
static const char texts[] =
#define V(name, type, fallback, help, form, offset, least, most) \
    name "\0" type "\0" fallback "\0"
    VARIABLES(V);
#undef V

bool llmobs_config_next(struct llmobs_config_variable *variable)
{
    const char *name =
        variable->name ? llmobs_words_next(variable->fallback) : texts;

    if (*name == '\0')
        return false;
    variable->name = name;
    variable->type = llmobs_words_next(name);
    variable->fallback = llmobs_words_next(variable->type);
    return true;
}
