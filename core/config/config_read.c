/* Reads each variable by its row of the table, and checks its value. */
#include "core/config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/scratch.h"
#include "lib/base/paths.h"
#include "core/config/config_file.h"
#include "core/config/config_otlp.h"
#include "core/config/config_peers.h"
#include "core/config/config_table.h"
#include "lib/span/allowlist.h"
#include "lib/span/redact.h"
#include "lib/span/secrets.h"

#define REDACT_FILE_MAX ((size_t)64 * 1024)
#define LIST_MAX LLMOBS_CONFIG_LIST_MAX

static const struct row rows[] = {
#define V(name, type, fallback, help, form, offset, least, most) \
    {form, sizeof(name), sizeof(type), sizeof(fallback), offset, least, most},
    VARIABLES(V)
#undef V
};

#define ROWS (sizeof(rows) / sizeof(*rows))

/* -- values -------------------------------------------------------------- */

static bool read_number(const struct row *row, const char *text, void *to)
{
    double value;

    if (!llmobs_config_decimal(text, &value) || value < row->least ||
        value > row->most)
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

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++) {
        if (strcasecmp(text, *words) == 0)
            return true;
    }
    return false;
}

/* WIRE 3.1: true and 1 are true, all other words are false, and an unknown word
 * is reported. The LLMOBS_ variables also know the word "on", and keep their
 * default after an unknown word. The OTEL_ variables know only "true". */
static bool read_bool(const char *name, const char *text, bool *to)
{
    static const char *const yes[] = {"true", "1", NULL};
    static const char *const otel_yes[] = {"true", NULL};
    static const char *const no[] = {"false", "0", "off", "no", NULL};
    bool otel = strncmp(name, "OTEL_", 5) == 0;
    bool own = strncmp(name, "LLMOBS_", 7) == 0;
    bool is_yes = is_one_of(text, otel ? otel_yes : yes) ||
                  (own && strcasecmp(text, "on") == 0);
    bool known = is_yes || is_one_of(text, no);

    if (known || !own)
        *to = is_yes;
    return known;
}

/* `type` is the list of the words that are allowed, separated by ", ". */
static bool read_choice(const char *type, const char *text, bool privacy,
                        int *to)
{
    size_t len = strlen(text);

    for (int i = 0; *type; i++) {
        const char *end = strchr(type, ',');
        size_t word = end ? (size_t)(end - type) : strlen(type);

        if (word == len && strncasecmp(type, text, len) == 0) {
            *to = i;
            return true;
        }
        if (privacy)
            *to = i;
        for (type += word; *type == ',' || *type == ' '; type++)
            continue;
    }
    return false;
}

static bool read_callsite(const char *text, int *to)
{
    static const char prefix[] = "stack:";
    int frames = 0;

    if (strcasecmp(text, "off") == 0) {
        *to = LLMOBS_CALLSITE_OFF;
        return true;
    }
    if (strcasecmp(text, "address") == 0) {
        *to = LLMOBS_CALLSITE_ADDRESS;
        return true;
    }
    if (strncasecmp(text, prefix, sizeof(prefix) - 1) != 0)
        return false;
    for (text += sizeof(prefix) - 1; *text >= '0' && *text <= '9'; text++) {
        if (frames <= LLMOBS_CALLSITE_MAX)
            frames = frames * 10 + (*text - '0');
    }
    if (*text || frames < 1 || frames > LLMOBS_CALLSITE_MAX)
        return false;
    *to = frames;
    return true;
}

/* The text is not cut, and may be a list of "key=value". */
static void mask_members(char *text)
{
    for (size_t len; text && *text; text += len + (text[len] == ',')) {
        char end;

        len = strcspn(text, ",");
        end = text[len];
        text[len] = '"'; /* as in an event */
        llmobs_secrets_mask(text, len + 1);
        text[len] = end;
    }
}

/* False for a bad value. */
static bool read_value(struct llmobs_config_loading *loading,
                       const struct llmobs_config_variable *variable,
                       const struct row *row, const char *text)
{
    void *to = (char *)loading + row->offset;
    bool value = false, good;

    switch (row->form) {
    case FORM_TEXT:
    case FORM_SHOWN:
        llmobs_config_set(loading, to, llmobs_text_of(text));
        if (row->form == FORM_SHOWN)
            mask_members(*(char **)to);
        return true;
    case FORM_BOOL:
        return read_bool(variable->name, text, to);
    case FORM_TRISTATE:
        good = read_bool(variable->name, text, &value);
        *(int *)to = value;
        return good;
    case FORM_CALLSITE:
        return read_callsite(text, to);
    case FORM_CHOICE:
    case FORM_PRIVACY:
        return read_choice(variable->type, text, row->form == FORM_PRIVACY, to);
    case FORM_NUMBER:
    case FORM_SECONDS:
    case FORM_RATE:
        return read_number(row, text, to);
    }
    return false;
}

/* An entry of the environment, and the length of its name. */
struct entry {
    const char *text;
    size_t len;
};

/* As llmobs_config_find, for the entries. */
static const char *find_entry(const struct entry *entries, const char *name,
                              size_t len)
{
    for (; entries->text; entries++)
        if (entries->len == len && memcmp(entries->text, name, len) == 0 &&
            entries->text[len] == '=')
            break;
    return entries->text && entries->text[len + 1] ? entries->text + len + 1
                                                   : NULL;
}

static void read_variables(struct llmobs_config_loading *loading,
                           const char *const *env)
{
    struct llmobs_config_variable first = {.name = NULL};
    const char *name = llmobs_config_next(&first) ? first.name : NULL;
    struct entry *entries;
    size_t count = 0;

    /* A look-up compares the lengths of names first, because most differ in
     * length. */
    while (env && env[count])
        count++;
    entries = calloc(count + 1, sizeof(*entries));
    for (size_t i = 0; entries && i < count; i++)
        entries[i] = (struct entry){env[i], strcspn(env[i], "=")};
    if (!entries)
        loading->no_memory = true;
    for (const struct row *row = rows; entries && row < rows + ROWS; row++) {
        struct llmobs_config_variable variable = {name, name + row->name,
                                                  name + row->name + row->type};
        bool by_file;
        const char *text = find_entry(entries, name, row->name - 1u);

        if (!text)
            text = llmobs_config_from_file(loading, name, &by_file);
        name = variable.fallback + row->fallback;
        if (row->form == FORM_TRISTATE)
            *(int *)((char *)loading + row->offset) = -1;
        if (variable.fallback[0])
            read_value(loading, &variable, row, variable.fallback);
        if (text && !read_value(loading, &variable, row, text))
            llmobs_config_complain(loading,
                                   "%s: not a value of the form \"%s\"",
                                   variable.name, variable.type);
    }
    free(entries);
}

/* -- lists of "key:value" -------------------------------------------------- */

/* The index of the entry with this key; without one, the number of entries. */
static size_t find_key(char **list, const char *key, size_t len)
{
    size_t i = 0;

    while (list[i] && (strncmp(list[i], key, len) != 0 || list[i][len] != ':'))
        i++;
    return i;
}

/* Gives the entries of a tag map (WIRE 3.1). If several have one key, the last
 * counts. Without a text: an empty list; NULL when memory runs out. */
static char **read_list(struct llmobs_config_loading *loading, const char *name,
                        const char *text)
{
    struct llmobs_text rest = llmobs_text_of(text), value, key;
    char mark = text && strchr(text, ',') ? ',' : ' ';
    size_t most = text && *text, at;
    char **list, *entry;
    bool full = false;

    for (const char *c = text; c && *c; c++)
        most += *c == mark;
    list = calloc((most < LIST_MAX ? most : LIST_MAX) + 1, sizeof(char *));
    if (!list)
        loading->no_memory = true;
    while (list && llmobs_text_split(&rest, mark, &value)) {
        (void)llmobs_text_split(&value, ':', &key);
        key = llmobs_text_trim(key);
        value = llmobs_text_trim(value);
        if (key.len == 0)
            continue;
        at = find_key(list, key.data, key.len);
        if (at == LIST_MAX) {
            full = true;
        } else if (asprintf(&entry, "%.*s:%.*s", (int)key.len, key.data,
                            (int)value.len, value.data) < 0) {
            loading->no_memory = true;
        } else {
            free(list[at]);
            list[at] = entry;
        }
    }
    if (full)
        llmobs_config_complain(loading, "%s: more than %d entries", name,
                               LIST_MAX);
    return list;
}

static void remove_entry(char **list, size_t at)
{
    free(list[at]);
    for (; list[at]; at++)
        list[at] = list[at + 1];
}

/* Sets `*to`, if it is unset, to the value of the tag with this key. */
static void fall_back_on_tag(struct llmobs_config_loading *loading, char **to,
                             const char *key)
{
    char **tags = loading->config.tags;
    size_t len = strlen(key), at = find_key(tags, key, len);

    if (!*to && tags[at] && tags[at][len + 1])
        llmobs_config_set(loading, to, llmobs_text_of(tags[at] + len + 1));
}

/* The git values come from their own variables, else from DD_TAGS, from which
 * both are removed. The address of a repository may hold a password, which is
 * removed too. */
static void read_git(struct llmobs_config_loading *loading)
{
    static const char *const keys[] = {"git.repository_url", "git.commit.sha"};
    struct llmobs_config *config = &loading->config;
    char **const values[] = {&config->git_url, &config->git_sha};
    char *clean;

    for (size_t i = 0; i < 2; i++) {
        fall_back_on_tag(loading, values[i], keys[i]);
        remove_entry(config->tags,
                     find_key(config->tags, keys[i], strlen(keys[i])));
    }
    if (config->git_url && strstr(config->git_url, "://")) {
        clean = llmobs_allowlist_url_copy(config->git_url);
        loading->no_memory |= !clean;
        free(config->git_url);
        config->git_url = clean;
    }
    for (size_t i = 0; i < 2 && !loading->git; i++)
        llmobs_config_unset(values[i]);
}

static void read_tags(struct llmobs_config_loading *loading)
{
    struct llmobs_config *config = &loading->config;

    config->tags = read_list(loading, "DD_TAGS", loading->tags_text);
    if (!config->tags)
        return;
    /* Each later reader may put them on the disk. */
    for (size_t i = 0; config->tags[i]; i++)
        mask_members(config->tags[i]);
    fall_back_on_tag(loading, &config->service, "service");
    fall_back_on_tag(loading, &config->env, "env");
    fall_back_on_tag(loading, &config->version, "version");
    if (!config->service && config->otlp.service)
        llmobs_config_set(loading, &config->service,
                          llmobs_text_of(config->otlp.service));
    read_git(loading);
}

/* -- names ----------------------------------------------------------------- */

static void read_ml_app(struct llmobs_config_loading *loading)
{
    struct llmobs_config *config = &loading->config;
    char *name = llmobs_scratch_alloc(LLMOBS_ML_APP_LEN * 4 + 1);
    const char *text = config->ml_app    ? config->ml_app
                       : config->service ? config->service
                                         : LLMOBS_ML_APP_UNNAMED;

    if (!name) {
        loading->no_memory = true;
        return;
    }
    if (!config->ml_app && !config->service)
        config->app = LLMOBS_APP_GUESSED;
    if (!llmobs_ml_app_normal(text, name))
        llmobs_config_complain(
            loading,
            "ml_app \"%.200s\" breaks the documented rules: lower-case "
            "letters, digits and _-:./, no double or last underscore, at "
            "most %d characters",
            text, LLMOBS_ML_APP_LEN);
    llmobs_config_set(loading, &config->ml_app, llmobs_text_of(name));
    llmobs_scratch_free(name);
}

unsigned llmobs_exporters_named(const char *list, struct llmobs_text *unknown)
{
    static const char names[][10] = {"auto", "agent", "agentless", "store",
                                     "otlp"};
    struct llmobs_text rest = llmobs_text_of(list), name;
    unsigned found = 0;

    if (unknown)
        *unknown = (struct llmobs_text){"", 0};
    while (llmobs_text_next(&rest, &name)) {
        size_t i = 0, count = sizeof(names) / sizeof(*names);

        while (i < count && !llmobs_text_is(name, names[i]))
            i++;
        if (i < count)
            found |= 1u << i;
        else if (unknown && unknown->len == 0)
            *unknown = name;
    }
    return found;
}

/* An API key has so many characters; its last ones tell which key is meant, as
 * in Datadog's list of keys. */
#define KEY_LEN 32
#define KEY_SHOWN 4

/* `secret`: the variable that has the secret for it, or "". */
static void add_place(const char *exporter, const char *url, const char *secret,
                      struct llmobs_buf *out)
{
    llmobs_buf_adds(out, out->len > 0 ? ", " : "");
    llmobs_buf_adds(out, exporter);
    (void)llmobs_allowlist_url(url, out);
    llmobs_buf_adds(out, *secret ? " with " : "");
    llmobs_buf_adds(out, secret);
}

/* With auto the settings alone say which one it is, as the process that finds
 * nothing there waits for that one. */
int llmobs_config_place(const struct llmobs_config *config,
                        struct llmobs_buf *out)
{
    const struct llmobs_otlp_signal *traces =
        &config->otlp.signals[LLMOBS_SIGNAL_TRACES];
    unsigned names =
        config->exporter ? llmobs_exporters_named(config->exporter, NULL) : 0;
    const char *origin = config->override_origin;

    if (names & LLMOBS_EXPORTER_AUTO)
        names = config->agentless > 0      ? LLMOBS_EXPORTER_AGENTLESS
                : config->agent_configured ? LLMOBS_EXPORTER_AGENT
                : config->api_key          ? LLMOBS_EXPORTER_AGENTLESS
                : traces->given            ? LLMOBS_EXPORTER_OTLP
                                           : LLMOBS_EXPORTER_AUTO;
    if (names & LLMOBS_EXPORTER_AUTO)
        llmobs_buf_adds(out, "auto");
    if (names & LLMOBS_EXPORTER_AGENT)
        add_place("agent ", origin ? origin : config->agent_url, "", out);
    if (names & LLMOBS_EXPORTER_AGENTLESS)
        add_place(origin ? "agentless " : "agentless https://llmobs-intake.",
                  origin ? origin : config->site, "DD_API_KEY", out);
    if (names & LLMOBS_EXPORTER_AGENTLESS && config->api_key &&
        strlen(config->api_key) >= KEY_LEN)
        (void)llmobs_buf_addf(out, " ...%s",
                              strchr(config->api_key, '\0') - KEY_SHOWN);
    if (names & LLMOBS_EXPORTER_OTLP && traces->url)
        add_place("otlp ", traces->url,
                  traces->headers && *traces->headers
                      ? "OTEL_EXPORTER_OTLP_HEADERS"
                      : "",
                  out);
    return out->error;
}

/* An unknown word switches nothing on. */
static void read_observe(struct llmobs_config_loading *loading)
{
    struct llmobs_config *config = &loading->config;
    struct llmobs_text rest = llmobs_text_of(config->observe), word;

    while (llmobs_text_next(&rest, &word)) {
        if (llmobs_text_is(word, "vector"))
            config->observe_vector = true;
        else if (llmobs_text_is(word, "search"))
            config->observe_search = true;
        else if (llmobs_text_is(word, "key"))
            config->observe_key = true;
        else if (word.len > 0 && word.data[0] != '-')
            llmobs_config_complain(
                loading,
                "LLMOBS_OBSERVE: \"%.*s\" is not vector, search or key",
                word.len < 40 ? (int)word.len : 40, word.data);
    }
}

/* -- content --------------------------------------------------------------- */

/* Turns content off if some rule of redaction is not known. */
static void refuse_content(struct llmobs_config_loading *loading, size_t line,
                           const char *why)
{
    loading->config.privacy.content = LLMOBS_CONTENT_OFF;
    if (line)
        llmobs_config_complain(
            loading, "LLMOBS_REDACT: %s: line %zu: %s; LLMOBS_CONTENT is off",
            loading->redact_path, line, why);
    else
        llmobs_config_complain(loading,
                               "LLMOBS_REDACT: %s: %s; LLMOBS_CONTENT is off",
                               loading->redact_path, why);
}

/* A configuration file that exists but was not read may contain
 * LLMOBS_CONTENT=off, or patterns, which also change tags. The environment wins
 * over the file. */
static void distrust_content(struct llmobs_config_loading *loading)
{
    struct llmobs_config *config = &loading->config;
    bool redact = llmobs_config_find(loading->env, "LLMOBS_REDACT");
    bool tags = llmobs_config_find(loading->env, "LLMOBS_REQUEST_TAGS");
    bool content = llmobs_config_find(loading->env, "LLMOBS_CONTENT");

    if (!redact || !tags ||
        !llmobs_config_find(loading->env, "LLMOBS_HASH_KEY"))
        config->request_tags = LLMOBS_REQUEST_TAGS_OFF;
    if (config->privacy.content == LLMOBS_CONTENT_OFF || (content && redact))
        return;
    config->privacy.content = LLMOBS_CONTENT_OFF;
    llmobs_config_complain(
        loading, "LLMOBS_CONTENT is off, as the configuration file may say so "
                 "where it was not read");
}

static void read_content(struct llmobs_config_loading *loading)
{
    struct llmobs_config *config = &loading->config;
    struct llmobs_redact_fault fault;
    struct llmobs_buf text;
    int rc;

    if (loading->unread)
        distrust_content(loading);
    if (!loading->redact_path)
        return;
    llmobs_buf_init(&text, REDACT_FILE_MAX);
    rc = llmobs_file_settings(loading->redact_path, &text);
    if (rc)
        refuse_content(loading, 0, strerror(-rc));
    else if (llmobs_redact_parse(llmobs_buf_text(&text),
                                 &config->privacy.redact, &fault) != 0)
        refuse_content(loading, fault.line, fault.why);
    if (config->privacy.content == LLMOBS_CONTENT_OFF) {
        llmobs_redact_free(config->privacy.redact);
        config->privacy.redact = NULL;
        /* Tags are sent even without content, and the patterns that would
         * redact them are not known here. */
        config->request_tags = LLMOBS_REQUEST_TAGS_OFF;
    }
    llmobs_buf_fini(&text);
}

/* -- trace context --------------------------------------------------------- */

/* False for an unknown word. */
static bool add_style(struct llmobs_styles *styles, struct llmobs_text word)
{
    static const char *const names[] = {
        [LLMOBS_STYLE_DATADOG] = "datadog",
        [LLMOBS_STYLE_TRACECONTEXT] = "tracecontext",
        [LLMOBS_STYLE_BAGGAGE] = "baggage",
        [LLMOBS_STYLE_B3] = "b3",
        [LLMOBS_STYLE_B3MULTI] = "b3multi",
    };
    size_t style = 0;

    if (word.len == 0 || llmobs_text_is_word(word, "none"))
        return true;
    while (style < LLMOBS_STYLE_COUNT &&
           !llmobs_text_is_word(word, names[style]))
        style++;
    if (style == LLMOBS_STYLE_COUNT)
        return false;
    for (size_t i = 0; i < styles->count; i++)
        if (styles->list[i] == (enum llmobs_style)style)
            return true;
    styles->list[styles->count++] = (enum llmobs_style)style;
    return true;
}

static void read_style_list(struct llmobs_config_loading *loading,
                            struct llmobs_styles *styles, const char *name,
                            const char *text)
{
    struct llmobs_text rest = llmobs_text_of(text), word;

    styles->count = 0;
    while (llmobs_text_next(&rest, &word)) {
        if (!add_style(styles, word))
            llmobs_config_complain(loading, "%s: no style \"%.*s\"", name,
                                   word.len < 40 ? (int)word.len : 40,
                                   word.data);
    }
}

/* WIRE 3.2: the variable of one direction wins over the common one.
 * OpenTelemetry's variable counts only if all of Datadog's are unset. */
static void read_styles(struct llmobs_config_loading *loading)
{
    struct llmobs_config *config = &loading->config;
    struct llmobs_styles both = {.count = 0};

    if (loading->propagators && !loading->has_styles)
        read_style_list(loading, &both, "OTEL_PROPAGATORS",
                        loading->propagators);
    else if (!loading->styles_inject || !loading->styles_extract)
        read_style_list(loading, &both, "DD_TRACE_PROPAGATION_STYLE",
                        loading->styles);
    config->inject_styles = both;
    config->extract_styles = both;
    if (loading->styles_inject)
        read_style_list(loading, &config->inject_styles,
                        "DD_TRACE_PROPAGATION_STYLE_INJECT",
                        loading->styles_inject);
    if (loading->styles_extract)
        read_style_list(loading, &config->extract_styles,
                        "DD_TRACE_PROPAGATION_STYLE_EXTRACT",
                        loading->styles_extract);
}

/* A name without a dot has its port beside it: alone it may be a mistyped
 * "none". A URL is no name. */
static bool may_be_host(struct llmobs_text word)
{
    return !memchr(word.data, '/', word.len) &&
           (memchr(word.data, '.', word.len) ||
            memchr(word.data, ':', word.len) ||
            memchr(word.data, '*', word.len));
}

/* "all", "none", or a list of patterns and "default"; patterns alone stay. */
static void read_inject(struct llmobs_config_loading *loading)
{
    struct llmobs_config *config = &loading->config;
    struct llmobs_text rest = llmobs_text_of(config->inject_hosts), word;
    bool alone = rest.data && !strchr(rest.data, ','), by_default;

    while (llmobs_text_next(&rest, &word)) {
        by_default = llmobs_text_is_word(word, "default");
        if (word.len == 0 || may_be_host(word) || (by_default && !alone))
            continue;
        if (alone && llmobs_text_is_word(word, "all"))
            config->inject = LLMOBS_INJECT_ALL;
        else if (alone && llmobs_text_is_word(word, "none"))
            config->inject = LLMOBS_INJECT_NONE;
        else if (!by_default)
            llmobs_config_complain(loading, "LLMOBS_INJECT: bad value");
        config->inject_hosts[0] = '\0';
        return;
    }
}

/* -- the whole ------------------------------------------------------------- */

/* Calls have keys in their headers, so they may only be sent to this host. */
static void read_replay(struct llmobs_config_loading *loading)
{
    static const char begin[] = "http://127.0.0.1:";
    char **url = &loading->config.replay_url;
    const char *port = *url ? *url + strlen(begin) : NULL;

    if (!*url || (strncmp(*url, begin, strlen(begin)) == 0 && *port &&
                  strspn(port, "0123456789") == strlen(port)))
        return;
    llmobs_config_complain(loading, "LLMOBS_REPLAY: not %sPORT", begin);
    llmobs_config_unset(url);
}

/* Makes the values that follow from several variables, or that need more than
 * their row of the table says. Complaints come in the order of these calls. */
static void read_derived(struct llmobs_config_loading *loading)
{
    struct llmobs_config *config = &loading->config;
    bool by_file;
    static const char variable[] = "_DD_TRACE_WRITER_ADDITIONAL_HEADERS";
    char **list;
    bool reported;
    struct llmobs_text unknown;
    unsigned names;

    read_tags(loading);
    read_ml_app(loading);
    llmobs_config_absolute(&config->store_dir);
    llmobs_config_absolute(&config->spool_dir);
    llmobs_config_absolute(&config->record_dir);
    /* The relay neither records nor writes to the local store. */
    config->relay = config->relay && !config->record_dir && !config->run_store;
    read_replay(loading);
    /* Changes each "Name:value" to "Name: value". */
    list = read_list(loading, variable, loading->headers_text);
    reported = false;
    loading->config.extra_headers = list;
    for (size_t i = 0; list && list[i];) {
        struct llmobs_text value = llmobs_text_of(list[i]), name;
        char *header;

        (void)llmobs_text_split(&value, ':', &name);
        header = llmobs_config_header(loading, name, value);
        if (header) {
            free(list[i]);
            list[i++] = header;
            continue;
        }
        remove_entry(list, i);
        if (!reported)
            llmobs_config_complain(
                loading, "%s: left out what is no header that may be added",
                variable);
        reported = true;
    }
    read_content(loading);
    /* Where the list has no known name, spans go to the local store. */
    names = llmobs_exporters_named(loading->config.exporter, &unknown);
    if (unknown.len > 0)
        llmobs_config_complain(
            loading, "LLMOBS_EXPORTER: no exporter is named \"%.*s\"%s",
            unknown.len < 40 ? (int)unknown.len : 40, unknown.data,
            names ? "" : "; spans go to the local store");
    if (names & LLMOBS_EXPORTER_AUTO && names != LLMOBS_EXPORTER_AUTO)
        llmobs_config_complain(loading,
                               "LLMOBS_EXPORTER: auto stands alone: the others "
                               "are ignored");
    read_observe(loading);
    loading->has_styles =
        loading->styles_inject || loading->styles_extract ||
        llmobs_config_value(config, loading->env, "DD_TRACE_PROPAGATION_STYLE",
                            &by_file);
    llmobs_config_read_otlp(loading);
    llmobs_config_read_peers(loading);
    if (config->tags_header_max < 0)
        config->tags_header_max = 0;
    read_styles(loading);
    read_inject(loading);
    llmobs_inbound_select((const char *const *)loading->carried,
                          &config->carrier);
    if (loading->debug)
        config->log_level = LLMOBS_LOG_DEBUG;
}

struct llmobs_config *llmobs_config_load(const char *const *env,
                                         void (*complain)(void *ctx,
                                                          const char *text),
                                         void *ctx)
{
    struct llmobs_config_loading *loading = calloc(1, sizeof(*loading));
    /* Only the environment can name the file. */
    const char *file = llmobs_config_find(env, "LLMOBS_CONFIG");

    if (!loading)
        return NULL;
    llmobs_log_filter(llmobs_secrets_mask);
    loading->complain = complain;
    loading->complain_ctx = ctx;
    loading->env = env;
    llmobs_config_read_file(loading, file ? file : LLMOBS_CONFIG_FILE,
                            file && strcmp(file, LLMOBS_CONFIG_NONE) != 0);
    read_variables(loading, env);
    if (!loading->no_memory)
        read_derived(loading);
    loading->env = NULL;
    if (!loading->no_memory)
        return &loading->config;
    llmobs_config_free(&loading->config);
    return NULL;
}

/* Frees every text of the table, and all lists. */
void llmobs_config_free(struct llmobs_config *config)
{
    struct llmobs_config_loading *loading =
        (struct llmobs_config_loading *)config;

    if (!config)
        return;
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].form <= FORM_SHOWN)
            free(*(char **)((char *)loading + rows[i].offset));
    }
    llmobs_config_free_list(config->tags);
    llmobs_config_free_list(config->never_urls);
    llmobs_config_free_list(config->extra_headers);
    llmobs_config_free_list(loading->file);
    llmobs_config_free_otlp(&config->otlp);
    llmobs_redact_free(config->privacy.redact);
    free(config->agent_url);
    free(loading);
}

const char *llmobs_config_file(const struct llmobs_config *config)
{
    const struct llmobs_config_loading *loading =
        (const struct llmobs_config_loading *)config;

    return loading->file ? loading->file_path : NULL;
}

const char *const *llmobs_config_entries(const struct llmobs_config *config)
{
    return (const char *const *)((const struct llmobs_config_loading *)config)
        ->file;
}
