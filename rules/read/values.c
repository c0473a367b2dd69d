/* Sets plain input and output values. */
#include "rules/read/values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/media.h"
#include "rules/read/text.h"

#define STEPS_MAX 64

char *llmobs_value_text(const struct llmobs_json *value)
{
    const char *text = llmobs_json_text(value);
    struct llmobs_json *words;
    struct llmobs_text cut;
    char *dump;

    if (text) {
        cut = llmobs_text_cut(llmobs_text_of(text), LLMOBS_VALUE_MAX);
        return strndup(cut.data, cut.len);
    }
    words = llmobs_media_words(value, "data");
    dump = words ? llmobs_json_dumps(words, LLMOBS_JSON_KEEP_ORDER) : NULL;
    llmobs_json_free(words);
    if (dump)
        dump[llmobs_text_cut(llmobs_text_of(dump), LLMOBS_VALUE_MAX).len] =
            '\0';
    return dump;
}

struct llmobs_json *llmobs_value_lines(const struct llmobs_json *list,
                                       const char *key)
{
    struct llmobs_buf lines;
    struct llmobs_json *value = NULL;
    int rc = 0;

    llmobs_buf_init(&lines, LLMOBS_VALUE_MAX);
    LLMOBS_JSON_EACH (one, list, rc == 0) {
        struct llmobs_text line = llmobs_text_of(llmobs_json_gets(one, key));

        if (line.len > 0 && lines.len > 0)
            rc = llmobs_buf_addc(&lines, '\n');
        if (rc == 0)
            rc = llmobs_buf_add(&lines, line.data, line.len);
    }
    if (rc != -ENOMEM)
        value = llmobs_json_stringn(lines.len > 0 ? lines.data : "", lines.len);
    llmobs_buf_fini(&lines);
    return value;
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

int llmobs_value_words(char **value, const struct llmobs_buf *words)
{
    return words->len > 0 ? llmobs_span_set(value, words->data) : 0;
}

int llmobs_value_step(struct llmobs_span *span, const char *type,
                      const char *name)
{
    struct llmobs_json *steps = llmobs_json_get(span->metadata, "steps");
    struct llmobs_json *step;
    int rc = 0;

    if (llmobs_json_len(steps) >= STEPS_MAX)
        return 0;
    if (!steps) {
        rc = llmobs_json_set(span->metadata, "steps", llmobs_json_array());
        steps = llmobs_json_get(span->metadata, "steps");
    }
    step = llmobs_json_object();
    if (rc == 0)
        rc = llmobs_json_sets(step, "type", type);
    if (rc == 0)
        rc = llmobs_json_sets(step, "name", name);
    return llmobs_json_add_made(steps, step, rc);
}

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
