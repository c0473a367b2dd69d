/* Parses the configuration file. */
#include "core/config/config_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/file.h"

/* At most this many lines are reported: the file may be something else than a
 * configuration. */
#define REPORTED_MAX 8

struct reading {
    struct llmobs_config_loading *loading;
    const char *path;
    char **list; /* the lines of the file, the last one first */
    size_t at;   /* entries are filled downwards to here */
    size_t line;
    size_t reported;
};

/* True for a name that a configuration file may set. It may not set the
 * variables that belong to one process, such as its parent span or HOME. */
static bool may_set(const char *name)
{
    static const char *const own[] = {"DD_", "_DD_", "LLMOBS_", "OTEL_"};

    /* Every process reads the file: there LLMOBS_RECORD would record the calls
     * of all processes, LLMOBS_REPLAY would send them all to a mock, and
     * LLMOBS_RUN would make one run of them. */
    if (strcmp(name, "LLMOBS_CONFIG") == 0 || strcmp(name, "LLMOBS_RUN") == 0 ||
        strcmp(name, "LLMOBS_RUN_STORE") == 0 ||
        strcmp(name, "LLMOBS_RECORD") == 0 ||
        strcmp(name, "LLMOBS_REPLAY") == 0)
        return false;
    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
        if (strncmp(name, own[i], strlen(own[i])) == 0)
            return true;
    }
    return strcmp(name, "SSL_CERT_FILE") == 0 ||
           strcmp(name, "CURL_CA_BUNDLE") == 0;
}

/* True where a malformed line may be about content, or whose call it is. */
static bool may_concern_content(struct llmobs_text line)
{
    static const char *const names[] = {"LLMOBS_CONTENT", "LLMOBS_REDACT",
                                        "LLMOBS_REQUEST_TAGS",
                                        "LLMOBS_HASH_KEY"};

    if (line.len > 0 && memchr(line.data, '\0', line.len))
        return true;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        size_t len = strlen(names[i]);

        for (size_t at = 0; at + len <= line.len; at++)
            if (strncasecmp(line.data + at, names[i], len) == 0)
                return true;
    }
    return false;
}

/* Reports a line by its number, since its text may be a key. */
static void report_line(struct reading *reading, struct llmobs_text line,
                        const char *why)
{
    if (may_concern_content(line))
        reading->loading->unread = true;
    reading->reported++;
    if (reading->reported <= REPORTED_MAX)
        llmobs_config_complain(reading->loading,
                               "LLMOBS_CONFIG: %s: line %zu: %s", reading->path,
                               reading->line, why);
    if (reading->reported == REPORTED_MAX)
        llmobs_config_complain(
            reading->loading,
            "LLMOBS_CONFIG: %s: no more of its lines are reported",
            reading->path);
}

static bool is_variable_name(struct llmobs_text text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        bool letter =
            (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';

        if (!letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return text.len > 0;
}

/* Removes a pair of quotes; false when the quotes do not match. */
static bool unquote(struct llmobs_text *value)
{
    char mark = value->len ? value->data[0] : '\0';

    if (mark != '"' && mark != '\'')
        return true;
    if (value->len < 2 || value->data[value->len - 1] != mark)
        return false;
    value->data++;
    value->len -= 2;
    return !memchr(value->data, mark, value->len);
}

/* Removes the word "export" of a shell's file. False if a shell would end the
 * value at a blank: another variable may follow it. */
static bool skip_export(struct llmobs_text *name, struct llmobs_text value)
{
    const size_t len = strlen("export");

    if (name->len <= len || !llmobs_text_begins(*name, "export") ||
        (name->data[len] != ' ' && name->data[len] != '\t'))
        return true;
    *name = llmobs_text_trim(
        (struct llmobs_text){name->data + len, name->len - len});
    return value.len == 0 ||
           (!memchr(value.data, ' ', value.len) &&
            !memchr(value.data, '\t', value.len)) ||
           strchr("\"'", *value.data);
}

/* NULL when the line is NAME=value; else what is wrong with it. The shim reads
 * two of the names by the same rules (shim/conf.c). */
static const char *split_line(struct llmobs_text line, struct llmobs_text *name,
                              struct llmobs_text *value)
{
    const char *sign = memchr(line.data, '=', line.len);

    if (!sign || memchr(line.data, '\0', line.len) ||
        memchr(line.data, '\r', line.len))
        return "not NAME=value";
    *name = (struct llmobs_text){line.data, (size_t)(sign - line.data)};
    *name = llmobs_text_trim(*name);
    value->data = sign + 1;
    value->len = line.len - (size_t)(sign + 1 - line.data);
    *value = llmobs_text_trim(*value);
    if (!skip_export(name, *value) || !is_variable_name(*name))
        return "not NAME=value";
    return unquote(value) ? NULL : "a quote without its other half";
}

/* False for an unknown LLMOBS_ name. Other unknown names may belong to another
 * Datadog product that shares the file. */
static bool belongs(const char *name)
{
    struct llmobs_config_variable row = {.name = NULL};

    if (!may_set(name))
        return false;
    while (llmobs_config_next(&row)) {
        if (strcmp(row.name, name) == 0)
            return true;
    }
    return strncmp(name, "LLMOBS_", 7) != 0;
}

static void read_line(struct reading *reading, struct llmobs_text line)
{
    struct llmobs_text name = {"", 0}, value = {"", 0};
    const char *why;
    char *entry;

    reading->line++;
    line = llmobs_text_trim(line);
    if (line.len == 0 || line.data[0] == '#')
        return;
    why = split_line(line, &name, &value);
    if (why) {
        report_line(reading, line, why);
        return;
    }
    if (asprintf(&entry, "%.*s=%.*s", (int)name.len, name.data, (int)value.len,
                 value.data) < 0) {
        reading->loading->no_memory = true;
        return;
    }
    entry[name.len] = '\0';
    if (!belongs(entry))
        report_line(reading, line, "no variable that this file may set");
    entry[name.len] = '=';
    reading->list[--reading->at] = entry;
}

/* Fills the list from its end, so that the last line comes first, and then
 * moves the entries to its beginning. */
static void read_all_lines(struct reading *reading, struct llmobs_text text)
{
    struct llmobs_text line;
    size_t max = 1;

    for (size_t i = 0; i < text.len; i++)
        max += text.data[i] == '\n';
    reading->list = calloc(max + 1, sizeof(char *));
    if (!reading->list) {
        reading->loading->no_memory = true;
        return;
    }
    reading->at = max;
    while (llmobs_text_split(&text, '\n', &line))
        read_line(reading, line);
    memmove(reading->list, reading->list + reading->at,
            (max + 1 - reading->at) * sizeof(char *));
    reading->loading->file = reading->list;
}

void llmobs_config_read_file(struct llmobs_config_loading *loading,
                             const char *path, bool named)
{
    struct reading reading = {.loading = loading, .path = path};
    struct llmobs_buf text;
    int rc;

    llmobs_buf_init(&text, LLMOBS_CONFIG_FILE_MAX);
    rc = llmobs_file_settings(path, &text);
    if (rc == 0)
        read_all_lines(&reading, llmobs_buf_text(&text));
    else if (rc == -ENOMEM)
        loading->no_memory = true;
    else {
        loading->unread = rc != -ENOENT && rc != -ENOTDIR;
        if (named || loading->unread)
            llmobs_config_complain(
                loading, "LLMOBS_CONFIG: %s: %s", path,
                rc == -EINVAL   ? "not a regular file"
                : rc == -EFBIG  ? "bigger than 64 KiB: ignored as a whole"
                : rc == -EAGAIN ? "written to while it was read: ignored "
                                  "as a whole"
                                : strerror(-rc));
    }
    llmobs_buf_fini(&text);
}

/* -- values --------------------------------------------------------------- */

const char *llmobs_config_find(const char *const *env, const char *name)
{
    for (; env && *env; env++) {
        const char *at = *env, *rest = name;

        /* Not strncmp: almost all names differ in their first letters. */
        for (; *rest && *at == *rest; rest++)
            at++;
        if (*rest == '\0' && *at == '=')
            return at[1] ? at + 1 : NULL;
    }
    return NULL;
}

const char *llmobs_config_from_file(const struct llmobs_config_loading *loading,
                                    const char *name, bool *by_file)
{
    *by_file = loading->file && may_set(name);
    return *by_file
               ? llmobs_config_find((const char *const *)loading->file, name)
               : NULL;
}

const char *llmobs_config_value(const struct llmobs_config *config,
                                const char *const *env, const char *name,
                                bool *by_file)
{
    const char *text = llmobs_config_find(env, name);

    *by_file = false;
    return text ? text
                : llmobs_config_from_file(
                      (const struct llmobs_config_loading *)config, name,
                      by_file);
}
