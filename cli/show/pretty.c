#include "cli/show/pretty.h"

#include <errno.h>

#define SHORT 48 /* bytes of a container in one line */
#define INDENT 2

static void add_value(struct llmobs_buf *out, const struct llmobs_json *json,
                      int depth);

static void add_break(struct llmobs_buf *out, int depth)
{
    llmobs_buf_addf(out, "\n%*s", depth * INDENT, "");
}

/* Adds a value in one line. */
static void add_flat(struct llmobs_buf *out, const struct llmobs_json *json)
{
    llmobs_buf_fail(out, llmobs_json_dump(json, LLMOBS_JSON_KEEP_ORDER, out));
}

static void add_object(struct llmobs_buf *out, const struct llmobs_json *json,
                       int depth)
{
    const char *before = "{";

    for (void *at = llmobs_json_iter(json); out->error == 0 && at;
         at = llmobs_json_next(json, at)) {
        struct llmobs_json *key = llmobs_json_string(llmobs_json_iter_key(at));

        llmobs_buf_adds(out, before);
        before = ",";
        add_break(out, depth + 1);
        if (key)
            add_flat(out, key);
        else
            llmobs_buf_fail(out, -ENOMEM);
        llmobs_json_free(key);
        llmobs_buf_adds(out, ": ");
        add_value(out, llmobs_json_iter_value(at), depth + 1);
    }
    add_break(out, depth);
    llmobs_buf_addc(out, '}');
}

static void add_array(struct llmobs_buf *out, const struct llmobs_json *json,
                      int depth)
{
    size_t count = llmobs_json_len(json);

    for (size_t i = 0; out->error == 0 && i < count; i++) {
        llmobs_buf_addc(out, i == 0 ? '[' : ',');
        add_break(out, depth + 1);
        add_value(out, llmobs_json_at(json, i), depth + 1);
    }
    add_break(out, depth);
    llmobs_buf_addc(out, ']');
}

/* Adds a value in one line where it is short enough for that. */
static void add_value(struct llmobs_buf *out, const struct llmobs_json *json,
                      int depth)
{
    size_t begin = out->len, most = depth > 0 ? 2 : 1;

    add_flat(out, json);
    if (out->error != 0 || !llmobs_json_is_container(json) ||
        depth == LLMOBS_PRETTY_DEPTH ||
        (out->len - begin <= SHORT && llmobs_json_len(json) <= most))
        return;
    llmobs_buf_cut(out, begin);
    if (llmobs_json_is_object(json))
        add_object(out, json, depth);
    else
        add_array(out, json, depth);
}

int llmobs_pretty_add(struct llmobs_buf *out, const struct llmobs_json *json)
{
    add_value(out, json, 0);
    return out->error;
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
