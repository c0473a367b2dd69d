#include "rules/read/inputs.h"

#include <errno.h>
#include <stdlib.h>

static int inputs_one(const struct llmobs_json *value,
                      int (*each)(void *to, struct llmobs_text text), void *to)
{
    const char *text = llmobs_json_text(value);
    char *dump;
    int rc;

    if (text || !value || llmobs_json_is_null(value))
        return each(to, llmobs_text_of(text));
    dump = llmobs_json_dumps(value, 0);
    rc = dump ? each(to, llmobs_text_of(dump)) : -ENOMEM;
    free(dump);
    return rc;
}

int llmobs_inputs_each(const struct llmobs_json *value,
                       int (*each)(void *to, struct llmobs_text text), void *to)
{
    int rc = 0;

    if (!llmobs_json_is_array(value) ||
        llmobs_json_is_number(llmobs_json_at(value, 0)))
        return inputs_one(value, each, to);
    LLMOBS_JSON_EACH (one, value, rc == 0)
        rc = inputs_one(one, each, to);
    return rc;
}
