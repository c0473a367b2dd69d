/* config_load - a configuration while it is read; for core/config*.c alone.
 *
 * Owns:    all that is read, until llmobs_config_free.
 * Threads: the one that loads.
 * Errors:  without memory no_memory is set, and what is read so far stays
 *          whole; a bad value is told and its default stands.
 * Limits:  LLMOBS_CONFIG_FILE_MAX bytes of a file, LLMOBS_CONFIG_MAP_MAX tags.
 * Fork:    plain memory.
 */
#ifndef LLMOBS_CONFIG_LOAD_H
#define LLMOBS_CONFIG_LOAD_H

#include "core/base/buf.h"
#include "core/base/paths.h"
#include "core/config/config.h"
#include "core/config/inbound.h"

#define LLMOBS_CONFIG_FILE_MAX 65536
#define LLMOBS_CONFIG_MAP_MAX 256
#define LLMOBS_SITE "datadoghq.com"
#define LLMOBS_ML_APP_UNNAMED "unnamed-ml-app"

/* What is read, and what must live as long as it: the carriers' texts.
 * `config` is first: one address, one free. */
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
    char *agent_hostname; /* the older name of the next, and stronger */
    char *agent_host;
    int64_t trace_agent_port; /* likewise; 0: unset */
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

/* -- config.c -- */

/* Tells one line. Never a value that may be a secret. */
void llmobs_config_complain(const struct llmobs_config_loading *loading,
                            const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Replaces *to by a copy of the text. */
void llmobs_config_set(struct llmobs_config_loading *loading, char **to,
                       struct llmobs_text text);

/* Replaces *to, which was set here, by nothing. */
void llmobs_config_unset(char **to);

/* True for a text without control characters, blanks within included where
 * `blanks` says so: fit for a header, or for a URL. */
bool llmobs_config_is_clean(struct llmobs_text text, bool blanks);

/* -- config_file.c -- */

/* Reads the file into loading->file, the last line of a name first. `named`:
 * the user asked for it, so that its absence is told. */
void llmobs_config_read_file(struct llmobs_config_loading *loading,
                             const char *path, bool named);

/* True for a name that a configuration file may set: what belongs to one
 * process alone (its parent span, its home) is none. */
bool llmobs_config_in_file(const char *name);

/* -- config_map.c: DD_TAGS and what is read from it, the extra headers -- */

void llmobs_config_settle_tags(struct llmobs_config_loading *loading);
void llmobs_config_settle_headers(struct llmobs_config_loading *loading);

/* -- config_content.c: LLMOBS_REDACT -- */

/* What cannot be redacted is not told at all: content is off then. */
void llmobs_config_settle_content(struct llmobs_config_loading *loading);

/* -- config_peers.c: whom we send to, and what is never observed -- */

void llmobs_config_settle_places(struct llmobs_config_loading *loading);

/* -- config_trace.c: propagation styles and the process's own parent -- */

void llmobs_config_settle_trace(struct llmobs_config_loading *loading);

#endif
