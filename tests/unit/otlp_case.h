/* otlp_case - events as spans of OTLP, for the unit tests: written in both of
 * OTLP's forms, read back from JSON.
 *
 * Threads: one.
 */
#ifndef OTLP_CASE_H
#define OTLP_CASE_H

#include "core/export/otlp_traces.h"
#include "core/export/writer.h"

/* The settings; all zero at first. */
extern struct llmobs_config otlp_case_config;

/* An event of the member "_call", of what stands behind the kind in meta, and
 * of the rest. */
#define OTLP_TRACE "6b024b8700000000a6f1202ef6caabd8"
#define OTLP_EVENT(kind, name, facts, meta, rest)                              \
    "{\"_call\": {" facts "}, \"_dd\": {\"apm_trace_id\": \"" OTLP_TRACE       \
    "\"}, \"duration\": 5, \"meta\": {\"span\": {\"kind\": \"" kind "\"}" meta \
    "}, \"name\": \"" name                                                     \
    "\", \"parent_id\": \"undefined\", \"span_id\": \"255\", "                 \
    "\"start_ns\": 1000, \"trace_id\": \"" OTLP_TRACE "\"" rest "}"

/* Writes the span of an event, of which the others tell. */
void otlp_case_write(const char *event, enum llmobs_semconv form, bool content);

const struct llmobs_json *otlp_case_span(void);

/* All attributes, as an object. */
void otlp_case_attributes(const char *expected);

/* One attribute; NULL: it is not there. A text is given as it is, another value
 * as JSON. */
void otlp_case_attribute(const char *name, const char *expected);

/* One that is a document, up to its blanks. */
void otlp_case_document(const char *name, const char *expected);

/* A text of the span; NULL: it is not there. */
void otlp_case_field(const char *name, const char *expected);

#endif
