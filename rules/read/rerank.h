/* rerank - calls that order documents by a query: the common part of all APIs
 * with Cohere's form, which most have.
 *
 * Owns:    nothing; the span owns all that is set.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  those of documents.h and values.h.
 *
 * Source:  docs.cohere.com/reference/rerank, api.jina.ai/docs (Rerank),
 *          docs.voyageai.com/reference/reranker-api, llama.cpp's
 *          tools/server/README.md, the API of text-embeddings-inference
 *          (docs/openapi.json), Bedrock's "Cohere Rerank" parameters,
 *          DashScope's "Text rerank" (its own path, and /reranks).
 */
#ifndef LLMOBS_RERANK_H
#define LLMOBS_RERANK_H

#include "rules/read/reading.h"

/* How an API's calls differ from Cohere's: form->variant, where NULL means that
 * they do not differ. A NULL member means that no object lies between. */
struct llmobs_rerank {
    const char *asks;     /* member of the request with query and documents */
    const char *settings; /* member of the request with the settings */
    const char *keys;     /* keys of the settings that are kept as metadata */
    const char *answers;  /* member of the answer with the results */
    /* Words, of which the request has one; NULL: "query", and "documents",
     * "texts" or "inputs". */
    const char *query, *documents;
};

/* The keys of a request that become metadata. */
extern const char llmobs_rerank_keys[];

/* Names, one of which such a request has (form->signs). */
extern const char llmobs_rerank_signs[];

/* form->confirm: the request has a query, and documents or texts. */
bool llmobs_rerank_asks(const struct llmobs_reading *reading);

/* Functions for a form, which has `lists` if an answer may be a list. A
 * document of the output is the request's document with that index; its id is
 * its own id, else the index. Words stand for a picture or a sound. */
int llmobs_rerank_request(struct llmobs_reading *reading);
int llmobs_rerank_document(struct llmobs_reading *reading,
                           const struct llmobs_json *body);
int llmobs_rerank_ends(struct llmobs_reading *reading);

#endif
