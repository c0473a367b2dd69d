/* config_otlp - where telemetry goes by OTLP, and in which form: the variables
 * of OpenTelemetry that this library obeys.
 *
 * Owns:    part of a llmobs_config, which owns its strings.
 * Threads: any: it is constant after load.
 *
 * Sources: WIRE 9.
 */
#ifndef LLMOBS_CONFIG_OTLP_H
#define LLMOBS_CONFIG_OTLP_H

#include <stdbool.h>
#include <stdint.h>

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
    LLMOBS_SEMCONV_1_37 /* only a value of the variable: settled as 1.41, which
                         * has all of 1.37's names */
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
    bool misplaced;     /* off, as a variable's endpoint is no URL */
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
    char *resource; /* OTEL_RESOURCE_ATTRIBUTES as given (otel_list.h reads it);
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

#endif
