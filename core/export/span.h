/* span - one event as one Span of OTLP, in the names of the conventions'
 * release that the user chose.
 *
 * Owns:    nothing.
 * Threads: the thread that has the writer.
 * Errors:  kept in the writer.
 * Limits:  config->otlp: bytes of a text, attributes of a span.
 *
 * Sources: WIRE 9.2 to 9.5.
 */
#ifndef LLMOBS_OTLP_SPAN_H
#define LLMOBS_OTLP_SPAN_H

#include "core/config/config.h"
#include "core/export/writer.h"
#include "lib/span/id128.h"
#include "lib/text/json.h"

/* Whether the event is a span with ids that a receiver accepts: for one bad id
 * some receivers refuse a whole request. */
bool llmobs_otlp_is_span(const struct llmobs_json *event);

/* Writes the fields of the event's span into the open message. `content`: with
 * the texts that went to the model and came from it. */
void llmobs_otlp_span(struct llmobs_otlp_writer *writer,
                      const struct llmobs_config *config, bool content,
                      const struct llmobs_json *event);

/* Write fields that are ids, as bytes. */
void llmobs_otlp_put_trace_id(struct llmobs_otlp_writer *writer,
                              struct llmobs_otlp_field field,
                              struct llmobs_id128 id);
void llmobs_otlp_put_span_id(struct llmobs_otlp_writer *writer,
                             struct llmobs_otlp_field field, uint64_t id);

#endif
