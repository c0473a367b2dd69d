/* The providers that are known by their hosts, by the URLs that they document,
 * and the names of the spans of calls to them. */
#include <stdio.h>
#include <string.h>

#include "rules/providers.h"
#include "rules/read/text.h"
#include "rules/rules.h"
#include "tests/unit/unit.h"

#define CHAT "{\"model\": \"m\", \"messages\": []}"
#define COMPLETION "{\"model\": \"m\", \"prompt\": \"p\"}"
#define INPUT "{\"model\": \"m\", \"input\": \"i\"}"

struct host {
    const char *url;
    const char *provider; /* NULL: unknown */
    const char *name;     /* of the span; NULL: there is none */
};

static const struct host hosts[] = {
    {"https://api.openai.com/v1/chat/completions", "openai",
     "OpenAI.createChatCompletion"},
    {"https://api.openai.com/v1/completions", "openai",
     "OpenAI.createCompletion"},
    {"https://api.openai.com/v1/embeddings", "openai",
     "OpenAI.createEmbedding"},
    {"https://api.openai.com/v1/responses", "openai", "OpenAI.createResponse"},
    {"https://api.openai.com/v1/images/generations", "openai",
     "OpenAI.createImage"},
    {"https://api.openai.com/v1/audio/speech", "openai", "OpenAI.createSpeech"},
    {"https://us.api.openai.com/v1/responses", "openai",
     "OpenAI.createResponse"},

    {"https://r.openai.azure.com/openai/deployments/d/chat/completions"
     "?api-version=2024-10-21",
     "azure_openai", "AzureOpenAI.createChatCompletion"},
    {"https://r.openai.azure.com//openai/deployments/d/completions",
     "azure_openai", "AzureOpenAI.createCompletion"},
    {"https://r.openai.azure.com/openai/deployments/d/embeddings",
     "azure_openai", "AzureOpenAI.createEmbedding"},
    {"https://r.openai.azure.com/openai/v1/chat/completions", "azure_openai",
     "AzureOpenAI.createChatCompletion"},
    {"https://r.openai.azure.com/openai/v1/embeddings?api-version=preview",
     "azure_openai", "AzureOpenAI.createEmbedding"},
    {"https://r.openai.azure.com/openai/v1/responses", "azure_openai",
     "AzureOpenAI.createResponse"},
    {"https://r.openai.azure.com/openai/"
     "responses?api-version=2025-03-01-preview",
     "azure_openai", "AzureOpenAI.createResponse"},
    {"https://r.services.ai.azure.com/models/chat/completions", "azure_openai",
     "AzureOpenAI.createChatCompletion"},
    {"https://r.services.ai.azure.com/openai/v1/responses", "azure_openai",
     "AzureOpenAI.createResponse"},
    {"https://r.cognitiveservices.azure.com/openai/deployments/d/embeddings",
     "azure_openai", "AzureOpenAI.createEmbedding"},

    {"https://api.anthropic.com/v1/messages", "anthropic", "anthropic.request"},
    {"https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/l/"
     "endpoints/openapi/chat/completions",
     "google", "OpenAI.createChatCompletion"},
    {"https://daily-cloudcode-pa.googleapis.com/v1internal:generateContent",
     "google", "google_genai.request"},
    {"https://e1.us-east-1.aws.endpoints.huggingface.cloud/v1/chat/completions",
     "huggingface", "OpenAI.createChatCompletion"},
    {"https://runtime.sagemaker.us-east-1.amazonaws.com/endpoints",
     "amazon_sagemaker", NULL},
    {"https://api.replicate.com/v1/models", "replicate", NULL},
    {"https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1/chat/"
     "completions",
     "amazon_bedrock", "OpenAI.createChatCompletion"},
    {"https://bedrock-runtime.cn-north-1.amazonaws.com.cn/openai/v1/chat/"
     "completions",
     "amazon_bedrock", "OpenAI.createChatCompletion"},
    {"https://vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com/openai/v1/"
     "chat/completions",
     "amazon_bedrock", "OpenAI.createChatCompletion"},
    {"https://bedrock-runtime.us-east-1.api.aws/openai/v1/chat/completions",
     "amazon_bedrock", "OpenAI.createChatCompletion"},
    {"https://queue.fal.run/fal-ai", "fal", NULL},
    {"https://notqueue.fal.run.test/fal-ai/flux", NULL, NULL},
    {"https://api.us1.bfl.ai/v1/my_finetunes", "black_forest_labs", NULL},
    {"https://notbfl.ai/v1/flux-dev", NULL, NULL},
    {"https://api.stability.ai/v1/user/balance", "stability", NULL},
    {"https://stability.ai/v1/generation/sd/text-to-image", NULL, NULL},
    {"https://inference.generativeai.eu-frankfurt-1.oci.oraclecloud.com"
     "/20231130/models",
     "oci", NULL},
    {"https://oci.oraclecloud.com/20231130/actions/applyGuardrails", NULL,
     NULL},
    {"https://api.x.ai/v1/videos/generations", "xai", "xai.createVideo"},
    {"https://x.ai/v1/videos/generations", NULL, NULL},
    {"https://api.portkey.ai/v1/chat/completions", "portkey",
     "OpenAI.createChatCompletion"},
    {"https://portkey.ai/v1/prompts", NULL, NULL},
    {"https://api.jina.ai/v1/rerank", "jina", "jina.rerank"},
    {"https://api.jina.ai/v1/embeddings", "jina", "OpenAI.createEmbedding"},
    {"https://api.jina.ai/v1/segment", "jina", NULL},
    {"https://api.voyageai.com/v1/rerank", "voyage", "voyage.rerank"},
    {"https://api.voyageai.com/v1/files", "voyage", NULL},
    {"https://api.cohere.com/v2/rerank", "cohere", "cohere.rerank"},
    {"https://api.cohere.com/v1/chat", "cohere", "cohere.request"},
    {"https://api.cohere.ai/v1/generate", "cohere", "cohere.request"},
    {"https://api.cohere.ai/v1/rerank", "cohere", "cohere.rerank"},

    {"https://api.elevenlabs.io/v1/text-to-speech/v", "elevenlabs",
     "elevenlabs.speech"},
    {"https://api.elevenlabs.io/v1/text-to-speech/v/stream", "elevenlabs",
     "elevenlabs.speech"},
    {"https://api.us.elevenlabs.io/v1/speech-to-text", "elevenlabs",
     "elevenlabs.transcription"},
    {"https://api.elevenlabs.io/v1/voices/add", "elevenlabs", NULL},
    {"https://api.deepgram.com/v1/listen?model=nova-3", "deepgram",
     "deepgram.transcription"},
    {"https://api.eu.deepgram.com/v1/speak", "deepgram", "deepgram.speech"},
    {"https://api.deepgram.com/v1/projects", "deepgram", NULL},
    {"https://api.cartesia.ai/tts/bytes", "cartesia", "cartesia.speech"},
    {"https://api.cartesia.ai/stt", "cartesia", "cartesia.transcription"},
    {"https://api.cartesia.ai/voices/clone", "cartesia", NULL},
    {"https://api.minimax.io/v1/t2a_v2?GroupId=1", "minimax", "minimax.speech"},
    {"https://api.assemblyai.com/v2/transcript", "assemblyai",
     "assemblyai.transcription"},
    {"https://api.assemblyai.com/v2/upload", "assemblyai", NULL},
    {"https://api.eu.assemblyai.com/v2/transcript", "assemblyai",
     "assemblyai.transcription"},

    {"https://openrouter.ai/api/v1/chat/completions", "openrouter",
     "OpenAI.createChatCompletion"},
    {"https://openrouter.ai/api/v1/completions", "openrouter",
     "OpenAI.createCompletion"},
    {"https://openrouter.ai/api/v1/embeddings", "openrouter",
     "OpenAI.createEmbedding"},
    {"https://eu.openrouter.ai/api/v1/responses", "openrouter",
     "OpenAI.createResponse"},

    {"https://api.deepseek.com/chat/completions", "deepseek",
     "Deepseek.createChatCompletion"},
    {"https://api.deepseek.com/v1/chat/completions", "deepseek",
     "Deepseek.createChatCompletion"},
    {"https://api.deepseek.com/beta/completions", "deepseek",
     "Deepseek.createCompletion"},

    {"https://api.groq.com/openai/v1/chat/completions", "groq",
     "OpenAI.createChatCompletion"},
    {"https://api.groq.com/openai/v1/responses", "groq",
     "OpenAI.createResponse"},

    {"https://api.together.xyz/v1/chat/completions", "together",
     "OpenAI.createChatCompletion"},
    {"https://api.together.ai/v1/completions", "together",
     "OpenAI.createCompletion"},
    {"https://api.together.xyz/v1/embeddings", "together",
     "OpenAI.createEmbedding"},

    {"https://api.fireworks.ai/inference/v1/chat/completions", "fireworks",
     "OpenAI.createChatCompletion"},
    {"https://api.fireworks.ai/inference/v1/completions", "fireworks",
     "OpenAI.createCompletion"},
    {"https://api.fireworks.ai/inference/v1/embeddings", "fireworks",
     "OpenAI.createEmbedding"},
    {"https://api.fireworks.ai/inference/v1/responses", "fireworks",
     "OpenAI.createResponse"},

    {"https://api.x.ai/v1/chat/completions", "xai",
     "OpenAI.createChatCompletion"},
    {"https://eu-west-1.api.x.ai/v1/responses", "xai", "OpenAI.createResponse"},

    {"https://api.perplexity.ai/chat/completions", "perplexity",
     "OpenAI.createChatCompletion"},
    {"https://api.perplexity.ai/v1/sonar", "perplexity",
     "OpenAI.createChatCompletion"},
    {"https://api.perplexity.ai/v1/agent", "perplexity",
     "OpenAI.createResponse"},
    {"https://api.perplexity.ai/v1/responses", "perplexity",
     "OpenAI.createResponse"},
    {"https://api.perplexity.ai/v1/embeddings", "perplexity",
     "OpenAI.createEmbedding"},
    {"https://api.perplexity.ai/async/chat/completions", NULL, NULL},
    {"https://api.perplexity.ai/search", NULL, NULL},

    {"https://api.mistral.ai/v1/chat/completions", "mistral",
     "mistralai.request"},
    {"https://api.mistral.ai/v1/embeddings", "mistral", "mistralai.request"},
    {"https://codestral.mistral.ai/v1/chat/completions", "mistral",
     "mistralai.request"},
    {"https://api.mistral.ai/v1/conversations", "mistral", "mistralai.request"},
    {"https://api.mistral.ai/v1/chat/classifications", "mistral",
     "mistralai.request"},
    {"https://api.mistral.ai/v1/conversations/c/history", "mistral", NULL},
    {"https://api.openai.com/v1/conversations", "openai", NULL},

    {"https://integrate.api.nvidia.com/v1/chat/completions", "nvidia",
     "OpenAI.createChatCompletion"},
    {"https://integrate.api.nvidia.com/v1/embeddings", "nvidia",
     "OpenAI.createEmbedding"},

    {"https://router.huggingface.co/v1/chat/completions", "huggingface",
     "OpenAI.createChatCompletion"},
    {"https://router.huggingface.co/v1/responses", "huggingface",
     "OpenAI.createResponse"},
    {"https://router.huggingface.co/hf-inference/models/a/b/v1/chat/"
     "completions",
     "huggingface", "OpenAI.createChatCompletion"},
    {"https://api-inference.huggingface.co/models/a/b/v1/chat/completions",
     "huggingface", "OpenAI.createChatCompletion"},

    {"https://models.github.ai/inference/chat/completions", "github",
     "OpenAI.createChatCompletion"},
    {"https://models.github.ai/orgs/o/inference/chat/completions", "github",
     "OpenAI.createChatCompletion"},
    {"https://models.github.ai/inference/embeddings", "github",
     "OpenAI.createEmbedding"},
    {"https://models.inference.ai.azure.com/chat/completions", "github",
     "AzureOpenAI.createChatCompletion"},

    {"https://api.cerebras.ai/v1/chat/completions", "cerebras",
     "OpenAI.createChatCompletion"},
    {"https://api.cerebras.ai/v1/completions", "cerebras",
     "OpenAI.createCompletion"},
    {"https://api.sambanova.ai/v1/chat/completions", "sambanova",
     "OpenAI.createChatCompletion"},
    {"https://api.sambanova.ai/v1/embeddings", "sambanova",
     "OpenAI.createEmbedding"},

    {"https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions",
     "dashscope", "OpenAI.createChatCompletion"},
    {"https://dashscope-intl.aliyuncs.com/compatible-mode/v1/embeddings",
     "dashscope", "OpenAI.createEmbedding"},
    {"https://dashscope.aliyuncs.com/compatible-api/v1/reranks", "dashscope",
     "dashscope.rerank"},
    {"https://dashscope.aliyuncs.com/api/v1/services/rerank/text-rerank/"
     "text-rerank",
     "dashscope", "dashscope.rerank"},
    {"https://eu-de.ml.cloud.ibm.com/ml/v1/text/embeddings", "watsonx",
     "watsonx.embed"},
    {"https://eu-de.ml.cloud.ibm.com/ml/v1/text/rerank", "watsonx",
     "watsonx.rerank"},
    {"https://llm.api.cloud.yandex.net/foundationModels/v1/completion",
     "yandex", "yandex.completion"},
    {"https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com/v2/inference/"
     "deployments/d1/v2/completion",
     "sap", "sap.orchestration"},
    {"https://dashscope-us.aliyuncs.com/compatible-mode/v1/responses",
     "dashscope", "OpenAI.createResponse"},
    {"https://dashscope-intl.aliyuncs.com/api/v2/apps/protocols/"
     "compatible-mode/v1/responses",
     "dashscope", "OpenAI.createResponse"},
    {"https://coding.dashscope.aliyuncs.com/v1/chat/completions", "dashscope",
     "OpenAI.createChatCompletion"},

    {"https://api.moonshot.ai/v1/chat/completions", "moonshot",
     "OpenAI.createChatCompletion"},
    {"https://api.moonshot.cn/v1/chat/completions", "moonshot",
     "OpenAI.createChatCompletion"},

    {"https://api.z.ai/api/paas/v4/chat/completions", "zai",
     "OpenAI.createChatCompletion"},
    {"https://api.z.ai/api/coding/paas/v4/chat/completions", "zai",
     "OpenAI.createChatCompletion"},
    {"https://open.bigmodel.cn/api/paas/v4/chat/completions", "zai",
     "OpenAI.createChatCompletion"},
    {"https://open.bigmodel.cn/api/paas/v4/embeddings", "zai",
     "OpenAI.createEmbedding"},
    {"https://open.bigmodel.cn/api/paas/v4/async/chat/completions", NULL, NULL},

    {"https://generativelanguage.googleapis.com/v1beta/openai/embeddings",
     "google", "OpenAI.createEmbedding"},
    {"https://api.cohere.ai/compatibility/v1/chat/completions", "cohere",
     "cohere.request"},

    {"https://ai-gateway.helicone.ai/v1/chat/completions", "helicone",
     "OpenAI.createChatCompletion"},
    {"https://ai-gateway.vercel.sh/v1/chat/completions", "vercel",
     "OpenAI.createChatCompletion"},
    {"https://aihubmix.com/v1/chat/completions", "aihubmix",
     "OpenAI.createChatCompletion"},
    {"https://api.ai21.com/studio/v1/chat/completions", "ai21",
     "OpenAI.createChatCompletion"},
    {"https://api.aleph-alpha.com/chat/completions", "aleph_alpha",
     "OpenAI.createChatCompletion"},
    {"https://api.aleph-alpha.com/complete", "aleph_alpha", NULL},
    {"https://aleph-alpha.com/complete", NULL, NULL},
    {"https://api.clarifai.com/v2/ext/openai/v1/chat/completions", "clarifai",
     "OpenAI.createChatCompletion"},
    {"https://api.cloudflare.com/client/v4/accounts/a/ai/v1/chat/completions",
     "cloudflare", "OpenAI.createChatCompletion"},
    {"https://api.deepinfra.com/v1/openai/chat/completions", "deepinfra",
     "OpenAI.createChatCompletion"},
    {"https://ai.api.nvidia.com/v1/chat/completions", "nvidia",
     "OpenAI.createChatCompletion"},
    {"https://api.avian.io/v1/chat/completions", "avian",
     "OpenAI.createChatCompletion"},
    {"https://api.doubleword.ai/v1/chat/completions", "doubleword",
     "OpenAI.createChatCompletion"},
    {"https://api.inceptionlabs.ai/v1/chat/completions", "inception",
     "OpenAI.createChatCompletion"},
    {"https://hyper.charm.land/v1/chat/completions", "charm",
     "OpenAI.createChatCompletion"},
    {"https://chatgpt.com/backend-api/codex/responses", "openai",
     "OpenAI.createResponse"},
    {"https://chatgpt.com/backend-api/conversation", "openai", NULL},
    {"https://api.featherless.ai/v1/chat/completions", "featherless",
     "OpenAI.createChatCompletion"},
    {"https://api.friendli.ai/serverless/v1/chat/completions", "friendli",
     "OpenAI.createChatCompletion"},
    {"https://api.githubcopilot.com/chat/completions", "github",
     "OpenAI.createChatCompletion"},
    {"https://api.hunyuan.cloud.tencent.com/v1/chat/completions", "tencent",
     "OpenAI.createChatCompletion"},
    {"https://api.hyperbolic.xyz/v1/chat/completions", "hyperbolic",
     "OpenAI.createChatCompletion"},
    {"https://api.inference.net/v1/chat/completions", "inference_net",
     "OpenAI.createChatCompletion"},
    {"https://api.inference.wandb.ai/v1/chat/completions", "wandb",
     "OpenAI.createChatCompletion"},
    {"https://api.jina.ai/v1/embeddings", "jina", "OpenAI.createEmbedding"},
    {"https://api.lambda.ai/v1/chat/completions", "lambda",
     "OpenAI.createChatCompletion"},
    {"https://api.lingyiwanwu.com/v1/chat/completions", "lingyiwanwu",
     "OpenAI.createChatCompletion"},
    {"https://api.llama.com/compat/v1/chat/completions", "meta",
     "OpenAI.createChatCompletion"},
    {"https://api.minimax.chat/v1/chat/completions", "minimax",
     "OpenAI.createChatCompletion"},
    {"https://api.minimax.io/v1/chat/completions", "minimax",
     "OpenAI.createChatCompletion"},
    {"https://api.minimaxi.com/v1/chat/completions", "minimax",
     "OpenAI.createChatCompletion"},
    {"https://api.morphllm.com/v1/chat/completions", "morph",
     "OpenAI.createChatCompletion"},
    {"https://api.novita.ai/v3/openai/chat/completions", "novita",
     "OpenAI.createChatCompletion"},
    {"https://api.parasail.io/v1/chat/completions", "parasail",
     "OpenAI.createChatCompletion"},
    {"https://api.poe.com/v1/chat/completions", "poe",
     "OpenAI.createChatCompletion"},
    {"https://api.publicai.co/v1/chat/completions", "publicai",
     "OpenAI.createChatCompletion"},
    {"https://api.reka.ai/v1/chat/completions", "reka",
     "OpenAI.createChatCompletion"},
    {"https://api.scaleway.ai/v1/chat/completions", "scaleway",
     "OpenAI.createChatCompletion"},
    {"https://api.siliconflow.cn/v1/chat/completions", "siliconflow",
     "OpenAI.createChatCompletion"},
    {"https://api.siliconflow.com/v1/chat/completions", "siliconflow",
     "OpenAI.createChatCompletion"},
    {"https://api.stepfun.com/v1/chat/completions", "stepfun",
     "OpenAI.createChatCompletion"},
    {"https://api.studio.nebius.ai/v1/chat/completions", "nebius",
     "OpenAI.createChatCompletion"},
    {"https://api.studio.nebius.com/v1/chat/completions", "nebius",
     "OpenAI.createChatCompletion"},
    {"https://api.tokenfactory.nebius.com/v1/chat/completions", "nebius",
     "OpenAI.createChatCompletion"},
    {"https://api.upstage.ai/v1/chat/completions", "upstage",
     "OpenAI.createChatCompletion"},
    {"https://api.v0.dev/v1/chat/completions", "v0",
     "OpenAI.createChatCompletion"},
    {"https://api.venice.ai/api/v1/chat/completions", "venice",
     "OpenAI.createChatCompletion"},
    {"https://api.voyageai.com/v1/embeddings", "voyage",
     "OpenAI.createEmbedding"},
    {"https://api.writer.com/v1/chat/completions", "writer",
     "OpenAI.createChatCompletion"},
    {"https://api.writer.com/v1/chat", "writer", "OpenAI.createChatCompletion"},
    {"https://api.writer.com/v1/completions", "writer",
     "OpenAI.createCompletion"},
    {"https://llm.wavespeed.ai/v1/chat/completions", "wavespeed",
     "OpenAI.createChatCompletion"},
    {"https://ark.cn-beijing.volces.com/api/v3/chat/completions", "volcengine",
     "OpenAI.createChatCompletion"},
    {"https://oai.endpoints.kepler.ai.cloud.ovh.net/v1/chat/completions",
     "ovhcloud", "OpenAI.createChatCompletion"},
    {"https://fal.run/openrouter/router/openai/v1/chat/completions", "fal",
     "OpenAI.createChatCompletion"},
    {"https://gateway.ai.cloudflare.com/v1/a/g/openai/chat/completions",
     "cloudflare", "OpenAI.createChatCompletion"},
    {"https://inference.api.nscale.com/v1/chat/completions", "nscale",
     "OpenAI.createChatCompletion"},
    {"https://inference.baseten.co/v1/chat/completions", "baseten",
     "OpenAI.createChatCompletion"},
    {"https://inference.do-ai.run/v1/chat/completions", "digitalocean",
     "OpenAI.createChatCompletion"},
    {"https://llm.chutes.ai/v1/chat/completions", "chutes",
     "OpenAI.createChatCompletion"},
    {"https://llm-gateway.assemblyai.com/v1/chat/completions", "assemblyai",
     "OpenAI.createChatCompletion"},
    {"https://qianfan.baidubce.com/v2/chat/completions", "baidu",
     "OpenAI.createChatCompletion"},
    {"https://ollama.com/v1/chat/completions", "ollama",
     "OpenAI.createChatCompletion"},
    {"https://ollama.com/api/chat", "ollama", "ollama.request"},
    {"https://dbc-1.cloud.databricks.com/serving-endpoints/chat/completions",
     "databricks", "OpenAI.createChatCompletion"},
    {"https://adb-1.2.azuredatabricks.net/serving-endpoints/chat/completions",
     "databricks", "AzureOpenAI.createChatCompletion"},
    {"https://a-b.snowflakecomputing.com/api/v2/cortex/v1/chat/completions",
     "snowflake", "OpenAI.createChatCompletion"},
    {"https://bedrock-mantle.us-east-1.api.aws/v1/chat/completions",
     "amazon_bedrock", "OpenAI.createChatCompletion"},
    {"https://bedrock-mantle.us-east-1.api.aws/openai/v1/responses",
     "amazon_bedrock", "OpenAI.createResponse"},

    {"https://bedrock-agent-runtime.us-east-1.amazonaws.com/agents/A/"
     "agentAliases/B/sessions/C/text",
     "amazon_bedrock", "Bedrock Agent A"},
    {"https://bedrock-agent-runtime.cn-north-1.amazonaws.com.cn/knowledgebases/"
     "KB1/retrieve",
     "amazon_bedrock", "amazon_bedrock.retrieve"},
    {"https://vpce-1.bedrock-agent-runtime.us-east-1.vpce.amazonaws.com/"
     "retrieveAndGenerate",
     "amazon_bedrock", "amazon_bedrock.retrieveAndGenerate"},
    {"https://bedrock-agent-runtime.us-east-1.api.aws/flows/F/aliases/A",
     "amazon_bedrock", "Bedrock Flow F"},
    {"https://bedrock-agent-runtime.us-east-1.amazonaws.com/flows/F/aliases/A/"
     "executions",
     NULL, NULL},

    {"https://bedrock-agentcore.us-east-1.amazonaws.com/runtimes/R/invocations",
     "amazon_bedrock", "bedrock_agentcore.invoke_agent_runtime"},
    {"https://bedrock-agentcore-control.us-east-1.amazonaws.com/runtimes/R",
     NULL, NULL},

    /* vLLM, llama.cpp's server, LM Studio, LiteLLM: any host of one's own */
    {"http://localhost:8000/v1/chat/completions", NULL,
     "OpenAI.createChatCompletion"},
    {"http://localhost:8000/v1/completions", NULL, "OpenAI.createCompletion"},
    {"http://10.0.0.7:8080/v1/embeddings", NULL, "OpenAI.createEmbedding"},
    {"http://127.0.0.1:8080/chat/completions", NULL,
     "OpenAI.createChatCompletion"},
    {"http://127.0.0.1:1234/v1/responses", NULL, "OpenAI.createResponse"},
    {"http://127.0.0.1:1234/api/v0/chat/completions", NULL,
     "OpenAI.createChatCompletion"},
    {"http://litellm.corp.test:4000/embeddings", NULL,
     "OpenAI.createEmbedding"},
    {"http://127.0.0.1:1234/v1/agent", NULL, NULL},
    {"http://127.0.0.1:1234/v1/sonar", NULL, NULL},

    {"http://localhost:11434/v1/chat/completions", "ollama",
     "OpenAI.createChatCompletion"},
    {"http://gpu.corp.test:11434/v1/completions", "ollama",
     "OpenAI.createCompletion"},
    {"http://[::1]:11434/v1/embeddings", "ollama", "OpenAI.createEmbedding"},
    {"http://localhost:11434/v1/responses", "ollama", "OpenAI.createResponse"},

    /* what is no call, or not theirs */
    {"https://api.openai.com/v1/responses/input_tokens", NULL, NULL},
    {"https://api.openai.com/v1/responses/resp_1/cancel", "openai",
     "OpenAI.cancelResponse"},
    {"https://api.openai.com/v1/responses/resp_1/input_items", NULL, NULL},
    {"https://api.openai.com/v1/moderations", "openai",
     "OpenAI.createModeration"},
    {"https://api.openai.com/v1/files", NULL, NULL},
    {"https://myapi.x.ai/v1/chat/completions", NULL,
     "OpenAI.createChatCompletion"},
    {"https://api.groq.com.evil.test/v1/chat/completions", NULL,
     "OpenAI.createChatCompletion"},
    {"https://xai-gateway.vercel.sh/v1/chat/completions", NULL,
     "OpenAI.createChatCompletion"},
    {"https://api.deepinfra.com.evil.test/v1/chat/completions", NULL,
     "OpenAI.createChatCompletion"},
    {"https://wavespeed.ai.evil.test/v1/chat/completions", NULL,
     "OpenAI.createChatCompletion"},
    {"https://alephalpha.com/v1/chat/completions", NULL,
     "OpenAI.createChatCompletion"},
    {"https://notfal.run/v1/chat/completions", NULL,
     "OpenAI.createChatCompletion"},
    {"https://inference.do-ai.run.evil.test/v1/chat/completions", NULL,
     "OpenAI.createChatCompletion"},
    {"https://githubcopilot.test/v1/chat/completions", NULL,
     "OpenAI.createChatCompletion"},
    {"https://api.minimax.test/v1/chat/completions", NULL,
     "OpenAI.createChatCompletion"},
    {"https://arks.volces.com/v1/chat/completions", NULL,
     "OpenAI.createChatCompletion"},
    {"https://volces.com/v1/chat/completions", NULL,
     "OpenAI.createChatCompletion"},
    {"https://databricks.com.evil.test/v1/chat/completions", NULL,
     "OpenAI.createChatCompletion"},
    {"https://notollama.com/v1/chat/completions", NULL,
     "OpenAI.createChatCompletion"},
    {"https://evil-api.jina.ai/v1/chat/completions", NULL,
     "OpenAI.createChatCompletion"},
    {"https://endpoints.kepler.ai.cloud.ovh.net/v1/chat/completions", NULL,
     "OpenAI.createChatCompletion"},
    {"https://bedrock-mantle.us-east-1.api.aws.evil.test/v1/chat/completions",
     NULL, "OpenAI.createChatCompletion"},
    {"https://xsnowflakecomputing.com/v1/chat/completions", NULL,
     "OpenAI.createChatCompletion"},
    {"https://notopenrouter.ai/api/v1/chat/completions", NULL,
     "OpenAI.createChatCompletion"},
};

/* The body that the call's path asks for. */
static struct llmobs_text body_of(const char *url)
{
    struct llmobs_text path = llmobs_text_of(url);

    path.len = strcspn(url, "?");
    if (llmobs_text_ends(path, "/embeddings") ||
        llmobs_text_ends(path, "/responses") ||
        llmobs_text_ends(path, "/audio/speech") ||
        llmobs_text_ends(path, "/v1/agent"))
        return llmobs_text_of(INPUT);
    if (llmobs_text_ends(path, "/images/generations"))
        return llmobs_text_of(COMPLETION);
    if (llmobs_text_ends(path, "/completions") &&
        !llmobs_text_ends(path, "/chat/completions"))
        return llmobs_text_of(COMPLETION);
    return llmobs_text_of(CHAT);
}

static bool same(const char *one, const char *two)
{
    return one && two ? strcmp(one, two) == 0 : one == two;
}

static void check_host(const struct llmobs_rules *rules,
                       const struct host *host)
{
    struct llmobs_request request = {
        .method = "POST", .url = host->url, .body = body_of(host->url)};
    struct llmobs_call call = {.method = "POST",
                               .url = host->url,
                               .request = body_of(host->url),
                               .response = llmobs_text_of("{}"),
                               .status = 200,
                               .transport_ok = true};
    struct llmobs_match match;
    UNIT_ENDS(llmobs_span) span;

    if (!llmobs_rules_match(rules, &request, &match)) {
        ck_assert_msg(!host->name, "%s: %s", host->url, match.why);
        return;
    }
    ck_assert_msg(host->name != NULL, "%s: a span", host->url);
    ck_assert_int_eq(llmobs_span_init(&span), 0);
    ck_assert_msg(llmobs_rules_read(&match, &call, &span) == 0, "%s",
                  host->url);
    ck_assert_msg(same(span.name, host->name), "%s: %s", host->url, span.name);
    ck_assert_msg(same(span.model_provider, host->provider), "%s: %s",
                  host->url, span.model_provider);
    ck_assert_str_eq(span.model_name, "m");
}

TEST(hosts_are_known_by_their_own_urls)
{
    struct llmobs_rules_config config = {.proxy_urls = NULL};
    struct llmobs_rules *rules = llmobs_rules_new(&config);

    ck_assert_ptr_nonnull(rules);
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
        check_host(rules, &hosts[i]);
    llmobs_rules_free(rules);
}

/* A row without a test row, or behind a row that covers its host. */
TEST(each_row_is_found_by_a_url)
{
    const struct llmobs_provider *row;

    for (size_t i = 0; (row = llmobs_provider_at(i)); i++) {
        bool found = false;

        for (size_t j = 0; j < sizeof(hosts) / sizeof(hosts[0]); j++) {
            struct llmobs_url url;

            found |=
                llmobs_url_parse(llmobs_text_of(hosts[j].url), &url) == 0 &&
                llmobs_provider_find(&url) == row;
        }
        ck_assert_msg(found, "no URL of hosts[] is the row %s", row->host);
    }
}

static const struct vendor {
    const char *model, *name; /* NULL: that of the host, or unknown */
} vendors[] = {
    {"gemini-2.5-pro", "google"},
    {"imagen-3", "google"},
    {"veo-2", "google"},
    {"text-embedding-005", "google"},
    {"jamba-1.5", "ai21"},
    {"claude-opus", "anthropic"},
    {"Llama-3.1", "meta"},
    {"mistral-large", "mistral"},
    {"codestral-2", "mistral"},
    {"deepseek-r1", "deepseek"},
    {"olmo-2", "ai2"},
    {"tulu-3", "ai2"},
    {"molmo-7b", "ai2"},
    {"specter2", "ai2"},
    {"cosmoo-1", "ai2"},
    {"qodo-embed", "qodo"},
    {"mars-5", "camb.ai"},
    {"gemma-3", NULL},
    {"publishers-gemini", NULL},
};

/* The provider of a model that Google serves, and a gateway. */
static void check_vendor(const struct llmobs_rules *rules, const char *host,
                         const char *model, const char *name)
{
    struct llmobs_text body = llmobs_text_of("{\"contents\": []}");
    struct llmobs_request request = {.method = "POST", .body = body};
    struct llmobs_call call = {.method = "POST",
                               .request = body,
                               .response = llmobs_text_of("{}"),
                               .status = 200,
                               .transport_ok = true};
    struct llmobs_match match;
    UNIT_ENDS(llmobs_span) span;
    char url[256];

    snprintf(url, sizeof(url), "https://%s/v1/models/%s:generateContent", host,
             model);
    request.url = call.url = url;
    ck_assert_msg(llmobs_rules_match(rules, &request, &match), "%s", url);
    ck_assert_int_eq(llmobs_span_init(&span), 0);
    ck_assert_int_eq(llmobs_rules_read(&match, &call, &span), 0);
    ck_assert_str_eq(span.model_name, model);
    ck_assert_msg(same(span.model_provider, name), "%s: %s", url,
                  span.model_provider);
}

TEST(vendors_are_known_by_their_models)
{
    struct llmobs_rules_config config = {.proxy_urls = NULL};
    struct llmobs_rules *rules = llmobs_rules_new(&config);

    ck_assert_ptr_nonnull(rules);
    for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++) {
        const struct vendor *v = &vendors[i];

        check_vendor(rules, "aiplatform.googleapis.com", v->model,
                     v->name ? v->name : "google");
        check_vendor(rules, "gateway.test", v->model, v->name);
    }
    llmobs_rules_free(rules);
}
