/* config_table - the table of variables and where each value goes; for
 * core/config.c alone. */
#ifndef LLMOBS_CONFIG_TABLE_H
#define LLMOBS_CONFIG_TABLE_H

#include "core/config.h"

#define LLMOBS_ML_APP_UNNAMED "unnamed-ml-app"

/* How a value is read. */
enum form {
    FORM_TEXT,
    FORM_BOOL,
    FORM_NUMBER,  /* int64_t, from least to most */
    FORM_SECONDS, /* a decimal number of seconds, kept as ms in int64_t */
    FORM_RATE,    /* double */
    FORM_LEVEL
};

/* A configuration while it is read, and what must live as long as it: the
 * carriers' texts. `config` is first: one address, one free. */
struct loading {
    struct llmobs_config config;
    char *tags_text;
    char *otel_service;
    bool git;
    bool debug;
    bool no_memory;
    char *agent_url;
    char *agent_host;
    int64_t agent_port;
    char *origin;
    char *otlp;
    char *otlp_traces;
    char *otlp_metrics;
    char *otlp_logs;
    char *traceparent;
    char *tracestate;
    char *http_traceparent;
    char *http_tracestate;
    char *http_datadog_trace_id;
    char *http_datadog_parent_id;
    char *http_datadog_tags;
    char *http_datadog_priority;
    char *http_datadog_origin;
    void (*complain)(void *ctx, const char *text);
    void *complain_ctx;
};

struct row {
    enum form form;
    size_t offset; /* in struct loading */
    double least;
    double most;
};

#define IN(field) offsetof(struct loading, field)
#define CONF(field) offsetof(struct loading, config.field)
#define MIB (1024.0 * 1024)

/* V(name, type, default, help, form, where, least, most): all of them. The
 * default is read like a value. */
#define VARIABLES(V)                                                           \
    V("DD_LLMOBS_ENABLED", "boolean", "false",                                 \
      "master switch: without it nothing is observed", FORM_BOOL,              \
      CONF(enabled), 0, 0)                                                     \
    V("DD_LLMOBS_ML_APP", "text", "",                                          \
      "name of the application; else the service, "                            \
      "else " LLMOBS_ML_APP_UNNAMED,                                           \
      FORM_TEXT, CONF(ml_app), 0, 0)                                           \
    V("DD_LLMOBS_INSTRUMENTED_PROXY_URLS", "URLs, comma-separated", "",        \
      "gateways: requests to them become workflow spans", FORM_TEXT,           \
      CONF(proxy_urls), 0, 0)                                                  \
    V("DD_LLMOBS_SAMPLE_RATE", "0 to 1", "1",                                  \
      "share of traces that the backend retains", FORM_RATE,                   \
      CONF(sample_rate), 0, 1)                                                 \
    V("DD_LLMOBS_EVENT_SIZE_BYTES", "bytes, from 1024", "5000000",             \
      "a bigger event loses its input and output", FORM_NUMBER,                \
      CONF(event_max), 1024, 1024 * MIB)                                       \
    V("_DD_LLMOBS_WRITER_INTERVAL", "seconds", "1",                            \
      "pause between deliveries", FORM_SECONDS, CONF(flush_interval_ms),       \
      0.001, 3600)                                                             \
    V("DD_SERVICE", "text", "",                                                \
      "tag service; else service in DD_TAGS, else OTEL_SERVICE_NAME",          \
      FORM_TEXT, CONF(service), 0, 0)                                          \
    V("DD_ENV", "text", "", "tag env; else env in DD_TAGS", FORM_TEXT,         \
      CONF(env), 0, 0)                                                         \
    V("DD_VERSION", "text", "", "tag version; else version in DD_TAGS",        \
      FORM_TEXT, CONF(version), 0, 0)                                          \
    V("DD_TAGS", "key:value, comma- or space-separated", "",                   \
      "tags of every span", FORM_TEXT, IN(tags_text), 0, 0)                    \
    V("OTEL_SERVICE_NAME", "text", "", "the last choice for the service",      \
      FORM_TEXT, IN(otel_service), 0, 0)                                       \
    V("DD_GIT_REPOSITORY_URL", "URL", "", "tag git.repository_url", FORM_TEXT, \
      CONF(git_url), 0, 0)                                                     \
    V("DD_GIT_COMMIT_SHA", "text", "", "tag git.commit.sha", FORM_TEXT,        \
      CONF(git_sha), 0, 0)                                                     \
    V("DD_TRACE_GIT_METADATA_ENABLED", "boolean", "true",                      \
      "false: no git tags", FORM_BOOL, IN(git), 0, 0)                          \
    V("DD_TRACE_DEBUG", "boolean", "false", "true: LLMOBS_LOG_LEVEL is debug", \
      FORM_BOOL, IN(debug), 0, 0)                                              \
    V("LLMOBS_SESSION_ID", "text", "", "session of the spans", FORM_TEXT,      \
      CONF(session_id), 0, 0)                                                  \
    V("LLMOBS_RULES", "file", "", "further rules, as JSON", FORM_TEXT,         \
      CONF(rules_path), 0, 0)                                                  \
    V("LLMOBS_EXPORTER", "auto or names, comma-separated", "auto",             \
      "where spans go", FORM_TEXT, CONF(exporter), 0, 0)                       \
    V("LLMOBS_STORE_DIR", "directory", "",                                     \
      "place of the local store; else by user", FORM_TEXT, CONF(store_dir), 0, \
      0)                                                                       \
    V("LLMOBS_STORE_MAX", "bytes, from 4096", "268435456",                     \
      "beyond it the oldest spans of the store go", FORM_NUMBER,               \
      CONF(store_max), 4096, 1024 * 1024 * MIB)                                \
    V("LLMOBS_CAPTURE_MAX", "bytes, from 1024", "16777216",                    \
      "a bigger body is kept as head and tail", FORM_NUMBER,                   \
      CONF(capture_max), 1024, 1024 * MIB)                                     \
    V("LLMOBS_BUFFER_MAX", "bytes, from 65536", "67108864",                    \
      "finished and not yet delivered; beyond it spans are dropped",           \
      FORM_NUMBER, CONF(buffer_max), 65536, 1024 * MIB)                        \
    V("LLMOBS_EXIT_FLUSH_MS", "milliseconds", "-1",                            \
      "longest wait at exit; -1: by exporter", FORM_NUMBER,                    \
      CONF(exit_flush_ms), -1, 600000)                                         \
    V("LLMOBS_THREAD", "boolean", "on",                                        \
      "off: no thread, spans are delivered at exit", FORM_BOOL, CONF(thread),  \
      0, 0)                                                                    \
    V("LLMOBS_LOG", "file", "", "where our own log lines go; else nowhere",    \
      FORM_TEXT, CONF(log_path), 0, 0)                                         \
    V("LLMOBS_LOG_LEVEL", "off, error, warn, info, debug", "warn",             \
      "least weight of a log line", FORM_LEVEL, CONF(log_level), 0, 0)         \
    V("DD_TRACE_AGENT_URL", "URL", "", "the agent: never observed", FORM_TEXT, \
      IN(agent_url), 0, 0)                                                     \
    V("DD_AGENT_HOST", "host", "localhost", "likewise", FORM_TEXT,             \
      IN(agent_host), 0, 0)                                                    \
    V("DD_TRACE_AGENT_PORT", "port", "8126", "likewise", FORM_NUMBER,          \
      IN(agent_port), 1, 65535)                                                \
    V("DD_LLMOBS_OVERRIDE_ORIGIN", "URL", "", "an intake: never observed",     \
      FORM_TEXT, IN(origin), 0, 0)                                             \
    V("OTEL_EXPORTER_OTLP_ENDPOINT", "URL", "", "likewise", FORM_TEXT,         \
      IN(otlp), 0, 0)                                                          \
    V("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "URL", "", "likewise", FORM_TEXT,  \
      IN(otlp_traces), 0, 0)                                                   \
    V("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "URL", "", "likewise", FORM_TEXT, \
      IN(otlp_metrics), 0, 0)                                                  \
    V("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "URL", "", "likewise", FORM_TEXT,    \
      IN(otlp_logs), 0, 0)                                                     \
    V("TRACEPARENT", "W3C trace context", "", "parent of the process's spans", \
      FORM_TEXT, IN(traceparent), 0, 0)                                        \
    V("TRACESTATE", "W3C trace context", "", "likewise", FORM_TEXT,            \
      IN(tracestate), 0, 0)                                                    \
    V("HTTP_TRACEPARENT", "W3C trace context", "",                             \
      "the same from a CGI server, where TRACEPARENT is absent", FORM_TEXT,    \
      IN(http_traceparent), 0, 0)                                              \
    V("HTTP_TRACESTATE", "W3C trace context", "", "likewise", FORM_TEXT,       \
      IN(http_tracestate), 0, 0)                                               \
    V("HTTP_X_DATADOG_TRACE_ID", "number", "", "likewise", FORM_TEXT,          \
      IN(http_datadog_trace_id), 0, 0)                                         \
    V("HTTP_X_DATADOG_PARENT_ID", "number", "", "likewise", FORM_TEXT,         \
      IN(http_datadog_parent_id), 0, 0)                                        \
    V("HTTP_X_DATADOG_TAGS", "tags", "", "likewise", FORM_TEXT,                \
      IN(http_datadog_tags), 0, 0)                                             \
    V("HTTP_X_DATADOG_SAMPLING_PRIORITY", "number", "", "likewise", FORM_TEXT, \
      IN(http_datadog_priority), 0, 0)                                         \
    V("HTTP_X_DATADOG_ORIGIN", "text", "", "likewise", FORM_TEXT,              \
      IN(http_datadog_origin), 0, 0)                                           \
    V("XDG_STATE_HOME", "directory", "", "for the place of the store",         \
      FORM_TEXT, CONF(xdg_state_home), 0, 0)                                   \
    V("HOME", "directory", "", "likewise", FORM_TEXT, CONF(home), 0, 0)

#endif
