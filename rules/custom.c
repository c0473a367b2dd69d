/* Reads the file of LLMOBS_RULES. */
#include "rules/custom.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rules/providers.h"
#include "rules/read/layout.h"
#include "rules/read/match.h"
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

#define NOTE_ROOM (LLMOBS_RULES_NOTE_MAX - 112) /* beside other columns */
#define LIST_LINE 384               /* of a host or a rule, for the doctor */
#define API_MAX ((size_t)16 * 1024) /* of an API, in each call's entry */

/* A row of the file, borrowed from it. */
struct row {
    const char *texts[COLUMN_COUNT];
    const char *pointers[LLMOBS_APIS_WORDS_MAX]; /* by the words of places */
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
    /* The columns of places are the words of the language. */
    while (i < llmobs_apis_word_count &&
           (!llmobs_apis_words[i].which ||
            strcmp(llmobs_apis_words[i].name, key) != 0))
        i++;
    if (i == llmobs_apis_word_count) {
        i = 0;
        while (i < COLUMN_COUNT && strcmp(columns[i], key) != 0)
            i++;
        if (i == COLUMN_COUNT)
            return "it has an unknown column";
        if (!text || !*text)
            return "a column is not a text or is empty";
        row->texts[i] = text;
        return NULL;
    }
    row->pointers[i] = text;
    if (!text)
        return "a pointer is not a text";
    return llmobs_layout_fault(llmobs_apis_words[i].which, text);
}

/* The columns that say how to read a call. */
static bool reads(const struct row *row)
{
    bool any = row->texts[COLUMN_DIALECT] || row->texts[COLUMN_OPERATION] ||
               row->texts[COLUMN_PROVIDER] || row->texts[COLUMN_NAME] ||
               row->texts[COLUMN_KIND] || row->texts[COLUMN_HEADER] ||
               row->multipart;

    for (size_t i = 0; i < llmobs_apis_word_count; i++)
        any = any || row->pointers[i];
    return any;
}

static const char *read_row(const struct llmobs_json *json, struct row *row)
{
    const char *why = NULL;
    const char *kind;
    unsigned of;
    bool finds;

    if (!llmobs_json_is_object(json))
        return "it is not an object";
    for (void *it = llmobs_json_iter(json); it && !why;
         it = llmobs_json_next(json, it))
        why = read_column(llmobs_json_iter_key(it), llmobs_json_iter_value(it),
                          row);
    if (why)
        return why;
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
    kind = row->texts[COLUMN_KIND];
    of = kind && strcmp(kind, "retrieval") == 0 ? LLMOBS_APIS_FINDS
         : kind && strcmp(kind, "llm") == 0     ? LLMOBS_APIS_LLM
                                                : LLMOBS_APIS_OTHERS;
    finds = false;
    for (size_t i = 0; i < llmobs_apis_word_count; i++) {
        unsigned kinds = llmobs_apis_words[i].kinds;

        if (!row->pointers[i])
            continue;
        if (!kind)
            return "it has a pointer, but no kind";
        finds = finds || llmobs_apis_words[i].which == LLMOBS_AT_DOCUMENTS;
        if (kinds & of)
            continue;
        return kinds == LLMOBS_APIS_LLM
                   ? "it has a column of an llm, but is none"
               : of == LLMOBS_APIS_FINDS
                   ? "it has an output, but a retrieval has documents"
                   : "it has documents, but is no retrieval";
    }
    return of == LLMOBS_APIS_FINDS && !finds
               ? "it is a retrieval without documents"
               : NULL;
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

/* `row` is room for a row. */
static int fill_rule(const struct llmobs_json *json, struct row *row,
                     struct llmobs_rule *rule, const char **why)
{
    struct llmobs_buf text;
    int rc;

    memset(row, 0, sizeof(*row));
    *why = read_row(json, row);
    rule->never = row->never;
    rule->multipart = row->multipart;
    if (!*why && !rule->never)
        *why = choose_shape(rule, row);
    if (*why)
        return -EINVAL;
    *why = "out of memory";
    if (!copy(&rule->host, row->texts[COLUMN_HOST]) ||
        !copy(&rule->path, row->texts[COLUMN_PATH]) ||
        !copy(&rule->method, row->texts[COLUMN_METHOD]) ||
        !copy(&rule->provider, row->texts[COLUMN_PROVIDER]) ||
        !copy(&rule->name, row->texts[COLUMN_NAME]) ||
        !copy(&rule->header, row->texts[COLUMN_HEADER]))
        return -ENOMEM;
    if (rule->host)
        llmobs_url_lower(rule->host);
    /* Writes the pointers in layout.h's form. */
    rc = 0;
    llmobs_buf_init(&text, LLMOBS_LAYOUT_MAX);
    for (size_t i = 0; rc == 0 && i < llmobs_apis_word_count; i++)
        if (row->pointers[i])
            rc = llmobs_buf_addf(&text, "%c%s\n", llmobs_apis_words[i].which,
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

static int fill_rules(const struct llmobs_json *list,
                      struct llmobs_custom *custom,
                      struct llmobs_custom_fault *fault)
{
    size_t count = llmobs_json_len(list);
    struct row *row;
    int rc = 0;

    fault->why = "it is not an array of rules";
    if (!llmobs_json_is_array(list) || count > LLMOBS_CUSTOM_MAX)
        return -EINVAL;
    if (count == 0)
        return 0;
    fault->why = "out of memory";
    custom->rules = calloc(count, sizeof(*custom->rules));
    row = malloc(sizeof(*row));
    if (!custom->rules || !row) {
        free(row);
        return -ENOMEM;
    }
    custom->count = count;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        fault->rule = i + 1;
        rc = fill_rule(llmobs_json_at(list, i), row, &custom->rules[i],
                       &fault->why);
    }
    free(row);
    return rc;
}

/* -- a file in the language ------------------------------------------------ */

/* A file while its APIs and hosts are made. */
struct file {
    struct llmobs_apis apis;
    struct llmobs_custom *custom;
};

/* Adds the rule of a path of an API, with the lines by which another process
 * reads its calls. */
static int add_path(struct file *file, size_t api, unsigned path)
{
    const struct llmobs_dialect *dialect =
        llmobs_made_dialect(file->custom->made[api]);
    struct llmobs_rule *rule = &file->custom->rules[file->custom->count];
    struct llmobs_buf text;
    int rc;

    if (file->custom->count == LLMOBS_CUSTOM_MAX) {
        llmobs_apis_fail(&file->apis, file->apis.apis[api].paths[path].line,
                         "the file has more than %d paths", LLMOBS_CUSTOM_MAX);
        return -EINVAL;
    }
    llmobs_buf_init(&text, API_MAX);
    rc = llmobs_made_write(&file->apis, api, path, &text);
    file->custom->count++;
    rule->dialect = dialect;
    rule->shape = &dialect->shapes[path];
    rule->multipart = rule->shape->form_data;
    if (rc == 0)
        rule->text = strndup(text.data, text.len);
    llmobs_buf_fini(&text);
    if (rc == -EFBIG)
        llmobs_apis_fail(
            &file->apis, file->apis.apis[api].paths[path].line,
            "the lines of this path and its form have too many bytes");
    return rc == 0 && !rule->text ? -ENOMEM : rc == -EFBIG ? -EINVAL : rc;
}

static int add_apis(struct file *file)
{
    struct llmobs_custom *custom = file->custom;
    size_t paths = 0;
    int rc = 0;

    for (size_t i = 0; i < file->apis.count; i++)
        paths += file->apis.apis[i].path_count;
    custom->rules = calloc(paths + 1, sizeof(*custom->rules));
    custom->made = calloc(file->apis.count + 1, sizeof(*custom->made));
    if (!custom->rules || !custom->made)
        return -ENOMEM;
    for (size_t i = 0; i < file->apis.count && rc == 0; i++) {
        rc = llmobs_made_new(&file->apis, i, llmobs_dialects, &custom->made[i]);
        custom->made_count = i + 1;
        for (unsigned k = 0; rc == 0 && k < file->apis.apis[i].path_count; k++)
            rc = add_path(file, i, k);
    }
    return rc;
}

/* Adds the dialects that a word names: an API of the file, a known one, or all
 * that hosts of ours of that name speak. */
static int add_speech(struct file *file, struct llmobs_custom_host *host,
                      size_t *count, unsigned line, const char *word)
{
    const struct llmobs_dialect *one = NULL;
    const struct llmobs_dialect *const *all = llmobs_speech_find(word);
    size_t more = 0;

    for (size_t i = 0; i < file->custom->made_count; i++)
        if (strcmp(llmobs_made_dialect(file->custom->made[i])->name, word) == 0)
            one = llmobs_made_dialect(file->custom->made[i]);
    if (!one && !all)
        one = llmobs_dialect_in(llmobs_dialects, word);
    while (!one && all && all[more])
        more++;
    if ((!one && !all) || *count + more + 1 >= LLMOBS_CUSTOM_SPEECH) {
        llmobs_apis_fail(&file->apis, line,
                         one || all ? "the host speaks too much with '%s'"
                                    : "no host speaks '%s'",
                         word);
        return -EINVAL;
    }
    if (one)
        host->dialects[(*count)++] = one;
    for (size_t i = 0; i < more; i++)
        host->dialects[(*count)++] = all[i];
    return 0;
}

static int add_host(struct file *file, const struct llmobs_apis_said *said)
{
    const char *const *args = file->apis.args + said->first;
    struct llmobs_custom_host *host =
        &file->custom->hosts[file->custom->host_count++];
    size_t count = 0;
    int rc = 0;

    if (strlen(args[1]) > LLMOBS_APIS_NAME)
        llmobs_apis_fail(&file->apis, said->line,
                         "the provider has more than %d bytes",
                         LLMOBS_APIS_NAME);
    host->dialects = calloc(LLMOBS_CUSTOM_SPEECH, sizeof(*host->dialects));
    if (!host->dialects || !copy(&host->host, args[0]) ||
        !copy(&host->provider, args[1]))
        return -ENOMEM;
    llmobs_url_lower(host->host);
    for (unsigned i = 2; i < said->count && rc == 0; i++)
        rc = add_speech(file, host, &count, said->line, args[i]);
    return rc;
}

static int parse_text(struct llmobs_text text, struct llmobs_custom *custom,
                      struct llmobs_custom_fault *fault)
{
    struct file *file = calloc(1, sizeof(*file));
    int rc;

    if (!file)
        return -ENOMEM;
    file->custom = custom;
    fault->why = "a line has a fault";
    rc = llmobs_apis_read(text, &file->apis);
    if (file->apis.order.line || file->apis.observed.line ||
        file->apis.speaks_count > 0) {
        fault->why = "only rules/apis/hosts has lines order, observed, speaks";
        rc = -EINVAL;
    }
    if (rc == 0 && file->apis.count + file->apis.host_count == 0) {
        fault->why = "it has neither rules in JSON nor a line `host` or `api`";
        rc = -EINVAL;
    }
    if (rc == 0)
        rc = add_apis(file);
    if (rc == 0) {
        custom->hosts =
            calloc(file->apis.host_count + 1, sizeof(*custom->hosts));
        rc = custom->hosts ? 0 : -ENOMEM;
    }
    for (unsigned i = 0; rc == 0 && i < file->apis.host_count; i++)
        rc = add_host(file, &file->apis.hosts[i]);
    for (unsigned i = 0; i < file->apis.fault_count && rc != -ENOMEM; i++) {
        rc = -EINVAL;
        if (fault->complain)
            fault->complain(fault->context, file->apis.faults[i].line,
                            file->apis.faults[i].why);
    }
    llmobs_apis_free(&file->apis);
    free(file);
    return rc;
}

void llmobs_custom_list(const struct llmobs_custom *custom,
                        void (*each)(void *context, const char *text),
                        void *context)
{
    char text[LIST_LINE];

    for (size_t i = 0; i < custom->host_count; i++) {
        const struct llmobs_custom_host *host = &custom->hosts[i];
        size_t len = (size_t)snprintf(text, sizeof(text), "host %s: %s speaks",
                                      host->host, host->provider);

        for (size_t k = 0; host->dialects[k] && len < sizeof(text); k++)
            len += (size_t)snprintf(text + len, sizeof(text) - len, " %s",
                                    host->dialects[k]->name);
        each(context, text);
    }
    for (size_t i = 0; i < custom->count; i++) {
        const struct llmobs_rule *rule = &custom->rules[i];

        if (rule->text)
            snprintf(text, sizeof(text), "api %s: %s %s", rule->dialect->name,
                     rule->shape->method, rule->shape->path);
        else
            snprintf(text, sizeof(text), "rule %zu: host %s, path %s: %s%s%s",
                     i + 1, rule->host ? rule->host : "*",
                     rule->path ? rule->path : "*",
                     rule->never ? "never" : rule->dialect->name,
                     rule->never ? "" : " ",
                     rule->never ? "" : rule->shape->operation);
        each(context, text);
    }
}

const struct llmobs_custom_host *llmobs_custom_host_of(
    const struct llmobs_custom *custom, struct llmobs_text host)
{
    for (size_t i = 0; i < custom->host_count; i++)
        if (llmobs_text_like(host, custom->hosts[i].host))
            return &custom->hosts[i];
    return NULL;
}

bool llmobs_custom_names(const struct llmobs_custom *custom, const char *host)
{
    struct llmobs_text text = llmobs_text_of(host);

    for (size_t i = 0; i < custom->count; i++) {
        const struct llmobs_rule *rule = &custom->rules[i];
        const char *named = rule->text ? rule->shape->host : rule->host;

        /* "*" alone names none: the path says which request is a call. */
        if (!rule->never && named && named[strspn(named, "*")] &&
            llmobs_text_like(text, named))
            return true;
    }
    return llmobs_custom_host_of(custom, text);
}

int llmobs_custom_parse(struct llmobs_text text, struct llmobs_custom *custom,
                        struct llmobs_custom_fault *fault)
{
    struct llmobs_json *list = NULL;
    int rc;

    memset(custom, 0, sizeof(*custom));
    fault->rule = 0;
    fault->why = "it is not JSON";
    if (!llmobs_match_json(text)) {
        rc = parse_text(text, custom, fault);
    } else {
        rc = llmobs_json_parse(text, &list);
        if (rc == 0)
            rc = fill_rules(list, custom, fault);
    }
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
        free(custom->rules[i].text);
    }
    for (size_t i = 0; i < custom->host_count; i++) {
        free(custom->hosts[i].host);
        free(custom->hosts[i].provider);
        free(custom->hosts[i].dialects);
    }
    for (size_t i = 0; i < custom->made_count; i++)
        llmobs_made_free(custom->made[i]);
    free(custom->rules);
    free(custom->hosts);
    free(custom->made);
    memset(custom, 0, sizeof(*custom));
}

bool llmobs_custom_bodyless(const struct llmobs_rule *rule)
{
    if (rule->text)
        return rule->shape->bodyless;
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

/* A path of the user's API counts on its host, on each host that a line `host`
 * says to speak the API, or on every host. */
static bool covers_shape(const struct llmobs_custom *custom,
                         const struct llmobs_rule *rule, const char *method,
                         const struct llmobs_url *url)
{
    const struct llmobs_shape *shape = rule->shape;
    const struct llmobs_custom_host *line;
    struct llmobs_text host = {url->host, url->host_len};

    if (!llmobs_match_has(shape, method, url->path, false))
        return false;
    if (shape->any_host ||
        (*shape->host && llmobs_text_like(host, shape->host)))
        return true;
    line = llmobs_custom_host_of(custom, host);
    for (size_t i = 0; line && line->dialects[i]; i++)
        if (line->dialects[i] == rule->dialect)
            return true;
    return false;
}

static bool covers(const struct llmobs_custom *custom,
                   const struct llmobs_rule *rule, const char *method,
                   const struct llmobs_url *url)
{
    struct llmobs_text host = {url->host, url->host_len};

    if (rule->text)
        return covers_shape(custom, rule, method, url);
    return has_method(rule, method) &&
           (!rule->host || llmobs_text_like(host, rule->host)) &&
           (!rule->path || llmobs_text_like(url->path, rule->path));
}

const struct llmobs_rule *llmobs_custom_find(const struct llmobs_custom *custom,
                                             const char *method,
                                             const struct llmobs_url *url)
{
    for (size_t i = 0; i < custom->count; i++)
        if (!custom->rules[i].header &&
            covers(custom, &custom->rules[i], method, url))
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
            covers(custom, &custom->rules[i], method, url))
            return &custom->rules[i];
    return NULL;
}
