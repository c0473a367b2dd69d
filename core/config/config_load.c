#include "core/config/config_load.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/scratch.h"

#define COMPLAINT_MAX 512

void llmobs_config_complain(const struct llmobs_config_loading *loading,
                            const char *format, ...)
{
    char *text = loading->complain ? llmobs_scratch_take(COMPLAINT_MAX) : NULL;
    va_list args;

    if (!text)
        return;
    va_start(args, format);
    vsnprintf(text, COMPLAINT_MAX, format, args);
    va_end(args);
    /* One line, even if the variable's value has line ends. */
    for (char *at = text; *at; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    }
    loading->complain(loading->complain_ctx, text);
    llmobs_scratch_give(text);
}

void llmobs_config_set(struct llmobs_config_loading *loading, char **to,
                       struct llmobs_text text)
{
    char *copy = strndup(text.data, text.len);

    if (!copy) {
        loading->no_memory = true;
        return;
    }
    free(*to);
    *to = copy;
}

void llmobs_config_unset(char **to)
{
    free(*to);
    *to = NULL;
}

bool llmobs_config_is_clean(struct llmobs_text text, bool blanks)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c < ' ' || c == 0x7f || (c == ' ' && !blanks))
            return false;
    }
    return true;
}
