/* value - any value of JSON as an AnyValue of OTLP, lists and maps included.
 *
 * Owns:    nothing.
 * Threads: the thread that has the writer.
 * Errors:  kept in the writer.
 * Limits:  a container that lies too deep for the writer becomes the text of
 *          its JSON.
 */
#ifndef LLMOBS_OTLP_VALUE_H
#define LLMOBS_OTLP_VALUE_H

#include "core/export/writer.h"
#include "lib/text/json.h"

/* Writes a value; the field is an AnyValue's. */
void llmobs_otlp_value(struct llmobs_otlp_writer *writer,
                       struct llmobs_otlp_field field,
                       const struct llmobs_json *value);

/* As llmobs_otlp_value, for an AnyValue in JSON that the writer made before. */
void llmobs_otlp_value_again(struct llmobs_otlp_writer *writer,
                             struct llmobs_otlp_field field,
                             const struct llmobs_json *any);

#endif
