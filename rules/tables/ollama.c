/* Ollama's own API: chat, generate, embed (WIRE 6.12). A stream, the default,
 * has one JSON object a line, and a whole answer is one such object: so this
 * reads a whole answer as a stream of one line. */
#include "rules/tables/interpreter.h"

/* Keys to look for; all but the first two are metadata. */
static const char keys[] = "stream\0options\0think\0format\0keep_alive\0";

static const struct llmobs_message_form messages = {
    .tool_name = "tool_name",
    .reasoning = "thinking",
    .images = "images",
};

/* The form of a generate request: the request is the only message. */
static const struct llmobs_message_form prompt = {
    .tool_content = true,
    .instead = "prompt",
    .images = "images",
};

#define COUNTS                                    \
    LLMOBS_AT(METADATA, "/options")               \
    LLMOBS_AT(INPUT_TOKENS, "/prompt_eval_count") \
    LLMOBS_AT(OUTPUT_TOKENS, "/eval_count")

#define ANSWER                                          \
    COUNTS                                              \
    LLMOBS_AT(FAULT, "/error")                          \
    LLMOBS_AT(END, "/done")                             \
    LLMOBS_AT(REASON, "/done_reason")                   \
    LLMOBS_AT(ENDED, "stop")                            \
    LLMOBS_AT(PREFILL, "/prompt_eval_duration")         \
    LLMOBS_AT(DECODE, "/eval_duration")                 \
    LLMOBS_AT(UNIT, "ns")                               \
    LLMOBS_AT(ROLE, "/message/role|/role")              \
    LLMOBS_AT(TEXT, "/message/content|/response")       \
    LLMOBS_AT(REASONING, "/message/thinking|/thinking") \
    LLMOBS_AT(CALLS, "/message/tool_calls|/tool_calls")

/* Older servers have "done", but no reason. */
static const struct llmobs_layout chat = {
    .places = LLMOBS_AT(INPUT, "/messages") ANSWER,
    .messages = &messages,
    .plain = 2,
    .sums = true,
    .keep_space = true,
};

static const struct llmobs_layout generate = {
    .places = LLMOBS_AT(PROMPT, "/prompt") LLMOBS_AT(SYSTEM, "/system") ANSWER,
    .alone = &prompt,
    .plain = 2,
    .sums = true,
    .keep_space = true,
};

/* The older path has other names. */
static const struct llmobs_layout embed = {
    .places = LLMOBS_AT(INPUT, "/input|/prompt")
        LLMOBS_AT(OUTPUT, "/embeddings|/embedding") COUNTS,
    .plain = 2,
    .sums = true,
};

static const struct llmobs_form chats = {
    LLMOBS_INTERPRETER, .confirm = llmobs_interpreter_asks, .keys = keys,
    .variant = &chat, .framing = LLMOBS_FRAMING_LINES};
static const struct llmobs_form generates = {
    LLMOBS_INTERPRETER, .confirm = llmobs_interpreter_asks, .keys = keys,
    .variant = &generate, .framing = LLMOBS_FRAMING_LINES};
static const struct llmobs_form embeds = {LLMOBS_INTERPRETER,
                                          .confirm = llmobs_interpreter_asks,
                                          .keys = keys, .variant = &embed};

LLMOBS_FORMS(forms, generates, embeds);

static const struct llmobs_shape shapes[] = {
    LLMOBS_POST(LLM, "/api/chat", "chat", "ollama.request", .any_host = true,
                .streams = true),
    LLMOBS_POST(LLM, "/api/generate", "generate", "ollama.request",
                .genai = "text_completion", .form = LLMOBS_FORM(generates),
                .any_host = true, .streams = true),
    LLMOBS_POST(EMBEDDING, "/api/embed", "embedding", "ollama.request",
                .form = LLMOBS_FORM(embeds), .any_host = true),
    LLMOBS_POST(EMBEDDING, "/api/embeddings", "embedding", "ollama.request",
                .form = LLMOBS_FORM(embeds), .any_host = true),
};

LLMOBS_DIALECT(ollama, .integration = "ollama", LLMOBS_SHAPES(shapes),
               .forms = forms, .form = &chats, LLMOBS_ALL_MEDIA_TOLD);
