/* document - a document of JSON that an attribute holds as its text, written
 * straight into the request.
 *
 * Owns:    nothing.
 * Threads: the thread that has the writer.
 * Errors:  kept in the writer.
 * Limits:  see messages.h; strings of a value that lies LLMOBS_DOCUMENT_DEPTH
 *          deep are not cut.
 *
 * Sources: WIRE 9.5.
 */
#ifndef LLMOBS_OTLP_DOCUMENT_H
#define LLMOBS_OTLP_DOCUMENT_H

#include "core/export/writer.h"

#define LLMOBS_DOCUMENT_DEPTH 64

struct llmobs_document {
    struct llmobs_otlp_writer *writer;
    size_t limit;   /* bytes of each text in it; 0: no limit */
    size_t longest; /* if limited: of the longest text so far */
    size_t len;     /* if limited: the document's bytes so far */
};

/* Writes the attribute. `write` writes the document, and is called again with a
 * lower limit if the document does not fit: then only the last attempt counts.
 */
void llmobs_document_put(struct llmobs_otlp_attributes *out, const char *key,
                         void (*write)(struct llmobs_document *document,
                                       const void *ctx),
                         const void *ctx);

/* Pieces: JSON as it is; a string that stays whole; a text that may be cut; a
 * value, in which each string may be cut. */
void llmobs_document_raw(struct llmobs_document *document, const char *json);
void llmobs_document_string(struct llmobs_document *document, const char *text);
void llmobs_document_text(struct llmobs_document *document, const char *text);
void llmobs_document_value(struct llmobs_document *document,
                           const struct llmobs_json *value);

/* Writes the object or array that the text is; false: it is neither, and
 * nothing was written. */
bool llmobs_document_container(struct llmobs_document *document,
                               const char *text);

#endif
