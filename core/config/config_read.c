#include "core/config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/scratch.h"
#include "core/config/config_file.h"
#include "core/config/config_map.h"
#include "core/config/config_otlp_load.h"
#include "core/config/config_peers.h"
#include "core/config/config_table.h"
#include "core/config/config_trace.h"
#include "core/config/exporters.h"
#include "lib/span/redact.h"
#include "lib/span/secrets.h"

#define REDACT_FILE_MAX ((size_t)64 * 1024)

static const struct row rows[] = {
#define V(name, type, fallback, help, form, offset, least, most) \
    {form, sizeof(name), sizeof(type), sizeof(fallback), offset, least, most},
    VARIABLES(V)
#undef V
};

#define ROWS (sizeof(rows) / sizeof(*rows))

/* -- values -------------------------------------------------------------- */

static bool config_read_number(const struct row *row, const char *text,
                               void *to)
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

static bool config_read_is_word(const char *text, const char *const *words)
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
    bool is_yes = config_read_is_word(text, otel ? otel_yes : yes) ||
                  (own && strcasecmp(text, "on") == 0);
    bool known = is_yes || config_read_is_word(text, no);

    if (known || !own)
        *to = is_yes;
    return known;
}

/* `type` is the list of the words that are allowed, separated by ", ". */
static bool config_read_choice(const char *type, const char *text, bool privacy,
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

static bool read_tristate(const char *name, const char *text, int *to)
{
    bool value = false;
    bool good = read_bool(name, text, &value);

    *to = value;
    return good;
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

/* False for a bad value. */
static bool config_read_value(struct llmobs_config_loading *loading,
                              const struct llmobs_config_variable *variable,
                              const struct row *row, const char *text)
{
    void *to = (char *)loading + row->offset;

    switch (row->form) {
    case FORM_TEXT:
        llmobs_config_set(loading, to,
                          (struct llmobs_text){text, strlen(text)});
        return true;
    case FORM_BOOL:
        return read_bool(variable->name, text, to);
    case FORM_TRISTATE:
        return read_tristate(variable->name, text, to);
    case FORM_CALLSITE:
        return read_callsite(text, to);
    case FORM_CHOICE:
    case FORM_PRIVACY:
        return config_read_choice(variable->type, text,
                                  row->form == FORM_PRIVACY, to);
    case FORM_NUMBER:
    case FORM_SECONDS:
    case FORM_RATE:
        return config_read_number(row, text, to);
    }
    return false;
}

const char *llmobs_config_file(const struct llmobs_config *config)
{
    const struct llmobs_config_loading *loading =
        (const struct llmobs_config_loading *)config;

    return loading->file ? loading->file_path : NULL;
}

/* An entry of the environment, and the length of its name. */
struct entry {
    const char *text;
    size_t len;
};

/* Gives the entries, for the caller to free; NULL when memory runs out. An
 * entry notes the length of its name, in which most names already differ. */
static struct entry *entries_of(const char *const *env)
{
    struct entry *entries;
    size_t count = 0;

    while (env && env[count])
        count++;
    entries = calloc(count + 1, sizeof(*entries));
    for (size_t i = 0; entries && i < count; i++)
        entries[i] = (struct entry){env[i], strcspn(env[i], "=")};
    return entries;
}

/* As llmobs_config_find, for the entries. */
static const char *config_read_find_entry(const struct entry *entries,
                                          const char *name, size_t len)
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
    struct entry *entries = entries_of(env);
    const char *name = llmobs_config_next(&first) ? first.name : NULL;

    if (!entries)
        loading->no_memory = true;
    for (const struct row *row = rows; entries && row < rows + ROWS; row++) {
        struct llmobs_config_variable variable = {name, name + row->name,
                                                  name + row->name + row->type};
        bool by_file;
        const char *text =
            config_read_find_entry(entries, name, row->name - 1u);

        if (!text)
            text = llmobs_config_from_file(loading, name, &by_file);
        name = variable.fallback + row->fallback;
        if (row->form == FORM_TRISTATE)
            *(int *)((char *)loading + row->offset) = -1;
        if (variable.fallback[0])
            config_read_value(loading, &variable, row, variable.fallback);
        if (text && !config_read_value(loading, &variable, row, text))
            llmobs_config_complain(loading,
                                   "%s: not a value of the form \"%s\"",
                                   variable.name, variable.type);
    }
    free(entries);
}

/* Only the environment can name the file. */
static void config_read_file(struct llmobs_config_loading *loading,
                             const char *const *env)
{
    const char *named = llmobs_config_find(env, "LLMOBS_CONFIG");

    llmobs_config_read_file(loading, named ? named : LLMOBS_CONFIG_FILE,
                            named != NULL);
}

/* -- values that follow from several variables ---------------------------- */

static void settle_ml_app(struct llmobs_config_loading *loading)
{
    struct llmobs_config *config = &loading->config;
    char *name = llmobs_scratch_take(LLMOBS_ML_APP_LEN * 4 + 1);
    const char *given = config->ml_app    ? config->ml_app
                        : config->service ? config->service
                                          : LLMOBS_ML_APP_UNNAMED;

    if (!name) {
        loading->no_memory = true;
        return;
    }
    if (!config->ml_app && !config->service)
        config->app = LLMOBS_APP_GUESSED;
    if (!llmobs_ml_app_normal(given, name))
        llmobs_config_complain(
            loading,
            "ml_app \"%.200s\" breaks the documented rules: lower-case "
            "letters, digits and _-:./, no double or last underscore, at "
            "most %d characters",
            given, LLMOBS_ML_APP_LEN);
    llmobs_config_set(loading, &config->ml_app,
                      (struct llmobs_text){name, strlen(name)});
    llmobs_scratch_give(name);
}

/* Turns content off where not every rule of redaction is known. */
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

static bool is_in_environment(const struct llmobs_config_loading *loading,
                              const char *name)
{
    return llmobs_config_find(loading->env, name) != NULL;
}

/* The file that was not read may say LLMOBS_CONTENT=off or name patterns, which
 * also change tags. It cannot overrule the environment. */
static void settle_unread(struct llmobs_config_loading *loading)
{
    if (loading->unread && !(is_in_environment(loading, "LLMOBS_REDACT") &&
                             is_in_environment(loading, "LLMOBS_REQUEST_TAGS")))
        loading->config.request_tags = LLMOBS_REQUEST_TAGS_OFF;
    if (!loading->unread ||
        loading->config.privacy.content == LLMOBS_CONTENT_OFF ||
        (is_in_environment(loading, "LLMOBS_CONTENT") &&
         is_in_environment(loading, "LLMOBS_REDACT")))
        return;
    loading->config.privacy.content = LLMOBS_CONTENT_OFF;
    llmobs_config_complain(
        loading, "LLMOBS_CONTENT is off, as the configuration file may say so "
                 "where it was not read");
}

static void config_read_settle_content(struct llmobs_config_loading *loading)
{
    struct llmobs_redact_fault fault;
    struct llmobs_buf text;
    int rc;

    settle_unread(loading);
    if (!loading->redact_path)
        return;
    llmobs_buf_init(&text, REDACT_FILE_MAX);
    rc = llmobs_file_settings(loading->redact_path, &text);
    if (rc)
        refuse_content(loading, 0, strerror(-rc));
    else if (llmobs_redact_parse((struct llmobs_text){text.data, text.len},
                                 &loading->config.privacy.redact, &fault) != 0)
        refuse_content(loading, fault.line, fault.why);
    if (loading->config.privacy.content == LLMOBS_CONTENT_OFF) {
        llmobs_redact_free(loading->config.privacy.redact);
        loading->config.privacy.redact = NULL;
        /* Tags leave the process without content, but not past patterns. */
        loading->config.request_tags = LLMOBS_REQUEST_TAGS_OFF;
    }
    llmobs_buf_fini(&text);
}

/* Where the list has no known name, spans go to the local store. */
static void config_read_settle_exporter(struct llmobs_config_loading *loading)
{
    struct llmobs_text unknown;
    unsigned names = llmobs_exporters_named(loading->config.exporter, &unknown);

    if (unknown.len > 0)
        llmobs_config_complain(
            loading, "LLMOBS_EXPORTER: no exporter is named \"%.*s\"%s",
            unknown.len < 40 ? (int)unknown.len : 40, unknown.data,
            names ? "" : "; spans go to the local store");
    if (names & LLMOBS_EXPORTER_AUTO && names != LLMOBS_EXPORTER_AUTO)
        llmobs_config_complain(loading,
                               "LLMOBS_EXPORTER: auto stands alone: the others "
                               "are ignored");
}

/* An unknown word switches nothing on. */
static void settle_observe(struct llmobs_config_loading *loading)
{
    struct llmobs_config *config = &loading->config;
    struct llmobs_text rest = llmobs_text_of(loading->observe), word;

    while (llmobs_text_next(&rest, &word)) {
        if (llmobs_text_is(word, "vector"))
            config->observe_vector = true;
        else if (llmobs_text_is(word, "search"))
            config->observe_search = true;
        else if (llmobs_text_is(word, "key"))
            config->observe_key = true;
        else if (word.len > 0)
            llmobs_config_complain(
                loading,
                "LLMOBS_OBSERVE: \"%.*s\" is not vector, search or key",
                word.len < 40 ? (int)word.len : 40, word.data);
    }
}

/* A process that records, or that is to have its spans in the local store,
 * sends nothing to the relay, which does neither. */
static void settle_record(struct llmobs_config *config)
{
    llmobs_config_absolute(&config->record_dir);
    config->relay = config->relay && !config->record_dir && !config->run_store;
}

/* Calls have keys in their headers, so they are led to this host only. */
static void settle_replay(struct llmobs_config_loading *loading)
{
    static const char begin[] = "http://127.0.0.1:";
    char **url = &loading->config.replay_url;
    const char *port = *url ? *url + strlen(begin) : NULL;

    if (!*url || (strncmp(*url, begin, strlen(begin)) == 0 && *port &&
                  strspn(port, "0123456789") == strlen(port)))
        return;
    llmobs_config_complain(loading, "LLMOBS_REPLAY: not %sPORT", begin);
    free(*url);
    *url = NULL;
}

static void config_read_settle(struct llmobs_config_loading *loading)
{
    llmobs_config_settle_tags(loading);
    settle_ml_app(loading);
    llmobs_config_absolute(&loading->config.store_dir);
    llmobs_config_absolute(&loading->config.spool_dir);
    settle_record(&loading->config);
    settle_replay(loading);
    llmobs_config_settle_headers(loading);
    config_read_settle_content(loading);
    config_read_settle_exporter(loading);
    settle_observe(loading);
    llmobs_config_settle_otlp(loading);
    llmobs_config_settle_peers(loading);
    llmobs_config_settle_trace(loading);
    if (loading->debug)
        loading->config.log_level = LLMOBS_LOG_DEBUG;
}

struct llmobs_config *llmobs_config_load(const char *const *env,
                                         void (*tell)(void *ctx,
                                                      const char *text),
                                         void *ctx)
{
    struct llmobs_config_loading *loading = calloc(1, sizeof(*loading));

    if (!loading)
        return NULL;
    llmobs_log_filter(llmobs_secrets_mask);
    loading->complain = tell;
    loading->complain_ctx = ctx;
    loading->env = env;
    config_read_file(loading, env);
    read_variables(loading, env);
    if (!loading->no_memory)
        config_read_settle(loading);
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
        if (rows[i].form == FORM_TEXT)
            free(*(char **)((char *)loading + rows[i].offset));
    }
    llmobs_config_free_list(config->tags);
    llmobs_config_free_list(config->never_urls);
    llmobs_config_free_list(config->extra_headers);
    llmobs_config_free_list(loading->file);
    for (size_t i = 0; i < LLMOBS_SIGNAL_COUNT; i++)
        llmobs_config_free_signal(&config->otlp.signals[i]);
    llmobs_redact_free(config->privacy.redact);
    free(config->agent_url);
    free(loading);
}
