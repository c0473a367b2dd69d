/* InvokeModel of Bedrock's rerankers (WIRE 6.13). */
#include "rules/vendors/bedrock.h"
#include "rules/read/rerank.h"

static const struct llmobs_form form = {
    .keys = llmobs_rerank_keys,
    .signs = llmobs_rerank_signs,
    .confirm = llmobs_rerank_asks,
    .begin = llmobs_bedrock_begin,
    .request = llmobs_rerank_request,
    .document = llmobs_rerank_document,
    .ends = llmobs_rerank_ends,
};

static const struct llmobs_shape shapes[] = {
    LLMOBS_POST(RETRIEVAL, "/model/**/invoke", "rerank",
                "bedrock-runtime.command", .holds = "rerank", .any_host = true,
                .telling = true),
};

LLMOBS_DIALECT(bedrock_rerank, .integration = "bedrock", .genai = "aws.bedrock",
               LLMOBS_SHAPES(shapes), .form = &form);
