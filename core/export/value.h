/* value - any value of JSON as an AnyValue of OTLP: lists and maps of them.
 *
 * Owns:    nothing.
 * Threads: the one that has the writer.
 * Errors:  kept in the writer.
 * Limits:  a container that lies too deep for the writer is the text of its
 *          JSON.
 */
#ifndef LLMOBS_OTLP_VALUE_H
#define LLMOBS_OTLP_VALUE_H

#include "core/export/writer.h"
#include "lib/text/json.h"

/* The field is that of an AnyValue. */
void llmobs_otlp_value(struct llmobs_otlp_writer *writer,
                       struct llmobs_otlp_field field,
                       const struct llmobs_json *value);

/* The same of an AnyValue in its JSON form, which the writer made before. */
void llmobs_otlp_value_again(struct llmobs_otlp_writer *writer,
                             struct llmobs_otlp_field field,
                             const struct llmobs_json *any);

#endif
