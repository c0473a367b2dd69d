/* config_load - a configuration while it is read; for core/config alone.
 *
 * Owns:    all that is read, until llmobs_config_free.
 * Threads: the one that loads.
 * Errors:  no_memory says that memory was short; all values read before stay
 *          valid. A bad value is reported, and the default stands.
 */
#ifndef LLMOBS_CONFIG_LOAD_H
#define LLMOBS_CONFIG_LOAD_H

#include "core/base/buf.h"
#include "core/base/paths.h"
#include "core/config/config.h"
#include "core/config/inbound.h"

#define LLMOBS_SITE "datadoghq.com"
#define LLMOBS_ML_APP_UNNAMED "unnamed-ml-app"

/* The configuration, and beside it the texts from which it is made or which it
 * points to. `config` is the first member, so that both have one address. */
struct llmobs_config_loading {
    struct llmobs_config config;
    char **file; /* "NAME=value" of the configuration file */
    char *file_path;
    char *tags_text;
    char *otel_service;
    bool git;
    bool debug;
    bool no_memory;
    char *agent_url;
    char *agent_hostname; /* DD_TRACE_AGENT_HOSTNAME: older, wins */
    char *agent_host;
    int64_t trace_agent_port; /* DD_TRACE_AGENT_PORT: wins; 0: unset */
    int64_t agent_port;
    char *headers_text;
    char *ssl_cert_file;
    char *curl_ca_bundle;
    char *redact_path;
    char *otlp;
    char *otlp_traces;
    char *otlp_metrics;
    char *otlp_logs;
    char *styles;
    char *styles_inject;
    char *styles_extract;
    char *carried[LLMOBS_CARRIED_COUNT]; /* inbound.h */
    void (*complain)(void *ctx, const char *text);
    void *complain_ctx;
};

/* Reports one line, which must not hold a value that may be secret. */
void llmobs_config_complain(const struct llmobs_config_loading *loading,
                            const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Replaces *to by a copy of the text. */
void llmobs_config_set(struct llmobs_config_loading *loading, char **to,
                       struct llmobs_text text);

/* Frees *to and sets it to NULL. */
void llmobs_config_unset(char **to);

/* True for a text without control characters, and without blanks unless
 * `blanks`: as a URL needs it, or a header. */
bool llmobs_config_is_clean(struct llmobs_text text, bool blanks);

#endif
