/* documents - what a retrieval found: texts with name, id and score.
 *
 * Owns:    nothing; the span owns the list.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  LLMOBS_DOCUMENTS_MAX documents of a list and LLMOBS_DOCUMENT_MAX
 *          bytes of one's text, name or id; the rest is left out.
 *
 * Source:  WIRE 1.5. A document of Datadog's SDK has these four members; name
 *          and id are texts, the score is a number.
 */
#ifndef LLMOBS_DOCUMENTS_H
#define LLMOBS_DOCUMENTS_H

#include "rules/read/reading.h"

#define LLMOBS_DOCUMENTS_MAX 1000
#define LLMOBS_DOCUMENT_MAX ((size_t)64 * 1024)

/* A document; a NULL member is left out, but a document always has a text. All
 * members are borrowed. */
struct llmobs_found {
    const struct llmobs_json *text;  /* a text, or an object with the text */
    const struct llmobs_json *name;  /* a text */
    const struct llmobs_json *id;    /* a text or a number */
    const struct llmobs_json *score; /* a number; of another type: left out */
};

/* Adds a document to the span's output. An object's text is the first of its
 * members "text", "content", "page_content", "document", "chunk" and
 * "chunk_text" that is a text; else the object as JSON text. */
int llmobs_documents_add(struct llmobs_span *span,
                         const struct llmobs_found *found);

/* Makes the output's list, which may stay empty: nothing was found. */
int llmobs_documents_begin(struct llmobs_span *span);

/* Begins the output's list and calls `add` for each element of `list`, for at
 * most as many as an output can have. Does nothing if `list` is no array. */
int llmobs_documents_each(struct llmobs_reading *reading,
                          const struct llmobs_json *list,
                          int (*add)(struct llmobs_reading *reading,
                                     const struct llmobs_json *one));

#endif
