/* Reads an event once for all parts of its OTLP form. */
#include "core/export/source.h"

#include <errno.h>
#include <string.h>

#include "core/event/facts.h"
#include "lib/span/content_filter.h"

/* -- ids ----------------------------------------------------------------- */

uint64_t llmobs_otlp_source_id(const char *text)
{
    uint64_t id;

    return text && llmobs_id128_parse_decimal64(llmobs_text_of(text), &id) ? id
                                                                           : 0;
}

/* 32 digits are hex, even without a letter; a 64-bit trace may be decimal. */
bool llmobs_otlp_source_trace(const char *text, struct llmobs_id128 *id)
{
    if (text && strlen(text) == LLMOBS_TRACE_HEX_LEN &&
        llmobs_id128_parse_hex64(text, 16, &id->hi) &&
        llmobs_id128_parse_hex64(text + 16, 16, &id->lo))
        return id->hi || id->lo;
    return text && llmobs_id128_parse(llmobs_text_of(text), id);
}

/* -- facts --------------------------------------------------------------- */

static const char fact_names[][24] = {
#define FACT_NAME(id, name) name,
    LLMOBS_FACTS_LIST(FACT_NAME)
#undef FACT_NAME
};

const char *llmobs_otlp_source_fact(const struct llmobs_otlp_source *s,
                                    enum llmobs_fact fact)
{
    return llmobs_json_text(s->fact[fact]);
}

/* -- kind and operation -------------------------------------------------- */

static const struct kind {
    const char *name;
    enum llmobs_otlp_op op;
    const char *operation;
    bool client;
} kinds[] = {
    {"llm", LLMOBS_OTLP_INFERENCE, "chat", true},
    {"embedding", LLMOBS_OTLP_EMBEDDINGS, "embeddings", true},
    {"agent", LLMOBS_OTLP_AGENT, "invoke_agent", false},
    {"tool", LLMOBS_OTLP_TOOL, "execute_tool", false},
    {"retrieval", LLMOBS_OTLP_RETRIEVAL, "retrieval", true},
    {"workflow", LLMOBS_OTLP_WORKFLOW, "invoke_workflow", false},
    {"", LLMOBS_OTLP_NO_OP, NULL, false},
};

/* The value of a tag; NULL: the event has no tag of that name. */
static const char *find_tag(const struct llmobs_otlp_source *s,
                            const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < llmobs_json_len(s->tags); i++) {
        const char *tag = llmobs_json_text(llmobs_json_at(s->tags, i));

        if (tag && strncmp(tag, name, len) == 0 && tag[len] == ':')
            return tag + len + 1;
    }
    return NULL;
}

static void read_kind(struct llmobs_otlp_source *s)
{
    const struct kind *kind = kinds;
    const char *operation = llmobs_otlp_source_fact(s, LLMOBS_FACT_OPERATION);

    while (kind->operation && strcmp(kind->name, s->kind) != 0)
        kind++;
    s->client = kind->client || s->fact[LLMOBS_FACT_HOST];
    s->op = LLMOBS_OTLP_NO_OP;
    /* A call to a configured proxy is a workflow that speaks to a server. It
     * has no operation, because the span behind the proxy counts as the call.
     */
    if (kind->op == LLMOBS_OTLP_WORKFLOW &&
        (llmobs_json_is_true(s->fact[LLMOBS_FACT_PROXIED]) ||
         find_tag(s, "ml-proxy")))
        s->client = true;
    else
        s->op = kind->op;
    if (s->op == LLMOBS_OTLP_NO_OP) {
        s->operation = kind->op == LLMOBS_OTLP_NO_OP ? operation : NULL;
        return;
    }
    s->operation = kind->operation;
    if (s->op == LLMOBS_OTLP_INFERENCE && operation)
        s->operation = operation;
}

/* -- model --------------------------------------------------------------- */

/* False for an empty text, and for words that stand for an unknown name: the
 * encoder's, OpenAI's dialects', and the C API's. */
static bool is_said(const char *text)
{
    static const char *const blanks[] = {"", "unknown", "unknown_model",
                                         "custom"};

    for (size_t i = 0; text && i < sizeof(blanks) / sizeof(*blanks); i++) {
        if (strcmp(text, blanks[i]) == 0)
            return false;
    }
    return text != NULL;
}

/* The model that the program asked for. If it used the C API, that is the
 * event's model, and probably also if the event has no facts. The event of a
 * call, whose facts have the operation, may name the model that answered: then
 * only the fact names the requested model. */
static const char *requested_model(const struct llmobs_otlp_source *s)
{
    const char *asked = llmobs_otlp_source_fact(s, LLMOBS_FACT_REQUEST_MODEL);
    const char *model = llmobs_json_gets(s->meta, "model_name");

    if (asked && *asked)
        return asked;
    if (s->fact[LLMOBS_FACT_OPERATION])
        return NULL;
    return is_said(model) ? model : NULL;
}

static const char *find_subject(const struct llmobs_otlp_source *s)
{
    if (s->method)
        return llmobs_otlp_source_fact(s, LLMOBS_FACT_MCP_TARGET);
    if (s->op == LLMOBS_OTLP_NO_OP)
        return NULL;
    if (s->op & (LLMOBS_OTLP_INFERENCE | LLMOBS_OTLP_EMBEDDINGS))
        return s->model;
    if (s->op == LLMOBS_OTLP_RETRIEVAL) {
        const char *id = llmobs_json_gets(s->metadata, "data_source_id");

        return id ? id : llmobs_json_gets(s->metadata, "vector_store_id");
    }
    return *s->name ? s->name : NULL;
}

int llmobs_otlp_source_read(struct llmobs_otlp_source *s,
                            enum llmobs_semconv form,
                            const struct llmobs_json *event)
{
    const struct llmobs_json *dd;
    size_t at;

    memset(s, 0, sizeof(*s));
    s->form = form;
    s->event = event;
    s->facts = llmobs_json_get(event, LLMOBS_FACTS_KEY);
    s->meta = llmobs_json_get(event, "meta");
    s->metadata = llmobs_json_get(s->meta, "metadata");
    s->metrics = llmobs_json_get(event, "metrics");
    s->tags = llmobs_json_get(event, "tags");
    s->kind = llmobs_json_gets(llmobs_json_get(s->meta, "span"), "kind");
    if (!s->kind)
        return -EINVAL;
    s->name = llmobs_json_gets(event, "name");
    if (!s->name)
        s->name = s->kind;
    s->failed = llmobs_json_gets(event, "status") &&
                strcmp(llmobs_json_gets(event, "status"), "error") == 0;
    /* An event's text has its members sorted, as the names are: both are walked
     * side by side. After a member out of order the walk begins anew. */
    at = 0;
    for (void *it = llmobs_json_iter(s->facts); it;
         it = llmobs_json_next(s->facts, it)) {
        const char *key = llmobs_json_iter_key(it);

        if (at > 0 && strcmp(fact_names[at - 1], key) >= 0)
            at = 0;
        while (at < LLMOBS_FACTS && strcmp(fact_names[at], key) < 0)
            at++;
        if (at < LLMOBS_FACTS && strcmp(fact_names[at], key) == 0)
            s->fact[at++] = llmobs_json_iter_value(it);
    }
    s->method = llmobs_otlp_source_fact(s, LLMOBS_FACT_MCP_METHOD);
    read_kind(s);
    s->model = requested_model(s);
    s->subject = find_subject(s);
    /* The trace is traceparent's, so that the spans of other services join. */
    dd = llmobs_json_get(s->event, "_dd");
    s->span_id = llmobs_otlp_source_id(llmobs_json_gets(s->event, "span_id"));
    if (s->span_id == 0)
        return -EINVAL;
    if (!llmobs_otlp_source_trace(llmobs_json_gets(dd, "apm_trace_id"),
                                  &s->trace_id) &&
        !llmobs_otlp_source_trace(llmobs_json_gets(s->event, "trace_id"),
                                  &s->trace_id))
        return -EINVAL;
    return 0;
}

/* -- provider and error -------------------------------------------------- */

/* The name in the conventions for a provider of LLM Observability; names that
 * are not listed are equal in both. */
static const char *by_convention(const char *name)
{
    static const struct {
        const char *name, *convention;
    } names[] = {
        {"amazon_bedrock", "aws.bedrock"},
        {"azure_openai", "azure.ai.openai"},
        {"bedrock", "aws.bedrock"},
        {"google", "gcp.gen_ai"},
        {"google_genai", "gcp.gen_ai"},
        {"mistral", "mistral_ai"},
        {"moonshot", "moonshot_ai"},
        {"vertexai", "gcp.vertex_ai"},
        {"xai", "x_ai"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strcmp(names[i].name, name) == 0)
            return names[i].convention;
    }
    return name;
}

const char *llmobs_otlp_source_provider(const struct llmobs_otlp_source *s)
{
    const char *fact = llmobs_otlp_source_fact(s, LLMOBS_FACT_PROVIDER);
    const char *name = llmobs_json_gets(s->meta, "model_provider");

    if (fact)
        return fact;
    if (!is_said(name))
        name = find_tag(s, "integration");
    return is_said(name) ? by_convention(name) : "unknown";
}

const char *llmobs_otlp_source_error(const struct llmobs_otlp_source *s)
{
    const struct llmobs_json *error = llmobs_json_get(s->meta, "error");
    const char *code = llmobs_otlp_source_fact(s, LLMOBS_FACT_ERROR_CODE);

    if (!code)
        code = llmobs_json_gets(error, "type");
    return code && *code && llmobs_content_is_code(code) ? code : "_OTHER";
}
