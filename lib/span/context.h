/* context - the ids of a span and of its parents.
 *
 * Owns:    nothing; a context is a plain value.
 * Threads: any; the random state is one atomic word.
 * Limits:  names longer than the arrays are cut at a character.
 * Fork:    a child seeds the random state anew.
 */
#ifndef LLMOBS_CONTEXT_H
#define LLMOBS_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/span/id128.h"

#define LLMOBS_ML_APP_LEN 193
#define LLMOBS_PAGE_LEN 256

/* How a process came to its ml_app. */
enum llmobs_app {
    LLMOBS_APP_NAMED,  /* somebody has named it */
    LLMOBS_APP_FOUND,  /* after its unit or pool (core/config/origin.h) */
    LLMOBS_APP_GUESSED /* after its script or program, or it has none: the name
                        * does not travel, as a gateway's own says more */
};

struct llmobs_context {
    struct llmobs_id128 trace_id;     /* LLM Observability trace */
    struct llmobs_id128 apm_trace_id; /* in APM, if the trace began here */
    uint64_t span_id;                 /* of this span; never 0 */
    uint64_t parent_id;               /* 0: a root, written "undefined" */
    uint64_t apm_parent_id;           /* the carrier's span; 0: no carrier */
    bool remote;                      /* the parent is in another process */
    char sample_rate[12];             /* "" when a remote parent sent none */
    char sampled[2];                  /* "1", "0" or "", as above */
    char ml_app[LLMOBS_ML_APP_LEN * 4 + 1];
    enum llmobs_app app;
    char session_id[128];  /* "" when there is none */
    char pagent_name[128]; /* agent attribution; "" when there is none */
    uint64_t pagent_span_id;
    /* The members of baggage that name the experiment which calls the program,
     * as they came, with ',' between; "" outside of one. */
    char experiment[1024];
    char page[LLMOBS_PAGE_LEN]; /* "GET /shop/cart", of the request that the
                                 * process serves; "" when not known */
    bool unsampled; /* OTEL_TRACES_SAMPLER keeps the trace from OTLP */
    /* Only for a child's carrier; the library does not read these: */
    int priority;      /* sampling priority of the APM trace */
    char dm[16];       /* its decision maker; "" when not known */
    char origin[32];   /* its origin; "" when not known */
    char vendors[400]; /* other vendors' tracestate members */
};

/* The carriers in an environment or in headers, borrowed; NULL: not there. */
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
    const char *method; /* of the request that is served */
    const char *target; /* its path, in any form of a request line */
    bool process;  /* from the parent process, not from a network peer: W3C's
                    * are read whatever the configured styles are */
    bool stranger; /* from a public network, as far as is known */
    bool untraced; /* a request's that has no context, as was found out */
};

/* A random 64-bit number, never 0. */
uint64_t llmobs_context_random(void);

/* A new trace id: its first four bytes are the seconds since 1970, so that ids
 * sort by age (WIRE 1.3). */
struct llmobs_id128 llmobs_context_trace_id(void);

/* Fills `child` as a child of `parent`: with a new span id, the rest
 * inherited. */
void llmobs_context_child(struct llmobs_context *child,
                          const struct llmobs_context *parent);

/* Turns a copy of a context into another span: gives it a new span id, and a
 * new trace id of LLM Observability where it has no parent there. */
void llmobs_context_sibling(struct llmobs_context *context);

/* Decides by the APM trace id whether the trace is sampled, and sets the result
 * in the context (WIRE 1.3). */
void llmobs_context_sample(struct llmobs_context *context, double rate);

/* Copies text to out, cut at a character where it does not fit. */
void llmobs_context_text(char *out, size_t cap, struct llmobs_text text);

/* Writes the name in the form that may be sent: ',' becomes '_', and the name
 * is cut at 193 characters. False when the name breaks a documented rule (WIRE
 * 3.3); the caller logs that once. */
bool llmobs_ml_app_normal(const char *name,
                          char out[LLMOBS_ML_APP_LEN * 4 + 1]);

#endif
