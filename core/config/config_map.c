#include "core/config/config_map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/span/allowlist.h"

/* A list of "key:value" while it is read. */
struct map {
    struct llmobs_config_loading *loading;
    const char *name; /* the variable's */
    char **list;
    bool full; /* that the list is full was reported */
};

/* The index of the entry with this key; without one, the number of entries. */
static size_t map_find(char **list, const char *key, size_t len)
{
    size_t i = 0;

    while (list[i] && (strncmp(list[i], key, len) != 0 || list[i][len] != ':'))
        i++;
    return i;
}

/* Adds "key:value", or replaces the entry with the same key. */
static void map_put(struct map *map, struct llmobs_text part)
{
    struct llmobs_text key, value = part;
    char *entry = NULL;
    size_t at;

    (void)llmobs_text_split(&value, ':', &key);
    key = llmobs_text_trim(key);
    value = llmobs_text_trim(value);
    if (key.len == 0)
        return;
    at = map_find(map->list, key.data, key.len);
    if (at == LLMOBS_CONFIG_MAP_MAX) {
        if (!map->full)
            llmobs_config_complain(map->loading, "%s: more than %d entries",
                                   map->name, LLMOBS_CONFIG_MAP_MAX);
        map->full = true;
        return;
    }
    if (asprintf(&entry, "%.*s:%.*s", (int)key.len, key.data, (int)value.len,
                 value.data) < 0) {
        map->loading->no_memory = true;
        return;
    }
    free(map->list[at]);
    map->list[at] = entry;
}

/* The number of entries that a list in the text can have at most. */
static size_t count_parts(const char *text, char mark)
{
    size_t count = text && *text;

    for (; text && *text; text++)
        count += *text == mark;
    return count < LLMOBS_CONFIG_MAP_MAX ? count : LLMOBS_CONFIG_MAP_MAX;
}

/* Gives the entries of a tag map (WIRE 3.1). Without a text: an empty list;
 * NULL when memory runs out. */
static char **map_read(struct llmobs_config_loading *loading, const char *name,
                       const char *text)
{
    struct map map = {.loading = loading, .name = name};
    struct llmobs_text rest = llmobs_text_of(text), part;
    char mark = text && strchr(text, ',') ? ',' : ' ';

    map.list = calloc(count_parts(text, mark) + 1, sizeof(char *));
    if (!map.list)
        loading->no_memory = true;
    while (map.list && llmobs_text_split(&rest, mark, &part))
        map_put(&map, part);
    return map.list;
}

/* -- DD_TAGS ------------------------------------------------------------- */

static void set_string(struct llmobs_config_loading *loading, char **to,
                       const char *text)
{
    llmobs_config_set(loading, to, (struct llmobs_text){text, strlen(text)});
}

/* Sets `*to`, if it is unset, to the value of the tag with this key. */
static void fall_back_on_tag(struct llmobs_config_loading *loading, char **to,
                             const char *key)
{
    char **tags = loading->config.tags;
    size_t len = strlen(key);
    size_t at = map_find(tags, key, len);

    if (!*to && tags[at] && tags[at][len + 1])
        set_string(loading, to, tags[at] + len + 1);
}

static void list_drop(char **list, size_t at)
{
    if (!list[at])
        return;
    free(list[at]);
    do
        list[at] = list[at + 1];
    while (list[at++]);
}

static void drop_tag(char **tags, const char *key)
{
    list_drop(tags, map_find(tags, key, strlen(key)));
}

/* Removes the password that the address of a repository may hold. */
static void clean_url(struct llmobs_config_loading *loading, char **url)
{
    char *clean;

    if (!*url || !strstr(*url, "://"))
        return;
    clean = llmobs_allowlist_url_copy(*url);
    if (!clean)
        loading->no_memory = true;
    free(*url);
    *url = clean;
}

static void settle_git(struct llmobs_config_loading *loading)
{
    struct llmobs_config *config = &loading->config;

    fall_back_on_tag(loading, &config->git_url, "git.repository_url");
    fall_back_on_tag(loading, &config->git_sha, "git.commit.sha");
    drop_tag(config->tags, "git.repository_url");
    drop_tag(config->tags, "git.commit.sha");
    clean_url(loading, &config->git_url);
    if (loading->git)
        return;
    llmobs_config_unset(&config->git_url);
    llmobs_config_unset(&config->git_sha);
}

void llmobs_config_settle_tags(struct llmobs_config_loading *loading)
{
    struct llmobs_config *config = &loading->config;

    config->tags = map_read(loading, "DD_TAGS", loading->tags_text);
    if (!config->tags)
        return;
    fall_back_on_tag(loading, &config->service, "service");
    fall_back_on_tag(loading, &config->env, "env");
    fall_back_on_tag(loading, &config->version, "version");
    if (!config->service && config->otlp.service)
        set_string(loading, &config->service, config->otlp.service);
    settle_git(loading);
}

/* -- _DD_TRACE_WRITER_ADDITIONAL_HEADERS ----------------------------------- */

/* RFC 9110, 5.6.2: token. */
static bool is_header_name(struct llmobs_text name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];

        if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c))
            return false;
    }
    return name.len > 0;
}

/* True for a header about the body's form, which only the body's sender may
 * set.
 */
static bool is_framing(struct llmobs_text name)
{
    static const char *const names[] = {"Content-Length", "Transfer-Encoding",
                                        "Content-Encoding", "Content-Type",
                                        "Connection"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strlen(names[i]) == name.len &&
            strncasecmp(names[i], name.data, name.len) == 0)
            return true;
    }
    return false;
}

/* A value with a line break would begin another header, and for an empty value
 * libcurl would leave the header out. */
char *llmobs_config_header(struct llmobs_config_loading *loading,
                           struct llmobs_text name, struct llmobs_text value)
{
    char *header;

    if (!is_header_name(name) || is_framing(name) || value.len == 0 ||
        !llmobs_config_is_clean(value, true))
        return NULL;
    if (asprintf(&header, "%.*s: %.*s", (int)name.len, name.data,
                 (int)value.len, value.data) >= 0)
        return header;
    loading->no_memory = true;
    return NULL;
}

/* Changes "Name:value" to "Name: value". */
static bool to_header(struct llmobs_config_loading *loading, char **entry)
{
    size_t len = strcspn(*entry, ":");
    struct llmobs_text name = {*entry, len};
    struct llmobs_text value = {*entry + len + 1, strlen(*entry + len + 1)};
    char *header = llmobs_config_header(loading, name, value);

    if (!header)
        return false;
    free(*entry);
    *entry = header;
    return true;
}

void llmobs_config_settle_headers(struct llmobs_config_loading *loading)
{
    static const char name[] = "_DD_TRACE_WRITER_ADDITIONAL_HEADERS";
    char **list = map_read(loading, name, loading->headers_text);
    bool reported = false;

    loading->config.extra_headers = list;
    for (size_t i = 0; list && list[i];) {
        if (to_header(loading, &list[i])) {
            i++;
            continue;
        }
        list_drop(list, i);
        if (!reported)
            llmobs_config_complain(
                loading, "%s: left out what is no header that may be added",
                name);
        reported = true;
    }
}
