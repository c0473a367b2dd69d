/* InvokeModel of Bedrock's rerankers (WIRE 6.13). */
#include "rules/vendors/bedrock.h"
#include "rules/read/rerank.h"

const struct llmobs_form llmobs_form_bedrock_rerank = {
    .keys = llmobs_rerank_keys,
    .signs = llmobs_rerank_signs,
    .confirm = llmobs_rerank_asks,
    .begin = llmobs_bedrock_begin,
    .request = llmobs_rerank_request,
    .document = llmobs_rerank_document,
    .ends = llmobs_rerank_ends,
};
