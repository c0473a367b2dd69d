/* messages - the content of a span as documents of JSON: messages, system
 * instructions, tools, documents, in the schemas of the conventions.
 *
 * Owns:    nothing.
 * Threads: the thread that has the writer.
 * Errors:  kept in the writer.
 * Limits:  where texts of attributes have a limit, the texts inside a document
 *          are cut, at a character, until the document fits; its structure
 *          stays complete, even if it alone is longer.
 *
 * Each document is one attribute, a text: several receivers read only texts.
 *
 * Sources: WIRE 9.5.
 */
#ifndef LLMOBS_OTLP_MESSAGES_H
#define LLMOBS_OTLP_MESSAGES_H

#include "core/export/source.h"
#include "core/export/writer.h"

/* gen_ai.system_instructions, gen_ai.input.messages and gen_ai.output.messages,
 * as far as the event has them. */
void llmobs_otlp_put_messages(const struct llmobs_otlp_source *source,
                              struct llmobs_otlp_attributes *out);

/* Writes a text as a message with one part. */
void llmobs_otlp_put_message(const struct llmobs_otlp_source *source,
                             struct llmobs_otlp_attributes *out, bool output,
                             const char *text);

/* gen_ai.tool.definitions. */
void llmobs_otlp_put_tools(struct llmobs_otlp_attributes *out,
                           const struct llmobs_json *tools);

/* gen_ai.retrieval.documents. False: the documents lack members that the form
 * asks for, and nothing was written. */
bool llmobs_otlp_put_retrieved(const struct llmobs_otlp_source *source,
                               struct llmobs_otlp_attributes *out,
                               const struct llmobs_json *documents);

/* Any value as the text of its JSON. */
void llmobs_otlp_put_document(struct llmobs_otlp_attributes *out,
                              const char *key, const struct llmobs_json *value);

/* Writes a text; if it is a JSON object, as a document. */
void llmobs_otlp_put_text_or_object(struct llmobs_otlp_attributes *out,
                                    const char *key, const char *text);

#endif
