#include "lib/text/json_path.h"

#include <errno.h>
#include <string.h>

/* One step of a path. */
struct step {
    char name[LLMOBS_JSON_PATH_NAME];
    size_t index;
    bool indexed; /* into an array; else a member's name */
};

/* Reads the text up to one of `ends`. Gives the rest; NULL: too long. */
static const char *read_name(const char *path, const char *ends,
                             struct step *step)
{
    size_t len = strcspn(path, ends);

    if (len == 0 || len >= sizeof(step->name))
        return NULL;
    memcpy(step->name, path, len);
    step->name[len] = '\0';
    return path + len;
}

static const char *read_index(const char *path, struct step *step)
{
    step->indexed = true;
    if (*path < '0' || *path > '9')
        return NULL;
    for (; *path >= '0' && *path <= '9'; path++) {
        if (step->index > 1000000)
            return NULL;
        step->index = step->index * 10 + (size_t)(*path - '0');
    }
    return *path == ']' ? path + 1 : NULL;
}

/* Gives the rest of the path behind a step; NULL: it was the last. */
static const char *read_step(const char *path, struct step *step)
{
    const char quote[] = {path[0] ? path[1] : '\0', '\0'};

    *step = (struct step){.indexed = false};
    if (*path == '.')
        return read_name(path + 1, ".[", step);
    if (*path != '[')
        return NULL;
    if (*quote != '\'' && *quote != '"')
        return read_index(path + 1, step);
    path = read_name(path + 2, quote, step);
    return path && path[0] == *quote && path[1] == ']' ? path + 2 : NULL;
}

static struct llmobs_json *value_at(const struct llmobs_json *in,
                                    const struct step *step)
{
    return step->indexed ? llmobs_json_at(in, step->index)
                         : llmobs_json_get(in, step->name);
}

static int put_at(struct llmobs_json *in, const struct step *step,
                  struct llmobs_json *value)
{
    if (!step->indexed)
        return llmobs_json_set(in, step->name, value);
    if (step->index == llmobs_json_len(in))
        return llmobs_json_add(in, value);
    llmobs_json_free(value);
    return -EINVAL;
}

/* Gives the object or array at the step; makes it if missing. NULL: another
 * value is there, or memory ran out. */
static struct llmobs_json *go_on(struct llmobs_json *in,
                                 const struct step *step, bool array)
{
    struct llmobs_json *next = value_at(in, step);

    if (!next &&
        put_at(in, step, array ? llmobs_json_array() : llmobs_json_object()) ==
            0)
        next = value_at(in, step);
    return array == llmobs_json_is_array(next) ? next : NULL;
}

int llmobs_json_path_set(struct llmobs_json *root, const char *path,
                         struct llmobs_json *value)
{
    struct step step, next;
    struct llmobs_json *in = root;
    int rc = value ? -EINVAL : -ENOMEM;

    path = path[0] == '$' ? read_step(path + 1, &step) : NULL;
    for (int i = 0; in && path && *path && i < LLMOBS_JSON_PATH_STEPS; i++) {
        path = read_step(path, &next);
        in = path ? go_on(in, &step, next.indexed) : NULL;
        step = next;
    }
    if (value && in && path && !*path)
        return put_at(in, &step, value);
    llmobs_json_free(value);
    return rc;
}
