#include "rules/providers.h"

#include <stdint.h>
#include <string.h>

#include "rules/read/text.h"

/* All dialects of models, in the order of their precedence, and the dialects of
 * LLMOBS_OBSERVE. */
#define MODELS(X)                                                             \
    X(bedrock_converse), X(bedrock_embed), X(bedrock_rerank),                 \
        X(bedrock_invoke), X(bedrock_agents), X(bedrock_agentcore),           \
        X(bedrock_guardrails), X(bedrock_knowledge), X(portkey),              \
        X(openai_chat), X(openai_completions), X(openai_embeddings),          \
        X(openai_responses), X(openai_vector_stores), X(openai_media),        \
        X(anthropic), X(gemini), X(gemini_embed), X(gemini_interactions),     \
        X(mistral), X(mistral_conversations), X(cohere), X(cohere_v1),        \
        X(anthropic_complete), X(anthropic_sessions), X(writer),              \
        X(aleph_alpha), X(ollama), X(llama_cpp), X(huggingface), X(sglang),   \
        X(lmstudio), X(triton), X(koboldcpp), X(vllm), X(whisper_cpp),        \
        X(dashscope), X(watsonx), X(cloudflare), X(replicate),                \
        X(openai_audio), X(openai_moderations), X(rerank), X(vertex_chat),    \
        X(vertex_agents), X(dify), X(flowise), X(n8n), X(langgraph),          \
        X(elevenlabs), X(deepgram), X(cartesia), X(minimax), X(assemblyai),   \
        X(azure_speech), X(google_renders), X(openai_videos), X(xai), X(fal), \
        X(bfl), X(stability), X(oci), X(mcp), X(a2a)
#define OBSERVED(X)                                                          \
    X(azure_search), X(brave), X(chroma), X(exa), X(firecrawl),              \
        X(meilisearch), X(milvus), X(ollama_search), X(opensearch),          \
        X(perplexity_search), X(pinecone), X(qdrant), X(serpapi), X(serper), \
        X(tavily), X(typesense), X(vectorize), X(weaviate)

#define NAME(name) llmobs_dialect_##name
#define POINTER(name) &llmobs_dialect_##name

extern const struct llmobs_dialect MODELS(NAME), OBSERVED(NAME);

const struct llmobs_dialect *const llmobs_dialects[] = {MODELS(POINTER), NULL};
const struct llmobs_dialect *const llmobs_observed[] = {OBSERVED(POINTER),
                                                        NULL};

/* Many hosts with OpenAI's API also offer Anthropic's, for programs that know
 * no other API. */
#define OPENAI                                                               \
    &llmobs_dialect_openai_chat, &llmobs_dialect_openai_completions,         \
        &llmobs_dialect_openai_embeddings, &llmobs_dialect_openai_responses, \
        &llmobs_dialect_openai_vector_stores, &llmobs_dialect_openai_media,  \
        &llmobs_dialect_anthropic, &llmobs_dialect_openai_audio,             \
        &llmobs_dialect_openai_moderations, &llmobs_dialect_rerank,          \
        &llmobs_dialect_anthropic_complete, &llmobs_dialect_openai_videos

/* The dialects that a host speaks. */
enum {
    openai,
    anthropic,
    google,
    mistral,
    cohere,
    huggingface,
    dashscope,
    watsonx,
    cloudflare,
    replicate,
    ollama,
    bedrock,
    bedrock_agents,
    bedrock_agentcore,
    elevenlabs,
    deepgram,
    cartesia,
    minimax,
    assemblyai,
    azure,
    azure_speech,
    writer,
    aleph_alpha,
    xai,
    fal,
    bfl,
    stability,
    oci,
    portkey
};

#define SPEAKS(name, ...)                           \
    [name] = (const struct llmobs_dialect *const[]) \
    {                                               \
        __VA_ARGS__, NULL                           \
    }

static const struct llmobs_dialect *const *const speaks[] = {
    SPEAKS(openai, OPENAI),
    SPEAKS(anthropic, OPENAI, &llmobs_dialect_anthropic_sessions),
    SPEAKS(google, &llmobs_dialect_gemini, &llmobs_dialect_gemini_embed,
           &llmobs_dialect_gemini_interactions, &llmobs_dialect_google_renders,
           &llmobs_dialect_anthropic, &llmobs_dialect_vertex_chat,
           &llmobs_dialect_vertex_agents, &llmobs_dialect_openai_chat,
           &llmobs_dialect_openai_completions,
           &llmobs_dialect_openai_embeddings, &llmobs_dialect_openai_responses),
    SPEAKS(mistral, &llmobs_dialect_mistral,
           &llmobs_dialect_mistral_conversations, &llmobs_dialect_openai_audio,
           &llmobs_dialect_openai_media, &llmobs_dialect_openai_moderations),
    SPEAKS(cohere, &llmobs_dialect_cohere, &llmobs_dialect_cohere_v1,
           &llmobs_dialect_openai_chat, &llmobs_dialect_openai_embeddings,
           &llmobs_dialect_openai_audio, &llmobs_dialect_rerank),
    SPEAKS(huggingface, OPENAI, &llmobs_dialect_huggingface),
    SPEAKS(dashscope, OPENAI, &llmobs_dialect_dashscope),

    /* Its paths end as OpenAI's do: /text/embeddings and /text/rerank. */
    SPEAKS(watsonx, &llmobs_dialect_watsonx, OPENAI),
    SPEAKS(cloudflare, OPENAI, &llmobs_dialect_cloudflare),
    SPEAKS(replicate, OPENAI, &llmobs_dialect_replicate),
    SPEAKS(ollama, &llmobs_dialect_ollama, &llmobs_dialect_openai_chat,
           &llmobs_dialect_openai_completions,
           &llmobs_dialect_openai_embeddings, &llmobs_dialect_openai_responses,
           &llmobs_dialect_anthropic),
    SPEAKS(bedrock, &llmobs_dialect_bedrock_converse,
           &llmobs_dialect_bedrock_embed, &llmobs_dialect_bedrock_rerank,
           &llmobs_dialect_bedrock_invoke, &llmobs_dialect_openai_chat,
           &llmobs_dialect_bedrock_guardrails),
    SPEAKS(bedrock_agents, &llmobs_dialect_bedrock_agents,
           &llmobs_dialect_bedrock_knowledge),
    /* Agents speak MCP and A2A by the same path. */
    SPEAKS(bedrock_agentcore, &llmobs_dialect_bedrock_agentcore,
           &llmobs_dialect_mcp, &llmobs_dialect_a2a),
    SPEAKS(elevenlabs, &llmobs_dialect_elevenlabs),
    SPEAKS(deepgram, &llmobs_dialect_deepgram),
    SPEAKS(cartesia, &llmobs_dialect_cartesia),
    SPEAKS(minimax, OPENAI, &llmobs_dialect_minimax),
    SPEAKS(assemblyai, &llmobs_dialect_assemblyai),

    /* A resource at Azure has one host for all of its services. */
    SPEAKS(azure, OPENAI, &llmobs_dialect_azure_speech),
    SPEAKS(azure_speech, &llmobs_dialect_azure_speech),
    SPEAKS(writer, &llmobs_dialect_writer, OPENAI),
    SPEAKS(aleph_alpha, &llmobs_dialect_aleph_alpha, OPENAI),
    SPEAKS(xai, &llmobs_dialect_xai, OPENAI),
    SPEAKS(fal, OPENAI, &llmobs_dialect_fal),
    SPEAKS(bfl, &llmobs_dialect_bfl),
    SPEAKS(stability, &llmobs_dialect_stability),
    SPEAKS(oci, &llmobs_dialect_oci),
    SPEAKS(portkey, &llmobs_dialect_portkey, OPENAI),
};

#define HOST(text) .host_len = sizeof(text) - 1, .host = text

/* A row also counts for the hosts below its own; '*' stands for any bytes, but
 * not among a row's last eight bytes (possible). */
static const struct llmobs_provider providers[] = {
    {HOST("*.openai.com"), .name = "openai", .dialects = openai},
    {HOST("*.openai.azure.com"), .name = "azure_openai",
     .genai = "azure.ai.openai", .dialects = openai},
    {HOST("*.services.ai.azure.com"), .name = "azure_openai",
     .genai = "azure.ai.inference", .dialects = openai},
    {HOST("*.cognitiveservices.azure.com"), .name = "azure_openai",
     .genai = "azure.ai.openai", .dialects = azure},
    {HOST("*.api.cognitive.microsoft.com"), .name = "azure_speech",
     .dialects = azure_speech},
    {HOST("*.stt.speech.microsoft.com"), .name = "azure_speech",
     .dialects = azure_speech},
    {HOST("*.anthropic.com"), .name = "anthropic", .dialects = anthropic},
    {HOST("models.github.ai"), .name = "github", .dialects = openai},
    {HOST("models.inference.ai.azure.com"), .name = "github",
     .genai = "azure.ai.inference", .dialects = openai},
    {HOST("generativelanguage.googleapis.com"), .name = "google",
     .genai = "gcp.gemini", .dialects = google},
    {HOST("*aiplatform.googleapis.com"), .name = "google",
     .genai = "gcp.vertex_ai", .dialects = google},
    {HOST("openrouter.ai"), .name = "openrouter", .dialects = openai},
    {HOST("api.groq.com"), .name = "groq", .dialects = openai},
    {HOST("*.together.xyz"), .name = "together", .dialects = openai},
    {HOST("*.together.ai"), .name = "together", .dialects = openai},
    {HOST("api.fireworks.ai"), .name = "fireworks", .dialects = openai},
    {HOST("api.x.ai"), .name = "xai", .genai = "x_ai", .dialects = xai},
    {HOST("api.perplexity.ai"), .name = "perplexity", .dialects = openai},
    {HOST("integrate.api.nvidia.com"), .name = "nvidia", .dialects = openai},
    {HOST("router.huggingface.co"), .name = "huggingface",
     .dialects = huggingface},
    {HOST("*.endpoints.huggingface.cloud"), .name = "huggingface",
     .dialects = huggingface},
    {HOST("api-inference.huggingface.co"), .name = "huggingface",
     .dialects = huggingface},
    {HOST("api.cerebras.ai"), .name = "cerebras", .dialects = openai},
    {HOST("api.sambanova.ai"), .name = "sambanova", .dialects = openai},
    {HOST("dashscope*.aliyuncs.com"), .name = "dashscope",
     .dialects = dashscope},
    {HOST("api.moonshot.ai"), .name = "moonshot", .genai = "moonshot_ai",
     .dialects = openai},
    {HOST("api.moonshot.cn"), .name = "moonshot", .genai = "moonshot_ai",
     .dialects = openai},
    {HOST("api.z.ai"), .name = "zai", .dialects = openai},
    {HOST("open.bigmodel.cn"), .name = "zai", .dialects = openai},
    {HOST("api.deepseek.com"), .name = "deepseek", .dialects = openai},
    {HOST("ai-gateway.helicone.ai"), .name = "helicone", .dialects = openai},
    {HOST("ai-gateway.vercel.sh"), .name = "vercel", .dialects = openai},
    {HOST("aihubmix.com"), .name = "aihubmix", .dialects = openai},
    {HOST("api.ai21.com"), .name = "ai21", .dialects = openai},
    {HOST("api.assemblyai.com"), .name = "assemblyai", .dialects = assemblyai},
    {HOST("api.eu.assemblyai.com"), .name = "assemblyai",
     .dialects = assemblyai},
    {HOST("api.cartesia.ai"), .name = "cartesia", .dialects = cartesia},
    {HOST("*.deepgram.com"), .name = "deepgram", .dialects = deepgram},
    {HOST("*.elevenlabs.io"), .name = "elevenlabs", .dialects = elevenlabs},
    {HOST("api.aleph-alpha.com"), .name = "aleph_alpha",
     .dialects = aleph_alpha},
    {HOST("api.clarifai.com"), .name = "clarifai", .dialects = openai},
    {HOST("api.cloudflare.com"), .name = "cloudflare", .dialects = cloudflare},
    {HOST("api.deepinfra.com"), .name = "deepinfra", .dialects = openai},
    {HOST("api.featherless.ai"), .name = "featherless", .dialects = openai},
    {HOST("api.friendli.ai"), .name = "friendli", .dialects = openai},
    {HOST("*.githubcopilot.com"), .name = "github", .dialects = openai},
    {HOST("api.hunyuan.cloud.tencent.com"), .name = "tencent",
     .dialects = openai},
    {HOST("api.hyperbolic.xyz"), .name = "hyperbolic", .dialects = openai},
    {HOST("api.inference.net"), .name = "inference_net", .dialects = openai},
    {HOST("api.inference.wandb.ai"), .name = "wandb", .dialects = openai},
    {HOST("api.jina.ai"), .name = "jina", .dialects = openai},
    {HOST("api.lambda.ai"), .name = "lambda", .dialects = openai},
    {HOST("api.lingyiwanwu.com"), .name = "lingyiwanwu", .dialects = openai},
    {HOST("api.llama.com"), .name = "meta", .dialects = openai},
    {HOST("api.minimax.chat"), .name = "minimax", .dialects = minimax},
    {HOST("api.minimax.io"), .name = "minimax", .dialects = minimax},
    {HOST("api.minimaxi.com"), .name = "minimax", .dialects = minimax},
    {HOST("api.morphllm.com"), .name = "morph", .dialects = openai},
    {HOST("api.novita.ai"), .name = "novita", .dialects = openai},
    {HOST("api.parasail.io"), .name = "parasail", .dialects = openai},
    {HOST("api.poe.com"), .name = "poe", .dialects = openai},
    {HOST("api.portkey.ai"), .name = "portkey", .dialects = portkey},
    {HOST("api.publicai.co"), .name = "publicai", .dialects = openai},
    {HOST("api.reka.ai"), .name = "reka", .dialects = openai},
    {HOST("api.replicate.com"), .name = "replicate", .dialects = replicate},
    {HOST("api.scaleway.ai"), .name = "scaleway", .dialects = openai},
    {HOST("api.siliconflow.cn"), .name = "siliconflow", .dialects = openai},
    {HOST("api.siliconflow.com"), .name = "siliconflow", .dialects = openai},
    {HOST("api.stepfun.com"), .name = "stepfun", .dialects = openai},
    {HOST("api.studio.nebius.ai"), .name = "nebius", .dialects = openai},
    {HOST("api.studio.nebius.com"), .name = "nebius", .dialects = openai},
    {HOST("api.tokenfactory.nebius.com"), .name = "nebius", .dialects = openai},
    {HOST("api.upstage.ai"), .name = "upstage", .dialects = openai},
    {HOST("api.v0.dev"), .name = "v0", .dialects = openai},
    {HOST("api.venice.ai"), .name = "venice", .dialects = openai},
    {HOST("api.voyageai.com"), .name = "voyage", .dialects = openai},
    {HOST("api.writer.com"), .name = "writer", .dialects = writer},
    {HOST("*.wavespeed.ai"), .name = "wavespeed", .dialects = openai},
    {HOST("ark.*.volces.com"), .name = "volcengine", .dialects = openai},
    {HOST("*.endpoints.kepler.ai.cloud.ovh.net"), .name = "ovhcloud",
     .dialects = openai},
    {HOST("fal.run"), .name = "fal", .dialects = fal},
    {HOST("queue.fal.run"), .name = "fal", .dialects = fal},
    {HOST("bfl.ai"), .name = "black_forest_labs", .dialects = bfl},
    {HOST("api.stability.ai"), .name = "stability", .dialects = stability},
    {HOST("gateway.ai.cloudflare.com"), .name = "cloudflare",
     .dialects = cloudflare},
    {HOST("inference.api.nscale.com"), .name = "nscale", .dialects = openai},
    {HOST("inference.baseten.co"), .name = "baseten", .dialects = openai},
    {HOST("inference.do-ai.run"), .name = "digitalocean", .dialects = openai},
    {HOST("llm.chutes.ai"), .name = "chutes", .dialects = openai},
    {HOST("llm-gateway.assemblyai.com"), .name = "assemblyai",
     .dialects = openai},
    {HOST("qianfan.baidubce.com"), .name = "baidu", .dialects = openai},
    {HOST("*.generativeai.*.oci.oraclecloud.com"), .name = "oci",
     .dialects = oci},
    {HOST("api.mistral.ai"), .name = "mistral", .genai = "mistral_ai",
     .dialects = mistral},
    {HOST("codestral.mistral.ai"), .name = "mistral", .genai = "mistral_ai",
     .dialects = mistral},
    {HOST("ollama.com"), .name = "ollama", .dialects = ollama},
    {HOST("*.databricks.com"), .name = "databricks", .dialects = openai},
    {HOST("*.azuredatabricks.net"), .name = "databricks", .dialects = openai},
    {HOST("runtime.sagemaker.*.amazonaws.com"), .name = "amazon_sagemaker",
     .dialects = huggingface},
    {HOST("*.snowflakecomputing.com"), .name = "snowflake", .dialects = openai},
    {HOST("*.ml.cloud.ibm.com"), .name = "watsonx", .genai = "ibm.watsonx.ai",
     .dialects = watsonx},
    {HOST("api.cohere.com"), .name = "cohere", .span_name = "cohere.request",
     .dialects = cohere},
    {HOST("api.cohere.ai"), .name = "cohere", .span_name = "cohere.request",
     .dialects = cohere},
    {HOST("bedrock-runtime*.amazonaws.com"), .name = "amazon_bedrock",
     .genai = "aws.bedrock", .dialects = bedrock},
    {HOST("bedrock-runtime*.amazonaws.com.cn"), .name = "amazon_bedrock",
     .genai = "aws.bedrock", .dialects = bedrock},
    {HOST("*.bedrock-runtime*.amazonaws.com"), .name = "amazon_bedrock",
     .genai = "aws.bedrock", .dialects = bedrock},
    {HOST("bedrock-runtime*.api.aws"), .name = "amazon_bedrock",
     .genai = "aws.bedrock", .dialects = bedrock},
    {HOST("bedrock-agent-runtime*.amazonaws.com"), .name = "amazon_bedrock",
     .genai = "aws.bedrock", .dialects = bedrock_agents},
    {HOST("bedrock-agent-runtime*.amazonaws.com.cn"), .name = "amazon_bedrock",
     .genai = "aws.bedrock", .dialects = bedrock_agents},
    {HOST("*.bedrock-agent-runtime*.amazonaws.com"), .name = "amazon_bedrock",
     .genai = "aws.bedrock", .dialects = bedrock_agents},
    {HOST("bedrock-agent-runtime*.api.aws"), .name = "amazon_bedrock",
     .genai = "aws.bedrock", .dialects = bedrock_agents},
    {HOST("bedrock-agentcore*.amazonaws.com"), .name = "amazon_bedrock",
     .genai = "aws.bedrock", .dialects = bedrock_agentcore},
    {HOST("bedrock-mantle*.api.aws"), .name = "amazon_bedrock",
     .genai = "aws.bedrock", .dialects = openai},
};

static const struct llmobs_dialect *find_in(
    const struct llmobs_dialect *const *list, const char *name)
{
    while (*list && strcmp((*list)->name, name) != 0)
        list++;
    return *list;
}

const struct llmobs_dialect *llmobs_dialect_find(const char *name)
{
    const struct llmobs_dialect *found = find_in(llmobs_dialects, name);

    if (!found)
        found = find_in(llmobs_observed, name);
    if (found)
        return found;
    if (strcmp(llmobs_dialect_json.name, name) == 0)
        return &llmobs_dialect_json;
    return strcmp(llmobs_dialect_generic.name, name) == 0
               ? &llmobs_dialect_generic
               : NULL;
}

#define PROVIDERS (sizeof(providers) / sizeof(providers[0]))
#define WORD 64
#define WORDS ((PROVIDERS + WORD - 1) / WORD)

/* How many last bytes of a host rule out most rows. */
#define TAIL ((size_t)8)

static uint64_t tail_of(struct llmobs_text text)
{
    uint64_t tail;

    memcpy(&tail, text.data + text.len - TAIL, TAIL);
    return tail;
}

/* Sets a bit for each row that the host's last bytes do not rule out; false:
 * they rule out all rows. Each request with a known path asks this, so it has
 * to be cheap. A host that is shorter has a tail that no row has. */
static bool possible(struct llmobs_text host, uint64_t bits[WORDS])
{
    uint64_t tail = host.len < TAIL ? 0 : tail_of(host);
    bool any = false;

    memset(bits, 0, WORDS * sizeof(*bits));
    for (size_t i = 0; i < PROVIDERS; i++) {
        struct llmobs_text row = llmobs_provider_host(&providers[i]);

        if (row.len < TAIL ? llmobs_text_may_match(host, row)
                           : tail_of(row) == tail) {
            bits[i / WORD] |= UINT64_C(1) << i % WORD;
            any = true;
        }
    }
    return any;
}

/* A row that begins with a star and covers a part of a host also covers the
 * complete host. So a part (not `whole`) is only compared with other rows. */
static bool providers_covers(struct llmobs_text row, struct llmobs_text host,
                             bool whole)
{
    if (row.data[0] == '*')
        return whole && llmobs_text_matches(host, row);
    return host.len > 0 && row.data[0] == host.data[0] &&
           llmobs_text_matches(host, row);
}

static const struct llmobs_provider *find_host(struct llmobs_text host,
                                               bool whole,
                                               const uint64_t all[WORDS])
{
    for (size_t word = 0; word < WORDS; word++)
        for (uint64_t bits = all[word]; bits; bits &= bits - 1) {
            const struct llmobs_provider *at =
                &providers[word * WORD + (size_t)__builtin_ctzll(bits)];

            if (providers_covers(llmobs_provider_host(at), host, whole))
                return at;
        }
    return NULL;
}

const struct llmobs_provider *llmobs_provider_of(struct llmobs_text host)
{
    uint64_t bits[WORDS];

    if (!possible(host, bits))
        return NULL;
    for (bool whole = true;; whole = false) {
        const struct llmobs_provider *provider = find_host(host, whole, bits);
        const char *dot =
            host.len > 0 ? memchr(host.data, '.', host.len) : NULL;

        if (provider || !dot)
            return provider;
        host.len -= (size_t)(dot + 1 - host.data);
        host.data = dot + 1;
    }
    return NULL;
}

const struct llmobs_provider *llmobs_provider_at(size_t row)
{
    return row < PROVIDERS ? &providers[row] : NULL;
}

const struct llmobs_dialect *const *llmobs_provider_dialects(
    const struct llmobs_provider *provider)
{
    return speaks[provider->dialects];
}

/* "google" does not tell which of Google's two services is meant. */
const char *llmobs_provider_genai(const char *name)
{
    if (strcmp(name, "google") == 0)
        return "gcp.gen_ai";
    for (size_t i = 0; i < PROVIDERS; i++)
        if (strcmp(providers[i].name, name) == 0 && *providers[i].genai)
            return providers[i].genai;
    return name;
}

const char *llmobs_provider_by_port(const struct llmobs_url *url)
{
    return url->port == 11434 ? "ollama" : NULL;
}
