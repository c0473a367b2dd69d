/* propagate - the values of trace headers and carriers, as text.
 *
 * Owns:    nothing; writes into the caller's memory.
 * Threads: any; no state, no allocation.
 * Errors:  a value that does not fit is not written: its length is then 0.
 * Limits:  as named below; a member of a list that cannot be encoded or does
 *          not fit is left out, the rest stays (WIRE 5.1, 5.2).
 */
#ifndef LLMOBS_PROPAGATE_H
#define LLMOBS_PROPAGATE_H

#include "lib/span/context.h"

#define LLMOBS_TRACEPARENT_LEN 55
#define LLMOBS_TRACESTATE_LEN 512
#define LLMOBS_TAGS_LEN 2048 /* longer than all members together */

/* The sender of a request. Its two ids are equal where the request has a span
 * of the library; they differ where it continues the app's own trace, or passes
 * a context on. */
struct llmobs_sender {
    const struct llmobs_context *context;
    uint64_t apm_span_id; /* the parent in the APM trace */
    uint64_t parent_id;   /* the parent in LLM Observability; 0: no parent */
};

/* Makes the sender that is the context's own span. */
struct llmobs_sender llmobs_propagate_span(
    const struct llmobs_context *context);

/* Each function writes at most `cap` bytes with a NUL, and gives the length. */
size_t llmobs_propagate_traceparent(const struct llmobs_sender *sender,
                                    char *out, size_t cap);
size_t llmobs_propagate_tracestate(const struct llmobs_sender *sender,
                                   char *out, size_t cap);

/* The members of x-datadog-tags; at most `max` bytes. `llm_only`: only those
 * of LLM Observability, as the app sends its own ids. */
size_t llmobs_propagate_tags(const struct llmobs_sender *sender, bool llm_only,
                             size_t max, char *out, size_t cap);

/* "trace-span-sampled". */
size_t llmobs_propagate_b3(const struct llmobs_sender *sender, char *out,
                           size_t cap);

/* Writes a number as text, with a NUL behind it. */
size_t llmobs_propagate_hex64(uint64_t number, char out[17]);
size_t llmobs_propagate_int(int number, char out[12]);
/* A trace id as b3 writes it: 16 digits when the upper half is 0. */
size_t llmobs_propagate_b3_trace(struct llmobs_id128 id, char out[33]);

/* Writes TRACEPARENT and TRACESTATE values for children of this span; each
 * NUL-terminated, at most `cap` bytes, -ENOSPC beyond. */
int llmobs_context_traceparent(const struct llmobs_context *context, char *out,
                               size_t cap);
int llmobs_context_tracestate(const struct llmobs_context *context, char *out,
                              size_t cap);

#endif
