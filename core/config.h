/* config - every variable, in one table, as typed values.
 *
 * Owns:    a llmobs_config owns its strings, until llmobs_config_free.
 * Threads: constant after load.
 * Errors:  a bad value is told to `complain` and its default stands.
 * Fork:    plain memory.
 *
 * Parsing rules (booleans, numbers, tag maps): llmobs-wire section 3.1; an
 * empty value counts as unset.
 */
#ifndef LLMOBS_CONFIG_H
#define LLMOBS_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/context.h"

struct llmobs_config {
    bool enabled;          /* DD_LLMOBS_ENABLED */
    char *ml_app;          /* DD_LLMOBS_ML_APP, else service, else unnamed */
    char *service;         /* DD_SERVICE; NULL: unset */
    char *env;             /* DD_ENV; NULL: unset */
    char *version;         /* DD_VERSION; NULL: unset */
    char **tags;           /* DD_TAGS as "key:value", NULL-terminated */
    char *git_url;         /* DD_GIT_REPOSITORY_URL, unless switched off */
    char *git_sha;         /* DD_GIT_COMMIT_SHA, likewise */
    char *session_id;      /* LLMOBS_SESSION_ID; NULL: unset */
    char *proxy_urls;      /* DD_LLMOBS_INSTRUMENTED_PROXY_URLS; NULL: unset */
    char **never_urls;     /* agent and OTLP endpoints, NULL-terminated */
    char *rules_path;      /* LLMOBS_RULES; NULL: unset */
    char *exporter;        /* LLMOBS_EXPORTER; "auto" */
    char *store_dir;       /* LLMOBS_STORE_DIR; NULL: by rule */
    int64_t store_max;     /* LLMOBS_STORE_MAX, bytes */
    int64_t capture_max;   /* LLMOBS_CAPTURE_MAX, bytes a body */
    int64_t buffer_max;    /* LLMOBS_BUFFER_MAX, bytes not yet delivered */
    int64_t event_max;     /* DD_LLMOBS_EVENT_SIZE_BYTES */
    int64_t exit_flush_ms; /* LLMOBS_EXIT_FLUSH_MS; -1: by exporter */
    int64_t flush_interval_ms;     /* _DD_LLMOBS_WRITER_INTERVAL */
    double sample_rate;            /* DD_LLMOBS_SAMPLE_RATE, 0 to 1 */
    bool thread;                   /* LLMOBS_THREAD is not off */
    char *log_path;                /* LLMOBS_LOG; NULL: no log */
    int log_level;                 /* LLMOBS_LOG_LEVEL, enum llmobs_log_level */
    struct llmobs_carrier carrier; /* context carried in the environment */
    char *xdg_state_home; /* XDG_STATE_HOME and HOME, for the store's place */
    char *home;
};

/* One row of the table of variables; the documentation is made from it. */
struct llmobs_config_variable {
    const char *name;
    const char *type;
    const char *fallback;
    const char *help;
};

/* The table, ended by a NULL name. */
const struct llmobs_config_variable *llmobs_config_variables(void);

/* Gives a configuration read from `env` ("NAME=value", NULL at the end); NULL
 * only without memory. */
struct llmobs_config *llmobs_config_load(const char *const *env,
                                         void (*complain)(void *ctx,
                                                          const char *text),
                                         void *ctx);
void llmobs_config_free(struct llmobs_config *config);

/* Where the local store is for the effective user (design section 6); writes
 * the directory's path. -ENAMETOOLONG. */
int llmobs_config_store_dir(const struct llmobs_config *config, char *out,
                            size_t cap);

#endif
