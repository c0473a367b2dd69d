/* Cloudflare's Workers AI by its own path; the models' answers are Cloudflare's
 * or OpenAI's. The model's name stands in the path.
 *
 * Source: developers.cloudflare.com/workers-ai, the models' API schemas. */

#include "rules/read/match.h"
#include "rules/tables/interpreter.h"

/* Keys that are metadata. */
static const char keys[] =
    "stream\0temperature\0top_p\0top_k\0seed\0max_tokens\0frequency_penalty\0"
    "presence_penalty\0lora\0repetition_penalty\0response_format\0";

static bool asks(const struct llmobs_reading *reading)
{
    return llmobs_reading_has(reading, "messages") ||
           llmobs_reading_has(reading, "prompt");
}

static bool embeds(const struct llmobs_reading *reading)
{
    return llmobs_reading_has(reading, "text");
}

/* Gives the model of the path, "@cf/meta/llama-3.1-8b-instruct". */
static char *path_model(const struct llmobs_reading *reading)
{
    return llmobs_url_decode(llmobs_match_rest(reading->classified->shape,
                                               reading->classified->url->path));
}

#define REQUEST LLMOBS_AT(INPUT, "/messages") LLMOBS_AT(PROMPT, "/prompt")

#define CHUNKS                                                 \
    LLMOBS_AT(MODEL, "/model")                                 \
    LLMOBS_AT(ROLE, "/choices/0/delta/role")                   \
    LLMOBS_AT(REASONING, "/choices/0/delta/reasoning_content|" \
                         "/choices/0/delta/reasoning")         \
    LLMOBS_AT(REASON,                                          \
              "/result/choices/0/finish_reason|/choices/0/finish_reason")

#define ANSWER                                                             \
    LLMOBS_AT(OUTPUT, "/result/choices/0/message")                         \
    LLMOBS_AT(TEXT, "/result/response|/choices/0/delta/content|/response") \
    LLMOBS_AT(CALLS, "/result/tool_calls|/choices/0/delta/tool_calls")     \
    LLMOBS_AT(IMAGE, "/result/image") LLMOBS_AT(USAGE, "/result/usage|/usage")

static const struct llmobs_layout chat = {
    .places = REQUEST CHUNKS ANSWER,
    .messages = &llmobs_message_openai,
    .mute = true,
    .role = "assistant",
    .keep_space = true,
};

static const struct llmobs_layout embed = {
    .places = LLMOBS_AT(INPUT, "/text") LLMOBS_AT(OUTPUT, "/result/data"),
};

static const struct llmobs_form form = {LLMOBS_INTERPRETER, .keys = keys,
                                        .confirm = asks, .asked = path_model,
                                        .variant = &chat};

static const struct llmobs_form embeddings = {
    LLMOBS_INTERPRETER, .keys = "", .confirm = embeds, .asked = path_model,
    .variant = &embed};

LLMOBS_FORMS(forms, embeddings);

static const struct llmobs_shape shapes[] = {
    LLMOBS_POST(LLM, "/ai/run/**", "run", "cloudflare.run", .by_body = true),
    LLMOBS_POST(EMBEDDING, "/run/**", "embedding", "cloudflare.run",
                .form = LLMOBS_FORM(embeddings), .by_body = true),
    /* Its gateway. */
    LLMOBS_POST(LLM, "/workers-ai/**", "run", "cloudflare.run",
                .by_body = true),
};

LLMOBS_DIALECT(cloudflare, .integration = "cloudflare", LLMOBS_SHAPES(shapes),
               .forms = forms, .form = &form, .sent_media = LLMOBS_MEDIA_KEPT,
               .answered_media = LLMOBS_MEDIA_TOLD | LLMOBS_MEDIA_DATA);
