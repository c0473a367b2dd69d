#include "rules/facts.h"

#include <string.h>

#include "rules/providers.h"

/* The provider whose API the program speaks to: a known host decides, then the
 * user's rule, then the form of the bodies. */
static const char *provider_of(const struct llmobs_rule *rule,
                               const struct llmobs_classified *classified)
{
    const struct llmobs_provider *host = llmobs_provider_find(classified->url);
    const struct llmobs_dialect *dialect = rule->dialect;
    const char *name = classified->provider;

    if (host && (!name || strcmp(name, host->name) == 0))
        return *host->genai ? host->genai : host->name;
    if (name)
        return llmobs_provider_genai(name);
    return dialect->genai ? dialect->genai : dialect->integration;
}

/* Gives OpenTelemetry's name of the operation. A shape may have a name of its
 * own, which fits only the shape's kind of span: a dialect may find that a
 * request is of another kind. */
static const char *operation_of(const struct llmobs_shape *shape,
                                enum llmobs_kind kind)
{
    static const char *const words[] = {
        [LLMOBS_KIND_LLM] = "chat",
        [LLMOBS_KIND_EMBEDDING] = "embeddings",
        [LLMOBS_KIND_TOOL] = "execute_tool",
        [LLMOBS_KIND_RETRIEVAL] = "retrieval",
        [LLMOBS_KIND_TASK] = NULL,
    };

    if (*shape->genai)
        return kind == shape->kind ? shape->genai : NULL;
    return words[shape->kind];
}

void llmobs_rules_facts(const struct llmobs_rule *rule,
                        const struct llmobs_classified *classified,
                        struct llmobs_span *span)
{
    const struct llmobs_url *url = classified->url;
    const char *operation;

    if (url->host_len > 0) {
        llmobs_span_fact_word(&span->facts, LLMOBS_FACT_HOST, url->host);
        llmobs_span_fact_int(&span->facts, LLMOBS_FACT_PORT, url->port);
    }
    operation = operation_of(classified->shape, span->kind);
    /* An agent or a workflow behind an API has a provider, although its kind
     * names its operation. */
    if (classified->proxied || (!operation && span->kind != LLMOBS_KIND_AGENT &&
                                span->kind != LLMOBS_KIND_WORKFLOW))
        return;
    llmobs_span_fact_word(&span->facts, LLMOBS_FACT_PROVIDER,
                          provider_of(rule, classified));
    if (span->kind == LLMOBS_KIND_WORKFLOW || !operation)
        return;
    llmobs_span_fact_word(&span->facts, LLMOBS_FACT_OPERATION, operation);
    llmobs_span_fact_word(&span->facts, LLMOBS_FACT_API_TYPE,
                          rule->dialect->api);
}
