/* context - identity and parentage of spans.
 *
 * Owns:    nothing; a context is a plain value.
 * Threads: any; the random state is one atomic word.
 * Errors:  none.
 * Limits:  names longer than the arrays are cut at a character.
 * Fork:    the random state is seeded anew in a child.
 */
#ifndef LLMOBS_CONTEXT_H
#define LLMOBS_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/span/id128.h"

#define LLMOBS_ML_APP_LEN 193

struct llmobs_context {
    struct llmobs_id128 trace_id;     /* LLM Observability trace */
    struct llmobs_id128 apm_trace_id; /* the same for a trace of ours */
    uint64_t span_id;                 /* never 0 */
    uint64_t parent_id;               /* 0: a root, written "undefined" */
    uint64_t apm_parent_id;           /* span of the carrier; 0: none */
    char sample_rate[12];             /* "" when a remote parent sent none */
    char sampled[2];                  /* "1", "0" or "" likewise */
    char ml_app[LLMOBS_ML_APP_LEN * 4 + 1];
    char session_id[128];  /* "" when there is none */
    char pagent_name[128]; /* agent attribution; "" when there is none */
    uint64_t pagent_span_id;
    /* Carried for others only, so that a child's carrier says it again. */
    int priority;      /* sampling priority of the APM trace */
    char dm[16];       /* its decision maker; "" when there is none */
    char origin[32];   /* likewise */
    char vendors[400]; /* other vendors' tracestate members */
};

/* The carriers of one place (environment or headers); NULL where absent.
 * Borrowed texts, ended by NUL. */
struct llmobs_carrier {
    const char *traceparent;
    const char *tracestate;
    const char *x_datadog_trace_id;
    const char *x_datadog_parent_id;
    const char *x_datadog_tags;
    const char *x_datadog_sampling_priority;
    const char *x_datadog_origin;
    const char *baggage;
    const char *b3;
    const char *x_b3_traceid;
    const char *x_b3_spanid;
    const char *x_b3_sampled;
    const char *x_b3_flags;
    bool process;  /* given by the process's starter, not by a network peer:
                    * W3C is read whatever the styles are */
    bool stranger; /* of a public network, as far as is known */
};

/* A random 64-bit number, never 0. */
uint64_t llmobs_context_random(void);

/* A new trace id: its first four bytes are the seconds since 1970, so that ids
 * sort by age (WIRE 1.3). */
struct llmobs_id128 llmobs_context_trace_id(void);

/* Fills `child` as a child of `parent`: new span id, all else inherited. */
void llmobs_context_child(struct llmobs_context *child,
                          const struct llmobs_context *parent);

/* Gives a context ids of its own where it is a copy: a new span id, and a new
 * trace id of LLM Observability where it has no parent there. */
void llmobs_context_sibling(struct llmobs_context *context);

/* Decides and notes whether the trace is sampled, by its APM id (WIRE
 * 1.3). */
void llmobs_context_sample(struct llmobs_context *context, double rate);

/* Copies text to out, cut at a character where it does not fit. */
void llmobs_context_text(char *out, size_t cap, struct llmobs_text text);

/* The name as the documented rules allow us to send it: ',' becomes '_', cut
 * at 193 characters. True when the name follows all documented rules
 * (WIRE 3.3); the caller logs a false once. */
bool llmobs_ml_app_normal(const char *name,
                          char out[LLMOBS_ML_APP_LEN * 4 + 1]);

#endif
