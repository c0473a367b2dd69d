#include "core/config/config_trace.h"

#include <string.h>

static const char *const style_names[] = {
    [LLMOBS_STYLE_DATADOG] = "datadog",
    [LLMOBS_STYLE_TRACECONTEXT] = "tracecontext",
    [LLMOBS_STYLE_BAGGAGE] = "baggage",
    [LLMOBS_STYLE_B3] = "b3",
    [LLMOBS_STYLE_B3MULTI] = "b3multi",
};

static void style_add(struct llmobs_styles *styles, enum llmobs_style style)
{
    for (size_t i = 0; i < styles->count; i++) {
        if (styles->list[i] == style)
            return;
    }
    styles->list[styles->count++] = style;
}

/* False for an unknown word. */
static bool config_trace_read_style(struct llmobs_styles *styles,
                                    struct llmobs_text word)
{
    if (word.len == 0 || llmobs_text_is_word(word, "none"))
        return true;
    for (size_t i = 0; i < LLMOBS_STYLE_COUNT; i++) {
        if (llmobs_text_is_word(word, style_names[i])) {
            style_add(styles, (enum llmobs_style)i);
            return true;
        }
    }
    return false;
}

static void read_styles(struct llmobs_config_loading *loading,
                        struct llmobs_styles *styles, const char *name,
                        const char *text)
{
    struct llmobs_text rest = llmobs_text_of(text), word;

    while (llmobs_text_next(&rest, &word)) {
        if (!config_trace_read_style(styles, word))
            llmobs_config_complain(loading, "%s: no style \"%.*s\"", name,
                                   word.len < 40 ? (int)word.len : 40,
                                   word.data);
    }
}

bool llmobs_config_has_styles(const struct llmobs_config_loading *loading)
{
    bool by_file;

    return loading->styles_inject || loading->styles_extract ||
           llmobs_config_given(&loading->config, loading->env,
                               "DD_TRACE_PROPAGATION_STYLE", &by_file);
}

/* WIRE 3.2: the variable of one direction wins over the common one.
 * OpenTelemetry's variable counts where Datadog's are all unset. */
static void settle_styles(struct llmobs_config_loading *loading)
{
    struct llmobs_config *config = &loading->config;
    struct llmobs_styles both = {.count = 0};

    if (loading->propagators && !llmobs_config_has_styles(loading))
        read_styles(loading, &both, "OTEL_PROPAGATORS", loading->propagators);
    else if (!loading->styles_inject || !loading->styles_extract)
        read_styles(loading, &both, "DD_TRACE_PROPAGATION_STYLE",
                    loading->styles);
    config->inject_styles = both;
    config->extract_styles = both;
    if (loading->styles_inject) {
        config->inject_styles.count = 0;
        read_styles(loading, &config->inject_styles,
                    "DD_TRACE_PROPAGATION_STYLE_INJECT",
                    loading->styles_inject);
    }
    if (loading->styles_extract) {
        config->extract_styles.count = 0;
        read_styles(loading, &config->extract_styles,
                    "DD_TRACE_PROPAGATION_STYLE_EXTRACT",
                    loading->styles_extract);
    }
}

/* True for a pattern of hosts. A name without a dot needs no pattern: such a
 * host is private anyway. */
static bool is_pattern(struct llmobs_text word)
{
    return memchr(word.data, '.', word.len) ||
           memchr(word.data, ':', word.len) || memchr(word.data, '*', word.len);
}

static bool read_inject(struct llmobs_config *config, struct llmobs_text word,
                        bool alone)
{
    if (alone && (llmobs_text_is_word(word, "all") ||
                  llmobs_text_is_word(word, "none"))) {
        config->inject = llmobs_text_is_word(word, "all") ? LLMOBS_INJECT_ALL
                                                          : LLMOBS_INJECT_NONE;
        return true;
    }
    return llmobs_text_is_word(word, "default") || word.len == 0 ||
           is_pattern(word);
}

static void settle_inject(struct llmobs_config_loading *loading)
{
    struct llmobs_config *config = &loading->config;
    struct llmobs_text rest = llmobs_text_of(config->inject_hosts), word;
    bool alone = rest.data && !strchr(rest.data, ',');

    while (llmobs_text_next(&rest, &word)) {
        if (!read_inject(config, word, alone)) {
            llmobs_config_complain(loading, "LLMOBS_INJECT: bad value");
            config->inject_hosts[0] = '\0';
            return;
        }
    }
}

void llmobs_config_settle_trace(struct llmobs_config_loading *loading)
{
    int64_t *max = &loading->config.tags_header_max;

    if (*max < 0)
        *max = 0;
    settle_styles(loading);
    settle_inject(loading);
    llmobs_inbound_choose((const char *const *)loading->carried,
                          &loading->config.carrier);
}
