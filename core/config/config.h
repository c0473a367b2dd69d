/* config - every variable, in one table, as typed values.
 *
 * Owns:    a llmobs_config owns its strings, until llmobs_config_free.
 * Threads: any: it is constant after load, except the names that nobody gave
 *          (origin.h).
 * Errors:  `complain` gets a line for a bad value, and the default stays.
 *
 * Parsing rules (booleans, numbers, tag maps): WIRE 3.1. An empty value counts
 * as unset.
 */
#ifndef LLMOBS_CONFIG_H
#define LLMOBS_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/tls_auto.h"
#include "lib/span/content_filter.h"
#include "lib/span/context.h"

/* How trace context is written and read (WIRE 3.2, 5). */
enum llmobs_style {
    LLMOBS_STYLE_DATADOG,
    LLMOBS_STYLE_TRACECONTEXT,
    LLMOBS_STYLE_BAGGAGE,
    LLMOBS_STYLE_B3,
    LLMOBS_STYLE_B3MULTI,
    LLMOBS_STYLE_COUNT
};

/* Styles in the order of their preference, each once. */
struct llmobs_styles {
    enum llmobs_style list[LLMOBS_STYLE_COUNT];
    size_t count; /* 0: no propagation */
};

/* DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT. */
enum llmobs_extract {
    LLMOBS_EXTRACT_CONTINUE,
    LLMOBS_EXTRACT_RESTART, /* a new trace, baggage kept */
    LLMOBS_EXTRACT_IGNORE   /* the carrier is not read */
};

/* LLMOBS_INBOUND_TRUST: the callers whose ml_app, session and sampling the
 * process takes over. */
enum llmobs_trust {
    LLMOBS_TRUST_DEFAULT, /* all but strangers (context.h) */
    LLMOBS_TRUST_ALL,
    LLMOBS_TRUST_NONE
};

/* LLMOBS_INJECT: the hosts that get trace headers. */
enum llmobs_inject_to {
    LLMOBS_INJECT_DEFAULT, /* configured proxies and hosts, and hosts other than
                            * public providers that speak a known API */
    LLMOBS_INJECT_ALL,
    LLMOBS_INJECT_NONE
};

/* LLMOBS_STITCH: what is made of a conversation (core/event/linker.h). */
enum llmobs_stitch {
    LLMOBS_STITCH_OFF,    /* no links between its turns, no tag */
    LLMOBS_STITCH_TAG,    /* links, and the tag conversation_id */
    LLMOBS_STITCH_SESSION /* it is also the session of spans without one */
};

/* LLMOBS_TOOLS: tools that make no call of their own (core/event/linker.h). */
enum llmobs_tools {
    LLMOBS_TOOLS_OFF,
    LLMOBS_TOOLS_INFERRED /* a span from the model's answer to the request that
                           * brings the result */
};

/* LLMOBS_REQUEST_TAGS: tags for what a request says about itself. Later values
 * are stricter. With LLMOBS_CONTENT=off it is at least _HASH. */
enum llmobs_request_tags {
    LLMOBS_REQUEST_TAGS_PLAIN, /* a user as sent, but for addresses */
    LLMOBS_REQUEST_TAGS_HASH,  /* of a user a hash */
    LLMOBS_REQUEST_TAGS_OFF,   /* no such tags */
    LLMOBS_REQUEST_TAGS_MODE,  /* the bits of those above */
    /* In a call's entry, beside those: */
    LLMOBS_REQUEST_TAGS_BARE = 4, /* content is off: only known and kept tags */
    LLMOBS_REQUEST_TAGS_KEYED = 8 /* a hash needs LLMOBS_HASH_KEY */
};

/* The names in LLMOBS_EXPORTER, as bits. */
enum llmobs_exporters {
    LLMOBS_EXPORTER_AUTO = 1,
    LLMOBS_EXPORTER_AGENT = 2,
    LLMOBS_EXPORTER_AGENTLESS = 4,
    LLMOBS_EXPORTER_STORE = 8,
    LLMOBS_EXPORTER_OTLP = 16
};

#define LLMOBS_ML_APP_UNNAMED "unnamed-ml-app"

/* LLMOBS_CALLSITE: a number of frames, or one of the values below. */
#define LLMOBS_CALLSITE_OFF 0
#define LLMOBS_CALLSITE_ADDRESS (-1) /* only the return address */
#define LLMOBS_CALLSITE_MAX 16

/* -- OTLP: the variables of OpenTelemetry (WIRE 9) ------------------------ */

/* Which variable names the agent's address; a port counts as a host. */
enum llmobs_agent_named {
    LLMOBS_AGENT_UNNAMED,
    LLMOBS_AGENT_BY_URL,
    LLMOBS_AGENT_BY_HOST,
    LLMOBS_AGENT_BY_HOSTNAME
};

enum llmobs_signal {
    LLMOBS_SIGNAL_TRACES,
    LLMOBS_SIGNAL_METRICS,
    LLMOBS_SIGNAL_LOGS,
    LLMOBS_SIGNAL_COUNT
};

/* The semantic conventions whose names a span gets (LLMOBS_OTLP_SEMCONV). */
enum llmobs_semconv {
    LLMOBS_SEMCONV_1_41,
    LLMOBS_SEMCONV_LATEST,
    LLMOBS_SEMCONV_1_37 /* a value of the variable alone: it is read as 1.41,
                         * which has all names of 1.37 */
};

/* OTEL_TRACES_SAMPLER. `parent_based`: a span with a parent follows the
 * parent's flag; the kind is for spans without a parent. */
enum llmobs_otlp_sampler {
    LLMOBS_OTLP_SAMPLER_ON,
    LLMOBS_OTLP_SAMPLER_OFF,
    LLMOBS_OTLP_SAMPLER_RATIO
};

/* How a signal is sent. A variable of the signal wins over the general one.
 */
struct llmobs_otlp_signal {
    bool on;            /* OTEL_<S>_EXPORTER and OTEL_SDK_DISABLED allow it */
    bool misplaced;     /* off, because the endpoint in a variable is not a URL
                         */
    bool given;         /* a variable names the endpoint */
    bool grpc;          /* the user's protocol is grpc, or the port 4317: the
                         * library itself never speaks gRPC */
    bool json;          /* http/json; else http/protobuf */
    bool gzip;          /* the body is compressed */
    int64_t timeout_ms; /* for one request; 0: no limit */
    char *url;          /* complete, http or https; never NULL. It may hold a
                         * password: not to be logged as it is */
    char **headers;     /* "Name: value", NULL-terminated, never NULL; not to be
                         * logged */
    char *ca_file;      /* PEM; NULL: the library's own choice */
    char *cert_file;    /* this client's; NULL: no certificate */
    char *key_file;     /* the certificate's key; NULL: no key */
};

struct llmobs_otlp_config {
    struct llmobs_otlp_signal signals[LLMOBS_SIGNAL_COUNT];
    enum llmobs_semconv semconv; /* LLMOBS_OTLP_SEMCONV */
    char *service;               /* OTEL_SERVICE_NAME; NULL: unset */
    char *resource; /* OTEL_RESOURCE_ATTRIBUTES as given (config_otlp.h);
                     * NULL: unset or malformed */
    enum llmobs_otlp_sampler sampler;
    bool parent_based;
    double sampler_ratio; /* 0 to 1 */
    bool sampler_flags;   /* the sampler also decides what trace headers say:
                           * Datadog has no part in this process's settings */
    bool span_content;    /* texts go on spans: the user asked, and content is
                           * not off */
    bool event_content;   /* texts go on log records: as for span_content */
    bool event_details;   /* a log event for each call, with its texts */
    bool content_unasked; /* content stays out because nobody asked for it */
    bool delta;           /* metrics: delta temporality, else cumulative */
    int64_t metric_interval_ms; /* OTEL_METRIC_EXPORT_INTERVAL */
    int64_t batch_max;          /* spans in a request */
    int64_t value_max;     /* bytes of a text in an attribute; INT64_MAX: no
                            * limit */
    int64_t attribute_max; /* attributes of a span */
};

/* -- the whole ------------------------------------------------------------ */

struct llmobs_config {
    bool enabled;         /* DD_LLMOBS_ENABLED */
    char *ml_app;         /* DD_LLMOBS_ML_APP, else service, else origin.h */
    enum llmobs_app app;  /* how it came to it */
    char *script;         /* LLMOBS_SCRIPT, else origin.h; NULL: unknown */
    char *run;            /* LLMOBS_RUN, else of the process (origin.h) */
    const char *language; /* of the program (origin.h); NULL: not known */
    bool run_store;       /* LLMOBS_RUN_STORE: to the local store, too */
    char *service;        /* DD_SERVICE; NULL: unset */
    char *env;            /* DD_ENV; NULL: unset */
    char *version;        /* DD_VERSION; NULL: unset */
    char **tags;          /* DD_TAGS as "key:value", NULL-terminated */
    char *git_url;        /* DD_GIT_REPOSITORY_URL; NULL: unset, or off */
    char *git_sha;        /* DD_GIT_COMMIT_SHA; NULL: as git_url */
    char *session_id;     /* LLMOBS_SESSION_ID; NULL: unset */
    char *proxy_urls;     /* DD_LLMOBS_INSTRUMENTED_PROXY_URLS; NULL: unset */
    char **never_urls;    /* agent and OTLP endpoints, NULL-terminated */
    char *rules_path;     /* LLMOBS_RULES; NULL: unset */
    char *observe;        /* LLMOBS_OBSERVE, whose other words the rules read */
    bool observe_vector;  /* LLMOBS_OBSERVE has "vector" */
    bool observe_search;  /* LLMOBS_OBSERVE has "search" */
    bool observe_key;     /* LLMOBS_OBSERVE has "key" */
    char *record_dir;     /* LLMOBS_RECORD; NULL: nothing is recorded */
    char *replay_url;     /* LLMOBS_REPLAY; NULL: no call is led to a mock */
    char *exclude;        /* LLMOBS_EXCLUDE; the shim obeys it. NULL: unset */
    char *exporter;       /* LLMOBS_EXPORTER; "auto" when unset */
    char *store_dir;      /* LLMOBS_STORE_DIR; NULL: the usual one */
    int64_t store_max;    /* LLMOBS_STORE_MAX, bytes */
    char *spool_dir;      /* LLMOBS_SPOOL_DIR; NULL: the usual one */
    int64_t spool_max;    /* LLMOBS_SPOOL_MAX, bytes; 0: no spool */
    int64_t capture_max;  /* LLMOBS_CAPTURE_MAX, bytes a body */
    int64_t buffer_max;   /* LLMOBS_BUFFER_MAX, bytes not yet delivered */
    int64_t event_max;    /* DD_LLMOBS_EVENT_SIZE_BYTES */
    int64_t exit_flush_ms;     /* LLMOBS_EXIT_FLUSH_MS; -1: the exporter's */
    int64_t grace_ms;          /* LLMOBS_GRACE_MS */
    int64_t flush_interval_ms; /* _DD_LLMOBS_WRITER_INTERVAL */
    double sample_rate;        /* DD_LLMOBS_SAMPLE_RATE, 0 to 1 */
    bool thread;               /* LLMOBS_THREAD is not off */
    bool relay;                /* LLMOBS_RELAY is not off */
    bool launched;             /* LLMOBS_LAUNCHED */
    char *log_path;            /* LLMOBS_LOG; NULL: no log */
    int log_level;             /* LLMOBS_LOG_LEVEL, enum llmobs_log_level */
    struct llmobs_carrier carrier; /* the trace context in the environment */
    int agentless;         /* DD_LLMOBS_AGENTLESS_ENABLED: 1, 0, or -1: unset */
    char *api_key;         /* DD_API_KEY, trimmed; NULL: unset. Never logged */
    char *site;            /* DD_SITE */
    char *agent_url;       /* resolved (WIRE 2.3): "http://host:port[/base]",
                            * "https://...", "unix:///path"; never NULL */
    bool agent_configured; /* by a variable, or its socket exists */
    enum llmobs_agent_named agent_named;
    int64_t agent_timeout_ms;  /* DD_TRACE_AGENT_TIMEOUT_SECONDS */
    char *override_origin;     /* DD_LLMOBS_OVERRIDE_ORIGIN; NULL: unset */
    char **extra_headers;      /* _DD_TRACE_WRITER_ADDITIONAL_HEADERS, each
                                * "Name: value", NULL-terminated, never NULL */
    char *external_env;        /* DD_EXTERNAL_ENV; NULL: unset */
    int64_t payload_max;       /* DD_LLMOBS_PAYLOAD_SIZE_BYTES */
    int64_t writer_timeout_ms; /* _DD_LLMOBS_WRITER_TIMEOUT */
    char *ca_file;             /* LLMOBS_CA_FILE, else SSL_CERT_FILE,
                                * CURL_CA_BUNDLE; NULL: libcurl's own */
    struct llmobs_styles inject_styles;  /* DD_TRACE_PROPAGATION_STYLE... */
    struct llmobs_styles extract_styles; /* as inject_styles, for reading */
    bool extract_first;          /* DD_TRACE_PROPAGATION_EXTRACT_FIRST */
    enum llmobs_extract extract; /* DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT */
    int64_t tags_header_max; /* DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH; 0: none */
    bool trace_id_128;       /* DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED */
    enum llmobs_inject_to inject; /* LLMOBS_INJECT */
    char *inject_hosts;           /* the hosts that LLMOBS_INJECT names */
    enum llmobs_trust trust;      /* LLMOBS_INBOUND_TRUST */
    int callsite;                 /* LLMOBS_CALLSITE */
    bool commands;                /* LLMOBS_COMMANDS */
    enum llmobs_tls_mode tls;     /* LLMOBS_TLS; the shim decides by itself */
    enum llmobs_tls_mode sockets; /* LLMOBS_SOCKETS; likewise */
    bool inbound;                 /* LLMOBS_INBOUND */
    char *entry;                  /* LLMOBS_ENTRY */
    enum llmobs_stitch stitch;    /* LLMOBS_STITCH */
    enum llmobs_tools tools;      /* LLMOBS_TOOLS */
    enum llmobs_request_tags request_tags; /* LLMOBS_REQUEST_TAGS */
    char *kept_tags; /* LLMOBS_CONTENT_TAGS; NULL: unset */
    char *hash_key;  /* LLMOBS_HASH_KEY; NULL: unset. Never logged */
    struct llmobs_privacy privacy;  /* LLMOBS_CONTENT and LLMOBS_REDACT */
    struct llmobs_otlp_config otlp; /* OTEL_... */
    int64_t pid;          /* the process whose events these are; 0: this one */
    int64_t uid;          /* of that process's real user; < 0: not known */
    char *executable;     /* that process's file; NULL: not known */
    char *machine;        /* that process's; NULL: not known */
    char *xdg_state_home; /* XDG_STATE_HOME, HOME: for the store */
    char *home;
    const char *base_dir; /* a tool's own: of store and spool; borrowed */

    char *kubernetes; /* KUBERNETES_SERVICE_HOST; NULL: in no pod */
    char *pod_name;   /* POD_NAME, as these two where that is set */
    char *pod_uid;
    char *pod_namespace;
};

/* One row of the table of variables. */
struct llmobs_config_variable {
    const char *name;
    const char *type;
    const char *fallback;
};

/* Goes to the next row of the table; from a row of zeroes, to the first. False
 * behind the last. */
bool llmobs_config_next(struct llmobs_config_variable *variable);

/* Gives a configuration read from `env` ("NAME=value", NULL at the end); NULL
 * only when memory runs out. */
struct llmobs_config *llmobs_config_load(const char *const *env,
                                         void (*complain)(void *ctx,
                                                          const char *text),
                                         void *ctx);
void llmobs_config_free(struct llmobs_config *config);

/* Gives the site of Datadog that a text names, or seems to mean ("eu"); NULL:
 * none. *known: it is that site. */
const char *llmobs_config_site(const char *site, bool *known);

/* True where a span names the frames of its caller. */
static inline bool llmobs_config_names_callers(
    const struct llmobs_config *config)
{
    return config->callsite > 0;
}

/* The text to which the user set a variable; NULL when unset. `env` is the
 * environment from which the configuration was loaded. *by_file: the text is
 * from the file. The caller borrows the text from `config` or `env`. */
const char *llmobs_config_value(const struct llmobs_config *config,
                                const char *const *env, const char *name,
                                bool *by_file);

/* Adds where events go, without a secret: "agent URL", "agentless URL with
 * DD_API_KEY ...cdef" (the last four characters of a key of 32), "otlp URL",
 * several with commas between them; "auto" where only the process finds out, ""
 * for the store alone. Gives the buffer's error. */
int llmobs_config_place(const struct llmobs_config *config,
                        struct llmobs_buf *out);

/* The path of the configuration file; NULL when none was read. */
const char *llmobs_config_file(const struct llmobs_config *config);

/* Its lines, each "NAME=value", also those with unknown names; the NULL ends
 * them. NULL when none was read. */
const char *const *llmobs_config_entries(const struct llmobs_config *config);

/* Gives the exporters that the list names, as bits. `unknown`, which may be
 * NULL, gets the first unknown name, borrowed from the list; without such a
 * name its length is 0. */
unsigned llmobs_exporters_named(const char *list, struct llmobs_text *unknown);

#endif
