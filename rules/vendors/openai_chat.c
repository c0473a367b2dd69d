/* The OpenAI chat completions dialect (WIRE 6.3, 6.6, 6.7), which most
 * other providers speak too. */
#include "rules/vendors/chat.h"

const char llmobs_chat_openai_keys[] =
    "stream\0temperature\0top_p\0user\0audio\0frequency_penalty\0"
    "function_call\0logit_bias\0logprobs\0max_completion_tokens\0max_tokens\0"
    "modalities\0n\0parallel_tool_calls\0prediction\0presence_penalty\0"
    "reasoning_effort\0response_format\0seed\0service_tier\0stop\0store\0"
    "stream_options\0tool_choice\0top_logprobs\0web_search_options\0";

const struct llmobs_chat_variant llmobs_chat_openai = {
    .metadata = llmobs_chat_openai_keys,
    .messages = &llmobs_message_openai,
};
