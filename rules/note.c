/* A match as a text, for another process that reads the call (rules.h). */
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
    COLUMN_SHAPE, /* method, a blank and path; only the path for a POST */
    COLUMN_KIND,
    COLUMN_FLAGS, /* p: proxied, c: the body has to confirm the match */
    COLUMN_PROVIDER,
    COLUMN_NAME,
    COLUMN_PLACES, /* left out if the rule has no places */
    COLUMN_COUNT
};

struct llmobs_recalls {
    struct llmobs_recalls *next;
    size_t count; /* of this recall and all behind it */
    struct llmobs_rule rule;
    struct llmobs_match match;
    char *text; /* the complete text */
    char *api;  /* the lines of the user's API; NULL: it is one of ours */
    char *copy; /* cut in columns, which rule and match point into */
    struct llmobs_made *made; /* the dialect of the user's API; or NULL */
};

/* Gives the end of the text, NULL where it does not fit. Not with printf, since
 * the app's thread writes such a text twice in a call. */
static char *put_column(char *at, const char *end, const char *text,
                        char behind)
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
    out = put_column(out, end, rule->dialect->name, SEPARATOR);
    if (strcmp(rule->shape->method, "POST") != 0)
        out = put_column(out, end, rule->shape->method, ' ');
    out = put_column(out, end, rule->shape->path, SEPARATOR);
    out = put_column(out, end, kind, SEPARATOR);
    out = put_column(out, end, flags, SEPARATOR);
    out = put_column(out, end, match->provider, SEPARATOR);
    out = put_column(out, end, rule->name, rule->places ? SEPARATOR : '\0');
    if (rule->places)
        out = put_column(out, end, rule->places, '\0');
    return out ? 0 : -ENOSPC;
}

static const struct llmobs_shape *find_shape(
    const struct llmobs_dialect *dialect, struct llmobs_text text)
{
    const char *blank = memchr(text.data, ' ', text.len);
    struct llmobs_text method = {"POST", 4}, path = text;

    if (blank) {
        method = (struct llmobs_text){text.data, (size_t)(blank - text.data)};
        path.data = blank + 1;
        path.len -= method.len + 1;
    }
    if (!dialect)
        return NULL;
    LLMOBS_SHAPES_EACH (shape, dialect)
        if (llmobs_text_is(path, shape->path) &&
            llmobs_text_is(method, shape->method))
            return shape;
    return NULL;
}

/* Ends each column with a NUL; false where the text has more or fewer columns.
 * The last column may be missing. */
static bool split_note(char *text, char *columns[COLUMN_COUNT])
{
    columns[COLUMN_PLACES] = NULL;
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        char *end = strchr(text, SEPARATOR);

        columns[i] = text;
        if (!end)
            return i >= COLUMN_NAME;
        *end = '\0';
        text = end + 1;
    }
    return false;
}

static int fill_recall(struct llmobs_recalls *recall)
{
    char *columns[COLUMN_COUNT];
    struct llmobs_match *match = &recall->match;
    struct llmobs_rule *rule = &recall->rule;

    if (!split_note(recall->copy, columns))
        return -EINVAL;
    if (recall->api) {
        int rc;
        struct llmobs_apis *apis = calloc(1, sizeof(*apis));

        /* Makes the dialect of a user's API of its lines. */
        rc = apis ? llmobs_apis_read(llmobs_text_of(recall->api), apis)
                  : -ENOMEM;
        if (rc == 0 && apis->count != 1)
            rc = -EINVAL;
        if (rc == 0)
            rc = llmobs_made_new(apis, 0, llmobs_dialects, &recall->made);
        if (apis)
            llmobs_apis_free(apis);
        free(apis);
        if (rc < 0)
            return rc;
        rule->dialect = llmobs_made_dialect(recall->made);
    } else {
        rule->dialect = llmobs_dialect_find(columns[COLUMN_DIALECT]);
    }
    rule->shape =
        find_shape(rule->dialect, llmobs_text_of(columns[COLUMN_SHAPE]));
    if (!rule->shape)
        return -ENOTSUP;
    if (*columns[COLUMN_NAME])
        rule->name = columns[COLUMN_NAME];
    rule->places = columns[COLUMN_PLACES];
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

static int add_recall(struct llmobs_recalls **recalls, struct llmobs_text api,
                      struct llmobs_text text)
{
    struct llmobs_recalls *recall = calloc(1, sizeof(*recall));
    int rc = -ENOMEM;

    if (recall) {
        recall->next = *recalls;
        recall->count = *recalls ? (*recalls)->count + 1 : 1;
        recall->text = strndup(text.data, text.len);
        recall->copy = strndup(text.data, text.len);
        recall->api = api.len > 0 ? strndup(api.data, api.len) : NULL;
        if (recall->text && recall->copy && (recall->api || api.len == 0))
            rc = recall->count > RECALLS_MAX ? -ENOSPC : fill_recall(recall);
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

const char *llmobs_rules_api(const struct llmobs_match *match)
{
    return match->rule ? match->rule->text : NULL;
}

int llmobs_rules_recall(struct llmobs_recalls **recalls, struct llmobs_text api,
                        struct llmobs_text text, struct llmobs_match *match)
{
    const struct llmobs_recalls *at = *recalls;
    int rc;

    while (at && (!llmobs_text_is(text, at->text) ||
                  !llmobs_text_is(api, at->api ? at->api : "")))
        at = at->next;
    if (!at) {
        rc = add_recall(recalls, api, text);
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
        free(recalls->api);
        llmobs_made_free(recalls->made);
        free(recalls);
        recalls = next;
    }
}
