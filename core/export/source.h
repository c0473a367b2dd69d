/* source - an event of a span, read as far as each part of its OTLP form needs
 * it: kind, operation, provider, model, error.
 *
 * Owns:    nothing; borrows from the event, which must not change meanwhile.
 * Threads: the thread that has the event.
 * Errors:  -EINVAL: the event is not a span, or its ids are not valid in OTLP.
 *
 * An event of an older version has no facts ("_call"): then the rest of the
 * event says as much as it can.
 *
 * Sources: WIRE 9.2 to 9.4.
 */
#ifndef LLMOBS_OTLP_SOURCE_H
#define LLMOBS_OTLP_SOURCE_H

#include "core/config/config.h"
#include "lib/span/id128.h"
#include "lib/span/span.h"
#include "lib/text/json.h"

/* The operations of the conventions, as bits: each has attributes of its own.
 */
enum llmobs_otlp_op {
    LLMOBS_OTLP_NO_OP = 1 << 0, /* no operation has the span's kind */
    LLMOBS_OTLP_INFERENCE = 1 << 1,
    LLMOBS_OTLP_EMBEDDINGS = 1 << 2,
    LLMOBS_OTLP_AGENT = 1 << 3,
    LLMOBS_OTLP_TOOL = 1 << 4,
    LLMOBS_OTLP_RETRIEVAL = 1 << 5,
    LLMOBS_OTLP_WORKFLOW = 1 << 6
};

struct llmobs_otlp_source {
    enum llmobs_semconv form;
    const struct llmobs_json *event;
    const struct llmobs_json *facts; /* these five may be NULL */
    const struct llmobs_json *meta;
    const struct llmobs_json *metadata;
    const struct llmobs_json *metrics;
    const struct llmobs_json *tags;
    struct llmobs_id128 trace_id;
    uint64_t span_id;
    const char *kind; /* LLM Observability's */
    const char *name; /* LLM Observability's */
    enum llmobs_otlp_op op;
    const char *operation; /* gen_ai.operation.name; NULL: no operation */
    const char *subject;   /* stands behind the operation in the span's name:
                            * model, agent, tool; or NULL */
    const char *model;     /* the requested model; NULL: unknown */
    const char *method;    /* MCP's method, with which the span's name begins,
                            * whatever the operation is; NULL: no call by MCP */
    bool failed;
    bool client; /* the span speaks to a server */
    const struct llmobs_json *fact[LLMOBS_FACTS]; /* NULL: unknown */
};

int llmobs_otlp_source_read(struct llmobs_otlp_source *source,
                            enum llmobs_semconv form,
                            const struct llmobs_json *event);

/* The text of a fact; NULL: unknown. */
const char *llmobs_otlp_source_fact(const struct llmobs_otlp_source *source,
                                    enum llmobs_fact fact);

/* gen_ai.provider.name; never NULL. */
const char *llmobs_otlp_source_provider(
    const struct llmobs_otlp_source *source);

/* error.type of a failed span, never a sentence; never NULL. */
const char *llmobs_otlp_source_error(const struct llmobs_otlp_source *source);

/* A decimal number of 64 bits; 0: the text is not such a number. */
uint64_t llmobs_otlp_source_id(const char *text);

/* A trace's id, in hex or decimal; false: the text is not such an id. */
bool llmobs_otlp_source_trace(const char *text, struct llmobs_id128 *id);

#endif
