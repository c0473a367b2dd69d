/* recall - a match as a text, for another process that reads the call. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/custom.h"
#include "rules/providers.h"
#include "rules/rules.h"

#define SEPARATOR '\t'
#define RECALLS_MAX 1000
_Static_assert(LLMOBS_KIND_RETRIEVAL < 10, "a digit for each");

/* The columns of the text, in this order. */
enum {
    COLUMN_DIALECT,
    COLUMN_PATH, /* which tells the shapes of a dialect apart */
    COLUMN_KIND,
    COLUMN_FLAGS, /* p: proxied, c: to be confirmed */
    COLUMN_PROVIDER,
    COLUMN_NAME,
    COLUMN_COUNT
};

struct llmobs_recalls {
    struct llmobs_recalls *next;
    size_t count; /* of this one and all behind it */
    struct llmobs_rule rule;
    struct llmobs_match match;
    char *text; /* whole */
    char *copy; /* the same in pieces, which rule and match point into */
};

/* Without printf: the app's thread asks for it twice a call. Answers the end,
 * or NULL where there is no room. */
static char *put(char *at, const char *end, const char *text, char behind)
{
    size_t len = text ? strlen(text) : 0;

    if (!at || (size_t)(end - at) <= len)
        return NULL;
    memcpy(at, text ? text : "", len);
    at[len] = behind;
    return at + len + 1;
}

int llmobs_rules_note(const struct llmobs_match *match, char *out, size_t cap)
{
    const struct llmobs_rule *rule = match->rule;
    const char kind[] = {(char)('0' + match->kind), '\0'};
    const char *end = out + cap;
    char flags[3] = "", *flag = flags;

    if (match->proxied)
        *flag++ = 'p';
    if (match->confirm)
        *flag = 'c';
    out = put(out, end, rule->dialect->name, SEPARATOR);
    out = put(out, end, rule->shape->path, SEPARATOR);
    out = put(out, end, kind, SEPARATOR);
    out = put(out, end, flags, SEPARATOR);
    out = put(out, end, match->provider, SEPARATOR);
    return put(out, end, rule->name, '\0') ? 0 : -ENOSPC;
}

static const struct llmobs_shape *find_shape(
    const struct llmobs_dialect *dialect, const char *path)
{
    const struct llmobs_shape *shape = dialect ? dialect->shapes : NULL;

    for (; shape && shape->path; shape++)
        if (strcmp(shape->path, path) == 0)
            return shape;
    return NULL;
}

/* Ends each column with a NUL; false where their number is another. */
static bool split(char *text, char *columns[COLUMN_COUNT])
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        char *end = strchr(text, SEPARATOR);

        columns[i] = text;
        if (!end)
            return i + 1 == COLUMN_COUNT;
        *end = '\0';
        text = end + 1;
    }
    return false;
}

static int fill(struct llmobs_recalls *recall)
{
    char *columns[COLUMN_COUNT];
    struct llmobs_match *match = &recall->match;
    struct llmobs_rule *rule = &recall->rule;

    if (!split(recall->copy, columns))
        return -EINVAL;
    rule->dialect = llmobs_dialect_find(columns[COLUMN_DIALECT]);
    rule->shape = find_shape(rule->dialect, columns[COLUMN_PATH]);
    if (!rule->shape)
        return -ENOTSUP;
    if (*columns[COLUMN_NAME])
        rule->name = columns[COLUMN_NAME];
    match->rule = rule;
    if (*columns[COLUMN_PROVIDER])
        match->provider = columns[COLUMN_PROVIDER];
    match->kind = (enum llmobs_kind)atoi(columns[COLUMN_KIND]);
    if ((unsigned)match->kind > LLMOBS_KIND_RETRIEVAL)
        return -EINVAL;
    match->proxied = strchr(columns[COLUMN_FLAGS], 'p') != NULL;
    match->confirm = strchr(columns[COLUMN_FLAGS], 'c') != NULL;
    match->why = "recalled";
    return 0;
}

static int add(struct llmobs_recalls **recalls, struct llmobs_text text)
{
    struct llmobs_recalls *recall = calloc(1, sizeof(*recall));
    int rc = -ENOMEM;

    if (recall) {
        recall->next = *recalls;
        recall->count = *recalls ? (*recalls)->count + 1 : 1;
        recall->text = strndup(text.data, text.len);
        recall->copy = strndup(text.data, text.len);
        if (recall->text && recall->copy)
            rc = recall->count > RECALLS_MAX ? -ENOSPC : fill(recall);
    }
    if (rc == 0) {
        *recalls = recall;
        return 0;
    }
    if (recall)
        recall->next = NULL;
    llmobs_recalls_free(recall);
    return rc;
}

int llmobs_rules_recall(struct llmobs_recalls **recalls,
                        struct llmobs_text text, struct llmobs_match *match)
{
    const struct llmobs_recalls *at = *recalls;
    int rc;

    while (at && (strlen(at->text) != text.len ||
                  memcmp(at->text, text.data, text.len) != 0))
        at = at->next;
    if (!at) {
        rc = add(recalls, text);
        if (rc < 0)
            return rc;
        at = *recalls;
    }
    *match = at->match;
    return 0;
}

void llmobs_recalls_free(struct llmobs_recalls *recalls)
{
    while (recalls) {
        struct llmobs_recalls *next = recalls->next;

        free(recalls->text);
        free(recalls->copy);
        free(recalls);
        recalls = next;
    }
}
