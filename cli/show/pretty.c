#include "cli/show/pretty.h"

#include <errno.h>

#define SHORT 48 /* bytes of a container in one line */
#define INDENT 2

static int pretty_add_value(struct llmobs_buf *out,
                            const struct llmobs_json *json, int depth);

static int add_break(struct llmobs_buf *out, int depth)
{
    return llmobs_buf_addf(out, "\n%*s", depth * INDENT, "");
}

/* Adds a value in one line. */
static int pretty_add_flat(struct llmobs_buf *out,
                           const struct llmobs_json *json)
{
    return llmobs_json_dump(json, LLMOBS_JSON_KEEP_ORDER, out);
}

static int add_key(struct llmobs_buf *out, const char *key)
{
    struct llmobs_json *text = llmobs_json_string(key);
    int rc = text ? pretty_add_flat(out, text) : -ENOMEM;

    llmobs_json_free(text);
    return rc | llmobs_buf_adds(out, ": ");
}

static int pretty_add_object(struct llmobs_buf *out,
                             const struct llmobs_json *json, int depth)
{
    int rc = llmobs_buf_addc(out, '{');
    bool first = true;

    for (void *at = llmobs_json_iter(json); rc == 0 && at;
         at = llmobs_json_next(json, at)) {
        if (!first)
            rc = llmobs_buf_addc(out, ',');
        first = false;
        rc |= add_break(out, depth + 1);
        if (rc == 0)
            rc = add_key(out, llmobs_json_iter_key(at));
        if (rc == 0)
            rc = pretty_add_value(out, llmobs_json_iter_value(at), depth + 1);
    }
    rc |= add_break(out, depth);
    return rc | llmobs_buf_addc(out, '}');
}

static int add_array(struct llmobs_buf *out, const struct llmobs_json *json,
                     int depth)
{
    int rc = llmobs_buf_addc(out, '[');

    for (size_t i = 0; rc == 0 && i < llmobs_json_len(json); i++) {
        if (i > 0)
            rc = llmobs_buf_addc(out, ',');
        rc |= add_break(out, depth + 1);
        if (rc == 0)
            rc = pretty_add_value(out, llmobs_json_at(json, i), depth + 1);
    }
    rc |= add_break(out, depth);
    return rc | llmobs_buf_addc(out, ']');
}

/* Adds a value in one line where it is short enough for that. */
static int pretty_add_value(struct llmobs_buf *out,
                            const struct llmobs_json *json, int depth)
{
    size_t begin = out->len, most = depth > 0 ? 2 : 1;
    int rc = pretty_add_flat(out, json);

    if (rc != 0 || !llmobs_json_is_container(json) ||
        depth == LLMOBS_PRETTY_DEPTH ||
        (out->len - begin <= SHORT && llmobs_json_len(json) <= most))
        return rc;
    llmobs_buf_cut(out, begin);
    return llmobs_json_is_object(json) ? pretty_add_object(out, json, depth)
                                       : add_array(out, json, depth);
}

int llmobs_pretty_add(struct llmobs_buf *out, const struct llmobs_json *json)
{
    return pretty_add_value(out, json, 0);
}

int llmobs_pretty_text(struct llmobs_buf *out, const char *text)
{
    struct llmobs_json *json = NULL;
    int rc = -EINVAL;

    if (*text == '{' || *text == '[')
        rc = llmobs_json_parse(llmobs_text_of(text), &json);
    if (rc == 0)
        rc = llmobs_pretty_add(out, json);
    llmobs_json_free(json);
    return rc == -E2BIG ? -EINVAL : rc;
}
