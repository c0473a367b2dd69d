/* Servers of models that run at home, by their own APIs: SGLang, Triton with
 * its TensorRT-LLM and vLLM, KoboldCpp, vLLM's pooling models, whisper.cpp.
 *
 * Source: docs.sglang.io, native API and sampling parameters; Triton's
 * docs/protocol/extension_generate.md; LostRuins/koboldcpp, koboldcpp.py
 * (generate_text, handle_sse_stream, do_POST) and kcpp_docs.embd;
 * vllm-project/vllm, vllm/entrypoints/pooling (protocol.py and api_router.py of
 * scoring, pooling and classify) and, of before, openai/protocol.py;
 * whisper.cpp's examples/server/README.md. */
#include <errno.h>

#include "rules/read/facts.h"
#include "rules/read/rerank.h"
#include "rules/read/request.h"
#include "rules/read/text.h"
#include "rules/read/usage.h"
#include "rules/tables/interpreter.h"
#include "rules/tables/speech.h"

/* -- SGLang ---------------------------------------------------------------- */

/* Each event of a stream has the text so far. */
static const struct llmobs_layout sglang_layout = {
    .places = LLMOBS_AT(INPUT, "/text") LLMOBS_AT(SETTINGS, "/sampling_params")
        LLMOBS_AT(PIECES, "/no_pieces") LLMOBS_AT(ID, "/meta_info/id")
            LLMOBS_AT(TEXT, "/text") LLMOBS_AT(REASON,
                                               "/meta_info/finish_reason/type")
                LLMOBS_AT(INPUT_TOKENS, "/meta_info/prompt_tokens")
                    LLMOBS_AT(OUTPUT_TOKENS, "/meta_info/completion_tokens")
                        LLMOBS_AT(CACHED_TOKENS, "/meta_info/cached_tokens"),
    .messages = &llmobs_message_openai,
    .settings =
        "temperature\0top_p\0top_k\0min_p\0max_new_tokens\0min_new_tokens\0n\0"
        "stop\0ignore_eos\0frequency_penalty\0presence_penalty\0"
        "repetition_penalty\0json_schema\0regex\0ebnf\0",
    .asks = "text|input_ids\0{sampling_params\0",
    .sums = true,
    .texts = true,
};

/* A list of prompts has a list of answers, whose counts are added up. */
static int sglang_document(struct llmobs_reading *reading,
                           const struct llmobs_json *body)
{
    struct llmobs_json *list;
    int64_t in = llmobs_json_len(body) > 0 ? 0 : -1, out = in;
    int rc = 0;

    if (!llmobs_json_is_array(body))
        return llmobs_interpreter_document(reading, body);
    list = reading->span->output_messages = llmobs_json_array();
    LLMOBS_JSON_EACH (one, body, list && rc == 0) {
        const struct llmobs_json *meta = llmobs_json_get(one, "meta_info");
        int64_t asked = llmobs_usage_count(meta, "prompt_tokens");
        int64_t said = llmobs_usage_count(meta, "completion_tokens");

        in = in < 0 || asked < 0 ? -1 : llmobs_usage_add(in, asked);
        out = out < 0 || said < 0 ? -1 : llmobs_usage_add(out, said);
        llmobs_fact_finish(
            reading->span,
            llmobs_json_gets(llmobs_json_get(meta, "finish_reason"), "type"));
        rc = llmobs_message_add_text(
            list, NULL, llmobs_text_of(llmobs_json_gets(one, "text")));
    }
    llmobs_span_metric(reading->span, "input_tokens", in);
    llmobs_span_metric(reading->span, "output_tokens", out);
    llmobs_span_metric(reading->span, "total_tokens",
                       in < 0 || out < 0 ? -1 : in + out);
    return list ? rc : -ENOMEM;
}

/* The middle of a list has no answer as a whole, and no reason. */
static int sglang_ends(struct llmobs_reading *reading)
{
    struct llmobs_text head =
        llmobs_text_unblank(reading->classified->call->response);

    return llmobs_text_begins(head, "[") ? llmobs_reading_ends(reading)
                                         : llmobs_interpreter_ends(reading);
}

static const struct llmobs_form sglang_form = {
    .begin = llmobs_interpreter_begin,
    .request = llmobs_interpreter_request,
    .document = sglang_document,
    .event = llmobs_interpreter_event,
    .finish = llmobs_interpreter_finish,
    .ends = sglang_ends,
    LLMOBS_INTERPRETER_STATE,
    LLMOBS_SIGNED,
    .signs = "\"sampling_params\"\0",
    .variant = &sglang_layout,
    .lists = true,
};

static const struct llmobs_shape sglang_shapes[] = {
    LLMOBS_POST(LLM, "/generate", "generate", "sglang.generate",
                .genai = "text_completion", .any_host = true, .whole = true),
};

LLMOBS_DIALECT(sglang, .integration = "sglang", .server = true,
               LLMOBS_SHAPES(sglang_shapes), .form = &sglang_form,
               .sent_media = LLMOBS_MEDIA_TOLD);

/* -- Triton ---------------------------------------------------------------- */

static const char triton_keys[] =
    "stream\0temperature\0top_p\0top_k\0max_tokens\0min_length\0stop_words\0"
    "bad_words\0beam_width\0random_seed\0repetition_penalty\0"
    "presence_penalty\0frequency_penalty\0min_p\0min_tokens\0n\0best_of\0"
    "seed\0stop\0ignore_eos\0logprobs\0";

static const struct llmobs_layout triton_layout = {
    .places = LLMOBS_AT(PROMPT, "/text_input") LLMOBS_AT(MODEL, "/model_name")
        LLMOBS_AT(TEXT, "/text_output"),
    .asks = "text_input\0",
    .keep_space = true,
    .texts = true,
};

/* The settings stand beside the text, or among the parameters of the model's
 * backend, which may be anything. */
static int triton_request(struct llmobs_reading *reading)
{
    int rc =
        llmobs_request_metadata(llmobs_json_get(reading->request, "parameters"),
                                triton_keys, reading->span);

    return rc < 0 ? rc : llmobs_interpreter_request(reading);
}

static const struct llmobs_form triton_form = {
    LLMOBS_INTERPRETER_BY(triton_request, llmobs_interpreter_document,
                          llmobs_interpreter_event),
    LLMOBS_SIGNED,
    .keys = triton_keys,
    .signs = "\"text_input\"\0",
    .variant = &triton_layout,
    .asked = llmobs_interpreter_path_model,
};

#define TRITON(suffix, streamed)                                            \
    LLMOBS_POST(LLM, "/v2/models/*/" suffix, "generate", "triton.generate", \
                .genai = "text_completion", .any_host = true,               \
                .streams = streamed)

static const struct llmobs_shape triton_shapes[] = {
    TRITON("generate", false),
    TRITON("generate_stream", true),
    TRITON("versions/*/generate", false),
    TRITON("versions/*/generate_stream", true),
};

LLMOBS_DIALECT(triton, .integration = "triton", .server = true,
               LLMOBS_SHAPES(triton_shapes), .form = &triton_form);

/* -- KoboldCpp ------------------------------------------------------------- */

/* The memory stands before the prompt. */
static const struct llmobs_layout kobold_layout = {
    .places = LLMOBS_AT(PROMPT, "/prompt") LLMOBS_AT(SYSTEM, "/memory")
        LLMOBS_AT(TEXT, "/results/0/text|/token")
            LLMOBS_AT(REASON, "/results/0/finish_reason|/finish_reason")
                LLMOBS_AT(REASONS, "null=") LLMOBS_AT(
                    INPUT_TOKENS, "/results/0/prompt_tokens")
                    LLMOBS_AT(OUTPUT_TOKENS, "/results/0/completion_tokens"),
    .asks = "'prompt\0max_length|max_context_length|genkey\0",
    .sums = true,
    .keep_space = true,
    .texts = true,
};

static const char kobold_says[] = "\"results\"\0";

/* Other servers also have a prompt and a length at such a path. */
static bool kobold_writes(const struct llmobs_reading *reading)
{
    return llmobs_interpreter_signed(reading) &&
           (reading->classified->shape->streams ||
            llmobs_reading_has(reading, "max_context_length") ||
            llmobs_reading_has(reading, "genkey") ||
            llmobs_text_has_any(reading->classified->call->response,
                                kobold_says));
}

static const struct llmobs_form kobold_form = {
    LLMOBS_INTERPRETER,
    .confirm = kobold_writes,
    .gated = true,
    .keys =
        "max_length\0max_context_length\0temperature\0top_p\0top_k\0min_p\0"
        "typical\0tfs\0rep_pen\0rep_pen_range\0sampler_order\0sampler_seed\0"
        "stop_sequence\0mirostat\0grammar\0quiet\0",
    .variant = &kobold_layout,
};

#define KOBOLD(whole, streamed)                               \
    LLMOBS_POST(LLM, whole, "generate", "koboldcpp.generate", \
                .genai = "text_completion", .any_host = true, \
                .streams = streamed)

static const struct llmobs_shape kobold_shapes[] = {
    KOBOLD("/api/v1/generate", false),
    KOBOLD("/api/latest/generate", false),
    KOBOLD("/api/extra/generate/stream", true),
};

LLMOBS_DIALECT(koboldcpp, .integration = "koboldcpp", .server = true,
               LLMOBS_SHAPES(kobold_shapes), .form = &kobold_form,
               .sent_media = LLMOBS_MEDIA_TOLD);

/* -- vLLM's pooling models ------------------------------------------------- */

static const char vllm_score_says[] = "\"score\"\0";
static const char vllm_asks[] = "'model\0input|messages\0";
static const char vllm_signs[] = "\"model\"\0";
static const char vllm_pool_says[] = "\"pooling\"\0";
static const char vllm_class_says[] = "\"num_classes\"\0";
static const char vllm_keys[] =
    "truncate_prompt_tokens\0priority\0dimensions\0encoding_format\0"
    "activation\0use_activation\0";

/* True for a request to score pairs of texts. Newer clients call the two
 * members "queries" and "documents". */
static bool vllm_ranks(const struct llmobs_reading *reading)
{
    return llmobs_json_gets(reading->request, "model") &&
           ((llmobs_reading_has(reading, "text_1") &&
             llmobs_reading_has(reading, "text_2")) ||
            (llmobs_reading_has(reading, "queries") &&
             llmobs_reading_has(reading, "documents"))) &&
           llmobs_answer_may_have(reading->classified->call, vllm_score_says);
}

static const struct llmobs_rerank vllm_ranking = {.keys = vllm_keys,
                                                  .query = "text_1\0queries\0",
                                                  .documents =
                                                      "text_2\0documents\0"};

static const struct llmobs_form vllm_ranker = {
    .keys = vllm_keys,
    .signs = "\"text_1\"\0\"queries\"\0",
    .confirm = vllm_ranks,
    .gated = true,
    .request = llmobs_rerank_request,
    .document = llmobs_rerank_document,
    .ends = llmobs_rerank_ends,
    .variant = &vllm_ranking,
};

#define VLLM(name, proof)                                                   \
    static const struct llmobs_layout name##_layout = {                     \
        .places =                                                           \
            LLMOBS_AT(INPUT, "/input|/messages") LLMOBS_AT(OUTPUT, "/data") \
                LLMOBS_AT(MODEL, "/model") LLMOBS_AT(USAGE, "/usage"),      \
        .asks = vllm_asks,                                                  \
        .answers = proof,                                                   \
    };                                                                      \
    static const struct llmobs_form name = {                                \
        LLMOBS_INTERPRETER,        LLMOBS_SIGNED,                           \
        .keys = vllm_keys,         .signs = vllm_signs,                     \
        .variant = &name##_layout,                                          \
    }

VLLM(vllm_pooling, vllm_pool_says);
VLLM(vllm_classify, vllm_class_says);

LLMOBS_FORMS(vllm_forms, vllm_ranker, vllm_pooling, vllm_classify);

static const struct llmobs_shape vllm_shapes[] = {
    LLMOBS_POST(RETRIEVAL, "/score", "score", "vllm.score",
                .form = LLMOBS_FORM(vllm_ranker), .any_host = true),
    LLMOBS_POST(EMBEDDING, "/pooling", "pooling", "vllm.pooling",
                .form = LLMOBS_FORM(vllm_pooling), .any_host = true),
    LLMOBS_POST(TASK, "/classify", "classify", "vllm.classify",
                .form = LLMOBS_FORM(vllm_classify), .any_host = true),
};

LLMOBS_DIALECT(vllm, .integration = "vllm", .server = true,
               LLMOBS_SHAPES(vllm_shapes), .forms = vllm_forms);

/* -- whisper.cpp ----------------------------------------------------------- */

static const char whisper_says[] = "{\"text\":\0";

/* Programs name no type of a sound, or that of sounds, films or any bytes. */
static bool whisper_plays(struct llmobs_text type)
{
    return !llmobs_text_begins(type, "image/") &&
           !llmobs_text_begins(type, "text/") &&
           !llmobs_text_is(type, "application/pdf");
}

/* Other servers take pictures and documents at such a path. A field that only
 * whisper.cpp has, or its answer, shows that this is whisper.cpp. */
static bool whisper_hears(const struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    const struct llmobs_json *file = llmobs_json_get(reading->request, "file");
    const char *type = llmobs_json_gets(file, "type");

    return call->multipart && llmobs_json_is_object(file) &&
           whisper_plays(llmobs_text_of(type)) &&
           (llmobs_json_get(reading->request, "response_format") ||
            llmobs_text_has_any(call->response, whisper_says));
}

static const struct llmobs_speech_ear whisper = {
    .read = llmobs_speech_plain,
    .settings = "language\0response_format\0temperature\0translate\0"};

static const struct llmobs_form whisper_form = {
    LLMOBS_SPEECH_EAR, .confirm = whisper_hears, .gated = true,
    .variant = &whisper};

static const struct llmobs_shape whisper_shapes[] = {
    LLMOBS_POST(LLM, "/inference", "transcription", "whisper_cpp.transcription",
                .genai = "transcription", .any_host = true, .form_data = true),
};

LLMOBS_DIALECT(whisper_cpp, .integration = "whisper_cpp", .server = true,
               LLMOBS_SHAPES(whisper_shapes), .form = &whisper_form);
