/* content - the texts of a span, under the names that its operation has for
 * them: messages, tools, queries, documents, variables of a prompt.
 *
 * Owns:    nothing.
 * Threads: the one that has the writer.
 * Errors:  kept in the writer.
 *
 * Only called where the user asked for content; the event is filtered already.
 *
 * Sources: WIRE 9.5.
 */
#ifndef LLMOBS_OTLP_CONTENT_H
#define LLMOBS_OTLP_CONTENT_H

#include "core/otlp/source.h"
#include "core/otlp/writer.h"

void llmobs_otlp_put_content(const struct llmobs_otlp_source *source,
                             struct llmobs_otlp_attributes *out);

#endif
