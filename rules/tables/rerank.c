/* Rerankers of Cohere, Jina, Voyage, vLLM, llama.cpp, text-embeddings-inference
 * and others of their form (WIRE 6.13). Code (rules/read/rerank.h), since an
 * answer names texts of the request by their numbers. */
#include "rules/read/rerank.h"

static const struct llmobs_form form = {
    .keys = llmobs_rerank_keys,
    .signs = llmobs_rerank_signs,
    .confirm = llmobs_rerank_asks,
    .request = llmobs_rerank_request,
    .document = llmobs_rerank_document,
    .ends = llmobs_rerank_ends,
    .lists = true,
};

static const struct llmobs_shape shapes[] = {
    LLMOBS_POST(RETRIEVAL, "/rerank", "rerank", "%p.rerank", .any_host = true),
    LLMOBS_POST(RETRIEVAL, "/reranking", "rerank", "%p.rerank",
                .any_host = true),
    /* DashScope. */
    LLMOBS_POST(RETRIEVAL, "/reranks", "rerank", "%p.rerank", .any_host = true),
};

LLMOBS_DIALECT(rerank, .integration = "rerank", .genai = "_OTHER",
               .sent_media = LLMOBS_MEDIA_TOLD, LLMOBS_SHAPES(shapes),
               .form = &form);
