/* sources - the pages and files on which an answer is grounded, as
 * metadata.sources: a list of {url, title, id}, in the order of their first
 * use, each once. The cited text is in no source: it is in the answer, or in
 * the request. The list is content, as all lists of the metadata are
 * (lib/span/content_filter.h).
 *
 * Owns:    nothing.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  LLMOBS_SOURCES_MAX sources; more are left out. Texts are cut at
 *          LLMOBS_SOURCE_TEXT_MAX bytes. Of a URL that has a parameter with
 *          the name of a secret the whole query goes.
 */
#ifndef LLMOBS_SOURCES_H
#define LLMOBS_SOURCES_H

#include "rules/read/reading.h"

#define LLMOBS_SOURCES_MAX 32
#define LLMOBS_SOURCE_TEXT_MAX 2048

/* The forms in which providers write sources. */
enum llmobs_sources {
    LLMOBS_SOURCES_NONE,
    LLMOBS_SOURCES_OPENAI, /* of chats, items of the Responses API;
                            * Perplexity's, Azure's */
    LLMOBS_SOURCES_ANTHROPIC,
    LLMOBS_SOURCES_GEMINI,
    LLMOBS_SOURCES_CONVERSE,
    LLMOBS_SOURCES_COHERE,
    LLMOBS_SOURCES_MISTRAL /* of conversations */
};

/* Adds the sources that a whole answer has in this form; nothing where it has
 * none. _event: those of an event of a stream; an event that is like an earlier
 * one without sources has none, and costs no look. */
int llmobs_sources_read(struct llmobs_span *span,
                        const struct llmobs_json *body,
                        enum llmobs_sources form);

int llmobs_sources_event(struct llmobs_reading *reading,
                         const struct llmobs_event *event,
                         enum llmobs_sources form);

#endif
