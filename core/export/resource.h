/* resource - the Resource of OTLP, which is the service and the process that
 * made a span, and the requests whose records are grouped by it, all in one
 * scope.
 *
 * Owns:    nothing; an origin borrows from its event or configuration, which
 *          must not change meanwhile.
 * Threads: the thread that has the writer.
 * Errors:  kept in the writer.
 *
 * A span that another process left keeps that process's resource: the event
 * says which process. So spans are grouped by their origin.
 *
 * Sources: WIRE 9.6.
 */
#ifndef LLMOBS_OTLP_RESOURCE_H
#define LLMOBS_OTLP_RESOURCE_H

#include "core/config/config.h"
#include "core/export/writer.h"
#include "lib/text/json.h"

enum llmobs_origin_part {
    LLMOBS_ORIGIN_SERVICE,    /* OTEL_SERVICE_NAME */
    LLMOBS_ORIGIN_RESOURCE,   /* OTEL_RESOURCE_ATTRIBUTES */
    LLMOBS_ORIGIN_DD_SERVICE, /* DD_SERVICE */
    LLMOBS_ORIGIN_ENV,        /* DD_ENV */
    LLMOBS_ORIGIN_VERSION,    /* DD_VERSION */
    LLMOBS_ORIGIN_ML_APP,
    LLMOBS_ORIGIN_EXECUTABLE,
    LLMOBS_ORIGIN_HOST, /* name of the machine */
    LLMOBS_ORIGIN_PARTS
};

/* The values of which a resource is made. */
struct llmobs_otlp_origin {
    struct llmobs_text parts[LLMOBS_ORIGIN_PARTS]; /* empty: unknown */
    int64_t pid;                                   /* 0: unknown */
    bool unnamed; /* nobody has named the ml_app */
};

/* The origin of this process's events, by the configuration. */
void llmobs_otlp_origin_own(const struct llmobs_config *config,
                            struct llmobs_otlp_origin *origin);

/* Writes the member `resource`. `instance`: service.instance.id, for metrics;
 * empty: left out. */
void llmobs_otlp_resource(struct llmobs_otlp_writer *writer,
                          const struct llmobs_otlp_origin *origin,
                          struct llmobs_text instance);

/* The address of the conventions that the names come from; static. */
struct llmobs_text llmobs_otlp_schema_url(enum llmobs_semconv semconv);

/* The lists of a signal's requests, each within an item of the list before.
 */
struct llmobs_otlp_lists {
    struct llmobs_otlp_field resources, scopes, records;
};

/* _open begins an item of `resources`, with the resource and one scope, up to
 * the list of its records, which the caller writes; _close ends them all. */
void llmobs_otlp_open_records(struct llmobs_otlp_writer *writer,
                              const struct llmobs_otlp_lists *lists,
                              const struct llmobs_otlp_origin *origin,
                              struct llmobs_text instance);
void llmobs_otlp_close_records(struct llmobs_otlp_writer *writer,
                               enum llmobs_semconv semconv);

struct llmobs_otlp_batch {
    const struct llmobs_config *config;
    enum llmobs_signal signal;
    struct llmobs_otlp_lists lists;
    /* Whether the event has a record at all. */
    bool (*takes)(const struct llmobs_otlp_batch *batch,
                  const struct llmobs_json *event);
    /* Writes the items of the event into the list of records. */
    void (*write)(const struct llmobs_otlp_batch *batch,
                  struct llmobs_otlp_writer *writer,
                  const struct llmobs_json *event);
    bool content; /* set by the caller */
};

/* Appends a request with the events of one kind; `*left_out`: how many events
 * it lacks. -ENOMEM; -EINVAL: no event is of that kind; the writer's errors. On
 * error nothing is appended. */
int llmobs_otlp_batch_write(const struct llmobs_otlp_batch *batch,
                            const struct llmobs_text *events, size_t count,
                            struct llmobs_buf *out, size_t *left_out);

#endif
