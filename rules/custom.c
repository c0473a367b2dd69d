#include "rules/custom.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rules/providers.h"
#include "rules/read/idn.h"
#include "rules/read/layout.h"
#include "rules/read/text.h"

/* The texts of a row, in the order of `columns`. */
enum column {
    COLUMN_HOST,
    COLUMN_PATH,
    COLUMN_METHOD,
    COLUMN_OPERATION,
    COLUMN_DIALECT,
    COLUMN_PROVIDER,
    COLUMN_NAME,
    COLUMN_KIND,
    COLUMN_HEADER,
    COLUMN_COUNT
};

static const char *const columns[COLUMN_COUNT] = {
    "host",     "path", "method", "operation", "dialect",
    "provider", "name", "kind",   "header",
};

/* The kinds of a rule that may have a place. */
enum { LLM = 1, RETRIEVAL = 2, OTHERS = 4, ALL = LLM | RETRIEVAL | OTHERS };

static const struct {
    const char *column;
    char which[2];
    unsigned char kinds;
} places[] = {
    {"input", LLMOBS_AT_INPUT, ALL},
    {"prompt", LLMOBS_AT_PROMPT, LLM},
    {"system", LLMOBS_AT_SYSTEM, LLM},
    {"settings", LLMOBS_AT_METADATA, ALL},
    {"output", LLMOBS_AT_OUTPUT, LLM | OTHERS},
    {"model", LLMOBS_AT_MODEL, ALL},
    {"id", LLMOBS_AT_ID, ALL},
    {"role", LLMOBS_AT_ROLE, LLM},
    {"text", LLMOBS_AT_TEXT, LLM},
    {"reasoning", LLMOBS_AT_REASONING, LLM},
    {"tool_calls", LLMOBS_AT_CALLS, LLM},
    {"index", LLMOBS_AT_INDEX, LLM},
    {"finish_reason", LLMOBS_AT_REASON, LLM},
    {"finish_reasons", LLMOBS_AT_REASONS, LLM},
    {"finish_default", LLMOBS_AT_ENDED, LLM},
    {"end", LLMOBS_AT_END, ALL},
    {"end_value", LLMOBS_AT_LAST, ALL},
    {"error", LLMOBS_AT_FAULT, ALL},
    {"documents", LLMOBS_AT_DOCUMENTS, RETRIEVAL},
    {"document_text", LLMOBS_AT_DOCUMENT_TEXT, RETRIEVAL},
    {"document_name", LLMOBS_AT_DOCUMENT_NAME, RETRIEVAL},
    {"document_id", LLMOBS_AT_DOCUMENT_ID, RETRIEVAL},
    {"document_score", LLMOBS_AT_DOCUMENT_SCORE, RETRIEVAL},
    {"usage", LLMOBS_AT_USAGE, ALL},
    {"input_tokens", LLMOBS_AT_INPUT_TOKENS, ALL},
    {"output_tokens", LLMOBS_AT_OUTPUT_TOKENS, ALL},
    {"total_tokens", LLMOBS_AT_TOTAL_TOKENS, ALL},
    {"cached_tokens", LLMOBS_AT_CACHED_TOKENS, ALL},
    {"prefill_time", LLMOBS_AT_PREFILL, LLM},
    {"decode_time", LLMOBS_AT_DECODE, LLM},
    {"time_unit", LLMOBS_AT_UNIT, LLM},
};

#define NOTE_ROOM (LLMOBS_RULES_NOTE_MAX - 112) /* beside other columns */
#define PLACE_COUNT (sizeof(places) / sizeof(places[0]))

/* A row of the file, borrowed from it. */
struct row {
    const char *texts[COLUMN_COUNT];
    const char *pointers[PLACE_COUNT];
    bool multipart;
    bool never;
};

/* Columns that are true or missing. */
static bool *switch_of(struct row *row, const char *key)
{
    if (strcmp(key, "never") == 0)
        return &row->never;
    return strcmp(key, "multipart") == 0 ? &row->multipart : NULL;
}

static const char *read_text(const char *key, const char *text, struct row *row)
{
    size_t i = 0;

    while (i < COLUMN_COUNT && strcmp(columns[i], key) != 0)
        i++;
    if (i == COLUMN_COUNT)
        return "it has an unknown column";
    if (!text || !*text)
        return "a column is not a text or is empty";
    row->texts[i] = text;
    return NULL;
}

static const char *read_column(const char *key, const struct llmobs_json *value,
                               struct row *row)
{
    const char *text = llmobs_json_text(value);
    bool *on = switch_of(row, key);
    size_t i = 0;

    if (on) {
        *on = true;
        return llmobs_json_is_true(value) ? NULL : "a switch is not true";
    }
    while (i < PLACE_COUNT && strcmp(places[i].column, key) != 0)
        i++;
    if (i == PLACE_COUNT)
        return read_text(key, text, row);
    row->pointers[i] = text;
    if (!text)
        return "a pointer is not a text";
    return llmobs_layout_fault(places[i].which, text);
}

/* The columns that say how to read a call. */
static bool reads(const struct row *row)
{
    bool any = row->texts[COLUMN_DIALECT] || row->texts[COLUMN_OPERATION] ||
               row->texts[COLUMN_PROVIDER] || row->texts[COLUMN_NAME] ||
               row->texts[COLUMN_KIND] || row->texts[COLUMN_HEADER] ||
               row->multipart;

    for (size_t i = 0; i < PLACE_COUNT; i++)
        any = any || row->pointers[i];
    return any;
}

static const char *check_places(const struct row *row)
{
    const char *kind = row->texts[COLUMN_KIND];
    unsigned char of = kind && strcmp(kind, "retrieval") == 0 ? RETRIEVAL
                       : kind && strcmp(kind, "llm") == 0     ? LLM
                                                              : OTHERS;
    bool finds = false;

    for (size_t i = 0; i < PLACE_COUNT; i++) {
        if (!row->pointers[i])
            continue;
        if (!kind)
            return "it has a pointer, but no kind";
        finds = finds || *places[i].which == *LLMOBS_AT_DOCUMENTS;
        if (places[i].kinds & of)
            continue;
        return places[i].kinds == LLM ? "it has a column of an llm, but is none"
               : of == RETRIEVAL
                   ? "it has an output, but a retrieval has documents"
                   : "it has documents, but is no retrieval";
    }
    return of == RETRIEVAL && !finds ? "it is a retrieval without documents"
                                     : NULL;
}

static const char *check_row(const struct row *row)
{
    if (row->never && reads(row))
        return "it says never, and how to read the call";
    if (!row->never && !row->texts[COLUMN_DIALECT] && !row->texts[COLUMN_KIND])
        return "it names no dialect";
    if (row->texts[COLUMN_KIND] &&
        (row->texts[COLUMN_DIALECT] || row->texts[COLUMN_OPERATION]))
        return "it names a kind, and a dialect or an operation";
    if (!row->texts[COLUMN_HOST] && !row->texts[COLUMN_PATH] &&
        !row->texts[COLUMN_HEADER])
        return "it has no host, no path and no header";
    if (row->texts[COLUMN_HEADER] && row->texts[COLUMN_HEADER][0] == ':')
        return "its header has no name";
    return check_places(row);
}

static const char *read_row(const struct llmobs_json *json, struct row *row)
{
    const char *why = NULL;

    if (!llmobs_json_is_object(json))
        return "it is not an object";
    for (void *it = llmobs_json_iter(json); it && !why;
         it = llmobs_json_next(json, it))
        why = read_column(llmobs_json_iter_key(it), llmobs_json_iter_value(it),
                          row);
    return why ? why : check_row(row);
}

static const struct llmobs_shape *shape_named(
    const struct llmobs_dialect *dialect, const char *operation)
{
    LLMOBS_SHAPES_EACH (shape, dialect)
        if (!operation || strcmp(shape->operation, operation) == 0)
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

/* Hosts are compared in their DNS form, so a rule's host gets that form. */
__attribute__((noinline)) static int to_dns(char **host)
{
    char name[LLMOBS_URL_HOST_MAX + 1];

    if (!*host || llmobs_idn_encode(llmobs_text_of(*host), name, sizeof(name)))
        return 0;
    free(*host);
    *host = strdup(name);
    return *host ? 0 : -ENOMEM;
}

/* Gives the fault; NULL: the shape was chosen. */
static const char *choose_shape(struct llmobs_rule *rule, const struct row *row)
{
    const char *kind = row->texts[COLUMN_KIND];

    rule->dialect = kind ? &llmobs_dialect_json
                         : llmobs_dialect_find(row->texts[COLUMN_DIALECT]);
    if (!rule->dialect)
        return "it names an unknown dialect";
    rule->shape =
        shape_named(rule->dialect, kind ? kind : row->texts[COLUMN_OPERATION]);
    if (rule->shape)
        return NULL;
    return kind ? "it names an unknown kind" : "it names an unknown operation";
}

/* A rule with pointers must fit in a note for other processes. */
static bool fits_note(const struct llmobs_rule *rule)
{
    return !rule->places ||
           strlen(rule->places) + (rule->name ? strlen(rule->name) : 0) +
                   (rule->provider ? strlen(rule->provider) : 0) <=
               NOTE_ROOM;
}

/* Writes the pointers in layout.h's form. */
static int fill_places(const struct row *row, struct llmobs_rule *rule,
                       const char **why)
{
    struct llmobs_buf text;
    int rc = 0;

    llmobs_buf_init(&text, LLMOBS_LAYOUT_MAX);
    for (size_t i = 0; rc == 0 && i < PLACE_COUNT; i++)
        if (row->pointers[i])
            rc = llmobs_buf_addf(&text, "%s%s\n", places[i].which,
                                 row->pointers[i]);
    if (rc == 0 && text.len > 0) {
        rule->places = strndup(text.data, text.len);
        rc = rule->places ? 0 : -ENOMEM;
    }
    if (rc == -EFBIG || !fits_note(rule))
        *why = "its pointers, with its name and provider, are too long";
    llmobs_buf_fini(&text);
    return rc != -EFBIG && fits_note(rule) ? rc : -EINVAL;
}

static int fill_rule(const struct llmobs_json *json, struct llmobs_rule *rule,
                     const char **why)
{
    struct row row = {.never = false};

    *why = read_row(json, &row);
    rule->never = row.never;
    rule->multipart = row.multipart;
    if (!*why && !rule->never)
        *why = choose_shape(rule, &row);
    if (*why)
        return -EINVAL;
    *why = "out of memory";
    if (!copy(&rule->host, row.texts[COLUMN_HOST]) ||
        !copy(&rule->path, row.texts[COLUMN_PATH]) ||
        !copy(&rule->method, row.texts[COLUMN_METHOD]) ||
        !copy(&rule->provider, row.texts[COLUMN_PROVIDER]) ||
        !copy(&rule->name, row.texts[COLUMN_NAME]) ||
        !copy(&rule->header, row.texts[COLUMN_HEADER]))
        return -ENOMEM;
    lower(rule->host);
    if (to_dns(&rule->host) < 0)
        return -ENOMEM;
    return fill_places(&row, rule, why);
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
        free(custom->rules[i].places);
        free(custom->rules[i].header);
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

static bool covers(const struct llmobs_rule *rule, const char *method,
                   const struct llmobs_url *url)
{
    struct llmobs_text host = {url->host, url->host_len};

    return has_method(rule, method) &&
           (!rule->host || llmobs_text_like(host, rule->host)) &&
           (!rule->path || llmobs_text_like(url->path, rule->path));
}

const struct llmobs_rule *llmobs_custom_find(const struct llmobs_custom *custom,
                                             const char *method,
                                             const struct llmobs_url *url)
{
    for (size_t i = 0; i < custom->count; i++)
        if (!custom->rules[i].header && covers(&custom->rules[i], method, url))
            return &custom->rules[i];
    return NULL;
}

static bool is_header(const struct llmobs_rule *rule, const char *line)
{
    size_t name = rule->header ? strcspn(rule->header, ":") : 0;
    const char *part, *value;

    if (!rule->header || strncasecmp(line, rule->header, name) != 0 ||
        line[name] != ':')
        return false;
    value = line + name + 1;
    value += strspn(value, " \t\r\n");
    part = rule->header + name + (rule->header[name] == ':');
    part += strspn(part, " \t");
    return *value && llmobs_text_has_nocase(llmobs_text_of(value), part);
}

bool llmobs_custom_asks(const struct llmobs_custom *custom, const char *method)
{
    for (size_t i = 0; i < custom->count; i++)
        if (custom->rules[i].header && has_method(&custom->rules[i], method))
            return true;
    return false;
}

bool llmobs_custom_is_sign(const struct llmobs_custom *custom, const char *line)
{
    for (size_t i = 0; i < custom->count; i++)
        if (is_header(&custom->rules[i], line))
            return true;
    return false;
}

const struct llmobs_rule *llmobs_custom_find_signed(
    const struct llmobs_custom *custom, const char *method,
    const struct llmobs_url *url, const char *line)
{
    for (size_t i = 0; i < custom->count; i++)
        if (is_header(&custom->rules[i], line) &&
            covers(&custom->rules[i], method, url))
            return &custom->rules[i];
    return NULL;
}
