/* config_load - a configuration while it is read; for core/config alone.
 *
 * Owns:    all that is read, until llmobs_config_free.
 * Threads: the thread that loads.
 * Errors:  no_memory says that memory ran out; all values read before stay
 *          valid. A bad value is reported, and the default stays.
 */
#ifndef LLMOBS_CONFIG_LOAD_H
#define LLMOBS_CONFIG_LOAD_H

#include "lib/base/buf.h"
#include "lib/base/paths.h"
#include "core/config/config.h"
#include "core/config/inbound.h"

#define LLMOBS_SITE "datadoghq.com"
#define LLMOBS_CONFIG_LIST_MAX 256 /* entries in a list: tags, headers */

/* The variables OTEL_EXPORTER_OTLP_<PART>, and with a signal's name before the
 * part. */
enum llmobs_otlp_part {
    LLMOBS_OTLP_ENDPOINT,
    LLMOBS_OTLP_HEADERS,
    LLMOBS_OTLP_PROTOCOL,
    LLMOBS_OTLP_TIMEOUT,
    LLMOBS_OTLP_COMPRESSION,
    LLMOBS_OTLP_CERTIFICATE,
    LLMOBS_OTLP_CLIENT_CERTIFICATE,
    LLMOBS_OTLP_CLIENT_KEY,
    LLMOBS_OTLP_INSECURE,
    LLMOBS_OTLP_PARTS
};

/* The configuration, and the texts from which it is made or to which it points.
 * `config` is the first member, so that both have one address. */
struct llmobs_config_loading {
    struct llmobs_config config;
    const char *const *env; /* borrowed, while it loads */
    char **file;            /* "NAME=value" lines of the configuration file */
    char *file_path;
    char *tags_text;
    bool git;
    bool debug;
    bool no_memory;
    bool unread; /* a file that was not read may have a setting about content */
    char *agent_url;
    char *agent_hostname; /* DD_TRACE_AGENT_HOSTNAME: the older name, wins */
    char *agent_host;
    int64_t trace_agent_port; /* DD_TRACE_AGENT_PORT: wins; 0: unset */
    int64_t agent_port;
    char *headers_text;
    char *ssl_cert_file;
    char *curl_ca_bundle;
    char *redact_path;
    /* For each part: the general value, then the values of the signals. */
    char *otlp[LLMOBS_OTLP_PARTS][1 + LLMOBS_SIGNAL_COUNT];
    bool otlp_reported; /* mistakes in the general values of `otlp` were
                         * reported */
    char *otel_exporter[LLMOBS_SIGNAL_COUNT];
    bool otel_off;     /* OTEL_SDK_DISABLED */
    int otel_sampler;  /* OTEL_TRACES_SAMPLER: index of the row's word */
    char *sampler_arg; /* OTEL_TRACES_SAMPLER_ARG */
    int temporality;   /* 0: cumulative */
    char *capture;     /* OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT */
    char *stability;   /* OTEL_SEMCONV_STABILITY_OPT_IN */
    int64_t span_value_max; /* OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT; -1: unset
                             */
    int64_t span_attribute_max; /* OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT; 0: unset */
    char *styles;
    char *styles_inject;
    char *styles_extract;
    bool has_styles;   /* one of Datadog's variables names styles of propagation
                        */
    char *propagators; /* OTEL_PROPAGATORS */
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

/* Makes a relative path absolute, from the directory in which the process
 * began. */
void llmobs_config_absolute(char **path);

/* Reads a decimal number. False if the text is not a number. */
bool llmobs_config_decimal(const char *text, double *out);

/* Frees a list that ends with NULL; NULL does nothing. */
void llmobs_config_free_list(char **list);

/* Frees *to and sets it to NULL. */
void llmobs_config_unset(char **to);

/* True for a text without control characters, and without blanks unless
 * `blanks` is set: only such a text may be a URL or a header. */
bool llmobs_config_is_clean(struct llmobs_text text, bool blanks);

/* Gives "name: value" (free with free()); NULL for a header that may not be
 * added, and when memory runs out. */
char *llmobs_config_header(struct llmobs_config_loading *loading,
                           struct llmobs_text name, struct llmobs_text value);

#endif
