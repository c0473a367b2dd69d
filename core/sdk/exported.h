/* exported - the traces of spans whose ids the program got by
 * llmobs_export_span, for evaluations of them: an evaluation names the trace of
 * LLM Observability, and OTLP's logs need the trace of the traceparent.
 *
 * Owns:    nothing.
 * Threads: any; no lock. A place that another thread uses is skipped.
 * Errors:  none: a trace may not be found.
 * Limits:  LLMOBS_EXPORTED_MAX spans whose two traces differ; a later one may
 *          replace an earlier one.
 * Fork:    a child inherits them.
 */
#ifndef LLMOBS_EXPORTED_H
#define LLMOBS_EXPORTED_H

#include "lib/span/context.h"

#define LLMOBS_EXPORTED_MAX 64

/* Adds the trace of a span whose two traces differ. */
void llmobs_exported_add(const struct llmobs_context *context);

/* The APM trace of a span; false: it is unknown, or equals LLM Observability's.
 */
bool llmobs_exported_trace(uint64_t span_id, struct llmobs_id128 *trace);

#endif
