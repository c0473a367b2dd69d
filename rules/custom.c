#include "rules/custom.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/providers.h"
#include "rules/read/idn.h"
#include "rules/read/text.h"

/* One row's texts, in the order of `columns`. */
enum column {
    COLUMN_HOST,
    COLUMN_PATH,
    COLUMN_METHOD,
    COLUMN_OPERATION,
    COLUMN_DIALECT,
    COLUMN_PROVIDER,
    COLUMN_NAME,
    COLUMN_COUNT
};

static const char *const columns[COLUMN_COUNT] = {
    "host", "path", "method", "operation", "dialect", "provider", "name",
};

/* The columns that are true or not there. */
static bool *switch_of(struct llmobs_rule *rule, const char *key)
{
    return strcmp(key, "never") == 0 ? &rule->never : NULL;
}

static const char *read_column(const char *key, const struct llmobs_json *value,
                               struct llmobs_rule *rule,
                               const char *texts[COLUMN_COUNT])
{
    const char *text = llmobs_json_text(value);
    bool *on = switch_of(rule, key);
    size_t i = 0;

    if (on) {
        *on = llmobs_json_is_true(value);
        return *on ? NULL : "never is not true";
    }
    while (i < COLUMN_COUNT && strcmp(columns[i], key) != 0)
        i++;
    if (i == COLUMN_COUNT)
        return "it has an unknown column";
    if (!text || !*text)
        return "a column is not a text or is empty";
    texts[i] = text;
    return NULL;
}

static const char *check_row(const struct llmobs_rule *rule,
                             const char *const texts[COLUMN_COUNT])
{
    if (rule->never && (texts[COLUMN_DIALECT] || texts[COLUMN_OPERATION] ||
                        texts[COLUMN_PROVIDER] || texts[COLUMN_NAME]))
        return "it says never, and how to read the call";
    if (!rule->never && !texts[COLUMN_DIALECT])
        return "it names no dialect";
    if (!texts[COLUMN_HOST] && !texts[COLUMN_PATH])
        return "it has neither host nor path";
    return NULL;
}

static const char *read_row(const struct llmobs_json *row,
                            struct llmobs_rule *rule,
                            const char *texts[COLUMN_COUNT])
{
    const char *why = NULL;

    if (!llmobs_json_is_object(row))
        return "it is not an object";
    for (void *it = llmobs_json_iter(row); it && !why;
         it = llmobs_json_next(row, it))
        why = read_column(llmobs_json_iter_key(it), llmobs_json_iter_value(it),
                          rule, texts);
    return why ? why : check_row(rule, texts);
}

static const struct llmobs_shape *shape_named(
    const struct llmobs_dialect *dialect, const char *operation)
{
    const struct llmobs_shape *shape = dialect->shapes;

    if (!operation)
        return shape;
    for (; shape->path; shape++)
        if (strcmp(shape->operation, operation) == 0)
            return shape;
    return NULL;
}

static bool copy(char **field, const char *text)
{
    *field = text ? strdup(text) : NULL;
    return !text || *field;
}

static void lower(char *text)
{
    for (; text && *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text + 32);
}

/* Requests' hosts have their DNS form when they are compared, so a rule's has
 * it, too. */
static int to_dns(char **host)
{
    char name[LLMOBS_URL_HOST_MAX + 1];

    if (!*host || llmobs_idn_encode(llmobs_text_of(*host), name, sizeof(name)))
        return 0;
    free(*host);
    *host = strdup(name);
    return *host ? 0 : -ENOMEM;
}

/* Answers the fault. */
static const char *choose_shape(struct llmobs_rule *rule,
                                const char *const texts[COLUMN_COUNT])
{
    rule->dialect = llmobs_dialect_find(texts[COLUMN_DIALECT]);
    if (!rule->dialect)
        return "it names an unknown dialect";
    rule->shape = shape_named(rule->dialect, texts[COLUMN_OPERATION]);
    return rule->shape ? NULL : "it names an unknown operation";
}

static int fill_rule(const struct llmobs_json *row, struct llmobs_rule *rule,
                     const char **why)
{
    const char *texts[COLUMN_COUNT] = {NULL};

    *why = read_row(row, rule, texts);
    if (!*why && !rule->never)
        *why = choose_shape(rule, texts);
    if (*why)
        return -EINVAL;
    *why = "out of memory";
    if (!copy(&rule->host, texts[COLUMN_HOST]) ||
        !copy(&rule->path, texts[COLUMN_PATH]) ||
        !copy(&rule->method, texts[COLUMN_METHOD]) ||
        !copy(&rule->provider, texts[COLUMN_PROVIDER]) ||
        !copy(&rule->name, texts[COLUMN_NAME]))
        return -ENOMEM;
    lower(rule->host);
    return to_dns(&rule->host);
}

static int fill_rules(const struct llmobs_json *list,
                      struct llmobs_custom *custom,
                      struct llmobs_custom_fault *fault)
{
    size_t count = llmobs_json_len(list);
    int rc = 0;

    fault->why = "it is not an array of rules";
    if (!llmobs_json_is_array(list) || count > LLMOBS_CUSTOM_MAX)
        return -EINVAL;
    if (count == 0)
        return 0;
    fault->why = "out of memory";
    custom->rules = calloc(count, sizeof(*custom->rules));
    if (!custom->rules)
        return -ENOMEM;
    custom->count = count;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        fault->rule = i + 1;
        rc = fill_rule(llmobs_json_at(list, i), &custom->rules[i], &fault->why);
    }
    return rc;
}

int llmobs_custom_parse(struct llmobs_text text, struct llmobs_custom *custom,
                        struct llmobs_custom_fault *fault)
{
    struct llmobs_json *list = NULL;
    int rc = llmobs_json_parse(text, &list);

    custom->rules = NULL;
    custom->count = 0;
    fault->rule = 0;
    fault->why = "it is not JSON";
    if (rc == 0)
        rc = fill_rules(list, custom, fault);
    if (rc < 0)
        llmobs_custom_free(custom);
    llmobs_json_free(list);
    return rc == 0 || rc == -ENOMEM ? rc : -EINVAL;
}

void llmobs_custom_free(struct llmobs_custom *custom)
{
    for (size_t i = 0; i < custom->count; i++) {
        free(custom->rules[i].host);
        free(custom->rules[i].path);
        free(custom->rules[i].method);
        free(custom->rules[i].provider);
        free(custom->rules[i].name);
    }
    free(custom->rules);
    custom->rules = NULL;
    custom->count = 0;
}

bool llmobs_custom_bodyless(const struct llmobs_rule *rule)
{
    return !rule->never && rule->method &&
           (strcmp(rule->method, "GET") == 0 ||
            strcmp(rule->method, "HEAD") == 0 ||
            strcmp(rule->method, "DELETE") == 0);
}

static bool has_method(const struct llmobs_rule *rule, const char *method)
{
    if (!rule->method)
        return rule->never || strcmp(method, "POST") == 0;
    return strcmp(method, rule->method) == 0;
}

const struct llmobs_rule *llmobs_custom_find(const struct llmobs_custom *custom,
                                             const char *method,
                                             const struct llmobs_url *url)
{
    struct llmobs_text host = {url->host, url->host_len};

    for (size_t i = 0; i < custom->count; i++) {
        const struct llmobs_rule *rule = &custom->rules[i];

        if (has_method(rule, method) &&
            (!rule->host || llmobs_text_like(host, rule->host)) &&
            (!rule->path || llmobs_text_like(url->path, rule->path)))
            return rule;
    }
    return NULL;
}
