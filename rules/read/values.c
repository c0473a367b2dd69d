#include "rules/read/values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/text.h"

char *llmobs_value_text(const struct llmobs_json *value)
{
    const char *text = llmobs_json_text(value);
    struct llmobs_text cut;
    char *dump;

    if (text) {
        cut = llmobs_text_cut(llmobs_text_of(text), LLMOBS_VALUE_MAX);
        return strndup(cut.data, cut.len);
    }
    dump = llmobs_json_dumps(value, LLMOBS_JSON_KEEP_ORDER);
    if (dump)
        dump[llmobs_text_cut(llmobs_text_of(dump), LLMOBS_VALUE_MAX).len] =
            '\0';
    return dump;
}

static int set(char **field, const struct llmobs_json *value)
{
    char *text;

    if (!value || llmobs_json_is_null(value))
        return 0;
    text = llmobs_value_text(value);
    if (!text)
        return -ENOMEM;
    free(*field);
    *field = text;
    return 0;
}

int llmobs_value_input(struct llmobs_span *span,
                       const struct llmobs_json *value)
{
    return set(&span->input_value, value);
}

int llmobs_value_output(struct llmobs_span *span,
                        const struct llmobs_json *value)
{
    return set(&span->output_value, value);
}
