/* attributes - the attributes of a span: operation, models, settings, usage,
 * server, session, tags, and around its content.
 *
 * Owns:    nothing.
 * Threads: the thread that has the writer.
 * Errors:  kept in the writer.
 *
 * An attribute has the name and the type that the span's form gives it; other
 * names begin with "llmobs.". A value that is unknown has no attribute.
 *
 * Sources: WIRE 9.3 and 9.4.
 */
#ifndef LLMOBS_OTLP_ATTRIBUTES_H
#define LLMOBS_OTLP_ATTRIBUTES_H

#include "core/export/source.h"
#include "core/export/writer.h"

/* Writes all attributes; those of the conventions come first, then the content,
 * if it is wanted, so that they stay where the number of attributes is limited.
 * Without content, metadata keeps only what it keeps where content is off.
 */
void llmobs_otlp_put_attributes(const struct llmobs_otlp_source *source,
                                bool content,
                                struct llmobs_otlp_attributes *out);

#endif
