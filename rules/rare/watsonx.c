/* Hooks of watsonx.api. */
#include "rules/read/cut_json.h"
#include "rules/read/embedding.h"
#include "rules/read/facts.h"
#include "rules/read/hooks.h"
#include "rules/read/request.h"
#include "rules/read/rerank.h"
#include "rules/read/usage.h"

/* The name of a deployment stands in the path. */
static bool names_model(const struct llmobs_reading *reading)
{
    return llmobs_json_gets(reading->request, "model_id") ||
           llmobs_request_deployment(reading->classified->url).len > 0;
}

bool llmobs_watsonx_chats(const struct llmobs_reading *reading)
{
    return names_model(reading) && llmobs_reading_has(reading, "messages");
}

int llmobs_watsonx_begin(struct llmobs_reading *reading)
{
    llmobs_fact_asked(reading, llmobs_json_gets(reading->request, "model_id"));
    return 0;
}

int llmobs_watsonx_name_model(struct llmobs_reading *reading)
{
    return llmobs_reading_model(reading,
                                llmobs_json_gets(reading->request, "model_id"));
}

/* Rerankers count their input alone. */
static int note_input(struct llmobs_span *span, int64_t tokens)
{
    llmobs_span_metric(span, "input_tokens", tokens);
    return llmobs_embedding_total(span);
}

bool llmobs_watsonx_reranks(const struct llmobs_reading *reading)
{
    return names_model(reading) && llmobs_reading_has(reading, "inputs") &&
           llmobs_reading_has(reading, "query");
}

int llmobs_watsonx_read_ranks(struct llmobs_reading *reading,
                              const struct llmobs_json *body)
{
    const char *model = llmobs_json_gets(body, "model_id");
    int rc = llmobs_reading_model(reading, model);

    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_RESPONSE_MODEL, model);
    if (rc == 0)
        rc = note_input(reading->span,
                        llmobs_usage_count(body, "input_token_count"));
    return rc < 0 ? rc : llmobs_rerank_document(reading, body);
}

int llmobs_watsonx_rank_ends(struct llmobs_reading *reading)
{
    struct llmobs_json *count = llmobs_cut_json_last(
        reading->classified->call->response_tail, "input_token_count");
    int rc = note_input(reading->span, llmobs_usage_value(count));

    llmobs_json_free(count);
    return rc < 0 ? rc : llmobs_rerank_ends(reading);
}
