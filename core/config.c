#include "core/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/config_table.h"
#include "core/log.h"

#define TAGS_MAX 256

static const struct llmobs_config_variable variables[] = {
#define V(name, type, fallback, help, form, offset, least, most) \
    {name, type, fallback, help},
    VARIABLES(V)
#undef V
        {NULL, NULL, NULL, NULL},
};

static const struct row rows[] = {
#define V(name, type, fallback, help, form, offset, least, most) \
    {form, offset, least, most},
    VARIABLES(V)
#undef V
};

#define ROWS (sizeof(rows) / sizeof(*rows))

const struct llmobs_config_variable *llmobs_config_variables(void)
{
    return variables;
}

__attribute__((format(printf, 2, 3))) static void complain(
    const struct loading *loading, const char *format, ...)
{
    char text[512];
    va_list args;

    if (!loading->complain)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    loading->complain(loading->complain_ctx, text);
}

/* -- values -------------------------------------------------------------- */

/* The first of that name, as getenv would; NULL when unset or empty. */
static const char *find(const char *const *env, const char *name)
{
    size_t len = strlen(name);

    for (; env && *env; env++) {
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            return (*env)[len + 1] ? *env + len + 1 : NULL;
    }
    return NULL;
}

/* A decimal number by hand: strtod asks the app's locale for its point. */
static bool read_decimal(const char *text, double *out)
{
    bool minus = *text == '-';
    double value = 0, scale = 1;
    int digits = 0;

    text += minus || *text == '+';
    for (; *text >= '0' && *text <= '9' && digits < 30; text++, digits++)
        value = value * 10 + (*text - '0');
    if (*text == '.') {
        for (text++; *text >= '0' && *text <= '9' && digits < 30;
             text++, digits++) {
            scale /= 10;
            value += (*text - '0') * scale;
        }
    }
    *out = minus ? -value : value;
    return digits > 0 && *text == '\0';
}

static bool read_number(const struct row *row, const char *text, void *to)
{
    double value;

    if (!read_decimal(text, &value) || value < row->least || value > row->most)
        return false;
    if (row->form == FORM_RATE)
        *(double *)to = value;
    else if (row->form == FORM_SECONDS)
        *(int64_t *)to = (int64_t)(value * 1000);
    else if (strchr(text, '.'))
        return false;
    else
        *(int64_t *)to = (int64_t)value;
    return true;
}

static bool is_word(const char *text, const char *const *words)
{
    for (; *words; words++) {
        if (strcasecmp(text, *words) == 0)
            return true;
    }
    return false;
}

/* llmobs-wire 3.1: true and 1 are true, all else is false; a word that looks
 * like neither is worth a line. Our own switches also know on, and keep their
 * default where a word means nothing. */
static bool read_bool(const char *name, const char *text, bool *to)
{
    static const char *const yes[] = {"true", "1", NULL};
    static const char *const no[] = {"false", "0", "off", "no", NULL};
    bool ours = strncmp(name, "LLMOBS_", 7) == 0;
    bool is_yes = is_word(text, yes) || (ours && strcasecmp(text, "on") == 0);
    bool known = is_yes || is_word(text, no);

    if (known || !ours)
        *to = is_yes;
    return known;
}

static bool read_level(const char *text, int *to)
{
    static const char *const levels[] = {"off", "error", "warn", "info",
                                         "debug"};

    for (int i = LLMOBS_LOG_OFF; i <= LLMOBS_LOG_DEBUG; i++) {
        if (strcasecmp(text, levels[i]) == 0) {
            *to = i;
            return true;
        }
    }
    return false;
}

/* Replaces *to by a copy. */
static void set_text(struct loading *loading, char **to, const char *text,
                     size_t len)
{
    char *copy = strndup(text, len);

    if (!copy) {
        loading->no_memory = true;
        return;
    }
    free(*to);
    *to = copy;
}

/* False for a bad value. */
static bool read_value(struct loading *loading, size_t i, const char *text)
{
    void *to = (char *)loading + rows[i].offset;

    switch (rows[i].form) {
    case FORM_TEXT:
        set_text(loading, to, text, strlen(text));
        return true;
    case FORM_BOOL:
        return read_bool(variables[i].name, text, to);
    case FORM_LEVEL:
        return read_level(text, to);
    case FORM_NUMBER:
    case FORM_SECONDS:
    case FORM_RATE:
        return read_number(&rows[i], text, to);
    }
    return false;
}

static void read_variables(struct loading *loading, const char *const *env)
{
    for (size_t i = 0; i < ROWS; i++) {
        const char *text = find(env, variables[i].name);

        if (variables[i].fallback[0])
            read_value(loading, i, variables[i].fallback);
        if (text && !read_value(loading, i, text))
            complain(loading, "%s: not a value of the form \"%s\"",
                     variables[i].name, variables[i].type);
    }
}

/* -- DD_TAGS ------------------------------------------------------------- */

struct part {
    const char *text;
    size_t len;
};

static struct part trim(struct part part)
{
    while (part.len && strchr(" \t\r\n", part.text[0])) {
        part.text++;
        part.len--;
    }
    while (part.len && strchr(" \t\r\n", part.text[part.len - 1]))
        part.len--;
    return part;
}

static size_t key_len(struct part part)
{
    const char *colon = memchr(part.text, ':', part.len);

    return colon ? (size_t)(colon - part.text) : part.len;
}

/* Index of the tag of this key, or the number of tags. */
static size_t tag_find(char **tags, const char *key, size_t len)
{
    size_t i = 0;

    while (tags[i] && (strncmp(tags[i], key, len) != 0 || tags[i][len] != ':'))
        i++;
    return i;
}

/* Puts "key:value", in the place of one of the same key. */
static void tag_put(struct loading *loading, struct part part)
{
    char **tags = loading->config.tags;
    size_t len = key_len(part);
    struct part key = trim((struct part){part.text, len});
    struct part value = {"", 0};
    size_t at;
    char *tag = NULL;

    if (len < part.len)
        value = trim((struct part){part.text + len + 1, part.len - len - 1});
    if (key.len == 0)
        return;
    at = tag_find(tags, key.text, key.len);
    if (at == TAGS_MAX) {
        complain(loading, "DD_TAGS: more than %d tags", TAGS_MAX);
        return;
    }
    if (asprintf(&tag, "%.*s:%.*s", (int)key.len, key.text, (int)value.len,
                 value.text) < 0) {
        loading->no_memory = true;
        return;
    }
    free(tags[at]);
    tags[at] = tag;
}

static void read_tags(struct loading *loading)
{
    const char *text = loading->tags_text ? loading->tags_text : "";
    const char *mark = strchr(text, ',') ? "," : " ";

    loading->config.tags = calloc(TAGS_MAX + 1, sizeof(char *));
    if (!loading->config.tags) {
        loading->no_memory = true;
        return;
    }
    while (*text) {
        size_t len = strcspn(text, mark);

        tag_put(loading, (struct part){text, len});
        text += len + (text[len] != '\0');
    }
}

/* Fills an unset `*to` from a tag of this key. */
static void fall_back_on_tag(struct loading *loading, char **to,
                             const char *key)
{
    char **tags = loading->config.tags;
    size_t len = strlen(key);
    size_t at = tag_find(tags, key, len);

    if (!*to && tags[at] && tags[at][len + 1])
        set_text(loading, to, tags[at] + len + 1, strlen(tags[at] + len + 1));
}

static void drop_tag(char **tags, const char *key)
{
    size_t at = tag_find(tags, key, strlen(key));

    if (!tags[at])
        return;
    free(tags[at]);
    do
        tags[at] = tags[at + 1];
    while (tags[at++]);
}

/* -- what follows from several variables ---------------------------------- */

/* The address of a repository may hold a password. */
static void strip_userinfo(char *url)
{
    char *host = url ? strstr(url, "://") : NULL;
    size_t len;

    if (!host)
        return;
    host += 3;
    len = strcspn(host, "/?#");
    for (size_t i = len; i > 0; i--) {
        if (host[i - 1] == '@') {
            memmove(host, host + i, strlen(host + i) + 1);
            return;
        }
    }
}

static void settle_git(struct loading *loading)
{
    struct llmobs_config *config = &loading->config;

    fall_back_on_tag(loading, &config->git_url, "git.repository_url");
    fall_back_on_tag(loading, &config->git_sha, "git.commit.sha");
    drop_tag(config->tags, "git.repository_url");
    drop_tag(config->tags, "git.commit.sha");
    strip_userinfo(config->git_url);
    if (loading->git)
        return;
    free(config->git_url);
    free(config->git_sha);
    config->git_url = NULL;
    config->git_sha = NULL;
}

static void settle_ml_app(struct loading *loading)
{
    struct llmobs_config *config = &loading->config;
    char name[LLMOBS_ML_APP_LEN * 4 + 1];
    const char *given = config->ml_app    ? config->ml_app
                        : config->service ? config->service
                                          : LLMOBS_ML_APP_UNNAMED;

    if (!llmobs_ml_app_normal(given, name))
        complain(loading,
                 "ml_app \"%.200s\" breaks the documented rules: lower-case "
                 "letters, digits and _-:./, no double or last underscore, at "
                 "most %d characters",
                 given, LLMOBS_ML_APP_LEN);
    set_text(loading, &config->ml_app, name, strlen(name));
}

/* Of the two pairs one is used; a CGI server's only where the process has none
 * of its own. */
static void settle_carrier(struct loading *loading)
{
    struct llmobs_carrier *carrier = &loading->config.carrier;

    if (loading->traceparent) {
        carrier->traceparent = loading->traceparent;
        carrier->tracestate = loading->tracestate;
        return;
    }
    carrier->traceparent = loading->http_traceparent;
    carrier->tracestate = loading->http_tracestate;
    carrier->x_datadog_trace_id = loading->http_datadog_trace_id;
    carrier->x_datadog_parent_id = loading->http_datadog_parent_id;
    carrier->x_datadog_tags = loading->http_datadog_tags;
    carrier->x_datadog_sampling_priority = loading->http_datadog_priority;
    carrier->x_datadog_origin = loading->http_datadog_origin;
}

/* What the user's own telemetry goes to is no call of the app
 * (design section 4, rule 0). A Unix socket's URL needs no rule. */
static void settle_never_urls(struct loading *loading)
{
    const char *given[] = {loading->agent_url,    loading->origin,
                           loading->otlp,         loading->otlp_traces,
                           loading->otlp_metrics, loading->otlp_logs};
    size_t n = sizeof(given) / sizeof(*given), at = 0;
    char **urls = calloc(n + 2, sizeof(*urls));

    loading->config.never_urls = urls;
    if (!urls) {
        loading->no_memory = true;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (given[i] && strncasecmp(given[i], "http", 4) == 0)
            set_text(loading, &urls[at++], given[i], strlen(given[i]));
    }
    if (loading->agent_host &&
        asprintf(&urls[at], "http://%s:%lld", loading->agent_host,
                 (long long)loading->agent_port) < 0) {
        urls[at] = NULL;
        loading->no_memory = true;
    }
}

/* A relative path is meant from where the process began. */
static void settle_store_dir(struct loading *loading)
{
    char **dir = &loading->config.store_dir;
    char *here, *joined = NULL;

    if (!*dir || **dir == '/')
        return;
    here = getcwd(NULL, 0);
    if (here && asprintf(&joined, "%s/%s", here, *dir) >= 0) {
        free(*dir);
        *dir = joined;
    }
    free(here);
}

static void settle(struct loading *loading)
{
    struct llmobs_config *config = &loading->config;

    read_tags(loading);
    if (!config->tags)
        return;
    fall_back_on_tag(loading, &config->service, "service");
    fall_back_on_tag(loading, &config->env, "env");
    fall_back_on_tag(loading, &config->version, "version");
    if (!config->service && loading->otel_service)
        set_text(loading, &config->service, loading->otel_service,
                 strlen(loading->otel_service));
    settle_git(loading);
    settle_ml_app(loading);
    settle_carrier(loading);
    settle_store_dir(loading);
    settle_never_urls(loading);
    if (loading->debug)
        config->log_level = LLMOBS_LOG_DEBUG;
}

struct llmobs_config *llmobs_config_load(const char *const *env,
                                         void (*tell)(void *ctx,
                                                      const char *text),
                                         void *ctx)
{
    struct loading *loading = calloc(1, sizeof(*loading));

    if (!loading)
        return NULL;
    loading->complain = tell;
    loading->complain_ctx = ctx;
    read_variables(loading, env);
    settle(loading);
    if (!loading->no_memory)
        return &loading->config;
    llmobs_config_free(&loading->config);
    return NULL;
}

static void free_list(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        free(list[i]);
    free(list);
}

/* Every text of the table, and what hangs beside it. */
void llmobs_config_free(struct llmobs_config *config)
{
    struct loading *loading = (struct loading *)config;

    if (!config)
        return;
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].form == FORM_TEXT)
            free(*(char **)((char *)loading + rows[i].offset));
    }
    free_list(config->tags);
    free_list(config->never_urls);
    free(loading);
}

/* -- the store's place ---------------------------------------------------- */

/* True when the effective user could have `base` + `rest`: it is there, or the
 * nearest parent that is there can be written. A web server's worker often
 * inherits the HOME of root. */
static bool usable(const char *base, const char *rest)
{
    char path[4096];
    int len = snprintf(path, sizeof(path), "%s%s", base, rest);

    if (base[0] != '/' || len < 0 || (size_t)len >= sizeof(path))
        return false;
    while (len > 1) {
        if (faccessat(AT_FDCWD, path, F_OK, AT_EACCESS) == 0 || errno == EACCES)
            return faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) == 0;
        while (len > 1 && path[len - 1] != '/')
            len--;
        if (len > 1)
            len--;
        path[len] = '\0';
    }
    return false;
}

int llmobs_config_store_dir(const struct llmobs_config *config, char *out,
                            size_t cap)
{
    const char *xdg = config->xdg_state_home;
    const char *home = config->home;
    uid_t uid = geteuid();
    int len;

    if (config->store_dir)
        len = snprintf(out, cap, "%s", config->store_dir);
    else if (uid == 0)
        len = snprintf(out, cap, "/var/lib/llmobs/store");
    else if (xdg && usable(xdg, "/llmobs/store"))
        len = snprintf(out, cap, "%s/llmobs/store", xdg);
    else if (home && usable(home, "/.local/state/llmobs/store"))
        len = snprintf(out, cap, "%s/.local/state/llmobs/store", home);
    else
        len =
            snprintf(out, cap, "/var/tmp/llmobs-%lu/store", (unsigned long)uid);
    return len < 0 || (size_t)len >= cap ? -ENAMETOOLONG : 0;
}
